"""The SIP side of the box without a socket: datagrams and verbs in, datagrams and signals out.

The core owns the transactions, the legs, the registrar and which call is on which line
(RFC 3261 §8 and §10: the user agent cores). Whatever it refuses is answered without
keeping any state (§8.2.7), so that a flood of nonsense fills nothing.
"""

import re
import secrets
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import replace

from aiosipua.message import SipRequest

from hardware.line import Alerting, Answered, Cause, Cleared, Signal, Up
from hardware.sip import sdp
from hardware.sip.admission import Admission, Admitted
from hardware.sip.answering import Answering
from hardware.sip.dialing import Dialing, Target
from hardware.sip.dialog import Dialog, hop_of
from hardware.sip.farewell import Past
from hardware.sip.fork import Fork
from hardware.sip.guard import Guard
from hardware.sip.known import Known
from hardware.sip.lamps import Lamps
from hardware.sip.layer import Owner, TransactionLayer
from hardware.sip.leg import Leg
from hardware.sip.message import Addr, Refusal, WrongPassword, party, tag_of, transport_of
from hardware.sip.proof import Answers
from hardware.sip.registrar import MAX_S, Registrar
from hardware.sip.remembered import Asked, Bound, Note, Over, Talking, bindings_of, bound
from hardware.sip.schedule import Timed
from hardware.sip.sdes import fresh_key
from hardware.sip.session import check as session_fits
from hardware.sip.session import options_of
from hardware.sip.settings import Sealing, SipSettings
from hardware.sip.slot import Slot
from hardware.sip.transaction import Transaction
from hardware.sip.transfer import dialog_name
from hardware.sip.trunks import Trunks
from hardware.sip.usage import ALLOW, OPTIONS, SUPPORTED, LegPost

MAX_FORKS = 8
SCHEMES = ("sip:", "sips:", "tel:")


class SipCore(TransactionLayer):
    """All of SIP but its socket. After every verb take `outgoing`, `events`, and look at `timer`.

    `wanted` are names to look up; `resolved` takes what was found.
    """

    def __init__(
        self,
        settings: SipSettings,
        address_towards: Callable[[str], str] | None = None,
        key: bytes | None = None,
    ) -> None:
        super().__init__(settings, address_towards, key)
        self.registrar = Registrar()
        self.slots = [Slot(index) for index in range(settings.lines)]
        self.events: list[tuple[int, Signal]] = []
        self.trunk_events: list[tuple[str, Signal]] = []
        self.moved: list[tuple[str, tuple[str, ...]]] = []
        """Extensions whose phones changed, with their contacts now."""
        self.wanted: list[str] = []
        """Names whose addresses trunks want to know: look them up and call `resolved`."""
        self.notes: list[Note] = []
        """What is to outlive us; a core that is told of them by `recall` takes up from there."""
        self.trunks = Trunks(self, settings.trunks, self._trunk_said, self.wanted.append)
        self._admission = Admission(settings, self.trunks, self._key, self.counts)
        self._known = Known(self.trunks, self._admission)
        self._guard = Guard(self._known.has, closed=settings.closed)
        self._legs: dict[tuple[str, str], Leg] = {}
        self._call_ids: Counter[str] = Counter()
        """How many legs have a Call-ID: a new call is compared with no other's."""
        self._past = Past(self, self._logins_at)
        self._lamps = Lamps(self, self._admission, self._legs.values)
        self._idle: dict[int, None] = {}
        """Lines that came free, the one free longest first; some may have been taken since."""

    # Verbs of lines

    def open(self, index: int) -> None:
        """Take a line into use."""
        self.slots[index].open = True
        self._idle[index] = None
        self.events.append((index, Up()))

    def close(self, index: int, now: float) -> None:
        """Take a line out of use; its call ends and nothing more is said of it."""
        self.hangup(index, Cause.NORMAL, now)
        self.slots[index].open = False
        self.slots[index].clearing = 0
        self.events = [(of, signal) for of, signal in self.events if of != index]

    def delivered(self, index: int) -> None:
        """The line's `Cleared` was heard: only now it may be given out again."""
        self.slots[index].clearing -= 1
        self._idle.pop(index, None)
        self._idle[index] = None

    def free(self) -> int | None:
        """The free line that has been free longest, so that late sound of its last call is past."""
        while self._idle:
            index = next(iter(self._idle))
            if self.slots[index].free:
                return index
            del self._idle[index]
        return None

    def answer(self, index: int, now: float) -> None:
        """Pick up the call that rings on this line."""
        call = self.slots[index].call
        if isinstance(call, Answering):
            call.answer(now)

    def progress(self, index: int, now: float) -> None:
        """Let the caller who rings on this line hear us before the answer."""
        call = self.slots[index].call
        if isinstance(call, Answering):
            call.progress(now)

    def send_digits(self, index: int, digits: str, now: float) -> None:
        """Send keys by INFO where they cannot travel in the voice."""
        if (leg := self.slots[index].talking) is not None:
            leg.send_digits(digits, now)

    def hangup(self, index: int, cause: Cause, now: float) -> None:
        """End or refuse the call on this line; without a call, nothing."""
        slot = self.slots[index]
        call = slot.call
        if call is None:
            return
        if isinstance(call, Leg):
            call.detach()
        call.end(cause, now)
        self._said(slot, call, Cleared(cause), now)

    def transferred(self, index: int, outcome: Alerting | Answered | Cleared, now: float) -> None:
        """Tell the phone on this line how the transfer it asked for goes."""
        if (leg := self.slots[index].talking) is not None:
            leg.transferred(outcome, now)

    def dial(self, index: int, number: str, caller: str | None, now: float) -> None:
        """Call all phones of an extension, a number outside, or a whole ``sip:`` URI at an IP address."""
        slot = self.slots[index]
        assert slot.call is None, "a line carries one call"
        targets = self._targets(number, now)
        if isinstance(targets, Cause):
            slot.clearing += 1
            self.events.append((index, Cleared(targets)))
            return
        account = self._admission.accounts.get(caller)
        display = account.display if account else ""

        def begin(target: Target, post: LegPost, patience_s: float, now: float) -> Dialing:
            logins = (target.login,) if target.login else self.settings.credentials
            leg = Dialing(self, target, self._local(slot, target.hop), post, logins)
            leg.start(caller, display, now, patience_s)
            return leg

        fork = Fork(lambda signal, now: self._said(slot, fork, signal, now), begin)
        slot.call = fork
        fork.start(targets, now)

    def _targets(self, number: str, now: float) -> Sequence[Target] | Cause:
        if re.search(r"\s", number):
            return Cause.INVALID_NUMBER
        if number.lower().startswith("sip:"):
            hop = hop_of(number)
            return [Target(number, "", hop)] if hop else Cause.NO_ROUTE
        if self._admission.accounts.get(number) is None:
            return self.trunks.targets(number)
        bindings = self.registrar.bindings(number, now)[:MAX_FORKS]
        found = [Target(b.contact, number, b.source, b.source, extension=number) for b in bindings]
        return found or Cause.NO_USER

    def _local(self, slot: Slot, peer: Addr) -> sdp.Local:
        settings = self.settings
        wild = settings.rtp_ip in ("0.0.0.0", "::")
        ip = settings.advertise_ip or (self._address_towards(peer[0]) if wild else settings.rtp_ip)
        seals = settings.srtp is not Sealing.OFF and transport_of(peer) == "TLS"
        return sdp.Local(
            ip,
            settings.rtp_base + 2 * slot.index,
            secrets.randbits(31),
            key=fresh_key() if seals else "",
            sealed=seals and settings.srtp is Sealing.REQUIRED,
        )

    def _said(self, slot: Slot, call: "Leg | Fork", signal: Signal, now: float) -> None:
        if slot.call is not call:
            return
        if isinstance(signal, Cleared):
            slot.call = None
            slot.clearing += 1
            if isinstance(call, Fork):
                self._forget(call, now)
        self.events.append((slot.index, signal))

    def _forget(self, fork: Fork, now: float) -> None:
        for target in fork.unreachable:
            if target.number and self.registrar.forget(target.number, target.uri):
                self._moved(target.number, now)

    def _moved(self, number: str, now: float) -> None:
        self.moved.append((number, self.registrar.contacts(number)))
        self._keep(number, now)

    def _keep(self, number: str, now: float) -> None:
        self.notes.append(bound(number, self.registrar.bindings(number, now), now))

    # An earlier life

    def recall(
        self, notes: Sequence[tuple[float, Note]], now: float, keep: Container[str] = frozenset()
    ) -> None:
        """Take up what an earlier life noted, so many seconds ago each.

        Its phones are there. Calls on lines to `keep` go on, where that can be; the far ends of all
        others, which are nobody's any more, are told so.
        """
        for age_s, note in notes:
            match note:
                case Bound(number) if self._admission.accounts.get(number):
                    self.registrar.restore(number, bindings_of(note, age_s, now, MAX_S))
                    self.moved.append((number, self.registrar.contacts(number)))
                case Talking() if (slot := self._slot_of(note)) and slot.name in keep:
                    leg = Leg(self, note.ours, self._poster(slot), self._logins_at(note.place[0]))
                    leg.go_on(note, age_s, now)
                    slot.call = leg
                case Asked() | Talking():
                    self._past.part(note, now)
                    self.notes.append(Over(note.call_id, note.tag))
        self._known.phones = self.registrar.addresses()
        self.arm(self.registrar)

    def _slot_of(self, note: Talking) -> Slot | None:
        """The free line that a call which can go on was on."""
        index = (note.agreed.port - self.settings.rtp_base) // 2 if note.agreed else -1
        slot = self.slots[index] if 0 <= index < len(self.slots) else None
        return slot if slot is not None and slot.call is None else None

    def _poster(self, slot: Slot) -> LegPost:
        return lambda leg, signal, now: self._said(slot, leg, signal, now)

    def _logins_at(self, ip: str) -> Sequence[Answers]:
        trunk = self.trunks.of(ip)
        return (trunk.login,) if trunk is not None and trunk.login else self.settings.credentials

    # Requests

    def _new(self, request: SipRequest, source: Addr, now: float) -> None:
        method = request.method
        if method == "CANCEL":
            return self._cancel(request, source, now)
        if tag := tag_of(request, "to"):
            return self._within(request, tag, source, now)
        handler = REQUESTS.get(method)
        if handler is not None:
            try:
                handler(self, request, source, now)
            except Refusal as refusal:
                if isinstance(refusal, WrongPassword):
                    self._guard.wrong_password(source, self._known.precious(source[0]), now)
                self.refuse(request, refusal.status, source, *refusal.headers)
        elif method not in ("ACK", "BYE", "INFO", "UPDATE", "PRACK"):
            self.refuse(request, 405, source, ALLOW)
        elif method != "ACK":
            self.refuse(request, 481, source)
        return None

    def _within(self, request: SipRequest, tag: str, source: Addr, now: float) -> None:
        if self._lamps.within(request, tag, source, now):
            return
        leg = self._legs.get((request.headers.get("call-id")[0], tag))
        ours = leg is not None and leg.dialog_with(tag_of(request, "from")) is not None
        if request.method == "ACK":
            if ours and leg is not None:
                leg.on_ack(request, now)
        elif not ours or leg is None:
            self.refuse(request, 481, source)
        elif self._full():
            self.refuse(request, 503, source)
        else:
            leg.on_request(self._serve(request, source, leg, now), source, now)

    def _cancel(self, request: SipRequest, source: Addr, now: float) -> None:
        found = self._cancelled(request)
        if found is None:
            return self.refuse(request, 481, source)
        self.refuse(request, 200, source)
        if isinstance(leg := found[1], Answering):
            leg.cancelled(request, now)
        return None

    def _options(self, request: SipRequest, source: Addr, now: float) -> None:
        self.refuse(request, 200, source, ALLOW, SUPPORTED, ("Accept", sdp.TYPE))

    # Who is heard

    def lets_in(self, ip: str, now: float) -> bool:
        """Whether an address may connect to us at all."""
        return not self.settings.closed or self._known.has(ip, now)

    def _hears(self, source: Addr, now: float) -> bool:
        return self._guard.hears(source, now)

    def start(self, request: SipRequest, to: Addr, owner: Owner, now: float) -> Transaction:
        """Send a request in a transaction; its peer is heard while it may answer."""
        self._known.asked(to[0], now)
        return super().start(request, to, owner, now)

    # Calls that come in

    def _invite(self, request: SipRequest, source: Addr, now: float) -> None:
        if not request.uri.lower().startswith(SCHEMES):
            raise Refusal(416)
        if unknown := options_of(request, "require") - set(OPTIONS):
            raise Refusal(420, ("Unsupported", ", ".join(sorted(unknown))))
        session_fits(request)
        kind = (request.headers.get_first("content-type") or sdp.TYPE).partition(";")[0].strip().lower()
        if request.body and kind != sdp.TYPE:
            raise Refusal(415, ("Accept", sdp.TYPE))
        if self._merged(request):
            raise Refusal(482)
        self._limit(source[0], now)
        if self._full():
            raise Refusal(503)
        admitted = self._admission.call(request, source, now)
        if replaces := request.headers.get("replaces"):
            return self._replace(request, replaces, source, admitted, now)
        return self._take(request, source, admitted, now)

    def _take(
        self, request: SipRequest, source: Addr, admitted: Admitted, now: float, replaces: str = ""
    ) -> None:
        """A free line rings with this call."""
        index = self.free()
        if index is None:
            self.counts["all lines busy"] += 1
            raise Refusal(486)
        leg = self._ring(self.slots[index], request, source, admitted, now)
        self._said(self.slots[index], leg, replace(admitted.ringing, replaces=replaces), now)

    def _limit(self, ip: str, now: float) -> None:
        """Not too many calls from one place, unless it is a trunk."""
        most = self.settings.calls_per_source
        if self.trunks.of(ip) is None and (
            not self._guard.admits_call(ip, now) or (most and self._known.calls(ip) >= most)
        ):
            self.counts["too many calls"] += 1
            raise Refusal(503, ("Retry-After", "10"))

    def _merged(self, request: SipRequest) -> bool:
        """The same call came by another way already (§8.2.2.2)."""
        call_id, tag = request.headers.get("call-id")[0], tag_of(request, "from")
        return call_id in self._call_ids and any(
            key[0] == call_id and leg.dialog is not None and leg.dialog.remote_tag == tag
            for key, leg in self._legs.items()
        )

    def _ring(
        self, slot: Slot, request: SipRequest, source: Addr, admitted: Admitted, now: float
    ) -> Answering:
        transaction = self._serve(request, source, None, now)
        try:
            leg = Answering(self, transaction, source, self._local(slot, source), self._poster(slot), now)
        except (sdp.BadSdp, sdp.NothingCommon) as wrong:
            self._unserve(transaction)
            raise Refusal(488 if isinstance(wrong, sdp.NothingCommon) else 400) from wrong
        self._servers[transaction.key] = (transaction, leg)
        leg.extension = admitted.extension
        slot.call = leg
        return leg

    def _replace(
        self, request: SipRequest, replaces: Sequence[str], source: Addr, admitted: Admitted, now: float
    ) -> None:
        """A phone of ours wants the call that rings at another, or that another has (RFC 3891 §3)."""
        if len(replaces) > 1:
            raise Refusal(400)
        if not admitted.extension:
            raise Refusal(403)
        found = self._found(*dialog_name(replaces[0]))
        if found is None:
            raise Refusal(481)
        slot, old = found
        if not old.extension:
            raise Refusal(403)
        if slot.talking is None and isinstance(old, Answering):
            # Of calls that still ring only those we place can be had by another phone.
            raise Refusal(481)
        if slot.talking is not None and "early-only" in replaces[0].lower():
            raise Refusal(486)
        self._take(request, source, admitted, now, replaces=slot.name)

    def _found(self, call_id: str, one_tag: str, other_tag: str) -> tuple[Slot, Leg] | None:
        """The line and the leg that have this dialog, which may be an early one."""
        for ours, theirs in ((one_tag, other_tag), (other_tag, one_tag)):
            leg = self._legs.get((call_id, ours))
            if leg is not None and leg.dialog_with(theirs) is not None:
                slot = next((slot for slot in self.slots if slot.carries(leg)), None)
                return (slot, leg) if slot is not None else None
        return None

    # Phones

    def _register(self, request: SipRequest, source: Addr, now: float) -> None:
        who = party(request.headers.get("to")[0]).number
        number = self._admission.prove(request, 401, now, who).number
        changed = self.registrar.register(number, request, source, now)
        if changed:
            self._moved(number, now)
        elif request.headers.get("contact"):
            self._keep(number, now)
        self._known.phones = self.registrar.addresses()
        self.arm(self.registrar)
        self._past.seen(request.headers.get("contact"), source, now)
        contacts = [
            ("Contact", f"<{b.contact}>;expires={round(b.expires_at - now)}")
            for b in self.registrar.bindings(number, now)
        ]
        self.refuse(request, 200, source, *contacts)

    def _subscribe(self, request: SipRequest, source: Addr, now: float) -> None:
        self._lamps.subscribe(request, source, now)

    # Trunks

    def open_trunk(self, name: str, now: float) -> None:
        """Take a trunk into use; `Up` or `Fault` follows, again whenever that changes."""
        self.trunks.get(name).open(now)

    def resolved(self, host: str, addresses: tuple[str, ...], now: float) -> None:
        """What the look-up of a name in `wanted` found."""
        self.trunks.resolved(host, addresses, now)

    def _trunk_said(self, name: str, signal: Signal) -> None:
        self.trunk_events.append((name, signal))

    # What legs need (leg.Wire)

    def joined(self, leg: Leg, dialog: Dialog) -> None:
        """The leg has this dialog: requests within it shall come to the leg."""
        key = (dialog.call_id, dialog.local_tag)
        self._call_ids[dialog.call_id] += key not in self._legs
        self._legs[key] = leg
        self._known.joined(key, dialog.source[0])
        self._lamps.stir()

    def note(self, note: Note) -> None:
        """Remember this beyond the end of our own life."""
        self.notes.append(note)
        self._lamps.stir()

    def line_of(self, call_id: str, one_tag: str, other_tag: str) -> str | None:
        """The name of the line that carries this dialog."""
        found = self._found(call_id, one_tag, other_tag)
        return found[0].name if found else None

    def left(self, leg: Leg, dialog: Dialog) -> None:
        """The leg's dialog is over."""
        key = (dialog.call_id, dialog.local_tag)
        if self._legs.get(key) is leg:
            del self._legs[key]
            self._call_ids[dialog.call_id] -= 1
            if not self._call_ids[dialog.call_id]:
                del self._call_ids[dialog.call_id]
            self._known.left(key)
            self.note(Over(*key))

    # Time

    def _fire(self, thing: Timed, now: float) -> None:
        if isinstance(thing, Registrar):
            for number in thing.on_timer(now):
                self._moved(number, now)
        else:
            super()._fire(thing, now)


REQUESTS: dict[str, Callable[[SipCore, SipRequest, Addr, float], None]] = {
    "INVITE": SipCore._invite,
    "REGISTER": SipCore._register,
    "OPTIONS": SipCore._options,
    "SUBSCRIBE": SipCore._subscribe,
}
"""Requests outside a dialog that mean something to us."""
