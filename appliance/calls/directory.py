"""Who rings when somebody is called: extensions, hunt groups, forwards and follow-me as stages. Pure.

What a phone forwards goes before what stands in the settings: always, then night, then busy;
who does not pick up, or whose phone is away, is followed to where its calls go next.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from appliance.calls.reach import Stage
from appliance.calls.targets import TARGET, Target
from appliance.published import Extension, Forward, Group

NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
DEEPEST = 5
"""Forwards that are followed, one behind the other."""
OUTSIDE_RING_S = 45.0
WHEN = ("always", "busy", "no_answer", "night")
"""When a phone's calls can be forwarded."""


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Where some of a phone's calls go, and who said so."""

    to: str
    origin: str = "settings"
    """settings, phone (keyed there) or page."""
    by: str = ""
    """The extension or the agent who set it."""


class Facts(Protocol):
    """How phones are just now."""

    def there(self, extension: str) -> bool:
        """Whether the phone could ring."""

    def in_call(self, extension: str) -> bool:
        """Whether the phone is in a call, or rings for one."""

    def night(self) -> bool:
        """Whether night service is on."""


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody is reached, and where the call goes in the end when nobody was."""

    stages: tuple[Stage, ...] = ()
    then: Target | None = None
    """A queue or a node; None: the call has come to nothing."""

    def __add__(self, other: "Way") -> "Way":
        return self if self.then else Way(self.stages + other.stages, other.then)


class Directory:
    """Extensions, groups and forwards of one box."""

    def __init__(
        self, extensions: Iterable[Extension], groups: Iterable[Group], forwards: Iterable[Forward]
    ) -> None:
        self._extensions = {extension.number: extension for extension in extensions}
        self._groups = {group.number: group for group in groups}
        self._standing: dict[str, dict[str, Forwarding]] = {}
        for forward in forwards:
            self._standing.setdefault(forward.extension, {})[forward.when] = Forwarding(forward.to)
        self._set: dict[str, dict[str, Forwarding]] = {}
        self._first: dict[str, int] = {}
        """Where a rotating group begins next time."""
        self._outside = {
            **{n: Target("ext", e.number) for e in self._extensions.values() for n in e.numbers},
            **{n: Target("group", g.number) for g in self._groups.values() for n in g.numbers},
        }

    def extension(self, number: str) -> Extension | None:
        """The extension of this number."""
        return self._extensions.get(number)

    def extensions(self) -> list[Extension]:
        """Every extension."""
        return list(self._extensions.values())

    def inside(self, number: str) -> Target | None:
        """Whose number this is inside: an extension's or a group's."""
        if number in self._extensions:
            return Target("ext", number)
        return Target("group", number) if number in self._groups else None

    def outside(self, number: str) -> Target | None:
        """Whom an outside number of ours rings directly."""
        return self._outside.get(number)

    @property
    def outside_numbers(self) -> frozenset[str]:
        """Outside numbers that ring a phone or a group directly."""
        return frozenset(self._outside)

    def forward(self, extension: str, when: str, to: Forwarding) -> None:
        """A phone's calls go elsewhere from now on; an empty `to` takes that back."""
        self._set.setdefault(extension, {})[when] = to

    def forwards(self, extension: str) -> Mapping[str, Forwarding]:
        """Where a phone's calls go, by when; what was set goes before what stands in the settings."""
        both = self._standing.get(extension, {}) | self._set.get(extension, {})
        return {when: forwarding for when, forwarding in both.items() if forwarding.to}

    def way(self, goal: Target, facts: Facts) -> Way:
        """How a target is reached as things stand."""
        return _Search(self, facts).way(goal)

    def group(self, number: str) -> Group | None:
        """The hunt group of this number."""
        return self._groups.get(number)

    def begin_at(self, group: Group) -> int:
        """Which member of a rotating group is first this time."""
        first = self._first.get(group.number, 0)
        self._first[group.number] = (first + 1) % max(1, len(group.members))
        return first

    def as_target(self, text: str) -> Target | None:
        """Read a target, or a number as it is dialled inside; None when it is neither."""
        if inside := self.inside(text):
            return inside
        found = TARGET.match(text if ":" in text else f"tel:{text}")
        if found is None or (found[1] == "tel" and not NUMBER.fullmatch(found[2])):
            return None
        return Target(found[1], found[2])


@dataclass
class _Search:
    """One look for a way; nobody is gone to twice."""

    directory: Directory
    facts: Facts
    seen: set[Target] = field(default_factory=set)
    depth: int = 0

    def way(self, goal: Target) -> Way:
        if goal.kind in ("queue", "node"):
            return Way((), goal)
        if goal in self.seen or self.depth > DEEPEST:
            return Way()
        self.seen.add(goal)
        self.depth += 1
        try:
            if goal.kind == "ext":
                return self._extension(goal)
            if goal.kind == "group":
                return self._group(goal)
            return Way((Stage((goal,), OUTSIDE_RING_S),))
        finally:
            self.depth -= 1

    def _extension(self, goal: Target) -> Way:
        extension = self.directory.extension(goal.name)
        if extension is None:
            return Way()
        to = self.directory.forwards(goal.name)
        busy = self.facts.in_call(goal.name) and not extension.waiting
        holds = (("always", True), ("night", self.facts.night()), ("busy", busy))
        for when, now in holds:
            if now and when in to:
                return self._on([to[when].to])
        follow = [to["no_answer"].to] if "no_answer" in to else list(extension.follow)
        first = Way((Stage((goal,), extension.ring_s),))
        return self._on(follow) if follow and not self.facts.there(goal.name) else first + self._on(follow)

    def _group(self, goal: Target) -> Way:
        group = self.directory.group(goal.name)
        if group is None:
            return Way()
        members = [found for text in group.members if (found := self.directory.as_target(text))]
        if group.strategy == "rotate" and members:
            first = self.directory.begin_at(group)
            members = members[first:] + members[:first]
        ready = [member for member in members if self._ready(member)]
        if group.strategy == "all":
            stages = [Stage(tuple(ready), group.ring_s)] if ready else []
        else:
            stages = [Stage((member,), group.ring_s) for member in ready]
        return Way(tuple(stages)) + self._on([group.then] if group.then else [])

    def _ready(self, member: Target) -> bool:
        """A member whose phone is away or in a call is passed over; its own forwards are not followed."""
        if member.kind != "ext":
            return True
        return self.facts.there(member.name) and not self.facts.in_call(member.name)

    def _on(self, texts: list[str]) -> Way:
        way = Way()
        for text in texts:
            if (goal := self.directory.as_target(text)) is not None:
                way += self.way(goal)
        return way
