"""A site joins by a code, both sides prove to know it, and nobody between them can change a word."""

import contextlib
import http.server
import socket
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from appliance.configuration import Configuration, Sync, parse
from appliance.events import Event, Fact
from appliance.network import asking, codes, joining, settings_file, unreachable
from appliance.network.authority import Authority, new_key, signing_request
from appliance.network.codes import ALPHABET, Answer, Greeting, Request, Sealed, key_of, site_proof, typed
from appliance.network.enrolment import CODE_S, TRIES, Enrolment
from appliance.network.papers import Papers
from appliance.network.register import certificates
from appliance.places import Places
from appliance.refused import Refused
from appliance.store.store import Store
from tests.network_boxes import BROKERS, TECHNICIAN, hub_pages
from tests.web_pages import Web, open_web
from web.api.rate import Rate
from web.pages import enrolment as door

SETTINGS = """\
# 本站设置
[site]
number = 1   # 由中心分配
name = "一站"

[web]
port = 8020
"""
Change = Callable[[str, int, bytes], tuple[int, bytes]]


class Between:
    """The network between a site and its hub's pages: it may read, change and lose what passes."""

    def __init__(self, web: Web) -> None:
        self.asking: Callable[[str, bytes], bytes] = lambda path, body: body
        self.answering: Change = lambda path, status, body: (status, body)
        self.lost = 0
        """How many answers get lost."""
        self.passed: list[str] = []
        here = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name http.server asks for
                body = self.rfile.read(int(self.headers["Content-Length"]))
                here.passed.append(self.path)
                told = web.app.test_client().post(self.path, data=here.asking(self.path, body))
                status, body = here.answering(self.path, told.status_code, told.data)
                if here.lost and self.path.endswith("request"):
                    here.lost -= 1
                    self.connection.close()
                    return
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Cut it."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Web:
    """The pages of a hub that has an authority."""
    monkeypatch.setattr(door, "asked", {"address": Rate(10_000), "hub": Rate(10_000)})
    monkeypatch.setattr(codes, "MEMORY_KB", 64)
    return hub_pages(tmp_path / "hub")


@pytest.fixture
def between(hub: Web) -> Iterator[Between]:
    wire = Between(hub)
    yield wire
    wire.close()


class NewSite:
    """A box that has not joined yet."""

    def __init__(self, folder: Path) -> None:
        self.places = Places(folder).make()
        self.places.settings.write_text(SETTINGS, "utf-8")
        self.store = Store(self.places.database, 1, bind=False)
        self.clock: Callable[[], float] = time.time

    def join(self, hub: str, code: str) -> joining.Joined:
        configuration = parse(self.places.settings.read_text("utf-8"), "hotline.toml")
        return joining.join(self.places, configuration, self.store, TECHNICIAN, hub, code, self.clock)

    def refused(self, hub: str, code: str) -> Refused:
        """Try to join and be refused; nothing of it may stay."""
        with pytest.raises(Refused) as refused:
            self.join(hub, code)
        assert not Papers(self.places.network).folder.exists()
        assert self.places.settings.read_text("utf-8") == SETTINGS
        return refused.value


@pytest.fixture
def site(tmp_path: Path) -> NewSite:
    return NewSite(tmp_path / "site")


def desk(hub: Web) -> Enrolment:
    """What the hub's pages work with."""
    return Enrolment(hub.box.store, Authority(hub.box.places.authority), BROKERS, "汇总中心")


def invite(hub: Web, number: int = 7) -> str:
    return desk(hub).invite(TECHNICIAN, number, "七站")


def test_a_site_that_joined_has_number_certificate_and_brokers_and_its_other_settings(
    hub: Web, between: Between, site: NewSite
) -> None:
    joined = site.join(between.address, invite(hub).lower())
    assert (joined.site, joined.name, joined.hub, joined.brokers) == (7, "七站", "汇总中心", BROKERS)
    assert joined.renumbered
    text = site.places.settings.read_text("utf-8")
    there = tomllib.loads(text)
    assert there["site"] == {"number": 7, "name": "一站"}
    assert there["sync"] == {"brokers": list(BROKERS), "plain": False}
    assert "# 本站设置\n" in text
    assert "[web]\nport = 8020\n" in text
    papers = Papers(site.places.network)
    mine = x509.load_pem_x509_certificate(papers.certificate.read_bytes())
    assert mine.subject.rfc4514_string() == "CN=007,O=Hotline Box"
    assert papers.key.stat().st_mode & 0o777 == 0o600
    assert papers.folder.stat().st_mode & 0o777 == 0o700
    assert [(one.site, one.by) for one in certificates(hub.box.store)] == [(7, TECHNICIAN.number)]
    assert [e.kind for _, e in hub.box.store.read(0, 10**6) if e.kind.startswith("network.")] == [
        "network.invited",
        "network.certified",
    ]


def test_a_code_serves_one_box_once(hub: Web, between: Between, site: NewSite, tmp_path: Path) -> None:
    code = invite(hub)
    site.join(between.address, code)
    assert NewSite(tmp_path / "second").refused(between.address, code).word == "wrong_code"


def test_an_answer_that_got_lost_is_given_again_and_no_second_certificate_made(
    hub: Web, between: Between, site: NewSite
) -> None:
    between.lost = 2
    assert site.join(between.address, invite(hub)).site == 7
    assert len(certificates(hub.box.store)) == 1


def test_who_puts_another_authority_in_between_learns_and_gets_nothing(
    hub: Web, between: Between, site: NewSite, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    other.make(time.time())

    def swap(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if path.endswith("hello"):
            told = msgspec.json.decode(body, type=Greeting)
            body = msgspec.json.encode(msgspec.structs.replace(told, ca=other.certificate.decode()))
        return status, body

    between.answering = swap
    assert site.refused(between.address, invite(hub)).word == "wrong_code"
    assert certificates(hub.box.store) == []


def test_a_false_hub_that_does_not_know_the_code_is_found_out(
    hub: Web, between: Between, site: NewSite
) -> None:
    false = Answer(site=7, certificate="", brokers=("evil:8883",))
    sealed = msgspec.json.encode(Sealed(msgspec.json.encode(false), bytes(32)))
    between.answering = lambda path, status, body: (200, sealed) if "request" in path else (status, body)
    assert site.refused(between.address, invite(hub)).word == "not_the_hub"


@pytest.mark.parametrize("what", ["site", "brokers", "certificate", "proof"])
def test_nothing_of_the_answer_can_be_changed_on_the_way(
    hub: Web, between: Between, site: NewSite, what: str
) -> None:
    def change(path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if not path.endswith("request"):
            return status, body
        sealed = msgspec.json.decode(body, type=Sealed)
        answer = msgspec.json.decode(sealed.answer, type=Answer)
        others = {"site": 8, "brokers": ("evil:8883",), "certificate": answer.certificate.lower()}
        if what == "proof":
            return status, msgspec.json.encode(Sealed(sealed.answer, bytes(len(sealed.proof))))
        answer = msgspec.structs.replace(answer, **{what: others[what]})
        return status, msgspec.json.encode(Sealed(msgspec.json.encode(answer), sealed.proof))

    between.answering = change
    assert site.refused(between.address, invite(hub)).word == "not_the_hub"


def test_the_key_asked_for_cannot_be_exchanged_on_the_way(hub: Web, between: Between, site: NewSite) -> None:
    def exchange(path: str, body: bytes) -> bytes:
        if not path.endswith("request"):
            return body
        wanted = msgspec.json.decode(body, type=Request)
        return msgspec.json.encode(msgspec.structs.replace(wanted, csr=signing_request(new_key())))

    between.asking = exchange
    assert site.refused(between.address, invite(hub)).word == "wrong_code"
    assert certificates(hub.box.store) == []


@pytest.mark.parametrize(
    "away_s",
    [
        61.0,
        -61.0,
        pytest.param(-time.time(), id="in 1970"),
        pytest.param(2_540_000_000 - time.time(), id="in 2050"),
    ],
)
def test_a_site_whose_clock_is_wrong_is_refused_with_both_times_and_the_code_still_counts(
    hub: Web, between: Between, site: NewSite, away_s: float
) -> None:
    code = invite(hub)
    site.clock = lambda: time.time() + away_s
    refused = site.refused(between.address, code)
    assert refused.word == "clock"
    assert refused.values["here"] != refused.values["there"]
    assert str(refused.values["there"]).startswith(time.strftime("%Y-"))
    assert "timedatectl" in str(refused)
    assert between.passed == ["/enrol/hello"]
    site.clock = time.time
    assert site.join(between.address, code).site == 7


def test_the_hub_looks_at_the_sites_clock_too(hub: Web) -> None:
    asks = request_of(hub, invite(hub), at_ms=int((time.time() - 3600) * 1000))
    sealed = desk(hub).answer(asks)
    assert sealed is not None
    assert msgspec.json.decode(sealed.answer, type=Answer).refused == "clock"
    assert certificates(hub.box.store) == []


def test_a_hub_whose_clock_stands_in_1970_certifies_nobody(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="1970-01-01"):
        Authority(tmp_path).make(0.0)


def test_a_box_that_wrote_as_another_site_keeps_its_number(hub: Web, between: Between, site: NewSite) -> None:
    site.store.record(Fact("ticket.created", {"number": "1", "source": "web", "fields": {}}))
    code = invite(hub)
    refused = site.refused(between.address, code)
    assert (refused.word, refused.values) == ("number", {"mine": 1, "wanted": 7})
    assert site.join(between.address, invite(hub, 1)).renumbered is False


def test_a_box_that_takes_the_place_of_another_shuts_the_old_one_out(
    hub: Web, between: Between, site: NewSite, tmp_path: Path
) -> None:
    site.join(between.address, invite(hub))
    NewSite(tmp_path / "new").join(between.address, invite(hub))
    new, old = certificates(hub.box.store)
    assert (new.state(time.time()), old.state(time.time()), old.why) == ("good", "revoked", "replaced")
    crl = x509.load_pem_x509_crl(Authority(hub.box.places.authority).crl.read_bytes())
    assert [f"{one.serial_number:x}" for one in crl] == [old.serial]


def request_of(hub: Web, code: str, secret: str = "", at_ms: int | None = None) -> Request:
    """What a site would ask with this code; with another secret part it proves nothing."""
    ca = x509.load_pem_x509_certificate(Authority(hub.box.places.authority).certificate)
    asks = Request(
        handle=code[:4],
        nonce=bytes(16),
        csr=signing_request(new_key()),
        site=7,
        wrote=False,
        at_ms=int(time.time() * 1000) if at_ms is None else at_ms,
    )
    shown = ca.public_bytes(Encoding.DER)
    key = key_of(code[:4] + (secret or code[4:]))
    return msgspec.structs.replace(asks, proof=site_proof(key, shown, asks))


def test_whoever_proves_nothing_hears_the_same_whatever_the_reason(
    hub: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, withdrawn, old, live = (invite(hub, number) for number in (1, 2, 3, 4))
    with hub.box.store.transaction():
        hub.box.store.execute(
            "UPDATE invitation SET until_s = ? WHERE handle = ?", time.time() - CODE_S, old[:4]
        )
    desk(hub).withdraw(TECHNICIAN, withdrawn[:4])
    assert desk(hub).answer(request_of(hub, used)) is not None
    asks = [request_of(hub, code) for code in (used, withdrawn, old, "ZZZZ" + live[4:])]
    asks.append(request_of(hub, live, "22222222"))
    told = [hub.app.test_client().post("/enrol/request", data=msgspec.json.encode(one)) for one in asks]
    assert {(one.status_code, one.data) for one in told} == {(403, told[0].data)}
    assert desk(hub).answer(request_of(hub, live)) is not None, "one wrong try spoils nothing"


def test_a_code_that_is_guessed_at_counts_no_more(hub: Web) -> None:
    code = invite(hub)
    for _ in range(TRIES):
        assert desk(hub).answer(request_of(hub, code, "22222222")) is None
    assert desk(hub).answer(request_of(hub, code)) is None
    assert desk(hub).invited() == []


def test_a_hub_is_not_asked_too_often(hub: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "asked", {"address": Rate(5), "hub": Rate(100)})
    client = hub.app.test_client()
    assert [client.post("/enrol/hello").status_code for _ in range(7)] == [200] * 5 + [429] * 2


def test_a_box_that_is_no_hub_answers_nobody(tmp_path: Path) -> None:
    client = open_web(tmp_path).app.test_client()
    assert client.post("/enrol/hello").status_code == 404
    assert client.post("/enrol/request", data=b"{}").status_code in (400, 404)
    assert client.get("/enrol/crl.pem").status_code == 404


@pytest.mark.parametrize("hostile", [b"", b"{}", b"[" * 9999, b"\xff" * 20_000, b'{"handle": 1}'])
def test_hostile_requests_are_refused_and_nothing_breaks(hub: Web, hostile: bytes) -> None:
    assert hub.app.test_client().post("/enrol/request", data=hostile).status_code == 400


def test_an_address_where_no_hub_is_is_told_as_such(site: NewSite, between: Between, hub: Web) -> None:
    code = invite(hub)
    assert site.refused("ftp://hub", code).word == "bad_address"
    assert site.refused("http://hub:99999", code).word == "bad_address"
    between.answering = lambda path, status, body: (200, b"<html>")
    assert site.refused(between.address, code).word == "no_hub"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("127.0.0.1:1", unreachable.NOBODY_LISTENS),
        ("no-such-hub.invalid", unreachable.UNKNOWN_NAME),
        ("hub..example", unreachable.UNKNOWN_NAME),
    ],
)
def test_a_hub_that_is_not_reached_is_told_with_what_to_look_at(
    site: NewSite, hub: Web, address: str, sentence: str
) -> None:
    refused = site.refused(address, invite(hub))
    assert (refused.word, str(refused)) == ("no_answer", sentence)


def test_a_hub_that_says_nothing_or_hangs_up_or_speaks_no_tls_is_told_as_such(
    site: NewSite, hub: Web, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = invite(hub)
    assert str(site.refused(f"https://{between.address}", code)) == unreachable.NOT_SEALED
    monkeypatch.setattr(asking, "WAIT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert str(site.refused(f"127.0.0.1:{mute.getsockname()[1]}", code)) == unreachable.NO_ANSWER
    between.lost = 9
    assert str(site.refused(between.address, code)) == asking.NO_HUB_THERE


def test_what_other_boxes_say_of_certificates_counts_nothing(hub: Web) -> None:
    store = hub.box.store
    assert desk(hub).answer(request_of(hub, invite(hub))) is not None
    (mine,) = certificates(hub.box.store)
    body = msgspec.json.encode({"serial": mine.serial, "site": 7, "why": "x", "by": "x"})
    forged = Event(store.stamp.eid(), b"", "network.revoked", 1, body)
    store.take([forged], via="site-007")
    assert certificates(hub.box.store) == [mine]
    store.rebuild()
    assert certificates(hub.box.store) == [mine]


@given(st.lists(st.sampled_from(ALPHABET), min_size=12, max_size=12), st.data())
def test_a_code_is_read_however_people_type_it(letters: list[str], data: st.DataObject) -> None:
    wide = str.maketrans({c: chr(ord(c) + 0xFEE0) for c in ALPHABET + ALPHABET.lower()})
    shown = "".join(
        data.draw(st.sampled_from([c, c.lower(), c.translate(wide)]))
        + data.draw(st.sampled_from(["", " ", "-", "—", "　"]))
        for c in letters
    )
    assert typed(shown) == "".join(letters)


@given(st.text(max_size=40))
def test_any_text_is_a_code_or_refused(text: str) -> None:
    with contextlib.suppress(Refused):
        assert set(typed(text)) <= set(ALPHABET)


LINES = st.sampled_from(
    ["", "# 说明", "[web]", "port = 8020", "[sync]", 'brokers = ["a:1",', '  "b:2"]', "plain = true"]
)


@given(st.lists(LINES, max_size=9), st.integers(1, 999))
def test_changing_settings_keeps_every_other_line_or_refuses(lines: list[str], number: int) -> None:
    before = "\n".join(lines)
    wanted: dict[tuple[str, str], settings_file.Value] = {
        ("site", "number"): number,
        ("sync", "brokers"): BROKERS,
        ("sync", "plain"): False,
    }
    try:
        after = settings_file.changed(before, wanted, "hotline.toml")
    except Refused:
        return
    new = msgspec.convert(tomllib.loads(after), Configuration)
    old = msgspec.convert(tomllib.loads(before), Configuration)
    assert (new.site.number, new.sync) == (number, Sync(brokers=BROKERS))
    assert new.web == old.web
    assert [line for line in after.splitlines() if line.startswith(("#", "[web", "port"))] == [
        line for line in lines if line.startswith(("#", "[web", "port"))
    ]
