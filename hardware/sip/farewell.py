"""The end of a call that an earlier life of ours began and did not finish."""

from collections.abc import Callable, Sequence

import msgspec
from aiosipua.message import SipRequest, SipResponse

from hardware.line import Cause
from hardware.sip.causes import reason_header
from hardware.sip.dialog import Dialog, hop_of
from hardware.sip.layer import TransactionLayer
from hardware.sip.message import Addr, Hop, cseq_of, party, reply, uri_of
from hardware.sip.proof import Answers, afresh, proved
from hardware.sip.remembered import LEAP, Asked, Talking
from hardware.sip.transaction import T1, Transaction, cancel_for

UNSAID_MAX = 1000
REASON = reason_header(Cause.TEMPORARY_FAILURE)


class Farewell:
    """Says BYE to who still believes in a call, trying each way there; or takes an INVITE back."""

    def __init__(
        self,
        wire: TransactionLayer,
        logins: Sequence[Answers] = (),
        missed: Callable[[], None] = lambda: None,
    ) -> None:
        """`missed` is called when no way leads there."""
        self._wire = wire
        self._missed = missed
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
        if transaction.request.method != "BYE":
            return
        if self._ways:
            self._next(now)
        else:
            self._missed()

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


class Past:
    """Tells the far ends of an earlier life's calls that they are over, whatever each had come to."""

    def __init__(self, wire: TransactionLayer, logins_at: Callable[[str], Sequence[Answers]]) -> None:
        self._wire = wire
        self._logins_at = logins_at
        self._unsaid: list[Talking] = []
        """Calls whose far end nothing leads to: it was connected to us, and must come back by itself."""

    def part(self, note: Asked | Talking, now: float) -> None:
        """Tell one far end."""
        if isinstance(note, Talking):
            Farewell(self._wire, self._logins_at(note.place[0]), self._missed(note)).bye(note, now)
        elif note.ours:
            Farewell(self._wire).cancel(note, now)
        else:
            invite, there = invite_of(note), Hop.by(*note.place)
            refusal = reply(invite, 503, there, to_tag=note.tag, headers=[REASON])
            self._wire.respond(self._wire.serve(invite, there, now), refusal, now)

    def seen(self, contacts: Sequence[str], source: Addr, now: float) -> None:
        """A phone registered: what could not be said to it goes by its new connection."""
        if not self._unsaid or not isinstance(source, Hop):
            return
        users = {party(contact).uri.user for contact in contacts}
        found = [n for n in self._unsaid if n.place[0] == source[0] and uri_of(n.target).user in users]
        self._unsaid = [note for note in self._unsaid if note not in found]
        for note in found:
            self.part(msgspec.structs.replace(note, place=(*source, source.transport)), now)

    def _missed(self, note: Talking) -> Callable[[], None]:
        def missed() -> None:
            if note.place[2] != "UDP" and len(self._unsaid) < UNSAID_MAX:
                self._unsaid.append(note)

        return missed


def invite_of(note: Asked) -> SipRequest:
    """So much of an INVITE as its transaction needs."""
    invite = SipRequest(method="INVITE", uri=note.uri)
    for header in note.head:
        invite.headers.append(*header)
    return invite
