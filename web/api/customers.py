"""The customer file over the API; all of it names citizens, so a token needs citizens:read besides."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from appliance.customers import privacy
from appliance.customers.customer import FIELDS, PERSONAL, Customer
from appliance.refused import Refused
from appliance.tickets.fields import phone_as_kept
from web import customer_sight
from web.api import shapes
from web.api.alike import Because
from web.api.door import check_scope
from web.api.endpoint import Answer, Strict
from web.context import box, me

if TYPE_CHECKING:
    Blankable: TypeAlias = str
else:
    Blankable = Literal[PERSONAL]
FOUND_MAX = 50


def _type(name: str) -> Any:
    field = FIELDS[name]
    text: Any = (
        Literal[tuple(field.choices)] if field.choices else Annotated[str, Meta(max_length=field.limit)]
    )
    return Annotated[list[text], Meta(max_length=field.many)] if field.many else text


Written = msgspec.defstruct(
    "CustomerWritten",
    [(name, _type(name) | UnsetType, UNSET) for name in FIELDS],
    bases=(Strict,),
    frozen=True,
    forbid_unknown_fields=True,
)
"""What may be written in the file of a customer."""


class Asked(Strict, frozen=True):
    """Whom to find: by number, its last digits or part of the name; `number` only whoever has exactly it."""

    text: Annotated[str, Meta(max_length=60)] = ""
    number: Annotated[str, Meta(max_length=32)] = ""


class CustomerTold(Answer, frozen=True):
    """A customer."""

    id: str
    seen: str
    name: str
    kind: str
    numbers: list[str]
    addresses: list[str]
    identity: str
    marks: list[str]
    note: str
    master: str
    """The customer this one is part of."""
    redacted: bool
    created_at: shapes.At
    changed_at: shapes.At


class Customers(Answer, frozen=True):
    """Customers found."""

    customers: list[CustomerTold]


class Into(Strict, frozen=True):
    """The customer it becomes part of."""

    into: shapes.Id


class Blank(Strict, frozen=True):
    """What is blanked, and why."""

    fields: Annotated[tuple[Blankable, ...], Meta(min_length=1, max_length=len(PERSONAL))]
    reason: Annotated[str, Meta(min_length=1, max_length=1000)]


def search(query: Asked) -> Customers:
    """Find customers."""
    _reach()
    if query.number:
        return Customers([_told(one) for one in box().customers.by_number(phone_as_kept(query.number))])
    return Customers([_told(one) for one in box().customers.search(query.text, FOUND_MAX)])


def one(customer: str) -> CustomerTold:
    """Tell a customer."""
    _reach()
    return _told(box().customers.get(_id(customer)))


def create(body: Any) -> CustomerTold:
    """Put somebody into the file."""
    _reach()
    return _told(box().customers.create(me(), _given(body)))


def edit(customer: str, body: Any, seen: bytes | None) -> CustomerTold:
    """Change what is written."""
    _reach()
    found, given = box().customers.get(_id(customer)), _given(body)
    if hidden := customer_sight.hidden([found])[found.cid] & given.keys():
        raise Refused(
            "masked", "%(field)s is masked. Show it first, with a reason.", field=FIELDS[min(hidden)].en
        )
    return _told(box().customers.edit(me(), found.cid, given, seen))


def merge(customer: str, body: Into) -> CustomerTold:
    """Make it part of another customer."""
    _reach()
    return _told(box().customers.merge(me(), _id(customer), _id(body.into)))


def split(customer: str) -> CustomerTold:
    """Take it out again."""
    _reach()
    return _told(box().customers.split(me(), _id(customer)))


def unmask(customer: str, body: Because) -> CustomerTold:
    """Look at what is masked; it is written down, and lasts half an hour."""
    _reach()
    found = box().customers.get(_id(customer))
    privacy.unmask(box().store, me(), found.cid, body.reason)
    return _told(found)


def redact(customer: str, body: Blank) -> CustomerTold:
    """Blank personal data."""
    _reach()
    return _told(box().customers.redact(me(), _id(customer), body.fields, body.reason))


def _reach() -> None:
    check_scope("citizens:read")


def _id(text: str) -> bytes:
    if not shapes.ID.fullmatch(text):
        raise Refused("unknown_customer", "This customer is not in the file.")
    return bytes.fromhex(text)


def _given(body: Any) -> dict[str, Any]:
    values = ((name, getattr(body, name)) for name in body.__struct_fields__)
    return {name: value for name, value in values if value is not UNSET}


def _told(customer: Customer) -> CustomerTold:
    (customer,) = customer_sight.seen([customer])
    return CustomerTold(
        customer.cid.hex(),
        customer.last_eid.hex(),
        customer.name,
        customer.kind,
        list(customer.numbers),
        list(customer.addresses),
        customer.identity,
        list(customer.marks),
        customer.note,
        customer.master.hex() if customer.master else "",
        bool(customer.redacted),
        shapes.sure(customer.created_s),
        shapes.sure(customer.changed_s),
    )
