"""The technician's page: the processes of a box, started and stopped through its supervisor."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.supervisor import Supervisor, Unit
from tests.test_supervisor import SLEEPS, until
from tests.web_pages import Web, open_web


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return open_web(tmp_path)


@pytest.fixture
def supervisor(web: Web) -> Iterator[Supervisor]:
    """Two processes under a real supervisor of this box."""
    units = [Unit(name, [sys.executable, "-c", SLEEPS]) for name in ("sync", "web")]
    supervisor = Supervisor(web.box.places, units, lambda _: None)
    supervisor.claim()
    supervisor.start()
    stopping = threading.Event()
    watch = threading.Thread(target=supervisor.watch, args=(stopping.is_set,))
    watch.start()
    yield supervisor
    stopping.set()
    watch.join()
    supervisor.stop()


def ordered(web: Web) -> list[object]:
    return [event.facts for _, event in web.box.store.read(0, 100_000) if event.kind == "unit.ordered"]


def test_a_technician_sees_and_restarts_a_process_and_the_log_says_who(
    web: Web, supervisor: Supervisor
) -> None:
    visitor = web.visitor("9100")
    assert 'data-test="restart-sync"' in visitor.get("/box").text
    assert 'data-test="stop-web"' not in visitor.get("/box").text
    before = web.box.processes.look()[0]
    assert visitor.ask("/box/unit", {"unit": "sync", "do": "restart"}).json == {"ok": True}
    until(lambda: (now := web.box.processes.look()[0]).state == "running" and now.pid != before.pid)
    assert ordered(web) == [{"unit": "sync", "do": "restart", "by": "9100"}]
    visitor.ask("/box/unit", {"unit": "sync", "do": "stop"})
    until(lambda: web.box.processes.look()[0].state == "stopped")
    assert 'data-test="start-sync"' in visitor.get("/box").text
    state = visitor.get("/box/state").json
    assert state is not None
    assert state["processes"][0]["state"] == "stopped"


@pytest.mark.parametrize(
    "body",
    [{"unit": "web", "do": "stop"}, {"unit": "../x", "do": "start"}, {"unit": "sync", "do": "kill"}, {}],
)
def test_what_is_not_offered_is_refused_and_changes_nothing(
    web: Web, supervisor: Supervisor, body: dict[str, str]
) -> None:
    assert web.visitor("9100").ask("/box/unit", body).status_code == 422
    assert ordered(web) == []
    assert [view.state for view in web.box.processes.look()] == ["running", "running"]


def test_without_a_supervisor_the_page_says_so_and_orders_are_refused(web: Web) -> None:
    web.box.processes._systemctl = None
    assert "systemctl status hotline.target" in web.visitor("9100").get("/box").text
    answer = web.visitor("9100").ask("/box/unit", {"unit": "sync", "do": "restart"})
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["word"] == "no_supervisor"


def test_only_technicians_and_administrators_may(web: Web) -> None:
    for number in ("1001", "1100", "1400"):
        assert web.visitor(number).ask("/box/unit", {"unit": "sync", "do": "stop"}).status_code == 403
