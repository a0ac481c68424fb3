"""A call once there is a dialog: re-INVITE, INFO, BYE, and our 2xx until it is acknowledged."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from aiosipua.message import SipRequest, SipResponse

from hardware.line import Alerting, Answered, Cause, Cleared, Digit, Held, RtpRoute, Signal, Sound, Transfer
from hardware.sip import sdp
from hardware.sip.causes import reason_cause, reason_header
from hardware.sip.dialog import Dialog
from hardware.sip.message import Addr, Message, Refusal, cseq_of, reply
from hardware.sip.schedule import Timed
from hardware.sip.transaction import T1, T2, Transaction
from hardware.sip.transfer import REFER_S, Referral, asked, notice, status_of

METHODS = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, REGISTER, REFER"
ALLOW = ("Allow", METHODS)
OPTIONS = ("replaces",)
"""Extensions of SIP that may be required of us (RFC 3891)."""
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

    def start(self, request: SipRequest, to: Addr, owner: "Leg", now: float) -> Transaction:
        """Send a request in a transaction whose outcome comes to the owner."""

    def respond(self, transaction: Transaction, response: SipResponse, now: float) -> None:
        """Answer in a transaction."""

    def abandon(self, transaction: Transaction) -> None:
        """Forget a transaction nobody will finish."""

    def joined(self, leg: "Leg") -> None:
        """The leg has its dialog: requests within it shall come to the leg."""

    def left(self, leg: "Leg") -> None:
        """The leg's dialog is over."""

    def line_of(self, call_id: str, one_tag: str, other_tag: str) -> str | None:
        """The name of the line that carries this dialog."""

    def arm(self, thing: Timed) -> None:
        """The thing's timer may have changed."""


LegPost = Callable[["Leg", Signal, float], None]
"""Leg, what it says, now."""


@dataclass(slots=True)
class Unacked:
    """A 2xx of ours that is sent again and again until its ACK comes (RFC 3261 §13.3.1.4)."""

    data: bytes
    to: Addr
    seq: int
    at: float
    until: float
    every_s: float = T1
    offered: bool = False
    """It held our offer: the answer comes in the ACK."""


class Leg:
    """One party's path over SIP, whoever began it. `post` hears of everything until `detach`."""

    dialog: Dialog | None = None

    def __init__(self, wire: Wire, local: sdp.Local, post: LegPost) -> None:
        self.wire = wire
        self.local = local
        self.route: RtpRoute | None = None
        """Where the far end last wanted to hear us."""
        self.held = False
        self.extension = ""
        """The extension whose phone this is; empty for anybody else."""
        self.over = False
        self._post: LegPost | None = post
        self._unacked: Unacked | None = None
        self._bye_after_ack: Cause | None = None
        self._referral: Referral | None = None

    # What the far end does

    def on_request(self, transaction: Transaction, source: Addr, now: float) -> None:
        """A request within the dialog, other than ACK and CANCEL."""
        request = transaction.request
        if self.dialog is None or self.over:
            return self._reply(transaction, 481, source, now)
        if not self.dialog.in_order(request):
            return self._reply(transaction, 500, source, now)
        handler = HANDLERS.get(request.method)
        if handler is None:
            return self._reply(transaction, 405, source, now, ALLOW)
        return handler(self, transaction, source, now)

    def on_ack(self, request: SipRequest, now: float) -> None:
        """The ACK of a 2xx of ours."""
        waiting = self._unacked
        if waiting is None or cseq_of(request).seq != waiting.seq:
            return
        self._unacked = None
        if self._bye_after_ack is not None:
            return self._say_bye(self._bye_after_ack, now)
        if waiting.offered:
            try:
                _, voice = sdp.read(request.body)
            except ValueError:
                self.end(Cause.INCOMPATIBLE, now)
                return self.post(Cleared(Cause.INCOMPATIBLE), now)
            self._hear(voice, now)
        self.acknowledged(now)

    def on_response(self, transaction: Transaction, response: SipResponse, source: Addr, now: float) -> None:
        """A response to a request of ours; those to a BYE tell nothing new."""

    def on_failure(self, transaction: Transaction, now: float) -> None:
        """Nobody answered a request of ours; after a BYE that changes nothing."""

    def acknowledged(self, now: float) -> None:
        """The far end acknowledged what we agreed on."""

    # What we do

    def end(self, cause: Cause, now: float) -> None:
        """Say BYE, as soon as that is allowed: not before our 2xx is acknowledged (§15)."""
        if self._unacked is not None:
            self._bye_after_ack = cause
        else:
            self._say_bye(cause, now)

    def transferred(self, outcome: Alerting | Answered | Cleared, now: float) -> None:
        """Tell the phone how the transfer it asked for goes (RFC 3515 §2.4.5)."""
        if self._referral is None or self.over:
            return
        ends = not isinstance(outcome, Alerting)
        self._notify(self._referral, status_of(outcome), 0.0 if ends else self._referral.until - now, now)
        if ends:
            self._referral = None

    def detach(self) -> None:
        """Nobody listens any more; what remains is done quietly."""
        self._post = None

    def post(self, signal: Signal, now: float) -> None:
        if self._post is not None:
            self._post(self, signal, now)

    # Time

    def timer(self) -> float | None:
        due = [thing.at for thing in (self._unacked, self._referral) if thing is not None]
        return min(due, default=None)

    def on_timer(self, now: float) -> None:
        if self._referral is not None and now >= self._referral.until:
            self.transferred(Cleared(Cause.TIMER), now)
        waiting = self._unacked
        if waiting is None or now < waiting.at:
            return
        if now >= waiting.until:
            self._unacked = None
            self._say_bye(Cause.TIMER, now)
            return self.post(Cleared(Cause.TIMER), now)
        self.wire.resend(waiting.data, waiting.to)
        waiting.every_s = min(2 * waiting.every_s, T2)
        waiting.at = min(now + waiting.every_s, waiting.until)

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
        host, port = self.wire.ours(peer)
        return "Contact", f"<sip:{f'[{host}]' if ':' in host else host}:{port}>"

    def accept(
        self, transaction: Transaction, source: Addr, now: float, body: bytes, *, offered: bool
    ) -> None:
        """Send 200 with a description and keep sending it until it is acknowledged."""
        self._reply(
            transaction, 200, source, now, self.contact(source), ALLOW, SUPPORTED, SDP_TYPE, body=body
        )
        seq = cseq_of(transaction.request).seq
        data, to = transaction.data, transaction.peer
        self._unacked = Unacked(data, to, seq, now + T1, now + 64 * T1, offered=offered)
        self.wire.arm(self)

    def _hear(self, voice: sdp.Voice, now: float) -> None:
        """Follow what was agreed: being held is said, and changes nothing of where the voice is."""
        held = voice.route is None
        if held != self.held:
            self.held = held
            self.post(Held(held), now)
        if voice.route is not None and voice.route != self.route:
            self.route = voice.route
            self.post(Sound(voice.route), now)

    def _reinvite(self, transaction: Transaction, source: Addr, now: float) -> None:
        assert self.dialog is not None
        request = transaction.request
        self.local = self.local.next()
        if not request.body:
            self.dialog.retarget(request)
            return self.accept(transaction, source, now, sdp.offer(self.local), offered=True)
        try:
            offered, voice = sdp.read(request.body)
        except sdp.BadSdp:
            return self._reply(transaction, 400, source, now)
        except sdp.NothingCommon:
            return self._reply(transaction, 488, source, now)
        self.dialog.retarget(request)
        self.accept(transaction, source, now, sdp.answer(offered, voice, self.local), offered=False)
        self._hear(voice, now)

    def _bye(self, transaction: Transaction, source: Addr, now: float) -> None:
        self._reply(transaction, 200, source, now)
        if self._unacked is not None:
            # Whoever says BYE has heard our 200, even if the ACK was lost.
            self.acknowledged(now)
        self._over()
        cause = reason_cause(transaction.request.headers.get("reason"))
        self.post(Cleared(cause if cause is not None else Cause.NORMAL), now)

    def _info(self, transaction: Transaction, source: Addr, now: float) -> None:
        kind = (transaction.request.headers.get_first("content-type") or "").partition(";")[0].strip().lower()
        if kind not in PRESSED:
            return self._reply(transaction, 415 if kind else 200, source, now, ("Accept", ", ".join(PRESSED)))
        found = PRESSED[kind].search(transaction.request.text[:200])
        self._reply(transaction, 200 if found else 400, source, now)
        if found:
            self.post(Digit({"10": "*", "11": "#"}.get(found[1], found[1].upper())), now)

    def _refer(self, transaction: Transaction, source: Addr, now: float) -> None:
        """A phone of ours transfers its call; nobody else may."""
        if not self.extension:
            return self._reply(transaction, 403, source, now)
        if self._referral is not None:
            return self._reply(transaction, 491, source, now)
        try:
            wish = asked(transaction.request)
        except Refusal as refusal:
            return self._reply(transaction, refusal.status, source, now)
        line = self.wire.line_of(*wish.replaces) if wish.replaces else None
        if wish.replaces and line is None:
            return self._reply(transaction, 481, source, now)
        silent = () if wish.told else (("Refer-Sub", "false"),)
        self._reply(transaction, 202, source, now, self.contact(source), *silent)
        self._referral = Referral(now + REFER_S, wish.told)
        self._notify(self._referral, 100, REFER_S, now)
        self.wire.arm(self)
        self.post(Transfer(wish.target, line), now)

    def _notify(self, referral: Referral, status: int, left_s: float, now: float) -> None:
        if referral.told and self.dialog is not None:
            hop = self.dialog.hop()
            notify = self.dialog.request("NOTIFY", self.wire.ours(hop))
            notify.headers.append(*self.contact(hop))
            notice(notify, status, left_s)
            self.wire.start(notify, hop, self, now)

    def _options(self, transaction: Transaction, source: Addr, now: float) -> None:
        self._reply(transaction, 200, source, now, ALLOW, SUPPORTED, ("Accept", sdp.TYPE))

    def _say_bye(self, cause: Cause, now: float) -> None:
        if self.dialog is None or self.over:
            return
        hop = self.dialog.hop()
        bye = self.dialog.request("BYE", self.wire.ours(hop))
        bye.headers.append(*reason_header(cause))
        self.wire.start(bye, hop, self, now)
        self._over()

    def _over(self) -> None:
        self.over = True
        self._unacked = None
        self.wire.left(self)


HANDLERS: Mapping[str, Callable[[Leg, Transaction, Addr, float], None]] = {
    "INVITE": Leg._reinvite,
    "BYE": Leg._bye,
    "INFO": Leg._info,
    "OPTIONS": Leg._options,
    "REFER": Leg._refer,
}
PRESSED = {
    "application/dtmf-relay": re.compile(r"^\s*Signal\s*=\s*(1[01]|[0-9*#A-Da-d])\s*$", re.M),
    "application/dtmf": re.compile(r"^\s*(1[01]|[0-9*#A-Da-d])\s*$"),
}
"""Keys in INFO: the body Cisco phones send, and the plain one."""
