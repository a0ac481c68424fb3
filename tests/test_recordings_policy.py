"""Which calls are recorded, and what an agent may change about it: tables and a machine in virtual time."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.calls import tape as tapes
from appliance.calls.tape import Begin, End, Mask, Note, Tape
from appliance.configuration import BadConfiguration, parse
from appliance.published import Recorded
from appliance.recordings.policy import ALWAYS, WAYS, About, Decision, decide
from appliance.refused import Refused

CALL = "c" * 32
AT_WORK = About("in", ("sip/1", "trunk/city"), "12345", "general", "1001")
QUEUE_NEVER = Recorded("staff", "never", queues=("staff",))
SEAT_ASKED = Recorded("advice", "asked", agents=("1003",))
ROLLS = Recorded("rolls", "rolling", queues=("general",))


@pytest.mark.parametrize(
    ("rule", "about", "way"),
    [
        (Recorded("x", "never"), AT_WORK, "never"),
        (Recorded("x", "never", direction="out"), AT_WORK, ALWAYS),
        (Recorded("x", "never", direction="in"), AT_WORK, "never"),
        (Recorded("x", "never", lines=("sip/*",)), AT_WORK, "never"),
        (Recorded("x", "never", lines=("trunk/city",)), AT_WORK, "never"),
        (Recorded("x", "never", lines=("gsm/*",)), AT_WORK, ALWAYS),
        (Recorded("x", "never", numbers=("12345",)), AT_WORK, "never"),
        (Recorded("x", "never", numbers=("96110",)), AT_WORK, ALWAYS),
        (Recorded("x", "asked", queues=("general",), agents=("1001",)), AT_WORK, "asked"),
        (Recorded("x", "asked", queues=("general",), agents=("1002",)), AT_WORK, ALWAYS),
        (Recorded("x", "never", agents=("1001",)), About("in", ("sip/1",)), ALWAYS),
    ],
)
def test_a_rule_decides_where_all_it_names_is_so(rule: Recorded, about: About, way: str) -> None:
    assert decide(about, [rule]).way == way


def test_the_first_rule_that_fits_decides_and_none_means_always() -> None:
    rules = [Recorded("a", "asked", agents=("1001",)), Recorded("b", "never")]
    assert decide(AT_WORK, rules) == Decision("asked", "a")
    assert decide(About("in", ("sip/1",)), rules) == Decision("never", "b")
    assert decide(AT_WORK, []) == Decision(ALWAYS)


def begun(*rules: Recorded, about: About = AT_WORK, private_s: float = 60) -> tuple[Tape, list[tapes.Do]]:
    tape = Tape(CALL, rules, private_s)
    return tape, tape.follow(about)


def facts(done: Sequence[tapes.Do]) -> list[tuple[str, object]]:
    return [(do.kind, do.facts["by"]) for do in done if isinstance(do, Note)]


def test_without_rules_a_call_is_one_recording_and_no_agent_can_end_it() -> None:
    tape, done = begun(about=About("in", ("sip/1",)))
    assert done == [Begin(CALL)]
    assert tape.follow(AT_WORK) == []
    for on in (True, False):
        with pytest.raises(Refused, match="always_recorded"):
            tape.ask(on, "1001")
    assert (tape.state, tape.may_ask, tape.end()) == ("on", False, [End(CALL, False, "")])


def test_a_queue_never_recorded_ends_what_runs_and_an_agent_cannot_begin_it() -> None:
    tape, _ = begun(QUEUE_NEVER, about=About("in", ("sip/1",)))
    done = tape.follow(About("in", ("sip/1",), queue="staff", agent="1001"))
    assert (done, tape.state) == ([End(CALL, False, "staff")], "off")
    with pytest.raises(Refused, match="never_recorded"):
        tape.ask(True, "1001")
    with pytest.raises(Refused, match="not_recorded"):
        tape.hide(True, "1001", 0)
    again = tape.follow(About("in", ("sip/1",), queue="general", agent="1002"))
    assert again == [Begin(f"{CALL}.r2")]


def test_where_the_agent_decides_it_begins_and_ends_by_hand_and_says_by_whom() -> None:
    tape, done = begun(SEAT_ASKED, about=About("in", ("sip/1",), queue="general", agent="1003"))
    assert (done, tape.state, tape.may_ask) == ([], "off", True)
    done = tape.ask(True, "1003")
    assert (done[0], facts(done), tape.state) == (Begin(CALL), [("recording.started", "1003")], "on")
    assert tape.ask(True, "1003") == []
    done = tape.ask(False, "1003")
    assert (done[1], facts(done)) == (End(CALL, False, "advice"), [("recording.stopped", "1003")])
    assert tape.ask(True, "1003")[0] == Begin(f"{CALL}.r2")


def test_a_rolling_recording_is_kept_when_the_agent_asks_and_cannot_be_ended() -> None:
    tape, _ = begun(ROLLS, about=About("in", ("sip/1",)))
    tape.follow(AT_WORK)
    assert (tape.state, tape.may_ask) == ("rolling", True)
    with pytest.raises(Refused, match="always_recorded"):
        tape.ask(False, "1001")
    assert facts(tape.ask(True, "1001")) == [("recording.kept", "1001")]
    assert (tape.state, tape.may_ask, tape.end()) == ("on", False, [End(CALL, False, "rolls")])


def test_a_call_counts_as_rolling_only_when_every_agent_it_was_with_was_so() -> None:
    queued, other = About("in", ("sip/1",), queue="general"), About("in", ("sip/1",), queue="x", agent="1002")
    for path, rolling in (([queued, AT_WORK], True), ([AT_WORK, other], False), ([other, AT_WORK], False)):
        tape, _ = begun(ROLLS, about=About("in", ("sip/1",)))
        for about in path:
            tape.follow(about)
        assert isinstance(end := tape.end()[0], End)
        assert end.rolling is rolling


def test_what_is_private_is_silence_until_it_is_taken_back() -> None:
    tape, _ = begun()
    done = tape.hide(True, "1001", now=100)
    assert (done[0], facts(done)) == (Mask(CALL, True), [("recording.paused", "1001")])
    assert (tape.state, tape.private_until_s) == ("private", 160)
    assert tape.hide(True, "1001", now=130) == []
    assert tape.private_until_s == 190, "asking anew gives new time"
    done = tape.hide(False, "1001", now=140)
    assert (done[0], facts(done), tape.timer()) == (Mask(CALL, False), [("recording.resumed", "1001")], None)
    assert tape.hide(False, "1001", now=141) == []


def test_what_is_private_ends_by_itself_after_the_time_that_is_set_or_with_the_agent() -> None:
    tape, _ = begun()
    tape.hide(True, "1001", now=100)
    assert tape.on_timer(159.9) == []
    done = tape.on_timer(160)
    assert done == [Mask(CALL, False), Note("recording.resumed", {"by": "", "why": "time"})]
    tape.hide(True, "1001", now=200)
    done = tape.follow(About("in", ("sip/1",), queue="general", agent="1002"))
    assert done == [Mask(CALL, False), Note("recording.resumed", {"by": "", "why": "left"})]


def test_where_no_silence_is_allowed_it_is_refused() -> None:
    tape, _ = begun(private_s=0)
    with pytest.raises(Refused, match="no_privacy"):
        tape.hide(True, "1001", now=0)
    assert not tape.may_hide


def test_a_secret_keyed_in_is_silence_a_little_longer_than_its_last_key() -> None:
    tape, _ = begun(about=About("in", ("sip/1",)))
    assert tape.secret(True, now=10)[0] == Mask(CALL, True)
    assert tape.state == "on"
    assert tape.secret(False, now=15) == []
    assert tape.timer() == pytest.approx(15 + tapes.TAIL_S)
    assert tape.on_timer(15.7)[0] == Mask(CALL, False)


def test_a_recording_media_gave_up_is_not_said_to_run() -> None:
    tape, _ = begun()
    tape.broke("another")
    assert tape.state == "on"
    tape.broke(CALL)
    assert (tape.state, tape.end()) == ("off", [])


STEPS = st.one_of(
    st.builds(
        lambda queue, agent: ("follow", queue, agent),
        st.sampled_from(["", "general", "staff"]),
        st.sampled_from(["", "1001", "1003"]),
    ),
    st.builds(lambda on: ("ask", on, ""), st.booleans()),
    st.builds(lambda on: ("hide", on, ""), st.booleans()),
    st.builds(lambda on: ("secret", on, ""), st.booleans()),
    st.builds(lambda s: ("wait", s, ""), st.integers(0, 100)),
)


@given(st.lists(st.sampled_from(WAYS), max_size=3), st.lists(STEPS, max_size=30))
def test_whatever_happens_recordings_begin_once_end_once_and_never_runs_where_the_rule_says_never(
    ways: list[str], steps: list[tuple[str, object, str]]
) -> None:
    conditions: list[dict[str, Any]] = [{"agents": ("1003",)}, {"queues": ("staff",)}, {}]
    rules = [Recorded(way, way, **named) for way, named in zip(ways, conditions, strict=False)]
    tape, now, about = Tape(CALL, rules, 30), 0.0, About("in", ("sip/1",))
    done = tape.follow(about)
    for what, value, agent in steps:
        try:
            if what == "follow":
                about = About("in", ("sip/1",), queue=str(value), agent=agent)
                done += tape.follow(about)
            elif what == "ask":
                done += tape.ask(bool(value), "1001")
            elif what == "hide":
                done += tape.hide(bool(value), about.agent, now)
            elif what == "secret":
                done += tape.secret(bool(value), now)
            else:
                now += int(str(value))
                done += tape.on_timer(now)
        except Refused:
            pass
        way = decide(about, rules).way
        assert bool(tape.recording) == (way in ("always", "rolling")) or way == "asked"
    done += tape.end()
    running, silent, seen = "", False, set()
    for do in done:
        match do:
            case Begin(id):
                assert not running
                assert id not in seen
                running, silent = id, False
                seen.add(id)
            case End(id, _, _):
                assert id == running
                running = ""
            case Mask(id, on):
                assert (id, silent) == (running, not on)
                silent = on
    assert not running


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('name = "a"\nrecord = "maybe"', 'record "maybe" is none of always, never, asked, rolling'),
        ('name = "a"\ndirection = "up"', "in, out"),
        ('name = "a"\nqueues = ["none"]', "there is no queue none"),
        ('name = ""', "recorded.name"),
        ('name = "a"\nagents = [""]', "agents"),
        ('name = "a"\nextension = "8001"', "unknown field"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_its_line(lines: str, said: str) -> None:
    with pytest.raises(BadConfiguration, match=said):
        parse(f"[[recorded]]\n{lines}\n", "hotline.toml")


def test_two_rules_of_one_name_are_refused_at_the_second() -> None:
    with pytest.raises(BadConfiguration, match="line 5"):
        parse('[[recorded]]\nname = "a"\n\n[[recorded]]\nname = "a"\n', "hotline.toml")


def test_a_caller_who_moves_to_another_line_stays_as_it_was_recorded_in_a_file_of_its_own() -> None:
    tape, _ = begun(ROLLS, about=About("in", ("sip/1",)))
    tape.follow(AT_WORK)
    tape.hide(True, "1001", now=0)
    assert tape.move() == [End(CALL, True, "rolls"), Begin(f"{CALL}.r2"), Mask(f"{CALL}.r2", True)]
    assert (tape.state, tape.end()) == ("private", [End(f"{CALL}.r2", True, "rolls")])
    never, _ = begun(Recorded("x", "never"))
    assert never.move() == []
