"""`hotline route`: what a number dialled at a phone would do, and by which trunks it would go."""

import argparse
import sys
from dataclasses import asdict
from typing import Any

import msgspec

from appliance import published as handover
from appliance.calls.dialplan import Outside
from appliance.calls.directory import Directory
from appliance.calls.lines import sip_settings
from appliance.calls.switchboard import numbers_of, plan_of
from appliance.places import places
from appliance.published import Published
from hardware.sip.trunks import dialled, routes


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
    for key in ("kind", "allowed", "pin", "account"):
        if key in facts:
            print(f"  {key}: {facts[key]}")
    for nth, path in enumerate(facts.get("path", []), 1):
        print(f"  {nth}. trunk {path['trunk']} sends {path['number']}, cost {path['cost'] or 'not said'}")
    if facts.get("path") == []:
        print("  no trunk carries it")
    return 0


def told(published: Published, number: str, extension: str) -> dict[str, Any]:
    """What a number means, as facts: means, to, and for outside numbers kind, allowed, pin, account, path."""
    directory = Directory(published.extensions, published.groups, published.forwards)
    meaning = plan_of(published, directory, numbers_of(published)).read(number, extension)
    facts: dict[str, Any] = {"means": type(meaning).__name__.lower()}
    if isinstance(meaning, Outside):
        cost = {trunk.name: trunk.cost for trunk in published.trunks}
        facts |= {"to": f"tel:{meaning.number}", "kind": meaning.kind, **asdict(meaning.permit)}
        facts["path"] = [
            {"trunk": t.name, "number": dialled(t, meaning.number), "cost": cost[t.name]}
            for t in routes(sip_settings(published).trunks, meaning.number)
        ]
    elif (to := getattr(meaning, "to", None)) is not None:
        facts["to"] = str(to)
    return facts
