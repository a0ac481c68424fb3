"""`hotline quarantine`: what is kept but could not be understood, and trying it again."""

import argparse
import json
import time

from appliance.configuration import load
from appliance.places import places
from appliance.store.quarantine import LISTED, listed, retry
from appliance.store.store import Store


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("does", nargs="?", default="list", choices=("list", "retry"))
    parser.add_argument("--limit", type=int, default=LISTED, help="how many are listed")
    parser.add_argument("--json", action="store_true", help="one JSON line an entry")


def run(options: argparse.Namespace) -> int:
    """List what is set aside, or fold it again; 1 when something is still set aside after that."""
    where = places(options.data)
    store = Store(where.database, load(where).site.number)
    if options.does == "retry":
        done, left = retry(store)
        print(f"{done} understood now, {left} still set aside")
        return 1 if left else 0
    for one in listed(store, options.limit):
        if options.json:
            told = {"eid": one.name, "kind": one.kind, "via": one.via, "at_s": one.at_s, "reason": one.reason}
            print(json.dumps(told, ensure_ascii=False))
        else:
            at = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.at_s))
            print(f"{at}  {one.name}  {one.kind or '-'}  {one.via or '-'}  {one.reason}")
    return 0
