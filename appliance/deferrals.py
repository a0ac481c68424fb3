"""Answers promised for later (后期回答): what could not be answered at once waits for a call back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.events import Event, Fact
from appliance.refused import Refused

if TYPE_CHECKING:
    from appliance.store.store import Store

TOPIC_MAX = 200
REMARK_MAX = 1000
NAME_MAX = 60
NUMBER = re.compile(r"\+?[0-9]{3,20}")
AHEAD_MAX_S = 366 * 86_400.0
OUTCOMES = ("answered", "again", "given_up")
"""How a call back can end: answered; nobody there, call again at another time; given up."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What an agent promises: whom to call back, about what, and when (Unix seconds)."""

    number: str
    topic: str
    promised_s: float
    citizen: str = ""
    call: bytes = b""
    """The call in which it was promised."""
    ticket: bytes = b""
    """The ticket it belongs to."""


def make(store: Store, by: str, promise: Promise, now: float) -> str:
    """Put a promise on the list; its id. Raises Refused."""
    topic = " ".join(promise.topic.split())[:TOPIC_MAX]
    if not NUMBER.fullmatch(promise.number):
        raise Refused("bad_number", "This is not a phone number.")
    if not topic:
        raise Refused("no_topic", "Write what the answer is to be about.")
    _check_time(promise.promised_s, now)
    facts = {
        "by": by,
        "number": promise.number,
        "citizen": " ".join(promise.citizen.split())[:NAME_MAX],
        "topic": topic,
        "promised_s": promise.promised_s,
        "call": promise.call.hex(),
        "ticket": promise.ticket.hex(),
    }
    (event,) = store.record(Fact("deferral.made", facts))
    return event.eid.hex()


def called(store: Store, did: str, by: str) -> None:
    """Note that somebody is being called back; raises Refused."""
    store.record(Fact("deferral.called", {"by": by}, _open(store, did)))


def settle(
    store: Store, did: str, by: str, outcome: str, remark: str, again_s: float | None, now: float
) -> None:
    """Note how a call back ended; for ``again`` the new time is needed. Raises Refused."""
    if outcome not in OUTCOMES:
        raise Refused("bad_outcome", "Say how the call back ended.")
    facts: dict[str, object] = {"by": by, "outcome": outcome, "remark": remark.strip()[:REMARK_MAX]}
    if outcome == "again":
        if again_s is None:
            raise Refused("bad_time", "Say when to call again.")
        _check_time(again_s, now)
        facts["promised_s"] = again_s
    subject = _open(store, did)
    store.record(Fact("deferral.settled", facts, subject), guard=lambda: _still_open(store, subject))


def project(store: Store, event: Event) -> None:
    """Bring the list up to date with one event."""
    do = _PROJECTORS.get(event.kind)
    if do is not None:
        do(store, event)


def _check_time(at_s: float, now: float) -> None:
    if not now - 60 <= at_s <= now + AHEAD_MAX_S:
        raise Refused("bad_time", "The time must lie ahead, within a year.")


def _open(store: Store, did: str) -> bytes:
    subject = bytes.fromhex(did) if re.fullmatch(r"[0-9a-f]{32}", did) else b""
    _still_open(store, subject)
    return subject


def _still_open(store: Store, subject: bytes) -> None:
    if not store.rows("SELECT 1 FROM deferral WHERE did = ? AND state = 'open'", subject):
        raise Refused("changed", "This is not on the list any more. Somebody else has settled it.")


def _made(store: Store, event: Event) -> None:
    facts = event.facts
    store.execute(
        "INSERT INTO deferral (did, number, citizen, topic, state, promised_s, made_s, made_by, tries,"
        " last_by, remark, call, ticket) VALUES (?, ?, ?, ?, 'open', ?, ?, ?, 0, '', '', ?, ?)"
        " ON CONFLICT DO NOTHING",
        *(event.subject, str(facts["number"]), str(facts["citizen"]), str(facts["topic"])),
        *(float(facts["promised_s"]), event.at_s, str(facts["by"])),
        *(bytes.fromhex(facts["call"]) or None, bytes.fromhex(facts["ticket"]) or None),
    )


def _called(store: Store, event: Event) -> None:
    sql = "UPDATE deferral SET tries = tries + 1, last_by = ?, last_s = ? WHERE did = ?"
    store.execute(sql, str(event.facts["by"]), event.at_s, event.subject)


def _settled(store: Store, event: Event) -> None:
    facts = event.facts
    outcome = str(facts["outcome"])
    store.execute(
        "UPDATE deferral SET state = ?, last_by = ?, last_s = ?, remark = ?,"
        " promised_s = coalesce(?, promised_s) WHERE did = ? AND state = 'open'",
        "open" if outcome == "again" else outcome,
        *(str(facts["by"]), event.at_s, str(facts["remark"]), facts.get("promised_s"), event.subject),
    )


_PROJECTORS: Mapping[str, Callable[[Store, Event], None]] = {
    "deferral.made": _made,
    "deferral.called": _called,
    "deferral.settled": _settled,
}
