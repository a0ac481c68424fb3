"""Recording in words: by which rules calls are recorded and kept, and what became of one recording."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from flask_babel import gettext, lazy_gettext

from appliance.configuration import Configuration, Retention
from appliance.events import Event
from appliance.published import Recorded
from web.shown import when

WAYS: Final = {
    "always": lazy_gettext("recorded from beginning to end"),
    "never": lazy_gettext("not recorded"),
    "asked": lazy_gettext("recorded when the agent asks for it"),
    "rolling": lazy_gettext("recorded, and kept for a few days unless the agent asks to keep it"),
}
DIRECTIONS: Final = {"in": lazy_gettext("calls in"), "out": lazy_gettext("calls out")}
STEPS: Final = {
    "recording.made": lazy_gettext("Recorded"),
    "recording.sealed": lazy_gettext("Sealed"),
    "recording.archived": lazy_gettext("Archived"),
    "recording.held": lazy_gettext("Put under hold"),
    "recording.released": lazy_gettext("Hold released"),
    "recording.kept": lazy_gettext("Kept"),
    "recording.noted": lazy_gettext("Note written"),
    "recording.linked": lazy_gettext("Linked to a ticket"),
    "recording.removed": lazy_gettext("Removed"),
    "recording.started": lazy_gettext("Begun by hand"),
    "recording.stopped": lazy_gettext("Ended by hand"),
    "recording.paused": lazy_gettext("Silence begins"),
    "recording.resumed": lazy_gettext("Silence ends"),
    "listen": lazy_gettext("Heard"),
    "download": lazy_gettext("Downloaded"),
    "talk": lazy_gettext("Played into a talk"),
    "export": lazy_gettext("Taken away"),
}
PLAYED = "recording.played"
STEPS_MOST = 500


def rules(configuration: Configuration) -> list[str]:
    """Say which calls are recorded, how long what is recorded is kept, and what may be left out."""
    said = [f"{rule.name}: {WAYS[rule.record]} ({_conditions(rule)})" for rule in configuration.recorded]
    rest = gettext("All other calls") if said else gettext("All calls")
    return [*said, f"{rest}: {WAYS['always']}", *_kept(configuration.recording)]


def steps(events: Iterable[Event], rid: str) -> list[dict[str, Any]]:
    """Tell what became of a recording, and who heard it, oldest first."""
    own = [event for event in events if event.facts.get("rid", rid) == rid and _is_of(event, rid)]
    return [_step(event) for event in sorted(own, key=lambda event: event.eid)][-STEPS_MOST:]


def _is_of(event: Event, rid: str) -> bool:
    if event.kind == "recording.made":
        return event.eid.hex() == rid
    return event.kind in STEPS or event.kind == PLAYED


def _step(event: Event) -> dict[str, Any]:
    facts: Mapping[str, Any] = event.facts
    word = str(facts.get("how", "")) if event.kind == PLAYED else event.kind
    return {
        "at": when(event.at_s),
        "what": str(STEPS.get(word, word)),
        "who": str(facts.get("by") or ""),
        "why": str(facts.get("reason") or facts.get("text") or facts.get("number") or ""),
    }


def _conditions(rule: Recorded) -> str:
    named = {
        gettext("lines"): rule.lines,
        gettext("hotline numbers"): rule.numbers,
        gettext("queues"): rule.queues,
        gettext("agents"): rule.agents,
    }
    words = [str(DIRECTIONS[rule.direction])] if rule.direction else []
    words += [f"{name} {', '.join(which)}" for name, which in named.items() if which]
    return "; ".join(words) or gettext("all")


def _kept(rules: Retention) -> Iterator[str]:
    yield (
        gettext("Kept for %(days)s days", days=rules.keep_days)
        if rules.keep_days
        else gettext("Kept for ever")
    )
    yield gettext("Rolling recordings are kept for %(days)s days", days=rules.rolling_days)
    if rules.disk_percent:
        yield gettext(
            "From %(percent)s per cent of the disk on the oldest make room, none younger than %(days)s days",
            percent=rules.disk_percent,
            days=rules.newest_days,
        )
    yield gettext("Never removed: what is held, or belongs to a ticket that is not closed")
    if rules.archive_days:
        name = {"mp3": "MP3", "alaw": "A-law"}[rules.archive_format]
        yield gettext("Archived as %(name)s after %(days)s days", name=name, days=rules.archive_days)
    if rules.private_s:
        seconds = round(rules.private_s)
        yield gettext("Agents may have silence recorded for %(seconds)s seconds at a time", seconds=seconds)
