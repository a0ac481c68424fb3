"""How a flow is read, and how a call runs through it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import actions
from ivr.actions import (
    ACTIONS,
    Callback,
    Collect,
    Dial,
    Hangup,
    Menu,
    Message,
    Queue,
    Rate,
    Say,
    Talk,
    TicketState,
)
from ivr.faults import faults
from ivr.flow import SIZE_MAX, Flow, FlowError, FlowRun, decode, load

FLOWS = Path(actions.__file__).with_name("flows")
DEFAULT = load(FLOWS / "default.json")
DIRECT = load(FLOWS / "direct.json")
ATTENDANT = load(FLOWS / "attendant.json")
CALLER = {"caller": "13800138000", "called": "12345"}


def walk(flow: Flow, *outcomes: str) -> FlowRun:
    """A run after these outcomes; ``say`` nodes are heard to their end without being named."""
    run = FlowRun(flow, CALLER)
    for outcome in (*outcomes, ""):
        while isinstance(run.current(), Say):
            run.finish("done")
        if outcome:
            word, _, digits = outcome.partition("=")
            run.finish(word, **({"digits": digits} if digits else {}))
    return run


OTHER = ["key:1", "all_busy", "key:3", "key:2"]
"""The way to being called back at another number."""
STORIES: list[tuple[str, list[str], type[actions.Action], str]] = [
    ("key 1 is the agent queue", ["key:1"], Queue, "queue"),
    ("key 0 is the agent queue", ["key:0"], Queue, "queue"),
    ("key 2 is self service", ["key:2"], Menu, "self"),
    ("no key at all reaches an agent", ["timeout", "timeout"], Queue, "queue"),
    ("wrong keys reach an agent", ["key:7", "key:8"], Queue, "queue"),
    ("no key in self service reaches an agent", ["key:2", *["timeout"] * 3], Queue, "queue"),
    ("an agent answers", ["key:1", "answered"], Talk, "talk"),
    ("the talk is to be rated", ["key:1", "answered", "rate"], Rate, "survey"),
    ("the talk is rated", ["key:1", "answered", "rate", "key:2"], Hangup, "bye"),
    ("the talk is not rated", ["key:1", "answered", "rate", "timeout", "timeout"], Hangup, "bye"),
    ("all busy, be called back", ["key:1", "all_busy", "key:3"], Menu, "callback"),
    ("called back at the own number", ["key:1", "all_busy", "key:3", "key:1"], Callback, "call_own"),
    ("the place is kept", ["key:1", "all_busy", "key:3", "key:1", "kept"], Hangup, "bye"),
    ("too many are called back", ["key:1", "all_busy", "key:3", "key:1", "full"], Queue, "queue"),
    ("at another number", ["key:1", "all_busy", "key:3", "key:2"], Collect, "callback_number"),
    ("the number is read back", [*OTHER, "ok=02087654321"], Menu, "callback_confirm"),
    ("the number is right", [*OTHER, "ok=02087654321", "key:1"], Callback, "call_number"),
    ("the number is wrong", [*OTHER, "ok=02087654321", "key:2"], Collect, "callback_number"),
    ("rather wait after all", [*OTHER, "ok=02087654321", "key:#"], Queue, "queue"),
    ("the agent hangs up first", ["key:1", "answered", "done"], Hangup, ""),
    ("the caller gives up", ["key:1", "abandoned"], Hangup, ""),
    ("all are busy", ["key:1", "all_busy"], Menu, "busy"),
    ("all busy, keep waiting", ["key:1", "all_busy", "key:1"], Queue, "queue"),
    ("all busy, say nothing", ["key:1", "all_busy", "timeout"], Queue, "queue"),
    ("all busy, leave a message", ["key:1", "all_busy", "key:2"], Message, "message"),
    ("waited too long", ["key:1", "overflow"], Message, "message"),
    ("a message is left", ["key:2", "key:1", "left"], Hangup, "bye"),
    ("nothing was said after the beep", ["key:2", "key:1", "empty"], Menu, "self"),
    ("self-service complaint is announced as not offered", ["key:2", "key:2"], Menu, "self"),
    ("consultation is announced as not offered", ["key:2", "key:4"], Menu, "self"),
    ("the poll is announced as not offered", ["key:2", "key:5"], Menu, "self"),
    ("self service is heard again", ["key:2", "key:*"], Menu, "self"),
    ("back from self service", ["key:2", "key:#"], Menu, "main"),
    ("a ticket's number is asked", ["key:2", "key:3"], Collect, "ask_number"),
    ("no number is given", ["key:2", "key:3", *["timeout"] * 3], Menu, "self"),
    ("a ticket is looked up", ["key:2", "key:3", "ok=202611220000123"], TicketState, "look_up"),
    ("the ticket is found", ["key:2", "key:3", "ok=202611220000123", "found"], Menu, "after_ticket"),
    ("the ticket is unknown", ["key:2", "key:3", "ok=1234", "unknown"], Menu, "self"),
    ("the store is down", ["key:2", "key:3", "ok=1234", "unavailable"], Queue, "queue"),
    ("another ticket", ["key:2", "key:3", "ok=1234", "found", "key:1"], Collect, "ask_number"),
    ("the ticket once more", ["key:2", "key:3", "ok=1234", "found", "key:*"], TicketState, "look_up"),
    ("from the ticket to an agent", ["key:2", "key:3", "ok=1234", "found", "key:0"], Queue, "queue"),
]


@pytest.mark.parametrize(("story", "outcomes", "action", "node"), STORIES, ids=[row[0] for row in STORIES])
def test_the_default_flow_tells_the_story(
    story: str, outcomes: list[str], action: type[actions.Action], node: str
) -> None:
    run = walk(DEFAULT, *outcomes)
    assert isinstance(run.current(), action), story
    assert run.node == node


def test_every_node_and_outcome_of_the_default_flow_is_walked_by_some_way() -> None:
    seen: set[tuple[str, str, bool]] = set()
    """Node, outcome, and whether the caller shows a number."""
    spoken: set[str] = set()
    todo: list[tuple[dict[str, str], list[tuple[str, str]]]] = [(CALLER, []), ({"caller": ""}, [])]
    while todo:
        caller, way = todo.pop()
        run = FlowRun(DEFAULT, caller)
        for outcome, digits in way:
            run.finish(outcome, **({"digits": digits} if digits else {}))
        spoken |= {phrase for name in actions.PROMPT_FIELDS for phrase in getattr(run.current(), name, ())}
        if run.ended or not run.node:
            continue
        for outcome in ACTIONS[DEFAULT.nodes[run.node].action].expected(run.current()):
            if (run.node, outcome, bool(caller["caller"])) not in seen:
                seen.add((run.node, outcome, bool(caller["caller"])))
                times = getattr(run.current(), "tries", 1) if outcome in ("timeout", "invalid") else 1
                todo.append((caller, [*way, *[(outcome, "12345678" if outcome == "ok" else "")] * times]))
    silent = {name for name, node in DEFAULT.nodes.items() if ACTIONS[node.action].silent}
    assert {node for node, _, _ in seen} == set(DEFAULT.nodes) - silent - {"bye"}
    assert spoken == DEFAULT.prompts()


@pytest.mark.parametrize("flow", [DEFAULT, DIRECT, ATTENDANT], ids=["default", "direct", "attendant"])
def test_a_shipped_flow_has_no_faults(flow: Flow) -> None:
    assert [str(fault) for fault in faults(flow)] == []


def test_the_direct_flow_has_no_menu_before_the_queue() -> None:
    assert walk(DIRECT).node == "queue"
    assert walk(DIRECT, "all_busy", "key:2").node == "message"


def test_key_9_says_the_same_flow_in_english_and_key_9_again_in_chinese() -> None:
    run = walk(DEFAULT)
    assert run.language == "zh"
    run = walk(DEFAULT, "key:9")
    assert (run.language, run.node) == ("en", "main")
    assert walk(DEFAULT, "key:9", "key:9").language == "zh"


def test_a_menu_apologises_before_it_is_spoken_again() -> None:
    run = walk(DEFAULT)
    first = run.current()
    second = run.finish("key:5")
    assert isinstance(first, Menu)
    assert isinstance(second, Menu)
    assert second.prompts == ("sorry.again", *first.prompts)
    assert run.attempt == 2


def test_too_few_digits_are_asked_for_again() -> None:
    run = walk(DEFAULT, "key:2", "key:3", "ok=123")
    assert (run.node, run.attempt) == ("ask_number", 2)
    run.finish("ok", digits="1234")
    assert run.variables["number"] == "1234"


def test_what_the_box_tells_about_a_ticket_can_be_spoken() -> None:
    run = walk(DEFAULT, "key:2", "key:3", "ok=1234")
    run.finish("found", number="1234", state="HANDLING", unit="城市管理局", updated="2026-11-22")
    assert run.variables["unit"] == "城市管理局"


def test_a_waiting_caller_keeps_the_place_during_the_all_busy_menu() -> None:
    run = walk(DEFAULT)
    assert run.queue is None
    run = walk(DEFAULT, "key:1")
    assert run.queue == "general"
    run.finish("all_busy", position="3")
    run.finish("done")
    assert run.queue == "general"
    assert run.variables["position"] == "3"
    run.finish("key:2")
    assert run.queue is None


def test_a_caller_keeps_the_place_while_asking_for_a_callback_and_gives_it_up_with_it() -> None:
    for way in (["key:3"], ["key:3", "key:2"], ["key:3", "key:1"]):
        assert walk(DEFAULT, "key:1", "all_busy", *way).queue == "general"
    run = walk(DEFAULT, "key:1", "all_busy", "key:3", "key:1")
    run.finish("kept")
    assert (run.node, run.queue) == ("callback_kept", None)


def test_who_shows_no_number_is_told_that_nobody_can_call_back() -> None:
    run = FlowRun(DEFAULT, {"caller": ""})
    for outcome in ("done", "key:1", "done", "all_busy", "done", "key:3"):
        run.finish(outcome)
    assert run.node == "no_callback"
    run.finish("done")
    assert run.node == "queue"


def test_the_attendant_calls_the_extension_keyed_and_zero_is_the_operator() -> None:
    run = walk(ATTENDANT, "ok=8101")
    assert run.current() == Dial(number="extension")
    assert run.variables["extension"] == "8101"
    assert isinstance(run.finish("answered"), Talk)
    assert walk(ATTENDANT, "ok=0").node == "queue"
    assert walk(ATTENDANT, "timeout", "timeout").node == "queue"
    for outcome in ("busy", "no_answer", "unreachable", "refused"):
        assert walk(ATTENDANT, "ok=8101", outcome).node == "again"
    assert walk(ATTENDANT, "ok=8101", "busy", "key:1").node == "ask"


def test_an_agent_who_becomes_free_during_the_all_busy_menu_gets_the_call() -> None:
    run = walk(DEFAULT, "key:1", "all_busy")
    assert isinstance(run.finish("answered"), Talk)
    assert run.queue is None


def test_after_the_hangup_nothing_changes() -> None:
    run = walk(DEFAULT, "key:1", "abandoned")
    assert run.ended
    assert run.finish("answered") == Hangup()


def test_an_outcome_the_action_does_not_have_is_a_bug_of_the_caller() -> None:
    run = FlowRun(DEFAULT, CALLER)
    with pytest.raises(ValueError, match="“welcome” cannot end with “found”"):
        run.finish("found")
    with pytest.raises(ValueError, match="does not bring"):
        run.finish("done", unit="x")


def test_a_caller_who_goes_round_for_ever_is_let_go() -> None:
    run = walk(DEFAULT, "key:2")
    for _ in range(DEFAULT.steps + 1):
        run.finish("key:*")
    assert run.limited
    assert run.current() == Hangup(cause=31)


KEYS = [f"key:{key}" for key in actions.KEYS]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_sequence_of_outcomes_ends_within_the_limit(data: st.DataObject) -> None:
    flow = data.draw(st.sampled_from([DEFAULT, DIRECT]))
    run = FlowRun(flow, CALLER)
    chosen = data.draw(st.lists(st.integers(0, 1000), min_size=1, max_size=60))
    for step in range(flow.steps + 2):
        if run.ended:
            break
        action = run.current()
        kind = next(kind for kind in ACTIONS.values() if kind.params is type(action))
        possible = list(kind.expected(action)) + (KEYS if isinstance(action, Menu) else [])
        possible += ["answered", "overflow", "abandoned"] if run.queue else []
        outcome = possible[chosen[step % len(chosen)] % len(possible)]
        run.finish(outcome, **({"digits": "0" * (step % 20)} if isinstance(action, Collect) else {}))
    assert run.ended
    assert run.steps <= flow.steps + 1


GOOD: dict[str, Any] = {"name": "f", "language": "zh", "start": "a", "nodes": {"a": {"action": "hangup"}}}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"{", "f.json: line 1, column 2"),
        (b"\xff", "f.json: not UTF-8"),
        (b"[]", "f.json: Expected `object`, got `array` - at `$`"),
        (b'{"name": "f"}', "f.json: Object missing required field"),
        (b"[" * 100_000, "f.json: nested too deep"),
        (b" " * (SIZE_MAX + 1), "f.json: larger than"),
        (b'{"name": NaN}', "f.json: NaN is not a number"),
        (b'{"name": "\\ud800"}', "f.json: not UTF-8"),
        (json.dumps(GOOD | {"colour": 1}).encode(), "unknown field `colour` - at `$`"),
        (json.dumps(GOOD | {"nodes": {"main": {"action": 5}}}).encode(), "at `$.nodes.main.action`"),
        (json.dumps(GOOD | {"nodes": {"main": {}}}).encode(), "`action` - at `$.nodes.main`"),
        (
            b'{"name":"f","nodes":{"m":{"action":"menu","next":{"key:1":"a","key:1":"b"}}}}',
            "“key:1” is there twice - at `$.nodes.m.next`",
        ),
    ],
)
def test_a_file_that_is_no_flow_is_refused_with_the_place(data: bytes, sentence: str) -> None:
    with pytest.raises(FlowError) as refused:
        decode(data, "f.json")
    assert sentence in str(refused.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_flow_or_a_clear_refusal(data: bytes) -> None:
    with pytest.raises(FlowError):
        decode(data)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PARAMS = st.dictionaries(
    st.sampled_from(
        ["prompts", "keys", "tries", "queue", "store", "digits_max", "variable", "value", "values"]
    ),
    st.sampled_from(["12", "11", "language", ["welcome"], ["queue.position"], ["a", "a"], 3, "en"]) | ANY,
    max_size=4,
)
NEXT = st.dictionaries(
    st.sampled_from(["done", "key:1", "key:2", "timeout", "invalid", "ok", "else", "is:a", "x"]),
    st.sampled_from("abcd"),
    max_size=5,
)
NODE = st.fixed_dictionaries({"action": st.sampled_from([*ACTIONS, "dance"]), "params": PARAMS, "next": NEXT})


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), NODE, min_size=1))
def test_any_flow_gets_a_verdict_and_one_without_faults_runs(nodes: dict[str, Any]) -> None:
    try:
        flow = decode(json.dumps(GOOD | {"nodes": nodes}).encode())
    except FlowError:
        return
    found = faults(flow)
    assert all(str(fault) for fault in found)
    if not found:
        assert FlowRun(flow, CALLER).steps <= flow.steps + 1
