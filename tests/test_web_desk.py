"""The agent's desk: orders to the call process, drafts, and filing tickets."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.calls import wire
from appliance.calls.control import Control
from appliance.events import Fact
from appliance.refused import Refused
from tests.web_pages import Web, open_web
from web.shown import CALL_REASONS

FORM = {
    "kind": "repair",
    "title": "路灯不亮",
    "content": "解放路 88 号门前路灯不亮",
    "category": "",
    "urgency": "normal",
    "phone": "10000000005",
    "citizen": "钱先生",
    "confidential": False,
}
CALLER = "10000000005"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def leaf(web: Web) -> tuple[str, str]:
    """A category that has a unit, and the unit."""
    code, unit = web.box.store.rows("SELECT code, unit FROM category WHERE unit <> '' ORDER BY code LIMIT 1")[
        0
    ]
    return code, unit


def test_a_draft_comes_back_after_a_reload(web: Web) -> None:
    desk = web.visitor("1001")
    assert (
        desk.ask("/desk/drafts/ticket:new:ab12", {"title": "路灯", "confidential": True}, "PUT").status_code
        == 200
    )
    assert desk.get("/desk/drafts/ticket:new:ab12").json == {"draft": {"title": "路灯", "confidential": True}}
    assert {"form": "ticket:new:ab12", "title": "路灯", "phone": ""} in desk.get("/desk/drafts").json[
        "drafts"
    ]  # type: ignore[index]  # the page answers


def test_a_draft_is_its_writers_alone(web: Web) -> None:
    web.visitor("1001").ask("/desk/drafts/ticket:new", {"title": "mine"}, "PUT")
    assert web.visitor("1002").get("/desk/drafts/ticket:new").json == {"draft": None}


def test_a_draft_that_only_names_the_caller_is_not_listed(web: Web) -> None:
    desk = web.visitor("1003")
    desk.ask("/desk/drafts/ticket:new:cd", {"phone": CALLER, "call": "cd"}, "PUT")
    assert desk.get("/desk/drafts").json == {"drafts": []}


def test_a_dropped_draft_is_gone(web: Web) -> None:
    desk = web.visitor("1004")
    desk.ask("/desk/drafts/ticket:new", {"title": "x"}, "PUT")
    desk.ask("/desk/drafts/ticket:new", {}, "DELETE")
    assert desk.get("/desk/drafts/ticket:new").json == {"draft": None}


@pytest.mark.parametrize("form", ["other", "ticket:new:../../etc", "ticket:new:" + "a" * 65])
def test_drafts_have_names_of_forms_only(web: Web, form: str) -> None:
    assert web.visitor("1001").ask(f"/desk/drafts/{form}", {"title": "x"}, "PUT").status_code in (400, 404)


def test_a_draft_has_a_limit(web: Web) -> None:
    assert (
        web.visitor("1001").ask("/desk/drafts/ticket:new", {"content": "字" * 30_000}, "PUT").status_code
        == 422
    )


def test_a_registered_ticket_waits_for_acceptance(web: Web) -> None:
    answer = web.visitor("1001").ask("/desk/file", {**FORM, "then": "save"})
    ticket = web.box.tickets.find(answer.json["number"])  # type: ignore[index]  # the page answers
    assert ticket is not None
    assert (ticket.state, ticket.title, ticket.created_by) == ("REGISTERED", "路灯不亮", "1001")


def test_an_agent_accepts_and_a_shift_leader_dispatches_in_one_go(web: Web) -> None:
    category, unit = leaf(web)
    form = {**FORM, "category": category, "unit": unit, "then": "dispatch"}
    for number, state in (("1001", "ACCEPTED"), ("1100", "DISPATCHED")):
        answer = web.visitor(number).ask("/desk/file", form)
        ticket = web.box.tickets.find(answer.json["number"])  # type: ignore[index]  # the page answers
        assert ticket is not None
        assert (ticket.state, ticket.unit) == (state, unit)


def test_an_answer_on_the_line_closes_the_matter(web: Web) -> None:
    answer = web.visitor("1001").ask("/desk/file", {**FORM, "then": "answer", "answer": "已告知办理时间"})
    ticket = web.box.tickets.find(answer.json["number"])  # type: ignore[index]  # the page answers
    assert ticket is not None
    assert (ticket.state, ticket.answer) == ("CALLBACK_NA", "已告知办理时间")


def test_a_ticket_is_bound_to_its_call(web: Web) -> None:
    facts = {"line": "sip/0", "caller": CALLER, "called": "12345"}
    (call,) = web.box.store.record(Fact("call.ringing", facts))
    web.visitor("1001").ask("/desk/file", {**FORM, "then": "save", "call": call.eid.hex()})
    assert [t.title for t in web.box.tickets.by_call(call.eid)] == ["路灯不亮"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": ""}, "kind"),
        ({"title": " "}, "title"),
        ({"content": ""}, "content"),
        ({"then": "dispatch"}, "category"),
        ({"then": "answer", "answer": ""}, "answer"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_filed(web: Web, changes: dict[str, str], field: str) -> None:
    before = web.box.tickets.lists().total
    answer = web.visitor("1001").ask("/desk/file", {**FORM, "then": "save", **changes})
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["fields"] == {field: True}
    assert answer.json["sentence"].startswith("请填写“")
    assert web.box.tickets.lists().total == before


def test_the_caller_is_known_by_earlier_tickets_and_calls(web: Web) -> None:
    known = web.visitor("1001").get(f"/desk/caller/{CALLER}").json
    assert known is not None
    assert known["citizen"] == "钱先生"
    assert known["tickets"][0]["url"].startswith("/tickets/")
    assert known["calls"]


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text(max_size=3), max_size=2)
)
names = st.sampled_from([*FORM, "then", "call", "unit", "answer", "area", "address", "state", "tid"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.dictionaries(names, anything, max_size=12),
    then=st.sampled_from(["save", "dispatch", "answer", "x"]),
)
def test_any_hostile_form_is_refused_with_a_sentence(web: Web, body: dict[str, Any], then: str) -> None:
    answer = web.visitor("1001").ask("/desk/file", {**FORM, **body, "then": then})
    assert answer.status_code in (200, 400, 422)
    assert answer.json is not None
    assert answer.json.get("number") or answer.json["sentence"]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(anything, st.dictionaries(st.text(max_size=8), anything, max_size=4)))
def test_any_hostile_order_is_refused(web: Web, body: Any) -> None:
    desk = web.visitor("1001")
    for path in ("/desk/order", "/desk/shift", "/desk/sound", "/phone/dial", "/phone/key"):
        assert desk.ask(path, body).status_code in (400, 422, 503), path


class CallProcess:
    """The call process's own socket server in a thread, with seats as simple as can be."""

    def __init__(self, path: Path) -> None:
        self.orders: list[wire.Order] = []
        self.seats: dict[str, wire.Seat] = {}
        self.loop = asyncio.new_event_loop()
        self.control = Control(path, self.carry_out, self.board)
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.run(self.control.start)

    def run(self, what: Callable[[], Any]) -> None:
        asyncio.run_coroutine_threadsafe(what(), self.loop).result(5)

    def carry_out(self, order: wire.Order) -> dict[str, Any]:
        self.orders.append(order)
        if isinstance(order, wire.SignIn):
            seat = wire.Seat(order.agent, "王晓燕", order.extension, "paused", 0.0)
            self.seats[order.agent] = seat
            self.control.tell(wire.SeatNotice(seat))
        if isinstance(order, wire.Answer):
            raise Refused("no_offer")
        return {"token": "abc", "port": 8011} if isinstance(order, wire.SoundToken) else {}

    def board(self) -> wire.Board:
        return wire.Board(list(self.seats.values()), [], [], [], 0, wire.MediaView())

    def end(self) -> None:
        self.run(self.control.stop)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)


@pytest.fixture
def calls(web: Web) -> Iterator[CallProcess]:
    came, went = threading.Event(), threading.Event()

    def told(name: str, data: dict[str, Any]) -> None:
        if name == "calls":
            (came if data["up"] else went).set()

    listener = web.box.live.join(told)
    process = CallProcess(web.box.places.socket("calls"))
    if not web.box.calls._thread.is_alive():
        web.box.calls.start()
    assert came.wait(5)
    went.clear()
    yield process
    process.end()
    assert went.wait(5)
    web.box.live.leave(listener)


def test_a_shift_begins_at_an_extension_and_gives_a_token_for_the_sound(web: Web, calls: CallProcess) -> None:
    desk = web.visitor("1001")
    assert desk.ask("/desk/shift", {"extension": "8001"}).json == {"ok": True}
    for _ in range(100):
        if web.box.calls.seat("1001"):
            break
        threading.Event().wait(0.02)
    assert desk.ask("/desk/sound", {}).json == {"ok": True, "token": "abc", "port": 8011}
    assert calls.orders == [wire.SignIn("1001", "8001"), wire.SoundToken("8001")]
    picture = desk.get("/live/now").json
    assert picture is not None
    assert picture["board"]["seats"][0]["agent"] == "1001"


def test_orders_are_made_in_the_name_of_whoever_is_signed_in(web: Web, calls: CallProcess) -> None:
    desk = web.visitor("1002")
    desk.ask("/desk/order", {"do": "ready", "agent": "1001"})
    desk.ask("/desk/order", {"do": "pause", "reason": "meal"})
    desk.ask("/desk/order", {"do": "hang_up"})
    assert calls.orders == [wire.Ready("1002"), wire.Pause("1002", "meal"), wire.HangUp("1002")]


def test_a_refused_order_is_told_as_a_sentence(web: Web, calls: CallProcess) -> None:
    answer = web.visitor("1001").ask("/desk/order", {"do": "answer"})
    assert answer.status_code == 422
    assert answer.json == {"sentence": "该来电已不在等待。", "word": "no_offer", "field": ""}
    assert calls.orders == [wire.Answer("1001")]


def test_without_the_call_process_the_page_says_so(tmp_path: Path) -> None:
    web = open_web(tmp_path)
    answer = web.visitor("1001").ask("/desk/order", {"do": "ready"})
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["sentence"] == "呼叫服务暂时无法连接，请过几秒再试。"
    assert web.visitor("1001").get("/desk").status_code == 200


def test_every_reason_of_the_call_process_has_a_sentence() -> None:
    assert set(wire.REASONS) <= set(CALL_REASONS)
