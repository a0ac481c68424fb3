"""`hotline workflow`: check the ticket workflow, or draw it."""

import argparse

from appliance.tickets.workflow import diagram, faults


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("action", choices=("check", "diagram"), help="find faults, or print Graphviz dot")


def run(options: argparse.Namespace) -> int:
    """Check or draw."""
    if options.action == "diagram":
        print(diagram())
        return 0
    found = faults()
    print("\n".join(found) if found else "The workflow has no faults.")
    return 1 if found else 0
