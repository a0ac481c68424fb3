"""A plain MQTT client as one would write it who trusts the broker: what it is promised, and what comes."""

import time
from collections.abc import Callable
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

LIMIT_S = 15.0
QUIET_S = 0.4


class Raw:
    """Published with QoS 1, subscribed with QoS 1, polled by hand; `told` are the reason codes of PUBACKs."""

    def __init__(
        self,
        port: int,
        name: str = "",
        keep_s: int = 0,
        v5: bool = True,
        fresh: bool = True,
        in_flight: int = 1000,
        subscribe: str = "",
    ) -> None:
        self.told: list[int] = []
        self.heard: list[bytes] = []
        self.ends: list[int] = []
        self.known = False
        """Whether the broker still had a session."""
        self.allowed = 0
        """How many messages the broker takes without having acknowledged them."""
        self._up = 0
        self._wanted = subscribe
        version = MQTTProtocolVersion.MQTTv5 if v5 else MQTTProtocolVersion.MQTTv311
        more: dict[str, Any] = {} if v5 else {"clean_session": fresh}
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, name, protocol=version, reconnect_on_failure=False, **more
        )
        self.client.max_inflight_messages_set(in_flight)
        self.client.max_queued_messages_set(0)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = lambda _, __, message: self.heard.append(bytes(message.payload))
        self.client.on_publish = lambda _, __, ___, code, ____: self.told.append(code.value)
        self.client.on_disconnect = lambda _, __, ___, code, ____: self.ends.append(code.value)
        if v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it bare
            properties.SessionExpiryInterval = keep_s
            self.client.connect("127.0.0.1", port, 60, clean_start=fresh, properties=properties)
        else:
            self.client.connect("127.0.0.1", port, 60)
        self.until(lambda: self._up == (2 if subscribe else 1))

    def until(self, done: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
        """Let it work until something is so."""
        until_s = time.monotonic() + limit_s
        while not done():
            assert time.monotonic() < until_s, (self.told[-3:], len(self.heard), self.ends)
            self.client.loop(0.02)

    def settle(self) -> None:
        """Let it work until nothing more comes."""
        quiet_s, before = time.monotonic(), -1
        while time.monotonic() < quiet_s + QUIET_S:
            self.client.loop(0.02)
            count = len(self.heard) + len(self.told)
            if count != before:
                quiet_s, before = time.monotonic(), count

    def publish(self, topic: str, *payloads: bytes, retain: bool = False) -> None:
        """Publish and wait for every PUBACK."""
        wanted = len(self.told) + len(payloads)
        for payload in payloads:
            self.client.publish(topic, payload, qos=1, retain=retain)
        self.until(lambda: len(self.told) >= wanted)

    def vanish(self) -> None:
        """Be gone without a word, as a box that loses its power."""
        wire: Any = self.client.socket()
        wire.close()

    def leave(self) -> None:
        """Say goodbye."""
        self.client.disconnect()
        self.client.loop(0.05)

    def _on_connect(self, client: paho.Client, _: Any, flags: Any, __: Any, told: Any) -> None:
        self.allowed = int(getattr(told, "ReceiveMaximum", 0))
        self.known, self._up = bool(flags.session_present), self._up + 1
        if self._wanted:
            client.subscribe(self._wanted, 1)

    def _on_subscribe(self, *_: object) -> None:
        self._up += 1
