"""`hotline digest`: one hash over the events and one over each projection, so that boxes can be compared."""

import argparse
import json
import sys

from appliance.configuration import load
from appliance.places import places
from appliance.store.digest import digest
from appliance.store.opening import open_store


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--with",
        dest="peer",
        default="",
        metavar="PEER",
        help="only what this box and a peer both hold: hub, or at the hub site-007",
    )


def run(options: argparse.Namespace) -> int:
    """Reckon, and print a line a hash."""
    where = places(options.data)
    store = open_store(where, load(where))
    if options.peer and not store.rows("SELECT 1 FROM peer WHERE name = ?", options.peer):
        print(f"hotline: there is no peer {options.peer}. See: hotline peers", file=sys.stderr)
        return 2
    found = digest(store, options.peer)
    sums = {"event": found.events, **found.projections}
    if options.json:
        print(
            json.dumps({"whole": found.whole, **{name: [one.rows, one.hash] for name, one in sums.items()}})
        )
        return 0
    for name, one in sums.items():
        print(f"{one.hash}  {name} ({one.rows})")
    print(f"{found.whole}  all")
    return 0
