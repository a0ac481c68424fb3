"""`hotline recording`: verify all; hold, release or keep one; export a day."""

import argparse
import collections
import getpass
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from appliance.blobs.sounds import Sounds
from appliance.blobs.storage import opened
from appliance.configuration import load
from appliance.places import places
from appliance.recordings import by_hand, holds, package, selection
from appliance.recordings.verification import OK, STATES, WRONG, verify
from appliance.refused import Refused
from appliance.store.opening import open_if_any
from appliance.store.store import Store


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("action", choices=tuple(ACTIONS), help="what to do")
    parser.add_argument("rid", nargs="?", default="", help="hold, release, keep: the recording's id")
    parser.add_argument("--reason", default="", help="hold, release: why; it is kept")
    parser.add_argument("--by", default="", help="hold, release, keep, export: who asks (else who runs this)")
    parser.add_argument("--day", default="", help="export: the day, like 2026-11-22")
    parser.add_argument("--to", default="", help="export: the ZIP file to write, or the new folder")
    parser.add_argument("--part", type=int, default=0, metavar="MB", help="export: no part larger than this")
    parser.add_argument("--disc", action="store_true", help="export: folders of plain files, to be burnt")
    parser.add_argument("--json", action="store_true", help="verify: print JSON")


def run(options: argparse.Namespace) -> int:
    """Do it; 1 when something is wrong or refused."""
    where = places(options.data)
    configuration = load(where)
    store = open_if_any(where, configuration)
    if store is None:
        print(f"hotline: there is no box in {where.data}. Start one with: hotline run", file=sys.stderr)
        return 2
    try:
        sounds = Sounds(store.site, where.recordings, opened(configuration.storage, where))
        return ACTIONS[options.action](store, sounds, options)
    except Refused as refused:
        print(f"hotline: {refused}", file=sys.stderr)
    except OSError as error:
        print(f"hotline: {error.filename or options.to}: {error.strerror or error}", file=sys.stderr)
    return 1


def _verify(store: Store, sounds: Sounds, options: argparse.Namespace) -> int:
    counts: collections.Counter[str] = collections.Counter()
    found = []
    for checked in verify(store, sounds.folder):
        counts[checked.state] += 1
        if checked.state == OK:
            continue
        found.append({"rid": checked.rid, "path": checked.path, "state": checked.state, "why": checked.why})
        if not options.json:
            print(f"{checked.state:8} {checked.rid} {checked.path} {checked.why}".rstrip())
    if options.json:
        print(json.dumps({"counts": {state: counts[state] for state in STATES}, "found": found}))
    else:
        print(", ".join(f"{counts[state]} {state}" for state in STATES))
    return 1 if any(counts[state] for state in WRONG) else 0


def _hold(store: Store, _: Sounds, options: argparse.Namespace) -> int:
    holds.hold(store, options.rid, _by(options), options.reason)
    return 0


def _release(store: Store, _: Sounds, options: argparse.Namespace) -> int:
    holds.release(store, options.rid, _by(options), options.reason)
    return 0


def _keep(store: Store, _: Sounds, options: argparse.Namespace) -> int:
    by_hand.keep(store, options.rid, _by(options))
    return 0


def _export(store: Store, sounds: Sounds, options: argparse.Namespace) -> int:
    if not options.to:
        raise Refused("no_file", "Say where to write it: --to FILE.zip")
    title, rids = selection.of_day(store, options.day)
    parts = package.plan(store, sounds, title, rids, max(0, options.part) * 1_000_000)
    to = Path(options.to)
    for order, name in zip(parts, selection.numbered(to.stem, len(parts)), strict=True):
        target = to.with_name(name + to.suffix)
        package.begun(store, order, _by(options))
        if options.disc:
            order.write(target)
        else:
            _write_whole(order, target)
        print(f"{order.count} recordings of {title} are in {target}.")
    return 0


def _write_whole(order: package.Order, target: Path) -> None:
    """Write a ZIP that appears under its name only when it is whole."""
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as file:
            for piece in order.pieces():
                file.write(piece)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _by(options: argparse.Namespace) -> str:
    return str(options.by)[:32] or getpass.getuser()


ACTIONS: Mapping[str, Callable[[Store, Sounds, argparse.Namespace], int]] = {
    "verify": _verify,
    "hold": _hold,
    "release": _release,
    "keep": _keep,
    "export": _export,
}
