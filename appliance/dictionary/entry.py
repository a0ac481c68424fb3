"""An entry as its events fold: of each field the last writer decides, whatever order they arrive in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from appliance.dictionary.kind import KEY_MAX, Column, Kind, Value
from appliance.dictionary.values import clean, empty
from appliance.events import EID_BYTES, Event
from appliance.refused import Refused

SET, RETIRED, RESTORED = "dictionary.set", "dictionary.retired", "dictionary.restored"


@dataclass(frozen=True, slots=True)
class Stored:
    """What events said of an entry so far."""

    fields: Mapping[str, Value]
    retired: bool
    last: bytes
    """The newest event folded."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it stands; every column of its kind has a value."""

    kind: str
    key: str
    fields: Mapping[str, Value]
    retired: bool = False
    place: int = 0
    changed: bytes = b""
    """The last event that changed it; empty while it is as shipped."""

    def text(self, column: str) -> str:
        """Return a field as text, empty when it is none."""
        value = self.fields.get(column)
        return value if isinstance(value, str) else "" if value is None else str(value)

    def words(self, column: str) -> Sequence[str]:
        """Return a field that is a list."""
        value = self.fields.get(column)
        return [str(item) for item in value] if isinstance(value, list) else ()

    @property
    def names(self) -> tuple[str, str]:
        """Chinese and English name; what is missing is taken from the other, or is the key."""
        zh = self.text("name") or self.text("name_en") or self.key
        return zh, self.text("name_en") or zh


@dataclass(frozen=True, slots=True)
class Change:
    """One event in an entry's history."""

    eid: bytes
    at_s: float
    site: int
    by: str
    name: str
    what: str
    """made, set, retired or restored."""
    fields: Mapping[str, tuple[Value, Value]]
    """What was changed: before and after."""


def subject_of(kind: str, key: str) -> bytes:
    """Return the subject of an entry's events, the same at every site."""
    return blake2b(f"{kind}\0{key}".encode(), digest_size=EID_BYTES, person=b"dictionary").digest()


def named_by(event: Event) -> tuple[str, str]:
    """Return kind and key an event is about; raises ValueError when it is malformed."""
    kind, key = event.facts["entry_kind"], event.facts["key"]
    if not isinstance(kind, str) or not isinstance(key, str) or not 0 < len(key) <= KEY_MAX:
        raise ValueError(f"{event.kind} names no entry")
    if subject_of(kind, key) != event.subject:
        raise ValueError(f"{event.kind} of {kind} {key} has another subject")
    return kind, key


def fold(before: Stored | None, event: Event) -> Stored:
    """Return the entry after one more event, later than all before; raises ValueError when malformed."""
    fields = event.facts.get("fields", {})
    if not isinstance(fields, dict):
        raise ValueError(f"fields of {event.kind} are none")
    retired = event.kind == RETIRED or (event.kind == SET and before is not None and before.retired)
    return Stored({**(before.fields if before else {}), **fields}, retired, event.eid)


def replay(events: Iterable[Event]) -> Stored | None:
    """Fold all events of an entry, in the total order; those that are malformed change nothing."""
    stored = None
    for event in events:
        try:
            named_by(event)
            stored = fold(stored, event)
        except (KeyError, TypeError, ValueError):
            continue
    return stored


def entry_of(kind: Kind, key: str, stored: Stored | None) -> Entry:
    """Complete what events said with what is shipped and with defaults; nonsense counts as unsaid."""
    shipped = kind.shipped.get(key, {})
    said = {**shipped, **(stored.fields if stored else {})}
    try:
        columns = kind.columns_for(key)
    except Refused:
        columns = ()
    fields = {column.name: _sane(column, said, shipped) for column in columns}
    place = said.get("place")
    return Entry(
        kind.name,
        key,
        fields,
        stored.retired if stored else False,
        place if isinstance(place, int) else 0,
        stored.last if stored else b"",
    )


def history(kind: Kind, key: str, events: Iterable[Event]) -> list[Change]:
    """Tell an entry's story, oldest first."""
    stored: Stored | None = None
    changes = []
    for event in events:
        before = entry_of(kind, key, stored)
        new = stored is None and key not in kind.shipped
        try:
            named_by(event)
            stored = fold(stored, event)
        except (KeyError, TypeError, ValueError):
            continue
        after = entry_of(kind, key, stored)
        facts = event.facts
        fields = {
            name: (before.fields[name], value)
            for name, value in after.fields.items()
            if before.fields[name] != value
        }
        if before.place != after.place:
            fields["place"] = (before.place, after.place)
        who = (str(facts.get("by", "")), str(facts.get("name", "")))
        what = "made" if new else event.kind.partition(".")[2]
        changes.append(Change(event.eid, event.at_s, event.site, *who, what, fields))
    return changes


def _sane(column: Column, said: Mapping[str, Value], shipped: Mapping[str, Value]) -> Value:
    for source in (said, shipped):
        if column.name in source:
            try:
                return clean(column, source[column.name])
            except Refused:
                continue
    return empty(column)
