"""A flow as data, how it is read from JSON, and the run of one call through it.

``{"name", "language", "start", "nodes": {id: {"action", "params", "next": {outcome: id}}}}``
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from ivr.actions import (
    ACTIONS,
    KEYS,
    PROMPT_FIELDS,
    Action,
    ActionKind,
    Branch,
    Collect,
    Hangup,
    Menu,
    Name,
    Queue,
    Set,
    Talk,
)

_T = TypeVar("_T")

SIZE_MAX = 1_000_000
"""Bytes of a flow file."""
VALUE_MAX = 200
"""Characters of a variable."""
LIMIT_CAUSE = 31
"""Q.850 "normal, unspecified": the run used up its steps."""


FROM_QUEUE = ("answered", "abandoned", "overflow")
"""What may happen to a waiting call whatever the flow is doing."""


class FlowError(ValueError):
    """The file is not a flow: a sentence with the file, what is wrong and the JSON path."""


class Node(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of a flow. What it may hold is said by `ACTIONS`, and checked by `ivr.faults`."""

    action: Name
    params: dict[str, Any] = {}
    next: dict[Name, Name] = {}
    note: str = ""

    def typed(self) -> Action:
        """The action with its parameters; msgspec.ValidationError when they do not fit it."""
        return msgspec.convert(self.params, ACTIONS[self.action].params)


class Flow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole flow. `phrases` (id: {language: text}) are its own, before the shipped ones.

    `steps` ends a run that goes round for ever.
    """

    name: Name
    language: Name
    start: Name
    nodes: Annotated[dict[Name, Node], Meta(min_length=1, max_length=500)]
    title: dict[Name, str] = {}
    phrases: dict[Name, dict[Name, str]] = {}
    steps: Annotated[int, Meta(ge=10, le=2000)] = 200

    def prompts(self) -> set[str]:
        """Every phrase id the flow can speak."""
        return {
            phrase
            for node in self.nodes.values()
            for name in PROMPT_FIELDS
            for phrase in getattr(node.typed(), name, ())
        }


def load(path: Path) -> Flow:
    """Read a flow file. FlowError when it is not one; OSError when it cannot be read."""
    with path.open("rb") as file:
        return decode(file.read(SIZE_MAX + 1), path.name)


def decode(data: bytes, source: str = "flow") -> Flow:
    """Read a flow from JSON (UTF-8). FlowError names the place: ``… - at `$.nodes.main.next` ``."""
    if len(data) > SIZE_MAX:
        raise FlowError(f"{source}: larger than {SIZE_MAX} bytes")
    try:
        raw = json.loads(data.decode(), object_pairs_hook=_Object, parse_constant=_no_number)
        for path, key in _twice(raw, "$"):
            raise FlowError(f"{source}: “{key}” is there twice - at `{path}`")
        json.dumps(raw, ensure_ascii=False).encode()  # half a surrogate pair could not be spoken or stored
        nodes = raw.get("nodes") if isinstance(raw, dict) else None
        for name, node in nodes.items() if isinstance(nodes, dict) else ():
            _convert(node, Node, f"$.nodes.{name}")
        return _convert(raw, Flow, "$")
    except json.JSONDecodeError as error:
        raise FlowError(f"{source}: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except msgspec.ValidationError as error:
        raise FlowError(f"{source}: {error}") from None
    except UnicodeError:
        raise FlowError(f"{source}: not UTF-8 text") from None
    except RecursionError:
        raise FlowError(f"{source}: nested too deep") from None
    except FlowError:
        raise
    except ValueError as error:
        raise FlowError(f"{source}: {error}") from None


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is not a number")


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its keys were written more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        keys = [key for key, _ in pairs]
        self.twice = [key for key in self if keys.count(key) > 1] if len(keys) > len(self) else []


def _twice(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, _Object):
        yield from ((path, key) for key in value.twice)
        for key, inner in value.items():
            yield from _twice(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _twice(inner, f"{path}[{index}]")


def _convert(value: object, type_: type[_T], path: str) -> _T:
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise msgspec.ValidationError(f"{what} - at `{path}{where or '`'}") from None


class Place(msgspec.Struct, frozen=True):
    """Where a run stands in its flow; `waiting` is the queue node it has a place in."""

    node: str
    variables: dict[str, str]
    attempt: int = 1
    steps: int = 0
    waiting: str = ""


class FlowRun:
    """One call's way through a flow: `current` is to be done, `finish` says how it ended.

    The flow must be free of faults. After the end (`ended`) nothing changes any more.
    """

    def __init__(self, flow: Flow, facts: Mapping[str, str]) -> None:
        self.flow = flow
        self.variables: dict[str, str] = {"caller": "", "called": "", "language": flow.language, **facts}
        self.node = ""
        """The node being done; empty when the action follows by itself (talk, hang-up)."""
        self.steps = 0
        self.attempt = 1
        self.limited = False
        """The run was ended because it used up the flow's steps."""
        self._waiting = ""
        self._secret: set[str] = set()
        """Variables that were keyed in secret."""
        self._action: Action = Hangup()
        self._kind: ActionKind = ACTIONS["hangup"]
        self._reach(flow.start)

    @property
    def place(self) -> Place:
        """Where the run stands, for `at`; what was keyed in secret is left out."""
        told = {name: value for name, value in self.variables.items() if name not in self._secret}
        return Place(self.node, told, self.attempt, self.steps, self._waiting)

    @classmethod
    def at(cls, flow: Flow, place: Place) -> "FlowRun":
        """A run that goes on where another stood, in the same flow; KeyError for a node it has not.

        A run at no node is in a talk.
        """
        run = cls(flow, {})
        run.variables = {**run.variables, **place.variables}
        if place.node:
            run._begin(place.node)
        else:
            run.node, run._kind, run._action = "", ACTIONS["talk"], Talk()
        if place.waiting and flow.nodes[place.waiting].action != "queue":
            raise KeyError(place.waiting)
        run._waiting, run.attempt, run.steps = place.waiting, place.attempt, place.steps
        return run

    @property
    def language(self) -> str:
        """The language to speak now."""
        return self.variables["language"]

    @property
    def queue(self) -> str | None:
        """The queue the call has a place in now; join and leave when this changes."""
        if not self._waiting:
            return None
        action = self.flow.nodes[self._waiting].typed()
        assert isinstance(action, Queue)
        return action.queue

    @property
    def ended(self) -> bool:
        """The last action is a hang-up."""
        return isinstance(self._action, Hangup)

    def current(self) -> Action:
        """What is to be done now; on a second try the prompts begin with `sorry`."""
        action = self._action
        if self.attempt > 1 and isinstance(action, Menu | Collect):
            return msgspec.structs.replace(action, prompts=(*action.sorry, *action.prompts))
        return action

    def finish(self, outcome: str, **values: str) -> Action:
        """Say how the current action ended; gives the next one.

        A menu takes any ``key:K``; a key it does not offer is ``invalid``. `collect` gives
        ``ok`` with digits=…; too few are a ``timeout``. While the call has a place in a
        queue, `FROM_QUEUE` may come during any action. ValueError for an outcome the action
        does not have, or values it does not bring: that is a bug of who runs it.
        """
        if self.ended:
            return self._action
        outcome = self._settled(outcome, values)
        if outcome in self._kind.again and self.attempt < getattr(self._action, "tries", 1):
            self.attempt += 1
            self.steps += 1
            self._stop_at_limit()
            return self.current()
        self._keep(outcome, values)
        self._follow(outcome)
        return self.current()

    def jump(self, node: str) -> Action:
        """Go on at a node of the flow, wherever the run stands: a person sent the caller there.

        KeyError for a node the flow has not.
        """
        if node not in self.flow.nodes:
            raise KeyError(node)
        self._reach(node)
        return self.current()

    def _settled(self, outcome: str, values: Mapping[str, str]) -> str:
        """The outcome as the flow knows it."""
        expected = self._kind.expected(self._action)
        if self._waiting and outcome in FROM_QUEUE and outcome not in expected:
            self._begin(self._waiting)
            return outcome
        if isinstance(self._action, Menu) and outcome not in expected:
            word, _, key = outcome.partition(":")
            if word == "key" and len(key) == 1 and key in KEYS:
                return "invalid"
        if isinstance(self._action, Collect) and outcome == "ok":
            digits = values.get("digits", "")
            return "ok" if self._action.digits_min <= len(digits) <= self._action.digits_max else "timeout"
        if outcome not in expected:
            raise ValueError(f"“{self.node}” cannot end with “{outcome}”")
        return outcome

    def _keep(self, outcome: str, values: Mapping[str, str]) -> None:
        brought = self._kind.sets.get(outcome, ())
        if isinstance(self._action, Collect):
            self.variables[self._action.store] = values.get("digits", "") if outcome == "ok" else ""
            (self._secret.add if self._action.secret else self._secret.discard)(self._action.store)
        elif unknown := set(values) - set(brought):
            raise ValueError(f"“{self.node}” does not bring {sorted(unknown)}")
        for name in brought:
            self.variables[name] = values.get(name, "")[:VALUE_MAX]

    def _follow(self, outcome: str) -> None:
        if outcome in self._kind.leaves:
            self._waiting = ""
        target = self.flow.nodes[self.node].next.get(outcome) if self.node else None
        if target is not None:
            self._reach(target)
            return
        by_itself = self._kind.expected(self._action)[outcome]
        assert by_itself is not None, f"“{self.node}” has no target for “{outcome}”"
        self.node, self.attempt, self._waiting = "", 1, ""
        self._kind = ACTIONS[by_itself]
        self._action = self._kind.params()

    def _reach(self, target: str) -> None:
        """Go to a node, doing the silent ones on the way."""
        self._begin(target)
        self.steps += 1
        while self._kind.silent and not self._stop_at_limit():
            outcome = "done"
            if isinstance(self._action, Set):
                self.variables[self._action.variable] = self._action.value
            elif isinstance(self._action, Branch):
                value = self.variables.get(self._action.variable, "")
                outcome = f"is:{value}" if value in self._action.values else "else"
            self._begin(self.flow.nodes[self.node].next[outcome])
            self.steps += 1
        self._stop_at_limit()

    def _begin(self, name: str) -> None:
        node = self.flow.nodes[name]
        self.node, self.attempt = name, 1
        self._action, self._kind = node.typed(), ACTIONS[node.action]
        if isinstance(self._action, Queue):
            self._waiting = name
        elif not self._kind.keeps_place:
            self._waiting = ""

    def _stop_at_limit(self) -> bool:
        if self.steps <= self.flow.steps or self.ended:
            return self.limited
        self.node, self.limited, self._waiting, self.attempt = "", True, "", 1
        self._action, self._kind = Hangup(cause=LIMIT_CAUSE), ACTIONS["hangup"]
        return True
