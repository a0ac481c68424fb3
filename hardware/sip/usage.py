"""A dialog as a call uses it (RFC 5057): requests both ways, our 2xx until it is acknowledged, its end."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiosipua.message import SipRequest, SipResponse

from hardware.line import Cause, Cleared, Signal
from hardware.sip import sdp
from hardware.sip.causes import reason_header
from hardware.sip.dialog import Dialog
from hardware.sip.message import Addr, Hop, Message, Refusal, cseq_of, reply, tag_of
from hardware.sip.proof import Answers, afresh, proved
from hardware.sip.remembered import Note
from hardware.sip.schedule import Timed
from hardware.sip.transaction import T1, T2, Transaction

METHODS = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REFER, REGISTER, SUBSCRIBE"
ALLOW = ("Allow", METHODS)
OPTIONS = ("replaces", "timer", "100rel")
"""Extensions of SIP that may be required of us (RFC 3891, RFC 4028, RFC 3262)."""
SUPPORTED = ("Supported", ", ".join(OPTIONS))
SDP_TYPE = ("Content-Type", sdp.TYPE)


class Wire(Protocol):
    """What a leg needs of the core around it."""

    def ours(self, towards: Addr) -> Addr:
        """Our address as the far end shall use it."""

    def send(self, message: Message, to: Addr) -> bytes:
        """Send outside any transaction; the bytes, for sending again."""

    def resend(self, data: bytes, to: Addr) -> None:
        """Send bytes again."""

    def start(self, request: SipRequest, to: Addr, owner: Any, now: float) -> Transaction:
        """Send a request in a transaction whose outcome comes to the owner."""

    def respond(self, transaction: Transaction, response: SipResponse, now: float) -> None:
        """Answer in a transaction."""

    def abandon(self, transaction: Transaction) -> None:
        """Forget a transaction nobody will finish."""

    def joined(self, leg: Any, dialog: Dialog) -> None:
        """The leg has this dialog: requests within it shall come to the leg."""

    def left(self, leg: Any, dialog: Dialog) -> None:
        """The leg's dialog is over."""

    def note(self, note: Note) -> None:
        """Remember this beyond the end of our own life."""

    def line_of(self, call_id: str, one_tag: str, other_tag: str) -> str | None:
        """The name of the line that carries this dialog."""

    def arm(self, thing: Timed) -> None:
        """The thing's timer may have changed."""


def contact_of(ours: Addr) -> tuple[str, str]:
    """The Contact header that says where we are."""
    host, port = ours
    by = f";transport={ours.transport.lower()}" if isinstance(ours, Hop) else ""
    return "Contact", f"<sip:{f'[{host}]' if ':' in host else host}:{port}{by}>"


LegPost = Callable[[Any, Signal, float], None]
"""Leg, what it says, now."""


@dataclass(slots=True)
class Unacked:
    """A response of ours that is sent again and again until it is acknowledged.

    A 2xx until its ACK (RFC 3261 §13.3.1.4), a reliable provisional until its PRACK (RFC 3262 §3).
    """

    data: bytes
    to: Addr
    seq: int
    at: float
    until: float
    every_s: float = T1
    offered: bool = False
    """It held our offer: the answer comes in the ACK."""

    def repeat(self, now: float, most_s: float) -> None:
        """Sent once more; each time wait twice as long."""
        self.every_s = min(2 * self.every_s, most_s)
        self.at = min(now + self.every_s, self.until)


class Usage:
    """What every leg does within its dialog. `post` hears of everything until `detach`."""

    dialog: Dialog | None = None
    handlers: Mapping[str, "Handler"] = {}
    """Requests the far end may make."""

    def __init__(self, wire: Wire, post: LegPost, logins: Sequence[Answers] = ()) -> None:
        self.wire = wire
        self.over = False
        self._logins = logins
        self._post: LegPost | None = post
        self._unacked: Unacked | None = None
        self._bye_after_ack: Cause | None = None
        self._acked: tuple[int, bytes, Addr] | None = None
        """The last ACK to a re-INVITE of ours."""

    # What the far end does

    def dialog_with(self, tag: str) -> Dialog | None:
        """The dialog with the far end that has this tag."""
        return self.dialog if self.dialog is not None and self.dialog.remote_tag == tag else None

    def on_request(self, transaction: Transaction, source: Addr, now: float) -> None:
        """A request within the dialog, other than ACK and CANCEL."""
        request = transaction.request
        if self.dialog is None or self.over:
            return self._reply(transaction, 481, source, now)
        if not self.dialog.in_order(request):
            return self._reply(transaction, 500, source, now)
        handler = self.handlers.get(request.method)
        if handler is None:
            return self._reply(transaction, 405, source, now, ALLOW)
        try:
            handler(self, transaction, source, now)
        except Refusal as refusal:
            self._reply(transaction, refusal.status, source, now, *refusal.headers)
        except sdp.BadSdp:
            self._reply(transaction, 400, source, now)
        except sdp.NothingCommon:
            self._reply(transaction, 488, source, now)

    def on_ack(self, request: SipRequest, now: float) -> None:
        """The ACK of a 2xx of ours."""
        waiting, dialog = self._unacked, self.dialog
        if waiting is None or dialog is None or cseq_of(request).seq != waiting.seq:
            return
        if (tag_of(request, "to"), tag_of(request, "from")) != (dialog.local_tag, dialog.remote_tag):
            return  # the branch of the INVITE alone is no proof of having heard our 2xx
        self._unacked = None
        if self._bye_after_ack is not None:
            return self._say_bye(self._bye_after_ack, now)
        if waiting.offered and not self.answered_us(request.body, now):
            return self._break(Cause.INCOMPATIBLE, now)
        return self.acknowledged(now)

    def answered_us(self, body: bytes, now: float) -> bool:
        """The far end's answer to our offer; False when it cannot be met."""
        raise NotImplementedError

    def acknowledged(self, now: float) -> None:
        """The far end acknowledged what we agreed on."""

    # What we do

    def end(self, cause: Cause, now: float) -> None:
        """Say BYE, as soon as that is allowed: not before our 2xx is acknowledged (§15)."""
        if self._unacked is not None:
            self._bye_after_ack = cause
        else:
            self._say_bye(cause, now)

    def detach(self) -> None:
        """Nobody listens any more; what remains is done quietly."""
        self._post = None

    def post(self, signal: Signal, now: float) -> None:
        if self._post is not None:
            self._post(self, signal, now)

    # Time

    def timer(self) -> float | None:
        return self._unacked.at if self._unacked is not None else None

    def on_timer(self, now: float) -> None:
        waiting = self._unacked
        if waiting is None or now < waiting.at:
            return
        if now >= waiting.until:
            self._unacked = None
            return self._break(Cause.TIMER, now)
        self.wire.resend(waiting.data, waiting.to)
        waiting.repeat(now, T2)

    # Within

    def _reply(
        self,
        transaction: Transaction,
        status: int,
        source: Addr,
        now: float,
        *headers: tuple[str, str],
        body: bytes = b"",
    ) -> None:
        tag = self.dialog.local_tag if self.dialog else ""
        response = reply(transaction.request, status, source, to_tag=tag, headers=headers, body=body)
        self.wire.respond(transaction, response, now)

    def contact(self, peer: Addr) -> tuple[str, str]:
        return contact_of(self.wire.ours(peer))

    def _ask(self, method: str, now: float, *headers: tuple[str, str], body: bytes = b"") -> Transaction:
        """Send a request within the dialog."""
        assert self.dialog is not None
        hop = self.dialog.hop()
        request = self.dialog.request(method, self.wire.ours(hop))
        for header in headers:
            request.headers.append(*header)
        request.body = body
        if method not in ("BYE", "INFO"):
            request.headers.append(*self.contact(hop))
        return self.wire.start(request, hop, self, now)

    def _prove(self, transaction: Transaction, response: SipResponse, now: float) -> bool:
        """Ask again with the password; False when we have none."""
        again = proved(transaction.request, response, self._logins)
        if again is None or self.dialog is None:
            return False
        self.dialog.local_seq += 1
        afresh(again, self.wire.ours(transaction.peer), self.dialog.local_seq)
        self._instead(transaction, self.wire.start(again, transaction.peer, self, now))
        return True

    def _instead(self, old: Transaction, new: Transaction) -> None:
        """A request of ours was made again."""

    def _break(self, cause: Cause, now: float) -> None:
        """The call cannot go on."""
        self._say_bye(cause, now)
        self.post(Cleared(cause), now)

    def _say_bye(self, cause: Cause, now: float) -> None:
        if self.dialog is not None and not self.over:
            self._ask("BYE", now, reason_header(cause))
            self._over()

    def _over(self) -> None:
        self.over = True
        self._unacked = None
        if self.dialog is not None:
            self.wire.left(self, self.dialog)

    def _acknowledge(self, transaction: Transaction) -> None:
        """ACK each 2xx to a re-INVITE of ours, every time it comes."""
        assert self.dialog is not None
        seq = cseq_of(transaction.request).seq
        if self._acked is not None and self._acked[0] == seq:
            return self.wire.resend(*self._acked[1:])
        hop = self.dialog.hop()
        ack = self.dialog.request("ACK", self.wire.ours(hop), seq=seq)
        self._acked = seq, self.wire.send(ack, hop), hop
        return None


Handler = Callable[[Any, Transaction, Addr, float], None]
"""Leg, the request's transaction, where it came from, now. May raise `Refusal` and what `sdp.read` raises."""
