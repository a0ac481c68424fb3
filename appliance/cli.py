"""The one command: `hotline`. Every command says what it does with --help; every reading one has --json."""

import argparse
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence

from appliance.configuration import BadConfiguration
from appliance.published import Unreadable

Command = Callable[[argparse.Namespace], int]

COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("appliance.commands.run", "Start the box and keep it running until Ctrl-C"),
    "status": ("appliance.commands.show", "How the box is: units, lines, queues, media clock, sync"),
    "calls": ("appliance.commands.show", "The newest calls"),
    "recordings": ("appliance.commands.show", "The newest recordings"),
    "recording": ("appliance.commands.recording", "Verify recordings, hold one, or export a day"),
    "tickets": ("appliance.commands.show", "The newest tickets"),
    "ticket": ("appliance.commands.show", "One ticket with its whole history"),
    "messages": ("appliance.commands.show", "The newest short messages"),
    "agents": ("appliance.commands.show", "Agents and their seats now"),
    "events": ("appliance.commands.show", "The event log"),
    "peers": ("appliance.commands.show", "The streams to and from other sites"),
    "blobs": ("appliance.commands.blobs", "Files on their way from other boxes, and those set aside"),
    "config": ("appliance.commands.settings", "Check the configuration, or show it with all defaults"),
    "settings": ("appliance.commands.dictionary", "Export all settings as files people read, or import them"),
    "publish": ("appliance.commands.settings", "Hand configuration and people over to the call process"),
    "flow": ("appliance.commands.flow", "Check a flow, or draw it"),
    "admission": ("appliance.commands.admission", "What would happen to a call: blacklist, bands, flow"),
    "route": ("appliance.commands.route", "What a number dialled at a phone would do, and by which trunk"),
    "blacklist": ("appliance.commands.show", "The blacklist: what is in force, and how often it was hit"),
    "workflow": (
        "appliance.commands.workflow",
        "Check and draw workflows, edit one as a file, publish it, migrate tickets",
    ),
    "calendar": (
        "appliance.commands.calendar",
        "Working days: show a year, check, import a notice, or a due date",
    ),
    "rebuild": ("appliance.commands.rebuild", "Fold everything that is shown anew from the event log"),
    "digest": (
        "appliance.commands.digest",
        "One hash over the events and one over each projection, to compare boxes",
    ),
    "quarantine": ("appliance.commands.quarantine", "What could not be understood: list it, or try it again"),
    "carry": ("appliance.commands.carry", "Exchange events with the hub by a stick: export, import, keys"),
    "person": ("appliance.commands.person", "Add a person, or set a new one-time password"),
    "broker": (
        "appliance.commands.broker",
        "At the hub: write all a Mosquitto needs to be its sites' broker",
    ),
    "enrol": ("appliance.commands.enrol", "Connect this box to a hub by a code of its page"),
    "unit": ("appliance.commands.unit", "Become one unit of the box, as systemd starts it"),
    "simulate": ("appliance.commands.simulate", "Simulate a GSM modem, or a network of sites"),
    "bench": ("appliance.commands.bench", "Measure, one JSON line a figure"),
}
"""Command to (module, one line of help); the module's ``add(parser)`` and ``run(options)`` do the rest."""


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """Build the command line; with `only`, that command's options and no other's.

    Every command's module costs something to load, and systemd starts each unit by a command.
    """
    top = argparse.ArgumentParser(prog="hotline", description="Hotline Box: a city hotline in one box")
    top.add_argument("--data", help="the box's data folder (else HOTLINE_DATA, ./var/box, /var/lib/hotline)")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, help_) in COMMANDS.items():
        one = commands.add_parser(name, help=help_, description=help_ + ".")
        if only in (None, name):
            importlib.import_module(module).add(name, one)
    return top


def named(arguments: Sequence[str] | None) -> str:
    """Return which command is meant, empty when none is."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--data")
    first.add_argument("command", nargs="?", default="")
    return str(first.parse_known_args(arguments)[0].command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    options = parser(named(arguments)).parse_args(arguments)
    module, _ = COMMANDS[options.command]
    try:
        return int(importlib.import_module(module).run(options))
    except (BadConfiguration, Unreadable) as error:
        print(f"hotline: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
