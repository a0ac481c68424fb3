"""Boxes with certificates at a real mosquitto with TLS: who is let in, how far, and what others are told."""

import errno
import http.server
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.network import authority, renewal, unreachable
from appliance.network.authority import Authority, key_pem, new_key, signing_request
from appliance.network.papers import Papers
from appliance.network.register import certificates
from appliance.store import outbox
from appliance.store.streams_view import SHUT_OUT, streams
from sync import causes
from sync.access import NO_CERTIFICATE, Access, address, is_here
from sync.bench import MOSQUITTO, RunningBox, wait_for
from sync.membership import LOOK_S
from sync.mqtt import Arrival, Down, Message, Mqtt, Refused, Up
from sync.peer import ABSENT
from tests.network_boxes import TECHNICIAN, Hub, SealedBroker, access, hub, started
from tests.test_sync_broker import HUB, at_least, drained, log, ticket

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(not os.path.exists(MOSQUITTO), reason="mosquitto is not installed"),
]
LIMIT_S = 60.0
YEAR_S = 366 * 86_400.0


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Hub]:
    with hub(tmp_path) as made:
        yield made


class Client:
    """A connection of its own to the broker, polled by hand."""

    def __init__(self, how: Access, *topics: str, presence: str = "") -> None:
        name = f"client-{time.monotonic_ns()}"
        self.wire = Mqtt(how, name, topics or ["v1/s/007/dn"], presence)
        self.heard: list[Arrival] = []

    def until(self, kind: type[Arrival], limit_s: float = 8.0) -> Arrival:
        """Wait for an arrival of a kind."""
        until_s = time.monotonic() + limit_s
        while time.monotonic() < until_s:
            self.heard += self.wire.poll(0.05)
            if found := [one for one in self.heard if isinstance(one, kind)]:
                return found[0]
        raise AssertionError(f"no {kind.__name__}, but {self.heard}")


def why(how: Access) -> str:
    """The sentence a box shows that cannot use its broker."""
    client = Client(how)
    down = client.until(Down)
    assert isinstance(down, Down)
    assert not client.wire.is_up
    return down.reason.split("\t")[0]


def test_what_a_site_writes_reaches_the_hub_sealed(here: Hub) -> None:
    site, centre = here.box("site", 7), here.running()
    with started(centre, site):
        site.store.record(ticket(site.store))
        wait_for(lambda: at_least(site, 1) and drained(site, HUB) and site.peer(HUB)["acked"] == 1, LIMIT_S)
        assert [row[0] for row in log(site)] == [row[0] for row in log(centre)][-1:]  # type: ignore[index]
        assert centre.peer("site-007")["state"] == "connected"
        site.end(signal.SIGKILL)
        wait_for(lambda: centre.peer("site-007")["state"] == "away", 10)
        assert centre.peer("site-007")["reason"] == ABSENT, "the broker told the hub"
    assert "u'007'" in here.broker.log.read_text(), "the broker knows it by its certificate"


def test_a_site_can_write_and_hear_only_what_is_its_own(here: Hub, tmp_path: Path) -> None:
    seven = access(here.papers(tmp_path / "7", 7), here.broker.address)
    eight = access(here.papers(tmp_path / "8", 8), here.broker.address)
    centre = access(Papers(here.places.network), here.broker.address)
    spy = Client(seven, "v1/s/#", "#")
    victim, listening = Client(eight, "v1/s/008/dn"), Client(centre, "v1/s/+/up", "v1/s/+/bup", "v1/s/+/st")
    for client in (spy, victim, listening):
        client.until(Up)
    for topic in ("v1/s/008/up", "v1/s/008/st", "v1/s/000/st", "v1/s/007/dn", "v1/s/008/dn", "x"):
        spy.wire.send(topic, b"forged")
        refused = spy.until(Refused)
        assert isinstance(refused, Refused)
        assert refused.reason.startswith(causes.NOT_ITS_TOPIC + f"\t{topic}")
        spy.heard.clear()
    victim.wire.send("v1/s/008/up", b"secret of 8")
    victim.wire.send("v1/s/008/bup", b"recording of 8")
    listening.wire.send("v1/s/008/dn", b"for 8 only")
    listening.wire.send("v1/s/007/dn", b"for 7")
    assert victim.until(Message) == Message("v1/s/008/dn", b"for 8 only")
    listening.wire.send("v1/s/000/st", b"online 1")
    for _ in range(10):
        for client in (spy, victim, listening):
            client.heard += client.wire.poll(0.05)
    assert {one.topic for one in spy.heard if isinstance(one, Message)} == {"v1/s/007/dn", "v1/s/000/st"}
    assert {one.payload for one in listening.heard if isinstance(one, Message)} - {b"online 1"} == {
        b"secret of 8",
        b"recording of 8",
    }


def test_a_box_with_another_sites_certificate_gets_nothing_through_and_says_why(here: Hub) -> None:
    thief, centre = RunningBox(here.folder / "thief", 8, [here.broker.address]), here.running()
    here.papers(thief.where.network, 7)
    with started(centre, thief):
        outbox.add_peer(thief.store, HUB, 0)
        thief.store.record(ticket(thief.store))
        wait_for(lambda: causes.NOT_ITS_TOPIC in str(thief.peer(HUB).get("reason")), LIMIT_S)
        assert thief.peer(HUB)["state"] == "away"
        assert centre.peer("site-008") == {}


def test_a_broker_of_another_hub_is_not_believed(here: Hub, tmp_path: Path) -> None:
    papers = here.papers(tmp_path / "7", 7)
    other = Authority(tmp_path / "other")
    other.make(time.time())
    papers.ca.write_bytes(other.certificate)
    assert why(access(papers, here.broker.address)) == causes.FOREIGN_BROKER


def test_a_broker_at_another_address_than_its_certificate_says_is_not_believed(
    here: Hub, tmp_path: Path
) -> None:
    elsewhere = SealedBroker(tmp_path / "elsewhere", here.authority, ["broker.example"])
    try:
        how = access(here.papers(tmp_path / "7", 7), elsewhere.address)
        assert why(how) == causes.OTHER_NAME
    finally:
        elsewhere.kill()


def test_a_sites_certificate_makes_no_broker(here: Hub, tmp_path: Path) -> None:
    papers = here.papers(tmp_path / "7", 7)
    false = SealedBroker(tmp_path / "false", here.authority)
    false.kill()
    (false.folder / "broker.pem").write_bytes(papers.certificate.read_bytes())
    (false.folder / "broker.key").write_bytes(papers.key.read_bytes())
    false.start()
    try:
        assert why(access(papers, false.address)) == causes.FOREIGN_BROKER
    finally:
        false.kill()


def test_a_certificate_of_another_hub_is_refused_by_the_broker(here: Hub, tmp_path: Path) -> None:
    other, key, papers = Authority(tmp_path / "other"), new_key(), Papers(tmp_path / "7")
    other.make(time.time())
    issued = other.box(7, signing_request(key), time.time())
    papers.keep(here.authority.certificate, issued.certificate, key_pem(key))
    assert why(access(papers, here.broker.address)) in (causes.FOREIGN_BOX, causes.HUNG_UP)


def test_a_certificate_that_ended_is_refused_and_the_box_says_so(
    here: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = RunningBox(here.folder / "old", 7, [here.broker.address])
    monkeypatch.setattr(authority, "BOX_DAYS", 0)
    here.papers(site.where.network, 7)
    with started(site):
        wait_for(lambda: causes.EXPIRED in str(site.peer(HUB).get("reason")), LIMIT_S)


def test_a_site_that_was_shut_out_is_cut_off_at_the_hub_at_once_and_at_the_broker_too(here: Hub) -> None:
    site, other, centre = here.box("seven", 7), here.box("eight", 8), here.running()
    with started(centre, site, other):
        for box in (site, other):
            outbox.add_peer(box.store, HUB, 0)
            wait_for(lambda box=box: box.peer(HUB).get("state") == "connected", LIMIT_S)  # type: ignore[misc]
        here.enrolment.revoke(TECHNICIAN, 7, "stolen")
        time.sleep(LOOK_S + 0.2)
        (kept,) = site.store.record(ticket(site.store))
        other.store.record(ticket(other.store))
        wait_for(lambda: drained(other, HUB), LIMIT_S)
        assert site.peer(HUB)["acked"] == 0
        assert not centre.store.rows("SELECT 1 FROM event WHERE eid = ?", kept.eid)
        views = {view.site: view for view in streams(centre.store, time.time())}
        assert (views[7].state, views[7].reason) == ("away", SHUT_OUT)
        assert views[8].state == "connected"
        here.broker.reload(here.authority.crl)
        site.end()
        site.start()
        wait_for(lambda: causes.REVOKED in str(site.peer(HUB)["reason"]), LIMIT_S)
        assert other.peer(HUB)["state"] == "connected"


def test_a_certificate_is_renewed_over_the_link_when_half_its_time_is_over(
    here: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, centre = RunningBox(here.folder / "seven", 7, [here.broker.address]), here.running()
    with monkeypatch.context() as short:
        short.setattr(authority, "BOX_DAYS", 1)
        papers = here.papers(site.where.network, 7, now_s=time.time() - 1800)
    before = papers.key.read_bytes()
    assert renewal.due(papers, time.time())
    with started(centre, site):
        wait_for(lambda: renewal.ends_s(papers) > time.time() + YEAR_S, LIMIT_S)
        assert [one.by for one in certificates(here.store) if one.site == 7] == ["renewal", "test"]
        site.end()
        site.start()
        site.store.record(ticket(site.store))
        wait_for(lambda: drained(site, HUB) and site.peer(HUB)["acked"] == 1, LIMIT_S)
    assert papers.key.read_bytes() != before


def test_a_box_without_a_certificate_speaks_to_no_other_machine() -> None:
    assert why(Access(("192.0.2.1:1883",))) == NO_CERTIFICATE


def test_a_broker_without_tls_and_files_that_are_none_are_told_as_such(here: Hub, tmp_path: Path) -> None:
    papers = here.papers(tmp_path / "7", 7)
    with socket.create_server(("127.0.0.1", 0)) as plain:
        threading.Thread(target=_speak_no_tls, args=(plain,), daemon=True).start()
        assert why(access(papers, f"127.0.0.1:{plain.getsockname()[1]}")) == unreachable.NOT_SEALED
    papers.key.write_bytes(b"torn")
    assert why(access(papers, here.broker.address)) == causes.BAD_FILES
    papers.key.unlink()
    assert why(access(papers, here.broker.address)) == causes.BAD_FILES


def _speak_no_tls(server: socket.socket) -> None:
    wire, _ = server.accept()
    wire.recv(100)
    wire.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
    wire.close()


def test_the_next_broker_is_used_when_one_dies_and_the_first_again_later(here: Hub, tmp_path: Path) -> None:
    second = SealedBroker(tmp_path / "second", here.authority)
    try:
        how = access(here.papers(tmp_path / "7", 7), here.broker.address, second.address)
        client = Client(how)
        assert client.until(Up) == Up(here.broker.address)
        client.heard.clear()
        here.broker.kill()
        assert client.until(Up) == Up(second.address)
        client.heard.clear()
        here.broker.start()
        second.kill()
        assert client.until(Up) == Up(here.broker.address)
    finally:
        second.kill()


def test_a_broker_fetches_the_list_of_revoked_certificates_only_from_its_hub_and_never_an_older_one(
    here: Hub, tmp_path: Path
) -> None:
    served = tmp_path / "served"
    (served / "enrol").mkdir(parents=True)

    def handler(*arguments: object) -> http.server.SimpleHTTPRequestHandler:
        return http.server.SimpleHTTPRequestHandler(*arguments, directory=str(served))  # type: ignore[arg-type]

    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=pages.serve_forever, args=(0.02,), daemon=True).start()

    def fetch(content: bytes) -> int:
        (served / "enrol" / "crl.pem").write_bytes(content)
        environment = {
            **os.environ,
            "HOTLINE_HUB": f"http://127.0.0.1:{pages.server_port}",
            "HOTLINE_RELOAD": f"touch {tmp_path}/reloaded",
        }
        run = subprocess.run(["sh", str(here.broker.folder / "fetch-crl.sh")], env=environment, check=False)
        return run.returncode

    listed, reloaded = here.broker.folder / "crl.pem", tmp_path / "reloaded"
    old = listed.read_bytes()
    assert fetch(old) == 0
    assert not reloaded.exists()
    here.papers(tmp_path / "7", 7)
    here.enrolment.revoke(TECHNICIAN, 7, "lost")
    fresh = here.authority.crl.read_bytes()
    other = Authority(tmp_path / "other")
    other.make(time.time())
    for wrong in (other.crl.read_bytes(), b"", fresh[:-80] + fresh[-79:]):
        assert fetch(wrong) != 0
        assert listed.read_bytes() == old
    assert fetch(fresh) == 0
    assert listed.read_bytes() == fresh
    assert reloaded.exists()
    assert fetch(old) != 0
    assert listed.read_bytes() == fresh
    assert sorted(f.name for f in here.broker.folder.glob("*.fresh")) == []
    pages.shutdown()
    pages.server_close()


@pytest.mark.parametrize(
    ("broker", "sealed", "expected"),
    [
        ("10.0.0.1", True, ("10.0.0.1", 8883)),
        ("10.0.0.1", False, ("10.0.0.1", 1883)),
        ("hub.example:9", True, ("hub.example", 9)),
        ("[fd00::1]:9", True, ("fd00::1", 9)),
        ("[fd00::1]", True, ("fd00::1", 8883)),
        ("fd00::1", False, ("fd00::1", 1883)),
    ],
)
def test_addresses_are_read(broker: str, sealed: bool, expected: tuple[str, int]) -> None:
    assert address(broker, sealed) == expected


def test_only_this_machine_counts_as_here() -> None:
    assert [is_here(h) for h in ("127.0.0.9", "::1", "localhost", "10.0.0.1", "hub")] == [True] * 3 + [
        False
    ] * 2


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), unreachable.NOBODY_LISTENS),
        (TimeoutError("timed out"), unreachable.NO_ANSWER),
        (socket.gaierror(-2, "Name or service not known"), unreachable.UNKNOWN_NAME),
        (OSError(errno.EHOSTUNREACH, "No route to host"), unreachable.NO_WAY),
        (OSError(errno.EIO, "Input/output error"), causes.NO_BROKER),
    ],
)
def test_a_broker_that_is_not_reached_is_told_with_what_to_look_at(error: OSError, sentence: str) -> None:
    assert causes.of_error(error) == sentence
