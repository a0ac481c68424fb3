"""The transaction layer without a socket (RFC 3261 §17 and §18): it matches, repeats, absorbs and refuses.

What is new it hands to `_new`, which the core on top of it provides.
"""

import hashlib
import secrets
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from aiosipua.message import SipRequest, SipResponse

from hardware.sip.message import (
    Addr,
    Hop,
    Malformed,
    Message,
    parse,
    reply,
    transport_of,
    via_of,
    where_to_reply,
    written,
)
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
WAITING = (State.CALLING, State.PROCEEDING)


class Owner(Protocol):
    """Who hears what became of a request of ours."""

    def on_response(
        self, transaction: Transaction, response: SipResponse, source: Addr, now: float
    ) -> None: ...

    def on_failure(self, transaction: Transaction, now: float) -> None: ...


class Served(Protocol):
    """Who hears that the response to an INVITE was acknowledged."""

    def on_ack(self, request: SipRequest, now: float) -> None: ...


class TransactionLayer:
    """Datagrams in, datagrams and owners' news out. After every verb take `outgoing`, look at `timer`."""

    def __init__(
        self,
        settings: SipSettings,
        address_towards: Callable[[str], str] | None = None,
        key: bytes | None = None,
    ) -> None:
        self.settings = settings
        self.port = settings.port
        self.tls_port = settings.tls_port
        self.outgoing: list[tuple[bytes, Addr]] = []
        self.counts: Counter[str] = Counter()
        self._address_towards = address_towards or (lambda _ip: settings.advertise_ip or settings.bind_ip)
        self._key = key or secrets.token_bytes(16)
        self._schedule = Schedule()
        self._clients: dict[Key, tuple[Transaction, Owner]] = {}
        self._servers: dict[Key, tuple[Transaction, Served | None]] = {}

    # What comes in

    def receive(self, data: bytes, source: Addr, now: float) -> None:
        """Take one message from the network. What is malformed is counted, and refused if it can be."""
        if not self._hears(source, now):
            self.counts["dropped"] += 1
            return
        if not data.strip(b"\r\n\x00 "):
            self.counts["keep-alive"] += 1
            return
        try:
            message = parse(data)
        except Malformed as wrong:
            self.counts["malformed"] += 1
            if wrong.request is not None and wrong.request.method != "ACK":
                self.refuse(wrong.request, wrong.status, source)
            return
        if isinstance(message, SipResponse):
            self._response(message, source, now)
        else:
            self._request(message, source, now)

    def _hears(self, source: Addr, now: float) -> bool:
        """Whether what comes from here is read at all."""
        raise NotImplementedError

    def _response(self, response: SipResponse, source: Addr, now: float) -> None:
        found = self._clients.get(key_of(response))
        if found is None:
            self.counts["stray response"] += 1
            return
        transaction, owner = found
        todo = transaction.handle(input_of(response), now)
        if Do.ACK in todo:
            self.send(ack_for(transaction.request, response), transaction.peer)
        self._settle(transaction)
        if Do.PASS in todo:
            owner.on_response(transaction, response, source, now)

    def _request(self, request: SipRequest, source: Addr, now: float) -> None:
        found = self._servers.get(key_of(request))
        if found is None:
            return self._new(request, source, now)
        transaction, served = found
        todo = transaction.handle(Input.ACK if request.method == "ACK" else Input.REQUEST, now)
        if Do.SEND in todo and transaction.data:  # else nothing was said yet
            self.resend(transaction.data, transaction.peer)
        self._settle(transaction)
        if Do.PASS in todo and served is not None:
            served.on_ack(request, now)
        return None

    def _new(self, request: SipRequest, source: Addr, now: float) -> None:
        """A request no transaction knows."""
        raise NotImplementedError

    # What goes out

    def ours(self, towards: Addr) -> Addr:
        """Our address as the far end shall use it."""
        ip = self.settings.advertise_ip or self._address_towards(towards[0])
        if isinstance(towards, Hop):
            return Hop(ip, self.tls_port if towards.transport == "TLS" else self.port, towards.transport)
        return ip, self.port

    def send(self, message: Message, to: Addr) -> bytes:
        """Send outside any transaction; the bytes, for sending again."""
        name = "User-Agent" if isinstance(message, SipRequest) else "Server"
        message.headers.set_single(name, self.settings.user_agent)
        data = written(message)
        self.outgoing.append((data, to))
        return data

    def resend(self, data: bytes, to: Addr) -> None:
        """Send bytes again."""
        self.counts["sent again"] += 1
        self.outgoing.append((data, to))

    def start(self, request: SipRequest, to: Addr, owner: Owner, now: float) -> Transaction:
        """Send a request in a transaction whose outcome comes to the owner."""
        kind = Kind.INVITE_CLIENT if request.method == "INVITE" else Kind.CLIENT
        transaction = Transaction(kind, request, to, now)
        transaction.data = self.send(request, to)
        self._clients[transaction.key] = (transaction, owner)
        self.arm(transaction)
        return transaction

    def resume_asking(self, request: SipRequest, to: Addr, owner: Owner, now: float) -> Transaction:
        """Take up an INVITE that an earlier life of ours sent and that was heard."""
        transaction = Transaction(Kind.INVITE_CLIENT, request, to, now)
        transaction.handle(Input.PROVISIONAL, now)
        self._clients[transaction.key] = (transaction, owner)
        return transaction

    def serve(self, request: SipRequest, source: Addr, now: float) -> Transaction:
        """A transaction to answer a request in."""
        return self._serve(request, source, None, now)

    def respond(self, transaction: Transaction, response: SipResponse, now: float) -> None:
        """Answer in a transaction."""
        todo = transaction.handle(input_of(response), now)
        if Do.SEND in todo:
            transaction.data = self.send(response, transaction.peer)
        self._settle(transaction)

    def abandon(self, transaction: Transaction) -> None:
        """Forget a request of ours nobody will finish."""
        self._clients.pop(transaction.key, None)

    def refuse(self, request: SipRequest, status: int, source: Addr, *headers: tuple[str, str]) -> None:
        """Answer without a transaction; the tag is the same however often the request comes again."""
        seed = request.headers.get("call-id")[0] + request.headers.get("via")[0]
        tag = hashlib.blake2s(seed.encode(), key=self._key, digest_size=8).hexdigest()
        to = where_to_reply(via_of(request), source)
        self.send(reply(request, status, source, to_tag=tag, headers=headers), to)

    # Time

    def arm(self, thing: Timed) -> None:
        """A thing's timer may have changed."""
        self._schedule.arm(thing)

    def timer(self) -> float | None:
        """When `on_timer` wants to be called."""
        return self._schedule.timer()

    def on_timer(self, now: float) -> None:
        """Do all that is due."""
        for thing in self._schedule.due(now):
            self._fire(thing, now)

    def _fire(self, thing: Timed, now: float) -> None:
        if not isinstance(thing, Transaction):
            thing.on_timer(now)
            return
        todo = thing.on_timer(now)
        if Do.SEND in todo:
            self.resend(thing.data, thing.peer)
        owner = self._clients[thing.key][1] if thing.key in self._clients else None
        self._settle(thing)
        if Do.FAIL in todo and owner is not None:
            owner.on_failure(thing, now)

    def unreachable(self, peer: Hop, now: float) -> None:
        """No connection can be made there: whatever waits for an answer fails at once (§8.1.3.1)."""
        for transaction, owner in list(self._clients.values()):
            same = transaction.peer == peer and transport_of(transaction.peer) == peer.transport
            if same and transaction.state in WAITING and Do.FAIL in transaction.handle(Input.END, now):
                self._settle(transaction)
                owner.on_failure(transaction, now)

    def quiet(self) -> bool:
        """Nothing of ours waits for an answer any more."""
        return not any(transaction.state in WAITING for transaction, _ in self._clients.values())

    # Within

    def _full(self) -> bool:
        return len(self._servers) >= MAX_TRANSACTIONS

    def _serve(self, request: SipRequest, source: Addr, served: Served | None, now: float) -> Transaction:
        kind = Kind.INVITE_SERVER if request.method == "INVITE" else Kind.SERVER
        transaction = Transaction(kind, request, where_to_reply(via_of(request), source), now)
        self._servers[transaction.key] = (transaction, served)
        return transaction

    def _unserve(self, transaction: Transaction) -> None:
        self._servers.pop(transaction.key, None)

    def _cancelled(self, cancel: SipRequest) -> tuple[Transaction, Served | None] | None:
        """The INVITE a CANCEL is about."""
        return self._servers.get(cancelled_key(cancel))

    def _settle(self, transaction: Transaction) -> None:
        if transaction.state is not State.TERMINATED:
            self.arm(transaction)
        elif transaction.kind in (Kind.INVITE_CLIENT, Kind.CLIENT):
            self._clients.pop(transaction.key, None)
        else:
            self._servers.pop(transaction.key, None)
