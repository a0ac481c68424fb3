"""What PostgreSQL must do that one SQLite file does by itself; all else is tested on both (engines.py)."""

import os
import select
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import IntegrityError, OperationalError

from appliance.blobs.keeping import DiskBlobs
from appliance.cli import main
from appliance.configuration import BadConfiguration, load, parse
from appliance.events import Event, Fact, Stamp
from appliance.places import Places
from appliance.store import outbox
from appliance.store.digest import digest
from appliance.store.follower import why
from appliance.store.opening import open_store
from appliance.store.postgres_driver import psycopg
from appliance.store.store import Store
from appliance.tickets.finder import Finder
from appliance.tickets.finding import Query
from sync.bench import MOSQUITTO, network, wait_for
from sync.carry.carrier import KEY_FILE
from sync.carry.keys import own_keys, trust
from sync.wake import Told, wake_of
from tests.postgres_server import Server, server
from tests.test_house_rules import loaded_by
from tests.test_sync_carry import carry
from tests.test_sync_carry_files import Office
from tests.test_sync_peer import End, Wire

LETTERS = "路灯不亮水管A栋b12 ３é，%\"'*^=(-)\\"
WRITERS, EACH = 3, 40
LIMIT_S = 60.0


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    """An empty database for a site."""
    yield from _lent(postgres, hub=False)


@pytest.fixture
def hub_url(postgres: Server) -> Iterator[str]:
    """An empty database for a hub."""
    yield from _lent(postgres, hub=True)


def _lent(postgres: Server, hub: bool) -> Iterator[str]:
    url = postgres.take(hub)
    yield url
    postgres.give_back(url, hub)


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """What is closed in the end, the last first."""
    with ExitStack() as stack:
        yield stack


def opened(held: ExitStack, place: Path | str, site: int = 1) -> Store:
    store = Store(place, site, bind=False)
    held.callback(store.engine.close)
    held.enter_context(store.connection())
    return store


def told(site: int, at_ms: int, **fields: object) -> Event:
    facts = {"number": f"{at_ms:015d}", "source": "web", "fields": fields}
    return Stamp(site, lambda: at_ms).event(Fact("ticket.created", facts))


texts = st.text(st.sampled_from(LETTERS), max_size=12)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(texts, texts, texts, st.sampled_from(("", "10012345678"))), max_size=5),
    st.lists(texts | st.sampled_from(("路灯 不亮", "灯 b12", "5678", "水管A栋")), min_size=1, max_size=5),
)
def test_both_databases_find_the_same_tickets_for_any_words(
    both: tuple[Store, Store], written: list[tuple[str, str, str, str]], wanted: list[str]
) -> None:
    events = [
        told(1, 1000 + at, title=title, content=content, citizen=citizen, phone=phone)
        for at, (title, content, citizen, phone) in enumerate(written)
    ]
    answers = []
    for store in both:
        with store.transaction():
            store.execute("DELETE FROM event")
            store.rebuild()
            store.take(events)
        finder = Finder(store)
        queries = [
            query
            for text in wanted
            for query in (Query(text=text), Query(citizen=text), Query(phone=text), Query(number=text))
        ]
        answers.append([[ticket.number for ticket in finder.find(query).tickets] for query in queries])
    assert answers[0] == answers[1]


@pytest.fixture(scope="module")
def both(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Store]]:
    """The same site in SQLite and in PostgreSQL."""
    url = postgres.take(hub=False)
    with ExitStack() as held:
        yield opened(held, tmp_path_factory.mktemp("both") / "box.db"), opened(held, url)
    postgres.give_back(url, hub=False)


def test_a_word_is_found_far_down_in_a_long_matter_full_of_the_same_characters(
    url: str, held: ExitStack
) -> None:
    store = opened(held, url)
    store.take([told(1, 1000, content="的路" * 9000 + "灯不亮在路口"), told(1, 2000, content="灯在路口不亮")])
    store.take([told(1, 3000, title="x" * 3000, content="a" * 5000)])
    found = {
        text: [ticket.number[-4:] for ticket in Finder(store).find(Query(text=text)).tickets]
        for text in ("灯不亮", "路灯不亮在路口", "不亮在", "路口不亮", "x" * 100, "a" * 90 + "b")
    }
    assert found == {
        "灯不亮": ["1000"],
        "路灯不亮在路口": ["1000"],
        "不亮在": ["1000"],
        "路口不亮": ["2000"],
        "x" * 100: ["3000"],
        "a" * 90 + "b": [],
    }


def test_a_reader_behind_a_cursor_misses_nothing_while_several_processes_write(
    url: str, held: ExitStack
) -> None:
    """Each store has a lock and connections of its own, as a process has."""
    reader = opened(held, url)
    outbox.add_peer(reader, outbox.HUB, 0)
    writers = [opened(held, url) for _ in range(WRITERS)]

    def write(store: Store) -> None:
        with store.connection():
            for n in range(EACH):
                store.record(Fact("message.noted", {"n": n}), Fact("message.noted", {"n": -n}))

    threads = [threading.Thread(target=write, args=(store,)) for store in writers]
    for thread in threads:
        thread.start()
    seen: list[int] = []
    while any(thread.is_alive() for thread in threads) or len(seen) < 2 * WRITERS * EACH:
        seen += [pos for pos, _ in reader.read(seen[-1] if seen else 0, 50)]
    assert seen == list(range(1, 2 * WRITERS * EACH + 1))
    places = reader.rows("SELECT seq, eid, chain FROM outgoing WHERE peer = 'hub' ORDER BY seq")
    assert [seq for seq, _, _ in places] == seen
    link = outbox.GENESIS
    for _, eid, chained in places:
        link = outbox.chain(link, eid)
        assert chained == link


def test_when_the_server_was_started_anew_the_next_step_is_taken_as_if_nothing_had_been() -> None:
    with server() as own, ExitStack() as held:
        store = opened(held, own.take(hub=False))
        store.record(Fact("message.noted", {"n": 1}))
        own.stop()
        with pytest.raises(OperationalError) as stopped, store.transaction():
            pass
        assert "nothing is lost" in why(stopped.value)
        with pytest.raises(OperationalError):
            store.rows("SELECT 1")
        own.start()
        assert store.rows("SELECT count(*) FROM event") == [(1,)]
        store.record(Fact("message.noted", {"n": 2}))
        assert [pos for pos, _ in store.read(0, 9)] == [1, 2]


def test_a_database_that_may_only_be_read_is_told_as_that(url: str, held: ExitStack) -> None:
    store = opened(held, url)
    store.database.execute_sql("SET default_transaction_read_only = on")
    with pytest.raises(OperationalError) as refused:
        store.record(Fact("message.noted", {}))
    assert "cannot be written to" in why(refused.value)
    store.database.execute_sql("SET default_transaction_read_only = off")
    store.record(Fact("message.noted", {}))


def test_all_of_one_site_lies_in_one_part_and_nothing_is_there_twice(hub_url: str, held: ExitStack) -> None:
    hub = opened(held, hub_url, site=0)
    events = [told(site, 1000 + site) for site in range(1, 40)]
    hub.take(events)
    assert hub.take(events) == []
    for table, key in (("event", "eid"), ("ticket", "tid")):
        sql = f"SELECT substring({key} FROM 9 FOR 2), count(DISTINCT tableoid) FROM {table} GROUP BY 1"
        parts = dict(hub.rows(sql))
        assert len(parts) == 39
        assert set(parts.values()) == {1}
        assert hub.rows(f"SELECT count(DISTINCT tableoid) > 8 FROM {table}") == [(1,)]
    with pytest.raises(IntegrityError), hub.transaction():
        hub.execute("INSERT INTO ticket SELECT * FROM ticket LIMIT 1")


def test_what_postgres_cannot_keep_is_replaced_and_the_log_has_it_as_it_was(
    url: str, held: ExitStack
) -> None:
    store = opened(held, url)
    store.take([told(1, 1000, title="路\0灯")])
    assert store.rows("SELECT title FROM ticket") == [("路\N{REPLACEMENT CHARACTER}灯",)]
    assert b"\\u0000" in store.read(0, 1)[0][1].body
    store.rebuild()
    assert store.rows("SELECT title FROM ticket") == [("路\N{REPLACEMENT CHARACTER}灯",)]


def test_an_event_no_column_can_hold_is_set_aside_and_the_batch_goes_on(url: str, held: ExitStack) -> None:
    store = opened(held, url)
    call = store.stamp.event(Fact("call.ringing", {"line": ["no", "text"]}))
    store.take([told(1, 1000), call, told(1, 2000)])
    assert store.rows("SELECT count(*) FROM ticket") == [(2,)]
    assert [bytes(eid) for (eid,) in store.rows("SELECT eid FROM quarantine")] == [call.eid]


def test_the_sync_process_is_woken_by_another_ones_commit_and_not_by_what_goes_nowhere(
    url: str, held: ExitStack
) -> None:
    store, other = opened(held, url), opened(held, url)
    outbox.add_peer(store, outbox.HUB, 0)
    wake = wake_of(store)
    held.callback(wake.close)
    assert isinstance(wake, Told)
    before = store.engine.version()
    other.record(Fact("person.noted", {}))
    assert select.select([wake.fd], [], [], 0.2)[0] == []
    assert store.engine.version() != before
    other.record(Fact("message.noted", {}))
    assert select.select([wake.fd], [], [], 5)[0]
    wake.take(0.0)
    assert select.select([wake.fd], [], [], 0)[0] == []


def test_a_site_in_sqlite_drains_into_a_hub_in_postgres_and_both_have_the_same_digest(
    hub_url: str, tmp_path: Path, held: ExitStack
) -> None:
    site, hub = End(tmp_path, 1, 0), End(tmp_path, 0, 1, url=hub_url)
    for end in (site, hub):
        held.callback(end.held.close)
    outbox.add_peer(site.store, outbox.HUB, 0)
    outbox.add_peer(hub.store, "site-001", 1)
    site.store.take([told(1, 1000 + at, title=f"路灯 {at}") for at in range(30)])
    wire = Wire(hub, site)
    wire.settle()
    assert hub.eids() == site.eids()
    hub.store.record(Fact("ticket.edited", {"fields": {"content": "灯"}}, min(site.eids())))
    wire.settle()
    mine, its = digest(site.store, outbox.HUB), digest(hub.store, "site-001")
    assert mine.whole == its.whole
    assert mine.projections["ticket"].rows == 30


@pytest.mark.broker
@pytest.mark.skipif(not os.path.exists(MOSQUITTO), reason="mosquitto is not installed")
def test_events_reach_a_hub_in_postgres_over_a_real_broker_that_is_killed_on_the_way(
    hub_url: str, tmp_path: Path
) -> None:
    with network(tmp_path, [1], hub_url) as (broker, hub, (site,)):
        outbox.add_peer(site.store, outbox.HUB, 0)
        hub.start()
        site.start()
        site.store.take([told(1, 1000 + at, title=f"路灯 {at}") for at in range(300)])
        wait_for(lambda: hub.store.rows("SELECT count(*) FROM event")[0][0] > 0, LIMIT_S)
        broker.kill()
        site.store.take([told(1, 9000 + at, title=f"水管 {at}") for at in range(300)])
        broker.start()
        wait_for(lambda: site.peer(outbox.HUB).get("acked") == 600, LIMIT_S)
        log = "SELECT eid, subject, kind, ver, body FROM event ORDER BY eid"
        assert hub.store.rows(log) == site.store.rows(log)
        assert digest(hub.store, "site-001").whole == digest(site.store, outbox.HUB).whole


def test_a_list_of_nothing_holds_nothing_as_in_sqlite(both: tuple[Store, Store]) -> None:
    sql = "SELECT count(*) FROM setting WHERE name {} () AND value LIKE '%'"
    for store in both:
        everything = store.rows("SELECT count(*) FROM setting")
        assert store.rows(sql.format("IN")) == [(0,)]
        assert store.rows(sql.format("NOT IN")) == everything != [(0,)]


def test_a_url_that_cannot_be_one_is_told_with_its_line() -> None:
    with pytest.raises(BadConfiguration, match=r"box\.toml, line 2, key store\.postgres: .*//user@host"):
        parse('[store]\npostgres = "localhost/box"\n', "box.toml")
    assert parse('[store]\npostgres = "postgresql://h/box?sslmode=require"\n', "box.toml").store.postgres


def test_the_commands_work_on_a_box_in_postgres(
    url: str, tmp_path: Path, held: ExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    where = Places(tmp_path).make()
    where.settings.write_text(f'[store]\npostgres = "{url}"\n', "utf-8")
    store = open_store(where, load(where), bind=False)
    held.callback(store.engine.close)
    store.take([told(1, 1000, title="路灯不亮")])
    said = []
    for command in (["tickets"], ["events"], ["ticket", f"{1000:015d}"], ["digest"], ["rebuild"], ["peers"]):
        assert main(["--data", str(tmp_path), *command]) == 0, command
        said.append(capsys.readouterr().out)
    assert "路灯不亮" in said[0]
    assert "ticket.created" in said[1]
    assert "1 events folded" in said[4]
    assert not where.database.exists()


@pytest.mark.parametrize("process", ["appliance.store.daemon", "sync.daemon", "web.application"])
def test_a_box_in_sqlite_loads_no_driver_of_postgres(process: str) -> None:
    assert loaded_by(process).isdisjoint({"psycopg_binary"})


def test_a_server_that_is_not_there_is_told_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(OperationalError):
        Store(f"postgresql://nobody@/box?host={tmp_path}", 1, bind=False)
    assert psycopg.__version__


def test_a_stick_is_read_into_the_database_the_hub_has(hub_url: str, tmp_path: Path) -> None:
    where = Places(tmp_path / "hub").make()
    settings = f'[site]\nnumber = 0\nrole = "hub"\n[store]\npostgres = "{hub_url}"\n'
    where.settings.write_text(settings, "utf-8")
    store = open_store(where, load(where), bind=False)
    with ExitStack() as held, store.connection():
        site = Office(tmp_path / "site", 7, held)
        mine = own_keys(where.data / KEY_FILE).public(0)
        trust(site.store, mine.to_file())
        trust(store, site.carrier.keys.public(7).to_file())
        recording = site.record(b"sound" * 1000)
        told = site.carrier.export("hub", tmp_path)
        assert "1 files new" in carry(where, 0, "import", told.path).stdout
        assert store.rows("SELECT sha256, stored FROM recording") == [(recording, recording)]
        assert DiskBlobs(where.blobs).has(recording)
        assert carry(where, 0, "export", "--to", str(tmp_path), "--peer", "site-007").returncode == 0
    assert not where.database.exists()
