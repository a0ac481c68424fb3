"""`hotline route`: what a number dialled at a phone would do, and by which trunks it would go."""

import argparse
import sys

import msgspec

from appliance import published as handover
from appliance.calls.route_table import told
from appliance.places import places


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("number", help="the number as it is dialled at the phone")
    parser.add_argument("--from", dest="extension", default="", help="the extension that dials it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> int:
    """Read the number and say what it means."""
    try:
        published = handover.read(places(options.data).published)
    except handover.Unreadable as error:
        print(f"hotline: {error}", file=sys.stderr)
        return 1
    facts = told(published, options.number, options.extension)
    if options.json:
        print(msgspec.json.encode(facts).decode())
        return 0
    print(f"{options.number}: {facts['means']} {facts.get('to', '')}".rstrip())
    for key in ("kind", "service", "allowed", "pin", "account", "why"):
        if key in facts:
            print(f"  {key}: {facts[key]}")
    for nth, path in enumerate(facts.get("path", []), 1):
        print(f"  {nth}. trunk {path['trunk']} sends {path['number']}, cost {path['cost'] or 'not said'}")
    if facts.get("path") == []:
        print("  no trunk carries it")
    return 0
