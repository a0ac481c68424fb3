"""The templates in force: what the box ships, and over it what an administrator published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from appliance.events import Event, Fact
from appliance.letters.shipped import shipped
from appliance.letters.table import PUBLISHED, RESTORED
from appliance.letters.template import Template, check
from appliance.people import ROLES, Actor
from appliance.refused import Refused
from appliance.store.store import Store


@dataclass(frozen=True, slots=True)
class Edition:
    """One line of a template's history."""

    at_s: float
    by: str
    """Number and name."""
    restored: bool
    changed: tuple[str, ...]
    """Which parts were written anew."""


class Shelf:
    """Templates by key."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, key: str) -> Template:
        """Return a template as it is in force; raises Refused."""
        found = self.all().get(key)
        if found is None:
            raise Refused("unknown_ticket", "There is no such template.")
        return found

    def all(self) -> Mapping[str, Template]:
        """Return every template in the order of the menu."""
        rows = self._store.rows("SELECT key, body FROM letter_template")
        changed = {key: msgspec.json.decode(body) for key, body in rows}
        return {key: _with(found, changed.get(key, {})) for key, found in shipped().items()}

    def publish(self, actor: Actor, template: Template) -> None:
        """Put a changed template in force from the next letter on; raises Refused with what is wrong."""
        check(template, tuple(ROLES))
        before = msgspec.to_builtins(self.get(template.key))
        after = msgspec.to_builtins(template)
        changed = {name: value for name, value in after.items() if before[name] != value}
        if not changed:
            raise Refused("changed", "This is what is written there already.")
        self._record(actor, PUBLISHED, template.key, changed)

    def restore(self, actor: Actor, key: str) -> None:
        """Take the shipped template again."""
        self.get(key)
        if not self._subject(key) or self.get(key) == shipped()[key]:
            raise Refused("changed", "This is what is written there already.")
        self._record(actor, RESTORED, key, {})

    def history(self, key: str) -> Sequence[Edition]:
        """Return what was done to a template, newest first."""
        subject = self._subject(key)
        events = self._store.history(subject) if subject else []
        return [_edition(event) for event in reversed(events)]

    def _record(self, actor: Actor, kind: str, key: str, changed: Mapping[str, Any]) -> None:
        facts = {"key": key, "fields": changed, "by": actor.number, "name": actor.name}
        self._store.record(Fact(kind, facts, self._subject(key) or None))

    def _subject(self, key: str) -> bytes:
        rows = self._store.rows("SELECT tid FROM letter_template WHERE key = ?", key)
        return bytes(rows[0][0]) if rows else b""


def _with(template: Template, changed: Mapping[str, Any]) -> Template:
    """What an older edition said that no longer fits is left as shipped."""
    if not changed:
        return template
    try:
        return msgspec.convert({**msgspec.to_builtins(template), **changed, "key": template.key}, Template)
    except msgspec.ValidationError:
        return template


def _edition(event: Event) -> Edition:
    facts = event.facts
    who = f"{facts.get('by', '')} {facts.get('name', '')}".strip()
    return Edition(event.at_s, who, event.kind == RESTORED, tuple(sorted(facts.get("fields", {}))))
