"""`hotline person`: add somebody, or give them a new one-time password."""

import argparse
import secrets
import sys

from appliance.configuration import load
from appliance.people import ROLES, People
from appliance.places import places
from appliance.refused import Refused
from appliance.store.opening import open_store


def add(_: str, parser: argparse.ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("number", help="agent number (工号)")
    parser.add_argument("--name", default="", help="full name; makes the person when given")
    parser.add_argument("--roles", default="AG", help="codes, comma separated: " + ", ".join(ROLES))
    parser.add_argument("--unit", default="", help="code of the unit the person works for")
    parser.add_argument("--extension", default="", help="the phone usually used")


def run(options: argparse.Namespace) -> int:
    """Make or reset; print the one-time password."""
    where = places(options.data)
    people = People(open_store(where, load(where)))
    code = secrets.token_hex(5)
    try:
        if options.name:
            people.create_person(
                options.number,
                options.name,
                code,
                options.roles.split(","),
                unit=options.unit,
                extension=options.extension,
            )
        else:
            people.reset_password(options.number, code)
    except Refused as refused:
        print(f"hotline: {refused}", file=sys.stderr)
        return 1
    print(f"{options.number}: one-time password {code} (an own one must be set at the first sign-in)")
    return 0
