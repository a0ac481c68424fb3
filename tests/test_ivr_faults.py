"""What keeps a broken flow from being published."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

import ivr
from ivr.__main__ import main
from ivr.actions import ACTIONS
from ivr.diagram import diagram
from ivr.faults import SENTENCES, faults
from ivr.flow import Flow, decode


def node(action: str, next: dict[str, str] | None = None, **params: Any) -> dict[str, Any]:
    return {"action": action, "params": params, "next": next or {}}


def say(to: str, *prompts: str) -> dict[str, Any]:
    return node("say", {"done": to}, prompts=prompts or ["welcome"])


def menu(next: dict[str, str], keys: str) -> dict[str, Any]:
    return node("menu", next, prompts=["welcome"], keys=keys)


def collect(to: str, **params: Any) -> dict[str, Any]:
    return node("collect", {"ok": to, "timeout": to}, prompts=[], store="number", digits_max=9, **params)


BYE = node("hangup")
TWO_KEYS = {"key:1": "bye", "key:2": "bye", "timeout": "bye", "invalid": "bye"}


def flow(nodes: dict[str, Any], **changes: Any) -> Flow:
    return msgspec.convert(
        {"name": "f", "language": "zh", "start": "a", "nodes": {"bye": BYE, **nodes}, **changes}, Flow
    )


BROKEN: list[tuple[str, str, Flow]] = [
    ("language", "The flow's language “fr” has no voice.", flow({"a": say("bye")}, language="fr")),
    ("start", "The flow starts at “z”, which is not there.", flow({"a": say("bye")}, start="z")),
    ("action", "“a”: there is no action “dance”.", flow({"a": node("dance")})),
    ("params", "“a”: the parameters do not fit “say”", flow({"a": node("say", {"done": "bye"})})),
    ("params", "Expected `float`", flow({"a": node("message", prompts=[], max_s="long")})),
    (
        "twice",
        "“a”: “1” is offered twice.",
        flow({"a": menu(TWO_KEYS, "121")}),
    ),
    (
        "outcome",
        "“a”: “menu” never ends with “key:2”.",
        flow({"a": menu(TWO_KEYS, "1")}),
    ),
    (
        "open",
        "“a”: nothing is said for when it ends with “key:3”.",
        flow({"a": menu(TWO_KEYS, "123")}),
    ),
    ("target", "“a”: “done” goes to “z”, which is not there.", flow({"a": say("z")})),
    ("phrase", "“a”: there is no phrase “welcom”.", flow({"a": say("bye", "welcom")})),
    ("variable", "“a”: the variable “unit” may have no value yet.", flow({"a": say("bye", "ticket.unit")})),
    (
        "variable",
        "“look”: the variable “number” may have no value yet.",
        flow(
            {
                "a": node(
                    "collect", {"ok": "look", "timeout": "look"}, prompts=[], store="number", digits_max=9
                ),
                "look": node(
                    "ticket_state", {"found": "bye", "unknown": "bye", "unavailable": "bye"}, number="number"
                ),
            }
        ),
    ),
    (
        "voice",
        "“a”: the language “fr” has no voice.",
        flow({"a": node("set", {"done": "bye"}, variable="language", value="fr")}),
    ),
    (
        "minimum",
        "“a”: the least is more than the most.",
        flow({"a": collect("bye", digits_min=10)}),
    ),
    ("unreachable", "“lost” is never reached.", flow({"a": say("bye"), "lost": say("bye")})),
    (
        "dead_end",
        "“a”: from here the call never comes to an end.",
        flow({"a": menu({"key:1": "a", "timeout": "a", "invalid": "a"}, "1")}),
    ),
    (
        "spin",
        "“b” is in a loop that never waits for the caller.",
        flow(
            {
                "a": node("branch", {"is:x": "bye", "else": "b"}, variable="caller", values=["x"]),
                "b": node("goto", {"done": "a"}),
            }
        ),
    ),
    (
        "phrases",
        "The flow's own phrases cannot be used: phrases: hi.zh: “shout” is not one of",
        flow({"a": say("bye")}, phrases={"hi": {"zh": "{x:shout}"}}),
    ),
]


@pytest.mark.parametrize(("kind", "sentence", "broken"), BROKEN, ids=[row[1] for row in BROKEN])
def test_the_fault_is_found_and_said(kind: str, sentence: str, broken: Flow) -> None:
    found = [fault for fault in faults(broken) if fault.kind == kind]
    assert any(sentence in str(fault) for fault in found), [str(fault) for fault in faults(broken)]


def test_every_kind_of_fault_has_an_example() -> None:
    assert {kind for kind, _, _ in BROKEN} == set(SENTENCES)


def test_a_phrase_of_the_flow_itself_can_be_spoken() -> None:
    own = flow({"a": say("bye", "hello")}, phrases={"hello": {"zh": "早上好"}})
    assert faults(own) == []


def test_a_value_is_known_only_when_every_way_sets_it() -> None:
    def ask(other: str) -> Flow:
        return flow(
            {
                "a": node("branch", {"is:x": "one", "else": other}, variable="caller", values=["x"]),
                "one": node("set", {"done": "tell"}, variable="unit", value="x"),
                "two": node("set", {"done": "tell"}, variable="unit", value="y"),
                "tell": say("bye", "ticket.unit"),
            }
        )

    assert faults(ask("two")) == []
    assert "variable" in {fault.kind for fault in faults(ask("tell"))}


def test_a_position_can_be_spoken_while_waiting_but_not_before() -> None:
    waiting = node("queue", {"all_busy": "a", "overflow": "bye"}, queue="q", comfort=["queue.position"])
    assert faults(flow({"a": waiting})) == []
    before = faults(flow({"a": say("q", "queue.position"), "q": waiting}))
    assert [fault.kind for fault in before] == ["variable"]


def test_a_sentence_can_be_translated() -> None:
    fault = faults(flow({"a": say("z")}))[0]
    assert fault.sentence({SENTENCES["target"]: "“%(node)s”缺少“%(target)s”"}.__getitem__) == "“a”缺少“z”"


def test_every_action_says_where_it_goes() -> None:
    for name, kind in ACTIONS.items():
        for follows in kind.outcomes.values():
            assert follows is None or ACTIONS[follows].params(), name


def test_a_flow_can_be_drawn_even_when_it_is_broken() -> None:
    drawn = diagram(flow({"a": say("z", 'say "hi"'), "b": node("dance", {"x": "a"})}))
    assert drawn.startswith('digraph "f" {')
    assert '"a" -> "z" [label="done"];' in drawn
    assert "dance ?" in drawn
    assert drawn.count("{") == drawn.count("}") == 1


def test_the_command_line_says_what_is_wrong(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(msgspec.json.encode(flow({"a": say("z")})))
    assert main(["check", str(path)]) == 1
    assert "“done” goes to “z”" in capsys.readouterr().out
    path.write_bytes(msgspec.json.encode(flow({"a": say("bye")})))
    assert main(["check", str(path)]) == 0
    assert main(["check", str(tmp_path / "none.json")]) == 2
    assert main([]) == 2


README = (Path(ivr.__file__).parent / "README.md").read_text("utf-8")


def test_the_flow_in_the_readme_has_no_faults() -> None:
    example = README.partition("```json\n")[2].partition("```")[0]
    assert faults(decode(example.encode(), "README.md")) == []


@pytest.mark.parametrize("action", ACTIONS)
def test_the_readme_names_every_action_with_its_parameters_and_outcomes(action: str) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| `{action}` |"))
    kind = ACTIONS[action]
    assert all(name in row for name in (*kind.params.__struct_fields__, *kind.outcomes)), row
