"""A customer (a person or a company) is the fold of its events; folding never looks at the world.

Numbers and addresses are added and taken away one by one, so two people who write at once both
keep what they wrote; of everything else the last writer stands.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from appliance.causal import AddWins
from appliance.events import Event
from appliance.letters.blanking import BLANK
from appliance.refused import Refused
from appliance.tickets.fields import checked

KINDS: Final[Mapping[str, tuple[str, str]]] = {"person": ("个人", "Person"), "company": ("单位", "Company")}
MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "key": ("重点", "Key customer"),
    "frequent": ("频繁来电", "Calls often"),
    "elderly": ("老年人", "Elderly"),
    "disabled": ("残障人士", "Disabled"),
    "foreign": ("外籍", "Foreigner"),
    "careful": ("谨慎沟通", "Talk with care"),
}
"""What may be marked on a customer; new or known is told by what there is, not marked."""
NUMBERS_MAX = 20
ADDRESSES_MAX = 10


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is written down of a customer."""

    zh: str
    en: str
    limit: int
    many: int = 0
    """More than 0: a list of at most so many."""
    choices: Mapping[str, tuple[str, str]] | None = None


FIELDS: Final[Mapping[str, Field]] = {
    "name": Field("姓名或名称", "Name", 60),
    "kind": Field("性质", "Kind of customer", 16, choices=KINDS),
    "numbers": Field("电话号码", "Numbers", 32, NUMBERS_MAX),
    "addresses": Field("联系地址", "Addresses", 200, ADDRESSES_MAX),
    "identity": Field("证件号码", "Identity number", 40),
    "marks": Field("标记", "Marks", 16, len(MARKS), MARKS),
    "note": Field("备注", "Note", 2000),
}
LISTS: Final = tuple(name for name, field in FIELDS.items() if field.many)
PERSONAL: Final = ("name", "numbers", "addresses", "identity", "note")
"""What can be redacted."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]")


class Customer(msgspec.Struct, frozen=True):
    """A customer as its events tell it."""

    cid: bytes
    last_eid: bytes
    created_s: float
    changed_s: float
    name: str = ""
    kind: str = "person"
    numbers: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    identity: str = ""
    marks: tuple[str, ...] = ()
    note: str = ""
    created_by: str = ""
    master: bytes | None = None
    """The customer this one is merged into."""
    redacted: bool = False


class Written(msgspec.Struct, frozen=True):
    """Body of customer.created and customer.edited: fields that stand, and list items that came or went."""

    fields: dict[str, str] = {}
    added: dict[str, list[str]] = {}
    removed: dict[str, list[str]] = {}
    by: str = ""
    name: str = ""


class Merged(msgspec.Struct, frozen=True):
    """Body of customer.merged; `into` (hex) is empty in customer.split."""

    into: str = ""
    by: str = ""
    name: str = ""


class Redacted(msgspec.Struct, frozen=True):
    """Body of customer.redacted: the fields whose content is blanked, in this and every earlier event."""

    fields: list[str]
    reason: str = ""
    by: str = ""
    name: str = ""


CREATED, EDITED, REDACTED = "customer.created", "customer.edited", "customer.redacted"
_BODIES: Mapping[str, msgspec.json.Decoder[Any]] = {
    CREATED: msgspec.json.Decoder(Written),
    EDITED: msgspec.json.Decoder(Written),
    "customer.merged": msgspec.json.Decoder(Merged),
    "customer.split": msgspec.json.Decoder(Merged),
    REDACTED: msgspec.json.Decoder(Redacted),
}


def body_of(event: Event) -> Written | Merged | Redacted | None:
    """Read the body of a customer event; None for a kind that changes nothing; raises ValueError."""
    decoder = _BODIES.get(event.kind)
    body: Written | Merged | Redacted | None = decoder.decode(event.body) if decoder else None
    if isinstance(body, Merged):
        bytes.fromhex(body.into)
    return body


def replay(events: Iterable[Event]) -> Customer | None:
    """Fold the history of one customer, in whatever order it comes; None when its beginning is missing."""
    customer: Customer | None = None
    lists = {name: AddWins[str]() for name in LISTS}
    for event in sorted(events, key=lambda event: (event.eid != event.subject, event.eid)):
        try:
            body = body_of(event)
        except ValueError:
            continue
        if event.kind == CREATED:
            customer = Customer(event.subject, event.eid, event.at_s, event.at_s)
        if customer is not None and body is not None:
            customer = _fold(customer, event, body)
            _change(lists, event, body)
    items = {name: tuple(there.items) for name, there in lists.items()}
    return replace(customer, **items) if customer is not None else None


def readable(events: Sequence[Event]) -> list[Event]:
    """The events of one customer as they may be shown: without what was redacted since."""
    redactions = [(event.eid, _named(event)) for event in events if event.kind == REDACTED]
    return [_blanked(event, redactions) for event in events]


def _named(event: Event) -> set[str]:
    try:
        body = body_of(event)
    except ValueError:
        return set()
    return set(body.fields) if isinstance(body, Redacted) else set()


def _blanked(event: Event, redactions: Sequence[tuple[bytes, set[str]]]) -> Event:
    names = {name for eid, fields in redactions if event.eid < eid for name in fields}
    if not names or event.kind not in (CREATED, EDITED):
        return event
    facts: dict[str, Any] = dict(event.facts)
    for part in ("fields", "added", "removed"):
        if isinstance(written := facts.get(part), Mapping):
            facts[part] = {name: BLANK if name in names else value for name, value in written.items()}
    return Event(event.eid, event.subject, event.kind, event.ver, msgspec.json.encode(facts, order="sorted"))


def _fold(customer: Customer, event: Event, body: Written | Merged | Redacted) -> Customer:
    touched: dict[str, Any] = {"last_eid": max(customer.last_eid, event.eid), "changed_s": event.at_s}
    match body:
        case Written():
            if event.kind == CREATED:
                touched["created_by"] = body.by
            touched |= {name: text for name, text in body.fields.items() if name in FIELDS}
        case Merged():
            touched["master"] = bytes.fromhex(body.into) or None
        case Redacted():
            blank = {name: "" for name in body.fields if name in PERSONAL and name not in LISTS}
            touched |= {**blank, "redacted": True}
    return replace(customer, **touched)


def _change(lists: Mapping[str, AddWins[str]], event: Event, body: Written | Merged | Redacted) -> None:
    """What an event makes of the lists; what is blanked is gone, whoever knew of it."""
    for name, there in lists.items():
        if isinstance(body, Written):
            there.change(event, body.added.get(name, ()), body.removed.get(name, []).__contains__)
        elif isinstance(body, Redacted) and name in body.fields and name in PERSONAL:
            there.clear()


def clean(given: Mapping[str, object]) -> dict[str, Any]:
    """Return what was typed as it is kept; raises Refused with a sentence that says what to do."""
    for name in given:
        if name not in FIELDS:
            raise Refused("unknown_field", "The field %(field)s does not exist.", field=name[:60])
    return {name: _checked(name, FIELDS[name], value) for name, value in given.items()}


def _checked(name: str, field: Field, value: object) -> Any:
    if not field.many:
        return _text(name, field, value)
    if isinstance(value, str):
        value = value.splitlines() if name != "marks" else value.split()
    if not isinstance(value, Sequence):
        raise Refused("bad_field", "%(field)s must be text.", field=field.en)
    items = tuple(dict.fromkeys(text for item in value if (text := _text(name, field, item))))
    if len(items) > field.many:
        raise Refused("too_many", "%(field)s: at most %(most)s.", field=field.en, most=field.many)
    return items


def _text(name: str, field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise Refused("bad_field", "%(field)s must be text.", field=field.en)
    if name == "numbers":
        return str(checked("phone", value))
    text = _CONTROL.sub("", value.replace("\r\n", "\n")).strip()
    text = text if name == "note" else " ".join(text.split())
    if len(text) > field.limit:
        raise Refused(
            "too_long",
            "%(field)s has %(length)s characters; shorten it to %(limit)s.",
            field=field.en,
            length=len(text),
            limit=field.limit,
        )
    if text and field.choices is not None and text not in field.choices:
        raise Refused("bad_choice", "Choose %(field)s from the list.", field=field.en)
    return text


def written(before: Customer | None, now: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an event that brings a customer from what it was to what was typed; only what differs."""
    fields: dict[str, str] = {}
    added: dict[str, list[str]] = {}
    removed: dict[str, list[str]] = {}
    for name, value in now.items():
        old = getattr(before, name) if before else (() if name in LISTS else "")
        if name not in LISTS:
            if value != old:
                fields[name] = value
            continue
        if came := [item for item in value if item not in old]:
            added[name] = came
        if went := [item for item in old if item not in value]:
            removed[name] = went
    parts = {"fields": fields, "added": added, "removed": removed}
    return {name: part for name, part in parts.items() if part}
