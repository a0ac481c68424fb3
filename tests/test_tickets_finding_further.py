"""Further fields and the citizen's own address in what tickets are found by: hidden, changed, blanked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.store.store import Store
from appliance.tickets import facets, fulltext
from appliance.tickets.desk import TicketDesk
from appliance.tickets.finder import Finder
from appliance.tickets.finding import Particular, Query
from appliance.tickets.redaction import redact
from tests.test_tickets_finding import AGENT, LEADER, everything_found_by, opened, told


@pytest.fixture
def empty(engine: object, tmp_path: Path) -> Iterator[Store]:
    """A store without a ticket."""
    store = opened(tmp_path)
    with store.database.connection_context():
        yield store


def test_who_may_not_know_where_a_citizen_lives_finds_nobody_by_it(empty: Store) -> None:
    facts = {"citizen": "王晓燕", "home": "和平里3号", "behalf": "赵大娘"}
    hidden, shown = told(empty, 1000.0, **facts, confidential=True), told(empty, 2000.0, **facts)
    finder = Finder(empty)
    for asked in ({"text": "和平里"}, {"home": "和平里"}, {"text": "大娘"}, {"citizen": "大娘"}):
        found = finder.find(Query(**asked, masked=True)).tickets  # type: ignore[arg-type]
        assert [ticket.number for ticket in found] == [shown.number], asked
        assert finder.count(Query(**asked, citizens=False))[0] == 0, asked  # type: ignore[arg-type]
        by_home = "和平里" in asked.values()
        assert finder.count(Query(**asked, homes=False))[0] == (0 if by_home else 2)  # type: ignore[arg-type]
    assert finder.count(Query(text="路灯", masked=True, homes=False))[0] == 2
    assert hidden.number in [t.number for t in finder.find(Query(key=False, masked=True)).tickets]


def test_what_was_blanked_or_changed_in_further_fields_finds_nothing_any_more(empty: Store) -> None:
    extra = {"enterprise": "云州奶业", "product": "酸奶"}
    facts = {"home": "和平里3号", "behalf": "赵大娘", "outlet": "云州日报", "extra": extra}
    ticket, finder, desk = told(empty, 1000.0, **facts), Finder(empty), TicketDesk(empty)
    by = [Query(text=text) for text in ("和平里", "赵大娘", "日报", "奶业", "酸奶")]
    by += [Query(home="和平里"), Query(citizen="赵大娘"), Query(extra=(Particular("product", "酸奶"),))]
    assert [finder.count(query)[0] for query in by] == [1] * len(by)
    desk.edit(AGENT, ticket.tid, {"outlet": "晚报", "extra": {"product": "奶粉"}})
    assert [finder.count(Query(text=text))[0] for text in ("日报", "酸奶", "晚报", "奶粉", "奶业")] == [
        0,
        0,
        1,
        1,
        1,
    ]
    redact(empty, LEADER, ticket.tid, {"home": "", "behalf": "", "extra": ""}, "应当事人要求")
    by.append(Query(text="奶粉"))
    assert [finder.count(query)[0] for query in by] == [0] * len(by)
    now = everything_found_by(empty)
    empty.rebuild()
    assert everything_found_by(empty) == now


def test_a_ticket_with_nothing_set_has_no_token_of_what_few_have(empty: Store) -> None:
    plain, key = told(empty, 1000.0), told(empty, 2000.0, key=True)
    assert not any(token.startswith(("m=", "l=")) for token in facets.keys(plain, ""))
    assert set(facets.keys(key, "")) - set(facets.keys(plain, "")) >= {"m=1"}
    assert fulltext.HOME not in facets.text(plain, "")[1]


def test_a_database_indexed_by_an_older_version_is_indexed_anew_with_all_its_fields(
    engine: object, tmp_path: Path
) -> None:
    old = Store(tmp_path / "box.db", 1, bind=False)
    ticket = told(old, 1000.0, key=True, outlet="云州日报", extra={"enterprise": "云州奶业"})
    with old.transaction():
        old.execute("UPDATE setting SET value = '4' WHERE name = 'search.version'")
        ((doc,),) = old.rows("SELECT doc FROM ticket_facet")
        old.engine.text.remove(old, doc, facets.text(ticket, ""))
        for name in ("key", "closing"):
            old.execute(f"ALTER TABLE ticket_facet DROP COLUMN {name}")
    finder = Finder(Store(tmp_path / "box.db", 1, bind=False))
    for query in (Query(key=True), Query(text="日报"), Query(extra=(Particular("enterprise", "奶业"),))):
        assert [found.tid for found in finder.find(query).tickets] == [ticket.tid]
