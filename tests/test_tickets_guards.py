"""Every condition of the tables: a case in which it holds, and one in which it refuses, with its word."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.guards import GUARDS, Scene
from appliance.tickets.strands import KINDS
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import MOVES
from tests.ticket_desk import CALLBACK, Clock, Office
from tests.ticket_stories import DAY_S, STRAND_WAYS, DeskDoor, Teller, read, with_units, word_of


@dataclass(frozen=True)
class Case:
    """A step that is granted after one story and refused after another, or later, or with other words."""

    step: str
    granted: str
    refused: str
    word: str
    later_days: float = 0.0
    """When it is refused, counted from the story."""
    writes: Mapping[str, object] = field(default_factory=dict)
    """What is written along in the refused case."""


PENALTY = "HANDLING, U2 request_return, DP refuse_return"
TWICE = (
    "DISSAT_REVIEW"
    + ", DP second_dispatch, DP dispatch, U2 sign, U2 submit_result, DP pass, CB dissatisfied" * 2
)
EXTENDED = "HANDLING, U2 extension.ask, DP extension.approve"
PAST, SOON, FAR = time.time() - DAY_S, time.time() + 5 * DAY_S, time.time() + 60 * DAY_S
CASES: Mapping[str, Case] = {
    "asks_left": Case(
        "AG ask_info",
        "NEED_INFO, C info_received",
        "NEED_INFO, C info_received, AG ask_info, C info_received",
        "too_often",
    ),
    "another_person": Case(
        "DP confirm_refuse", "REGISTERED, AG refuse", "REGISTERED, DP refuse", "same_person"
    ),
    "not_the_handler": Case(
        "DP review_upheld",
        "CLOSED, AG apply_review",
        "ACCEPTED, DP self_handle, DP reply, DP2 pass, CB satisfied, AG apply_review",
        "same_person",
    ),
    "master_open": Case("AG merge", "REGISTERED", "REGISTERED", "unknown_ticket", writes={"master": "123"}),
    "unmerge_in_time": Case("DP unmerge", "MERGED", "MERGED", "too_late", 40),
    "return_in_time": Case("U2 request_return", "DISPATCHED", "DISPATCHED", "too_late", 30),
    "appeal_in_time": Case("UL appeal.file", "CLOSED", "CLOSED", "too_late", 30),
    "reopen_in_time": Case("C citizen_reopen", "CLOSED", "CLOSED", "too_late", 16),
    "review_in_time": Case("C apply_review", "CLOSED", "CLOSED", "too_late", 31),
    "recheck_in_time": Case("C apply_recheck", "REVIEWED", "REVIEWED", "too_late", 31),
    "unit_in_service": Case(
        "DP dispatch", "ACCEPTED", "ACCEPTED", "no_such_unit", writes={"assisting": ["gone"]}
    ),
    "designator": Case("TL dispatch", "ACCEPTED", "ACCEPTED", "not_yours", writes={"designated": True}),
    "another_unit": Case("DP redispatch", "HANDLING", "HANDLING", "same_unit", writes={"unit": "lamp"}),
    "not_the_lead": Case("DP suborder.create", "HANDLING", "HANDLING, DP suborder.create", "sent_already"),
    "own_third_level": Case(
        "U2@water suborder.forward_third_level",
        STRAND_WAYS["suborder"]["SENT"] + ", U2@water suborder.sign",
        STRAND_WAYS["suborder"]["SENT"] + ", U2@water suborder.sign",
        "not_your_part",
        writes={"third": "lamp-east"},
    ),
    "not_designated": Case(
        "U2 request_return",
        "DISPATCHED",
        "ACCEPTED, DP coordination.call, LD coordination.designate",
        "designated",
    ),
    "returns_left": Case("U2 request_return", "HANDLING", PENALTY, "too_often"),
    "orders_done": Case(
        "U2 submit_result",
        "HANDLING, DP suborder.create, DP suborder.waive",
        "HANDLING, DP suborder.create",
        "orders_open",
    ),
    "planned_ahead": Case(
        "DP approve_suspend", "HANDLING", "HANDLING", "in_the_past", writes={"planned": PAST}
    ),
    "due_ahead": Case("LD instruction.write", "HANDLING", "HANDLING", "in_the_past", writes={"due": PAST}),
    "at_ahead": Case("AG reminder.set", "HANDLING", "HANDLING", "in_the_past", writes={"at": PAST}),
    "leader_for_long": Case(
        "DP approve_suspend", "HANDLING", "HANDLING", "leader_only", writes={"planned": FAR}
    ),
    "handled_by_unit": Case("DP rework", "FEEDBACK", "SELF_HANDLING, AG reply", "not_theirs"),
    "handled_here": Case("DP rework_self", "SELF_HANDLING, AG reply", "FEEDBACK", "not_ours"),
    "rounds_left": Case("DP second_dispatch", "DISSAT_REVIEW", TWICE, "too_often"),
    "object_once": Case(
        "C citizen_objects", "REJECTED", "REJECTED, C citizen_objects, LD confirm_refuse", "too_often"
    ),
    "extensions_left": Case(
        "U2 extension.ask",
        EXTENDED,
        EXTENDED + ", U2 extension.ask, DP extension.pass_up, LD extension.approve",
        "too_often",
    ),
    "first_extension": Case(
        "DP extension.approve", "HANDLING, U2 extension.ask", EXTENDED + ", U2 extension.ask", "leader_only"
    ),
}


@pytest.fixture(scope="module")
def store(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = with_units(Store(tmp_path_factory.mktemp("guards") / "box.db", 1, bind=False))
    with store.database.connection_context():
        yield store


def asked(store: Store, story: str, step: str, later_days: float, writes: Mapping[str, object]) -> str:
    """The word a step is refused with after a story; empty when it is granted."""
    teller = Teller(store)
    ticket = teller.tell(story)
    (last,) = read(step)
    late = Teller(store)
    late.desk = TicketDesk(store, lambda: time.time() + later_days * DAY_S)
    late.door = DeskDoor(late.desk)
    return word_of(lambda: late.step(ticket.tid, type(last)(last.who, last.step, writes)))


@pytest.mark.parametrize("name", CASES)
def test_a_condition_grants_one_case_and_refuses_the_other(store: Store, name: str) -> None:
    case = CASES[name]
    assert asked(store, case.granted, case.step, 0, {}) == ""
    assert asked(store, case.refused, case.step, case.later_days, case.writes) == case.word


def test_a_citizen_is_unreachable_after_some_attempts_on_some_days_or_without_a_number(
    tmp_path: Path,
) -> None:
    clock = Clock(time.time())
    office = Office(tmp_path, clock)
    waiting = office.answered()

    def given_up(ticket: Ticket) -> str:
        return word_of(lambda: office.desk.move(CALLBACK, ticket.tid, "unreachable", {"reason": "无人接听"}))

    for _ in range(3):
        assert given_up(waiting) == "try_again"
        office.desk.visit(CALLBACK, waiting.tid, "no_answer")
    assert given_up(waiting) == "try_again"
    clock.at_s += DAY_S
    assert given_up(waiting) == ""
    nameless = office.answered(phone="")
    assert given_up(nameless) == ""


def test_more_time_is_asked_for_before_the_ticket_is_due() -> None:
    def refused(due_s: float | None) -> Refused | None:
        scene = SimpleNamespace(ticket=SimpleNamespace(unit_due_s=due_s), now_s=100.0)
        return GUARDS["before_due"](cast(Scene, cast(Any, scene)))

    assert (refused(None), refused(100.0)) == (None, None)
    late = refused(99.0)
    assert late is not None
    assert late.word == "too_late"


def test_every_condition_has_its_cases_and_is_used_by_a_table() -> None:
    assert {*CASES, "before_due", "tried_enough"} == set(GUARDS)
    tables = [move for kind in KINDS.values() for move in kind.workflow.moves]
    assert {name for move in (*MOVES, *tables) for name in move.guards} == set(GUARDS)


@pytest.mark.parametrize(
    ("story", "step", "word"),
    [
        ("REGISTERED", "LD instruction.write", ""),
        ("HANDLING, DP suborder.create, U2@water suborder.sign", "DP suborder.create", "sent_already"),
        ("ACCEPTED", "LD dispatch", ""),
        ("HANDLING", "LD approve_suspend", ""),
        ("HANDLING, U2 suspension.ask", "LD suspension.approve", ""),
    ],
)
def test_other_sides_of_conditions(store: Store, story: str, step: str, word: str) -> None:
    assert asked(store, story, step, 0, {}) == word


def test_a_ticket_is_merged_neither_into_itself_nor_into_one_that_is_closed_or_merged(store: Store) -> None:
    teller = Teller(store)
    ticket = teller.tell("REGISTERED")
    (merge,) = read("AG merge")
    words = []
    for master in (ticket, teller.tell("MERGED"), teller.tell("CLOSED"), teller.tell("DRAFT")):
        told = type(merge)(merge.who, merge.step, {"master": master.number})
        words.append(word_of(partial(teller.step, ticket.tid, told)))
    assert words == ["same_ticket", "merged_itself", "not_open", "not_open"]


def test_a_leader_may_suspend_for_long_and_designate_and_the_lead_unit_never_assists_itself(
    store: Store,
) -> None:
    assert asked(store, "HANDLING", "LD approve_suspend", 0, {"planned": FAR}) == ""
    assert asked(store, "ACCEPTED", "LD dispatch", 0, {"designated": True}) == ""
    assert asked(store, "ACCEPTED", "DP dispatch", 0, {"assisting": ["lamp"]}) == "lead_assists"
    assert asked(store, "HANDLING", "DP suborder.create", 0, {"unit": "lamp"}) == "lead_assists"
    assert asked(store, "HANDLING", "U2 suborder.create", 0, {"unit": "lamp-east"}) == ""
