"""Whatever anybody asks, in any order, nonsense included: the box stays sound, and forgets nothing."""

import random
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from appliance.events import Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store import schema
from appliance.store.store import Store
from appliance.tickets import strand_table, table
from appliance.tickets.bodies import REGISTERED_FIELDS
from appliance.tickets.desk import TicketDesk
from appliance.tickets.fields import FIELDS, SOURCES
from appliance.tickets.process import START
from appliance.tickets.soundness import ACTORS
from appliance.tickets.strands import KINDS, Strand
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import END, LISTS, MOVES, SHIPPED, STATES
from tests.ticket_stories import DAY_S, EVERYBODY, TOLD, UNITS, given, person, with_units

NAMES = sorted({move.name for move in MOVES})
STEP_NAMES = sorted({move.name for kind in KINDS.values() for move in kind.workflow.moves})
NONSENSE: tuple[Any, ...] = (
    None,
    7,
    -1.5,
    float("nan"),
    True,
    [],
    ["x"] * 30,
    {},
    "",
    " ",
    "\ud800",
    "长" * 5000,
    "'; DROP",
    b"x",
)
odd = st.one_of(st.sampled_from(NONSENSE), st.text(max_size=8), st.sampled_from(UNITS))
odd_fields = st.dictionaries(st.one_of(st.sampled_from(sorted(FIELDS)), st.just("nothing")), odd, max_size=3)
people = st.sampled_from(
    [person(f"{role}{unit}") for role in EVERYBODY for unit in ("", "@water", "@water-north")]
)
chance = st.integers(0, 10**6)


@cache
def made() -> tuple[Store, Store]:
    """Two boxes, made once: of the disk nothing is asked here."""
    folder = Path(mkdtemp(prefix="hotline-machine-"))
    stores = Store(folder / "box.db", 1, bind=False), Store(folder / "other.db", 2, bind=False)
    for store in stores:
        store.database.connect()
        store.database.execute_sql("PRAGMA synchronous = off")
    return stores


def boxes() -> tuple[Store, Store]:
    """The two boxes, empty."""
    for store in made():
        with store.transaction():
            for table_of in schema.ALL:
                store.execute(f"DELETE FROM {table_of._meta.table_name}")
        with_units(store)
    return made()


class Requests(RuleBasedStateMachine):
    """People and the box ask for anything; a second box races and is a few steps behind."""

    def __init__(self) -> None:
        super().__init__()
        self.store, self.other = boxes()
        self.later_s = 0.0
        self.desk = TicketDesk(self.store, lambda: time.time() + self.later_s)
        self.tids: list[bytes] = []
        self.bodies: dict[bytes, bytes] = {}
        """Every event there ever was, and what it said."""
        self.lost = 0

    def teardown(self) -> None:
        """Both boxes, and both after a rebuild, show the same."""
        events = [
            event for _, event in self.store.read(0, 100_000) if event.kind.startswith(("ticket", "workflow"))
        ]
        random.Random(len(events)).shuffle(events)
        self.other.take(events)
        before = shown(self.store)
        assert before == shown(self.other)
        self.store.rebuild()
        assert before == shown(self.store)
        assert self.store.rows("SELECT * FROM quarantine") == []

    @initialize()
    def a_first_ticket(self) -> None:
        self.tids.append(self.desk.create(person("C"), "web", TOLD).tid)

    @rule(who=people, source=st.sampled_from((*SOURCES, "pigeon")), fields=odd_fields, told=st.booleans())
    def somebody_registers(self, who: Actor, source: str, fields: dict[str, Any], told: bool) -> None:
        made = self._asked(lambda: self.desk.create(who, source, TOLD if told else fields))
        if made is not None:
            self.tids.append(made.tid)

    @rule(who=people, at=chance, name=st.sampled_from((*NAMES, "", "dance")), fields=odd_fields)
    def somebody_asks_for_any_move(self, who: Actor, at: int, name: str, fields: dict[str, Any]) -> None:
        self._asked(lambda: self.desk.move(who, self._any(at), name, fields))

    @rule(at=chance, which=chance, role=chance, seen=st.booleans())
    def somebody_who_may_makes_a_move(self, at: int, which: int, role: int, seen: bool) -> None:
        ticket = self.desk.get(self._one(at))
        moves = self.desk.workflows.of(ticket.workflow, ticket.state).moves_for(ticket.state, ACTORS)
        if not moves:
            return
        move = moves[which % len(moves)]
        roles = sorted(move.who & set(EVERYBODY))
        fields = {"reason": "理由"} | given(move.name)
        if "master" in move.needs:
            fields["master"] = self.desk.get(self._one(role)).number
        page = ticket.last_eid if seen else None
        self._asked(
            lambda: self.desk.move(person(roles[role % len(roles)]), ticket.tid, move.name, fields, page)
        )

    @rule(who=people, at=chance, which=chance, step=st.sampled_from((*STEP_NAMES, "")), fields=odd_fields)
    def somebody_asks_for_any_step(
        self, who: Actor, at: int, which: int, step: str, fields: dict[str, Any]
    ) -> None:
        tid = self._one(at)
        strands: list[str | bytes] = [*KINDS, "nothing", b"nothing", *(s.sid for s in self.desk.strands(tid))]
        self._asked(lambda: self.desk.act(who, tid, strands[which % len(strands)], step, fields))

    @rule(at=chance, kind=st.sampled_from(sorted(KINDS)), which=chance, role=chance)
    def somebody_who_may_makes_a_step(self, at: int, kind: str, which: int, role: int) -> None:
        tid = self._one(at)
        mine: list[Strand | None] = [s for s in self.desk.strands(tid) if s.kind == kind]
        strand = [*mine, None][which % (len(mine) + 1)]
        state = strand.state if strand else START
        moves = [move for move in KINDS[kind].workflow.moves if move.source == state]
        if not moves:
            return
        move = moves[which % len(moves)]
        who = sorted(move.who)[role % len(move.who)]
        who += f"@{strand.unit}" if strand and strand.unit and who in ("U2", "UL", "U3") else ""
        fields = {"reason": "理由"} | given(f"{kind}.{move.name}")
        self._asked(
            lambda: self.desk.act(person(who), tid, strand.sid if strand else kind, move.name, fields)
        )

    @rule(who=people, at=chance, fields=odd_fields, known=st.booleans())
    def somebody_edits(self, who: Actor, at: int, fields: dict[str, Any], known: bool) -> None:
        written = {name: value for name, value in fields.items() if name in REGISTERED_FIELDS or not known}
        self._asked(lambda: self.desk.edit(who, self._any(at), written))

    @rule(who=people, at=chance, text=odd)
    def somebody_notes(self, who: Actor, at: int, text: Any) -> None:
        self._asked(lambda: self.desk.note(who, self._any(at), text))

    @rule(who=people, at=chance, version=st.sampled_from(("standard@0", "fast@1", "fast@2", "", "x@y")))
    def somebody_migrates(self, who: Actor, at: int, version: str) -> None:
        self._asked(lambda: self.desk.migrate(who, self._any(at), version, "换版"))

    @rule(
        who=st.sampled_from((person("AD"), person("DP"))),
        without=st.sampled_from([move.code for move in MOVES]),
    )
    def somebody_publishes_a_workflow_without_one_move(self, who: Actor, without: str) -> None:
        moves = [move for move in SHIPPED.moves if move.code != without]
        self._asked(lambda: self.desk.workflows.publish(who, "fast", moves, ("consult",), "简化"))

    @rule(
        at=chance,
        which=st.sampled_from([move for move in MOVES if move.source != START]),
        behind=st.booleans(),
    )
    def the_other_box_moved_it_meanwhile(self, at: int, which: Any, behind: bool) -> None:
        """Its move is right only where it saw what this box has; otherwise it lost a race and is counted."""
        ticket = self.desk.get(self._one(at))
        source = which.source if behind else ticket.state
        facts = {
            "move": which.name,
            "from": source,
            "to": which.target,
            "role": "SYS",
            "by": "",
            "name": "分站",
        }
        self.other.stamp.follow(ticket.last_eid)
        event = self.other.stamp.event(Fact("ticket.moved", facts, ticket.tid))
        self.store.take([event])
        after = self.desk.get(ticket.tid)
        if source == ticket.state:
            assert (after.state, after.conflicts) == (which.target, ticket.conflicts)
        else:
            assert (after.state, after.conflicts) == (ticket.state, ticket.conflicts + 1)

    @rule(days=st.integers(1, 40))
    def time_passes(self, days: int) -> None:
        self.later_s = (self.later_s + days * DAY_S) % (400 * DAY_S)

    @invariant()
    def every_state_is_one_of_the_table_and_the_lists_add_up(self) -> None:
        tickets = table.select(self.store, "1 = 1")
        assert {ticket.tid for ticket in tickets} == set(self.tids)
        assert all(ticket.state in STATES for ticket in tickets)
        for ticket in tickets:
            workflow = self.desk.workflows.of(ticket.workflow, ticket.state)
            assert ticket.state == END or workflow.moves_for(ticket.state, ACTORS)
        counts = self.desk.counts()
        assert sum(counts[name] for name in LISTS) == len(self.tids)
        for name in LISTS:
            assert counts[name] == sum(STATES[ticket.state].list == name for ticket in tickets)

    @invariant()
    def strands_are_in_states_of_their_kind_and_open_until_an_end(self) -> None:
        for strand in strand_table.select(self.store, "1 = 1"):
            workflow = KINDS[strand.kind].workflow
            assert strand.state in workflow.states
            assert strand.open == (strand.state not in workflow.ends)

    @invariant()
    def no_event_is_lost_or_changed(self) -> None:
        now = {event.eid: event.body for _, event in self.store.read(0, 100_000)}
        assert {eid: now.get(eid) for eid in self.bodies} == self.bodies
        self.bodies = now

    @rule(at=chance, who=people)
    def somebody_looks(self, at: int, who: Actor) -> None:
        """Everything in the log is told in the story, and what is offered as a button is in the table."""
        ticket = self.desk.get(self._one(at))
        told = [step.what == "texted" for step in self.desk.timeline(ticket.tid)]
        sql = "SELECT count(*) FROM short_message WHERE ticket = ? AND direction = 'out'"
        assert told.count(True) == self.store.rows(sql, ticket.tid)[0][0], "messages stand beside the log"
        assert told.count(False) == len(self.store.history(ticket.tid))
        for move in self.desk.buttons(who, ticket):
            assert move.source == ticket.state
        for strand in self.desk.strands(ticket.tid):
            self.desk.beside.steps(who, ticket, strand)
        self.desk.beside.openings(who, ticket)

    def _one(self, at: int) -> bytes:
        return self.tids[at % len(self.tids)]

    def _any(self, at: int) -> bytes:
        return self._one(at) if at % 50 else b"nobody"

    def _asked(self, request: Callable[[], Ticket | Any]) -> Any:
        """A request is granted and writes something, or refused with a sentence and writes nothing."""
        before, words = self._events(), ""
        try:
            return request()
        except Refused as refused:
            words = str(refused)
        assert words
        assert "%(" not in words
        assert self._events() == before
        return None

    def _events(self) -> int:
        return int(self.store.rows("SELECT count(*) FROM event")[0][0])


def shown(store: Store) -> list[object]:
    """All a box shows of tickets, strands and versions."""
    return [
        table.select(store, "1 = 1 ORDER BY tid"),
        strand_table.select(store, "1 = 1 ORDER BY sid"),
        store.rows("SELECT * FROM workflow ORDER BY name, version"),
    ]


Requests.TestCase.settings = settings(max_examples=25, stateful_step_count=30)
TestRequests = Requests.TestCase
