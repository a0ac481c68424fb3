"""What the clerk finds already written, and which sheets a ticket wants in its present state."""

from collections.abc import Mapping, Sequence

from appliance.dictionary.kind import Choices
from appliance.letters.facts import due_day
from appliance.letters.fields import ASKED, PLACEHOLDERS
from appliance.store.store import Store
from appliance.tickets import strand_table
from appliance.tickets.strands import Strand
from appliance.tickets.ticket import Ticket

REFUSAL = "refusal"
"""The template that tells a citizen why a matter is not accepted."""
WANTED: Mapping[str, Sequence[str]] = {
    "REGISTERED": ("acceptance",),
    "ACCEPTED": ("acceptance",),
    "DISPATCHED": ("dispatch", "assignment"),
    "HANDLING": ("dispatch", "urge", "supervision"),
    "TRANSFERRED": ("handover", "official"),
    "FEEDBACK": ("reply",),
    "CALLBACK": ("reply",),
    "REJECT_REVIEW": (REFUSAL,),
    "REJECTED": (REFUSAL,),
    "CLOSED": ("reply",),
}
"""Templates by the state of the ticket: they stand first in the menu."""
SOURCES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "supervision": ("supervision", {"opinion": "opinion"}),
    "urge": ("urge", {"opinion": "text"}),
    "extension": ("extension", {"grounds": "reason"}),
}
"""Which overlay a template tells of, and what it says for which placeholder."""


def suggested(
    store: Store, ticket: Ticket, template: str, facts: Mapping[str, str], centre: str, hotline: str
) -> dict[str, str]:
    """Return what stands in the clerk's form before anybody writes."""
    found = dict.fromkeys((name for name, place in PLACEHOLDERS.items() if place.source == ASKED), "")
    found["to"] = facts.get("unit", "")
    found["contact"] = f"{centre} {hotline}".strip()
    found["grounds"] = facts.get("reason", "")
    found["deadline"] = due_day(ticket.unit_due_s)
    kind, names = SOURCES.get(template, ("", {}))
    strands = [strand for strand in strand_table.of_ticket(store, ticket.tid) if strand.kind == kind]
    return found | _said(store, strands[-1], names) if strands else found


def grounds(store: Store, ticket: Ticket, named: Choices) -> str:
    """Write why a ticket was not accepted: the word chosen from the list, and what was said beside it."""
    moves = [event for event in store.history(ticket.tid) if event.kind == "ticket.moved"]
    chosen = [word for event in moves if (word := str(event.facts.get("grounds") or ""))]
    listed = named[chosen[-1]][0] if chosen and chosen[-1] in named else ""
    return "；".join(filter(None, (listed, ticket.reason)))


def _said(store: Store, strand: Strand, names: Mapping[str, str]) -> dict[str, str]:
    """What the newest overlay says; where it says nothing, what is known stays."""
    said = {name: str(strand.fields.get(field) or "") for name, field in names.items()}
    said["deadline"] = due_day(strand.due_s)
    days = strand.fields.get("days")
    said["extended_to"] = f"{days} 个工作日" if days else ""
    rows = store.rows("SELECT name FROM unit WHERE code = ?", strand.unit) if strand.unit else []
    said["to"] = str(rows[0][0]) if rows else ""
    return {name: text for name, text in said.items() if text}
