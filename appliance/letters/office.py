"""The letter office: slips printed as the facts are, letters issued with number and seal, kept for ever."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from appliance.dictionary.dictionary import Dictionary
from appliance.events import Fact
from appliance.letters import register
from appliance.letters.blanking import mapped
from appliance.letters.document import Document, fingerprint, plain
from appliance.letters.facts import INSIDE, day, facts_of, minute
from appliance.letters.fields import PLACEHOLDERS
from appliance.letters.register import Letter
from appliance.letters.seals import CENTRE, Seals
from appliance.letters.shelf import Shelf
from appliance.letters.suggestions import REFUSAL, grounds, suggested
from appliance.letters.template import Template, asked, fill, needed
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import confidential
from appliance.tickets.desk import TicketDesk
from appliance.tickets.rights import CENTRE_ROLES
from appliance.tickets.ticket import Ticket

LETTERS_MOST = 200
"""Letters of one ticket."""
REASON_MAX = 200
WORD = "letter_word"
"""The parameter that says what numbers begin with."""
_ONCE = re.compile(r"[0-9a-zA-Z_-]{8,40}")


@dataclass(frozen=True, slots=True)
class Desk:
    """Who the letters come from."""

    centre: str
    hotline: str


class LetterOffice:
    """Letters of one box; `now` (Unix seconds) dates them."""

    def __init__(
        self,
        store: Store,
        tickets: TicketDesk,
        desk: Desk,
        seals: Path,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._tickets = tickets
        self.desk = desk
        self._now = now
        self.shelf = Shelf(store)
        self.seals = Seals(store, seals)

    @property
    def word(self) -> str:
        """The characters every number begins with: 云热线 in 云热线函〔2026〕12号."""
        return str(Dictionary(self._store).parameter(WORD))

    def menu(self, actor: Actor, ticket: Ticket) -> list[Template]:
        """Return what this person may print of the ticket."""
        if not self._tickets.may_see(actor, ticket):
            return []
        return [found for found in self.shelf.all().values() if actor.has(*found.roles.split())]

    def template(self, actor: Actor, ticket: Ticket, key: str) -> Template:
        """Return a template this person may print; raises Refused."""
        found = self.shelf.get(key)
        if found not in self.menu(actor, ticket):
            raise Refused("not_yours", "Your role does not print this sheet.")
        return found

    def suggested(self, actor: Actor, ticket: Ticket, template: Template) -> dict[str, str]:
        """Return what the clerk is asked, with what is known already."""
        facts = facts_of(self._store, ticket, template, self._sees(actor, ticket))
        known = suggested(self._store, ticket, template.key, facts, self.desk.centre, self.desk.hotline)
        if template.key == REFUSAL:
            named = self._tickets.maintained.known("grounds") or {}
            known["grounds"] = grounds(self._store, ticket, named)
        hide = not self._sees(actor, ticket) or template.audience not in INSIDE
        return {
            name: confidential.hidden_in(known[name], ticket) if ticket.confidential and hide else known[name]
            for name in asked(template)
        }

    def draft(self, actor: Actor, ticket: Ticket, template: Template, written: Mapping[str, str]) -> Document:
        """Return the sheet as it would be now; a letter's number has no count yet, and no seal."""
        number = (
            self._number(template, time.localtime(self._now()).tm_year, "　") if template.numbered else ""
        )
        return self._made(actor, ticket, template, self._checked(template, written), number, "")

    def issue(
        self, actor: Actor, ticket: Ticket, key: str, written: Mapping[str, str], once: str = ""
    ) -> Letter:
        """Number, seal, freeze and register a letter; the same form (`once`) sent twice gives one letter."""
        template = self.template(actor, ticket, key)
        if not template.numbered:
            raise Refused("not_now", "This sheet is printed as it is; it has no number.")
        if template.audience in INSIDE and not self._sees(actor, ticket):
            raise confidential_case()
        clean = self._checked(template, written)
        for name in needed(template):
            if not clean[name]:
                raise Refused("missing", "Fill in %(field)s.", field=PLACEHOLDERS[name].en)
        once = once if _ONCE.fullmatch(once) else ""
        with self._store.transaction():
            there = register.select(self._store, "ticket = ?", ticket.tid)
            if once and (sent := [letter for letter in there if letter.once == once]):
                return sent[0]
            if len(there) >= LETTERS_MOST:
                raise Refused("too_many", "This ticket has %(most)s letters already.", most=LETTERS_MOST)
            year = time.localtime(self._now()).tm_year
            series = self.word + template.series
            count = register.next_count(self._store, series, year)
            number = self._number(template, year, str(count))
            seal = self.seals.of(CENTRE if template.sealed == "centre" else ticket.unit or "-")
            document = self._made(actor, ticket, template, clean, number, seal)
            (event,) = self._store.record(
                Fact(
                    register.ISSUED,
                    {
                        "ticket_number": ticket.number,
                        "template": template.key,
                        "called": template.name,
                        "number": number,
                        "series": series,
                        "year": year,
                        "n": count,
                        "title": _listed(document.title, ticket),
                        "recipient": _listed(document.recipient.removesuffix("："), ticket),
                        "audience": template.audience,
                        "sha256": fingerprint(document),
                        "document": msgspec.to_builtins(document),
                        "seal_size": len(self.seals.image(seal)),
                        "once": once,
                        "by": actor.number,
                        "name": actor.name,
                    },
                    ticket.tid,
                )
            )
        return self.letter(event.eid)

    def letter(self, lid: bytes) -> Letter:
        """Return a letter issued; raises Refused."""
        found = register.select(self._store, "lid = ?", lid)
        if not found:
            raise Refused("unknown_ticket", "There is no such letter.")
        return found[0]

    def opened(self, actor: Actor, lid: bytes) -> tuple[Letter, Document]:
        """Return a letter and its content as it was issued; raises Refused when it is not for this person."""
        letter = self.letter(lid)
        ticket = self._tickets.find(letter.ticket)
        if ticket is None or not self.may_read(actor, ticket, letter):
            raise Refused("other_unit", "This letter is not for your unit.")
        try:
            document = register.document_of(self._store, letter)
        except register.Altered:
            raise Refused("changed", "This letter is not what was issued. Tell your technician.") from None
        if letter.audience in INSIDE and not self._sees(actor, ticket):
            document = mapped(document, lambda text: confidential.hidden_in(text, ticket))
        return letter, document

    def of_ticket(self, actor: Actor, ticket: Ticket) -> list[Letter]:
        """Return the letters of a ticket this person may read, oldest first."""
        found = register.select(self._store, "ticket = ? ORDER BY lid", ticket.tid)
        return [letter for letter in found if self.may_read(actor, ticket, letter)]

    def may_read(self, actor: Actor, ticket: Ticket, letter: Letter) -> bool:
        """Tell whether somebody may read it: the centre all, a unit what was written to it."""
        if not self._tickets.may_see(actor, ticket):
            return False
        return actor.has(*CENTRE_ROLES) or letter.audience == "unit"

    def void(self, actor: Actor, lid: bytes, reason: str) -> Letter:
        """Declare a letter void; its number stays used, and its content stays readable."""
        words = " ".join(plain(reason).split())[:REASON_MAX]
        letter, _ = self.opened(actor, lid)
        if not words:
            raise Refused("no_reason", "Write the reason: it is kept in the log.")
        if letter.voided_s is not None:
            raise Refused("changed", "This letter is void already.")
        facts = {
            "letter": lid.hex(),
            "number": letter.number,
            "reason": words,
            "by": actor.number,
            "name": actor.name,
        }
        self._store.record(Fact(register.VOIDED, facts, letter.ticket))
        return self.letter(lid)

    def _made(
        self,
        actor: Actor,
        ticket: Ticket,
        template: Template,
        written: Mapping[str, str],
        number: str,
        seal: str,
    ) -> Document:
        now_s = self._now()
        facts = facts_of(self._store, ticket, template, self._sees(actor, ticket))
        facts |= {
            "centre": self.desk.centre,
            "hotline": self.desk.hotline,
            "letter_no": number,
            "today": day(now_s),
            "now": minute(now_s),
            "clerk": f"{actor.number} {actor.name}".strip(),
            **written,
        }
        return fill(template, facts, seal, now_s)

    def _sees(self, actor: Actor, ticket: Ticket) -> bool:
        return confidential.sees(self._store, actor, ticket, self._now())

    def _number(self, template: Template, year: int, count: str) -> str:
        return f"{self.word}{template.series}〔{year}〕{count}号"

    def _checked(self, template: Template, written: Mapping[str, str]) -> dict[str, str]:
        clean = {}
        for name in asked(template):
            placeholder = PLACEHOLDERS[name]
            text = plain(str(written.get(name, ""))).strip()
            if not placeholder.lines:
                text = " ".join(text.split())
            if len(text) > placeholder.limit:
                raise Refused(
                    "too_long",
                    "%(field)s has %(length)s characters; shorten it to %(limit)s.",
                    field=placeholder.en,
                    length=len(text),
                    limit=placeholder.limit,
                )
            clean[name] = text
        return clean


def confidential_case() -> Refused:
    """What is said to who would print or take away what they may not see."""
    return Refused(
        "frozen", "This case is confidential. Look at who the citizen is first, say why, then go on."
    )


def _listed(text: str, ticket: Ticket) -> str:
    """What the register says: it is read by more people than the letter."""
    return confidential.hidden_in(text, ticket) if ticket.confidential else text
