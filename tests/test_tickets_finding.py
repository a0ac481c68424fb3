"""Finding tickets: full text against a slow reader, any combination, pages by key, and what people type."""

import random
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.events import Event, Fact, Stamp
from appliance.people import Actor
from appliance.store.store import Store
from appliance.tickets import facets, refilling, table
from appliance.tickets.desk import TicketDesk
from appliance.tickets.finder import Finder
from appliance.tickets.finding import LAST, SORTS, Particular, Period, Query, cursor, with_subtree
from appliance.tickets.forms import DANGERS
from appliance.tickets.ticket import Ticket, fold
from appliance.tickets.ways import Ways
from appliance.tickets.workflow import LISTS, STATES
from tests.engines import full_text

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
CALLER = Actor("1300", "吴琳", frozenset({"CB"}))
LEADER = Actor("1400", "陈立", frozenset({"LD"}))
LAMP = Actor("2001", "孙立", frozenset({"U2"}), "lamp")
TOLD = {"kind": "complaint", "title": "路灯不亮", "content": "三盏路灯不亮", "category": "0101"}
SIGNED = 4
"""Steps until a unit has signed."""


def opened(folder: Path) -> Store:
    """A store with two units and a few categories."""
    store = Store(folder / "box.db", 1, bind=False)
    with store.transaction():
        for code in ("lamp", "water"):
            store.execute(
                "INSERT INTO unit (code, name, name_en, site, phone) VALUES (?, ?, '', 1, '')", code, code
            )
        for code, parent in (("01", ""), ("0101", "01"), ("010101", "0101"), ("02", "")):
            store.execute(
                "INSERT INTO category (code, parent, name, name_en, unit) VALUES (?, ?, ?, '', '')",
                *(code, parent, code),
            )
    return store


@pytest.fixture(scope="module")
def scratch(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = opened(tmp_path_factory.mktemp("scratch"))
    with store.database.connection_context():
        yield store


@pytest.fixture
def empty(scratch: Store) -> Store:
    """A store without a ticket."""
    with scratch.transaction():
        for name in ("event", "ticket", "strand", "quarantine"):
            scratch.execute(f"DELETE FROM {name}")
        facets.clear(scratch)
    return scratch


def told(store: Store, at_s: float, **fields: object) -> Ticket:
    """A ticket registered at a time of one's own."""
    own, store.stamp = store.stamp, Stamp(store.site, lambda: int(at_s * 1000))
    try:
        return TicketDesk(store, lambda: at_s).create(AGENT, "phone", {**TOLD, **fields})
    finally:
        store.stamp = own


def every(store: Store) -> list[Ticket]:
    return table.select(store, "1 = 1 ORDER BY tid")


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=20), st.text(max_size=40))
def test_any_hostile_text_is_only_text(store: Store, text: str, number: str, citizen: str, at: str) -> None:
    finder = Finder(store)
    query = Query(
        text=text, number=number, citizen=citizen, phone=number, area=(f"no {text}",), unit=(citizen,)
    )
    strange = Query(
        home=text, closing=(number,), extra=(Particular(citizen, text), Particular(text, at, True))
    )
    finder.find(strange, at)
    assert finder.find(query, at).tickets == finder.find(query, at, rows=-5).tickets == []
    finder.find(Query(text=text), at)


def test_a_word_runs_from_no_field_into_the_next(empty: Store) -> None:
    told(empty, 1000, title="路灯", content="不亮")
    assert Finder(empty).count(Query(text="灯不")) == (0, False)
    assert Finder(empty).count(Query(text="不亮 路灯")) == (1, False)


def test_what_a_ticket_no_longer_says_no_longer_finds_it(empty: Store) -> None:
    ticket = told(empty, 1000, phone="10012345678")
    desk, finder = TicketDesk(empty), Finder(empty)
    desk.edit(AGENT, ticket.tid, {"content": "水管漏水", "title": "水管", "phone": "10087654321"})
    for text, count in (("路灯", 0), ("水管 漏水", 1), ("5678", 0), ("4321", 1)):
        assert finder.count(Query(text=text))[0] == count
    assert finder.count(Query(kind=("complaint",), state=("DRAFT",)))[0] == 1
    desk.move(AGENT, ticket.tid, "submit")
    assert finder.count(Query(kind=("complaint",), state=("DRAFT",)))[0] == 0
    assert finder.count(Query(kind=("complaint",), state=("REGISTERED",)))[0] == 1


def soon() -> str:
    """A day ahead, as people write it."""
    return time.strftime("%Y-%m-%d", time.localtime(time.time() + 20 * 86_400))


def moved(store: Store, count: int, chance: random.Random) -> list[Ticket]:
    """Tickets of all sorts, each gone some way."""
    desk = TicketDesk(store)
    ways: Sequence[tuple[Actor, str, dict[str, str]]] = (
        (AGENT, "submit", {}),
        (AGENT, "accept", {}),
        (DISPATCHER, "dispatch", {"unit": "lamp"}),
        (LAMP, "sign", {}),
        (LAMP, "submit_result", {"result": "已更换灯泡"}),
        (DISPATCHER, "pass", {"answer": "已修好"}),
        (CALLER, "satisfied", {"rating": "satisfied", "closing": "solved"}),
    )
    aside = (LEADER, "approve_suspend", {"reason": "冬季停工", "planned": soon()})
    for at in range(count):
        ticket = told(
            store,
            10_000 + at * 7 // 3,
            kind=chance.choice(("complaint", "repair")),
            category=chance.choice(("0101", "010101", "02")),
            area=chance.choice(("云东区", "云 西")),
            urgency=chance.choice(("normal", "urgent")),
            citizen=chance.choice(("王晓燕", "李明")),
            phone=chance.choice(("", "10012345678", "10099912")),
            confidential=chance.random() < 0.3,
            key=chance.random() < 0.2,
            home=chance.choice(("", "", "云东区和平里3号")),
            behalf=chance.choice(("", "", "母亲")),
            outlet=chance.choice(("", "", "云州日报")),
            extra=chance.choice(({}, {}, {"enterprise": "云州奶业", "danger": chance.choice((*DANGERS,))})),
        )
        gone = ways[: chance.randrange(len(ways) + 1)]
        if len(gone) == SIGNED and chance.random() < 0.7:
            gone = (*gone, aside)
        for actor, name, fields in gone:
            desk.move(actor, ticket.tid, name, fields)
    return every(store)


CONDITIONS: Sequence[tuple[dict[str, Any], Any]] = (
    ({"kind": ("repair",)}, lambda t: t.kind == "repair"),
    ({"category": ("01",)}, lambda t: t.category.startswith("01")),
    ({"area": ("云 西", "nowhere")}, lambda t: t.area == "云 西"),
    ({"urgency": ("urgent",)}, lambda t: t.urgency == "urgent"),
    ({"unit": ("lamp",)}, lambda t: t.unit == "lamp"),
    ({"unit": ("LAMP",)}, lambda t: t.unit == "LAMP"),
    ({"lists": ("intake", "handling")}, lambda t: STATES[t.state].list in ("intake", "handling")),
    ({"state": ("HANDLING", "DRAFT")}, lambda t: t.state in ("HANDLING", "DRAFT")),
    ({"confidential": True}, lambda t: t.confidential),
    ({"confidential": False}, lambda t: not t.confidential),
    ({"citizen": "晓燕"}, lambda t: t.citizen == "王晓燕"),
    ({"phone": "5678"}, lambda t: t.phone.endswith("5678")),
    ({"phone": "100"}, lambda t: t.phone == "100"),
    ({"text": "灯泡"}, lambda t: "灯泡" in t.result),
    ({"created": Period(10_010, 10_030)}, lambda t: 10_010 <= t.created_s < 10_030),
    ({"accepted": Period(None, 4e9)}, lambda t: t.accepted_s is not None),
    ({"dispatched": Period(1.0)}, lambda t: t.dispatched_s is not None),
    ({"closed": Period(0.0, 4e9)}, lambda t: t.closed_s is not None),
    ({"clock": "overdue", "now_s": 1e10}, lambda t: t.due_s is not None),
    ({"clock": "overdue", "now_s": 1e6}, lambda t: t.due_s is not None and t.due_s < 1e6),
    ({"clock": "running"}, lambda t: t.due_s is not None),
    ({"clock": "paused"}, lambda t: t.paused_s is not None),
    ({"clock": "soon", "now_s": 1e6}, lambda t: t.due_s is not None and t.warn_s <= 1e6 <= t.due_s),
    ({"due": Period(1e9, None)}, lambda t: t.case_due_s is not None),
    ({"concerned": ("lamp",)}, lambda t: t.unit == "lamp"),
    ({"agent": ("1001",)}, lambda t: t.created_by == "1001"),
    ({"conflicts": True}, lambda t: t.conflicts > 0),
    ({"key": True}, lambda t: t.key),
    ({"key": False}, lambda t: not t.key),
    ({"paused": True}, lambda t: t.paused_s is not None),
    ({"paused": False}, lambda t: t.paused_s is None),
    ({"provisional": False}, lambda t: not t.provisional),
    ({"provisional": True}, lambda t: t.provisional),
    ({"closing": ("solved",)}, lambda t: t.closing == "solved"),
    ({"closing": ("", "withdrawn")}, lambda t: t.closing in ("", "withdrawn")),
    ({"rating": ("satisfied",)}, lambda t: t.rating == "satisfied"),
    ({"rating": ("",)}, lambda t: t.rating == ""),
    ({"home": "和平里"}, lambda t: "和平里" in t.home),
    ({"citizen": "母亲"}, lambda t: t.behalf == "母亲"),
    ({"text": "云州日报"}, lambda t: t.outlet == "云州日报"),
    ({"text": "人身危险"}, lambda t: t.extras.get("danger") == "people"),
    ({"extra": (Particular("enterprise", "奶业"),)}, lambda t: t.extras.get("enterprise") == "云州奶业"),
    ({"extra": (Particular("danger", "none", True),)}, lambda t: t.extras.get("danger") == "none"),
    ({"site": (1,)}, lambda t: t.site == 1),
    ({"site": (2,)}, lambda t: False),
)


@pytest.fixture(scope="module")
def store(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with sixty tickets of all sorts."""
    store = opened(tmp_path_factory.mktemp("finding"))
    with store.database.connection_context():
        moved(store, 60, random.Random(3))
        yield store


@pytest.fixture(scope="module")
def mixed(engine: object, store: Store) -> list[Ticket]:
    return every(store)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("many", [False, True])
def test_any_combination_finds_what_going_through_all_finds_in_order(
    mixed: list[Ticket], store: Store, sort: str, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if many:
        monkeypatch.setattr("appliance.tickets.ways.SORT_US", 1e9)
        monkeypatch.setattr("appliance.tickets.ways.NARROW", 1)
    chance, finder = random.Random(sort), Finder(store)
    for _ in range(150):
        chosen = chance.sample(CONDITIONS, chance.randrange(4))
        query = Query(sort=sort, ascending=chance.random() < 0.5)
        for asked, _ in chosen:
            query = replace(query, **asked)
        if query.clock and [asked for asked, _ in chosen if "clock" in asked][1:]:
            continue
        holds = [test for asked, test in chosen if all(getattr(query, n) == v for n, v in asked.items())]
        expected = [ticket for ticket in mixed if all(test(ticket) for test in holds)]
        found = finder.find(query, rows=100)
        never_s = facets.FAR_S if sort == "due" else 0.0
        order = sorted(
            expected,
            key=lambda t: (getattr(t, f"{sort}_s") or never_s, t.tid),
            reverse=not query.ascending,
        )
        assert [t.number for t in found.tickets] == [t.number for t in order], query
        assert (found.total, found.more) == (len(expected), False)


@pytest.mark.parametrize("query", [Query(kind=("complaint", "repair", "help")), Query(text="灯")])
def test_where_counting_takes_long_it_ends_with_the_page_and_pages_go_on(
    mixed: list[Ticket], store: Store, monkeypatch: pytest.MonkeyPatch, query: Query
) -> None:
    finder = Finder(store)
    whole = finder.find(query, rows=100)
    assert (whole.total > 8, whole.more) == (True, False)
    monkeypatch.setattr("appliance.tickets.finder.QUICK_US", -1.0)
    monkeypatch.setattr("appliance.tickets.finder.SLOW_US", -1.0)
    page = finder.find(query, rows=4)
    assert (page.total, page.more) == (4, True)
    told = [*page.tickets]
    while page.older:
        page = finder.find(query, page.older, rows=4)
        told += page.tickets
    assert [ticket.tid for ticket in told] == [ticket.tid for ticket in whole.tickets]


def test_a_crowd_of_one_moment_does_not_make_its_words_common(empty: Store) -> None:
    """A thousand tickets a minute apart, then four hundred at once: half of those, but nine of ten before."""
    begin_ms, events = 1_700_000_000_000, list[Event]()
    for nth in range(1000):
        stamp = Stamp(1, lambda ms=begin_ms + 60_000 * nth: ms)  # type: ignore[misc]
        events.append(stamp.event(told_of("公交晚点" if nth % 10 else "井盖丢失", nth)))
    at_once = Stamp(1, lambda: begin_ms + 60_000 * 1000)
    events += [
        at_once.event(told_of("公交晚点" if nth % 2 else "井盖丢失", 1000 + nth)) for nth in range(400)
    ]
    empty.take(events)
    assert Finder(empty).find(Query(text="井盖")).total == 300
    if empty.engine.name == "sqlite":
        assert Ways(empty)._share('words : "公"') == pytest.approx(0.59, abs=0.02)


def told_of(content: str, nth: int) -> Fact:
    return Fact("ticket.created", {"number": str(nth), "source": "web", "fields": {"content": content}})


def test_a_unit_with_a_part_in_a_ticket_finds_and_counts_it_too(empty: Store) -> None:
    desk, finder = TicketDesk(empty), Finder(empty)
    ticket = desk.move(AGENT, desk.create(AGENT, "web", TOLD).tid, "accept")
    desk.move(DISPATCHER, ticket.tid, "dispatch", {"unit": "lamp", "assisting": ["water"], "task": "看水管"})
    for unit in ("lamp", "water"):
        assert finder.count(Query(concerned=(unit,)))[0] == 1
        assert finder.count(Query(concerned=(unit,), text="路灯"))[0] == 1
        assert desk.counts(unit)["dispatched"] == desk.lists(("dispatched",), unit).total == 1
    assert finder.count(Query(unit=("water",)))[0] == 0
    assert [desk.counts()[name] for name in LISTS] == [0, 0, 1, 0, 0, 0]
    now = everything_found_by(empty)
    empty.rebuild()
    assert everything_found_by(empty) == now
    with empty.transaction():
        facets.clear(empty)
        refilling.refill(empty)
    assert everything_found_by(empty) == now


def test_states_and_lists_that_exclude_each_other_find_nothing(mixed: list[Ticket], store: Store) -> None:
    finder = Finder(store)
    for sort in SORTS:
        found = finder.find(Query(lists=("closed",), state=("HANDLING",), sort=sort))
        assert (list(found.tickets), found.total) == ([], 0)
    assert finder.count(Query(lists=("no_such_list",)))[0] == 0


@pytest.mark.parametrize("sort", ["created", "accepted"])
def test_pages_show_each_ticket_once_while_others_are_added_and_go_back_the_same_way(
    empty: Store, sort: str
) -> None:
    was = moved(empty, 25, random.Random(5))
    finder, query, seen, pages = Finder(empty), Query(sort=sort), list[str](), list[list[str]]()
    at = ""
    while True:
        page = finder.find(query, at, rows=4)
        pages.append([ticket.number for ticket in page.tickets])
        seen += pages[-1]
        TicketDesk(empty).create(AGENT, "phone", TOLD)
        at = page.older
        if not at:
            break
    assert [number for number in seen if seen.count(number) > 1] == []
    assert {ticket.number for ticket in was} <= set(seen)
    back, at = [], page.newer
    while at:
        page = finder.find(query, at, rows=4)
        back.append([ticket.number for ticket in page.tickets])
        at = page.newer
    if sort == "created":
        assert back[: len(pages) - 1] == pages[-2::-1]
    last = finder.find(query, LAST, rows=4)
    assert not last.older
    assert last.newer


def test_a_cursor_is_read_as_it_was_written_and_anything_else_is_none() -> None:
    for text in ("after~1764428987.123~7057715948492~10000+", "before~0.0~1~7"):
        found = cursor(text)
        assert found is not None
        assert found.written() == text
    assert all(
        cursor(text) is None for text in ("", LAST, "after~x~1~1", "after~1.0~1~1; DROP", "after~1.0~²~1")
    )


def test_the_six_lists_add_up_to_all_that_was_received(mixed: list[Ticket], store: Store) -> None:
    finder = Finder(store)
    by_list = {name: finder.count(Query(lists=(name,)))[0] for name in LISTS}
    assert sum(by_list.values()) == finder.count(Query())[0] == len(mixed)
    assert {name: TicketDesk(store).counts()[name] for name in LISTS} == by_list
    for unit in ("", "lamp"):
        counts = TicketDesk(store).counts(unit)
        assert sum(counts[name] for name in LISTS) == sum(counts[state] for state in STATES)
    for name, count in by_list.items():
        assert finder.count(Query(lists=(name,), site=(1,)))[0] == count


def test_sums_reconcile_with_what_is_counted(mixed: list[Ticket], store: Store) -> None:
    finder, query = Finder(store), Query(kind=("repair",), text="路灯")
    for by in (("unit",), ("state", "category"), ("area", "urgency")):
        assert sum(finder.sums(query, by).values()) == finder.count(query)[0]
    assert finder.sums(Query(), ("kind",)) == {
        (kind,): sum(ticket.kind == kind for ticket in mixed) for kind in ("complaint", "repair")
    }


def test_a_query_counts_no_further_than_it_must(mixed: list[Ticket], store: Store) -> None:
    assert Finder(store).count(Query(kind=("repair", "complaint")), most=10) == (10, True)
    assert [len(batch) for batch in Finder(store).each(Query(), most=50, rows=20)] == [20, 20, 10]
    everything = [t for batch in Finder(store).each(Query(sort="changed"), most=999, rows=7) for t in batch]
    assert len({ticket.tid for ticket in everything}) == len(everything) == len(mixed)


def test_every_category_below_is_meant_too_even_in_a_circle() -> None:
    assert with_subtree(("a",), {"a": ["b", "c"], "b": ["a", "d"]}) == ("a", "b", "c", "d")


def everything_found_by(store: Store) -> list[Any]:
    """All tables tickets are found by, the full text term by term."""
    terms = full_text(store)
    rows = store.rows("SELECT * FROM ticket_facet ORDER BY doc")
    return [terms, rows, store.rows("SELECT * FROM ticket_count ORDER BY 1, 2")]


def test_folding_anew_or_indexing_anew_gives_the_same_index(empty: Store) -> None:
    moved(empty, 30, random.Random(7))
    now = everything_found_by(empty)
    assert len(now[0]) >= 30
    empty.rebuild()
    assert everything_found_by(empty) == now
    with empty.transaction():
        facets.clear(empty)
        refilling.refill(empty)
    assert everything_found_by(empty) == now


def test_tickets_of_an_older_database_are_indexed_when_it_is_opened(tmp_path: Path) -> None:
    old = Store(tmp_path / "box.db", 1, bind=False)
    ticket = told(old, 1000.0)
    with old.transaction():
        old.execute("DROP TABLE ticket_text")
        old.execute("DELETE FROM setting")
        old.execute("DELETE FROM ticket_facet")
        old.execute("DELETE FROM likeness")
    new = Store(tmp_path / "box.db", 1, bind=False)
    assert [found.tid for found in Finder(new).find(Query(text="路灯")).tickets] == [ticket.tid]
    assert new.rows("SELECT DISTINCT tid FROM likeness") == [(ticket.tid,)]
    TicketDesk(new).note(AGENT, ticket.tid, "再次来电")
    assert Finder(new).count(Query(kind=("complaint",)))[0] == 1


def test_tickets_of_one_moment_have_places_of_their_own_in_order_of_arrival(store: Store) -> None:
    stamp = Stamp(1, lambda: 5_000)
    events = [stamp.event(Fact("ticket.created", {"number": str(at), "source": "web"})) for at in range(7)]
    tids = sorted(event.eid for event in events)
    arrived = {tid: at for at, tid in enumerate(random.Random(1).sample(tids, 7))}
    tickets = [found for event in events if (found := fold(None, event))]
    placed = list(refilling.placed(sorted(tickets, key=lambda t: t.tid), arrived.__getitem__))
    assert [doc for doc, _ in placed] == list(range(20_000, 20_007))
    assert [arrived[ticket.tid] for _, ticket in placed] == list(range(7))


QUERIES = (
    Query(),
    Query(text="路灯 不亮"),
    Query(lists=("handling",), unit=("lamp",)),
    Query(lists=("handling",), sort="due", ascending=True),
    Query(kind=("repair",), area=("云东区",), closed=Period(0.0, 1e9)),
    Query(closed=Period(0.0, 1e9)),
    Query(sort="changed"),
    Query(sort="changed", text="路灯"),
    Query(clock="overdue", now_s=1e9),
    Query(clock="overdue", now_s=1e9, concerned=("water",)),
    Query(clock="soon", now_s=1e9, concerned=("lamp",)),
    Query(key=True),
    Query(key=False, paused=False),
    Query(closing=("solved",), provisional=True),
    Query(closing=("",), rating=("",)),
    Query(home="和平里", extra=(Particular("enterprise", "奶业"),)),
    Query(number="2611", phone="10012345678", citizen="王", conflicts=True, confidential=False),
)


@pytest.mark.sqlite_only
@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("many", [False, True])
def test_no_query_goes_through_all_tickets(
    mixed: list[Ticket], store: Store, query: Query, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if many:
        monkeypatch.setattr("appliance.tickets.ways.SORT_US", 1e9)
    asked: list[tuple[str, tuple[object, ...]]] = []
    rows = store.rows

    def watched(sql: str, *values: object) -> list[Any]:
        asked.append((sql, values))
        return rows(sql, *values)

    monkeypatch.setattr(store, "rows", watched)
    finder = Finder(store)
    page = finder.find(query, rows=2)
    finder.find(query, page.older, rows=2)
    finder.find(query, LAST, rows=2)
    assert asked
    for sql, values in asked:
        for *_, step in rows(f"EXPLAIN QUERY PLAN {sql}", *values):
            assert not re.match(r"SCAN (ticket|ticket_facet)\b", step), (sql, step)
            if step == "SCAN f":
                assert "ORDER BY f.doc" in sql, (sql, step)
                assert "LIMIT" in sql


def test_who_may_not_know_a_confidential_citizen_finds_nobody_by_name_or_number(empty: Store) -> None:
    facts = {"citizen": "王晓燕", "phone": "10012345678"}
    hidden, shown = told(empty, 1000.0, **facts, confidential=True), told(empty, 2000.0, **facts)
    finder = Finder(empty)
    for asked in ({"text": "晓燕"}, {"text": "5678 路灯"}, {"citizen": "王"}, {"phone": "10012345678"}):
        found = finder.find(Query(**asked, masked=True)).tickets  # type: ignore[arg-type]
        assert [ticket.number for ticket in found] == [shown.number], asked
        assert finder.count(Query(**asked))[0] == 2  # type: ignore[arg-type]
    for text in ("路灯", hidden.number):
        assert hidden.number in [t.number for t in finder.find(Query(text=text, masked=True)).tickets]
