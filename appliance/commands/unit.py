"""`hotline unit`: become one of the box's processes; this is how systemd starts them."""

import argparse
import os
import sys

from appliance.configuration import load
from appliance.places import places
from appliance.supervisor import units


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("name", help="media, calls, store, web, sync; sync-2 … at a hub with workers")


def run(options: argparse.Namespace) -> int:
    """Replace this process by the unit's, started as the supervisor would."""
    where = places(options.data).make()
    warnings: list[str] = []
    commands = {unit.name: unit.command for unit in units(where, load(where, warnings))}
    for warning in warnings:
        print(f"hotline: {warning}", file=sys.stderr)
    if options.name not in commands:
        print(f"hotline: this box has no unit {options.name}, only {', '.join(commands)}.", file=sys.stderr)
        return 2
    sys.stderr.flush()
    os.execv(sys.executable, commands[options.name])
