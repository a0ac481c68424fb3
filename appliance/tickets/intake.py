"""Intake: what was written on the form becomes a ticket, from whatever source, once and completely.

One form serves every source. A message that came by itself (SMS, voice message, fax, mail) is a
ticket already, without a kind: the entry desk fills in the same form beside the original.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from appliance.customers.file import CustomerFile
from appliance.events import earliest
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import alike, table
from appliance.tickets.alike import Alike
from appliance.tickets.bodies import REGISTERED_FIELDS
from appliance.tickets.desk import TicketDesk
from appliance.tickets.districts import Districts
from appliance.tickets.duplicates import DAY_S, Matter
from appliance.tickets.fields import FIELDS
from appliance.tickets.forms import missing
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import GOOD

SOURCES = ("phone", "sms", "web", "mail", "fax", "voicemail", "letter", "visit", "media", "inspector", "hub")
BY_THEMSELVES = ("sms", "voicemail", "fax", "mail", "web")
"""Sources whose messages become tickets before anybody has read them."""
THEN = ("save", "dispatch", "answer")
NEEDED = ("kind", "title", "content")
ENTRY_ROWS = 60
SOLVED_DAYS = 730
FORM = re.compile(r"[0-9a-zA-Z:/_.-]{8,64}")


@dataclass(frozen=True, slots=True)
class Filing:
    """A filled-in form."""

    source: str = "phone"
    then: str = "save"
    """save, dispatch (accept and dispatch) or answer (answered on the line)."""
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Registered fields as typed."""
    form: str = ""
    """The form's own key: the same one sent twice makes one ticket."""
    call: bytes | None = None
    entry: bytes = b""
    """The ticket a message made by itself, which is filled in here."""
    seen: bytes | None = None
    """What the page showed of that ticket."""
    unit: str = ""
    answer: str = ""


class Intake:
    """The intake desk of one store."""

    def __init__(
        self,
        store: Store,
        desk: TicketDesk,
        customers: CustomerFile,
        districts: Districts,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._desk = desk
        self._customers = customers
        self._districts = districts
        self._now = now

    def file(self, actor: Actor, filing: Filing) -> Ticket:
        """Make the form a ticket: registered, dispatched, or answered and closed; all or nothing."""
        if filing.then not in THEN or filing.source not in SOURCES:
            raise Refused("bad_choice", "Choose %(field)s from the list.", field="Source")
        if filing.form and not FORM.fullmatch(filing.form):
            raise Refused("bad_form", "This form cannot be read. Open it again; the draft is kept.")
        with self._store.transaction():
            made = self._desk.by_form(filing.form) if filing.form else None
            if made is not None:
                return made
            self._complete(filing)
            fields = self._fields(actor, filing)
            if filing.entry:
                ticket = self._entered(actor, filing, fields)
            else:
                ticket = self._desk.create(actor, filing.source, fields, call=filing.call, form=filing.form)
            return self._onward(actor, filing, ticket)

    def entries(self, sources: Sequence[str] = BY_THEMSELVES) -> list[Ticket]:
        """Messages nobody has entered yet, the oldest first."""
        marks = ", ".join("?" * len(sources))
        where = f"state = 'REGISTERED' AND kind = '' AND source IN ({marks}) ORDER BY created_s, tid LIMIT ?"
        return table.select(self._store, where, *sources, ENTRY_ROWS)

    def alike(self, fields: Mapping[str, Any], without: bytes = b"", limit: int = 6) -> list[Alike]:
        """Open or late tickets that may be the same matter as a form, the likeliest first."""
        return alike.find(self._store, self._matter(fields), without, limit)

    def solved(self, fields: Mapping[str, Any], limit: int = 5) -> list[Ticket]:
        """Answered tickets whose answer may fit, the likeliest first: same category, similar text."""
        category, kind = str(fields.get("category") or ""), str(fields.get("kind") or "")
        if not category:
            return []
        since = earliest(self._now() - SOLVED_DAYS * DAY_S)
        where = "category = ? AND answer <> '' AND tid > ? AND coalesce(confidential, 0) = 0"
        found = table.select(self._store, f"{where} ORDER BY tid DESC LIMIT 120", category, since)
        mine = self._matter(fields).grams
        ranked = sorted(
            found,
            key=lambda t: (-alike.overlap_of(mine, t), t.kind != kind, t.rating not in GOOD, -t.created_s),
        )
        return ranked[:limit]

    def district(self, text: str) -> str:
        """The own city's district an address lies in; empty when it names none."""
        return self._districts.of(text)

    def _matter(self, fields: Mapping[str, Any]) -> Matter:
        names = ("phone", "area", "address", "title", "content", "category")
        words = {name: str(fields.get(name) or "")[:4000] for name in names}
        return Matter(**words, at_s=self._now())

    def _complete(self, filing: Filing) -> None:
        book = self._desk.forms
        needed = (*NEEDED, "category") if filing.then == "dispatch" else NEEDED
        for name in needed:
            if not str(filing.fields.get(name) or "").strip():
                raise Refused("missing", "Fill in %(field)s.", field=FIELDS[name].en)
        if name := missing(filing.source, filing.fields, book.forms(), book.extras()):
            raise Refused("missing", "Fill in %(field)s.", field=name)
        if filing.then == "answer" and filing.source != "phone":
            raise Refused("not_now", "Only a call can be answered on the line. Register it, then reply.")

    def _fields(self, actor: Actor, filing: Filing) -> dict[str, Any]:
        """What is registered: an anonymous citizen has no name, and is confidential."""
        fields = {
            name: value
            for name, value in filing.fields.items()
            if name in REGISTERED_FIELDS and value not in (None, "")
        }
        if fields.get("anonymous"):
            fields = {**fields, "confidential": True, "customer": ""}
            for name in ("citizen", "identity", "home", "behalf"):
                fields.pop(name, None)
        elif phone := str(fields.get("phone") or ""):
            fields["customer"] = self._customers.of_filing(
                actor,
                "".join(phone.split()),
                " ".join(str(fields.get("citizen") or "").split()),
                str(fields.get("customer") or ""),
                bool(fields.get("behalf")),
            )
        if not fields.get("area") and fields.get("address"):
            fields["area"] = self.district(str(fields["address"]))
        return fields

    def _entered(self, actor: Actor, filing: Filing, fields: Mapping[str, Any]) -> Ticket:
        ticket = self._desk.get(filing.entry)
        if ticket.kind:
            raise Refused("changed", "Somebody else has entered this already. Look at it again.")
        return self._desk.edit(actor, filing.entry, fields, filing.seen)

    def _onward(self, actor: Actor, filing: Filing, ticket: Ticket) -> Ticket:
        desk = self._desk
        if filing.then == "answer":
            return desk.move(actor, ticket.tid, "answer_on_line", {"answer": filing.answer})
        if ticket.state == "DRAFT":
            ticket = desk.move(actor, ticket.tid, "submit")
        if filing.then != "dispatch":
            return ticket
        unit = {"unit": filing.unit} if filing.unit else {}
        ticket = desk.move(actor, ticket.tid, "accept", unit)
        if unit and any(move.name == "dispatch" for move in desk.buttons(actor, ticket)):
            ticket = desk.move(actor, ticket.tid, "dispatch", unit)
        return ticket
