"""Saved views: conditions for lists of tickets that people keep for themselves or share with a group."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.dictionary.entry import Entry
from appliance.people import Actor
from appliance.refused import Refused
from web.context import box
from web.shown import pick

KIND = "view"
KEY_BYTES = 8


@dataclass(frozen=True, slots=True)
class View:
    """A view as its reader sees it."""

    key: str
    name: str
    conditions: str
    group: str
    """What the group is called with which it is shared; empty for a view of one's own."""
    mine: bool


def of(person: Actor) -> list[View]:
    """The views somebody may use: the own ones first, then those of the own groups."""
    names, mine = dict(groups_of(person)), person.number
    found = [view for view in box().tickets.dictionary.all(KIND) if _may_use(view, mine, names)]
    found.sort(key=lambda view: (view.text("owner") != mine, view.place, view.key))
    return [_view(view, mine, names) for view in found]


def groups_of(person: Actor) -> list[tuple[str, str]]:
    """The groups somebody is in, as member or leader, with their names; an administrator is in all."""
    dictionary = box().tickets.dictionary
    entry = dictionary.get("person", person.number)
    own: Sequence[str] = entry.words("groups") if entry else ()
    return [
        (group.key, pick(group.names))
        for group in dictionary.all("group")
        if group.key in own or group.text("leader") == person.number or person.has("AD")
    ]


def save(person: Actor, name: str, conditions: str, group: str) -> None:
    """Keep a view under a name; one of one's own with this name is replaced. Raises Refused."""
    if group and group not in dict(groups_of(person)):
        raise Refused("bad_choice", "Choose %(field)s from the list.", field="Group")
    dictionary = box().tickets.dictionary
    own = [v for v in dictionary.all(KIND) if v.text("owner") == person.number and v.names[0] == name]
    key = own[0].key if own else secrets.token_hex(KEY_BYTES)
    fields = {"name": name, "owner": person.number, "group": group, "conditions": conditions}
    dictionary.set(person, KIND, key, fields)


def remove(person: Actor, key: str) -> None:
    """Take a view out of use; raises Refused."""
    box().tickets.dictionary.retire(person, KIND, key)


def _may_use(view: Entry, number: str, groups: dict[str, str]) -> bool:
    return view.text("owner") == number or (view.text("group") != "" and view.text("group") in groups)


def _view(view: Entry, number: str, groups: dict[str, str]) -> View:
    group = groups.get(view.text("group"), "") if view.text("group") else ""
    return View(view.key, pick(view.names), view.text("conditions"), group, view.text("owner") == number)
