"""What the page of a ticket shows of other tickets and of confidential data."""

from collections.abc import Mapping
from typing import Any

from appliance.refused import Refused
from appliance.tickets import alike, repeats
from appliance.tickets.alike_keys import matter_of
from appliance.tickets.marks import REDACTABLE
from appliance.tickets.rights import CENTRE_ROLES
from appliance.tickets.ticket import Ticket
from web import access, intake_form, shown, sight
from web.context import box, me
from web.shown import field_title, pick

ALIKE_ROWS = 5
CHILDREN_MAX = 50
FACTS = ("occurred", "position", "grid", "outlet", "link", "home", "identity", "behalf")
"""Shown when they were written, in this order."""


def context(ticket: Ticket, typed: Mapping[str, Any]) -> dict[str, Any]:
    """What the template needs."""
    person, store = me(), box().store
    centre = person.has(*CENTRE_ROLES)
    found = alike.find(store, matter_of(ticket), ticket.tid, ALIKE_ROWS) if centre else []
    linked = repeats.linked(store, ticket.tid)
    customer = _customer(ticket) if centre and sight.sees(ticket) else None
    return {
        "citizen_seen": sight.knows_citizen(ticket),
        "may_unmask": ticket.confidential and sight.may_unmask() and not sight.sees(ticket),
        "may_redact": access.allowed("alike.redact", person.roles),
        "redactable": [(name, field_title(name)) for name in REDACTABLE if getattr(ticket, name, "")],
        "may_repeat": access.allowed("alike.repeat", person.roles),
        "alike": [intake_form.likeness(one) for one in found],
        "linked": [one for one in linked if box().tickets.may_see(person, one)],
        "children": box().tickets.children(ticket.tid)[:CHILDREN_MAX] if centre else [],
        "master": box().tickets.find(bytes.fromhex(ticket.master))
        if ticket.master and ticket.state == "MERGED"
        else None,
        "customer": customer,
        "further": _further(ticket),
        "typed_beside": {
            **{name: typed.get(name, "") for name in ("text", "other", "reason")},
        },
    }


def states_of_masters(tickets: Mapping[bytes, Ticket]) -> dict[bytes, Ticket]:
    """For merged tickets of a list: the main ticket, whose state they follow."""
    masters = {tid: one.master for tid, one in tickets.items() if one.state == "MERGED" and one.master}
    found = {tid: box().tickets.find(bytes.fromhex(master)) for tid, master in masters.items()}
    return {tid: master for tid, master in found.items() if master is not None}


def _customer(ticket: Ticket) -> dict[str, str] | None:
    if not ticket.customer:
        return None
    try:
        standing = box().customers.standing(bytes.fromhex(ticket.customer))
    except Refused:
        return None
    return {"cid": standing.cid.hex(), "name": standing.name}


def _further(ticket: Ticket) -> list[tuple[str, str, str]]:
    """Further facts that were written: name, title, text."""
    seen, extras = sight.seen(ticket), box().tickets.forms.extras()
    written = ((name, str(getattr(seen, name))) for name in FACTS if getattr(seen, name))
    rows = [
        (name, field_title(name), text.replace("T", " ") if name == "occurred" else text)
        for name, text in written
    ]
    for name, text in ticket.extras.items():
        field = extras.get(name)
        if text:
            title = pick((field.zh, field.en)) if field else name
            rows.append((name, title, shown.one_of(text, field.choices) if field and field.choices else text))
    return rows
