"""Every way in which MQTT was found to lose, double or delay, at a real mosquitto: and nothing of ours is.

Each test first shows that the trap snaps with a plain client that trusts the broker, then that
what boxes write comes to the hub all the same, once. A bridge is no part of our network, so the
traps of bridges have no test.
"""

import getpass
import os
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from appliance.events import Fact
from appliance.store import outbox
from sync.access import Access
from sync.bench import CONFIGURATION, MOSQUITTO, Broker, RunningBox, wait_for
from sync.mqtt import IN_FLIGHT, Mqtt, Up
from sync.peer import ABSENT
from tests.raw_client import Raw
from tests.test_sync_broker import HUB, SITE, at_least, drained, log, write

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(not os.path.exists(MOSQUITTO), reason="mosquitto is not installed"),
]
LIMIT_S = 60.0
SUCCESS, NOBODY, DENIED, LOST = 0x00, 0x10, 0x87, 0x80


class Stock(Broker):
    """A mosquitto with a configuration of one's own behind the listener."""

    def __init__(self, folder: Path, *lines: str, ours: bool = False) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._file = folder / "stock.conf"
        stock = ("listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n", CONFIGURATION)[ours]
        self._file.write_text(
            "\n".join([stock.format(port=self.port), *lines, f"user {getpass.getuser()}", ""])
        )
        self.start()


Make = Callable[..., Stock]


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Make]:
    made: list[Stock] = []

    def make(*lines: str, ours: bool = False) -> Stock:
        made.append(Stock(tmp_path, *lines, ours=ours))
        return made[-1]

    yield make
    for broker in made:
        broker.kill()


class Pair:
    """A hub and site 1 at one broker; what they hold must become the same."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.hub, self.site = (RunningBox(folder / f"box-{n}", n, [broker.address]) for n in (0, 1))

    def same(self) -> None:
        """Wait until all was confirmed, and compare the logs; nothing had to be offered twice."""
        wait_for(lambda: drained(self.site, HUB) and bool(self.site.peer(HUB)["out_seq"]), LIMIT_S)
        assert log(self.hub) == log(self.site)
        assert self.site.peer(HUB)["restarts"] == 0
        assert self.hub.peer(SITE)["restarts"] == 0


@pytest.fixture
def pairs(tmp_path: Path) -> Iterator[Callable[[Broker], Pair]]:
    made: list[Pair] = []

    def make(broker: Broker) -> Pair:
        pair = Pair(tmp_path, broker)
        made.append(pair)
        for box in (pair.hub, pair.site):
            box.store.database.connect(reuse_if_open=True)
        outbox.add_peer(pair.site.store, HUB, 0)
        return pair

    yield make
    for pair in made:
        for box in (pair.hub, pair.site):
            box.end(signal.SIGKILL)
            box.store.database.close()


Pairs = Callable[[Broker], Pair]


def numbered(count: int) -> list[bytes]:
    return [b"%06d" % n for n in range(count)]


def promise(broker: Broker, count: int) -> None:
    """Have the broker promise to keep messages for somebody called hub who is away."""
    Raw(broker.port, "hub", keep_s=3600, subscribe="raw/up").leave()
    sender = Raw(broker.port)
    sender.publish("raw/up", *numbered(count))
    assert set(sender.told) == {SUCCESS}


def test_e1_what_waits_in_the_broker_for_who_is_away_is_lost_beyond_a_thousand(
    brokers: Make, pairs: Pairs
) -> None:
    broker = brokers()
    promise(broker, 1500)
    hub = Raw(broker.port, "hub", keep_s=3600, fresh=False)
    hub.settle()
    assert len(hub.heard) == 1000, "and a third never comes"
    pair = pairs(broker)
    write(pair.site.store, 1500)
    pair.site.start()
    wait_for(lambda: pair.site.peer(HUB).get("reason") == ABSENT, LIMIT_S)
    pair.hub.start()
    pair.same()


def test_e12_what_comes_faster_than_a_slow_listener_takes_is_lost(brokers: Make, pairs: Pairs) -> None:
    broker = brokers()
    slow = Raw(broker.port, "slow", subscribe="slow")
    sender = Raw(broker.port)
    sender.publish("slow", *numbered(3000))
    assert set(sender.told) == {SUCCESS}
    slow.settle()
    assert len(slow.heard) < 1500
    pair = pairs(broker)
    pair.hub.start()
    pair.site.start()
    wait_for(lambda: pair.site.peer(HUB).get("state") == "connected", LIMIT_S)
    with stopped(pair.hub):
        write(pair.site.store, 3000)
        time.sleep(0.5)
    pair.same()


class stopped:  # noqa: N801  # reads as a word
    """A process that is not given any time for a while."""

    def __init__(self, box: RunningBox) -> None:
        assert box._process is not None
        self._process = box._process

    def __enter__(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGCONT)


def test_e2_e4_a_broker_that_dies_forgets_messages_and_subscriptions_though_it_was_told_to_keep_them(
    brokers: Make, pairs: Pairs, tmp_path: Path
) -> None:
    broker = brokers("persistence true", f"persistence_location {tmp_path}/")
    promise(broker, 500)
    pair = pairs(broker)
    pair.hub.start()
    pair.site.start()
    wait_for(lambda: pair.site.peer(HUB).get("state") == "connected", LIMIT_S)
    write(pair.site.store, 3000)
    wait_for(lambda: at_least(pair.hub, 100), LIMIT_S)
    broker.kill()
    broker.start()
    hub = Raw(broker.port, "hub", keep_s=3600, fresh=False)
    assert not hub.known, "the session is gone"
    again = Raw(broker.port)
    again.publish("raw/up", b"after")
    assert again.told == [NOBODY], "and with it what it had subscribed to"
    hub.settle()
    assert hub.heard == []
    write(pair.site.store, 500)
    pair.same()


def test_e5_who_sends_to_nobody_learns_it_only_with_mqtt_5(brokers: Make, pairs: Pairs) -> None:
    broker = brokers()
    old, new = Raw(broker.port, v5=False), Raw(broker.port)
    old.publish("v1/s/001/up", b"lost")
    new.publish("v1/s/001/up", b"lost")
    assert (old.told, new.told) == ([SUCCESS], [NOBODY])
    pair = pairs(broker)
    write(pair.site.store, 10)
    pair.site.start()
    wait_for(lambda: pair.site.peer(HUB).get("reason") == ABSENT, LIMIT_S)
    pair.hub.start()
    pair.same()


def test_e8_what_is_over_the_brokers_limit_vanishes_without_a_word(brokers: Make, pairs: Pairs) -> None:
    broker = brokers(ours=True)
    listening = Raw(broker.port, subscribe="big")
    sender = Raw(broker.port)
    sender.client.publish("big", bytes(300_000), qos=1)
    sender.settle()
    listening.settle()
    assert (sender.told, listening.heard) == ([], [])
    pair = pairs(broker)
    texts = [secrets.token_hex((outbox.BODY_BYTES - 100) // 2) for _ in range(20)]
    pair.site.store.record(*(Fact("message.noted", {"text": text}) for text in texts))
    pair.hub.start()
    pair.site.start()
    pair.same()


def test_e11_what_may_not_be_written_is_a_success_with_the_older_mqtt(brokers: Make, tmp_path: Path) -> None:
    """How a box of ours tells it stands in test_sync_sealed.py."""
    (tmp_path / "acl").write_text("topic read #\ntopic write mine\n")
    broker = brokers(f"acl_file {tmp_path}/acl")
    listening = Raw(broker.port, subscribe="#")
    old, new = Raw(broker.port, v5=False), Raw(broker.port)
    for sender in (old, new):
        sender.publish("theirs", b"x")
    listening.settle()
    assert (old.told, new.told, listening.heard) == ([SUCCESS], [DENIED], [])


def test_e6_two_of_one_name_throw_each_other_out_for_ever_and_copies_of_our_boxes_do_not(
    brokers: Make, pairs: Pairs, tmp_path: Path
) -> None:
    """Which of two that are one is heard, the hub decides: test_sync_broker.py."""
    broker = brokers()
    thrown = 0
    first = Raw(broker.port, "box")
    for _ in range(5):
        second = Raw(broker.port, "box")
        first.until(lambda one=first: bool(one.ends))  # type: ignore[misc]
        thrown += first.ends == [LOST]
        first = second
    assert thrown == 5, "and mosquitto says no reason"
    pair = pairs(broker)
    pair.hub.start()
    pair.site.start()
    write(pair.site.store, 10)
    pair.same()
    shutil.copytree(pair.site.where.data, tmp_path / "copy")
    copy = RunningBox(tmp_path / "copy", 1, [broker.address])
    with copy.store.connection():
        copy.log.write_text("")
        copy.start()
        try:
            wait_for(lambda: "connected to the broker" in copy.log.read_text(), LIMIT_S)
            time.sleep(2)
            for box in (pair.site, copy):
                assert box.log.read_text().count("connected to the broker") == 1
        finally:
            copy.end()


def test_e9_a_fault_while_hearing_ends_pahos_thread_which_still_calls_itself_connected(
    brokers: Make, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = brokers()
    ended: list[object] = []
    monkeypatch.setattr("threading.excepthook", lambda fault: ended.append(fault.exc_type))
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = _fault
    client.connect("127.0.0.1", broker.port)
    client.subscribe("x", 1)
    client.loop_start()
    sender = Raw(broker.port)
    while not ended:
        sender.publish("x", b"1")
    assert ended == [ZeroDivisionError]
    assert client.is_connected(), "so it says, and hears nothing any more"
    pair = pairs(broker)
    pair.hub.start()
    pair.site.start()
    wait_for(lambda: pair.site.peer(HUB).get("state") == "connected", LIMIT_S)
    for way in ("up", "st", "dn", "up/cert", "dn/cert"):
        for site in ("001", "000", "999", "x"):
            sender.publish(
                f"v1/s/{site}/{way}", b"", b"\xff" * 70_000, b"\x01\x02\x00", secrets.token_bytes(99)
            )
    write(pair.site.store, 100)
    pair.same()
    assert "Traceback" not in pair.hub.log.read_text() + pair.site.log.read_text()


def _fault(*_: object) -> None:
    raise ZeroDivisionError


def test_e10_what_is_published_while_offline_waits_in_memory_and_comes_late(brokers: Make) -> None:
    broker = brokers()
    listening = Raw(broker.port, subscribe="#")
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    assert client.publish("late", b"1", qos=1).rc == paho.MQTT_ERR_NO_CONN
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    listening.until(lambda: listening.heard == [b"1"])
    client.loop_stop()
    ours = Mqtt(Access((broker.address,)), "ours", ["x"])
    ours.send("late", b"2")
    up(ours)
    ours.send("late", b"3")
    ours.poll(0.1)
    listening.settle()
    assert listening.heard == [b"1", b"3"]


def up(wire: Mqtt) -> None:
    wait_for(lambda: any(isinstance(arrival, Up) for arrival in wire.poll(0.02)), LIMIT_S)


def test_n_paho_lets_small_messages_wait_for_each_other_and_we_do_not(brokers: Make) -> None:
    broker = brokers(ours=True)
    ours = Mqtt(Access((broker.address,)), "ours", ["x"])
    up(ours)
    theirs = Raw(broker.port)
    assert [no_delay(one) for one in (theirs.client, ours._client)] == [0, 1]
    assert "set_tcp_nodelay true" in CONFIGURATION


def no_delay(client: Any) -> int:
    return int(client.socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) and 1


def test_p_paho_has_more_on_the_way_than_the_broker_allows_and_we_have_not(brokers: Make) -> None:
    broker = brokers("max_inflight_messages 20")
    rash = Raw(broker.port, in_flight=1000)
    for payload in numbered(500):
        rash.client.publish("many", payload, qos=1)
    assert (rash.allowed, rash.client._inflight_messages) == (20, 500)
    listening = Raw(broker.port, subscribe="many")
    ours = Mqtt(Access((broker.address,)), "ours", ["x"])
    up(ours)
    for payload in numbered(500):
        ours.send("many", payload)
    assert ours._client is not None
    assert ours._client._inflight_messages == IN_FLIGHT < rash.allowed

    def all_there() -> bool:
        ours.poll(0.01)
        for _ in range(50):
            listening.client.loop(0.001)
        return len(listening.heard) >= 500

    wait_for(all_there, LIMIT_S)
    assert listening.heard == numbered(500)


def test_p_what_an_old_connection_still_held_is_not_sent_again_by_the_next(
    brokers: Make, tmp_path: Path
) -> None:
    broker = brokers()
    ours = Mqtt(Access((broker.address,)), "ours", ["x"])
    up(ours)
    broker.kill()
    for payload in numbered(50):
        ours.send("old", payload)
    broker.start()
    listening = Raw(broker.port, subscribe="#")
    up(ours)
    ours.send("new", b"new")
    ours.poll(0.1)
    listening.settle()
    assert listening.heard == [b"new"]


def test_s_shared_subscriptions_lose_with_a_dying_member_and_mix_the_order_so_we_use_none(
    brokers: Make, pairs: Pairs, tmp_path: Path
) -> None:
    broker = brokers("log_type subscribe", f"log_dest file {tmp_path}/subscriptions")
    workers = [Raw(broker.port, f"worker-{n}", subscribe="$share/hub/up") for n in range(2)]
    sender = Raw(broker.port)
    sender.publish("up", *numbered(10))
    assert set(sender.told) == {SUCCESS}
    workers[0].vanish()
    workers[1].settle()
    assert 0 < len(workers[1].heard) < 10, "what lay with the dead one came to nobody"
    pair = pairs(broker)
    pair.hub.start()
    pair.site.start()
    write(pair.site.store, 10)
    pair.same()
    lines = (tmp_path / "subscriptions").read_text().splitlines()
    assert any("v1/s/+/up" in line for line in lines)
    assert [line for line in lines if "$share" in line and "worker" not in line] == []


def test_r_the_broker_tells_of_those_who_were_there_long_ago(brokers: Make, pairs: Pairs) -> None:
    broker = brokers()
    ghost = Raw(broker.port)
    ghost.publish("v1/s/000/st", b"online dead", retain=True)
    late = Raw(broker.port, subscribe="v1/s/000/st")
    late.settle()
    assert late.heard == [b"online dead"], "though nobody is there"
    pair = pairs(broker)
    write(pair.site.store, 10)
    pair.site.start()
    wait_for(lambda: pair.site.peer(HUB).get("reason") == ABSENT, LIMIT_S)
    pair.hub.start()
    pair.same()
    ghost.publish("v1/s/000/st", b"offline dead", retain=True)
    ghost.publish("v1/s/001/st", b"offline beef", retain=True)
    time.sleep(0.5)
    assert pair.site.peer(HUB)["state"] == pair.hub.peer(SITE)["state"] == "connected"
    write(pair.site.store, 10)
    pair.same()
