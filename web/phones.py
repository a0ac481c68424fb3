"""What the pages about phones show: who is where, where calls go, and the words for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from flask_babel import gettext, lazy_gettext

from appliance.calls import wire
from appliance.calls.directory import WHEN, Directory
from appliance.calls.numbers import FREE, NUMBER_KINDS, OTHER
from appliance.calls.route_table import classes_of
from appliance.calls.targets import TARGET
from appliance.published import Extension, Published
from web.context import box
from web.directory import NODES
from web.link import Away

STATES = {
    "idle": lazy_gettext("idle"),
    "in_call": lazy_gettext("in a call"),
    "away": lazy_gettext("away"),
    "": lazy_gettext("not known"),
}
COLOURS = {"idle": "good", "in_call": "blue", "away": "", "": "warn"}
WHENS = {
    "always": lazy_gettext("Always"),
    "busy": lazy_gettext("When busy"),
    "no_answer": lazy_gettext("When nobody answers"),
    "night": lazy_gettext("At night"),
}
STRATEGIES = {
    "in_turn": lazy_gettext("one after another"),
    "rotate": lazy_gettext("each time another one first"),
    "all": lazy_gettext("all at once"),
}
NUMBER_KIND_TITLES = {
    "emergency": lazy_gettext("Emergency"),
    "site": lazy_gettext("Other sites"),
    "local": lazy_gettext("Local"),
    "mobile": lazy_gettext("Mobile"),
    "national": lazy_gettext("Long distance"),
    "international": lazy_gettext("International"),
    "service": lazy_gettext("Service numbers"),
    "premium": lazy_gettext("Premium rate"),
    "other": lazy_gettext("Others"),
}
CLASS_TITLES = {
    "inside": lazy_gettext("Inside only"),
    "local": lazy_gettext("Local calls"),
    "national": lazy_gettext("National calls"),
    "all": lazy_gettext("All calls"),
}
COSTS = {
    "free": lazy_gettext("costs nothing"),
    "local": lazy_gettext("local rate"),
    "national": lazy_gettext("long-distance rate"),
    "international": lazy_gettext("international rate"),
}


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A forward in force, in words."""

    when: str
    to: str
    title: str
    origin: str
    """settings, phone or page."""
    by: str


class Names:
    """The names of the box's own numbers."""

    def __init__(self, published: Published) -> None:
        self._directory = Directory(published.extensions, published.groups, ())
        self._agents = {agent.number: agent.name for agent in published.agents}
        self._queues = {queue.name: queue.title or queue.name for queue in published.queues}

    def target(self, text: str) -> str:
        """Whom a target, or a number as it is dialled, means: number and name."""
        goal = self._directory.as_target(text)
        match (goal.kind, goal.name) if goal else ("", text):
            case "ext", number:
                found = self._directory.extension(number)
                return f"{number} {found.name if found else ''}".strip()
            case "group", number:
                group = self._directory.group(number)
                return f"{number} {group.name if group else ''}".strip()
            case "queue", name:
                return str(gettext("queue %(name)s", name=self._queues.get(name, name)))
            case "node", name:
                return str(NODES.get(name, name))
            case "agent", number:
                return self.agent(number)
            case _, name:
                return name

    def agent(self, number: str) -> str:
        """An agent's number and name."""
        return f"{number} {self._agents.get(number, '')}".strip()


def views() -> dict[str, wire.ExtensionView] | None:
    """Every phone as it is now; None while the call process cannot be reached."""
    try:
        reply = box().calls.order(wire.GetDirectory())
    except Away:
        return None
    found = msgspec.convert(reply.data.get("extensions", []), list[wire.ExtensionView]) if reply.ok else []
    return {view.number: view for view in found}


def trunk_states() -> dict[str, dict[str, str]]:
    """Each trunk's state and why, by its name."""
    found = ((line.name.partition("/"), line) for line in box().calls.board.lines)
    return {
        name: {"state": "down" if line.state == "down" else "up", "reason": line.reason}
        for (kind, _, name), line in found
        if kind == "trunk"
    }


def forwards(
    extension: Extension, view: wire.ExtensionView | None, published: Published, names: Names
) -> list[Forwarded]:
    """The forwards in force; while the call process is away, those of the settings."""
    if view is None:
        standing = {f.when: f.to for f in published.forwards if f.extension == extension.number}
        return [
            Forwarded(w, standing[w], names.target(standing[w]), "settings", "") for w in _sorted(standing)
        ]
    return [
        Forwarded(
            when,
            view.forwards[when],
            names.target(view.forwards[when]),
            *view.origins.get(when, ("settings", "")),
        )
        for when in _sorted(view.forwards)
    ]


def origin_title(forward: Forwarded, people: Mapping[str, str]) -> str:
    """Who set a forward, and where."""
    if forward.origin == "phone":
        return str(gettext("keyed at the phone"))
    if forward.origin == "page":
        by = f"{forward.by} {people.get(forward.by, '')}".strip()
        return str(gettext("by page: %(who)s", who=by) if by else gettext("by page"))
    return str(gettext("by settings"))


def people() -> dict[str, str]:
    """The names of everybody, by number."""
    return dict(box().store.rows("SELECT number, name FROM person"))


def phones(published: Published) -> list[Extension]:
    """Every phone people know: the demo's citizens are none."""
    return sorted(
        (e for e in published.extensions if e.kind != "citizen"), key=lambda e: (len(e.number), e.number)
    )


def kind_title(name: str) -> str:
    """The name of a kind of number."""
    return str(NUMBER_KIND_TITLES.get(name, name))


def kind_names(published: Published) -> list[str]:
    """Every kind of number, the free ones left out."""
    own = {kind.name for kind in (*published.number_kinds, *NUMBER_KINDS)} - FREE
    return [
        *(kind for kind in NUMBER_KIND_TITLES if kind in own),
        *sorted(own - set(NUMBER_KIND_TITLES)),
        OTHER,
    ]


def class_title(name: str) -> str:
    """The name of a class of service."""
    return str(CLASS_TITLES.get(name or "national", name))


def class_table(published: Published) -> list[dict[str, Any]]:
    """Each class of service with what it may call: yes, pin, account, or no."""
    return [
        {
            "name": row.name,
            "title": class_title(row.name),
            "own": row in published.classes,
            "kinds": [
                {
                    "allowed": kind in row.may or kind in row.with_pin,
                    "pin": kind in row.with_pin,
                    "account": kind in row.account,
                }
                for kind in kind_names(published)
            ],
        }
        for row in classes_of(published)
    ]


def goals(published: Published) -> Iterator[tuple[str, str]]:
    """What a forward can be set to, with its name, for a list to choose from."""
    for extension in phones(published):
        yield extension.number, extension.name
    for group in published.groups:
        yield group.number, group.name
    for queue in published.queues:
        yield f"queue:{queue.name}", queue.title or queue.name


def as_typed(text: str) -> str:
    """A target or number as somebody typed it, without what stands between digits."""
    text = text.strip()
    return text if TARGET.match(text) else "".join(sign for sign in text if sign not in " -()/.")


def _sorted(by_when: Mapping[str, str]) -> list[str]:
    return [when for when in WHEN if by_when.get(when)] if by_when else []
