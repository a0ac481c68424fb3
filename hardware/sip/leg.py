"""A call once there is a dialog: what is agreed on and changed, keys, transfer, and signs of life."""

import secrets
from collections.abc import Mapping, Sequence

from aiosipua.message import SipRequest, SipResponse

from hardware.line import Alerting, Answered, Cause, Cleared, Digit, Held, RtpRoute, Sound, Transfer
from hardware.sip import keys, sdp, session
from hardware.sip.causes import reason_cause
from hardware.sip.dialog import Dialog
from hardware.sip.message import Addr, Refusal, cseq_of
from hardware.sip.proof import Answers
from hardware.sip.remembered import Talking, agreed, dialog_of, session_of, talking
from hardware.sip.session import Session
from hardware.sip.transaction import T1, Transaction
from hardware.sip.transfer import REFER_S, Referral, asked, notice, status_of
from hardware.sip.usage import ALLOW, SDP_TYPE, SUPPORTED, Handler, LegPost, Unacked, Usage, Wire


class Leg(Usage):
    """One party's path over SIP, whoever began it."""

    def __init__(self, wire: Wire, local: sdp.Local, post: LegPost, logins: Sequence[Answers] = ()) -> None:
        super().__init__(wire, post, logins)
        self.local = local
        self.route: RtpRoute | None = None
        """Where the far end last wanted to hear us."""
        self.held = False
        self.extension = ""
        """The extension whose phone this is; empty for anybody else."""
        self._referral: Referral | None = None
        self._session: Session | None = None
        self._updates = False
        """The far end takes UPDATE."""
        self._offering: Transaction | None = None
        """Our re-INVITE or UPDATE under way."""
        self._pressing: Transaction | None = None
        self._keys = ""

    placed = False
    """We called the far end."""

    @property
    def confirmed(self) -> bool:
        """Whether it is past its answer."""
        return self.dialog is not None and not self.over

    @property
    def dialogs(self) -> Sequence[Dialog]:
        """Its dialog, or the early ones."""
        return [self.dialog] if self.dialog is not None else []

    # What the far end does

    def on_response(self, transaction: Transaction, response: SipResponse, source: Addr, now: float) -> None:
        """A response to a request of ours within the dialog."""
        status = response.status_code
        if status < 200:
            return
        if status in (401, 407) and self._prove(transaction, response, now):
            return
        if transaction.request.method == "INVITE" and status < 300:
            self._acknowledge(transaction)
        if self.over:
            return
        if transaction is self._offering:
            self._offering = None
            self._refreshed(transaction.request, response, now)
        elif transaction is self._pressing:
            self._press(now)

    def on_failure(self, transaction: Transaction, now: float) -> None:
        """Nobody answered a request of ours; after a BYE that changes nothing."""
        if self.over:
            return
        if transaction is self._offering:
            self._offering = None
            self._break(Cause.TIMER, now)
        elif transaction is self._pressing:
            self._press(now)

    # What we do

    def transferred(self, outcome: Alerting | Answered | Cleared, now: float) -> None:
        """Tell the phone how the transfer it asked for goes (RFC 3515 §2.4.5)."""
        if self._referral is None or self.over:
            return
        ends = not isinstance(outcome, Alerting)
        self._notify(self._referral, status_of(outcome), 0.0 if ends else self._referral.until - now, now)
        if ends:
            self._referral = None

    def send_digits(self, digits: str, now: float) -> None:
        """Send keys by INFO, one after the other, to a far end that does not take them in the voice."""
        if self.route is None or self.route.event is not None or self.over:
            return
        wanted = "".join(key for key in digits.upper() if key in keys.KEYS)
        self._keys = (self._keys + wanted)[: keys.WAITING_MAX]
        if self._pressing is None:
            self._press(now)

    # Time

    def timer(self) -> float | None:
        if self._referral is None and self._session is None:
            return super().timer()
        due = [t.at for t in (self._unacked, self._referral, self._session) if t is not None]
        return min(due, default=None)

    def on_timer(self, now: float) -> None:
        if self._referral is not None and now >= self._referral.until:
            self.transferred(Cleared(Cause.TIMER), now)
        if self._session is not None and now >= self._session.at:
            self._session_due(self._session, now)
        super().on_timer(now)

    # Within: what is agreed on

    def _instead(self, old: Transaction, new: Transaction) -> None:
        if old is self._offering:
            self._offering = new
        elif old is self._pressing:
            self._pressing = new

    def _over(self) -> None:
        super()._over()
        self._session = None

    def answered_us(self, body: bytes, now: float) -> bool:
        """The far end's answer to our offer; False when it cannot be met."""
        try:
            self._hear(sdp.read_answer(body, self.local), now)
        except ValueError:
            return False
        return True

    def accept(
        self, transaction: Transaction, source: Addr, now: float, body: bytes, *, offered: bool
    ) -> None:
        """Send 200 with a description and keep sending it until it is acknowledged."""
        timed = self._grant(transaction.request, now)
        head = (self.contact(source), ALLOW, SUPPORTED, *timed, SDP_TYPE)
        self._reply(transaction, 200, source, now, *head, body=body)
        seq = cseq_of(transaction.request).seq
        data, to = transaction.data, transaction.peer
        self._unacked = Unacked(data, to, seq, now + T1, now + 64 * T1, offered=offered)
        self.wire.arm(self)
        self.keep(now)

    def _hear(self, voice: sdp.Voice, now: float) -> None:
        """Follow what was agreed: being held is said, and changes nothing of where the voice is."""
        self.local = self.local.agreed(voice)
        held = voice.route is None
        if held != self.held:
            self.held = held
            self.post(Held(held), now)
        if voice.route is not None and voice.route != self.route:
            self.route = voice.route
            self.post(Sound(voice.route), now)
        if self.confirmed:
            self.keep(now)

    def keep(self, now: float) -> None:
        """Note how we stand, in case we do not live to go on, or to say BYE."""
        if self.dialog is not None and not self.over:
            stand = agreed(
                self.dialog,
                self.local,
                self.route,
                self._session,
                now,
                held=self.held,
                updates=self._updates,
                extension=self.extension,
                placed=self.placed,
            )
            self.wire.note(talking(self.dialog, stand))

    def go_on(self, note: Talking, age_s: float, now: float) -> None:
        """Take up the dialog that an earlier life of ours had and noted so many seconds ago, to go on."""
        stand = note.agreed
        assert stand is not None
        self.dialog = dialog_of(note, stand)
        self.route, self.held = stand.route, stand.held
        self._updates, self.extension, self.placed = stand.updates, stand.extension, stand.placed
        self._session = session_of(stand, age_s, now)
        self.wire.joined(self, self.dialog)
        self.wire.arm(self)
        self.keep(now)

    # Within: requests of the far end

    def _free_to_agree(self) -> None:
        """One offer at a time (RFC 3261 §14.2, RFC 3311 §5.2)."""
        if self._offering is not None or (self._unacked is not None and self._unacked.offered):
            raise Refusal(491)

    def _reinvite(self, transaction: Transaction, source: Addr, now: float) -> None:
        assert self.dialog is not None
        request = transaction.request
        self._free_to_agree()
        session.check(request)
        found = sdp.read_offer(request.body, self.local) if request.body else None
        self.dialog.retarget(request)
        self.local = self.local.next()
        body = sdp.answer(*found, self.local) if found else sdp.offer(self.local)
        self.accept(transaction, source, now, body, offered=found is None)
        if found:
            self._hear(found[1], now)

    def _update(self, transaction: Transaction, source: Addr, now: float) -> None:
        """A new offer, or only a sign of life (RFC 3311); needs no ACK."""
        assert self.dialog is not None
        request = transaction.request
        if request.body:
            self._free_to_agree()
        session.check(request)
        found = sdp.read_offer(request.body, self.local) if request.body else None
        self.dialog.retarget(request)
        head = [self.contact(source), ALLOW, SUPPORTED, *self._grant(request, now)]
        if self.confirmed:
            self.keep(now)
        if found is None:
            return self._reply(transaction, 200, source, now, *head)
        self.local = self.local.next()
        body = sdp.answer(*found, self.local)
        self._reply(transaction, 200, source, now, *head, SDP_TYPE, body=body)
        return self._hear(found[1], now)

    def _bye(self, transaction: Transaction, source: Addr, now: float) -> None:
        self._reply(transaction, 200, source, now)
        if self._unacked is not None:
            # Whoever says BYE has heard our 200, even if the ACK was lost.
            self.acknowledged(now)
        self._over()
        cause = reason_cause(transaction.request.headers.get("reason"))
        self.post(Cleared(cause if cause is not None else Cause.NORMAL), now)

    def _info(self, transaction: Transaction, source: Addr, now: float) -> None:
        key = keys.pressed(transaction.request)
        self._reply(transaction, 200, source, now)
        if key is not None:
            self.post(Digit(key), now)

    def _refer(self, transaction: Transaction, source: Addr, now: float) -> None:
        """A phone of ours transfers its call; nobody else may."""
        if not self.extension:
            raise Refusal(403)
        if self._referral is not None:
            raise Refusal(491)
        wish = asked(transaction.request)
        line = self.wire.line_of(*wish.replaces) if wish.replaces else None
        if wish.replaces and line is None:
            raise Refusal(481)
        silent = () if wish.told else (("Refer-Sub", "false"),)
        self._reply(transaction, 202, source, now, self.contact(source), *silent)
        self._referral = Referral(now + REFER_S, wish.told)
        self._notify(self._referral, 100, REFER_S, now)
        self.wire.arm(self)
        self.post(Transfer(wish.target, line), now)

    def _options(self, transaction: Transaction, source: Addr, now: float) -> None:
        self._reply(transaction, 200, source, now, ALLOW, SUPPORTED, ("Accept", sdp.TYPE))

    # Within: requests of ours

    def _notify(self, referral: Referral, status: int, left_s: float, now: float) -> None:
        if referral.told:
            headers, body = notice(status, left_s)
            self._ask("NOTIFY", now, *headers, body=body)

    def _press(self, now: float) -> None:
        self._pressing = None
        if self._keys and not self.over:
            key, self._keys = self._keys[0], self._keys[1:]
            headers, body = keys.press(key)
            self._pressing = self._ask("INFO", now, *headers, body=body)

    # Within: session timer

    def _grant(self, request: SipRequest, now: float) -> list[tuple[str, str]]:
        """Take up the session of an INVITE or UPDATE; the headers that say so."""
        self._updates = "UPDATE" in ", ".join(request.headers.get("allow")) or self._updates
        self._session, headers = session.granted(request, now)
        if self._session is not None:
            self.wire.arm(self)
        return headers

    def _agree(self, response: SipResponse, now: float) -> None:
        """Take up the session of a 2xx to our INVITE or UPDATE."""
        self._updates = "UPDATE" in ", ".join(response.headers.get("allow")) or self._updates
        self._session = session.agreed(response, now)
        self.wire.arm(self)

    def _session_due(self, timed: Session, now: float) -> None:
        if now >= timed.ends_at:
            return self._break(Cause.TIMER, now)
        timed.at = timed.ends_at
        if self._unacked is None and self._offering is None:
            self._refresh(timed.interval_s, now)
        return None

    def _refresh(self, interval_s: int, now: float) -> None:
        head = [SUPPORTED, *session.asking(interval_s, refresher="uac")]
        if self._updates:
            self._offering = self._ask("UPDATE", now, *head)
        else:
            self.local = self.local.next()
            body = sdp.offer(self.local)
            self._offering = self._ask("INVITE", now, ALLOW, *head, SDP_TYPE, body=body)
            self.keep(now)

    def _refreshed(self, request: SipRequest, response: SipResponse, now: float) -> None:
        status = response.status_code
        if status < 300:
            if self.dialog is not None:
                self.dialog.retarget(response)
            self._agree(response, now)
            self.keep(now)
            if response.body and request.body and not self.answered_us(response.body, now):
                self._break(Cause.INCOMPATIBLE, now)
        elif status in (408, 481):
            # The far end knows nothing of this call any more (§12.2.1.2).
            self._break(Cause.TIMER, now)
        elif status in (405, 501) and request.method == "UPDATE":
            self._updates = False
            self._refresh(self._session.interval_s if self._session else session.INTERVAL_S, now)
        elif self._session is not None:
            if status == 422:
                self._session.interval_s = session.least(response)
            wait_s = 2.1 + secrets.randbelow(190) / 100 if status == 491 else session.AGAIN_S
            self._session.at = min(now + wait_s, self._session.ends_at)
            self.wire.arm(self)


HANDLERS: Mapping[str, Handler] = {
    "INVITE": Leg._reinvite,
    "UPDATE": Leg._update,
    "BYE": Leg._bye,
    "INFO": Leg._info,
    "OPTIONS": Leg._options,
    "REFER": Leg._refer,
}
Leg.handlers = HANDLERS
