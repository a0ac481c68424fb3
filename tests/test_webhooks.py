"""Webhooks: events reach other servers at least once and in order, whatever those do; nothing is probed."""

import hashlib
import hmac
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.actor import Actor
from appliance.outside.delivering import GIVEN_UP_S, LOGGED, PAUSES_S, Deliverer
from appliance.outside.hooks import KINDS, Hooks, Place, place_of, secret_of
from appliance.outside.post import Unreachable, post
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.redaction import redact
from tests.box import Box, memory
from tests.web_pages import free_port
from tests.webhook_server import Listener, Raw

ADMINISTRATOR = Actor("9000", "系统管理员", frozenset({"AD"}))
AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
ALLOWED = ("city.example:443", "other.example:80")
URL = "https://city.example/events"
TICKET = {
    "kind": "repair",
    "title": "路灯不亮",
    "content": "人民路",
    "citizen": "张三",
    "phone": "10000000001",
}


class City:
    """A box with its clock in our hand, and a server that answers as told."""

    def __init__(self, folder: Path) -> None:
        self.now_s = time.time()
        self.store = Store(folder / "box.db", 1)
        self.desk = TicketDesk(self.store)
        self.hooks = Hooks(self.store, ALLOWED, lambda: self.now_s)
        self.answer: Any = 204
        self.told: list[tuple[str, str, int]] = []
        """Webhook, event, answer."""
        self.bodies: list[bytes] = []
        self.heads: list[Mapping[str, str]] = []
        self.deliverer = self.reborn()

    def reborn(self) -> Deliverer:
        """The deliverer of the next life of the process."""
        return Deliverer(self.store, ALLOWED, lambda: self.now_s, self.send)

    def send(self, place: Place, heads: Mapping[str, str], body: bytes) -> int:
        answer = self.answer(heads, body) if callable(self.answer) else self.answer
        self.told.append((heads["X-Hotline-Webhook"], heads["X-Hotline-Event"], answer))
        if answer == 0:
            raise Unreachable("no answer in time")
        self.bodies.append(body)
        self.heads.append(heads)
        return int(answer)

    def run(self) -> None:
        """Do all there is to do now."""
        while self.deliverer.step():
            pass

    def later(self, seconds: float) -> None:
        """Let time pass in small steps, working all the time."""
        until = self.now_s + seconds
        while self.now_s < until:
            self.now_s = min(until, self.now_s + max(2.0, seconds / 100))
            self.run()

    def hook(self, name: str = "city", kinds: tuple[str, ...] = tuple(KINDS), **more: Any) -> None:
        self.hooks.create(ADMINISTRATOR, name, URL, kinds, **more)

    def states(self) -> dict[str, int]:
        return dict(self.store.rows("SELECT state, count(*) FROM delivery GROUP BY state"))


@pytest.fixture
def city() -> Iterator[City]:
    with TemporaryDirectory(dir=memory()) as folder:
        yield City(Path(folder))


def test_what_happens_is_told_in_order_and_what_happened_before_is_not(city: City) -> None:
    city.hook()
    ticket = city.desk.create(AGENT, "phone", TICKET)
    city.desk.move(AGENT, ticket.tid, "submit")
    city.desk.note(AGENT, ticket.tid, "备注")
    city.run()
    assert [event for _, event, _ in city.told] == [e.eid.hex() for e in city.store.history(ticket.tid)]
    city.run()
    assert len(city.told) == 3


def test_personal_data_is_left_out_unless_the_webhook_is_marked_for_it(city: City) -> None:
    city.hook("plain")
    city.hook("marked", personal=True)
    ticket = city.desk.create(AGENT, "phone", TICKET)
    city.desk.edit(AGENT, ticket.tid, {"address": "人民路 12 号"})
    secret = city.desk.create(AGENT, "phone", {**TICKET, "citizen": "李四", "confidential": True})
    city.desk.note(AGENT, secret.tid, "李四的备注")
    city.run()
    told = {
        name: b"".join(
            b for h, b in zip(city.heads, city.bodies, strict=True) if h["X-Hotline-Webhook"] == name
        )
        for name in ("plain", "marked")
    }
    for word in ("张三", "10000000001", "人民路", "路灯不亮", "李四", "王晓燕"):
        assert word not in told["plain"].decode()
    assert "张三" in told["marked"].decode()
    assert "李四" not in told["marked"].decode()


def test_what_was_blanked_before_it_was_sent_is_not_sent(city: City) -> None:
    city.hook(personal=True)
    ticket = city.desk.create(AGENT, "phone", TICKET)
    leader = Actor("1400", "郑宏伟", frozenset({"LD"}))
    redact(city.store, leader, ticket.tid, {"citizen": "", "phone": ""}, "本人要求", [])
    city.run()
    assert city.bodies
    assert "张三" not in b"".join(city.bodies).decode()


def test_what_is_sent_is_signed_with_its_time(city: City) -> None:
    city.hook()
    city.desk.create(AGENT, "phone", TICKET)
    city.run()
    heads, body = city.heads[0], city.bodies[0]
    key = secret_of(city.store, "city").encode()
    expected = hmac.new(key, heads["X-Hotline-Timestamp"].encode() + b"." + body, hashlib.sha256)
    assert heads["X-Hotline-Signature"] == f"sha256={expected.hexdigest()}"


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        ({}, 2),
        ({"kinds": ("ticket.moved",)}, 1),
        ({"ticket_kinds": ["repair"]}, 2),
        ({"ticket_kinds": ["praise"]}, 0),
        ({"states": ["REGISTERED"], "kinds": ("ticket.moved",)}, 1),
        ({"states": ["CLOSED"]}, 0),
        ({"units": ["lamp"]}, 0),
        ({"kinds": ("call.ended",)}, 0),
    ],
)
def test_a_webhook_is_told_only_what_it_asks_for(city: City, filters: dict[str, Any], told: int) -> None:
    city.hook(**filters)
    ticket = city.desk.create(AGENT, "phone", TICKET)
    city.desk.move(AGENT, ticket.tid, "submit")
    city.run()
    assert len(city.told) == told


def test_a_server_that_is_away_is_tried_with_growing_pauses_and_all_waits_in_order(city: City) -> None:
    city.hook()
    city.answer = 0
    first, second = (city.desk.create(AGENT, "phone", TICKET) for _ in range(2))
    city.run()
    tries = [city.now_s]
    for pause in PAUSES_S[:4]:
        city.now_s += pause - 0.5
        city.run()
        assert len(city.told) == len(tries)
        city.now_s += 1
        city.run()
        tries.append(city.now_s)
        assert len(city.told) == len(tries)
    assert {event for _, event, _ in city.told} == {first.tid.hex()}
    assert city.hooks.get("city").reason == "no answer in time"
    city.answer = 204
    city.later(PAUSES_S[4])
    assert [event for _, event, status in city.told if status == 204] == [first.tid.hex(), second.tid.hex()]
    assert city.hooks.get("city").fails == 0


def test_what_a_server_refuses_holds_up_only_its_ticket(city: City) -> None:
    city.hook()
    bad, fine = (city.desk.create(AGENT, "phone", TICKET) for _ in range(2))
    city.desk.move(AGENT, bad.tid, "submit")
    city.desk.move(AGENT, fine.tid, "submit")
    city.answer = lambda heads, body: 422 if bad.number.encode() in body else 200
    city.run()
    assert len([1 for _, _, status in city.told if status == 200]) == 2
    assert [event for _, event, status in city.told if status == 422] == [bad.tid.hex()]
    city.answer = 200
    city.later(PAUSES_S[0] + 1)
    assert [event for _, event, _ in city.told][-2:] == [e.eid.hex() for e in city.store.history(bad.tid)]


def test_after_three_days_it_is_given_up_and_can_be_sent_again(city: City) -> None:
    city.hook()
    city.answer = 500
    tickets = [city.desk.create(AGENT, "phone", TICKET) for _ in range(3)]
    city.later(GIVEN_UP_S + 7200)
    assert city.states() == {"dead": 3}
    assert len(city.told) < 120
    newer = city.desk.create(AGENT, "phone", TICKET)
    city.answer = 200
    city.later(3600)
    assert city.told[-1][1] == newer.tid.hex()
    assert city.hooks.send_again(ADMINISTRATOR, "city") == 3
    city.run()
    assert [event for _, event, _ in city.told[-3:]] == [ticket.tid.hex() for ticket in tickets]
    with pytest.raises(Refused, match="nothing to send again"):
        city.hooks.send_again(ADMINISTRATOR, "city")


def test_one_webhook_that_is_away_does_not_hold_up_another(city: City) -> None:
    city.hook("away")
    city.hook("there")
    city.answer = lambda heads, _: 0 if heads["X-Hotline-Webhook"] == "away" else 200
    for _ in range(5):
        city.desk.create(AGENT, "phone", TICKET)
    city.run()
    assert [status for name, _, status in city.told if name == "there"] == [200] * 5
    assert [status for name, _, status in city.told if name == "away"] == [0]


def test_a_paused_webhook_is_told_later_what_it_missed(city: City) -> None:
    city.hook()
    city.hooks.set_active(ADMINISTRATOR, "city", False)
    ticket = city.desk.create(AGENT, "phone", TICKET)
    city.later(60)
    assert city.told == []
    city.hooks.set_active(ADMINISTRATOR, "city", True)
    city.run()
    assert [event for _, event, _ in city.told] == [ticket.tid.hex()]


def test_a_removed_webhook_is_told_nothing_more(city: City) -> None:
    city.hook()
    city.answer = 0
    city.desk.create(AGENT, "phone", TICKET)
    city.run()
    city.hooks.remove(ADMINISTRATOR, "city")
    city.later(3600)
    assert len(city.told) == 1
    assert city.states() == {}


def test_only_the_last_hundred_deliveries_stay_to_be_looked_at(city: City) -> None:
    city.hook()
    ticket = city.desk.create(AGENT, "phone", TICKET)
    for n in range(LOGGED + 30):
        city.desk.note(AGENT, ticket.tid, f"备注 {n}")
    city.run()
    assert city.states() == {"done": LOGGED}


def test_a_test_reaches_the_webhook_that_is_tried_and_no_other(city: City) -> None:
    city.hook("one", kinds=("call.ended",))
    city.hook("two")
    city.hooks.test(ADMINISTRATOR, "one")
    city.run()
    assert [
        (name, heads["X-Hotline-Kind"]) for (name, _, _), heads in zip(city.told, city.heads, strict=True)
    ] == [("one", "webhook.tested")]


def test_a_host_taken_off_the_list_is_not_spoken_to_any_more(city: City) -> None:
    city.hook()
    city.desk.create(AGENT, "phone", TICKET)
    Deliverer(city.store, (), lambda: city.now_s, city.send).step()
    assert city.told == []
    assert "not allowed" in city.hooks.get("city").reason


@settings(max_examples=15)
@given(
    answers=st.lists(st.sampled_from([0, 200, 204, 301, 404, 429, 500]), max_size=30),
    moves=st.lists(st.integers(0, 3), min_size=1, max_size=10),
    deaths=st.sets(st.integers(0, 10)),
)
def test_any_answers_and_deaths_lose_nothing_and_keep_the_order_of_a_ticket(
    answers: list[int], moves: list[int], deaths: set[int]
) -> None:
    with TemporaryDirectory(dir=memory()) as folder:
        city = City(Path(folder))
        _lose_nothing(city, answers, moves, deaths)


def _lose_nothing(city: City, answers: list[int], moves: list[int], deaths: set[int]) -> None:
    city.hook(kinds=("ticket.noted",))
    tickets = [city.desk.create(AGENT, "phone", TICKET).tid for _ in range(4)]
    left = list(answers)
    city.answer = lambda *_: left.pop(0) if left else 200
    for n, which in enumerate(moves):
        city.desk.note(AGENT, tickets[which], f"备注 {n}")
        if n in deaths:
            city.deliverer = city.reborn()
        city.later(7)
    city.later(len(PAUSES_S) * 3600 + 3600 * len(answers))
    good = [event for _, event, status in city.told if 200 <= status < 300]
    for tid in tickets:
        mine = [e.eid.hex() for e in city.store.history(tid) if e.kind == "ticket.noted"]
        assert [event for event in good if event in mine] == mine


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("ftp://city.example/", "bad_url"),
        ("https://user:pw@city.example/", "bad_url"),
        ("https://city.example/#x", "bad_url"),
        ("https://city.example/\r\nHost: evil", "bad_url"),
        ("https://city.example/" + "x" * 300, "bad_url"),
        ("https:///path", "bad_url"),
        ("https://city.example:99999/", "bad_url"),
        ("https://[::1/", "bad_url"),
        ("nonsense", "bad_url"),
        ("http://city.example/", "not_allowed"),
        ("https://city.example:444/", "not_allowed"),
        ("http://127.0.0.1/", "not_allowed"),
        ("http://169.254.169.254/latest", "not_allowed"),
        ("http://localhost:8010/", "not_allowed"),
        ("https://city.example.evil.example/", "not_allowed"),
    ],
)
def test_only_hosts_of_the_settings_are_ever_spoken_to(city: City, url: str, word: str) -> None:
    with pytest.raises(Refused) as refused:
        city.hooks.create(ADMINISTRATOR, "probe", url, ["ticket.created"])
    assert refused.value.word == word


def test_nobody_but_an_administrator_has_anything_told(city: City) -> None:
    city.hook()
    for forbidden in (
        lambda: city.hooks.create(DISPATCHER, "mine", URL, ["ticket.created"]),
        lambda: city.hooks.remove(DISPATCHER, "city"),
        lambda: city.hooks.test(DISPATCHER, "city"),
        lambda: city.hooks.send_again(DISPATCHER, "city"),
        lambda: city.hooks.set_active(DISPATCHER, "city", False),
    ):
        with pytest.raises(Refused) as refused:
            forbidden()
        assert refused.value.word == "not_yours"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 200),
        (b"HTTP/1.0 302 Found\r\nLocation: http://127.0.0.1:22/\r\n\r\n", 302),
        (b"SSH-2.0-OpenSSH_9\r\n", "no HTTP"),
        (b"", "closed without an answer"),
        (b"HTTP/1.1 abc\r\n", "no HTTP"),
        (b"x" * 20_000, "no HTTP"),
    ],
)
def test_an_answer_is_read_no_further_than_its_status(answer: bytes, expected: int | str) -> None:
    server = Raw(answer)
    try:
        found: int | str = post(Place("http", "127.0.0.1", server.port, "/"), {}, b"{}", 5.0)
    except Unreachable as error:
        found = str(error)
    server.close()
    assert found == expected or (isinstance(expected, str) and expected in str(found))


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n" * 1])
def test_a_server_that_trickles_or_is_silent_is_left_at_the_deadline(answer: bytes) -> None:
    server = Raw(answer or b"H" * 5000, pause_s=0.05)
    began = time.monotonic()
    with pytest.raises(Unreachable, match="no answer in time"):
        post(Place("http", "127.0.0.1", server.port, "/"), {}, b"{}", 0.4)
    assert time.monotonic() - began < 1.5
    server.close()


def test_nobody_listening_is_said_so() -> None:
    with pytest.raises(Unreachable, match="refused"):
        post(Place("http", "127.0.0.1", free_port(), "/"), {}, b"{}", 2.0)


def test_an_address_is_read_as_it_leads() -> None:
    assert place_of("https://City.Example/a?b=1") == Place("https", "city.example", 443, "/a?b=1")
    assert place_of("http://10.0.0.1:8080") == Place("http", "10.0.0.1", 8080, "/")


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


def test_a_real_store_process_tells_a_real_server_through_failures_and_its_own_death(
    listener: Listener,
) -> None:
    allowed = [f"127.0.0.1:{listener.port}"]
    with Box(("store",), settings={"api": {"webhooks": allowed}}) as box:
        store = Store(box.places.database, 1, bind=False)
        desk = TicketDesk(store)
        hooks = Hooks(store, allowed)
        hooks.create(ADMINISTRATOR, "city", listener.url, ["ticket.created", "ticket.noted"])
        expected: dict[str, list[str]] = {}

        def happen(count: int) -> None:
            for _ in range(count):
                ticket = desk.create(AGENT, "phone", TICKET)
                desk.note(AGENT, ticket.tid, "一")
                desk.note(AGENT, ticket.tid, "二")
                expected[ticket.tid.hex()] = [e.eid.hex() for e in store.history(ticket.tid)]

        def all_told() -> bool:
            good = [told.event for told in listener.good]
            return all(event in good for events in expected.values() for event in events)

        happen(3)
        box.wait_for(all_told, 20, "the first events to be told")
        listener.status = 503
        happen(3)
        box.wait_for(lambda: any(t.answered == 503 for t in listener.told), 20, "a failure")
        box.kill("store")
        happen(2)
        listener.status = -1
        box.wait_for(lambda: any(t.answered == -1 for t in listener.told), 30, "the server to hang")
        box.kill("store")
        listener.hanging.set()
        listener.status = 204
        box.wait_for(all_told, 40, "everything to be told")
        good = [told.event for told in listener.good]
        for events in expected.values():
            firsts = list(dict.fromkeys(event for event in good if event in events))
            assert firsts == events
