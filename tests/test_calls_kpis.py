"""Every figure about calls that a centre reports can be computed from events alone: here it is done.

A scripted day in virtual time leaves facts; a reader that knows nothing but `appliance/README.md`
computes the figures.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from appliance.calls import doing
from appliance.events import Fact
from tests.callers import Caller

ROOT = Path(__file__).parent.parent
README = (ROOT / "appliance" / "README.md").read_text("utf-8")
ROW = re.compile(r"^\| `([a-z]+\.[a-z_]+)` \| [^|]* \| ([^|]*) \|$", re.M)
ROWS = dict(ROW.findall(README))


@dataclass
class Called:
    """What a reader keeps of one call: its facts with their times."""

    facts: list[tuple[float, Fact]] = field(default_factory=list)

    def of(self, kind: str) -> list[tuple[float, Any]]:
        return [(at, fact.facts) for at, fact in self.facts if fact.kind == kind]

    def has(self, kind: str) -> bool:
        return bool(self.of(kind))

    @property
    def outcome(self) -> str:
        return str(self.of("call.ended")[0][1]["outcome"])


class Told(Caller):
    """A caller whose facts are stamped with the time they came about."""

    def __init__(self, **how: Any) -> None:
        self.call = Called()
        super().__init__(**how)

    def note(self) -> "Told":
        self.call.facts += [(self.now, do.fact) for do in self.talk.take() if isinstance(do, doing.Log)]
        return self

    def after(self, seconds: float) -> "Told":
        self.note().waits(seconds)
        return self.note()


def a_caller(busy: bool = False) -> Told:
    """Somebody who asked for an agent."""
    caller = Told(busy=busy)
    caller.enters().listens().keys("1").listens()
    return caller.note()


def talked(
    wait_s: float, talk_s: float, hold_s: float = 0.0, rating: str = "", agent: str = "1001"
) -> Called:
    caller = a_caller().after(wait_s)
    caller.rung_at(agent).talk.agent_answered(agent, "8001", caller.now)
    caller.listens()
    caller.after(talk_s - hold_s)
    if hold_s:
        caller.talk.hold(caller.now)
        caller.after(hold_s)
        caller.talk.resume(caller.now)
    caller.survey = bool(rating)
    caller.talk.agent_left(caller.now)
    caller.note()
    if rating:
        caller.keys(rating)
    caller.hangs_up()
    return caller.note().call


def gave_up(wait_s: float) -> Called:
    caller = a_caller().after(wait_s)
    caller.hangs_up()
    return caller.note().call


def left_a_message() -> Called:
    caller = a_caller(busy=True)
    caller.listens().keys("2").listens()
    caller.after(20)
    caller.keys("#").listens()
    caller.hangs_up()
    return caller.note().call


def asked_for_a_callback() -> Called:
    caller = a_caller(busy=True)
    caller.listens().keys("31")
    caller.talk.place_kept("kept", caller.now)
    caller.hangs_up()
    return caller.note().call


def only_listened() -> Called:
    caller = Told()
    caller.enters().listens()
    caller.hangs_up()
    return caller.note().call


DAY = [
    talked(4, 100),
    talked(10, 60, hold_s=15, rating="1"),
    talked(30, 200, rating="4", agent="1002"),
    gave_up(2),
    gave_up(45),
    left_a_message(),
    asked_for_a_callback(),
    only_listened(),
]


def waits(calls: list[Called]) -> Iterator[float]:
    for call in calls:
        yield from (facts["wait_s"] for _, facts in call.of("call.answered") if facts["queue"])


def talk_s(call: Called) -> float:
    """From the agent's answer to the end of the talk."""
    ((began_s, _),) = call.of("call.answered")
    ends = [at for kind in ("call.left", "call.ended") for at, _ in call.of(kind) if at >= began_s]
    return min(ends) - began_s


def test_offered_asked_for_an_agent_answered_and_abandoned_are_told_apart() -> None:
    assert sum(call.has("call.ringing") for call in DAY) == 8
    queued = [call for call in DAY if call.has("call.queued")]
    answered = [call for call in queued if call.has("call.answered")]
    abandoned = [call for call in queued if call.outcome == "abandoned"]
    assert (len(queued), len(answered), len(abandoned)) == (7, 3, 2)
    short = [call for call in abandoned if call.of("call.ended")[0][1]["wait_s"] < 5]
    assert len(short) == 1
    assert {call.outcome for call in queued} == {"answered", "abandoned", "message", "callback"}
    assert DAY[-1].outcome == "self_service"


def test_service_level_and_mean_wait_follow_from_what_was_answered() -> None:
    assert sorted(waits(DAY)) == [4, 10, 30]
    assert sum(wait <= 15 for wait in waits(DAY)) / 7 == pytest.approx(2 / 7)
    assert sum(waits(DAY)) / 3 == pytest.approx(44 / 3)


def test_talk_and_hold_are_measured() -> None:
    assert [round(talk_s(call)) for call in DAY[:3]] == [100, 60, 200]
    held = [facts["held_s"] for call in DAY for _, facts in call.of("call.resumed")]
    assert held == [15.0]


def test_satisfaction_is_by_agent_and_its_coverage_known() -> None:
    ratings = [facts for call in DAY for _, facts in call.of("call.rated")]
    assert {(r["agent"], r["value"]) for r in ratings} == {("1001", 5), ("1002", 2)}
    satisfied = sum(r["value"] >= 3 for r in ratings) / len(ratings)
    index = sum(r["value"] for r in ratings) / sum(r["of"] for r in ratings)
    coverage = len(ratings) / sum(call.has("call.answered") for call in DAY)
    assert (satisfied, index) == (0.5, 0.7)
    assert coverage == pytest.approx(2 / 3)


def test_where_and_how_long_somebody_waited_in_vain_is_told() -> None:
    told = [call.of("call.ended")[0][1] for call in DAY if call.outcome == "abandoned"]
    assert [(facts["queue"], facts["wait_s"]) for facts in told] == [("general", 2.0), ("general", 45.0)]


# The table


KIND = re.compile(r'"((?:call|callback|agent|extension|line)\.[a-z_]+)",?[\s),{]')
PHRASES = {"callback.agent"}


def kinds_in_the_code() -> set[str]:
    files = [path for path in (ROOT / "appliance" / "calls").glob("*.py") if path.name != "past.py"]
    return {kind for path in files for kind in KIND.findall(path.read_text("utf-8"))} - PHRASES


def test_the_readme_lists_every_kind_of_event_calls_leave_and_no_other() -> None:
    assert set(ROWS) == kinds_in_the_code()


def test_the_readme_names_every_fact_of_a_days_calls() -> None:
    for call in DAY:
        for _, fact in call.facts:
            missing = {name for name in fact.facts if not re.search(rf"\b{name}\b", ROWS[fact.kind])}
            assert missing == set(), fact.kind
