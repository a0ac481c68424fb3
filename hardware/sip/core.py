"""The SIP side of the box without a socket: datagrams and verbs in, datagrams and signals out.

The core owns the transactions, the legs, the registrar and which call is on which line
(RFC 3261 §8 and §10: the user agent cores). Whatever it refuses is answered without
keeping any state (§8.2.7), so that a flood of nonsense fills nothing.
"""

import hashlib
import ipaddress
import re
import secrets
from collections import Counter
from collections.abc import Callable, Sequence

from aiosipua.message import SipRequest, SipResponse

from hardware.line import Cause, Cleared, Ringing, Signal, Up
from hardware.sip import sdp
from hardware.sip.accounts import Accounts
from hardware.sip.answering import Answering
from hardware.sip.dialing import Dialing, Fork, Target
from hardware.sip.dialog import hop_of
from hardware.sip.leg import ALLOW, Leg
from hardware.sip.message import (
    Addr,
    Malformed,
    Message,
    Refusal,
    caller_of,
    number_of,
    parse,
    party,
    reply,
    tag_of,
    uri_of,
    via_of,
    where_to_reply,
)
from hardware.sip.registrar import Registrar
from hardware.sip.schedule import Schedule, Timed
from hardware.sip.settings import SipSettings
from hardware.sip.transaction import (
    Do,
    Input,
    Key,
    Kind,
    State,
    Transaction,
    ack_for,
    cancelled_key,
    input_of,
    key_of,
)

MAX_TRANSACTIONS = 4096
MAX_FORKS = 8


class Slot:
    """One line as the core sees it."""

    __slots__ = ("call", "index", "open", "used")

    def __init__(self, index: int) -> None:
        self.index = index
        self.open = False
        self.used = index
        """Order of last use."""
        self.call: Answering | Fork | None = None


class SipCore:
    """All of SIP but its socket. After every verb take `outgoing`, `events`, and look at `timer`."""

    def __init__(
        self,
        settings: SipSettings,
        address_towards: Callable[[str], str] | None = None,
        key: bytes | None = None,
    ) -> None:
        self.settings = settings
        self.port = settings.port
        self.registrar = Registrar()
        self.slots = [Slot(index) for index in range(settings.lines)]
        self.outgoing: list[tuple[bytes, Addr]] = []
        self.events: list[tuple[int, Signal]] = []
        self.moved: list[tuple[str, tuple[str, ...]]] = []
        """Extensions whose phones changed, with their contacts now."""
        self.counts: Counter[str] = Counter()
        self._address_towards = address_towards or (lambda _ip: settings.advertise_ip or settings.bind_ip)
        self._networks = tuple(ipaddress.ip_network(network) for network in settings.allow)
        self._key = key or secrets.token_bytes(16)
        self._accounts = Accounts(settings.accounts, settings.realm, self._key, self.counts)
        self._schedule = Schedule()
        self._clients: dict[Key, tuple[Transaction, Leg]] = {}
        self._servers: dict[Key, tuple[Transaction, Leg | None]] = {}
        self._legs: dict[tuple[str, str], Leg] = {}
        self._order = settings.lines

    # Verbs of lines

    def open(self, index: int) -> None:
        """Take a line into use."""
        self.slots[index].open = True
        self.events.append((index, Up()))

    def close(self, index: int, now: float) -> None:
        """Take a line out of use; its call ends and nothing more is said of it."""
        self.hangup(index, Cause.NORMAL, now)
        self.slots[index].open = False
        self.events = [(of, signal) for of, signal in self.events if of != index]

    def free(self) -> int | None:
        """The free line that has been free longest, so that late sound of its last call is past."""
        idle = [slot for slot in self.slots if slot.open and slot.call is None]
        return min(idle, key=lambda slot: slot.used).index if idle else None

    def answer(self, index: int, now: float) -> None:
        """Pick up the call that rings on this line."""
        call = self.slots[index].call
        if isinstance(call, Answering):
            call.answer(now)

    def hangup(self, index: int, cause: Cause, now: float) -> None:
        """End or refuse the call on this line; without a call, nothing."""
        slot = self.slots[index]
        call = slot.call
        if call is None:
            return
        if isinstance(call, Leg):
            call.detach()
        call.end(cause, now)
        self._said(slot, call, Cleared(cause))

    def dial(self, index: int, number: str, caller: str | None, now: float) -> None:
        """Call all phones of an extension, or a whole ``sip:`` URI at an IP address."""
        slot = self.slots[index]
        assert slot.call is None, "a line carries one call"
        targets = self._targets(number, now)
        if isinstance(targets, Cause):
            self.events.append((index, Cleared(targets)))
            return
        fork = Fork(lambda signal, _now: self._said(slot, fork, signal))
        slot.call = fork
        for target in targets:
            local = self._local(slot, target.hop)
            fork.legs.append(Dialing(self, target, local, fork.hear, self.settings.credentials))
        account = self._accounts.get(caller)
        display = account.display if account else ""
        for leg in tuple(fork.legs):
            leg.start(caller, display, now)

    def _targets(self, number: str, now: float) -> Sequence[Target] | Cause:
        if re.search(r"\s", number):
            return Cause.INVALID_NUMBER
        if number.lower().startswith("sip:"):
            hop = hop_of(number)
            return [Target(number, "", hop)] if hop else Cause.NO_ROUTE
        if self._accounts.get(number) is None:
            # Numbers outside the box: trunks take them, once there are trunks.
            return Cause.NO_ROUTE
        bindings = self.registrar.bindings(number, now)[:MAX_FORKS]
        return [Target(b.contact, number, b.source, b.source) for b in bindings] or Cause.NO_USER

    def _local(self, slot: Slot, peer: Addr) -> sdp.Local:
        settings = self.settings
        wild = settings.rtp_ip in ("0.0.0.0", "::")
        ip = settings.advertise_ip or (self._address_towards(peer[0]) if wild else settings.rtp_ip)
        return sdp.Local(ip, settings.rtp_base + 2 * slot.index, secrets.randbits(31))

    def _said(self, slot: Slot, call: "Leg | Fork", signal: Signal) -> None:
        if slot.call is not call:
            return
        if isinstance(signal, Cleared):
            slot.call = None
            self._order += 1
            slot.used = self._order
            if isinstance(call, Fork):
                self._forget(call)
        self.events.append((slot.index, signal))

    def _forget(self, fork: Fork) -> None:
        for target in fork.unreachable:
            if target.number and self.registrar.forget(target.number, target.uri):
                self._moved(target.number)

    def _moved(self, number: str) -> None:
        self.moved.append((number, self.registrar.contacts(number)))

    # Datagrams

    def receive(self, data: bytes, source: Addr, now: float) -> None:
        """Take one datagram from the network. What is malformed is counted, and refused if it can be."""
        if not data.strip(b"\r\n\x00 "):
            self.counts["keep-alive"] += 1
            return
        try:
            message = parse(data)
        except Malformed as wrong:
            self.counts["malformed"] += 1
            if wrong.request is not None and wrong.request.method != "ACK":
                self._stateless(wrong.request, wrong.status, source)
            return
        if isinstance(message, SipResponse):
            self._response(message, source, now)
        else:
            self._request(message, source, now)

    def _response(self, response: SipResponse, source: Addr, now: float) -> None:
        found = self._clients.get(key_of(response))
        if found is None:
            self.counts["stray response"] += 1
            return
        transaction, leg = found
        todo = transaction.handle(input_of(response), now)
        if Do.ACK in todo:
            self.send(ack_for(transaction.request, response), transaction.peer)
        self._settle(transaction)
        if Do.PASS in todo:
            leg.on_response(transaction, response, source, now)

    def _request(self, request: SipRequest, source: Addr, now: float) -> None:
        method = request.method
        if found := self._servers.get(key_of(request)):
            transaction, leg = found
            todo = transaction.handle(Input.ACK if method == "ACK" else Input.REQUEST, now)
            if Do.SEND in todo:
                self.resend(transaction.data, transaction.peer)
            self._settle(transaction)
            if Do.PASS in todo and leg is not None:
                leg.on_ack(request, now)
            return
        if method == "CANCEL":
            return self._cancel(request, source, now)
        if tag := tag_of(request, "to"):
            return self._within(request, tag, source, now)
        handler = REQUESTS.get(method)
        if handler is not None:
            try:
                handler(self, request, source, now)
            except Refusal as refusal:
                self._stateless(request, refusal.status, source, *refusal.headers)
        elif method not in ("ACK", "BYE", "INFO"):
            self._stateless(request, 405, source, ALLOW)
        elif method != "ACK":
            self._stateless(request, 481, source)

    def _within(self, request: SipRequest, tag: str, source: Addr, now: float) -> None:
        leg = self._legs.get((request.headers.get("call-id")[0], tag))
        ours = leg is not None and leg.dialog is not None and leg.dialog.remote_tag == tag_of(request, "from")
        if request.method == "ACK":
            if ours and leg is not None:
                leg.on_ack(request, now)
        elif not ours or leg is None:
            self._stateless(request, 481, source)
        elif len(self._servers) >= MAX_TRANSACTIONS:
            self._stateless(request, 503, source)
        else:
            leg.on_request(self._serve(request, source, leg, now), source, now)

    def _cancel(self, request: SipRequest, source: Addr, now: float) -> None:
        found = self._servers.get(cancelled_key(request))
        if found is None:
            return self._stateless(request, 481, source)
        self._stateless(request, 200, source)
        if isinstance(leg := found[1], Answering):
            leg.cancelled(request, now)
        return None

    def _options(self, request: SipRequest, source: Addr, now: float) -> None:
        self._stateless(request, 200, source, ALLOW, ("Accept", sdp.TYPE))

    # Calls that come in

    def _invite(self, request: SipRequest, source: Addr, now: float) -> None:
        if unknown := request.headers.get("require"):
            raise Refusal(420, ("Unsupported", ", ".join(unknown)))
        kind = (request.headers.get_first("content-type") or sdp.TYPE).partition(";")[0].strip().lower()
        if request.body and kind != sdp.TYPE:
            raise Refusal(415, ("Accept", sdp.TYPE))
        if self._merged(request):
            raise Refusal(482)
        ringing = self._admitted(request, source, now)
        index = self.free()
        if index is None:
            self.counts["all lines busy"] += 1
            raise Refusal(486)
        self._ring(self.slots[index], request, source, ringing, now)

    def _merged(self, request: SipRequest) -> bool:
        """The same call came by another way already (§8.2.2.2)."""
        call_id, tag = request.headers.get("call-id")[0], tag_of(request, "from")
        return any(
            key[0] == call_id and leg.dialog is not None and leg.dialog.remote_tag == tag
            for key, leg in self._legs.items()
        )

    def _admitted(self, request: SipRequest, source: Addr, now: float) -> Ringing:
        """Who calls whom, if they may: our extensions by password, others only the hotline's numbers."""
        who = party(request.headers.get("from")[0]).number
        called = number_of(uri_of(request.uri))
        if self._accounts.get(who):
            account = self._accounts.prove(request, 407, now)
            if account.number != who:
                raise Refusal(403)
            return Ringing(account.number, called, account.display)
        trusted = self._trusted(source)
        if self._networks and not trusted:
            self.counts["not allowed"] += 1
            raise Refusal(403)
        if called not in self.settings.numbers:
            raise Refusal(404)
        caller, display = caller_of(request, trusted=trusted)
        return Ringing(caller, called, display)

    def _ring(self, slot: Slot, request: SipRequest, source: Addr, ringing: Ringing, now: float) -> None:
        transaction = self._serve(request, source, None, now)

        def post(leg: Leg, signal: Signal, _now: float) -> None:
            self._said(slot, leg, signal)

        try:
            leg = Answering(self, transaction, source, self._local(slot, source), post, now)
        except (sdp.BadSdp, sdp.NothingCommon) as wrong:
            del self._servers[transaction.key]
            raise Refusal(488 if isinstance(wrong, sdp.NothingCommon) else 400) from wrong
        self._servers[transaction.key] = (transaction, leg)
        slot.call = leg
        self._said(slot, leg, ringing)

    def _trusted(self, source: Addr) -> bool:
        address = ipaddress.ip_address(source[0])
        return any(address in network for network in self._networks)

    # Phones

    def _register(self, request: SipRequest, source: Addr, now: float) -> None:
        number = self._accounts.prove(request, 401, now).number
        if party(request.headers.get("to")[0]).number != number:
            raise Refusal(403)
        if self.registrar.register(number, request, source, now):
            self._moved(number)
        self.arm(self.registrar)
        contacts = [
            ("Contact", f"<{b.contact}>;expires={round(b.expires_at - now)}")
            for b in self.registrar.bindings(number, now)
        ]
        self._stateless(request, 200, source, *contacts)

    # What legs need (leg.Wire)

    def ours(self, towards: Addr) -> Addr:
        return self.settings.advertise_ip or self._address_towards(towards[0]), self.port

    def send(self, message: Message, to: Addr) -> bytes:
        name = "User-Agent" if isinstance(message, SipRequest) else "Server"
        message.headers.set_single(name, self.settings.user_agent)
        data = bytes(message)
        self.outgoing.append((data, to))
        return data

    def resend(self, data: bytes, to: Addr) -> None:
        self.counts["sent again"] += 1
        self.outgoing.append((data, to))

    def start(self, request: SipRequest, to: Addr, leg: Leg, now: float) -> Transaction:
        kind = Kind.INVITE_CLIENT if request.method == "INVITE" else Kind.CLIENT
        transaction = Transaction(kind, request, to, now)
        transaction.data = self.send(request, to)
        self._clients[transaction.key] = (transaction, leg)
        self.arm(transaction)
        return transaction

    def respond(self, transaction: Transaction, response: SipResponse, now: float) -> None:
        todo = transaction.handle(input_of(response), now)
        if Do.SEND in todo:
            transaction.data = self.send(response, transaction.peer)
        self._settle(transaction)

    def abandon(self, transaction: Transaction) -> None:
        self._clients.pop(transaction.key, None)

    def joined(self, leg: Leg) -> None:
        assert leg.dialog is not None
        self._legs[leg.dialog.call_id, leg.dialog.local_tag] = leg

    def left(self, leg: Leg) -> None:
        if leg.dialog is not None:
            key = (leg.dialog.call_id, leg.dialog.local_tag)
            if self._legs.get(key) is leg:
                del self._legs[key]

    def arm(self, thing: Timed) -> None:
        self._schedule.arm(thing)

    # Time

    def timer(self) -> float | None:
        """When `on_timer` wants to be called; it may turn out to be early."""
        return self._schedule.timer()

    def on_timer(self, now: float) -> None:
        """Do all that is due."""
        for thing in self._schedule.due(now):
            self._fire(thing, now)

    def _fire(self, thing: Timed, now: float) -> None:
        if isinstance(thing, Transaction):
            todo = thing.on_timer(now)
            if Do.SEND in todo:
                self.resend(thing.data, thing.peer)
            leg = self._clients[thing.key][1] if thing.key in self._clients else None
            self._settle(thing)
            if Do.FAIL in todo and leg is not None:
                leg.on_failure(thing, now)
        elif isinstance(thing, Registrar):
            self.moved += thing.on_timer(now).items()
        else:
            thing.on_timer(now)

    def quiet(self) -> bool:
        """Nothing of ours waits for an answer any more."""
        waiting = (State.CALLING, State.PROCEEDING)
        return not any(transaction.state in waiting for transaction, _ in self._clients.values())

    # Within

    def _serve(self, request: SipRequest, source: Addr, leg: Leg | None, now: float) -> Transaction:
        kind = Kind.INVITE_SERVER if request.method == "INVITE" else Kind.SERVER
        transaction = Transaction(kind, request, where_to_reply(via_of(request), source), now)
        self._servers[transaction.key] = (transaction, leg)
        return transaction

    def _stateless(self, request: SipRequest, status: int, source: Addr, *headers: tuple[str, str]) -> None:
        """Answer without a transaction; the tag is the same however often the request comes again."""
        seed = request.headers.get("call-id")[0] + request.headers.get("via")[0]
        tag = hashlib.blake2s(seed.encode(), key=self._key, digest_size=8).hexdigest()
        to = where_to_reply(via_of(request), source)
        self.send(reply(request, status, source, to_tag=tag, headers=headers), to)

    def _settle(self, transaction: Transaction) -> None:
        if transaction.state is not State.TERMINATED:
            self.arm(transaction)
        elif transaction.kind in (Kind.INVITE_CLIENT, Kind.CLIENT):
            self._clients.pop(transaction.key, None)
        else:
            self._servers.pop(transaction.key, None)


REQUESTS: dict[str, Callable[[SipCore, SipRequest, Addr, float], None]] = {
    "INVITE": SipCore._invite,
    "REGISTER": SipCore._register,
    "OPTIONS": SipCore._options,
}
"""Requests outside a dialog that mean something to us."""
