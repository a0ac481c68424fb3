"""`hotline run`: one box, all its units, until Ctrl-C."""

import argparse
import json
import os
import signal
import socket
import sys
import time
import urllib.request
from pathlib import Path

from appliance.configuration import BadConfiguration, Configuration, load
from appliance.demo_data import DEMO_PASSWORD, fill
from appliance.people import People
from appliance.places import Places, places
from appliance.publish import publish
from appliance.store.opening import open_store
from appliance.supervisor import Busy, Supervisor, units

READY_S = 30.0
DEMO_SETTINGS = Path(__file__).parent.parent / "data" / "demo.toml"


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("--demo", action="store_true", help="an invented city with people, units and phones")


def run(options: argparse.Namespace) -> int:
    """Start everything, say where it is, keep it alive, end it."""
    if options.demo and not options.data:
        options.data = os.environ.get("HOTLINE_DATA", "var/box")
    where = places(options.data).make()
    if options.demo and not where.settings.exists():
        where.settings.write_bytes(DEMO_SETTINGS.read_bytes())
    warnings: list[str] = []
    configuration = load(where, warnings)
    if options.demo and not configuration.demo:
        print(f"hotline: {where.settings} is of a box in service; the demo wants a folder of its own.")
        return 2
    supervisor = Supervisor(where, units(where, configuration), say)
    try:
        supervisor.claim()
        check_ports(configuration)
        code = prepare(where, configuration)
    except (Busy, BadConfiguration) as error:
        print(f"hotline: {error}", file=sys.stderr)
        return 2
    for warning in warnings:
        say(warning)
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: stopping.append(number))
    supervisor.start()
    until = time.monotonic() + READY_S
    supervisor.watch(lambda: bool(stopping) or answers(configuration) or time.monotonic() > until)
    if not stopping:
        print(banner(where, configuration, code) if answers(configuration) else not_ready(where), flush=True)
    supervisor.watch(lambda: bool(stopping))
    supervisor.stop()
    return 0


def prepare(where: Places, configuration: Configuration) -> tuple[str, str] | None:
    """Bring data and hand-over file up to date; return the first administrator's number and code."""
    store = open_store(where, configuration)
    if configuration.demo:
        fill(store, configuration.site.number)
    publish(where, configuration, store)
    return None if configuration.demo else People(store).first_administrator()


def check_ports(configuration: Configuration) -> None:
    """Say at once which port is taken; raises BadConfiguration."""
    wanted = [("web", socket.SOCK_STREAM, configuration.web.ip, configuration.web.port)]
    if configuration.site.role != "hub":
        wanted += [
            ("sip", socket.SOCK_DGRAM, configuration.sip.ip, configuration.sip.port),
            ("browser", socket.SOCK_STREAM, configuration.browser.ip, configuration.browser.port),
        ]
    for name, kind, ip, port in wanted:
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ip, port))
            except OSError as error:
                raise BadConfiguration(
                    f"{ip}:{port} cannot be used ({error.strerror}). End what uses it,"
                    f" or choose another port in hotline.toml, key {name}.port."
                ) from error


def answers(configuration: Configuration) -> bool:
    """Whether the pages are there."""
    url = f"http://{configuration.web.ip}:{configuration.web.port}/api/health"
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(json.load(answer))
    except (OSError, ValueError):
        return False


def banner(where: Places, configuration: Configuration, code: tuple[str, str] | None) -> str:
    """What a newcomer needs to know."""
    web = f"http://{configuration.web.ip}:{configuration.web.port}"
    number = configuration.site.numbers[0] if configuration.site.numbers else ""
    lines = ["", f"  {configuration.site.name}", "", f"  Pages            {web}"]
    if configuration.demo:
        lines += [
            f"  Citizen's phone  {web}/phone   (call {number} from the browser)",
            "  Sign in as       1001 agent · 1100 shift leader · 1200 dispatcher · 2001 unit · 9000 admin",
            f"  Password         {DEMO_PASSWORD}   (demo only)",
        ]
    if code is not None:
        lines += [f"  First sign-in    {code[0]} with the one-time code {code[1]}"]
    if configuration.site.role != "hub":
        sip = configuration.sip
        lines += [f"  SIP              sip:{number}@{sip.ip}:{sip.port}"]
        phones = [e for e in configuration.extension if e.kind == "sip"]
        if configuration.demo and phones:
            registering = " · ".join(f"{e.number} / {e.password}" for e in phones)
            lines += [f"  Desk phones      register as {registering}"]
    lines += [f"  Data, logs       {where.data}", "", "  Stop with Ctrl-C.", ""]
    return "\n".join(lines)


def not_ready(where: Places) -> str:
    """What to do when the pages do not come up."""
    return f"hotline: the pages did not come up in {READY_S:.0f} s. See {where.logs}/web.log. Still trying."


def say(text: str) -> None:
    """Print a line for whoever watches."""
    print(f"hotline: {text}", flush=True)
