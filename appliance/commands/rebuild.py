"""`hotline rebuild`: everything shown, folded anew from the event log."""

import argparse
import time

from appliance.configuration import load
from appliance.places import places
from appliance.store.opening import open_store


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""


def run(options: argparse.Namespace) -> int:
    """Fold, and say how fast."""
    where = places(options.data)
    store = open_store(where, load(where))
    began = time.monotonic()
    count = store.rebuild()
    print(f"{count} events folded in {time.monotonic() - began:.1f} s.")
    return 0
