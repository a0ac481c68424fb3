"""An import of settings: tried first, told row by row, then all of it or nothing."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

from appliance.actor import Actor
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.draft import Draft
from appliance.dictionary.files import Fault, Row, kind_of, read
from appliance.dictionary.kind import Kind, Value
from appliance.dictionary.kinds import KINDS
from appliance.dictionary.values import empty
from appliance.refused import Refused

SHOWN_MAX = 2000
"""More changes are counted, not listed."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What an import would do to one entry."""

    file: str
    line: int
    kind: str
    key: str
    what: str
    """added, changed, retired or restored."""
    fields: Mapping[str, tuple[Value, Value]]
    """Before and after."""


@dataclass(slots=True)
class Preview:
    """What an import would do."""

    differences: list[Difference] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    same: int = 0
    """Rows that say what is so already."""

    def count(self, what: str) -> int:
        """Count the entries of which something would be done."""
        return sum(difference.what == what for difference in self.differences)


def preview(dictionary: Dictionary, actor: Actor, files: Mapping[str, bytes]) -> Preview:
    """Try an import; nothing is written."""
    found = Preview()
    _try(dictionary.draft(actor), files, found)
    return found


def carry_out(dictionary: Dictionary, actor: Actor, files: Mapping[str, bytes]) -> Preview:
    """Import all of it, or raise Refused when anything is wrong."""
    found = Preview()

    def wish(draft: Draft) -> None:
        _try(draft, files, found)
        if found.faults:
            raise Refused(
                "bad_import", "%(count)s rows cannot be used. Nothing was imported.", count=len(found.faults)
            )

    dictionary.write(actor, wish)
    return found


def _try(draft: Draft, files: Mapping[str, bytes], found: Preview) -> None:
    """Every file is read, then every row is put, then what rows say of each other is looked at."""
    ready: list[tuple[str, Kind, list[Row]]] = []
    for name, data in files.items():
        try:
            kind = kind_of(name)
        except Refused as refused:
            found.faults.append(Fault(name, 0, "", refused))
            continue
        rows, faults = read(kind, name, data)
        found.faults += faults
        ready.append((name, kind, rows))
    if not files:
        found.faults.append(Fault("", 0, "", Refused("no_files", "There is no file of settings in it.")))
    order = list(KINDS)
    ready.sort(key=lambda file: order.index(file[1].name))
    put: list[_Put] = []
    for name, kind, rows in ready:
        for row in rows:
            changed = _put(draft, found, name, kind, row)
            if changed is not None:
                put.append(_Put(name, kind, row, changed))
    for one in put:
        if one.row.retired is False:
            _use(draft, found, one, draft.restore, "restored")
    for one in put:
        _attempt(found, one.file, one.row, partial(draft.check, one.kind.name, one.row.key, one.changed))
    for one in reversed(put):
        if one.row.retired:
            _use(draft, found, one, draft.retire, "retired")
    found.faults.sort(key=lambda fault: (fault.file, fault.line))


@dataclass(frozen=True, slots=True)
class _Put:
    """A row that was put, and which columns it changed."""

    file: str
    kind: Kind
    row: Row
    changed: Collection[str]


def _put(draft: Draft, found: Preview, name: str, kind: Kind, row: Row) -> Collection[str] | None:
    """Set what a row says; return which columns that changed, None when it was refused."""
    before = draft.get(kind.name, row.key)
    if not _attempt(found, name, row, lambda: draft.set(kind.name, row.key, row.fields, loose=True)):
        return None
    after = draft.get(kind.name, row.key)
    if after is None:
        columns = kind.columns_for(row.key)
        found.faults.append(
            Fault(name, row.line, row.key, Refused("missing", "Fill in %(field)s.", field=columns[0].en))
        )
        return None
    blank = {column.name: empty(column) for column in kind.columns_for(row.key)}
    old = {**before.fields, "place": before.place} if before else {**blank, "place": 0}
    new = {**after.fields, "place": after.place}
    fields = {column: (old[column], value) for column, value in new.items() if old[column] != value}
    if fields:
        what = "changed" if before else "added"
        found.differences.append(Difference(name, row.line, kind.name, row.key, what, fields))
    elif before is not None and row.retired in (None, before.retired):
        found.same += 1
    return [*fields]


def _use(draft: Draft, found: Preview, one: _Put, act: Callable[[str, str], bool], what: str) -> None:
    """Retire or restore what a row says is so; trees are listed from the top, and retired from the bottom."""
    changed: list[bool] = []
    _attempt(found, one.file, one.row, lambda: changed.append(act(one.kind.name, one.row.key)))
    if any(changed):
        found.differences.append(Difference(one.file, one.row.line, one.kind.name, one.row.key, what, {}))


def _attempt(found: Preview, name: str, row: Row, act: Callable[[], object]) -> bool:
    try:
        act()
    except Refused as refused:
        found.faults.append(Fault(name, row.line, row.key, refused))
        return False
    return True
