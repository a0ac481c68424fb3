"""What a number dialled at a phone means, as a sentence."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from appliance.calls.route_table import told
from appliance.published import Published
from web import phones as words


def answer(
    published: Published, number: str, extension: str, states: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """What a dialled number means, in words: a sentence, a colour, and the way by trunks."""
    facts = told(published, number, extension)
    names = words.Names(published)
    path = [
        {**step, "state": states.get(step["trunk"], {}).get("state", "")} for step in facts.get("path", ())
    ]
    sentence, colour = _sentence(facts, names)
    return {**facts, "path": path, "sentence": sentence, "colour": colour}


def _sentence(facts: Mapping[str, Any], names: words.Names) -> tuple[str, str]:
    match facts["means"]:
        case "hotline":
            return gettext("Enters the hotline's flow, as a citizen would."), "good"
        case "shift":
            return gettext("A code of a shift: signs in or out, ready, or on a break."), "good"
        case "inside":
            return gettext("Calls %(who)s; costs nothing.", who=names.target(facts["to"])), "good"
        case "pickup" if facts["extension"]:
            return gettext(
                "Takes the call that rings at %(who)s.", who=names.target(facts["extension"])
            ), "good"
        case "pickup":
            return gettext("Takes the call that rings in the own pick-up group."), "good"
        case "forwarded":
            whens = " · ".join(str(words.WHENS[when]) for when in facts["when"])
            if not facts["to"]:
                return gettext("Takes forwards back: %(whens)s.", whens=whens), "good"
            return gettext(
                "Sends calls to %(who)s: %(whens)s.", who=names.target(facts["to"]), whens=whens
            ), "good"
        case "outside":
            return _outside(facts)
    return gettext("Nobody has this number: the phone hears that it does not exist."), "bad"


def _outside(facts: Mapping[str, Any]) -> tuple[str, str]:
    kind, number = words.kind_title(facts["kind"]), facts["to"].removeprefix("tel:")
    if facts["why"] == "barred":
        return gettext(
            "Barred: the class of service “%(service)s” does not allow %(kind)s (%(number)s).",
            service=words.class_title(facts["service"]),
            kind=kind,
            number=number,
        ), "bad"
    if facts["why"] == "no_trunk":
        return gettext(
            "Allowed (%(kind)s), but no trunk carries %(number)s.", kind=kind, number=number
        ), "bad"
    asks = [gettext("the phone's PIN")] if facts["pin"] else []
    asks += [gettext("an account code")] if facts["account"] else []
    if asks:
        return gettext(
            "Calls %(number)s (%(kind)s) after asking for %(what)s.",
            number=number,
            kind=kind,
            what=gettext(" and ").join(asks),
        ), "warn"
    return gettext("Calls %(number)s outside (%(kind)s).", number=number, kind=kind), "good"
