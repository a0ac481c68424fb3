"""Every state, move and role: what the table allows happens, all else is refused in the right word."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import pytest

from appliance.events import Fact
from appliance.people import Actor
from appliance.store.store import Store
from appliance.tickets.process import START, Move
from appliance.tickets.strands import KINDS, Strand
from appliance.tickets.workflow import CREATION, MOVES, SHIPPED, STATES
from tests.ticket_stories import (
    EVERYBODY,
    NOT_PEOPLE,
    STRAND_WAYS,
    TOLD,
    WAYS,
    Teller,
    Told,
    person,
    with_units,
    word_of,
)

UNIT_PEOPLE = ("U2", "UL", "U3")
OF_UNITS = [f"{role}@{unit}" for role in UNIT_PEOPLE for unit in ("water", "lamp-east")]
NOT_HERE = {("FEEDBACK", "rework_self"): "not_ours"}
"""Moves the table has but a condition forbids on the way taken here; test_tickets_guards tells both sides."""


@pytest.fixture(scope="module")
def teller(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Teller]:
    store = with_units(Store(tmp_path_factory.mktemp("product") / "box.db", 1, bind=False))
    with store.database.connection_context():
        yield Teller(store)


@contextmanager
def undone(store: Store) -> Iterator[None]:
    """Whatever is done within is taken back."""
    with suppress(InterruptedError), store.savepoint():
        yield
        raise InterruptedError


def allowed(who: Actor, move: Move, *units: str) -> str:
    """What the table says, read with other eyes than the desk's: the word of the refusal, or nothing."""
    roles = who.roles & move.who
    if not roles:
        return "not_yours"
    if roles <= set(UNIT_PEOPLE) and who.unit not in units:
        return "other_unit"
    return ""


@pytest.mark.parametrize("state", STATES)
def test_a_ticket_comes_into_every_state_and_there_everybody_may_do_what_the_table_says_and_no_more(
    teller: Teller, state: str
) -> None:
    ticket = teller.tell(state)
    assert ticket.state == state
    wrong = []
    with teller.store.transaction():
        for name in SHIPPED.named:
            move = SHIPPED.steps.get((state, name))
            for who in (*EVERYBODY, *OF_UNITS):
                actor = person(who)
                expected = allowed(actor, move, ticket.unit) if move else "not_now"
                expected = expected or NOT_HERE.get((state, name), "")
                with undone(teller.store):
                    told = word_of(partial(teller.step, ticket.tid, Told(actor, name, {})))
                    after = teller.desk.get(ticket.tid)
                    told_state = after.state
                target = move.target if move and not expected else state
                if (told, told_state) != (expected, target):
                    wrong.append((who, name, told, told_state))
    assert wrong == []


@pytest.mark.parametrize("source", ["phone", "web"])
def test_a_ticket_is_begun_by_whom_the_table_names(teller: Teller, source: str) -> None:
    move = CREATION[source == "phone"]
    for who in EVERYBODY:
        with teller.store.transaction(), undone(teller.store):
            told = word_of(partial(teller.desk.create, person(who), source, TOLD))
        assert told == ("" if who in move.who else "not_yours"), who


def test_buttons_are_the_moves_that_neither_role_nor_unit_nor_the_ticket_refuses(
    teller: Teller,
) -> None:
    for state in WAYS:
        ticket = teller.tell(state)
        for who in (*EVERYBODY, *OF_UNITS):
            actor = person(who)
            names = [move.name for move in teller.desk.buttons(actor, ticket)]
            table = [
                move.name
                for move in MOVES
                if move.source == state
                and not allowed(actor, move, ticket.unit)
                and (state, move.name) not in NOT_HERE
            ]
            assert names == table, (state, who)


def test_every_move_of_the_table_stands_in_a_way_or_is_tried_from_one() -> None:
    assert {move.source for move in MOVES} - {START} <= set(WAYS)


def test_there_is_a_way_to_every_state_of_every_strand() -> None:
    assert {kind: set(ways) for kind, ways in STRAND_WAYS.items()} == {
        name: set(kind.workflow.states) for name, kind in KINDS.items()
    }


@pytest.mark.parametrize(
    ("kind", "state"), [(kind, state) for kind, ways in STRAND_WAYS.items() for state in ways]
)
def test_a_strand_comes_into_every_state_and_there_everybody_may_do_what_its_table_says_and_no_more(
    teller: Teller, kind: str, state: str
) -> None:
    ticket = teller.tell(state, STRAND_WAYS[kind])
    strand = teller.strand(ticket.tid, kind)
    assert (strand.state, strand.open) == (state, state not in KINDS[kind].workflow.ends)
    workflow, wrong = KINDS[kind].workflow, []
    with teller.store.transaction():
        for name in workflow.named:
            move = workflow.steps.get((state, name))
            for who in (*EVERYBODY, *OF_UNITS):
                actor = person(who)
                expected = "not_now"
                if move:
                    lead, addressed = ticket.unit, strand.unit or ticket.unit
                    expected = allowed(actor, move, *((lead,) if move.by_lead else (addressed, strand.third)))
                with undone(teller.store):
                    told = word_of(partial(_act, teller, ticket.tid, strand, name, actor))
                    now = next(s for s in teller.desk.strands(ticket.tid) if s.sid == strand.sid)
                target = move.target if move and not expected else state
                if (told, now.state) != (expected, target):
                    wrong.append((who, name, told, now.state))
    assert wrong == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_strand_is_opened_only_while_the_ticket_is_in_a_state_that_has_it(
    teller: Teller, kind: str
) -> None:
    begin = next(move for move in KINDS[kind].workflow.moves if move.source == START)
    wrong = []
    for state in WAYS:
        ticket = teller.tell(state)
        for who in (*EVERYBODY, *OF_UNITS):
            actor = person(who)
            expected = allowed(actor, begin, ticket.unit)
            if not expected and state not in KINDS[kind].opens_in:
                expected = "not_now"
            with teller.store.transaction(), undone(teller.store):
                told = word_of(partial(teller.step, ticket.tid, Told(actor, f"{kind}.{begin.name}", {})))
            if told != expected and not (
                kind == "suborder" and who in UNIT_PEOPLE and told == "not_your_part"
            ):
                wrong.append((state, who, told, expected))
    assert wrong == []


def test_a_step_nobody_knows_and_a_strand_of_another_ticket_are_refused(teller: Teller) -> None:
    mine, other = teller.tell("HANDLING, SV urge.send"), teller.tell("HANDLING")
    sid, who = teller.strand(mine.tid, "urge").sid, person("U2")
    assert word_of(lambda: teller.desk.act(who, mine.tid, sid, "dance")) == "unknown_move"
    assert word_of(lambda: teller.desk.act(who, mine.tid, "dance", "send")) == "unknown_move"
    assert word_of(lambda: teller.desk.act(who, other.tid, sid, "read")) == "unknown_strand"


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.once])
def test_of_some_kinds_only_one_is_open_at_a_time(teller: Teller, kind: str) -> None:
    first = next(state for state in STRAND_WAYS[kind])
    ticket = teller.tell(first, STRAND_WAYS[kind])
    opening = STRAND_WAYS[kind][first].rpartition(", ")[2].split()
    again = Told(person(opening[0]), opening[1], {})
    assert word_of(lambda: teller.step(ticket.tid, again)) == "open_already"


def test_who_looked_at_a_strand_somebody_moved_since_is_told_so(teller: Teller) -> None:
    ticket = teller.tell("SENT", STRAND_WAYS["urge"])
    page = teller.strand(ticket.tid, "urge")
    teller.desk.act(person("U2"), ticket.tid, page.sid, "read", seen=page.last_eid)
    late = partial(
        teller.desk.act, person("UL"), ticket.tid, page.sid, "answer", {"reply": "x"}, page.last_eid
    )
    assert word_of(late) == "changed"


def test_what_came_too_late_is_counted_at_the_strand_and_changes_nothing(teller: Teller) -> None:
    ticket = teller.tell("READ", STRAND_WAYS["urge"])
    strand = teller.strand(ticket.tid, "urge")
    late = {
        "kind": "urge",
        "step": "read",
        "from": "SENT",
        "to": "READ",
        "role": "U2",
        "strand": strand.sid.hex(),
    }
    teller.store.record(Fact("ticket.strand", late, ticket.tid))
    after = teller.strand(ticket.tid, "urge")
    assert (after.state, after.state_eid, after.conflicts) == ("READ", strand.state_eid, 1)


def _act(teller: Teller, tid: bytes, strand: Strand, name: str, actor: Actor) -> None:
    fields = teller.needed(tid, f"{strand.kind}.{name}")
    teller.desk.act(actor, tid, strand.kind if name == "" else strand.sid, name, fields)


def test_nobody_of_the_outside_world_signs_in() -> None:
    assert all(not actor.number for actor in NOT_PEOPLE.values())
