"""What a number dialled at a phone means, and by which trunks it goes. Pure, of the hand-over file."""

from collections import defaultdict
from dataclasses import asdict
from typing import Any

from appliance.calls import keypad
from appliance.calls.dialplan import Forwarded, Inside, Outside, PickUp, Plan
from appliance.calls.directory import Directory
from appliance.calls.numbers import CLASSES, DEFAULT_CLASS, Numbers
from appliance.published import Published, ServiceClass, SpeedDial, Trunk
from hardware.sip.routing import dialled, in_order, routes

COST_FREE = "free"
"""A trunk of this cost leads to another site of ours."""


def numbers_of(published: Published) -> Numbers:
    """The kinds of numbers and the classes of service of a box."""
    sites = [trunk.prefix for trunk in published.trunks if trunk.cost == COST_FREE and trunk.prefix]
    return Numbers(published.number_kinds, published.classes, published.dialplan.area, sites)


def plan_of(published: Published, directory: Directory, numbers: Numbers) -> Plan:
    """The dial plan of a box."""
    speed: defaultdict[str, list[SpeedDial]] = defaultdict(list)
    for dial in published.speed_dials:
        speed[dial.code].append(dial)
    return Plan(published.dialplan, directory, numbers, speed)


def told(published: Published, number: str, extension: str) -> dict[str, Any]:
    """What a number means, as facts.

    means: inside, outside, forwarded, pickup, shift (a code of a shift), hotline or unknown. For outside
    numbers also kind, service, allowed, pin, account, path, and why they do not go out: barred or no_trunk.
    """
    directory = Directory(published.extensions, published.groups, published.forwards)
    if number in set(published.numbers) - directory.outside_numbers:
        return {"means": "hotline", "to": number}
    if (code := keypad.keyed(number)) is not None:
        return {"means": "shift", "do": code.do, "agent": code.agent}
    meaning = plan_of(published, directory, numbers_of(published)).read(number, extension)
    facts: dict[str, Any] = {"means": type(meaning).__name__.lower()}
    match meaning:
        case Outside():
            facts |= _outside(published, directory, meaning, extension)
        case PickUp(wanted):
            facts["extension"] = wanted
        case Forwarded(when, to):
            facts |= {"when": list(when), "to": to}
        case Inside(goal):
            facts["to"] = str(goal)
    return facts


def _outside(published: Published, directory: Directory, meaning: Outside, extension: str) -> dict[str, Any]:
    phone = directory.extension(extension)
    path = [
        {"trunk": t.name, "number": dialled(t, meaning.number), "cost": t.cost}
        for t in routes(published.trunks, meaning.number)
    ]
    why = "barred" if not meaning.permit.allowed else "" if path else "no_trunk"
    return {
        "to": f"tel:{meaning.number}",
        "kind": meaning.kind,
        "service": (phone.service if phone else "") or DEFAULT_CLASS,
        **asdict(meaning.permit),
        "path": path,
        "why": why,
    }


def trunks_in_order(published: Published) -> list[Trunk]:
    """Every trunk, those first that are tried first where several carry a number."""
    return in_order(published.trunks)


def classes_of(published: Published) -> list[ServiceClass]:
    """Every class of service: the written ones, and those there are without being written."""
    written = {row.name for row in published.classes}
    return [*(row for row in CLASSES if row.name not in written), *published.classes]
