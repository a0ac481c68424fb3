"""A call that comes in, until it is answered, refused or given up (RFC 3261 §13.3, RFC 3262)."""

import secrets
from collections import deque

from aiosipua.message import SipRequest

from hardware.line import Answered, Cause, Cleared
from hardware.sip import sdp
from hardware.sip.causes import STATUS_OF, reason_cause, reason_header
from hardware.sip.dialog import Dialog
from hardware.sip.leg import Leg
from hardware.sip.message import Addr, Hop, Refusal, literal, token, via_of
from hardware.sip.remembered import asked
from hardware.sip.session import options_of
from hardware.sip.transaction import T1, Transaction
from hardware.sip.usage import ALLOW, SDP_TYPE, LegPost, Unacked, Wire


class Answering(Leg):
    """The callee's side. Made when a line takes the call; says 180 unless it is answered in the same moment.

    There is no 100: it is for who cannot say more within 200 ms (RFC 3261 §17.2.1).
    """

    def __init__(
        self, wire: Wire, transaction: Transaction, source: Addr, local: sdp.Local, post: LegPost, now: float
    ) -> None:
        """Raises `sdp.BadSdp` or `sdp.NothingCommon` when the offer cannot be met; nothing is sent then."""
        super().__init__(wire, local, post)
        invite = transaction.request
        self._offer = sdp.read_offer(invite.body, local) if invite.body else None
        self._transaction = transaction
        self._source = source
        self._answered = self._talking = self._progressed = self._wanted = False
        self._must_prack = "100rel" in options_of(invite, "require")
        self._can_prack = self._must_prack or "100rel" in options_of(invite, "supported")
        self._serial = 0
        self._unpracked: Unacked | None = None
        """The reliable provisional response that waits for its PRACK; one at a time."""
        self._next: deque[tuple[int, bytes]] = deque()
        self.dialog = Dialog.of_request(invite, token(), source, _behind(invite, source))
        wire.joined(self, self.dialog)
        wire.note(asked(invite, self.dialog.local_tag, source, ours=False))
        self._ring_at: float | None = now
        """When the caller is told that it rings; None when that is done, or past."""
        if self._must_prack:
            self._ring(now)
        wire.arm(self)

    # What we do

    def progress(self, now: float) -> None:
        """Let the caller hear us before the answer (183 with a description); not without an offer."""
        if self._answered or self.over or self._progressed or self._offer is None:
            return
        self._ring(now)
        self._progressed = True
        self._provisional(183, now, sdp.answer(*self._offer, self.local))
        self._hear(self._offer[1], now)

    def answer(self, now: float) -> None:
        """Pick up; nothing when it is too late or done already."""
        if self._answered or self.over:
            return
        if self._unpracked is not None and self._unpracked.offered:
            # Our description must have arrived before the 2xx (RFC 3262 §3).
            self._wanted = True
            return
        self._answered = True
        self._unpracked = self._ring_at = None
        body = sdp.offer(self.local) if self._offer is None else sdp.answer(*self._offer, self.local)
        if self._offer is not None:
            self._hear(self._offer[1], now)
        self.accept(self._transaction, self._source, now, body, offered=self._offer is None)

    @property
    def confirmed(self) -> bool:
        return self._answered and not self.over

    def end(self, cause: Cause, now: float) -> None:
        if self._answered:
            return super().end(cause, now)
        if not self.over:
            self._refuse(STATUS_OF[cause], now, reason_header(cause))

    # What the far end does

    def acknowledged(self, now: float) -> None:
        if not self._talking:
            self._talking = True
            self.post(Answered(), now)

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

    def _update(self, transaction: Transaction, source: Addr, now: float) -> None:
        request = transaction.request
        if request.body and not self._answered:
            if not self._progressed:
                # The first offer has no answer yet (RFC 3311 §5.2).
                raise Refusal(500, ("Retry-After", "5"))
            self._offer = sdp.read_offer(request.body, self.local)
        super()._update(transaction, source, now)

    def _prack(self, transaction: Transaction, source: Addr, now: float) -> None:
        """Our reliable provisional response has arrived (RFC 3262 §3)."""
        request, waiting = transaction.request, self._unpracked
        names = (request.headers.get_first("rack") or "").split()
        invite = self._transaction.request.headers.get("cseq")[0].split()
        if waiting is None or names != [str(waiting.seq), *invite]:
            raise Refusal(481)
        self._unpracked = None
        if not request.body:
            self._reply(transaction, 200, source, now)
        else:
            self._offer = sdp.read_offer(request.body, self.local)
            self.local = self.local.next()
            self._reply(transaction, 200, source, now, SDP_TYPE, body=sdp.answer(*self._offer, self.local))
            self._hear(self._offer[1], now)
        if self._next:
            status, body = self._next.popleft()
            self._provisional(status, now, body)
        if self._wanted:
            self.answer(now)

    # Time

    def timer(self) -> float | None:
        if self._ring_at is not None:
            return self._ring_at
        due = super().timer()
        if self._unpracked is None:
            return due
        return self._unpracked.at if due is None else min(due, self._unpracked.at)

    def on_timer(self, now: float) -> None:
        self._ring(now)
        super().on_timer(now)
        waiting = self._unpracked
        if waiting is None or now < waiting.at or self.over:
            return
        if now >= waiting.until:
            self._unpracked = None
            self._refuse(504, now)
            return self.post(Cleared(Cause.TIMER), now)
        self.wire.resend(waiting.data, waiting.to)
        waiting.repeat(now, 64 * T1)

    # Within

    def _ring(self, now: float) -> None:
        if self._ring_at is not None:
            self._ring_at = None
            self._provisional(180, now)

    def _provisional(self, status: int, now: float, body: bytes = b"") -> None:
        """Say that it rings, or goes on: so that it surely arrives, when the caller can tell us so."""
        head = [self.contact(self._source), ALLOW] + ([SDP_TYPE] if body else [])
        if not (self._must_prack or (self._can_prack and body)):
            return self._reply(self._transaction, status, self._source, now, *head, body=body)
        if self._unpracked is not None:
            self._next.append((status, body))
            return None
        self._serial = self._serial + 1 if self._serial else secrets.randbelow(10000) + 1
        head += [("Require", "100rel"), ("RSeq", str(self._serial))]
        self._reply(self._transaction, status, self._source, now, *head, body=body)
        data, to = self._transaction.data, self._transaction.peer
        self._unpracked = Unacked(data, to, self._serial, now + T1, now + 64 * T1, offered=bool(body))
        self.wire.arm(self)
        return None

    def _refuse(self, status: int, now: float, *headers: tuple[str, str]) -> None:
        self._answered = True
        self._unpracked = self._ring_at = None
        self._reply(self._transaction, status, self._source, now, *headers)
        if not self.over:
            self._over()


Answering.handlers = {**Leg.handlers, "PRACK": Answering._prack, "UPDATE": Answering._update}


def _behind(invite: SipRequest, source: Addr) -> Addr | None:
    """Where a caller is whose Contact may be useless: on its connection, or behind NAT as its Via shows."""
    if len(invite.headers.get("via")) > 1:
        return None
    return source if isinstance(source, Hop) or literal(via_of(invite).host) != source[0] else None
