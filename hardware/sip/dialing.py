"""A call we place: one INVITE to one place (RFC 3261 §13.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiosipua.message import SipRequest, SipResponse

from hardware.line import Alerting, Answered, Cause, Cleared, Signal
from hardware.sip import sdp
from hardware.sip.causes import cause_of, reason_header
from hardware.sip.dialog import Dialog, via_value
from hardware.sip.digest import Login
from hardware.sip.leg import Leg
from hardware.sip.message import Addr, cseq_of, quoted, sip_uri, tag_of, token
from hardware.sip.proof import Answers, afresh, proved
from hardware.sip.remembered import Over, asked
from hardware.sip.session import asking, least, options_of
from hardware.sip.transaction import T1, Transaction, cancel_for
from hardware.sip.usage import ALLOW, SDP_TYPE, SUPPORTED, LegPost, Wire

RING_S = 185.0
"""Longest we let anybody ring; call handling gives up long before."""
MAX_WAYS = 8


MOVES_ON = (408, 500, 502, 503, 504)
"""Refusals that say this way is blocked, not that the called party refuses: the next way is tried."""

UNSEALED = (415, 488, 606)
"""Refusals that may mean that the far end knows no sealed voice."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to call: the request line, the number shown in To, and where the INVITE goes.

    By a trunk, To and From are in its `domain`, `shown` is the number shown instead of the
    caller's, and the caller is asserted to the network (RFC 3325).
    """

    uri: str
    number: str
    hop: Addr
    behind: Addr | None = None
    login: Login | None = None
    domain: str = ""
    shown: str = ""
    trunk: str = ""
    extension: str = ""


@dataclass(slots=True)
class Way:
    """One far end that rings: its early dialog, where it wants to be heard, its last reliable response."""

    dialog: Dialog
    voice: sdp.Voice | None = None
    serial: int = 0


class Dialing(Leg):
    """The caller's side of one INVITE."""

    placed = True

    def __init__(
        self, wire: Wire, target: Target, local: sdp.Local, post: LegPost, logins: Sequence[Answers]
    ) -> None:
        super().__init__(wire, local, post, logins)
        self.target = target
        self.extension = target.extension
        self.unreachable = False
        """Nothing at all came back."""
        self.moves_on = False
        """This way is blocked; another may not be."""
        self._invite: SipRequest | None = None
        self._transaction: Transaction | None = None
        self._heard = self._early = self._cancelling = self._cancelled = self._done = False
        self._ways: dict[str, Way] = {}
        self._give_up_at: float | None = None
        self._ring_until = 0.0
        self._acks: dict[str, tuple[bytes, Addr]] = {}
        self._reason = reason_header(Cause.NORMAL)

    def start(self, caller: str | None, display: str, now: float, patience_s: float = RING_S) -> None:
        """Send the INVITE, showing `caller`, or nobody when None (RFC 3323); wait for any sign of life."""
        target = self.target
        ours = self.wire.ours(target.hop)
        home = (target.domain, None) if target.domain else ours
        shown = target.shown or caller
        who = '"Anonymous" <sip:anonymous@anonymous.invalid>'
        if caller is not None and shown:
            who = f"{quoted(display)}<{sip_uri(shown, *home)}>"
        invite = SipRequest(method="INVITE", uri=target.uri)
        put = invite.headers.append
        put("Via", via_value(ours))
        put("Max-Forwards", "70")
        put("From", f"{who};tag={token()}")
        to = sip_uri(target.number, target.domain or target.hop[0]) if target.number else target.uri
        put("To", f"<{to}>")
        put("Call-ID", f"{token()}@{ours[0]}")
        put("CSeq", "1 INVITE")
        put(*self.contact(target.hop))
        put(*ALLOW)
        put(*SUPPORTED)
        for header in asking():
            put(*header)
        put(*SDP_TYPE)
        if target.domain and (asserted := shown or (target.login.user if target.login else "")):
            put("P-Asserted-Identity", f"<{sip_uri(asserted, target.domain)}>")
        if caller is None:
            put("Privacy", "id")
        invite.body = sdp.offer(self.local)
        self._give_up_at = now + min(patience_s, RING_S)
        self._ring_until = now + RING_S
        self._send(invite, now)

    def _send(self, invite: SipRequest, now: float) -> None:
        self._invite = invite
        self.wire.note(asked(invite, tag_of(invite, "from"), self.target.hop, ours=True))
        self._transaction = self.wire.start(invite, self.target.hop, self, now)
        self.wire.arm(self)

    # What comes back

    def on_response(self, transaction: Transaction, response: SipResponse, source: Addr, now: float) -> None:
        if transaction is not self._transaction:
            if transaction.request.method not in ("CANCEL", "PRACK"):
                super().on_response(transaction, response, source, now)
            return
        if not self._heard and self._give_up_at is not None:
            self._give_up_at = self._ring_until
        self._heard = True
        if response.status_code < 200:
            self._progress(response, source, now)
        elif response.status_code < 300:
            self._accepted(response, source, now)
        elif not self._done:
            self._refused(response, now)

    def on_failure(self, transaction: Transaction, now: float) -> None:
        if transaction is self._transaction and not self._done:
            self.unreachable = not self._heard
            self.moves_on = True
            self._finish(Cause.NO_USER, now)
        elif transaction is not self._transaction:
            super().on_failure(transaction, now)

    def _progress(self, response: SipResponse, source: Addr, now: float) -> None:
        if self._cancelling:
            return self._cancel(now)
        if response.status_code == 100 or self._done:
            return None
        tag = tag_of(response, "to")
        way = self._way(tag, response, source)
        if way is not None and "100rel" in options_of(response, "require"):
            serial = response.headers.get_first("rseq") or ""
            if not serial.isdecimal() or len(serial) > 10 or (way.serial and int(serial) != way.serial + 1):
                return None  # one that came before, or too early (RFC 3262 §4)
            way.serial = int(serial)
            self._prack(way, now)
        voice = _early(response, self.local)
        if voice is not None:
            self._early = True
            if way is not None:
                way.voice = voice
            self._hear(voice, now)
        if response.status_code in (180, 183):
            self.post(Alerting(early=self._early), now)
        return None

    def _way(self, tag: str, response: SipResponse, source: Addr) -> "Way | None":
        """The early dialog with this far end, which a forking proxy may have found several of (§13.2.2.4)."""
        assert self._invite is not None
        if not tag:
            return None
        if tag not in self._ways and len(self._ways) < MAX_WAYS:
            dialog = Dialog.of_response(self._invite, response, source, self.target.behind)
            self._ways[tag] = Way(dialog)
            self.wire.joined(self, dialog)
        return self._ways.get(tag)

    def _prack(self, way: "Way", now: float) -> None:
        assert self._invite is not None
        hop = way.dialog.hop()
        prack = way.dialog.request("PRACK", self.wire.ours(hop))
        prack.headers.append("RAck", f"{way.serial} {self._invite.headers.get('cseq')[0]}")
        self.wire.start(prack, hop, self, now)

    @property
    def dialogs(self) -> Sequence[Dialog]:
        return super().dialogs or [way.dialog for way in self._ways.values()]

    def dialog_with(self, tag: str) -> Dialog | None:
        if self.dialog is None and tag in self._ways:
            return self._ways[tag].dialog
        return super().dialog_with(tag)

    def on_request(self, transaction: Transaction, source: Addr, now: float) -> None:
        if self.dialog is not None:
            return super().on_request(transaction, source, now)
        way = self._ways.get(tag_of(transaction.request, "from"))
        if way is None or self._done or transaction.request.method not in ("UPDATE", "OPTIONS"):
            return self._reply(transaction, 481, source, now)
        # Before the answer each far end may only say how it wants to be heard.
        self.dialog = way.dialog
        try:
            super().on_request(transaction, source, now)
        finally:
            self.dialog = None
        return None

    def _accepted(self, response: SipResponse, source: Addr, now: float) -> None:
        assert self._invite is not None
        if ack := self._acks.get(tag_of(response, "to")):
            return self.wire.resend(*ack)
        tag = tag_of(response, "to")
        way = self._ways.get(tag)
        dialog = Dialog.of_response(self._invite, response, source, self.target.behind)
        if way is not None:
            dialog.local_seq, dialog.remote_seq = way.dialog.local_seq, way.dialog.remote_seq
        self._ack_to(dialog)
        if self.dialog is not None or self._done:
            # A second phone behind a forking proxy, or an answer that crossed our CANCEL.
            late = Leg(self.wire, self.local, _nobody, self._logins)
            late.dialog = dialog
            return late.end(Cause.NORMAL, now)
        self.dialog = dialog
        self._done = True
        self._give_up_at = None
        self.wire.joined(self, dialog)
        self.keep(now)
        if self._cancelling:
            return super().end(Cause.NORMAL, now)
        self._agree(response, now)
        if response.body or way is None or way.voice is None:
            try:
                voice = sdp.read_answer(response.body, self.local)
            except ValueError:
                return self._break(Cause.INCOMPATIBLE, now)
        else:
            voice = way.voice
        self._hear(voice, now)
        return self.post(Answered(), now)

    def _ack_to(self, dialog: Dialog) -> None:
        assert self._invite is not None
        hop = dialog.hop()
        ack = dialog.request("ACK", self.wire.ours(hop), seq=cseq_of(self._invite).seq)
        for name in ("authorization", "proxy-authorization"):
            for value in self._invite.headers.get(name):
                ack.headers.append(name, value)
        self._acks[dialog.remote_tag] = self.wire.send(ack, hop), hop

    def _refused(self, response: SipResponse, now: float) -> None:
        status = response.status_code
        again = None
        if not self._cancelling and self._invite is not None:
            if status in (401, 407):
                again = proved(self._invite, response, self._logins)
            elif status == 422:
                again = _longer(self._invite, response)
            elif status in UNSEALED and self.local.key and not self.local.sealed:
                self.local = self.local.in_clear()
                again = _with(self._invite, sdp.offer(self.local))
        if again is not None:
            self._heard = False
            self._forget_ways()
            return self._send(afresh(again, self.wire.ours(self.target.hop)), now)
        self.moves_on = status in MOVES_ON
        return self._finish(cause_of(status, response.headers.get("reason")), now)

    def _forget_ways(self) -> None:
        for way in self._ways.values():
            if way.dialog is not self.dialog:
                self.wire.left(self, way.dialog)
        self._ways.clear()

    def _nothing_more(self) -> None:
        """The INVITE is dealt with, and made no call."""
        self._done = True
        self._forget_ways()
        if self._invite is not None:
            self.wire.note(Over(self._invite.headers.get("call-id")[0], tag_of(self._invite, "from")))

    def _finish(self, cause: Cause, now: float) -> None:
        self.over = True
        self._give_up_at = None
        self._nothing_more()
        self.post(Cleared(cause), now)

    # What we do

    def end(self, cause: Cause, now: float) -> None:
        self._reason = reason_header(cause)
        if self.dialog is not None:
            super().end(cause, now)
        elif not self._done:
            self._cancelling = True
            if self._heard:
                self._cancel(now)

    def answered_elsewhere(self, now: float) -> None:
        """Another phone of the same extension picked up."""
        self.end(Cause.NORMAL, now)

    def _cancel(self, now: float) -> None:
        """CANCEL, which must wait for a provisional response (§9.1)."""
        if self._cancelled or self._invite is None:
            return
        self._cancelled = True
        cancel = cancel_for(self._invite)
        cancel.headers.append(*self._reason)
        self.wire.start(cancel, self.target.hop, self, now)
        self._give_up_at = now + 64 * T1
        self.wire.arm(self)

    def timer(self) -> float | None:
        due = [at for at in (super().timer(), self._give_up_at) if at is not None]
        return min(due, default=None)

    def on_timer(self, now: float) -> None:
        super().on_timer(now)
        if self._give_up_at is None or now < self._give_up_at:
            return
        self._give_up_at = None
        if self._cancelled:
            # Nobody finished what we cancelled (§9.1 last paragraph).
            if self._transaction is not None:
                self.wire.abandon(self._transaction)
            self._nothing_more()
        else:
            self.moves_on = not self._heard
            cause = Cause.NO_ANSWER if self._heard else Cause.NO_USER
            self.end(cause, now)
            self.post(Cleared(cause), now)


def _longer(invite: SipRequest, response: SipResponse) -> SipRequest | None:
    """The INVITE with the session interval a 422 wants; None when it asked for that already (RFC 4028 §6)."""
    wanted = least(response)
    if (invite.headers.get_first("session-expires") or "").startswith(f"{wanted}"):
        return None
    again = SipRequest(headers=invite.headers.copy(), body=invite.body, method="INVITE", uri=invite.uri)
    again.headers.set_single("Session-Expires", str(wanted))
    again.headers.set_single("Min-SE", str(wanted))
    return again


def _with(invite: SipRequest, body: bytes) -> SipRequest:
    """The INVITE with another offer."""
    return SipRequest(headers=invite.headers.copy(), body=body, method="INVITE", uri=invite.uri)


def _early(response: SipResponse, local: sdp.Local) -> sdp.Voice | None:
    try:
        return sdp.read_answer(response.body, local) if response.body else None
    except ValueError:
        return None


def _nobody(_leg: Leg, _signal: Signal, _now: float) -> None:
    """What a call nobody waits for says goes nowhere."""
