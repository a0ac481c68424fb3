"""A call that comes in, until it is answered, refused or given up (RFC 3261 §13.3)."""

from aiosipua.message import SipRequest

from hardware.line import Answered, Cause, Cleared
from hardware.sip import sdp
from hardware.sip.causes import STATUS_OF, reason_cause, reason_header
from hardware.sip.dialog import Dialog
from hardware.sip.leg import ALLOW, Leg, LegPost, Wire
from hardware.sip.message import Addr, literal, token, via_of
from hardware.sip.transaction import Transaction


class Answering(Leg):
    """The callee's side. Made when a line takes the call; says 100 and 180 at once."""

    def __init__(
        self, wire: Wire, transaction: Transaction, source: Addr, local: sdp.Local, post: LegPost, now: float
    ) -> None:
        """Raises `sdp.BadSdp` or `sdp.NothingCommon` when the offer cannot be met; nothing is sent then."""
        super().__init__(wire, local, post)
        invite = transaction.request
        self._offer = sdp.read(invite.body) if invite.body else None
        self._transaction = transaction
        self._source = source
        self._answered = self._talking = False
        self.dialog = Dialog.of_request(invite, token(), source, _behind(invite, source))
        wire.joined(self)
        self._reply(transaction, 100, source, now)
        self._reply(transaction, 180, source, now, self.contact(source), ALLOW)

    def answer(self, now: float) -> None:
        """Pick up; nothing when it is too late or done already."""
        if self._answered or self.over:
            return
        self._answered = True
        if self._offer is None:
            body = sdp.offer(self.local)
        else:
            offered, voice = self._offer
            body = sdp.answer(offered, voice, self.local)
            self._hear(voice, now)
        self.accept(self._transaction, self._source, now, body, offered=self._offer is None)

    def take_over(self, now: float) -> None:
        """Answer in place of another leg of the same line: nothing begins anew but the sound (RFC 3891)."""
        self._talking = True
        self.answer(now)

    @property
    def confirmed(self) -> bool:
        return self._answered and not self.over

    def acknowledged(self, now: float) -> None:
        if not self._talking:
            self._talking = True
            self.post(Answered(), now)

    def end(self, cause: Cause, now: float) -> None:
        if self._answered:
            return super().end(cause, now)
        if not self.over:
            self._refuse(STATUS_OF[cause], now, reason_header(cause))

    def cancelled(self, cancel: SipRequest, now: float) -> None:
        """The caller gave up; too late once we have answered (§9.2)."""
        if self._answered or self.over:
            return
        self._refuse(487, now)
        cause = reason_cause(cancel.headers.get("reason"))
        self.post(Cleared(cause if cause is not None else Cause.NORMAL), now)

    def on_request(self, transaction: Transaction, source: Addr, now: float) -> None:
        if not self._answered and transaction.request.method in ("INVITE", "REFER"):
            return self._reply(transaction, 500, source, now, ("Retry-After", "5"))
        super().on_request(transaction, source, now)
        if self.over and not self._answered:
            self._refuse(487, now)
        return None

    def _refuse(self, status: int, now: float, *headers: tuple[str, str]) -> None:
        self._answered = True
        self._reply(self._transaction, status, self._source, now, *headers)
        if not self.over:
            self._over()


def _behind(invite: SipRequest, source: Addr) -> Addr | None:
    """Where a caller behind NAT is: it came to us directly, but its Via names another address."""
    direct = len(invite.headers.get("via")) == 1
    return source if direct and literal(via_of(invite).host) != source[0] else None
