"""The intake form: what is beside it while it is filled in, and what came back."""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from flask import url_for
from flask_babel import gettext

from appliance.customers.customer import MARKS, Customer
from appliance.lookup.identity import identity
from appliance.refused import Refused
from appliance.tickets.alike import Alike
from appliance.tickets.bodies import REGISTERED_FIELDS
from appliance.tickets.confidential import hidden_name
from appliance.tickets.duplicates import LIKELY, REASONS
from appliance.tickets.fields import FIELDS, phone_as_kept
from appliance.tickets.forms import SOURCE_FIELDS, Extra, extras_of
from appliance.tickets.intake import Filing
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import STATES
from web import customer_sight, shown
from web.context import box, me
from web.dictionary import categories, unit_names, units
from web.maintained import KINDS, SOURCES, URGENCIES
from web.pages.lookup import FAULTS

EVENT_ID = re.compile(r"(?:[0-9a-f]{2}){4,16}")
ANSWER_LETTERS = 600
MAIN_KINDS = ("consult", "help", "complaint", "report", "repair", "emergency")
"""Kinds in the order agents need them; the others follow."""
EXTRA = "extra."
"""The names of further fields on the form begin with it."""


def words() -> dict[str, Any]:
    """What the form offers to choose from."""
    return {
        "kinds": [
            (kind, shown.pick(KINDS[kind])) for kind in sorted(KINDS, key=lambda kind: kind not in MAIN_KINDS)
        ],
        "sources": shown.choices(SOURCES),
        "urgencies": shown.choices(URGENCIES),
        "categories": categories(),
        "units": units(),
        "areas": box().districts.names(),
        "may_dispatch": me().has("TL", "DP", "LD"),
    }


def filing(typed: Mapping[str, Any]) -> Filing:
    """Read a filled-in form; what it may say is checked where it is filed."""
    call, entry = str(typed.get("call") or ""), str(typed.get("entry") or "")
    seen = str(typed.get("seen") or "")
    return Filing(
        source=str(typed.get("source") or "phone"),
        then=str(typed.get("then") or "save"),
        fields=fields_of(typed),
        form=str(typed.get("form_key") or ""),
        call=bytes.fromhex(call) if EVENT_ID.fullmatch(call) else None,
        entry=bytes.fromhex(entry) if EVENT_ID.fullmatch(entry) else b"",
        seen=bytes.fromhex(seen) if EVENT_ID.fullmatch(seen) else None,
        unit=str(typed.get("unit") or ""),
        answer=str(typed.get("answer") or ""),
    )


def fields_of(typed: Mapping[str, Any]) -> dict[str, Any]:
    """The registered fields of a form."""
    fields = {name: value for name, value in typed.items() if name in REGISTERED_FIELDS and name != "extra"}
    extra = {name[len(EXTRA) :]: value for name, value in typed.items() if name.startswith(EXTRA)}
    forms = box().tickets.forms.forms()
    offered = extras_of(str(typed.get("kind") or ""), str(typed.get("category") or ""), forms)
    if kept := {name: str(value) for name, value in extra.items() if name in offered and value}:
        fields["extra"] = kept
    return fields


def filed(typed: Mapping[str, Any]) -> tuple[dict[str, Any], int] | dict[str, Any]:
    """File a form; a refused one is told at which field, and nothing of it is kept but the draft."""
    try:
        ticket = box().intake.file(me(), filing(typed))
    except Refused as refused:
        return fault(refused), 409 if refused.word == "changed" else 422
    return {
        "number": ticket.number,
        "state": shown.state_title(ticket.state),
        "url": url_for("tickets.one", number=ticket.number),
    }


def fault(refused: Refused) -> dict[str, Any]:
    """What a refused form is told, and at which field."""
    english = refused.values.get("field")
    at = next((name for name, field in FIELDS.items() if field.en == english), "")
    extras = box().tickets.forms.extras() if english else {}
    at = at or next((f"{EXTRA}{name}" for name, field in extras.items() if field.en == english), "")
    fields = {at: True} if at else {}
    return {"sentence": shown.sentence(refused), "word": refused.word, "fields": fields}


def beside(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that stands beside a form as it is now."""
    kind, category = str(typed.get("kind") or ""), str(typed.get("category") or "")
    fields, entry = fields_of(typed), str(typed.get("entry") or "")
    own = bytes.fromhex(entry) if EVENT_ID.fullmatch(entry) else b""
    intake, book = box().intake, box().tickets.forms
    extras = book.extras()
    fields["phone"] = phone_as_kept(str(fields.get("phone") or ""))
    asks = bool(fields["phone"] or fields.get("address") or len(str(fields.get("content") or "")) > 5)
    return {
        "extras": [
            _extra(name, extras[name], needed)
            for name, needed in extras_of(kind, category, book.forms()).items()
        ],
        "source_fields": list(SOURCE_FIELDS.get(str(typed.get("source") or "phone"), ())),
        "script": shown.pick(book.script(kind, category)) if kind or category else "",
        "templates": [
            {"title": title, "content": content, "kind": of_kind}
            for title, content, of_kind in book.texts(kind, category)
        ],
        "alike": [likeness(found) for found in intake.alike(fields, own)] if asks else [],
        "solved": [_solved(ticket) for ticket in intake.solved(fields)],
        "district": intake.district(str(fields.get("address") or "")),
        "customers": _customers(fields["phone"]),
        "identity": told_identity(str(fields.get("identity") or "")),
    }


def told_identity(text: str) -> dict[str, str]:
    """What an identity number says, or what is wrong with it; empty for other papers."""
    card = identity("".join(text.split()))
    if card is None:
        return {}
    if card.born is None or not card.check_right:
        return {"fault": str(FAULTS["bad_birthday" if card.born is None else "bad_check"])}
    age = card.age(datetime.date.today())
    sex = gettext("female") if card.female else gettext("male")
    born = gettext("born %(day)s", day=card.born.isoformat())
    years = gettext("%(age)s years old", age=age) if age is not None else ""
    return {"says": " · ".join(filter(None, (card.region, born, years, sex)))}


def _extra(name: str, field: Extra, needed: bool) -> dict[str, Any]:
    return {
        "name": f"{EXTRA}{name}",
        "title": shown.pick((field.zh, field.en)),
        "type": field.type,
        "limit": field.limit,
        "needed": needed,
        "choices": [list(row) for row in shown.choices(field.choices)] if field.choices else [],
    }


def likeness(found: Alike) -> dict[str, Any]:
    """A ticket that may be the same matter, with its score and why."""
    ticket = found.ticket
    return {
        **brief(ticket),
        "score": found.likeness.score,
        "likely": found.likeness.score >= LIKELY,
        "reasons": [
            {"title": shown.pick(REASONS[reason.kind]), "points": reason.points, "detail": detail}
            for reason in found.likeness.reasons
            for detail in (_detail(reason.kind, reason.detail),)
        ],
        "repeats": ticket.repeats,
        "open": ticket.state in STATES and STATES[ticket.state].list != "closed",
    }


def _detail(kind: str, detail: str) -> str:
    if kind == "phone":
        return f"…{detail}"
    return gettext("within %(days)s days", days=max(int(detail), 1)) if kind == "time" else detail


def brief(ticket: Ticket) -> dict[str, Any]:
    """A ticket in a line or two."""
    return {
        "number": ticket.number,
        "title": ticket.title or ticket.content[:40],
        "state": shown.state_title(ticket.state),
        "colour": shown.state_colour(ticket.state),
        "kind": shown.one_of(ticket.kind, KINDS),
        "unit": unit_names().get(ticket.unit, ticket.unit),
        "created_s": ticket.created_s,
        "url": url_for("tickets.one", number=ticket.number),
    }


def _solved(ticket: Ticket) -> dict[str, Any]:
    return {**brief(ticket), "answer": ticket.answer[:ANSWER_LETTERS], "whole": ticket.answer}


def _customers(number: str) -> list[dict[str, Any]]:
    """Everybody who has a number; of what is masked nothing is offered for the form."""
    known = box().customers.by_number(number)
    hidden, seen = customer_sight.hidden(known), customer_sight.seen(known)
    told = []
    for customer in seen:
        masked = hidden[customer.cid]
        blank = {name: "" for name, field in (("plain", "name"), ("home", "addresses")) if field in masked}
        told.append({**_customer(customer), **blank})
    return told


def _customer(customer: Customer) -> dict[str, Any]:
    return {
        "cid": customer.cid.hex(),
        "name": customer.name or gettext("Name not known"),
        "plain": customer.name,
        "home": customer.addresses[0] if customer.addresses else "",
        "marks": [shown.one_of(mark, MARKS) for mark in customer.marks],
        "hidden": hidden_name(customer.name),
        "url": url_for("customers.one", cid=customer.cid.hex()),
    }
