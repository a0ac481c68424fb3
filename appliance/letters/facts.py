"""What a ticket says to a template: every placeholder's text, in Chinese, as the reader may see it."""

import time

from appliance.calendar.hours import written
from appliance.letters.fields import PLACEHOLDERS
from appliance.letters.template import Template
from appliance.store.store import Store
from appliance.tickets import confidential
from appliance.tickets.fields import CLOSINGS, KINDS, RATINGS, SOURCES, URGENCIES, Choices
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import STATES

HIDDEN = "（保密）"
INSIDE = ("centre", "citizen")
"""Readers who may know who the citizen of a confidential case is."""
DEPTH = 8


def facts_of(store: Store, ticket: Ticket, template: Template, seen: bool = True) -> dict[str, str]:
    """Return what the ticket says for this template.

    Of a confidential ticket a reader outside learns nothing of the citizen; a clerk who may not see
    it (`seen`) prints what the pages show.
    """
    if not ticket.confidential or (seen and template.audience in INSIDE):
        return _facts(store, ticket, template)
    facts = {
        name: confidential.hidden_in(text, ticket) for name, text in _facts(store, ticket, template).items()
    }
    if template.audience not in INSIDE:
        facts |= {name: HIDDEN for name, placeholder in PLACEHOLDERS.items() if placeholder.citizen}
    return facts


def _facts(store: Store, ticket: Ticket, template: Template) -> dict[str, str]:
    state = STATES.get(ticket.state)
    return {
        "ticket_no": ticket.number,
        "title": ticket.title,
        "content": ticket.content,
        "kind": _named(KINDS, ticket.kind),
        "source": _named(SOURCES, ticket.source),
        "urgency": _named(URGENCIES, ticket.urgency),
        "category": _category(store, ticket.category),
        "area": ticket.area,
        "address": ticket.address,
        "citizen": ticket.citizen or ("市民" if template.recipient.startswith("{{citizen}}") else ""),
        "phone": ticket.phone,
        "confidential": "是" if ticket.confidential else "否",
        "state": state.zh if state else ticket.state,
        "unit": _name(store, "unit", "code", ticket.unit),
        "result": ticket.result,
        "answer": ticket.answer or ticket.result,
        "rating": _named(RATINGS, ticket.rating),
        "closing": _named(CLOSINGS, ticket.closing),
        "reason": ticket.reason,
        "received_by": " ".join(
            filter(None, (ticket.created_by, _name(store, "person", "number", ticket.created_by)))
        ),
        "received_day": day(ticket.created_s),
        **_times(ticket),
    }


def day(at_s: float | None) -> str:
    """Write a date as letters do: 2026年11月29日."""
    if at_s is None:
        return ""
    at = time.localtime(at_s)
    return f"{at.tm_year}年{at.tm_mon}月{at.tm_mday}日"


def due_day(at_s: float | None) -> str:
    """Write the day a limit ends with: midnight is the end of the day before."""
    return day(at_s - 1) if at_s is not None else ""


def minute(at_s: float | None) -> str:
    """Write a time to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at_s)) if at_s is not None else ""


def _times(ticket: Ticket) -> dict[str, str]:
    columns = {
        "received": "created_s",
        "accepted": "accepted_s",
        "dispatched": "dispatched_s",
        "signed": "signed_s",
        "answered": "answered_s",
        "closed": "closed_s",
    }
    times = {name: minute(getattr(ticket, column)) for name, column in columns.items()}
    dues = {"case_due": ticket.case_due_s, "unit_due": ticket.unit_due_s}
    return times | {name: written(at_s) if at_s is not None else "" for name, at_s in dues.items()}


def _named(choices: Choices, word: str) -> str:
    return choices[word][0] if word in choices else word


def _name(store: Store, table: str, key: str, value: str) -> str:
    rows = store.rows(f"SELECT name FROM {table} WHERE {key} = ?", value) if value else []
    return str(rows[0][0]) if rows else value if table == "unit" else ""


def _category(store: Store, code: str) -> str:
    names: list[str] = []
    at = code
    while at and len(names) < DEPTH:
        rows = store.rows("SELECT name, parent FROM category WHERE code = ?", at)
        if not rows:
            break
        names.insert(0, str(rows[0][0]))
        at = str(rows[0][1])
    return " / ".join(names) or code
