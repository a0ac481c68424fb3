"""`hotline config` and `hotline publish`."""

import argparse

import msgspec

from appliance.configuration import Configuration, load, parse
from appliance.places import places
from appliance.publish import publish
from appliance.store.opening import open_store


def add(name: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    if name == "config":
        parser.add_argument(
            "--json", action="store_true", help="print every value in force, passwords hidden"
        )


def run(options: argparse.Namespace) -> int:
    """Check, show, or hand over."""
    where = places(options.data)
    if options.command == "publish":
        configuration = load(where)
        publish(where, configuration, open_store(where, configuration))
        print(f"{where.published} is up to date; it is in force when the call process starts again.")
        return 0
    if where.settings.exists():
        configuration = parse(where.settings.read_text("utf-8"), where.settings.name)
    else:
        configuration = Configuration()
    if options.json:
        print(msgspec.json.encode(hidden(configuration)).decode())
    else:
        print(f"{where.settings} can be used.")
    return 0


def hidden(configuration: Configuration) -> Configuration:
    """The configuration without its passwords."""
    phones = tuple(msgspec.structs.replace(e, password="***", pin="***") for e in configuration.extension)
    modems = tuple(msgspec.structs.replace(g, pin="***") for g in configuration.gsm)
    trunks = tuple(msgspec.structs.replace(t, password="***") for t in configuration.trunk)
    return msgspec.structs.replace(configuration, extension=phones, gsm=modems, trunk=trunks)
