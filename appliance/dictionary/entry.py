"""An entry as its events fold: of each field the last writer decides, whatever order they arrive in.

Of a list what somebody added stays unless somebody who knew of that took it out again. Where the
kind is kept at the centre, what the centre wrote stands before what a site wrote, whenever it did.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from appliance.causal import AddWins
from appliance.dictionary.kind import KEY_MAX, Column, Kind, Value
from appliance.dictionary.values import clean, empty
from appliance.events import EID_BYTES, Event
from appliance.refused import Refused

SET, RETIRED, RESTORED = "dictionary.set", "dictionary.retired", "dictionary.restored"
HUB = 0
LISTS_KEY = "lists"
"""The fact of dictionary.set that says of each list field what was added to it and removed from it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What events said of an entry so far."""

    fields: Mapping[str, Value]
    retired: bool
    last: bytes
    """The newest event folded."""
    owner: int | None = None
    """Whose it is: the site that made it, or the hub once the hub has written of it; None: not said."""


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
    owner: int | None = None
    """The site whose it is, 0 for the centre; None while it is as shipped."""

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


def read(events: Iterable[Event]) -> list[Event]:
    """Return the events that say something of their entry, in the total order; malformed ones say nothing."""
    return [event for event in sorted(events, key=lambda event: event.eid) if _is_sound(event)]


def replay(events: Iterable[Event], central: bool = False) -> Stored | None:
    """Fold all events of an entry, in whatever order they come and however often; None when there is none.

    `central`: the word of the hub stands before that of a site.
    """
    told = read({event.eid: event for event in events}.values())
    if not told:
        return None
    ranked = sorted(told, key=lambda event: (central and event.site == HUB, event.eid))
    fields: dict[str, Value] = {}
    retired = False
    for event in ranked:
        fields |= event.facts.get("fields", {})
        retired = event.kind == RETIRED or (event.kind == SET and retired)
    if not central:
        fields |= {name: merged(told, name) for name in _lists(told)}
    owner = HUB if any(event.site == HUB for event in told) else told[0].site
    return Stored(fields, retired, told[-1].eid, owner)


def merged(events: Sequence[Event], name: str) -> list[Value]:
    """Merge a list field of an entry's events, which are in order; the last writer's order comes first.

    An event of an older version says the whole list only: it takes out all it knew and does not name.
    """
    there = AddWins[Value]()
    written: list[Value] = []
    for event in events:
        said = event.facts.get("fields", {})
        if name not in said:
            continue
        written = said[name] if isinstance(said[name], list) else []
        change = event.facts.get(LISTS_KEY, {}).get(name)
        if change is None:
            there.change(event, written, _without(written))
        else:
            there.change(event, change["added"], change["removed"].__contains__)
    items = there.items
    return list(dict.fromkeys([*(item for item in written if item in items), *items]))


def _without(written: Sequence[Value]) -> Callable[[Value], bool]:
    """What is not in a list that was written whole."""
    return lambda item: item not in written


def _lists(events: Sequence[Event]) -> set[str]:
    """The fields that are lists, as somebody said."""
    return {name for event in events for name in event.facts.get(LISTS_KEY, {})}


def _is_sound(event: Event) -> bool:
    if event.kind not in (SET, RETIRED, RESTORED):
        return False
    try:
        named_by(event)
        facts = event.facts
        changes = facts.get(LISTS_KEY, {})
        return isinstance(facts.get("fields", {}), dict) and all(
            isinstance(change[way], list) and all(isinstance(item, str) for item in change[way])
            for change in changes.values()
            for way in ("added", "removed")
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


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
        stored.owner if stored else None,
    )


def history(kind: Kind, key: str, events: Iterable[Event], central: bool = False) -> list[Change]:
    """Tell an entry's story, oldest first: what each event made of it."""
    told = read(events)
    changes = []
    before = entry_of(kind, key, None)
    for at, event in enumerate(told):
        new = at == 0 and key not in kind.shipped
        after = entry_of(kind, key, replay(told[: at + 1], central))
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
        before = after
    return changes


def _sane(column: Column, said: Mapping[str, Value], shipped: Mapping[str, Value]) -> Value:
    for source in (said, shipped):
        if column.name in source:
            try:
                return clean(column, source[column.name])
            except Refused:
                continue
    return empty(column)
