"""`hotline bench`: every figure the box is judged by, one JSON line each."""

import argparse
import importlib
import json
import sys
from collections.abc import Mapping

BENCHES: Mapping[str, str] = {
    "call": "tests.bench.call",
    "dtmf": "hardware.media.dtmf_bench",
    "sync": "sync.bench",
}
"""Bench to the module whose ``figures()`` yields its figures."""


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("only", nargs="?", choices=sorted(BENCHES), help="one bench; all when left out")


def run(options: argparse.Namespace) -> int:
    """Measure; 1 when a goal was missed."""
    missed = 0
    for name in [options.only] if options.only else BENCHES:
        sys.path.insert(0, "")
        for figure in importlib.import_module(BENCHES[name]).figures():
            print(json.dumps(figure, ensure_ascii=False), flush=True)
            missed += figure.get("met") is False
    return 1 if missed else 0
