"""Changes to the dictionary before they are written: what is asked in, facts out; no I/O.

One change or a whole import is the same: every wish is tried on a working copy, and only when
nothing is refused are the facts recorded, all in one transaction.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from appliance.actor import Actor
from appliance.dictionary import authority
from appliance.dictionary.entry import LISTS_KEY, RESTORED, RETIRED, SET, Entry, subject_of
from appliance.dictionary.kind import DEPTH_MAX, ENTRIES_MAX, Kind, Value, Wish
from appliance.dictionary.kinds import KINDS
from appliance.dictionary.values import LISTS, clean, empty, referred
from appliance.events import Fact
from appliance.refused import Refused

PLACE_STEP = 10
PLACE_MAX = 10_000_000


class Draft:
    """A working copy of the dictionary that `actor` changes; `entries` gives what is in force, by kind."""

    def __init__(
        self,
        actor: Actor,
        site: int,
        entries: Callable[[str], Mapping[str, Entry]],
        governed: bool = False,
    ) -> None:
        self.facts: list[Fact] = []
        self._actor = actor
        self._site = site
        self._entries = entries
        self._governed = governed and not actor.has("SYS")
        """The box belongs to a hub, which has a say in what it may write."""
        self._own: dict[str, dict[str, Entry]] = {}

    def get(self, kind: str, key: str) -> Entry | None:
        """Return an entry as it would be."""
        return self._of(kind).get(key)

    def set(self, kind: str, key: str, fields: Mapping[str, Value], loose: bool = False) -> bool:
        """Make or change an entry; tell whether anything changed. Raises Refused.

        `loose` leaves out what depends on other entries; `check` looks at that later.
        """
        before, changed = self._changed(kind, key, fields)
        if not changed:
            return False
        self._heed(kind, key, changed)
        after = _with(before, changed)
        if not loose:
            self._check(after, changed)
        self._put(after)
        self._fact(SET, kind, key, changed, _apart(KINDS[kind], before, changed))
        return True

    def retire(self, kind: str, key: str, successor: str = "") -> bool:
        """Take an entry out of use; its code and name stay for what used it. Raises Refused."""
        entry = self._known(kind, key)
        table = KINDS[kind]
        if table.closed:
            raise Refused("closed", "This list is fixed; nothing can be added to it or taken from it.")
        if entry.retired:
            return False
        if table.tree and any(
            other.text("parent") == key and not other.retired for other in self._of(kind).values()
        ):
            raise Refused(
                "has_children", "Move or retire first what stands below %(name)s.", name=entry.names[0]
            )
        self._heed(kind, key, ())
        changed: dict[str, Value] = {}
        if successor:
            changed["successor"] = successor
        after = _with(entry, changed, retired=True)
        self._check(after, changed)
        self._put(after)
        self._fact(RETIRED, kind, key, changed)
        return True

    def restore(self, kind: str, key: str) -> bool:
        """Take a retired entry into use again. Raises Refused."""
        entry = self._known(kind, key)
        if not entry.retired:
            return False
        self._heed(kind, key, ())
        after = _with(entry, {}, retired=False)
        if KINDS[kind].tree:
            self._check(after, {"parent"})
        self._put(after)
        self._fact(RESTORED, kind, key, {})
        return True

    def check(self, kind: str, key: str, names: Collection[str]) -> None:
        """Look at what these columns of an entry say of others; raises Refused."""
        self._check(self._known(kind, key), names)

    def _changed(self, kind: str, key: str, fields: Mapping[str, Value]) -> tuple[Entry, dict[str, Value]]:
        table = self._may_edit(kind)
        before = self._of(kind).get(key)
        if before is None and not re.fullmatch(table.key_pattern, key):
            raise Refused(
                "bad_code",
                "A code has 1 to 32 letters, digits, dots, dashes or underscores: %(key)s",
                key=key[:40],
            )
        if before is None and table.closed:
            raise Refused("unknown_entry", "The entry %(key)s does not exist.", key=key[:40])
        columns = {column.name: column for column in table.columns_for(key)}
        new = before is None
        if before is None:
            if len(self._of(kind)) >= ENTRIES_MAX:
                raise Refused("too_many_entries", "This list is full.")
            before = Entry(kind, key, {name: empty(column) for name, column in columns.items()})
        changed: dict[str, Value] = {}
        for name, raw in fields.items():
            if name == "place" and table.ordered:
                place = _place(raw)
                if place != before.place or (new and str(raw).strip()):
                    changed["place"] = place
                continue
            if name not in columns:
                raise Refused("unknown_field", "The field %(field)s does not exist.", field=name[:60])
            value = clean(columns[name], raw)
            if value != before.fields[name] or type(value) is not type(before.fields[name]):
                changed[name] = value
        if new:
            self._complete(table, changed, columns)
        return before, changed

    def _complete(self, table: Kind, changed: dict[str, Value], columns: Mapping[str, Any]) -> None:
        """Of a new entry say what nobody said, its site and its place; ask for what is needed."""
        for name, column in columns.items():
            if column.type == "site" and changed.get(name) is None:
                changed[name] = self._site
            if column.required and name not in changed:
                clean(column, empty(column))
        if table.ordered and not table.tree and "place" not in changed:
            changed["place"] = PLACE_STEP + max(
                (entry.place for entry in self._of(table.name).values()), default=0
            )

    def _check(self, entry: Entry, names: Collection[str]) -> None:
        """Refuse what does not go with other entries, as far as these columns say something of them."""
        table = KINDS[entry.kind]
        for column in table.columns_for(entry.key):
            if column.name in names and column.refers:
                for key in referred(column, entry.fields[column.name]):
                    other = (
                        entry
                        if (column.refers, key) == (entry.kind, entry.key)
                        else self.get(column.refers, key)
                    )
                    if other is None:
                        raise Refused(
                            "unknown_reference",
                            "%(field)s: there is no %(kind)s with the code %(key)s.",
                            field=column.en,
                            kind=KINDS[column.refers].en,
                            key=key[:40],
                        )
                    if other.retired and not entry.retired:
                        raise Refused(
                            "retired_reference",
                            "%(field)s: %(name)s is not in use any more; choose another.",
                            field=column.en,
                            name=other.names[0],
                        )
        if table.tree and "parent" in names:
            self._check_tree(entry)
        if entry.retired and entry.text("successor") == entry.key:
            raise Refused("own_successor", "Nothing can succeed itself.")

    def _check_tree(self, entry: Entry) -> None:
        seen = {entry.key}
        parent = entry.text("parent")
        while parent:
            if parent in seen:
                raise Refused("cycle", "%(name)s would stand below itself.", name=entry.names[0])
            seen.add(parent)
            if len(seen) > DEPTH_MAX:
                raise Refused("too_deep", "A tree has at most %(most)s levels.", most=DEPTH_MAX)
            above = self.get(entry.kind, parent)
            parent = above.text("parent") if above else ""

    def _may_edit(self, kind: str) -> Kind:
        table = KINDS.get(kind)
        if table is None:
            raise Refused("unknown_kind", "There is no such list.")
        if not self._actor.has("SYS", *table.editors):
            raise Refused("not_yours", "Your role does not change this list.")
        return table

    def _known(self, kind: str, key: str) -> Entry:
        self._may_edit(kind)
        entry = self.get(kind, key)
        if entry is None:
            raise Refused("unknown_entry", "The entry %(key)s does not exist.", key=key[:40])
        return entry

    def _of(self, kind: str) -> Mapping[str, Entry]:
        return self._own[kind] if kind in self._own else self._entries(kind)

    def _put(self, after: Entry) -> None:
        own = self._own.setdefault(after.kind, dict(self._of(after.kind)))
        before = own.get(after.key)
        check = KINDS[after.kind].check
        if check is not None:
            check(Wish(self._actor, before, after, {**own, after.key: after}))
        own[after.key] = after

    def _heed(self, kind: str, key: str, changed: Collection[str]) -> None:
        """Heed what the hub has a say in."""
        if self._governed:
            authority.check(self._site, kind, key, self._of(kind).get(key), changed)

    def _fact(
        self,
        what: str,
        kind: str,
        key: str,
        fields: Mapping[str, Value],
        lists: Mapping[str, Value] | None = None,
    ) -> None:
        facts: dict[str, Value] = {"entry_kind": kind, "key": key}
        if fields:
            facts["fields"] = dict(fields)
        if lists:
            facts[LISTS_KEY] = lists
        facts |= {"by": self._actor.number, "name": self._actor.name}
        self.facts.append(Fact(what, facts, subject_of(kind, key)))


def _with(entry: Entry, changed: Mapping[str, Value], retired: bool | None = None) -> Entry:
    place = changed.get("place", entry.place)
    fields = {**entry.fields, **{name: value for name, value in changed.items() if name in entry.fields}}
    return Entry(
        entry.kind,
        entry.key,
        fields,
        entry.retired if retired is None else retired,
        place if isinstance(place, int) else 0,
        entry.changed,
        entry.owner,
    )


def _apart(kind: Kind, before: Entry, changed: Mapping[str, Value]) -> dict[str, Value]:
    """Of lists that change, what comes and what goes, so that two sites' changes come together."""
    names = {column.name for column in kind.columns_for(before.key) if column.type in LISTS}
    found: dict[str, Value] = {}
    for name in names & changed.keys():
        old, new = before.words(name), changed[name]
        assert isinstance(new, list)
        found[name] = {
            "added": [item for item in new if item not in old],
            "removed": [item for item in old if item not in new],
        }
    return found


def _place(raw: Value) -> int:
    text = str(raw if raw is not None else 0).strip() or "0"
    if not re.fullmatch(r"[0-9]{1,8}", text) or int(text) > PLACE_MAX:
        raise Refused("bad_number", "%(field)s must be a number.", field="Place")
    return int(text)
