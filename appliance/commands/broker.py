"""`hotline broker files`: write all a Mosquitto needs to be the broker of this hub's sites."""

import argparse
import os
import sys
import time
from pathlib import Path

from appliance.configuration import load
from appliance.network import broker_files, renewal
from appliance.network.authority import Authority
from appliance.network.enrolment import Enrolment
from appliance.network.papers import Papers
from appliance.places import places
from appliance.refused import Refused
from appliance.store.opening import open_store


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("what", choices=("files",), help="write configuration, ACL, certificate and key")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument(
        "--name", action="append", required=True, help="name or IP address sites reach the broker by; repeat"
    )
    parser.add_argument("--port", type=int, default=broker_files.PORT, help="TLS port (8883)")
    parser.add_argument("--listen", default="", help="address to listen on; empty: all")
    parser.add_argument("--folder", default=broker_files.FOLDER, help="where the files will stand there")
    parser.add_argument("--hub", default="", help="web address of the hub as the broker's machine reaches it")


def run(options: argparse.Namespace) -> int:
    """Make the authority on first use, then the files; print what to do with them."""
    where = places(options.data).make()
    configuration = load(where)
    if configuration.site.role != "hub":
        print('hotline: a broker\'s files are made at the hub (site.role = "hub").', file=sys.stderr)
        return 2
    authority, store, now_s = Authority(where.authority), open_store(where, configuration), time.time()
    enrolment = Enrolment(store, authority)
    names = list(dict.fromkeys([*options.name, "localhost", "127.0.0.1"]))
    hub = options.hub or f"http://{configuration.web.ip}:{configuration.web.port}"
    places_there = (options.port, options.listen, options.folder)
    try:
        authority.make(now_s)
        issued = broker_files.write_all(options.out, authority, names, hub, now_s, *places_there)
        enrolment.note(issued, 0, "broker", options.name[0], "command")
        if not Papers(where.network).complete:
            renewal.renew_hub(Papers(where.network), authority, enrolment, now_s)
    except (Refused, OSError) as error:
        print(f"hotline: {error}", file=sys.stderr)
        return 1
    out = os.path.abspath(options.out)
    told = {"out": out, "folder": options.folder, "name": options.name[0], "port": options.port}
    print(broker_files.STEPS.format(**told))
    return 0
