"""A ticket is the fold of its events: the same on every box, in whatever order they came."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.events import Event, Fact, Stamp
from appliance.store.store import Store
from appliance.tickets import table
from appliance.tickets.bodies import body_of
from appliance.tickets.ticket import Ticket, fold, replay
from appliance.tickets.workflow import MOVES, STATES

T0_MS = 1_795_000_000_000


class Bench:
    """Two boxes with a clock each, writing about one ticket."""

    def __init__(self) -> None:
        self.ms = T0_MS
        self.stamps = {site: Stamp(site, lambda: self.ms) for site in (1, 2)}
        self.created = self.write(1, "ticket.created", {"number": "n", "source": "web", "by": "1001"}, None)

    def write(self, site: int, kind: str, facts: dict[str, object], subject: bytes | None = b"") -> Event:
        self.ms += 1000
        subject = self.created.eid if subject == b"" else subject
        return self.stamps[site].event(Fact(kind, facts, subject))

    def move(
        self, name: str, source: str, role: str, site: int = 1, seen: bytes = b"", **more: object
    ) -> Event:
        facts = {"move": name, "from": source, "role": role, "seen": seen.hex(), **more}
        return self.write(site, "ticket.moved", facts)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def whole(events: Sequence[Event]) -> Ticket:
    ticket = replay(events)
    assert ticket is not None
    return ticket


def dispatched(bench: Bench) -> list[Event]:
    return [
        bench.created,
        bench.move("accept", "REGISTERED", "AG"),
        bench.move("dispatch", "ACCEPTED", "DP", unit="lamp", unit_site=2),
    ]


def test_a_call_begins_as_a_draft_and_a_message_is_registered_at_once(bench: Bench) -> None:
    call = bench.write(1, "ticket.created", {"number": "n", "source": "phone"}, None)
    assert (whole([bench.created]).state, whole([call]).state) == ("REGISTERED", "DRAFT")


def test_the_last_writer_of_a_field_stands(bench: Bench) -> None:
    first = bench.write(1, "ticket.edited", {"fields": {"title": "a", "area": "东"}})
    second = bench.write(2, "ticket.edited", {"fields": {"title": "b"}})
    ticket = whole([second, bench.created, first])
    assert (ticket.title, ticket.area) == ("b", "东")


def test_a_dispatch_names_the_unit_and_starts_its_clock(bench: Bench) -> None:
    events = dispatched(bench)
    ticket = whole(events)
    assert (ticket.state, ticket.unit, ticket.unit_site) == ("DISPATCHED", "lamp", 2)
    assert ticket.dispatched_s == ticket.state_s == events[-1].at_s


def test_a_move_that_lost_a_race_is_counted_and_changes_nothing_else(bench: Bench) -> None:
    events = dispatched(bench)
    before = whole(events)
    late = bench.move("dispatch", "ACCEPTED", "DP", site=2, unit="road", unit_site=1)
    after = whole([*events, late])
    assert (after.state, after.unit, after.conflicts) == ("DISPATCHED", "lamp", 1)
    assert after.state_eid == before.state_eid
    assert after.last_eid == late.eid


def test_a_move_by_a_role_the_table_does_not_allow_changes_nothing(bench: Bench) -> None:
    ticket = whole([bench.created, bench.move("accept", "REGISTERED", "U2")])
    assert (ticket.state, ticket.conflicts) == ("REGISTERED", 1)


def test_a_move_of_a_later_version_is_kept_and_changes_nothing(bench: Bench) -> None:
    ticket = whole([bench.created, bench.move("teleport", "REGISTERED", "AG")])
    assert (ticket.state, ticket.conflicts) == ("REGISTERED", 1)


def test_a_withdrawal_at_the_centre_holds_whatever_the_branch_did_meanwhile(bench: Bench) -> None:
    events = dispatched(bench)
    seen = events[-1].eid
    branch = [
        bench.move("sign", "DISPATCHED", "U2", site=2),
        bench.move("submit_result", "HANDLING", "U2", site=2),
    ]
    withdrawn = bench.move("withdraw", "DISPATCHED", "AG", seen=seen)
    assert whole([*events, *branch, withdrawn]).state == "CLOSE_REVIEW"


def test_a_withdrawal_that_had_seen_the_result_is_too_late(bench: Bench) -> None:
    events = [
        *dispatched(bench),
        bench.move("sign", "DISPATCHED", "U2"),
        bench.move("submit_result", "HANDLING", "U2"),
    ]
    ticket = whole([*events, bench.move("withdraw", "HANDLING", "AG", seen=events[-1].eid)])
    assert (ticket.state, ticket.conflicts) == ("FEEDBACK", 1)


def test_feedback_after_a_withdrawal_is_kept_as_a_conflict(bench: Bench) -> None:
    events = [*dispatched(bench), bench.move("withdraw", "DISPATCHED", "AG")]
    ticket = whole([*events, bench.move("submit_result", "HANDLING", "U2", site=2, result="done")])
    assert (ticket.state, ticket.result, ticket.conflicts) == ("CLOSE_REVIEW", "", 1)


def test_what_is_archived_is_frozen(bench: Bench) -> None:
    events = [
        bench.created,
        bench.move("withdraw", "REGISTERED", "AG"),
        bench.move("archive", "WITHDRAWN", "DP"),
    ]
    ticket = whole([*events, bench.write(2, "ticket.edited", {"fields": {"title": "late"}})])
    assert (ticket.state, ticket.title, ticket.conflicts) == ("ARCHIVED", "", 1)


def test_a_reopened_ticket_is_no_longer_closed(bench: Bench) -> None:
    events = [
        bench.created,
        bench.move("accept", "REGISTERED", "AG"),
        bench.move("withdraw", "ACCEPTED", "AG"),
    ]
    events.append(bench.move("confirm_close", "CLOSE_REVIEW", "DP"))
    closed = whole(events)
    events.append(bench.move("citizen_reopen", "CLOSED", "AG"))
    assert closed.closed_s == events[-2].at_s
    assert whole(events).closed_s is None
    assert whole(events).accepted_s == events[1].at_s


def test_without_its_beginning_there_is_no_ticket(bench: Bench) -> None:
    assert replay([bench.move("accept", "REGISTERED", "AG")]) is None


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("ticket.created", b"{}"),
        ("ticket.created", b'{"number":"1","source":"web","fields":{"title":7}}'),
        ("ticket.created", b'{"number":"1","source":"web","fields":{"confidential":1}}'),
        ("ticket.created", b'{"number":"1","source":"web","call":"xyz"}'),
        ("ticket.edited", b'{"fields":[]}'),
        ("ticket.edited", b"not json"),
        ("ticket.moved", b'{"move":"accept"}'),
        ("ticket.moved", b'{"move":"accept","from":"REGISTERED","role":"AG","unit_site":"two"}'),
        ("ticket.noted", b'{"text":null}'),
        ("ticket.noted", b'{"text":"\\ud800"}'),
    ],
)
def test_a_malformed_body_is_refused(bench: Bench, kind: str, body: bytes) -> None:
    eid = bench.stamps[1].eid()
    with pytest.raises(ValueError, match=r"."):
        body_of(Event(eid, eid if kind == "ticket.created" else bench.created.eid, kind, 1, body))


def test_a_second_beginning_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="own subject"):
        body_of(bench.write(1, "ticket.created", {"number": "2", "source": "web"}))


def test_a_kind_of_a_later_version_changes_nothing(bench: Bench) -> None:
    assert whole([bench.created, bench.write(1, "ticket.praised", {})]) == whole([bench.created])


sites = st.sampled_from((1, 2))
NAMES = sorted({move.name for move in MOVES})
steps = st.one_of(
    st.tuples(
        st.just("ticket.moved"),
        sites,
        st.fixed_dictionaries(
            {
                "move": st.sampled_from(NAMES),
                "from": st.sampled_from(sorted(STATES)),
                "role": st.sampled_from(("AG", "DP", "U2", "CB", "C", "SYS")),
                "unit": st.sampled_from(("lamp", "water")),
                "seen": st.sampled_from(("", "00", "ff")),
            }
        ),
    ),
    st.tuples(
        st.just("ticket.edited"),
        sites,
        st.fixed_dictionaries(
            {
                "fields": st.dictionaries(
                    st.sampled_from(("title", "area", "phone", "later")), st.text(max_size=3)
                )
            }
        ),
    ),
    st.tuples(st.just("ticket.noted"), sites, st.fixed_dictionaries({"text": st.text(max_size=3)})),
    st.tuples(st.just("ticket.edited"), sites, st.just({"fields": {"title": 7}})),
    st.tuples(st.just("ticket.later"), sites, st.just({"x": 1})),
)


def history(script: list[tuple[str, int, dict[str, object]]], backwards: int) -> list[Event]:
    """Events of a script; one clock runs backwards, so some sort before the beginning."""
    bench = Bench()
    events = [bench.created]
    for at, (kind, site, facts) in enumerate(script):
        if at == backwards:
            bench.ms -= 5_000
            bench.stamps[2] = Stamp(2, lambda: bench.ms)
        events.append(bench.write(site, kind, facts))
    return events


@given(st.lists(steps, max_size=12), st.integers(0, 20), st.randoms(use_true_random=False))
def test_any_order_of_the_same_events_folds_to_the_same_ticket(
    script: list[tuple[str, int, dict[str, object]]], backwards: int, chance: random.Random
) -> None:
    events = history(script, backwards)
    shuffled = chance.sample(events, len(events))
    assert replay(shuffled) == replay(events)


@given(st.lists(steps, max_size=12))
def test_folding_one_by_one_is_replaying_the_whole(script: list[tuple[str, int, dict[str, object]]]) -> None:
    events = history(script, 99)
    ticket: Ticket | None = None
    for event in events:
        try:
            ticket = fold(ticket, event)
        except ValueError:
            continue
    assert ticket == replay(events)


@pytest.fixture(scope="module")
def boxes(engine: object, tmp_path_factory: pytest.TempPathFactory) -> list[Store]:
    folder = tmp_path_factory.mktemp("boxes")
    return [Store(folder / f"{site}.db", site, bind=False) for site in (1, 2)]


@settings(max_examples=20)
@given(
    script=st.lists(steps, max_size=10),
    backwards=st.integers(0, 12),
    chance=st.randoms(use_true_random=False),
    size=st.integers(1, 4),
)
def test_boxes_with_the_same_events_show_the_same_row_and_so_does_a_rebuild(
    boxes: list[Store],
    script: list[tuple[str, int, dict[str, object]]],
    backwards: int,
    chance: random.Random,
    size: int,
) -> None:
    events = history(script, backwards)
    rows = [(replay(events),)]
    for store, order in zip(boxes, (events, chance.sample(events, len(events))), strict=True):
        with store.transaction():
            for table_name in ("event", "ticket", "quarantine"):
                store.execute(f"DELETE FROM {table_name}")
        for at in range(0, len(order), size):
            store.take(order[at : at + size])
        rows.append((table.load(store, events[0].eid),))
        store.rebuild()
        rows.append((table.load(store, events[0].eid),))
    assert len(set(rows)) == 1


def test_two_tickets_with_one_number_are_both_kept(boxes: list[Store]) -> None:
    made = [Bench().created, Bench().created]
    boxes[0].take(made)
    assert all(table.load(boxes[0], event.eid) for event in made)


def test_a_malformed_event_is_kept_set_aside_and_stops_nothing(boxes: list[Store], bench: Bench) -> None:
    bad = bench.write(1, "ticket.edited", {"fields": {"title": 7}})
    good = bench.write(1, "ticket.edited", {"fields": {"title": "ok"}})
    boxes[0].take([bench.created, bad, good])
    ticket = table.load(boxes[0], bench.created.eid)
    assert ticket is not None
    assert ticket.title == "ok"
    assert boxes[0].rows("SELECT 1 FROM quarantine WHERE eid = ?", bad.eid)
    assert boxes[0].rows("SELECT 1 FROM event WHERE eid = ?", bad.eid)
