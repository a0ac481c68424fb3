"""What stands on the picture of a recording: all that happened in its time, and no digit of a secret."""

from typing import Any

import pytest

from appliance.events import Event, Fact, Stamp
from appliance.recordings.waveform import MARKS, MARKS_MOST, Mark, marks

BEGAN_S = 1_795_000_000.0


def at(seconds: float, kind: str, **facts: Any) -> Event:
    stamp = Stamp(1, now_ms=lambda: int((BEGAN_S + seconds) * 1000))
    return stamp.event(Fact(kind, facts, bytes(16)))


HAPPENINGS: list[tuple[str, dict[str, Any], str, str]] = [
    ("call.keyed", {"node": "menu", "keys": "1", "count": 1}, "keyed", "1"),
    ("call.keyed", {"node": "pin", "keys": "", "count": 4}, "keyed", ""),
    ("call.queued", {"queue": "general"}, "queued", "general"),
    ("call.answered", {"agent": "1001", "extension": "8001"}, "answered", "1001"),
    ("call.held", {"agent": "1001"}, "held", "1001"),
    ("call.resumed", {"agent": "1001"}, "resumed", "1001"),
    ("call.transferred", {"by": "1001", "to": "agent:1002"}, "transferred", "1001"),
    ("call.passed", {"agent": "1001", "to": "1002", "next": "1002"}, "transferred", "1001"),
    ("call.consulted", {"by": "1001", "to": "ext:8102"}, "consulted", "1001"),
    ("call.invited", {"by": "1001", "to": "tel:1"}, "invited", "1001"),
    ("call.joined", {"who": "8102", "by": "1001"}, "joined", "8102"),
    ("call.together", {"by": "1001"}, "together", "1001"),
    ("call.supervised", {"by": "1100", "agent": "1001", "how": "barge"}, "supervised", "1001"),
    ("call.played_back", {"by": "1001", "path": "x"}, "played_back", "1001"),
    ("call.keys_sent", {"by": "1001", "count": 4}, "keys_sent", "1001"),
    ("call.left", {"agent": "1001", "queue": "general"}, "left", "1001"),
]


@pytest.mark.parametrize(("kind", "facts", "what", "who"), HAPPENINGS)
def test_each_thing_that_happens_in_a_call_has_its_mark(
    kind: str, facts: dict[str, Any], what: str, who: str
) -> None:
    assert marks([at(2.5, kind, **facts)], BEGAN_S, 10) == [Mark(2.5, what, who)]


def test_every_mark_there_is_is_tried_here() -> None:
    assert {row[0] for row in HAPPENINGS} | {"recording.paused"} == set(MARKS)


def test_a_silence_is_as_long_as_it_was_and_one_that_nobody_ended_lasts_to_the_end() -> None:
    told = [
        at(2, "recording.paused", by="1001", why="private"),
        at(4.5, "recording.resumed", by="", why="time"),
        at(8, "recording.paused", by="", why="secret"),
    ]
    assert marks(reversed(told), BEGAN_S, 10) == [Mark(2, "private", "1001", 4.5), Mark(8, "private", "", 10)]


def test_only_what_happened_while_it_was_recorded_is_on_it() -> None:
    told = [at(seconds, "call.held", agent="1") for seconds in (-3, -0.2, 5, 10.5)]
    assert [mark.at_s for mark in marks(told, BEGAN_S, 10)] == [0, 5]


def test_a_call_with_very_many_holds_has_no_more_marks_than_can_be_shown() -> None:
    assert len(marks([at(n / 10, "call.held", agent="1") for n in range(500)], BEGAN_S, 100)) == MARKS_MOST
