"""The columns of a table of tickets that is taken away, with what is confidential masked."""

from flask_babel import gettext

from appliance.tickets.exporting import Column
from appliance.tickets.fields import RATINGS
from web import shown
from web.dictionary import category_names, unit_names
from web.maintained import CLOSINGS, KINDS, SOURCES, URGENCIES


def columns() -> list[Column]:
    """Every column; the tickets come as their reader may see them."""
    units, categories = unit_names(), category_names()
    return [
        Column("number", gettext("Number"), lambda t: t.number),
        Column("state", gettext("State"), lambda t: shown.state_title(t.state)),
        Column("kind", shown.field_title("kind"), lambda t: shown.one_of(t.kind, KINDS)),
        Column("source", gettext("Source"), lambda t: shown.one_of(t.source, SOURCES)),
        Column("urgency", shown.field_title("urgency"), lambda t: shown.one_of(t.urgency, URGENCIES)),
        Column("category", shown.field_title("category"), lambda t: categories.get(t.category, t.category)),
        Column("title", shown.field_title("title"), lambda t: t.title),
        Column("content", shown.field_title("content"), lambda t: t.content),
        Column("area", shown.field_title("area"), lambda t: t.area),
        Column("address", shown.field_title("address"), lambda t: t.address),
        Column("citizen", shown.field_title("citizen"), lambda t: t.citizen),
        Column("phone", shown.field_title("phone"), lambda t: t.phone),
        Column("unit", shown.field_title("unit"), lambda t: units.get(t.unit, t.unit)),
        Column("created", gettext("Registered"), lambda t: _when(t.created_s)),
        Column("accepted", gettext("Accepted"), lambda t: _when(t.accepted_s)),
        Column("dispatched", gettext("Dispatched"), lambda t: _when(t.dispatched_s)),
        Column("due", gettext("Due (case)"), lambda t: _when(t.case_due_s)),
        Column("closed", gettext("Closed"), lambda t: _when(t.closed_s)),
        Column("result", shown.field_title("result"), lambda t: t.result),
        Column("answer", shown.field_title("answer"), lambda t: t.answer),
        Column("rating", shown.field_title("rating"), lambda t: shown.one_of(t.rating, RATINGS)),
        Column("closing", shown.field_title("closing"), lambda t: shown.one_of(t.closing, CLOSINGS)),
        Column("key", shown.field_title("key"), lambda t: gettext("yes") if t.key else ""),
        Column("round", gettext("Second dispatches"), lambda t: str(t.round) if t.round else ""),
        Column("agent", gettext("Agent"), lambda t: t.created_by),
    ]


def _when(at_s: float | None) -> str:
    return shown.when(at_s) if at_s else ""
