"""The pages and the command by which a site joins: who may, what is shown, what starts anew."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import cli
from appliance.configuration import Site
from appliance.network import codes
from appliance.network.papers import Papers
from appliance.network.register import certificates
from appliance.places import Places
from appliance.store import outbox
from appliance.store.store import Store
from appliance.supervisor import Supervisor, Unit
from tests.network_boxes import hub_pages
from tests.test_network_enrolment import Between, desk, invite, request_of
from tests.test_supervisor import SLEEPS, until
from tests.web_pages import Web, open_web
from web.api.rate import Rate
from web.pages import enrolment as door

TECHNICIAN, AGENT = "9100", "1001"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "MEMORY_KB", 64)
    monkeypatch.setattr(door, "asked", {"address": Rate(10_000), "hub": Rate(10_000)})


@pytest.fixture
def hub(tmp_path: Path) -> Web:
    return hub_pages(tmp_path / "hub")


@pytest.fixture
def between(hub: Web) -> Iterator[Between]:
    wire = Between(hub)
    yield wire
    wire.close()


def shown_code(page: str) -> str:
    return page.split('data-test="code">')[1].split("<")[0]


def test_a_technician_makes_a_code_which_is_shown_once_and_can_be_taken_back(hub: Web) -> None:
    visitor = hub.visitor(TECHNICIAN)
    page = visitor.post("/box/network/code", number="7", name="七站").text
    code = codes.typed(shown_code(page))
    assert f"hotline enrol http://localhost {codes.spaced(code)}" in page
    again = visitor.get("/box/network").text
    assert code[4:8] not in again
    assert f"{code[:4]}-····-····" in again
    visitor.post(f"/box/network/{code[:4]}/withdraw")
    assert desk(hub).answer(request_of(hub, code)) is None
    assert visitor.post(f"/box/network/{code[:4]}/withdraw").status_code == 404


def test_a_new_code_for_a_site_ends_the_one_before(hub: Web) -> None:
    first, second = invite(hub), invite(hub)
    assert desk(hub).answer(request_of(hub, first)) is None
    assert desk(hub).answer(request_of(hub, second)) is not None


@pytest.mark.parametrize(
    ("number", "name", "words"),
    [("0", "x", "1 至 999"), ("1000", "x", "1 至 999"), ("七", "x", "1 至 999"), ("7", " ", "请填写站名")],
)
def test_what_is_no_number_or_name_is_refused_and_stays_in_the_form(
    hub: Web, number: str, name: str, words: str
) -> None:
    answer = hub.visitor(TECHNICIAN).post("/box/network/code", number=number, name=name)
    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{number}"' in answer.text


def test_a_site_is_shut_out_with_a_reason_and_only_once(hub: Web) -> None:
    assert desk(hub).answer(request_of(hub, invite(hub))) is not None
    visitor = hub.visitor(TECHNICIAN)
    assert visitor.post("/box/network/7/revoke", why="").status_code == 422
    assert visitor.post("/box/network/7/revoke", why="设备被盗").headers["Location"] == "/box/network"
    assert "设备被盗" in visitor.get("/box/network").text
    assert visitor.post("/box/network/7/revoke", why="设备被盗").status_code == 404
    last = [event.facts for _, event in hub.box.store.read(0, 10**6) if event.kind == "network.revoked"]
    assert [(facts["site"], facts["by"]) for facts in last] == [(7, TECHNICIAN)]


def test_who_keeps_no_boxes_sees_and_does_none_of_it(hub: Web) -> None:
    visitor = hub.visitor(AGENT)
    assert visitor.get("/box/network").status_code == 403
    for path in ("code", "7/revoke", "AAAA/withdraw", "join"):
        assert visitor.post(f"/box/network/{path}").status_code == 403


def test_a_hub_without_an_authority_says_what_to_run(tmp_path: Path) -> None:
    web = open_web(tmp_path, site=Site(number=0, name="汇总中心", role="hub"))
    visitor = web.visitor(TECHNICIAN, "en")
    assert "hotline broker files" in visitor.get("/box/network").text
    answer = visitor.post("/box/network/code", number="7", name="seven")
    assert answer.status_code == 422
    assert "Run `hotline broker files`" in answer.text


def test_the_hubs_own_pages_join_nothing(hub: Web, between: Between) -> None:
    answer = hub.visitor(TECHNICIAN).post("/box/network/join", hub=between.address, code=invite(hub))
    assert answer.status_code == 422
    assert "本机就是中心" in answer.text


def test_a_site_says_why_it_could_not_join(tmp_path: Path, hub: Web, between: Between) -> None:
    """The demo box has written tickets as site 1."""
    site = open_web(tmp_path / "site").visitor(TECHNICIAN)
    answer = site.post("/box/network/join", hub=between.address, code=invite(hub))
    assert answer.status_code == 422
    assert "请向中心要 1 号站的代码" in answer.text
    assert f'value="{between.address}"' in answer.text
    assert "三组" in site.post("/box/network/join", hub=between.address, code="K7Q2").text


def test_the_command_joins_and_has_the_processes_start_anew(
    tmp_path: Path, hub: Web, between: Between, capsys: pytest.CaptureFixture[str]
) -> None:
    places = Places(tmp_path / "site").make()
    Store(places.database, 1)
    units = [Unit(name, [sys.executable, "-c", SLEEPS]) for name in ("store", "sync", "web")]
    supervisor = Supervisor(places, units, lambda _: None)
    supervisor.claim()
    supervisor.start()
    stopping = threading.Event()
    watch = threading.Thread(target=supervisor.watch, args=(stopping.is_set,))
    watch.start()
    try:
        command = ["--data", str(places.data), "enrol", between.address]
        assert cli.main([*command, "KKKK-KKKK-KKKK"]) == 1
        assert "does not know this code" in capsys.readouterr().err
        assert cli.main([*command, invite(hub)]) == 0
        assert capsys.readouterr().out == "This box is site 7 (七站) of 汇总中心.\n"
        until(lambda: [unit.starts for unit in supervisor.units] == [2, 2, 2])
        assert cli.main([*command, invite(hub)]) == 0
        until(lambda: [unit.starts for unit in supervisor.units] == [2, 3, 3])
    finally:
        stopping.set()
        watch.join()
        supervisor.stop()
    assert Papers(places.network).complete


def test_without_anybody_to_start_processes_the_command_says_what_to_do(
    tmp_path: Path, hub: Web, between: Between, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--data", str(tmp_path / "site"), "enrol", between.address, invite(hub)]) == 0
    assert "systemctl restart hotline.target" in capsys.readouterr().out


def test_a_brokers_files_are_made_at_the_hub_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["broker", "files", "--out", str(tmp_path / "out"), "--name", "10.0.0.1"]
    assert cli.main(["--data", str(tmp_path / "site"), *files]) == 2
    assert "at the hub" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_hub_misses_no_calls_and_its_sign_speaks_of_its_sites(hub: Web) -> None:
    visitor = hub.visitor(TECHNICIAN)
    page = visitor.get("/box").text
    assert 'data-test="calls-down"' not in page
    assert 'data-test="lines"' not in page
    assert visitor.get("/live/now").json["calls_up"] is True  # type: ignore[index]
    assert "暂无分站" in page
    sql = (
        "INSERT INTO peer (name, site, out_seq, acked, state, seen_s, out_epoch, out_chain, out_low,"
        " in_epoch, in_seq, in_chain, incarnation, reason, clock_s, restarts)"
        " VALUES (?, ?, 12, 12, 'connected', ?, 1, x'', 0, 1, 5, x'', '', '', 0, 0)"
    )
    with hub.box.store.transaction():
        for site in (7, 8):
            hub.box.store.execute(sql, f"site-{site:03d}", site, time.time())
    assert "各站：已同步" in visitor.get("/box").text
    with hub.box.store.transaction():
        hub.box.store.execute("UPDATE peer SET acked = 9 WHERE site = 8")
    assert "各站：待传 3 条" in visitor.get("/box").text
    with hub.box.store.transaction():
        hub.box.store.execute("UPDATE peer SET state = 'away' WHERE site = 8")
    assert "各站：2 个中 1 个未连接" in visitor.get("/box").text


def test_a_site_is_called_as_it_was_enrolled_until_the_list_of_sites_says_otherwise(
    hub: Web, tmp_path: Path
) -> None:
    code = invite(hub)
    assert desk(hub).answer(request_of(hub, code)) is not None
    (certified,) = [one for one in certificates(hub.box.store) if one.kind == "box"]
    with hub.box.store.connection():
        outbox.add_peer(hub.box.store, "site-007", certified.site)
    assert f"</span> {certified.name}</h2>" in hub.visitor(TECHNICIAN).get("/sites").text
