"""`hotline enrol HUB CODE`: connect this box to a hub, as the page *Connect to a hub* does."""

import argparse
import sys

from appliance.actor import Actor
from appliance.configuration import load
from appliance.network.joining import begin_anew, join
from appliance.places import places
from appliance.processes import SUPERVISOR, Processes
from appliance.refused import Refused
from appliance.store.opening import open_store
from appliance.supervisor import units

AT_THE_BOX = Actor("command", "hotline enrol", frozenset({"TE"}))


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("hub", help="the hub's web address, like 10.0.0.1:8010 or https://hub.example")
    parser.add_argument("code", help="the code its page Enrol a site shows")


def run(options: argparse.Namespace) -> int:
    """Join; say what this box is now."""
    where = places(options.data).make()
    configuration = load(where)
    store = open_store(where, configuration)
    try:
        joined = join(where, configuration, store, AT_THE_BOX, options.hub, options.code)
    except (Refused, OSError) as error:
        print(f"hotline: {error}", file=sys.stderr)
        return 1
    print(f"This box is site {joined.site} ({joined.name}) of {joined.hub}.")
    names = [unit.name for unit in units(where, configuration)]
    if not begin_anew(Processes(where.socket(SUPERVISOR), names), joined):
        print("Its processes do not run, or must be restarted: systemctl restart hotline.target")
    return 0
