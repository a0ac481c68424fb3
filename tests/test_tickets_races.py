"""Two boxes race about one ticket and its strands: whatever arrives in whatever order, both show the same."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.events import Event, Fact, Stamp
from appliance.store.store import Store
from appliance.tickets import strand_table, table
from appliance.tickets.strands import EVENT, KINDS, Strand, replay
from appliance.tickets.workflow import MOVES, SHIPPED, STATES

T0_MS = 1_795_000_000_000
Row = tuple[str, int, dict[str, Any], int]
"""Kind of event, who wrote it, its facts, and which strand it speaks of."""

sites = st.sampled_from((1, 2))
MOVE_ROWS = [m for m in MOVES if m.source]
moved = st.one_of(
    st.sampled_from(MOVE_ROWS).map(
        lambda m: {
            "move": m.name,
            "from": m.source,
            "to": m.target,
            "role": sorted(m.who)[0],
            "final": m.final,
        }
    ),
    st.sampled_from(MOVE_ROWS).map(
        lambda m: {
            "move": m.name,
            "from": m.source,
            "to": m.target,
            "role": sorted(m.who)[0],
            "also": SHIPPED.elsewhere(m),
            "unit": "lamp",
        }
    ),
    st.sampled_from(MOVE_ROWS).map(lambda m: {"move": m.name, "from": m.source, "role": sorted(m.who)[0]}),
    st.fixed_dictionaries(
        {
            "move": st.just("x"),
            "from": st.sampled_from(sorted(STATES)),
            "to": st.just("NOWHERE"),
            "role": st.just("AG"),
        }
    ),
)
STRAND_MOVES = [(kind.name, move) for kind in KINDS.values() for move in kind.workflow.moves]
stepped = st.sampled_from(STRAND_MOVES).flatmap(
    lambda row: st.fixed_dictionaries(
        {
            "kind": st.just(row[0]),
            "step": st.just(row[1].name),
            "from": st.just(row[1].source),
            "to": st.just(row[1].target),
            "role": st.just("DP"),
            "ended": st.just(row[1].target in KINDS[row[0]].workflow.ends),
            "unit": st.sampled_from(("lamp", "water")),
            "fields": st.sampled_from(({}, {"text": "a"}, {"task": "b"})),
        }
    )
)
malformed = st.sampled_from(
    (
        ("ticket.strand", {"kind": "urge"}),
        (
            "ticket.strand",
            {"kind": "urge", "step": "read", "from": "SENT", "to": "READ", "role": "U2", "strand": "zz"},
        ),
        ("ticket.strand", {"kind": 7}),
        ("ticket.strand", {"kind": "later", "step": "open", "from": "", "to": "X", "role": "DP"}),
        ("ticket.strand", {"kind": "urge", "step": "send", "from": "", "to": "LATER", "role": "DP"}),
        ("ticket.moved", {"move": "accept"}),
        ("ticket.edited", {"fields": {"title": 7}}),
        ("ticket.migrated", {"workflow": None}),
        ("ticket.due", {"due": {"case_due": "x"}}),
    )
)
migrated = st.sampled_from(("fast@1", "x")).map(lambda workflow: {"workflow": workflow})
edited = st.sampled_from(({"fields": {"title": "a"}, "workflow": "fast@2"}, {"fields": {}}))
rows = st.one_of(
    st.tuples(st.just("ticket.moved"), sites, moved, st.just(0)),
    st.tuples(st.just("ticket.strand"), sites, stepped, st.integers(-1, 3)),
    st.tuples(st.just("ticket.migrated"), sites, migrated, st.just(0)),
    st.tuples(st.just("ticket.edited"), sites, edited, st.just(0)),
    st.tuples(malformed, sites).map(lambda row: (row[0][0], row[1], row[0][1], -1)),
)


def told(script: Sequence[Row], backwards: int, two_tickets: bool) -> list[Event]:
    """Events of a script over one ticket or two; at one place a clock runs backwards."""
    clock = [T0_MS]
    stamps = {site: Stamp(site, lambda: clock[0]) for site in (1, 2)}
    tickets = [
        stamps[1].event(Fact("ticket.created", {"number": f"n{at}", "source": "web"})) for at in (0, 1)
    ]
    events, opened = list(tickets), list[Event]()
    for at, (kind, site, facts, which) in enumerate(script):
        clock[0] += 1000
        if at == backwards:
            clock[0] -= 5_000
            stamps[site] = Stamp(site, lambda: clock[0])
        subject = tickets[at % 2 if two_tickets else 0].eid
        body: Mapping[str, Any] = facts
        if kind == "ticket.strand" and "strand" not in facts and facts.get("from") and opened and which >= 0:
            body = {**facts, "strand": opened[which % len(opened)].eid.hex()}
        event = stamps[site].event(Fact(kind, body, subject))
        if kind == "ticket.strand" and facts.get("from") == "":
            opened.append(event)
        events.append(event)
    return events


@pytest.fixture(scope="module")
def boxes(engine: object, tmp_path_factory: pytest.TempPathFactory) -> list[Store]:
    folder = tmp_path_factory.mktemp("racing")
    return [Store(folder / f"{site}.db", site, bind=False) for site in (1, 2)]


def shown(store: Store) -> dict[str, list[Any]]:
    """Everything a box shows of tickets and strands, and what it set aside."""
    return {
        "tickets": table.select(store, "1 = 1 ORDER BY tid"),
        "strands": strand_table.select(store, "1 = 1 ORDER BY sid"),
        "events": store.rows("SELECT eid, body FROM event ORDER BY eid"),
        "set aside": store.rows("SELECT eid FROM quarantine ORDER BY eid"),
    }


def of_strand(event: Event, strand: Strand) -> bool:
    """Whether an event is a step of a strand of its ticket."""
    if event.kind != EVENT or event.subject != strand.tid:
        return False
    return event.eid == strand.sid or event.facts.get("strand") == strand.sid.hex()


@settings(max_examples=60)
@given(
    script=st.lists(rows, max_size=14),
    backwards=st.integers(0, 16),
    two_tickets=st.booleans(),
    chance=st.randoms(use_true_random=False),
    size=st.integers(1, 5),
)
def test_boxes_show_the_same_tickets_and_strands_in_any_order_of_arrival_and_after_a_rebuild(
    boxes: list[Store],
    script: list[Row],
    backwards: int,
    two_tickets: bool,
    chance: random.Random,
    size: int,
) -> None:
    events = told(script, backwards, two_tickets)
    seen = []
    for store, order in zip(boxes, (events, chance.sample(events, len(events))), strict=True):
        with store.transaction():
            for name in ("event", "ticket", "strand", "quarantine"):
                store.execute(f"DELETE FROM {name}")
            for at in range(0, len(order), size):
                store.take(order[at : at + size])
            seen.append(shown(store))
            store.rebuild()
            seen.append(shown(store))
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert {row[0] for row in seen[0]["events"]} == {event.eid for event in events}
    assert all(ticket.state in STATES for ticket in seen[0]["tickets"])
    for strand in seen[0]["strands"]:
        assert strand == replay(event for event in events if of_strand(event, strand))
