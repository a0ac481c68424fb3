"""Answers promised for later, over the API: the list, a new promise, how a call back ended."""

import time
from typing import Annotated, Any, Literal

from msgspec import Meta

from appliance import deferrals
from appliance.deferrals import NAME_MAX, REMARK_MAX, TOPIC_MAX, Promise
from appliance.refused import Refused
from web.api import shapes, sight
from web.api.door import bearer, check_scope
from web.api.endpoint import Answer, Strict
from web.api.serving import invalid
from web.context import box, me

ROWS_MAX = 300
_SQL = (
    "SELECT d.did, d.number, d.citizen, d.topic, d.state, d.promised_s, d.made_s, d.made_by, d.tries,"
    " d.remark, t.number FROM deferral d LEFT JOIN ticket t ON t.tid = d.ticket"
)


class PromiseTold(Answer, frozen=True):
    """An answer that was promised."""

    id: str
    number: str
    citizen: str
    topic: str
    state: str
    """open, answered, given_up."""
    promised_at: shapes.At
    made_at: shapes.At
    made_by: str
    tries: int
    remark: str
    ticket: str


class Promises(Answer, frozen=True):
    """What was promised, the most pressing first."""

    promises: list[PromiseTold]


class Which(Strict, frozen=True):
    """Those that are open, or those that are settled, the last first."""

    state: Literal["open", "settled"] = "open"


class Promised(Strict, frozen=True):
    """What is promised."""

    number: Annotated[str, Meta(pattern=r"^\+?[0-9]{3,20}$")]
    topic: Annotated[str, Meta(min_length=1, max_length=TOPIC_MAX)]
    promised_at: shapes.At
    citizen: Annotated[str, Meta(max_length=NAME_MAX)] = ""
    ticket: Annotated[str, Meta(max_length=40)] = ""


class Settled(Strict, frozen=True):
    """How a call back ended; `again` says when to call again."""

    outcome: Literal[deferrals.OUTCOMES]  # type: ignore[valid-type]  # the words of deferrals
    remark: Annotated[str, Meta(max_length=REMARK_MAX)] = ""
    again_at: shapes.At | None = None


def listed(query: Which) -> Promises:
    """Tell what was promised."""
    check_scope("citizens:read")
    way = (
        "d.state = 'open' ORDER BY d.promised_s"
        if query.state == "open"
        else "d.state <> 'open' ORDER BY d.last_s DESC"
    )
    return Promises([_told(row) for row in box().store.rows(f"{_SQL} WHERE {way} LIMIT ?", ROWS_MAX)])


def make(body: Promised) -> PromiseTold:
    """Promise an answer."""
    check_scope("citizens:read")
    ticket = sight.ticket(body.ticket).tid if body.ticket else b""
    at_s = _unix("promised_at", body.promised_at)
    promise = Promise(body.number, body.topic, at_s, body.citizen, b"", ticket)
    return _one(deferrals.make(box().store, _by(), promise, time.time()))


def settle(promise: str, body: Settled) -> PromiseTold:
    """Note how a call back ended."""
    check_scope("citizens:read")
    again_s = _unix("again_at", body.again_at) if body.again_at else None
    deferrals.settle(box().store, promise, _by(), body.outcome, body.remark, again_s, time.time())
    return _one(promise)


def _one(did: str) -> PromiseTold:
    rows = box().store.rows(f"{_SQL} WHERE d.did = ?", bytes.fromhex(did))
    if not rows:
        raise Refused("changed", "This is not on the list any more. Somebody else has settled it.")
    return _told(rows[0])


def _told(row: Any) -> PromiseTold:
    did, number, citizen, topic, state, promised_s, made_s, made_by, tries, remark, ticket = row
    return PromiseTold(
        bytes(did).hex(),
        number,
        citizen,
        topic,
        state,
        shapes.sure(promised_s),
        shapes.sure(made_s),
        made_by,
        tries,
        remark,
        ticket or "",
    )


def _by() -> str:
    """Who did it: a person with the token it was done by."""
    asks = bearer()
    return f"{me().number} api.{asks.token.name}" if asks and asks.token.person else me().number


def _unix(name: str, at: shapes.At) -> float:
    try:
        return at.timestamp()
    except (OverflowError, ValueError, OSError):
        raise invalid(name, "a time of the calendar") from None
