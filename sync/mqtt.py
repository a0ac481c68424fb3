"""Frames over MQTT 5: bytes only, nothing is believed and nothing is kept in the broker.

The broker is taken for a bus that loses, doubles and delays. So: clean start and no session;
a new client object for every connection, because paho resends what an old one still held;
subscribed anew each time, and up only after the SUBACK; published only while connected, with
60 s to live, since `publish` on a dead connection keeps the message and PUBACK promises
nothing; TCP_NODELAY, which paho never sets and which costs 85 ms a frame. The socket is
driven by the caller's thread: there is no network thread that could die unseen.
"""

import random
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from sync.access import NO_CERTIFICATE, Access, address, is_here
from sync.causes import BAD_FILES, HUNG_UP, NO_BROKER, of_code, of_error

KEEPALIVE_S = 30
CONNECT_S = 3.0
GREETING_S = 10.0
"""How long CONNACK and SUBACK may take together."""
RETRY_S, RETRY_MAX_S = 2.0, 12.0
"""The longest pause after the first vain round of brokers, and after many: so long, and what it takes to
ask the others of the list, is a box behind the return of its broker. Pauses are drawn from all up to that,
so of 500 boxes that wait for one broker some 80 knock in its first second, and not all."""
RETRY_MIN_S = 0.5
NEXT_S = 1.0
"""The longest pause before the next broker of the list."""
STEADY_S = 60.0
"""After so long a connection the next retry is quick again."""
EXPIRY_S = 60
PACKET_BYTES = 256 * 1024
IN_FLIGHT = 16
"""Publishes without a PUBACK: mosquitto hangs up beyond 20, and paho does not read that limit."""
READS = 64
NO_SUBSCRIBERS = 0x10
FAILED = 0x80
LASTING = frozenset({0x87, 0x95})
"""Not authorized, packet too large."""


@dataclass(frozen=True, slots=True)
class Up:
    """Connected and subscribed: frames may be sent."""

    broker: str


@dataclass(frozen=True, slots=True)
class Down:
    """Not connected, and why; it is being tried again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    """A frame came in."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Unheard:
    """Nobody listens on a topic that was sent to."""

    topic: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker does not take what is sent, and why."""

    topic: str
    reason: str
    lasting: bool
    """Whether the same will be refused again until somebody changes something at the broker."""


Arrival = Up | Down | Message | Unheard | Refused


class Mqtt:
    """A connection to the first broker of a list that answers, tried for ever and with pauses."""

    def __init__(
        self,
        access: Access,
        name: str,
        subscriptions: Sequence[str],
        presence: str = "",
        session: int = 0,
        wake: int = -1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`presence` is the topic that tells whether this box is there; empty: nothing is told."""
        self.access = access
        self.is_up = False
        self._name = name
        self._subscriptions = [(topic, 1) for topic in subscriptions]
        self._presence = presence
        self._session = session
        self._wake = [wake] if wake >= 0 else []
        """A descriptor that ends the waiting too."""
        self._clock = clock
        self._client: paho.Client | None = None
        self._broker = ""
        self._said = ""
        """What the socket complained of last: paho tells it to nobody but the log."""
        self._arrivals: deque[Arrival] = deque()
        self._topics: dict[int, str] = {}
        self._tries = 0
        self._try_s = clock()
        self._since_s = clock()

    def send(self, topic: str, payload: bytes) -> None:
        """Send a frame; forgotten while not connected, the protocol above sends it again."""
        if self._client is not None and self.is_up:
            self._publish(self._client, topic, payload, retain=False)

    def poll(self, wait_s: float) -> list[Arrival]:
        """Let the connection work for at most `wait_s`; return what came."""
        if self._client is None:
            pause_s = self._try_s - self._clock()
            if pause_s > 0:
                select.select([], [], [], min(pause_s, wait_s))
            else:
                self._connect()
        else:
            self._work(self._client, wait_s)
        arrivals = list(self._arrivals)
        self._arrivals.clear()
        return arrivals

    def drop(self, reason: str) -> None:
        """Hang up and try again later: the broker takes nothing of what is sent."""
        if self._client is not None:
            self._client.disconnect()
            self._lost(*reason.split("\t"))

    def close(self) -> None:
        """Say that this box goes, and go."""
        if self._client is not None and self.is_up:
            if self._presence:
                self._publish(self._client, self._presence, self._word("offline"), retain=True)
            self._client.disconnect()
        self._client, self.is_up = None, False

    def _connect(self) -> None:
        brokers, tls = self.access.brokers, self.access.tls
        self._broker = brokers[self._tries % len(brokers)]
        self._tries += 1
        self._since_s, self._said = self._clock(), ""
        try:
            host, port = address(self._broker, tls is not None)
            if tls is None and not self.access.plain and not is_here(host):
                self._lost(NO_CERTIFICATE, "")
                return
            seal = tls.context() if tls else None
        except (OSError, ValueError) as error:
            self._lost(BAD_FILES, str(error))
            return
        self._client = client = self._new_client(seal)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it bare
        properties.SessionExpiryInterval = 0
        properties.MaximumPacketSize = PACKET_BYTES
        try:
            client.connect(host, port, KEEPALIVE_S, clean_start=True, properties=properties)
        except (OSError, ValueError) as error:
            self._lost(of_error(error), str(error))

    def _new_client(self, seal: ssl.SSLContext | None) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2, self._name, protocol=paho.MQTTv5, reconnect_on_failure=False
        )
        if seal is not None:
            client.tls_set_context(seal)
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(IN_FLIGHT)
        client.on_socket_open = _no_delay
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        client.on_log = self._on_log
        if self._presence:
            client.will_set(self._presence, self._word("offline"), qos=1, retain=True)
        return client

    def _work(self, client: paho.Client, wait_s: float) -> None:
        for turn in range(READS):
            wire: Any = client.socket()
            if wire is None:
                break
            opened = isinstance(wire, ssl.SSLSocket) and wire.pending() > 0
            writing = [wire] if client.want_write() else []
            pause_s = 0 if turn or opened else wait_s
            readable, writable, _ = select.select([wire, *self._wake], writing, [], pause_s)
            if writable:
                client.loop_write()
            if opened or wire in readable:
                client.loop_read()
            elif not writable:
                break
        client.loop_misc()
        if self._client is client and client.socket() is None:
            self._hung_up("it hung up")
        elif self._client is client and not self.is_up and self._clock() > self._since_s + GREETING_S:
            self._lost(NO_BROKER, "it does not answer")

    def _hung_up(self, how: str) -> None:
        """Tell why, as far as it can be known: a TLS broker says it in an alert, which may get lost."""
        sentence = of_error(self._said)
        if sentence == NO_BROKER and self.access.tls and not self.is_up:
            sentence = HUNG_UP
        self._lost(sentence, self._said or how)

    def _lost(self, sentence: str, detail: str) -> None:
        if self.is_up and self._clock() > self._since_s + STEADY_S:
            self._tries = 0
        self._client, self.is_up = None, False
        self._topics.clear()
        self._try_s = self._clock() + _pause_s(self._tries, len(self.access.brokers))
        self._arrivals.append(Down(f"{sentence}\t{self._broker}{': ' if detail else ''}{detail}"))

    def _publish(self, client: paho.Client, topic: str, payload: bytes, retain: bool) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it bare
        if not retain:
            properties.MessageExpiryInterval = EXPIRY_S
        sent = client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        if sent.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._topics[sent.mid] = topic

    def _word(self, state: str) -> bytes:
        return f"{state} {self._session:x}".encode()

    # paho calls these from within poll; they only take notes

    def _on_connect(self, client: paho.Client, _: Any, __: Any, code: ReasonCode, ___: Any) -> None:
        if code.is_failure:
            self._lost(of_code(code), str(code))
        else:
            client.subscribe(self._subscriptions)

    def _on_subscribe(self, client: paho.Client, _: Any, __: Any, codes: list[ReasonCode], ___: Any) -> None:
        if any(code.value >= FAILED for code in codes):
            client.disconnect()
            worst = max(codes, key=lambda code: code.value)
            self._lost(of_code(worst), f"it does not let this box listen ({worst})")
            return
        self.is_up, self._since_s = True, self._clock()
        if self._presence:
            self._publish(client, self._presence, self._word("online"), retain=True)
        self._arrivals.append(Up(self._broker))

    def _on_message(self, _: paho.Client, __: Any, message: paho.MQTTMessage) -> None:
        self._arrivals.append(Message(message.topic, bytes(message.payload)))

    def _on_publish(self, _: paho.Client, __: Any, mid: int, code: ReasonCode, ___: Any) -> None:
        topic = self._topics.pop(mid, "")
        if code.value == NO_SUBSCRIBERS and topic != self._presence:
            self._arrivals.append(Unheard(topic))
        elif code.value >= FAILED:
            reason = f"{of_code(code)}\t{topic}: {code}"
            self._arrivals.append(Refused(topic, reason, code.value in LASTING))

    def _on_disconnect(self, client: paho.Client, _: Any, __: Any, code: ReasonCode, ___: Any) -> None:
        if self._client is not client:
            return
        if code.value in (0x80, 0):
            self._hung_up(str(code).lower())
        else:
            self._lost(of_code(code), str(code))

    def _on_log(self, _: paho.Client, __: Any, level: int, text: str) -> None:
        if level == paho.MQTT_LOG_ERR:
            self._said = text


def _pause_s(tries: int, brokers: int) -> float:
    """How long to wait after so many tries: little for the next broker of the list, then more each round."""
    rounds, left = divmod(tries, brokers)
    if left:
        return random.uniform(RETRY_MIN_S / 2, NEXT_S)
    longest_s = min(RETRY_S * 2 ** min(max(rounds - 1, 0), 10), RETRY_MAX_S)
    return random.uniform(RETRY_MIN_S, longest_s)


def _no_delay(_: paho.Client, __: Any, wire: Any) -> None:
    if isinstance(wire, socket.socket):
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
