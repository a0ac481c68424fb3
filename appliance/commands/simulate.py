"""`hotline simulate`: a GSM modem at the wire, or a network of sites in virtual time."""

import argparse
import os
import sys

SIMULATORS = {"gsm": "hardware.gsm.simulator", "sync": "sync.simulator"}


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("what", choices=sorted(SIMULATORS), help="which simulator")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its own arguments; --help lists them")


def run(options: argparse.Namespace) -> int:
    """Become the simulator."""
    command = [sys.executable, "-m", SIMULATORS[options.what], *options.arguments]
    os.execv(sys.executable, command)
