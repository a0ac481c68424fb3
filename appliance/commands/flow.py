"""`hotline flow`: check a flow file, or draw it."""

import argparse
import sys

from appliance.publish import SHIPPED_FLOW, flow_path
from ivr.diagram import diagram
from ivr.faults import faults
from ivr.flow import FlowError, load


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("action", choices=("check", "diagram"), help="find faults, or print Graphviz dot")
    parser.add_argument(
        "file", nargs="?", default=str(SHIPPED_FLOW), help="a flow file, or a shipped flow (else default)"
    )


def run(options: argparse.Namespace) -> int:
    """Check or draw."""
    try:
        flow = load(flow_path(options.file))
    except (FlowError, OSError) as error:
        print(f"hotline: {error}", file=sys.stderr)
        return 1
    if options.action == "diagram":
        print(diagram(flow))
        return 0
    found = faults(flow)
    for fault in found:
        print(fault)
    print(f"{options.file}: {len(found)} faults" if found else f"{options.file}: no faults")
    return 1 if found else 0
