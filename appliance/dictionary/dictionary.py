"""The dictionary of a box: what people maintain, read from memory, written as events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from appliance.actor import Actor
from appliance.dictionary import entry as entries
from appliance.dictionary import table
from appliance.dictionary.authority import is_central
from appliance.dictionary.draft import Draft
from appliance.dictionary.entry import Change, Entry, entry_of
from appliance.dictionary.kind import Choices, Value
from appliance.dictionary.kinds import KINDS
from appliance.refused import Refused

if TYPE_CHECKING:
    from appliance.store.store import Store


T = TypeVar("T")


class _Snapshot:
    """All entries in one state of the dictionary, kind by kind when they are asked for."""

    def __init__(self, version: table.Version) -> None:
        self.version = version
        self.entries: dict[str, Mapping[str, Entry]] = {}
        self.in_use: dict[str, Sequence[Entry]] = {}
        self.following: dict[Callable[[Dictionary], Any], Any] = {}


_SNAPSHOTS: WeakKeyDictionary[Store, _Snapshot] = WeakKeyDictionary()
"""What is known of each store's dictionary; every `Dictionary` of a store shares it."""


class Dictionary:
    """Reads and changes what people maintain; cheap to make, safe for threads and processes.

    Every reading asks the database for one number, whether anything changed since the last one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, kind: str, key: str) -> Entry | None:
        """Return an entry, retired or not."""
        return self.by_key(kind).get(key)

    def all(self, kind: str, retired: bool = False) -> Sequence[Entry]:
        """Return the entries of a kind in their order; without the retired ones unless they are asked for."""
        snapshot = self._snapshot()
        by_key = self._by_key(snapshot, kind)
        if retired:
            return tuple(by_key.values())
        if kind not in snapshot.in_use:
            snapshot.in_use[kind] = tuple(entry for entry in by_key.values() if not entry.retired)
        return snapshot.in_use[kind]

    def by_key(self, kind: str) -> Mapping[str, Entry]:
        """Return all entries of a kind, retired ones too, by key in their order."""
        return self._by_key(self._snapshot(), kind)

    def following(self, reckon: Callable[[Dictionary], T]) -> T:
        """Return what follows from the dictionary alone, reckoned once for each state of it."""
        snapshot = self._snapshot()
        if reckon not in snapshot.following:
            snapshot.following[reckon] = reckon(self)
        found: T = snapshot.following[reckon]
        return found

    def choices(self, kind: str) -> Choices:
        """Return what may be chosen now: key with Chinese and English name."""
        return {entry.key: entry.names for entry in self.all(kind)}

    def names(self, kind: str) -> Choices:
        """Return the names of everything that was ever there, for showing."""
        return {key: entry.names for key, entry in self.by_key(kind).items()}

    def parameter(self, name: str) -> Value:
        """Return a parameter in force: what was set, or its default; raises KeyError when there is none."""
        return self.by_key("parameter")[name].fields["value"]

    def whole(self, name: str) -> int:
        """Return a parameter that is a whole number."""
        value = self.parameter(name)
        assert isinstance(value, int), f"parameter {name} is no whole number"
        return value

    def history(self, kind: str, key: str) -> list[Change]:
        """Tell an entry's story, oldest first."""
        told = self._store.history(entries.subject_of(kind, key))
        return entries.history(KINDS[kind], key, told, is_central(kind, key))

    def set(
        self, actor: Actor, kind: str, key: str, fields: Mapping[str, Value], seen: bytes | None = None
    ) -> Entry:
        """Make or change an entry; only what differs is written. Raises Refused.

        `seen` is the entry's `changed` the page showed: when somebody changed the entry since,
        it is refused with "changed".
        """
        self.write(actor, lambda draft: draft.set(kind, key, fields), (kind, key, seen))
        return self._there(kind, key)

    def add(self, actor: Actor, kind: str, key: str, fields: Mapping[str, Value]) -> Entry:
        """Make an entry; raises Refused("taken") when its code was ever used."""

        def wish(draft: Draft) -> None:
            if draft.get(kind, key) is not None:
                raise Refused("taken", "The code %(key)s is used already; choose another.", key=key)
            draft.set(kind, key, fields)

        self.write(actor, wish)
        return self._there(kind, key)

    def retire(self, actor: Actor, kind: str, key: str, successor: str = "") -> Entry:
        """Take an entry out of use; what used it still shows its name. Raises Refused."""
        self.write(actor, lambda draft: draft.retire(kind, key, successor))
        return self._there(kind, key)

    def restore(self, actor: Actor, kind: str, key: str) -> Entry:
        """Take a retired entry into use again. Raises Refused."""
        self.write(actor, lambda draft: draft.restore(kind, key))
        return self._there(kind, key)

    def write(
        self,
        actor: Actor,
        wish: Callable[[Draft], object],
        seen: tuple[str, str, bytes | None] | None = None,
    ) -> int:
        """Let `wish` change a draft and record what came of it, all or nothing; return how many events."""
        with self._store.transaction():
            if seen is not None and seen[2] is not None:
                self._check_seen(*seen)
            draft = self.draft(actor)
            wish(draft)
            if draft.facts:
                self._store.record(*draft.facts)
            return len(draft.facts)

    def draft(self, actor: Actor) -> Draft:
        """Return a working copy to try changes on."""
        snapshot = self._snapshot()
        governed = self._store.site != 0 and self._store.linked
        return Draft(actor, self._store.site, lambda kind: self._by_key(snapshot, kind), governed)

    def _check_seen(self, kind: str, key: str, seen: bytes | None) -> None:
        entry = self.get(kind, key)
        if entry is not None and entry.changed != seen:
            raise Refused("changed", "Somebody else has changed this entry meanwhile. Look at it again.")

    def _there(self, kind: str, key: str) -> Entry:
        entry = self.get(kind, key)
        assert entry is not None
        return entry

    def _snapshot(self) -> _Snapshot:
        version = table.version(self._store)
        found = _SNAPSHOTS.get(self._store)
        if found is None or found.version != version:
            found = _SNAPSHOTS[self._store] = _Snapshot(version)
        return found

    def _by_key(self, snapshot: _Snapshot, kind: str) -> Mapping[str, Entry]:
        found = snapshot.entries.get(kind)
        if found is None:
            known = KINDS.get(kind)
            if known is None:
                raise Refused("unknown_kind", "There is no such list.")
            stored = table.load(self._store, kind)
            made = [entry_of(known, key, stored.get(key)) for key in {**known.shipped, **stored}]
            made.sort(key=lambda entry: (entry.place, entry.key))
            found = snapshot.entries[kind] = {entry.key: entry for entry in made}
        return found
