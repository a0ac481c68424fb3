"""A conflict as people read it: what it is about, and what each side says, by whom, when and where."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext, lazy_gettext

from appliance.conflicts.clash import EXTRA, Clash, Side
from appliance.conflicts.office import ConflictOffice
from appliance.dictionary.entry import named_by
from appliance.dictionary.kinds import KINDS
from appliance.refused import Refused
from appliance.tickets.bodies import Moved, body_of
from appliance.tickets.fields import FIELDS
from appliance.tickets.redaction import BLANK
from appliance.tickets.workflow import SHIPPED
from web import entry_form, shown, sight
from web.beside import value_shown
from web.context import box, me
from web.dictionary import unit_names

KINDS_SHOWN = {
    "move": lazy_gettext("A step came too late"),
    "dispatch": lazy_gettext("Dispatched twice"),
    "field": lazy_gettext("Changed on both sides"),
    "late": lazy_gettext("Written after archiving"),
    "entry": lazy_gettext("Setting changed on both sides"),
}


@dataclass(frozen=True, slots=True)
class SideView:
    """What one side says."""

    said: str
    by: str
    name: str
    site: int
    at_s: float


@dataclass(frozen=True, slots=True)
class ConflictView:
    """One line of the list."""

    key: str
    kind: str
    number: str
    """Of the ticket; empty for a setting."""
    title: str
    what: str
    stands: SideView
    lost: SideView
    entry: tuple[str, str]
    """Kind and key of the setting; empty for a ticket."""
    may_settle: bool


def office() -> ConflictOffice:
    """The conflicts of this box."""
    return ConflictOffice(box().store, box().tickets)


def conflict_views(unseen: frozenset[str] = frozenset()) -> list[ConflictView]:
    """Return what waits, as the reader may see it: without these fields, and those hidden from everybody."""
    found = office()
    return [_view(found, clash, unseen) for clash in found.listed()]


def _view(found: ConflictOffice, clash: Clash, unseen: frozenset[str]) -> ConflictView:
    may, sides = found.may_settle(me(), clash), (clash.stands, clash.lost)
    if clash.kind == "entry":
        kind, key = named_by(clash.lost.event)
        what, values = _setting(kind, key, clash)
        number, title, entry = "", _entry_title(kind, key), (kind, key)
    else:
        ticket = found.ticket(clash)
        assert ticket is not None, "only what this box shows is listed"
        hidden = sight.hidden(ticket) | unseen
        what, values = _what(clash), [_said(clash, side, hidden) for side in sides]
        number, title, entry = ticket.number, sight.seen_in_list(ticket).title, ("", "")
    stands, lost = (_side(side, said) for side, said in zip(sides, values, strict=True))
    return ConflictView(clash.key, clash.kind, number, title, what, stands, lost, entry, may)


def _entry_title(kind: str, key: str) -> str:
    known = KINDS.get(kind)
    entry = box().dictionary.get(kind, key) if known else None
    if known is None or entry is None:
        return f"{kind} {key}"
    return f"{shown.pick((known.zh, known.en))} · {shown.pick(entry.names)}"


def _side(side: Side, said: str) -> SideView:
    facts = side.event.facts
    by, name = str(facts.get("by", "")), str(facts.get("name", ""))
    return SideView(said, by, name, side.event.site, side.event.at_s)


def _what(clash: Clash) -> str:
    if clash.kind != "field":
        return str(KINDS_SHOWN[clash.kind])
    name = clash.what
    return name.removeprefix(EXTRA) if name.startswith(EXTRA) else shown.field_title(name)


def _said(clash: Clash, side: Side, hidden: frozenset[str]) -> str:
    """What a side says of a ticket, without what the reader may not see."""
    if clash.kind == "field":
        if clash.what in hidden or (clash.what.startswith(EXTRA) and "extra" in hidden):
            return BLANK
        return _value(clash.what, side.value)
    body = body_of(side.event)
    if not isinstance(body, Moved):
        return str(gettext("Registered or edited"))
    moves = SHIPPED.named.get(body.move)
    step = shown.pick((moves[0].zh, moves[0].en)) if moves else body.move
    unit = unit_names().get(body.unit, body.unit) if body.unit else ""
    return " · ".join(filter(None, (step, unit, body.reason)))


def _value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if name == "customer" and isinstance(value, str) and value:
        rows = box().store.rows("SELECT name FROM customer WHERE cid = ?", bytes.fromhex(value))
        return str(rows[0][0]) if rows else value[:8]
    if not value:
        return "—"
    return value_shown(name, value) if name in FIELDS else str(value)


def _setting(kind: str, key: str, clash: Clash) -> tuple[str, Sequence[str]]:
    """The title of a field of an entry, and what both sides say."""
    try:
        columns = {column.name: column for column in KINDS[kind].columns_for(key)}
    except (KeyError, Refused):
        columns = {}
    column = columns.get(clash.what)
    sides = (clash.stands, clash.lost)
    if column is None:
        return clash.what, [str(side.value) for side in sides]
    values = [entry_form.shown_value(column, side.value) or "—" for side in sides]
    return shown.pick((column.zh, column.en)), values
