"""`hotline blobs`: files on their way from other boxes, and having those set aside fetched again."""

import argparse
import sys

from appliance.blobs import wants
from appliance.blobs.keeping import BlobStore
from appliance.blobs.storage import opened
from appliance.commands.show import LIMIT, list_rows
from appliance.configuration import load
from appliance.places import places
from appliance.recordings.archive import fingerprint
from appliance.store.opening import open_if_any

SQL = (
    "SELECT sha256, state, site, rank, size, have, failures, tries, since_s FROM blob"
    " WHERE state <> 'here' ORDER BY CASE state WHEN 'wrong' THEN 0 ELSE 1 END, rank, since_s LIMIT ?"
)
COLUMNS = ("state", "site", "rank", "size", "have", "tries", "sha256")


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--limit", type=int, default=LIMIT, help=f"how many, those set aside first ({LIMIT})")
    parser.add_argument("--again", action="store_true", help="fetch those set aside again")
    parser.add_argument("--verify", action="store_true", help="hash every file kept; 1 when one is damaged")


def run(options: argparse.Namespace) -> int:
    """Show them."""
    where = places(options.data)
    if options.verify:
        return _verify(opened(load(where).storage, where))
    if options.again and (store := open_if_any(where, load(where))) is not None:
        count = wants.again(store)
        print(f"{count} files are fetched again.", file=sys.stderr)
    return list_rows(where, SQL, COLUMNS, options)


def _verify(blobs: BlobStore) -> int:
    """Say how many files are what their hash says, and name those that are not."""
    count, damaged = 0, []
    for sha256 in blobs.hashes():
        file = blobs.local(sha256)
        count += 1
        if file is None or fingerprint(file).sha256 != sha256:
            damaged.append(sha256)
    print(*(f"damaged: {sha256}" for sha256 in damaged), f"{count} files, {len(damaged)} damaged", sep="\n")
    return 1 if damaged else 0
