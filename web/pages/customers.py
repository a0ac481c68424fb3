"""The customer file: found by number or name, with everything a customer brought in order of time."""

import re
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from appliance.customers import privacy
from appliance.customers.contacts import PAGE, Contact, contacts, is_new
from appliance.customers.customer import FIELDS, KINDS, MARKS, PERSONAL, Customer
from appliance.customers.file import JOINERS, REDACTORS, WRITERS
from appliance.refused import Refused
from appliance.tickets.confidential import hidden_number
from appliance.tickets.fields import phone_as_kept
from web import customer_sight, shown, sight
from web.context import box, me
from web.intake_form import told_identity

CID = re.compile(r"[0-9a-f]{32}")

pages = Blueprint("customers", __name__, url_prefix="/customers")


@pages.get("")
def page() -> str:
    """Search the file; without words the last that were written."""
    text = request.args.get("text", "")[:60]
    return render_template(
        "customers.html",
        text=text,
        found=customer_sight.seen(box().customers.search(text)),
        may_write=me().has(*WRITERS),
        typed={},
        fault="",
        **_words(),
    )


@pages.post("")
def create() -> Response | tuple[str, int]:
    """Put a new customer into the file."""
    typed = _typed()
    try:
        customer = box().customers.create(me(), typed)
    except Refused as refused:
        return (
            render_template(
                "customers.html",
                text="",
                found=customer_sight.seen(box().customers.search("")),
                may_write=True,
                typed=typed,
                fault=shown.sentence(refused),
                **_words(),
            ),
            _status(refused),
        )
    return redirect(url_for("customers.one", cid=customer.cid.hex()))


@pages.get("/of/<number>")
def of_number(number: str) -> dict[str, Any]:
    """Everybody who has exactly this number, to choose from."""
    known = customer_sight.seen(box().customers.by_number(phone_as_kept(number)))
    found = [(c.cid.hex(), c.name) for c in known]
    return {
        "customers": [
            {"cid": cid, "name": name, "url": url_for("customers.one", cid=cid)} for cid, name in found
        ]
    }


@pages.get("/<cid>")
def one(cid: str) -> str:
    """Show a customer with all that came from them."""
    return _show(_customer(cid))


@pages.post("/<cid>/edit")
def edit(cid: str) -> Response | tuple[str, int]:
    """Change what is written of a customer."""
    customer, typed = _customer(cid), _typed()
    hidden = customer_sight.hidden([customer])[customer.cid]
    typed = {name: value for name, value in typed.items() if name not in hidden}
    try:
        box().customers.edit(me(), customer.cid, typed, _seen())
    except Refused as refused:
        return _show(_customer(cid), shown.sentence(refused), typed), _status(refused)
    flash(gettext("Saved."), "good")
    return _to(customer)


@pages.post("/<cid>/unmask")
def unmask(cid: str) -> Response | tuple[str, int]:
    """Look at what is masked, with a reason; that is written down."""
    customer = _customer(cid)
    try:
        privacy.unmask(box().store, me(), customer.cid, request.form.get("reason", ""))
    except Refused as refused:
        return _show(customer, shown.sentence(refused)), _status(refused)
    return _to(customer)


@pages.post("/<cid>/merge")
def merge(cid: str) -> Response | tuple[str, int]:
    """Make this customer part of another one."""
    customer = _customer(cid)
    try:
        into = _customer(request.form.get("into", "").strip().rpartition("/")[2])
        master = box().customers.merge(me(), customer.cid, into.cid)
    except Refused as refused:
        return _show(customer, shown.sentence(refused)), _status(refused)
    flash(gettext("Merged. It can be taken apart again."), "good")
    return _to(master)


@pages.post("/<cid>/split")
def split(cid: str) -> Response | tuple[str, int]:
    """Take a merged customer out again."""
    customer = _customer(cid)
    try:
        box().customers.split(me(), customer.cid)
    except Refused as refused:
        return _show(customer, shown.sentence(refused)), _status(refused)
    return _to(customer)


@pages.post("/<cid>/redact")
def redact(cid: str) -> Response | tuple[str, int]:
    """Blank personal data of a customer; who did it and why stays."""
    customer = _customer(cid)
    try:
        box().customers.redact(
            me(), customer.cid, request.form.getlist("field"), request.form.get("reason", "")
        )
    except Refused as refused:
        return _show(customer, shown.sentence(refused)), _status(refused)
    flash(gettext("Blanked. Who did it and why stays in the story."), "good")
    return _to(customer)


def _show(customer: Customer, fault: str = "", typed: dict[str, Any] | None = None) -> str:
    file, store = box().customers, box().store
    standing = file.standing(customer.cid)
    family = file.family(standing)
    before = request.args.get("before", "")
    before_s = float(before) if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", before) else float("inf")
    history = contacts(store, family, before_s)
    told = [contact for contact in history if not contact.confidential or _sees(contact)]
    hidden = customer_sight.hidden([customer])[customer.cid]
    identity = told_identity(customer.identity) if "identity" not in hidden else {}
    written = {name: getattr(customer, name) for name in FIELDS}
    customer = privacy.masked(customer, hidden)
    family = customer_sight.seen(family)
    (standing_seen,) = customer_sight.seen([standing])
    return render_template(
        "customer.html",
        customer=customer,
        standing=standing_seen,
        masked_fields=hidden,
        may_unmask=customer_sight.may_unmask(hidden),
        looks=customer_sight.looks(customer),
        merged=[one for one in family if one.cid != standing.cid],
        history=[(contact, _link(contact)) for contact in told],
        hidden=len(history) - len(told),
        older=history[-1].at_s if len(history) == PAGE else None,
        is_new=is_new(store, family),
        identity=identity,
        typed={**written, **(typed or {})},
        opened=typed is not None,
        fault=fault,
        may_write=me().has(*WRITERS),
        may_join=me().has(*JOINERS),
        may_redact=me().has(*REDACTORS),
        masked=lambda c: hidden_number(c.number) if c.confidential or "numbers" in hidden else c.number,
        personal=[(name, shown.pick((FIELDS[name].zh, FIELDS[name].en))) for name in PERSONAL],
        **_words(),
    )


def _sees(contact: Contact) -> bool:
    """A confidential ticket, and messages about it, are told of only while the reader's look at it lasts."""
    ticket = box().tickets.find(contact.about)
    return ticket is not None and sight.sees(ticket)


def _link(contact: Contact) -> str:
    return url_for("tickets.one", number=contact.ticket) if contact.ticket else ""


def _words() -> dict[str, Any]:
    return {
        "customer_kinds": KINDS,
        "customer_marks": MARKS,
        "titles": {name: shown.pick((field.zh, field.en)) for name, field in FIELDS.items()},
        "limits": {name: field.limit for name, field in FIELDS.items()},
        "CONTACTS": {
            "call": gettext("Call"),
            "call_out": gettext("Call out"),
            "sms": gettext("SMS"),
            "sms_out": gettext("SMS sent"),
            "ticket": gettext("Ticket"),
        },
    }


def _typed() -> dict[str, Any]:
    typed: dict[str, Any] = {
        name: request.form[name] for name in FIELDS if name in request.form and name != "marks"
    }
    if "has" in request.form:
        typed["marks"] = request.form.getlist("marks")
    return typed


def _customer(cid: str) -> Customer:
    return box().customers.get(bytes.fromhex(cid) if CID.fullmatch(cid) else b"")


def _seen() -> bytes | None:
    text = request.form.get("seen", "")
    return bytes.fromhex(text) if CID.fullmatch(text) else None


def _status(refused: Refused) -> int:
    return 409 if refused.word == "changed" else 403 if refused.word == "not_yours" else 422


def _to(customer: Customer) -> Response:
    return redirect(url_for("customers.one", cid=customer.cid.hex()))
