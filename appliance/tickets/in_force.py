"""The rules of time in force on a box: calendar, hours and limits, read once for each change of them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar
from weakref import WeakKeyDictionary

from appliance.calendar import hours
from appliance.calendar.days import WorkCalendar
from appliance.calendar.hours import Hours
from appliance.calendar.site import SiteCalendar
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.entry import Entry
from appliance.dictionary.kind import DEPTH_MAX
from appliance.dictionary.table import Version, version
from appliance.store.store import Store
from appliance.tickets.clocks import Limit, Reckoning, Unit
from appliance.tickets.extending import ExtensionRules
from appliance.tickets.limits import DEFAULT, HANDLING, PRESETS, URGENT, Limits

UNITS: Mapping[str, Unit] = {"wd": "wd", "wh": "wh", "d": "days", "h": "hours", "min": "minutes"}
T = TypeVar("T")
_SPAN = re.compile(r"([1-9][0-9]{0,4})(wd|wh|d|h|min)")


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds until somebody changes the dictionary."""

    version: Version
    reckoning: Reckoning
    limits: Limits
    categories: Mapping[str, Mapping[str, Limit]]
    """Limits of a category for kinds of tickets, its own over those of the categories above it."""
    closings: Mapping[str, int]
    """Seconds of the day at which a unit's due days end, where it is another than usual."""

    @property
    def calendar(self) -> WorkCalendar:
        """The working calendar."""
        return self.reckoning.calendar

    def reckoning_of(self, unit: str) -> Reckoning:
        """Reckon for a unit, which may close earlier."""
        closing_s = self.closings.get(unit)
        if closing_s is None:
            return self.reckoning
        return replace(self.reckoning, hours=replace(self.reckoning.hours, closing_s=closing_s))

    def limits_of(self, category: str) -> Limits:
        """Return the limits of a category."""
        own = self.categories.get(category)
        return replace(self.limits, handling={**self.limits.handling, **own}) if own else self.limits


_FOUND: WeakKeyDictionary[Store, InForce] = WeakKeyDictionary()


def in_force(store: Store) -> InForce:
    """Return the rules in force now; one look at the dictionary tells whether they are still those."""
    now = version(store)
    found = _FOUND.get(store)
    if found is None or found.version != now:
        found = _FOUND[store] = _read(store, now)
    return found


def read_limit(text: str) -> Limit | None:
    """Read "15wd", "24h", "7d", "30min" or "8wh"; None when it is none of them."""
    match = _SPAN.fullmatch(text)
    return Limit(int(match[1]), UNITS[match[2]]) if match else None


def write_limit(limit: Limit) -> str:
    """Write a limit as people enter it."""
    short = next(word for word, unit in UNITS.items() if unit == limit.unit)
    return f"{limit.n}{short}"


def _read(store: Store, now: Version) -> InForce:
    dictionary = Dictionary(store)
    parameters = dictionary.by_key("parameter")
    found = Reckoning(
        SiteCalendar(store).calendar(),
        _hours(parameters),
        yellow_share=_number(parameters, "yellow_percent") / 100,
        yellow_least=max(1, _number(parameters, "yellow_least_wd")),
        round_share=_number(parameters, "second_round_percent") / 100,
        round_least=_number(parameters, "second_round_least_wd"),
    )
    limits = _limits(parameters, dictionary.by_key("ticket_kind"), dictionary.by_key("urgency"))
    categories = _inherited(dictionary.by_key("category"), _own_limits)
    closings = {
        key: found["closing"] for key, found in _inherited(dictionary.by_key("unit"), _own_closing).items()
    }
    return InForce(now, found, limits, categories, closings)


def _inherited(
    tree: Mapping[str, Entry], own: Callable[[Entry], Mapping[str, T]]
) -> dict[str, Mapping[str, T]]:
    """What entries of a tree say, each over what those above it say; those that say nothing are left out."""

    def said(entry: Entry, depth: int = 0) -> Mapping[str, T]:
        above = tree.get(entry.text("parent"))
        inherited = said(above, depth + 1) if above is not None and depth < DEPTH_MAX else {}
        return {**inherited, **own(entry)}

    return {entry.key: found for entry in tree.values() if (found := said(entry))}


def _own_limits(category: Entry) -> Mapping[str, Limit]:
    own = category.fields.get("limits")
    spans = own.items() if isinstance(own, dict) else ()
    return {kind: limit for kind, span in spans if (limit := read_limit(str(span)))}


def _own_closing(unit: Entry) -> Mapping[str, int]:
    text = unit.text("closing")
    return {"closing": hours.closing_s(text)} if text not in ("", "00:00") else {}


def _hours(parameters: Mapping[str, Entry]) -> Hours:
    """What cannot be read was refused when it was entered, or came from an older version."""
    usual = Hours()
    try:
        bands = hours.bands(parameters["work_bands"].text("value"))
        return Hours(bands, hours.closing_s(parameters["closing_hour"].text("value")))
    except ValueError:
        return usual


def _limits(
    parameters: Mapping[str, Entry], kinds: Mapping[str, Entry], urgencies: Mapping[str, Entry]
) -> Limits:
    def limit(name: str, unit: Unit) -> Limit:
        return Limit(_number(parameters, name), unit)

    usual = PRESETS[DEFAULT]
    verify, verify_urgent = limit("verify_rural_h", "hours"), limit("verify_town_h", "hours")
    return replace(
        usual,
        handling={**HANDLING, **_entered(kinds)},
        urgent={**URGENT, **_entered(urgencies)},
        steps={
            **usual.steps,
            "NEED_INFO": limit("info_wait_wd", "wd"),
            "VERIFYING": verify,
            "CHECKING": verify,
            "ACCEPTED": limit("dispatch_min", "minutes"),
            "DISPATCHED": limit("sign_wd", "wd"),
            "CALLBACK": limit("callback_first_wd", "wd"),
            "CALLBACK_NA": limit("rate_wait_h", "hours"),
            "UNDER_REVIEW": limit("review_days", "days"),
            "UNDER_RECHECK": limit("recheck_days", "days"),
        },
        intake={
            "sms": limit("intake_media_min", "minutes"),
            **dict.fromkeys(("voicemail", "web", "mail", "media"), limit("intake_mailbox_h", "hours")),
            "letter": limit("intake_letter_wd", "wd"),
        },
        urgent_steps={
            **usual.urgent_steps,
            "VERIFYING": verify_urgent,
            "CHECKING": verify_urgent,
            "ACCEPTED": limit("dispatch_urgent_min", "minutes"),
        },
        extension=ExtensionRules(
            most=_number(parameters, "extension_times"),
            first_most_wd=_number(parameters, "extension_first_wd"),
            share=_number(parameters, "extension_percent") / 100,
        ),
        return_within=limit("return_wd", "wd"),
    )


def _entered(entries: Mapping[str, Entry]) -> dict[str, Limit]:
    found = {key: read_limit(entry.text("limit")) for key, entry in entries.items()}
    return {key: limit for key, limit in found.items() if limit is not None}


def _number(parameters: Mapping[str, Entry], name: str) -> int:
    value = parameters[name].fields["value"]
    assert isinstance(value, int), f"parameter {name} is no whole number"
    return value
