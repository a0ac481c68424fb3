"""The workflow table: what it allows, and that it has no dead end."""

import dataclasses
from collections.abc import Iterable

from appliance.people import ROLES
from appliance.tickets import soundness
from appliance.tickets.fields import FIELDS
from appliance.tickets.guards import GUARDS
from appliance.tickets.process import START, Move, Workflow, diagram
from appliance.tickets.soundness import out_of_bounds
from appliance.tickets.workflow import END, LISTS, MOVES, SHIPPED, STATES, STEPS, states_in

MAIN_LINE = [
    "create_by_phone",
    "submit",
    "accept",
    "dispatch",
    "sign",
    "submit_result",
    "rework",
    "submit_result",
    "pass",
    "dissatisfied",
    "second_dispatch",
    "dispatch",
    "sign",
    "submit_result",
    "pass",
    "satisfied",
    "archive",
]


def faults(workflow: Workflow, *known: Iterable[str]) -> list[str]:
    return [str(fault) for fault in soundness.faults(workflow, *known)]


def of(moves: Iterable[Move]) -> Workflow:
    return dataclasses.replace(SHIPPED, moves=tuple(moves))


def test_the_table_has_27_states_72_moves_and_no_faults() -> None:
    assert (len(STATES), len(MOVES)) == (27, 72)
    assert faults(SHIPPED, GUARDS, FIELDS) == []
    assert out_of_bounds("standard", MOVES) == []


def test_the_main_line_with_a_rework_and_a_second_dispatch_leads_to_the_archive() -> None:
    state = START
    for name in MAIN_LINE:
        state = STEPS[state, name].target
    assert state == END


def test_a_question_answered_on_the_line_needs_three_moves() -> None:
    state = START
    for name in ("create_by_phone", "answer_on_line", "rate_or_timeout"):
        state = STEPS[state, name].target
    assert state == "CLOSED"


def test_a_dead_end_is_a_fault() -> None:
    table = [move for move in MOVES if move.source != "DISSAT_REVIEW"]
    assert faults(of(table)) == [f"State DISSAT_REVIEW never reaches {END}. Let a move lead on from there."]


def test_a_state_nothing_leads_to_is_a_fault() -> None:
    table = [move for move in MOVES if move.target != "SUSPENDED"]
    assert faults(of(table)) == [
        "State SUSPENDED is never reached. Let a move lead there, or take out those that begin there."
    ]


def test_one_action_never_leads_to_two_states() -> None:
    twice = dataclasses.replace(STEPS["REGISTERED", "accept"], code="X1", target="HANDLING")
    assert faults(of([*MOVES, twice])) == ["X1: accept from REGISTERED is C12 already. Give it another name."]


def test_a_move_to_an_unknown_state_or_by_nobody_is_a_fault() -> None:
    odd = Move("X2", "vanish", "CLOSED", "NOWHERE", frozenset(), "", "")
    assert faults(of([*MOVES, odd])) == [
        "X2: There is no state NOWHERE.",
        "X2: Nobody may make this move. Choose one role at least.",
    ]


def test_every_code_is_used_once() -> None:
    codes = [move.code for move in MOVES]
    assert len(codes) == len(set(codes))


def test_every_role_of_the_table_is_one_people_can_have_or_the_citizen_the_box_or_the_hub() -> None:
    assert {role for move in MOVES for role in move.who} <= {*ROLES, "C", "SYS", "HB"}


def test_every_field_a_move_asks_for_is_known() -> None:
    assert {name for move in MOVES for name in move.fields + move.complete} <= set(FIELDS)


def test_every_state_and_move_has_a_chinese_and_an_english_name() -> None:
    assert all(state.zh and state.en for state in STATES.values())
    assert all(move.zh and move.en for move in MOVES)


def test_every_state_but_a_draft_tells_the_citizen_something() -> None:
    assert [state.name for state in STATES.values() if not (state.citizen_zh and state.citizen_en)] == [
        "DRAFT"
    ]


def test_every_state_stands_in_exactly_one_of_the_six_lists() -> None:
    assert sorted(state for name in LISTS for state in states_in(name)) == sorted(STATES)


def test_a_dispatcher_sees_the_buttons_of_an_accepted_ticket_in_the_order_of_the_table() -> None:
    names = [move.name for move in SHIPPED.moves_for("ACCEPTED", {"DP"})]
    assert names == ["self_handle", "dispatch", "transfer_out", "reclassify_refuse"]


def test_a_unit_operator_has_no_button_before_the_dispatch() -> None:
    before = ("DRAFT", "REGISTERED", "ACCEPTED")
    assert [move for state in before for move in SHIPPED.moves_for(state, {"U2", "UL"})] == []


def test_nobody_has_a_button_that_creates() -> None:
    assert SHIPPED.moves_for(START, {"AG", "C", "SYS"}) == []


def test_the_diagram_draws_every_move() -> None:
    dot = diagram(SHIPPED)
    assert dot.startswith("digraph")
    assert all(f'"{move.code} {move.zh}' in dot for move in MOVES)
    assert "Dispatch" in diagram(SHIPPED, "en")
