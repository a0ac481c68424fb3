"""`hotline carry`: the streams to and from another box in a file on a stick."""

import argparse
import os
import sys

from appliance.places import places

MODULE = "sync.carry"


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, help="export, import, key, trust; --help lists them"
    )


def run(options: argparse.Namespace) -> int:
    """Become the command that does it: it belongs to sync, which nobody imports."""
    data = ["--data", str(places(options.data).data)]
    os.execv(sys.executable, [sys.executable, "-m", MODULE, *data, *options.arguments])
