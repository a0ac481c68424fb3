"""What the store answers other processes, over its socket."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.people import CITIZEN
from appliance.store.answers import LINE_MAX, Answers, Server
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.ticket import Ticket


@pytest.fixture(scope="module")
def store(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("answers") / "box.db", 1, bind=False)


@pytest.fixture(scope="module")
def ticket(store: Store) -> Ticket:
    return TicketDesk(store).create(CITIZEN, "web", {"title": "路灯不亮"})


@pytest.fixture(scope="module")
def answers(store: Store) -> Answers:
    return Answers(store, lambda: {"position": 7})


@pytest.fixture
def link(answers: Answers, tmp_path: Path) -> Iterator[socket.socket]:
    path = tmp_path / "run" / "store.sock"
    Server(path, answers).server_close()  # leaves its file behind
    server = Server(path, answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(5)
        made.connect(str(path))
        yield made
    server.shutdown()
    server.server_close()
    thread.join()


def ask(link: socket.socket, *lines: bytes) -> list[dict[str, Any]]:
    link.sendall(b"".join(lines))
    with link.makefile("rb") as replies:
        return [json.loads(replies.readline()) for _ in lines]


def test_the_state_of_a_ticket_is_told_by_its_number(link: socket.socket, ticket: Ticket) -> None:
    question = json.dumps({"id": 4, "do": "ticket_state", "number": ticket.number}).encode() + b"\n"
    (reply,) = ask(link, question)
    assert (reply["id"], reply["ok"]) == (4, True)
    assert reply["data"] == {
        "found": True,
        "number": ticket.number,
        "state_zh": "已收到",
        "state_en": "received",
        "unit_zh": "",
        "unit_en": "",
        "updated_s": ticket.changed_s,
    }


def test_a_number_nobody_has_is_not_found(link: socket.socket) -> None:
    assert ask(link, b'{"id":1,"do":"ticket_state","number":"1"}\n')[0]["data"] == {"found": False}


def test_a_connection_goes_on_after_a_question_nobody_understands(link: socket.socket) -> None:
    replies = ask(
        link, b"hello\n", b'{"id":2,"do":"dance"}\n', b'{"id":3,"do":"health"}\n', b'{"id":4,"do":"alarms"}\n'
    )
    assert [reply.get("reason", "") for reply in replies] == ["malformed", "unknown_question", "", ""]
    assert [reply.get("data") for reply in replies[2:]] == [{"position": 7}, {"alarms": []}]


def test_a_line_without_end_is_cut_off(link: socket.socket) -> None:
    (reply,) = ask(link, b"x" * LINE_MAX)
    assert reply == {"id": 0, "ok": False, "reason": "malformed"}
    assert link.recv(1) == b""


@given(
    st.binary(max_size=200)
    | st.fixed_dictionaries({"do": st.just("ticket_state"), "number": st.text()}).map(
        lambda question: json.dumps(question).encode()
    )
)
def test_every_line_gets_one_line(answers: Answers, line: bytes) -> None:
    reply = answers.answer(line)
    assert reply.count(b"\n") == 1
    assert json.loads(reply)["ok"] in (True, False)
