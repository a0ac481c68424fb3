"""`hotline bench`: every figure the box is judged by, one JSON line each, and what missed its goal."""

import argparse
import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

BENCHES: Mapping[str, str] = {
    "call": "tests.bench.call:figures",
    "queue": "tests.bench.queued:figures",
    "setup": "tests.bench.setups:figures",
    "full": "tests.bench.full:figures",
    "long": "tests.bench.full:long",
    "delay": "tests.bench.delay:figures",
    "headset": "tests.bench.headset:figures",
    "attack": "tests.bench.attack:figures",
    "dtmf": "hardware.media.dtmf_bench:figures",
    "sync": "sync.bench:figures",
    "crowd": "tests.bench.crowd:figures",
    "blobs": "sync.blob_bench:figures",
    "tickets": "tests.bench.tickets:figures",
    "plot": "tests.bench.plot:figures",
}
"""Bench to the function that yields its figures."""
USUAL = ("call", "queue", "setup", "full", "delay", "headset", "dtmf", "sync")
EVERYTHING = "all"
WHOLE = (
    "call",
    "queue",
    "setup",
    "long",
    "delay",
    "headset",
    "attack",
    "dtmf",
    "sync",
    "blobs",
    "crowd",
    "tickets",
    "plot",
)
"""What `all` runs: the full load at full length, and the plot drawn anew."""


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument(
        "only",
        nargs="?",
        choices=[*BENCHES, EVERYTHING],
        help="one bench, or all with the long ones; the short ones when left out",
    )


def run(options: argparse.Namespace) -> int:
    """Measure; 1 when a goal was missed."""
    sys.path.insert(0, "")
    names = {None: USUAL, EVERYTHING: WHOLE}.get(options.only, (options.only,))
    missed = []
    for figure in (figure for name in names for figure in _figures(BENCHES[name])):
        print(json.dumps(figure, ensure_ascii=False), flush=True)
        if figure.get("met") is False:
            missed.append(figure)
    for figure in missed:
        print(f"hotline: missed: {json.dumps(figure, ensure_ascii=False)}", file=sys.stderr)
    return 1 if missed else 0


def _figures(where: str) -> Iterator[dict[str, Any]]:
    module, _, function = where.partition(":")
    yield from getattr(importlib.import_module(module), function)()
