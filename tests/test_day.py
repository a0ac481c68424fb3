"""A day's figures are what the log says, whenever one begins to read it."""

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.day import Day
from appliance.events import Event

MIDNIGHT = 1_800_000_000.0
CALL = b"c" * 16
STATES = ("offline", "ready", "offered", "busy", "wrap_up", "paused")


def event(kind: str, at_s: float, subject: bytes = b"", **facts: Any) -> Event:
    eid = int((MIDNIGHT + at_s) * 1000).to_bytes(6, "big") + bytes(10)
    return Event(eid, subject, kind, 1, json.dumps(facts).encode())


def day(*events: Event) -> Day:
    found = Day(MIDNIGHT)
    for one in events:
        found.take(one)
    return found


def state(at_s: float, is_in: str, agent: str = "1001") -> Event:
    return event("agent.state", at_s, agent=agent, state=is_in, reason="")


def call(at_s: float, subject: bytes = CALL, **facts: Any) -> Event:
    return event("call.ringing", at_s, subject, line="sip/0", caller="13800138000", **facts)


def test_talk_wrap_up_and_break_are_added_up_and_the_present_state_runs_on() -> None:
    found = day(
        *(state(100, "paused"), state(160, "ready"), state(200, "offered"), state(205, "busy")),
        *(state(325, "wrap_up"), state(355, "ready"), state(400, "busy")),
    )
    spent = found.spent_s("1001", MIDNIGHT + 460)
    assert spent == {"busy": 180.0, "wrap_up": 30.0, "paused": 60.0, "ready": 85.0}
    assert found.agents["1001"].shift_since_s == MIDNIGHT + 100


def test_a_night_shift_counts_from_midnight_on() -> None:
    found = day(state(-3600, "ready"), state(-600, "busy"), state(300, "wrap_up"), state(330, "offline"))
    spent = found.spent_s("1001", MIDNIGHT + 9000)
    assert spent == {"busy": 300.0, "wrap_up": 30.0, "paused": 0.0, "ready": 0.0}
    assert found.agents["1001"].shift_since_s == 0.0


def test_calls_taken_handed_over_and_made_are_the_agents_own() -> None:
    other = b"d" * 16
    found = day(
        *(call(10, direction="in"), event("call.answered", 20, CALL, agent="1001")),
        event("call.passed", 40, CALL, agent="1001", to="1002", next="1002"),
        event("call.ended", 90, CALL, outcome="answered"),
        *(call(1000, other, direction="out"), event("call.answered", 1010, other, agent="1001")),
    )
    assert (found.agents["1001"].calls_in, found.agents["1001"].calls_out) == (1, 1)
    assert found.agents["1002"].calls_in == 1
    assert [found.quarters[0].came, found.quarters[0].answered, found.quarters[1].out] == [1, 1, 1]


def test_who_hung_up_while_waiting_and_what_a_fault_lost_stand_in_the_quarter_they_began() -> None:
    lost = b"e" * 16
    found = day(
        *(call(890, direction="in"), call(895, lost, direction="in")),
        event("call.ended", 960, CALL, outcome="abandoned"),
        event("call.ended", 970, lost, outcome="lost"),
        event("line.state", 1000, line="gsm/0", state="down"),
    )
    assert (found.quarters[0].abandoned, found.quarters[0].failed, found.quarters[1].failed) == (1, 1, 1)


steps = st.lists(st.tuples(st.floats(-7200, 86_000), st.sampled_from(STATES)), max_size=30)


@given(steps)
def test_no_agent_spends_more_than_the_day_so_far(steps: list[tuple[float, str]]) -> None:
    found = day(*(state(at_s, is_in) for at_s, is_in in sorted(steps)))
    now = max([at_s for at_s, _ in steps], default=0.0)
    spent: Mapping[str, float] = found.spent_s("1001", MIDNIGHT + now)
    assert all(s >= 0 for s in spent.values())
    assert sum(spent.values()) <= max(0.0, now) + 0.01
