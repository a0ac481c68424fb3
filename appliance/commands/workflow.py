"""`hotline workflow`: check the ticket workflow, or draw it."""

import argparse

from appliance.tickets.process import diagram, faults
from appliance.tickets.workflow import SHIPPED


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("action", choices=("check", "diagram"), help="find faults, or print Graphviz dot")


def run(options: argparse.Namespace) -> int:
    """Check or draw."""
    if options.action == "diagram":
        print(diagram(SHIPPED))
        return 0
    found = faults(SHIPPED)
    print("\n".join(found) if found else "The workflow has no faults.")
    return 1 if found else 0
