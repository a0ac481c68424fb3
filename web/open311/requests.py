"""Service requests: tickets a system outside reported, and how they stand; never anything of a citizen."""

import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from appliance.events import earliest
from appliance.tickets import confidential, table
from appliance.tickets.fields import FIELDS
from appliance.tickets.rights import UNIT_SEES
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import STATES
from web.api import sight
from web.context import box, me
from web.dictionary import unit_names
from web.open311 import services
from web.open311.paper import Fault
from web.shown import pick

MOST: Final = 1000
SPAN_S: Final = 90 * 86_400.0
"""So far two dates may lie apart; without any, so far it is looked back."""
IDS_MOST: Final = 100
TITLE_CHARS: Final = 40
STATUSES: Final = ("open", "closed")
ASKED: Final = frozenset(
    {"jurisdiction_id", "api_key", "service_request_id", "service_code", "start_date", "end_date", "status"}
)
SENT: Final = frozenset(
    {
        *("jurisdiction_id", "api_key", "service_code", "lat", "long", "address_string", "address_id"),
        *("email", "device_id", "account_id", "first_name", "last_name", "phone", "description", "media_url"),
    }
)
_ATTRIBUTE = re.compile(r"attribute\[(\w{1,40})\](?:\[\])?")
_DEGREES = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,20})?")
_LINK = re.compile(r"https?://[!-~]{3,380}")
_DIGITS = re.compile(r"\d(?:[ -]?\d){6,}")


def report(form: MultiDict[str, str]) -> Ticket:
    """Register what was reported; raises Fault."""
    attributes: dict[str, list[str]] = {}
    for name in form:
        found = _ATTRIBUTE.fullmatch(name)
        if found:
            attributes[found[1]] = form.getlist(name)
        elif name not in SENT:
            raise Fault(400, f"{name[:40]} is not a parameter of this request")
    service = services.known(form.get("service_code", "").strip())
    kind, extra = services.attributes(service["code"], attributes)
    text = form.get("description", "").strip()
    fields: dict[str, Any] = {
        "kind": kind,
        "category": service["code"],
        "title": " ".join(text.split())[:TITLE_CHARS] or services.names()[service["code"]],
        "content": text or services.names()[service["code"]],
        "citizen": " ".join(filter(None, (form.get("first_name", ""), form.get("last_name", "")))),
        "phone": form.get("phone", ""),
        **_where(form),
    }
    if link := form.get("media_url", "").strip():
        if not _LINK.fullmatch(link):
            raise Fault(400, "media_url is no address that can be opened")
        fields["link"] = link
    if extra:
        fields["extra"] = extra
    desk = box().tickets
    with box().store.transaction():
        ticket = desk.create(me(), "web", fields)
        if email := form.get("email", "").strip():
            desk.note(me(), ticket.tid, f"E-mail: {email[:200]}")
    return ticket


def found(asked: Mapping[str, str]) -> list[Ticket]:
    """Return what was asked for of what this system reported, the newest first; raises Fault."""
    for name in asked:
        if name not in ASKED:
            raise Fault(400, f"{name[:40]} is not a parameter of this request")
    where, values = sight.narrowed()
    if ids := _several(asked, "service_request_id"):
        where += f" AND number IN ({', '.join('?' * len(ids))})"
        values += ids
    else:
        where, values = _narrowed(asked, where, values)
    return table.select(box().store, f"{where} ORDER BY tid DESC LIMIT ?", *values, MOST)


def one(number: str) -> Ticket:
    """Return a ticket by its number, if this system reported it; raises Fault."""
    ticket = box().tickets.find(number)
    if ticket is None or not sight.may_see(ticket):
        raise Fault(404, "service_request_id provided was not found")
    return ticket


def told(ticket: Ticket) -> dict[str, Any]:
    """Tell how a ticket stands."""
    state = STATES[ticket.state]
    answer = ticket.answer if ticket.answered_s else ""
    lat, long = _degrees(ticket.position)
    notes = pick((state.citizen_zh, state.citizen_en))
    return {
        "service_request_id": ticket.number,
        "status": "closed" if state.list == "closed" else "open",
        "status_notes": _plain(f"{notes}: {answer}" if answer else notes, ticket),
        "service_name": services.names().get(ticket.category),
        "service_code": ticket.category,
        "description": _plain(ticket.content, ticket),
        "agency_responsible": unit_names().get(ticket.unit) if ticket.state in UNIT_SEES else None,
        "service_notice": None,
        "requested_datetime": _iso(ticket.created_s),
        "updated_datetime": _iso(ticket.changed_s),
        "expected_datetime": _iso(ticket.case_due_s),
        "address": ticket.address or None,
        "address_id": None,
        "zipcode": None,
        "lat": lat,
        "long": long,
        "media_url": ticket.link or None,
    }


def _plain(text: str, ticket: Ticket) -> str:
    """A text without the citizen's name and without anything that may be a telephone number."""
    return _DIGITS.sub("***", confidential.hidden_in(text, ticket))


def _where(form: MultiDict[str, str]) -> dict[str, str]:
    lat, long = form.get("lat", "").strip(), form.get("long", "").strip()
    address = form.get("address_string", "").strip() or form.get("address_id", "").strip()
    if bool(lat) != bool(long):
        raise Fault(400, "lat and long come together")
    if lat:
        sound = _DEGREES.fullmatch(lat) and _DEGREES.fullmatch(long)
        if not sound or abs(float(lat)) > 90 or abs(float(long)) > 180:
            raise Fault(400, "lat and long are degrees (WGS 84)")
        place = {"position": f"{float(long):.6f},{float(lat):.6f}"}
    elif not address:
        raise Fault(400, "lat and long, or address_string, was not provided")
    else:
        place = {}
    return {**place, **({"address": address[: FIELDS["address"].limit]} if address else {})}


def _narrowed(asked: Mapping[str, str], where: str, values: list[object]) -> tuple[str, list[object]]:
    if codes := _several(asked, "service_code"):
        where += f" AND category IN ({', '.join('?' * len(codes))})"
        values += codes
    if wanted := _several(asked, "status"):
        if set(wanted) - set(STATUSES):
            raise Fault(400, "status is open or closed")
        states = [s.name for s in STATES.values() if ("closed" if s.list == "closed" else "open") in wanted]
        where += f" AND state IN ({', '.join('?' * len(states))})"
        values += states
    since_s, until_s = _time(asked, "start_date"), _time(asked, "end_date")
    until_s = until_s if until_s is not None else (since_s or time.time() - SPAN_S) + SPAN_S
    since_s = since_s if since_s is not None else until_s - SPAN_S
    if not 0 <= until_s - since_s <= SPAN_S + 1:
        raise Fault(400, "start_date and end_date lie at most 90 days apart")
    return f"{where} AND tid >= ? AND tid < ?", [*values, earliest(since_s), earliest(until_s + 0.001)]


def _several(asked: Mapping[str, str], name: str) -> list[str]:
    items = [item.strip() for item in asked.get(name, "").split(",") if item.strip()]
    if len(items) > IDS_MOST:
        raise Fault(400, f"{name}: at most {IDS_MOST}")
    return items


def _time(asked: Mapping[str, str], name: str) -> float | None:
    text = asked.get(name, "").strip()
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise Fault(400, f"{name} is written like 2027-01-31T08:00:00Z") from None


def _degrees(position: str) -> tuple[float | None, float | None]:
    long, _, lat = position.partition(",")
    try:
        return float(lat), float(long)
    except ValueError:
        return None, None


def _iso(at_s: float | None) -> str | None:
    return None if at_s is None else datetime.fromtimestamp(at_s).astimezone().isoformat(timespec="seconds")
