"""The stream of changes, and the whole picture to begin with."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from appliance.calls import wire
from appliance.people import Actor
from web import access, shown
from web.context import COOKIE, box, me
from web.live import View, follow

SEES_ALL = ("TL", "AD", "TE")
"""Roles that see every caller's number whole."""
OWN_DIGITS = 6
"""Agents and extensions have no more."""

SeatOf = Callable[[str], wire.Seat | None]

pages = Blueprint("live", __name__, url_prefix="/live")


@pages.get("")
def stream() -> Response:
    """Stream changes to one browser until it goes, signs out, or the server stops."""
    here, token = box(), request.cookies.get(COOKIE, "")
    listener = here.live.join(view_of(me(), here.calls.seat))
    here.store.database.close()  # a stream lasts for hours and needs no connection

    def events() -> Iterator[bytes]:
        try:
            yield b"retry: 2000\n\n"
            yield from follow(listener, lambda: here.people.actor_for(token) is not None)
        finally:
            here.live.leave(listener)

    response = Response(events(), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(lambda: here.live.leave(listener))
    return response


@pages.get("/now")
def now() -> dict[str, Any]:
    """Give the whole picture as this person may see it."""
    here = box()
    view = view_of(me())
    board = view("board", {"board": msgspec.to_builtins(here.calls.board)}) or {"board": None}
    return {
        "now_s": time.time(),
        "calls_up": here.calls_there,
        "may_call": board["board"] is not None,
        **board,
    }


@pages.post("/here")
def here() -> dict[str, Any]:
    """Note which page this person has in front, for shift leaders who look."""
    body = request.get_json(silent=True)
    path, title = (str(body.get(name, "")) if isinstance(body, dict) else "" for name in ("path", "title"))
    return {"noted": box().screens.shows(me().number, path, title)}


def view_of(person: Actor, seat_of: SeatOf = lambda _: None) -> View:
    """Return what this person may see of each change: the centre its calls, a unit its own tickets.

    `seat_of` gives somebody's seat: who is in a call follows what is written about it.
    """
    centre = person.has(*access.CENTRE | access.BOX)
    unit = "" if centre else person.unit

    def view(name: str, data: dict[str, Any]) -> dict[str, Any] | None:
        if name == "calls":
            return data
        if name == "store":
            tickets = [t for t in data["tickets"] if centre or (unit and t["unit"] == unit)]
            return {**data, "tickets": tickets} if tickets or centre else None
        if not centre:
            return None
        match name:
            case "draft":
                return data if _concerns(data, person, seat_of) else None
            case "watched":
                return data if data["agent"] == person.number else None
            case "campaign":
                return data if person.has(*access.CAMPAIGNERS) else None
            case "seat":
                return {"seat": _seat(data["seat"], person)}
            case "call":
                return {"call": _call(data["call"], person)}
            case "board":
                board = data["board"]
                seats = [_seat(seat, person) for seat in board["seats"]]
                calls = [_call(call, person) for call in board["calls"]]
                lines = [_line(line, person) for line in board["lines"]]
                queues = [_queue(queue, person) for queue in board["queues"]]
                return {"board": {**board, "seats": seats, "calls": calls, "lines": lines, "queues": queues}}
        return data

    return view


def _concerns(draft: dict[str, Any], person: Actor, seat_of: SeatOf) -> bool:
    """A draft is followed by who writes or wrote it, who is in its call, and shift leaders."""
    if person.number in (draft["owner"], draft["before"]) or person.has("TL"):
        return True
    seat = seat_of(person.number)
    return seat is not None and seat.call is not None and draft["form"].endswith(f":{seat.call.cid}")


def _seat(seat: dict[str, Any], person: Actor) -> dict[str, Any]:
    if seat["agent"] == person.number or not seat["call"]:
        return seat
    return {**seat, "call": _call(seat["call"], person)}


def _call(call: dict[str, Any], person: Actor) -> dict[str, Any]:
    """Somebody else's caller is shown with the middle of the number hidden; who is in the talk sees it."""
    parties = call.get("parties", ())
    there = call["agent"] == person.number or any(p["who"] == person.number for p in parties)
    if there or person.has(*SEES_ALL):
        return call
    hidden = {**call, "caller": shown.masked(call["caller"])}
    if parties:
        hidden["parties"] = [{**p, "who": _outside(p["who"])} for p in parties]
    return hidden


def _queue(queue: dict[str, Any], person: Actor) -> dict[str, Any]:
    if person.has(*SEES_ALL):
        return queue
    hidden = [
        {**each, "number": _outside(each["number"]), "caller": _outside(each["caller"])}
        for each in queue.get("callbacks", ())
    ]
    return {**queue, "callbacks": hidden}


def _line(line: dict[str, Any], person: Actor) -> dict[str, Any]:
    return line if person.has(*SEES_ALL) else {**line, "caller": _outside(line["caller"])}


def _outside(who: str) -> str:
    """Numbers outside are hidden, those of our own people are short and stay."""
    return shown.masked(who) if len(who) > OWN_DIGITS else who
