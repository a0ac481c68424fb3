"""The dictionary over the API: what people maintain, read, changed and taken out of use, with its history."""

from typing import Annotated, Any

from msgspec import Meta

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.entry import Entry
from appliance.dictionary.kind import KEY_MAX, Column, Kind
from appliance.dictionary.kinds import KINDS
from appliance.refused import Refused
from web import shown
from web.api import shapes
from web.api.door import check_scope
from web.api.endpoint import Answer, Strict
from web.context import box, me

PEOPLE = "people"
Key = Annotated[str, Meta(max_length=KEY_MAX)]


class ColumnTold(Answer, frozen=True):
    """A field of the entries of a kind."""

    name: str
    title: str
    type: str
    limit: int
    required: bool
    refers: str
    choices: list[str] | None
    least: float | None
    most: float | None
    note: str


class KindTold(Answer, frozen=True):
    """A kind of entries: one thing people maintain."""

    kind: str
    title: str
    subject: str
    editors: list[str]
    tree: bool
    closed: bool
    """No entries but the shipped ones."""
    columns: list[ColumnTold]


class Kinds(Answer, frozen=True):
    """Every kind there is."""

    kinds: list[KindTold]


class EntryTold(Answer, frozen=True):
    """An entry as it stands."""

    kind: str
    key: str
    name: str
    fields: dict[str, Any]
    retired: bool
    place: int
    seen: str
    """Send it as If-Match; empty while the entry is as shipped."""


class Entries(Answer, frozen=True):
    """The entries of a kind in their order."""

    entries: list[EntryTold]


class WithRetired(Strict, frozen=True):
    """Whether those taken out of use are wanted too."""

    retired: bool = False


class EntryWritten(Strict, frozen=True):
    """What is to be written in an entry; fields left out stay as they are."""

    fields: dict[Annotated[str, Meta(max_length=60)], Any]


class Successor(Strict, frozen=True):
    """What takes the place of an entry taken out of use."""

    successor: Key = ""


class ChangeTold(Answer, frozen=True):
    """One change of an entry."""

    at: shapes.At
    what: str
    by: str
    name: str
    site: int
    fields: dict[str, list[Any]]
    """What was changed: before and after."""


class Changes(Answer, frozen=True):
    """An entry's story, oldest first."""

    changes: list[ChangeTold]


def kinds() -> Kinds:
    """Tell which kinds there are."""
    return Kinds([_kind(kind) for kind in KINDS.values()])


def entries(kind: str, query: WithRetired) -> Entries:
    """Tell the entries of a kind."""
    _reach(kind, "read")
    return Entries([_told(entry) for entry in _dictionary().all(kind, query.retired)])


def one(kind: str, key: str) -> EntryTold:
    """Tell one entry."""
    _reach(kind, "read")
    return _told(_there(kind, key))


def write(kind: str, key: str, body: EntryWritten, seen: bytes | None) -> EntryTold:
    """Make or change an entry."""
    _reach(kind, "write")
    return _told(_dictionary().set(me(), kind, key, body.fields, seen))


def retire(kind: str, key: str, body: Successor) -> EntryTold:
    """Take an entry out of use."""
    _reach(kind, "write")
    return _told(_dictionary().retire(me(), kind, key, body.successor))


def restore(kind: str, key: str) -> EntryTold:
    """Take an entry into use again."""
    _reach(kind, "write")
    return _told(_dictionary().restore(me(), kind, key))


def history(kind: str, key: str) -> Changes:
    """Tell what was changed when by whom."""
    _reach(kind, "read")
    _there(kind, key)
    return Changes(
        [
            ChangeTold(
                shapes.sure(change.at_s),
                change.what,
                change.by,
                change.name,
                change.site,
                {name: [before, after] for name, (before, after) in change.fields.items()},
            )
            for change in _dictionary().history(kind, key)
        ]
    )


def _dictionary() -> Dictionary:
    return Dictionary(box().store)


def _reach(kind: str, way: str) -> None:
    """Refuse a kind that is not there, and people to who is neither an administrator nor has the scope."""
    found = KINDS.get(kind)
    if found is None:
        raise Refused("unknown_kind", "There is no such list.")
    if found.subject == PEOPLE:
        check_scope(f"people:{way}")
        if not me().has(*found.editors):
            raise Refused("not_yours", "Your role does not change this list.")


def _there(kind: str, key: str) -> Entry:
    entry = _dictionary().get(kind, key)
    if entry is None:
        raise Refused("unknown_entry", "The entry %(key)s does not exist.", key=key[:40])
    return entry


def _kind(kind: Kind) -> KindTold:
    columns = [] if kind.columns_of else [_column(column) for column in kind.columns]
    return KindTold(
        kind.name,
        shown.pick((kind.zh, kind.en)),
        kind.subject,
        sorted(kind.editors),
        kind.tree,
        kind.closed,
        columns,
    )


def _column(column: Column) -> ColumnTold:
    return ColumnTold(
        column.name,
        shown.pick((column.zh, column.en)),
        column.type,
        column.limit,
        column.required,
        column.refers,
        None if column.choices is None else list(column.choices),
        column.least,
        column.most,
        shown.pick((column.note_zh, column.note_en)),
    )


def _told(entry: Entry) -> EntryTold:
    return EntryTold(
        entry.kind,
        entry.key,
        shown.pick(entry.names),
        dict(entry.fields),
        entry.retired,
        entry.place,
        entry.changed.hex(),
    )
