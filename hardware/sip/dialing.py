"""A call we place: one INVITE to one place, and the fork that rings several at once (RFC 3261 §13.2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiosipua.message import SipRequest, SipResponse

from hardware.line import Alerting, Answered, Cause, Cleared, Digit, Held, RtpRoute, Signal, Sound, Transfer
from hardware.sip import sdp
from hardware.sip.causes import cause_of, reason_header
from hardware.sip.dialog import Dialog, via_value
from hardware.sip.digest import Login
from hardware.sip.leg import ALLOW, SDP_TYPE, SUPPORTED, Leg, LegPost, Wire
from hardware.sip.message import Addr, cseq_of, quoted, sip_uri, tag_of, token
from hardware.sip.transaction import T1, Transaction

RING_S = 185.0
"""Longest we let anybody ring; call handling gives up long before."""
ELSEWHERE = ("Reason", 'SIP;cause=200;text="Call completed elsewhere"')


PATIENCE_S = 6.0
"""How long a trunk may stay silent before the next one is tried."""
MOVES_ON = (408, 500, 502, 503, 504)
"""Refusals that say this way is blocked, not that the called party refuses: the next way is tried."""


class Answers(Protocol):
    """What meets a challenge: `Credentials` or a `Login`."""

    def answer(self, challenge: str, method: str, uri: str) -> str | None: ...


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


class Dialing(Leg):
    """The caller's side of one INVITE."""

    def __init__(
        self, wire: Wire, target: Target, local: sdp.Local, post: LegPost, credentials: Sequence[Answers]
    ) -> None:
        super().__init__(wire, local, post)
        self.target = target
        self.extension = target.extension
        self.unreachable = False
        """Nothing at all came back."""
        self.moves_on = False
        """This way is blocked; another may not be."""
        self._credentials = credentials
        self._invite: SipRequest | None = None
        self._transaction: Transaction | None = None
        self._heard = self._early = self._cancelling = self._cancelled = self._done = self._tried = False
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
        self._transaction = self.wire.start(invite, self.target.hop, self, now)
        self.wire.arm(self)

    # What comes back

    def on_response(self, transaction: Transaction, response: SipResponse, source: Addr, now: float) -> None:
        if transaction is not self._transaction:
            return
        if not self._heard and self._give_up_at is not None:
            self._give_up_at = self._ring_until
        self._heard = True
        if response.status_code < 200:
            self._progress(response, now)
        elif response.status_code < 300:
            self._accepted(response, source, now)
        elif not self._done:
            self._refused(response, now)

    def on_failure(self, transaction: Transaction, now: float) -> None:
        if transaction is self._transaction and not self._done:
            self.unreachable = not self._heard
            self.moves_on = True
            self._finish(Cause.NO_USER, now)

    def _progress(self, response: SipResponse, now: float) -> None:
        if self._cancelling:
            return self._cancel(now)
        if response.status_code == 100 or self._done:
            return None
        voice = _early(response)
        if voice is not None:
            self._early = True
            self._hear(voice, now)
        if response.status_code in (180, 183):
            self.post(Alerting(early=self._early), now)
        return None

    def _accepted(self, response: SipResponse, source: Addr, now: float) -> None:
        assert self._invite is not None
        if ack := self._acks.get(tag_of(response, "to")):
            return self.wire.resend(*ack)
        dialog = Dialog.of_response(self._invite, response, source, self.target.behind)
        self._ack_to(dialog)
        if self.dialog is not None or self._done:
            # A second phone behind a forking proxy, or an answer that crossed our CANCEL.
            late = Leg(self.wire, self.local, _nobody)
            late.dialog = dialog
            return late.end(Cause.NORMAL, now)
        self.dialog = dialog
        self._done = True
        self._give_up_at = None
        self.wire.joined(self)
        if self._cancelling:
            return super().end(Cause.NORMAL, now)
        if response.body or not self._early:
            try:
                _, voice = sdp.read(response.body)
            except ValueError:
                super().end(Cause.INCOMPATIBLE, now)
                return self.post(Cleared(Cause.INCOMPATIBLE), now)
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
        if status in (401, 407) and not self._tried and not self._cancelling and self._again(response, now):
            return
        self.moves_on = status in MOVES_ON
        self._finish(cause_of(status, response.headers.get("reason")), now)

    def _again(self, response: SipResponse, now: float) -> bool:
        """Send the INVITE again with credentials, once; False when we have none that fit (§22.2)."""
        assert self._invite is not None
        asked, answers = (
            ("www-authenticate", "Authorization")
            if response.status_code == 401
            else ("proxy-authenticate", "Proxy-Authorization")
        )
        for challenge in response.headers.get(asked):
            for credentials in self._credentials:
                if answer := credentials.answer(challenge, "INVITE", self._invite.uri):
                    self._tried = True
                    invite = SipRequest(
                        headers=self._invite.headers.copy(),
                        body=self._invite.body,
                        method="INVITE",
                        uri=self._invite.uri,
                    )
                    invite.headers.set_single("Via", via_value(self.wire.ours(self.target.hop)))
                    invite.headers.set_single("CSeq", f"{cseq_of(invite).seq + 1} INVITE")
                    invite.headers.set_single(answers, answer)
                    self._heard = False
                    self._send(invite, now)
                    return True
        return False

    def _finish(self, cause: Cause, now: float) -> None:
        self._done = self.over = True
        self._give_up_at = None
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
        cancel = SipRequest(method="CANCEL", uri=self._invite.uri)
        put = cancel.headers.append
        put("Via", self._invite.headers.get("via")[0])
        put("Max-Forwards", "70")
        for name in ("From", "To", "Call-ID"):
            put(name, self._invite.headers.get(name)[0])
        put("CSeq", f"{cseq_of(self._invite).seq} CANCEL")
        put(*self._reason)
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
            self._done = True
        else:
            self.moves_on = not self._heard
            cause = Cause.NO_ANSWER if self._heard else Cause.NO_USER
            self.end(cause, now)
            self.post(Cleared(cause), now)


class Fork:
    """All phones of one extension ring; the first to answer has the call, the others stop.

    Trunks are tried one after another instead. `begin` makes a leg to a target and starts it.
    """

    def __init__(
        self,
        post: Callable[[Signal, float], None],
        begin: Callable[[Target, LegPost, float, float], Dialing],
    ) -> None:
        self.legs: list[Dialing] = []
        self._begin = begin
        self._later: list[Target] = []
        self._post = post
        self._winner: Leg | None = None
        self._early: Leg | None = None
        self._alerted: Alerting | None = None
        self._route: RtpRoute | None = None
        self._causes: list[Cause] = []
        self.unreachable: list[Target] = []

    def start(self, targets: Sequence[Target], now: float) -> None:
        """Call phones all at once, trunks in turn."""
        if targets[0].trunk:
            self._later = list(targets)
            self._next(now)
        else:
            self.legs = [self._begin(target, self.hear, RING_S, now) for target in targets]

    def _next(self, now: float) -> None:
        target = self._later.pop(0)
        patience_s = PATIENCE_S if self._later else RING_S
        self.legs.append(self._begin(target, self.hear, patience_s, now))

    def hear(self, leg: Leg, signal: Signal, now: float) -> None:
        """What one leg says, made into what the line says."""
        mine = leg is self._winner
        match signal:
            case Alerting():
                self._alert(leg, signal, now)
            case Sound(RtpRoute() as route) if mine or self._may_sound(leg):
                self._sound(route, now)
            case Answered() if self._winner is None:
                self._win(leg, now)
            case Cleared(cause):
                self._lose(leg, cause, now)
            case Digit() | Held() | Transfer() if mine:
                self._post(signal, now)

    def end(self, cause: Cause, now: float) -> None:
        """Stop all."""
        self._later.clear()
        for leg in self.legs:
            leg.detach()
            leg.end(cause, now)
        self.legs.clear()

    @property
    def winner(self) -> Leg | None:
        """The leg that was answered."""
        return self._winner

    def _may_sound(self, leg: Leg) -> bool:
        """Before anyone answers, the first phone that sends sound is heard and no other."""
        if self._winner is None and self._early is None:
            self._early = leg
        return self._winner is None and self._early is leg

    def _alert(self, leg: Leg, signal: Alerting, now: float) -> None:
        early = signal.early and leg is self._early
        if self._alerted is None or (early and not self._alerted.early):
            self._alerted = Alerting(early)
            self._post(self._alerted, now)

    def _sound(self, route: RtpRoute, now: float) -> None:
        self._route = route
        self._post(Sound(route), now)

    def _win(self, leg: Leg, now: float) -> None:
        self._winner = leg
        for other in self.legs:
            if other is not leg:
                other.detach()
                other.answered_elsewhere(now)
        self.legs = [other for other in self.legs if other is leg]
        if leg.route is not None and leg.route != self._route:
            self._sound(leg.route, now)
        self._post(Answered(), now)

    def _lose(self, leg: Leg, cause: Cause, now: float) -> None:
        if isinstance(leg, Dialing) and leg.unreachable:
            self.unreachable.append(leg.target)
        self.legs = [other for other in self.legs if other is not leg]
        if leg is self._winner:
            return self._post(Cleared(cause), now)
        self._causes.append(cause)
        if self._early is leg:
            self._early = None
        if self._later and isinstance(leg, Dialing) and leg.moves_on and self._alerted is None:
            leg.detach()
            return self._next(now)
        if not self.legs:
            # A phone that is there says more than one that is not.
            told = [c for c in self._causes if c is not Cause.NO_USER]
            self._post(Cleared(told[-1] if told else cause), now)
        return None


def _early(response: SipResponse) -> sdp.Voice | None:
    try:
        return sdp.read(response.body)[1] if response.body else None
    except ValueError:
        return None


def _nobody(_leg: Leg, _signal: Signal, _now: float) -> None:
    """What a call nobody waits for says goes nowhere."""
