"""What is wrong with a flow: every fault as a sentence, so that a broken flow is never published."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce

import msgspec

from ivr.actions import ACTIONS, FACTS, LANGUAGES, PROMPT_FIELDS, Action
from ivr.flow import Flow, Node
from ivr.prompts import PhraseError, Phrases

N_ = str
"""Marks a sentence for translation."""

SENTENCES: Mapping[str, str] = {
    "language": N_("The flow's language “%(language)s” has no voice."),
    "phrases": N_("The flow's own phrases cannot be used: %(reason)s."),
    "start": N_("The flow starts at “%(target)s”, which is not there."),
    "action": N_("“%(node)s”: there is no action “%(action)s”."),
    "params": N_("“%(node)s”: the parameters do not fit “%(action)s”: %(reason)s."),
    "twice": N_("“%(node)s”: “%(value)s” is offered twice."),
    "outcome": N_("“%(node)s”: “%(action)s” never ends with “%(outcome)s”."),
    "open": N_("“%(node)s”: nothing is said for when it ends with “%(outcome)s”."),
    "target": N_("“%(node)s”: “%(outcome)s” goes to “%(target)s”, which is not there."),
    "phrase": N_("“%(node)s”: there is no phrase “%(phrase)s”."),
    "variable": N_("“%(node)s”: the variable “%(variable)s” may have no value yet."),
    "voice": N_("“%(node)s”: the language “%(language)s” has no voice."),
    "minimum": N_("“%(node)s”: the least is more than the most."),
    "unreachable": N_("“%(node)s” is never reached."),
    "dead_end": N_("“%(node)s”: from here the call never comes to an end."),
    "spin": N_("“%(node)s” is in a loop that never waits for the caller."),
}

Edges = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: `node` is empty for the whole flow; `kind` is a key of `SENTENCES`."""

    kind: str
    node: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def sentence(self, translate: Callable[[str], str] = str) -> str:
        """The fault in words."""
        return translate(SENTENCES[self.kind]) % {"node": self.node, **self.values}

    def __str__(self) -> str:
        return self.sentence()


def faults(flow: Flow, phrases: Phrases | None = None) -> list[Fault]:
    """Everything wrong with the flow; empty means it may be published.

    `phrases` are the site's (default: the shipped ones). The way through the flow is
    looked at only when the nodes by themselves are sound.
    """
    try:
        known = (phrases or Phrases.load()).also(flow.phrases, "phrases")
    except PhraseError as error:
        return [Fault("phrases", values={"reason": str(error)})]
    found = [Fault("language", values={"language": flow.language})] if flow.language not in LANGUAGES else []
    if flow.start not in flow.nodes:
        found.append(Fault("start", values={"target": flow.start}))
    for name, node in flow.nodes.items():
        found += _node_faults(name, node, flow, known)
    return found or [*_way_faults(flow), *_variable_faults(flow, known)]


def _node_faults(name: str, node: Node, flow: Flow, phrases: Phrases) -> Iterator[Fault]:
    kind = ACTIONS.get(node.action)
    if kind is None:
        yield Fault("action", name, {"action": node.action})
        return
    try:
        action = node.typed()
    except msgspec.ValidationError as error:
        yield Fault("params", name, {"action": node.action, "reason": str(error)})
        return
    if kind.each:
        values = list(getattr(action, kind.each[1]))
        for value in sorted({value for value in values if values.count(value) > 1}):
            yield Fault("twice", name, {"value": value})
    expected = kind.expected(action)
    for outcome, target in node.next.items():
        if outcome not in expected:
            yield Fault("outcome", name, {"action": node.action, "outcome": outcome})
        elif target not in flow.nodes:
            yield Fault("target", name, {"outcome": outcome, "target": target})
    for outcome, by_itself in expected.items():
        if by_itself is None and outcome not in node.next:
            yield Fault("open", name, {"outcome": outcome})
    for phrase in _phrases_of(action):
        if phrase not in phrases:
            yield Fault("phrase", name, {"phrase": phrase})
    if kind.stores and getattr(action, kind.stores) == "language":
        value = getattr(action, "value", "")
        if value not in LANGUAGES:
            yield Fault("voice", name, {"language": value})
    for least, most in (("digits_min", "digits_max"), ("min_s", "max_s")):
        if getattr(action, least, 0) > getattr(action, most, 0):
            yield Fault("minimum", name)


def _phrases_of(action: Action) -> list[str]:
    return [phrase for name in PROMPT_FIELDS for phrase in getattr(action, name, ())]


def _way_faults(flow: Flow) -> Iterator[Fault]:
    edges = {name: set(node.next.values()) for name, node in flow.nodes.items()}
    reached = _closure(edges, [flow.start])
    back: dict[str, set[str]] = {name: set() for name in flow.nodes}
    for name, targets in edges.items():
        for target in targets:
            back[target].add(name)
    ends = [name for name, node in flow.nodes.items() if _can_end(node)]
    ending = _closure(back, ends)
    hasty = {name for name, node in flow.nodes.items() if not ACTIONS[node.action].waits}
    for name in flow.nodes:
        if name not in reached:
            yield Fault("unreachable", name)
        elif name not in ending:
            yield Fault("dead_end", name)
        elif name in hasty:
            quick = {one: edges[one] & hasty for one in hasty}
            if name in _closure(quick, quick[name]):
                yield Fault("spin", name)


def _can_end(node: Node) -> bool:
    expected = ACTIONS[node.action].expected(node.typed())
    # A caller who gives up is no way for the flow to end.
    left = [outcome for outcome in expected if outcome not in node.next and outcome != "abandoned"]
    return bool(left) or not expected


def _closure(edges: Mapping[str, set[str]], start: Iterable[str]) -> set[str]:
    seen: set[str] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += edges[name]
    return seen


def _variable_faults(flow: Flow, phrases: Phrases) -> Iterator[Fault]:
    """A variable must have been set on every way to where it is used."""
    for name, known in _known_before(flow).items():
        node = flow.nodes[name]
        kind, action = ACTIONS[node.action], node.typed()
        used = {getattr(action, parameter) for parameter in kind.reads} - {""}
        for parameter in PROMPT_FIELDS:
            spoken = {v for phrase in getattr(action, parameter, ()) for v in phrases.variables(phrase)}
            used |= spoken - set(kind.lends.get(parameter, ()))
        for variable in sorted(used - known):
            yield Fault("variable", name, {"variable": variable})


def _known_before(flow: Flow) -> dict[str, frozenset[str]]:
    """Which variables surely have a value when a node is reached (reached nodes only)."""
    before = {flow.start: FACTS}
    todo = [flow.start]
    while todo:
        name = todo.pop()
        for outcome, target in flow.nodes[name].next.items():
            after = before[name] | _brought(flow.nodes[name], outcome)
            merged = reduce(frozenset.intersection, [before[target]] if target in before else [], after)
            if before.get(target) != merged:
                before[target] = merged
                todo.append(target)
    return before


def _brought(node: Node, outcome: str) -> frozenset[str]:
    kind = ACTIONS[node.action]
    stored = {getattr(node.typed(), kind.stores)} if kind.stores and outcome in ("ok", "done") else set()
    return frozenset({*kind.sets.get(outcome, ()), *stored})
