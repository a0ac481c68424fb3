"""What a button asks for, made into an order of the call process: a table for agents, one for leaders."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from werkzeug.exceptions import BadRequest, NotFound

from appliance.calls import wire
from appliance.recordings.playable import playable
from appliance.refused import Refused
from web import hearing, shown
from web.context import box

TEXT_MAX = 200
THEN_MAX = 5
"""Numbers tried after the first, at most."""
HOW: Final = ("listen", "whisper", "barge", "take_over")
"""How a shift leader comes into a talk."""


class Asked:
    """What a page sent: words by name, each short."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    def word(self, name: str) -> str:
        """The word of this name; empty when none was sent."""
        value = self._body.get(name, "")
        return value.strip()[:TEXT_MAX] if isinstance(value, str) else ""

    def numbers(self, name: str) -> tuple[str, ...]:
        """The telephone numbers of this name, a few."""
        values = self._body.get(name)
        words = (
            [value[:TEXT_MAX] for value in values if isinstance(value, str)]
            if isinstance(values, list)
            else []
        )
        return tuple(filter(None, map(plain_number, words)))[:THEN_MAX]

    def on(self, name: str) -> bool:
        """Whether this is switched on."""
        return self._body.get(name) is True


Make = Callable[[str, Asked], wire.Order]

AGENT: Final[Mapping[str, Make]] = {
    "ready": lambda me, asked: wire.Ready(me),
    "pause": lambda me, asked: wire.Pause(me, _pause(asked.word("reason"))),
    "answer": lambda me, asked: wire.Answer(me),
    "hang_up": lambda me, asked: wire.HangUp(me),
    "hold": lambda me, asked: wire.Hold(me),
    "resume": lambda me, asked: wire.Resume(me),
    "mute": lambda me, asked: wire.Mute(me, asked.on("on")),
    "transfer": lambda me, asked: wire.Transfer(me, _target(asked)),
    "consult": lambda me, asked: wire.Consult(me, _target(asked)),
    "invite": lambda me, asked: wire.Invite(me, _target(asked)),
    "complete": lambda me, asked: wire.Complete(me),
    "together": lambda me, asked: wire.Together(me),
    "drop": lambda me, asked: wire.Drop(me, asked.word("line")),
    "call_leader": lambda me, asked: wire.CallLeader(me),
    "play_back": lambda me, asked: wire.PlayBack(me, _recording(asked.word("recording"))),
    "record": lambda me, asked: wire.RecordCall(me, asked.on("on")),
    "private": lambda me, asked: wire.HideCall(me, asked.on("on")),
    "send_digits": lambda me, asked: wire.SendDigits(me, _keys(asked.word("keys")), asked.word("line")),
    "dial": lambda me, asked: wire.Dial(me, plain_number(asked.word("number")), asked.numbers("then")),
}
LEADER: Final[Mapping[str, Make]] = {
    "supervise": lambda me, asked: wire.Supervise(me, asked.word("agent"), _how(asked.word("how"))),
    "take": lambda me, asked: wire.Take(me, asked.word("cid")),
    "leave": lambda me, asked: wire.HangUp(me),
    "release": lambda me, asked: wire.Release(me, asked.word("cid"), _reason(asked.word("reason"))),
    "force": lambda me, asked: wire.Force(me, asked.word("agent"), asked.word("state")),
    "cancel_callback": lambda me, asked: wire.CancelCallback(
        me, asked.word("callback"), asked.word("reason")
    ),
    "move": lambda me, asked: wire.MoveCall(me, asked.word("cid"), _target(asked)),
}


def made(table: Mapping[str, Make], me: str, body: Mapping[str, Any]) -> wire.Order:
    """Make the order a page asks for in somebody's name; BadRequest when there is no such button."""
    asked = Asked(body)
    make = table.get(asked.word("do"))
    if make is None:
        raise BadRequest
    return make(me, asked)


def carry_out(order: wire.Order) -> dict[str, Any]:
    """Give an order to the call process; what it refuses is said as a sentence."""
    reply = box().calls.order(order)
    if not reply.ok:
        raise _refused(reply.reason)
    return {"ok": True, **reply.data}


def plain_number(text: str) -> str:
    """Return a telephone number as it is dialled, without what people write between its digits."""
    return "".join(sign for sign in text if sign not in " -()/.")


def _refused(word: str) -> Refused:
    return Refused(word, str(shown.CALL_REASONS.get(word, word)))


def _pause(reason: str) -> str:
    return reason if reason in shown.PAUSES else "other"


def _target(asked: Asked) -> str:
    kind, _, name = asked.word("to").partition(":")
    return f"{kind}:{plain_number(name)}" if kind == "tel" else f"{kind}:{name}"


def _keys(keys: str) -> str:
    if not keys or set(keys) - set("0123456789*#"):
        raise _refused("bad_number")
    return keys


def _how(how: str) -> str:
    if how not in HOW:
        raise BadRequest
    return how


def _reason(reason: str) -> str:
    if not reason:
        raise Refused("missing_reason", "Say why the call is ended.")
    return reason


def _recording(rid: str) -> str:
    """Where a recording lies that can be played, below the folder of recordings; empty stops what plays.

    That it is heard in a talk is written down like any other hearing.
    """
    if not rid:
        return ""
    try:
        file = hearing.recording(bytes.fromhex(rid), hearing.TALK)
        return playable(box().places.recordings, file)
    except (NotFound, OSError, ValueError):
        raise _refused("no_recording") from None
