"""What citizens say of a finished case reaches its ticket through the journal."""

from pathlib import Path

import pytest

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.starter import begin
from appliance.people import BOX
from appliance.tickets.ticket import Ticket
from tests.test_store_follower import Box, a_call
from tests.ticket_desk import AGENT, CALLBACK, DISPATCHER, LAMP, TOLD

PHONE = "13900000001"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    box = Box(tmp_path)
    Dictionary(box.store).write(BOX, begin)
    return box


def asked(box: Box) -> Ticket:
    """A case whose citizen is asked how it was."""
    ticket = box.desk.create(AGENT, "web", {**TOLD, "phone": PHONE})
    for actor, move, fields in (
        (AGENT, "accept", {}),
        (DISPATCHER, "dispatch", {"unit": "lamp"}),
        (LAMP, "sign", {}),
        (LAMP, "submit_result", {"result": "已修"}),
        (DISPATCHER, "pass", {"answer": "已修好"}),
    ):
        ticket = box.desk.move(actor, ticket.tid, move, fields)
    assert ticket.state == "CALLBACK"
    return ticket


def test_a_key_in_the_call_made_for_a_case_closes_it(box: Box) -> None:
    ticket, call = asked(box), a_call(box)
    box.follow()
    box.desk.note(CALLBACK, ticket.tid, "已呼叫市民", call.hex())
    box.write("call.rated", {"value": 4, "of": 5, "agent": "1300"}, call)
    box.follow()
    told = box.desk.get(ticket.tid)
    assert (told.state, told.rating) == ("CLOSED", "satisfied")


def test_a_digit_by_short_message_closes_it_and_makes_no_ticket(box: Box) -> None:
    ticket = asked(box)
    box.text("2", PHONE)
    box.follow()
    told = box.desk.get(ticket.tid)
    assert (told.state, told.rating) == ("CLOSED", "satisfied")
    assert box.count("ticket") == 1
