"""The end of a call that an earlier life of ours began and did not finish."""

from collections.abc import Sequence

from aiosipua.message import SipRequest, SipResponse

from hardware.line import Cause
from hardware.sip.causes import reason_header
from hardware.sip.dialog import Dialog, hop_of
from hardware.sip.layer import TransactionLayer
from hardware.sip.message import Addr, Hop, cseq_of, reply
from hardware.sip.proof import Answers, afresh, proved
from hardware.sip.remembered import Asked, Talking
from hardware.sip.transaction import T1, Transaction, cancel_for

LEAP = 10_000
"""How far we count on: what was asked within the call after it was noted stays behind."""
REASON = reason_header(Cause.TEMPORARY_FAILURE)


class Farewell:
    """Says BYE to who still believes in a call, trying each way there; or takes an INVITE back."""

    def __init__(self, wire: TransactionLayer, logins: Sequence[Answers] = ()) -> None:
        self._wire = wire
        self._logins = logins
        self._dialog: Dialog | None = None
        self._ways: list[Addr] = []
        self._invite: Transaction | None = None
        self._until: float | None = None

    def bye(self, note: Talking, now: float) -> None:
        """End a call that was answered."""
        there = Hop.by(*note.place)
        contact = hop_of(note.target)
        # The connection it came by is gone with us; its Contact may be reached by a new one.
        self._ways = [there, contact] if contact is not None and contact != there else [there]
        self._dialog = Dialog(
            note.call_id,
            note.local,
            note.remote,
            note.tag,
            note.their_tag,
            note.target,
            note.routes,
            note.seq + LEAP,
            -1,
            there,
        )
        self._next(now)

    def cancel(self, note: Asked, now: float) -> None:
        """Take an INVITE of ours back that rings there (RFC 3261 §9.1)."""
        there = Hop.by(*note.place)
        invite = invite_of(note)
        self._invite = self._wire.resume_asking(invite, there, self, now)
        cancel = cancel_for(invite)
        cancel.headers.append(*REASON)
        self._wire.start(cancel, there, self, now)
        self._until = now + 64 * T1
        self._wire.arm(self)

    # What comes back

    def on_response(self, transaction: Transaction, response: SipResponse, source: Addr, now: float) -> None:
        """A challenge is met; an INVITE answered after all is acknowledged and ended."""
        status = response.status_code
        if transaction is self._invite and 200 <= status < 300:
            self._answered(transaction.request, response, source, now)
        elif transaction is not self._invite and status in (401, 407) and self._dialog is not None:
            again = proved(transaction.request, response, self._logins)
            if again is not None:
                self._dialog.local_seq += 1
                ours = self._wire.ours(transaction.peer)
                afresh(again, ours, self._dialog.local_seq)
                self._wire.start(again, transaction.peer, self, now)

    def on_failure(self, transaction: Transaction, now: float) -> None:
        """Nobody is there; perhaps elsewhere."""
        if self._ways and transaction.request.method == "BYE":
            self._next(now)

    def timer(self) -> float | None:
        return self._until

    def on_timer(self, now: float) -> None:
        """Nobody finished what we took back."""
        if self._until is not None and now >= self._until:
            self._until = None
            if self._invite is not None:
                self._wire.abandon(self._invite)

    def _answered(self, invite: SipRequest, response: SipResponse, source: Addr, now: float) -> None:
        dialog = Dialog.of_response(invite, response, source, None)
        hop = dialog.hop()
        self._wire.send(dialog.request("ACK", self._wire.ours(hop), seq=cseq_of(invite).seq), hop)
        if self._dialog is None:
            self._dialog = dialog
            self._ways = [hop]
            self._next(now)

    def _next(self, now: float) -> None:
        assert self._dialog is not None
        hop = self._ways.pop(0)
        bye = self._dialog.request("BYE", self._wire.ours(hop))
        bye.headers.append(*REASON)
        self._wire.start(bye, hop, self, now)


def part(wire: TransactionLayer, note: Asked | Talking, logins: Sequence[Answers], now: float) -> None:
    """Tell the far end of a call that it is over, whatever the call had come to."""
    if isinstance(note, Talking):
        Farewell(wire, logins).bye(note, now)
    elif note.ours:
        Farewell(wire).cancel(note, now)
    else:
        invite, there = invite_of(note), Hop.by(*note.place)
        refusal = reply(invite, 503, there, to_tag=note.tag, headers=[REASON])
        wire.respond(wire.serve(invite, there, now), refusal, now)


def invite_of(note: Asked) -> SipRequest:
    """So much of an INVITE as its transaction needs."""
    invite = SipRequest(method="INVITE", uri=note.uri)
    for header in note.head:
        invite.headers.append(*header)
    return invite
