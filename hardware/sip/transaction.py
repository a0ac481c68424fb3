"""The four transactions of SIP (RFC 3261 §17, with RFC 6026's Accepted) as one table.

A transaction takes an `Input` and `now` and says what to do: `Do.SEND` its last message
again or for the first time, `Do.PASS` the message up, `Do.ACK` a refusal, `Do.FAIL` for
nobody answered. It never sends, never looks at a clock. In every state at most one timer
repeats a message and at most one ends the state.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from aiosipua.message import SipRequest, SipResponse

from hardware.sip.message import COOKIE, Addr, Hop, Message, cseq_of, tag_of, via_of, written

T1 = 0.5
T2 = 4.0
T4 = 5.0


class Kind(Enum):
    """Which of the four."""

    INVITE_CLIENT = auto()
    CLIENT = auto()
    INVITE_SERVER = auto()
    SERVER = auto()


class State(Enum):
    """RFC 3261 figures 5 to 8; CALLING is also called Trying outside INVITE."""

    CALLING = auto()
    PROCEEDING = auto()
    ACCEPTED = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    TERMINATED = auto()


class Input(Enum):
    """What can happen to a transaction. A response counts the same whether it comes in or goes out."""

    REQUEST = auto()
    ACK = auto()
    PROVISIONAL = auto()
    SUCCESS = auto()
    FAILURE = auto()
    REPEAT = auto()
    END = auto()


class Do(Enum):
    """What the owner of the transaction has to do."""

    SEND = auto()
    PASS = auto()
    ACK = auto()
    FAIL = auto()


IC, NC, IS, NS = Kind.INVITE_CLIENT, Kind.CLIENT, Kind.INVITE_SERVER, Kind.SERVER
CALLING, PROCEEDING, ACCEPTED = State.CALLING, State.PROCEEDING, State.ACCEPTED
COMPLETED, CONFIRMED, TERMINATED = State.COMPLETED, State.CONFIRMED, State.TERMINATED

STEPS: Mapping[tuple[Kind, State, Input], tuple[State, tuple[Do, ...]]] = {
    (IC, CALLING, Input.REPEAT): (CALLING, (Do.SEND,)),
    (IC, CALLING, Input.END): (TERMINATED, (Do.FAIL,)),
    (IC, CALLING, Input.PROVISIONAL): (PROCEEDING, (Do.PASS,)),
    (IC, CALLING, Input.SUCCESS): (ACCEPTED, (Do.PASS,)),
    (IC, CALLING, Input.FAILURE): (COMPLETED, (Do.ACK, Do.PASS)),
    (IC, PROCEEDING, Input.PROVISIONAL): (PROCEEDING, (Do.PASS,)),
    (IC, PROCEEDING, Input.SUCCESS): (ACCEPTED, (Do.PASS,)),
    (IC, PROCEEDING, Input.FAILURE): (COMPLETED, (Do.ACK, Do.PASS)),
    (IC, ACCEPTED, Input.SUCCESS): (ACCEPTED, (Do.PASS,)),
    (IC, ACCEPTED, Input.END): (TERMINATED, ()),
    (IC, COMPLETED, Input.FAILURE): (COMPLETED, (Do.ACK,)),
    (IC, COMPLETED, Input.END): (TERMINATED, ()),
    (NC, CALLING, Input.REPEAT): (CALLING, (Do.SEND,)),
    (NC, CALLING, Input.END): (TERMINATED, (Do.FAIL,)),
    (NC, CALLING, Input.PROVISIONAL): (PROCEEDING, (Do.PASS,)),
    (NC, CALLING, Input.SUCCESS): (COMPLETED, (Do.PASS,)),
    (NC, CALLING, Input.FAILURE): (COMPLETED, (Do.PASS,)),
    (NC, PROCEEDING, Input.REPEAT): (PROCEEDING, (Do.SEND,)),
    (NC, PROCEEDING, Input.END): (TERMINATED, (Do.FAIL,)),
    (NC, PROCEEDING, Input.PROVISIONAL): (PROCEEDING, (Do.PASS,)),
    (NC, PROCEEDING, Input.SUCCESS): (COMPLETED, (Do.PASS,)),
    (NC, PROCEEDING, Input.FAILURE): (COMPLETED, (Do.PASS,)),
    (NC, COMPLETED, Input.END): (TERMINATED, ()),
    (IS, PROCEEDING, Input.REQUEST): (PROCEEDING, (Do.SEND,)),
    (IS, PROCEEDING, Input.PROVISIONAL): (PROCEEDING, (Do.SEND,)),
    (IS, PROCEEDING, Input.SUCCESS): (ACCEPTED, (Do.SEND,)),
    (IS, PROCEEDING, Input.FAILURE): (COMPLETED, (Do.SEND,)),
    (IS, ACCEPTED, Input.ACK): (ACCEPTED, (Do.PASS,)),
    (IS, ACCEPTED, Input.END): (TERMINATED, ()),
    (IS, COMPLETED, Input.REQUEST): (COMPLETED, (Do.SEND,)),
    (IS, COMPLETED, Input.REPEAT): (COMPLETED, (Do.SEND,)),
    (IS, COMPLETED, Input.ACK): (CONFIRMED, ()),
    (IS, COMPLETED, Input.END): (TERMINATED, ()),
    (IS, CONFIRMED, Input.END): (TERMINATED, ()),
    (NS, CALLING, Input.PROVISIONAL): (PROCEEDING, (Do.SEND,)),
    (NS, CALLING, Input.SUCCESS): (COMPLETED, (Do.SEND,)),
    (NS, CALLING, Input.FAILURE): (COMPLETED, (Do.SEND,)),
    (NS, PROCEEDING, Input.REQUEST): (PROCEEDING, (Do.SEND,)),
    (NS, PROCEEDING, Input.PROVISIONAL): (PROCEEDING, (Do.SEND,)),
    (NS, PROCEEDING, Input.SUCCESS): (COMPLETED, (Do.SEND,)),
    (NS, PROCEEDING, Input.FAILURE): (COMPLETED, (Do.SEND,)),
    (NS, COMPLETED, Input.REQUEST): (COMPLETED, (Do.SEND,)),
    (NS, COMPLETED, Input.END): (TERMINATED, ()),
}
"""Whatever is not here is absorbed: nothing changes, nothing is done."""

INITIAL = {IC: CALLING, NC: CALLING, IS: PROCEEDING, NS: CALLING}


@dataclass(frozen=True, slots=True)
class Repeat:
    """A timer that fires after `first_s`, then each time after twice as long, never longer than `most_s`."""

    first_s: float
    most_s: float


REPEATS: Mapping[str, Repeat] = {
    "A": Repeat(T1, 64 * T1),
    "E": Repeat(T1, T2),
    "E2": Repeat(T2, T2),
    "G": Repeat(T1, T2),
}
ENDS: Mapping[str, float] = {
    "B": 64 * T1,
    "D": 32.0,
    "F": 64 * T1,
    "H": 64 * T1,
    "I": T4,
    "J": 64 * T1,
    "K": T4,
    "L": 64 * T1,
    "M": 64 * T1,
}
TIMERS: Mapping[tuple[Kind, State], tuple[str | None, str | None]] = {
    (IC, CALLING): ("A", "B"),
    (IC, ACCEPTED): (None, "M"),
    (IC, COMPLETED): (None, "D"),
    (NC, CALLING): ("E", "F"),
    (NC, PROCEEDING): ("E2", "F"),
    (NC, COMPLETED): (None, "K"),
    (IS, ACCEPTED): (None, "L"),
    (IS, COMPLETED): ("G", "H"),
    (IS, CONFIRMED): (None, "I"),
    (NS, COMPLETED): (None, "J"),
}
"""The timer that repeats and the timer that ends, by state; F runs on from Trying into Proceeding."""

Key = tuple[str, ...]


class Transaction:
    """One request and everything that answers it. `data` is what it last sent, `peer` where to."""

    __slots__ = (
        "_end",
        "_end_at",
        "_every_s",
        "_repeat",
        "_repeat_at",
        "data",
        "key",
        "kind",
        "peer",
        "request",
        "state",
    )

    def __init__(self, kind: Kind, request: SipRequest, peer: Addr, now: float) -> None:
        self.kind = kind
        self.request = request
        self.peer = peer
        self.key = key_of(request) if kind in (IS, NS) else _client_key(request)
        self.data = b"" if kind in (IS, NS) else written(request)
        self.state = INITIAL[kind]
        self._repeat: str | None = None
        self._end: str | None = None
        self._repeat_at = self._end_at = self._every_s = 0.0
        self._enter(now)

    def handle(self, what: Input, now: float) -> tuple[Do, ...]:
        """Take one step; what the table does not know is absorbed."""
        step = STEPS.get((self.kind, self.state, what))
        if step is None:
            return ()
        state, todo = step
        if state is not self.state:
            self.state = state
            self._enter(now)
        return todo

    def timer(self) -> float | None:
        """When `on_timer` wants to be called next."""
        due = [at for name, at in ((self._repeat, self._repeat_at), (self._end, self._end_at)) if name]
        return min(due, default=None)

    def on_timer(self, now: float) -> tuple[Do, ...]:
        """Time has come: repeat or end. Nothing when it is too early."""
        if self._end and now >= self._end_at:
            return self.handle(Input.END, now)
        if self._repeat and now >= self._repeat_at:
            self._every_s = min(2 * self._every_s, REPEATS[self._repeat].most_s)
            self._repeat_at = now + self._every_s
            return self.handle(Input.REPEAT, now)
        return ()

    def _enter(self, now: float) -> None:
        repeat, end = TIMERS.get((self.kind, self.state), (None, None))
        if isinstance(self.peer, Hop):
            repeat = None  # a stream loses nothing
        self._repeat = repeat
        if repeat:
            self._every_s = REPEATS[repeat].first_s
            self._repeat_at = now + self._every_s
        if end != self._end:
            self._end = end
            self._end_at = now + ENDS[end] if end else 0.0


def input_of(response: SipResponse) -> Input:
    """Which input a response is."""
    if response.status_code < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if response.status_code < 300 else Input.FAILURE


def key_of(message: Message) -> Key:
    """What finds the transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3).

    An ACK has the key of its INVITE; `cancelled_key` gives what a CANCEL is about.
    """
    if isinstance(message, SipResponse):
        return _client_key(message)
    return _server_key(message, "INVITE" if message.method == "ACK" else message.method)


def cancelled_key(cancel: SipRequest) -> Key:
    """The key of the INVITE a CANCEL is about (RFC 3261 §9.2)."""
    return _server_key(cancel, "INVITE")


def _client_key(message: Message) -> Key:
    return (via_of(message).params.get("branch") or "", cseq_of(message).method)


def _server_key(request: SipRequest, method: str) -> Key:
    via = via_of(request)
    branch = via.params.get("branch") or ""
    if branch.startswith(COOKIE) and branch != COOKIE:
        return (branch, via.host.lower(), str(via.port or 5060), method)
    # RFC 2543 peers: no unique branch, so everything that must agree.
    headers = request.headers
    call_id, seq = headers.get("call-id")[0], str(cseq_of(request).seq)
    return (call_id, tag_of(request, "from"), seq, headers.get("via")[0], method)


def cancel_for(invite: SipRequest) -> SipRequest:
    """The CANCEL of an INVITE (RFC 3261 §9.1)."""
    cancel = SipRequest(method="CANCEL", uri=invite.uri)
    put = cancel.headers.append
    put("Via", invite.headers.get("via")[0])
    put("Max-Forwards", "70")
    for route in invite.headers.get("route"):
        put("Route", route)
    for name in ("From", "To", "Call-ID"):
        put(name, invite.headers.get(name)[0])
    put("CSeq", f"{cseq_of(invite).seq} CANCEL")
    return cancel


def ack_for(invite: SipRequest, response: SipResponse) -> SipRequest:
    """The ACK that ends a refused INVITE (RFC 3261 §17.1.1.3)."""
    ack = SipRequest(method="ACK", uri=invite.uri)
    put = ack.headers.append
    put("Via", invite.headers.get("via")[0])
    put("Max-Forwards", "70")
    for route in invite.headers.get("route"):
        put("Route", route)
    put("From", invite.headers.get("from")[0])
    put("To", response.headers.get("to")[0])
    put("Call-ID", invite.headers.get("call-id")[0])
    put("CSeq", f"{cseq_of(invite).seq} ACK")
    return ack
