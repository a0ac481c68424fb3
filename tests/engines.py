"""The same tests of the store on SQLite and on PostgreSQL: which files, and how a path becomes a database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.store import engines, store
from appliance.store.engine import Engine
from appliance.store.postgres import Postgres
from appliance.store.store import Store
from tests.postgres_server import Server, server

ENGINES = ("sqlite", "postgres")
ON_BOTH = (
    "test_blob_bulk",
    "test_calendar_keeping",
    "test_customers",
    "test_dictionary",
    "test_journal",
    "test_letters_seals_travel",
    "test_people",
    "test_store_answers",
    "test_store_bill",
    "test_store_calls",
    "test_store_follower",
    "test_store_jobs",
    "test_store_known",
    "test_sync_outbox",
    "test_sync_peer",
    "test_tickets_beside",
    "test_tickets_desk",
    "test_tickets_due",
    "test_tickets_duplicates",
    "test_tickets_finding",
    "test_tickets_finding_further",
    "test_tickets_finding_text",
    "test_tickets_fold",
    "test_tickets_rebuild",
    "test_tickets_stories",
    "test_tickets_timers",
    "test_tickets_visits",
)
"""Test files of which every test runs on both; `sqlite_only` marks what only files and pragmas have."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the tests of those files an engine each."""
    name = metafunc.module.__name__.rpartition(".")[2]
    if name in ON_BOTH and "engine" in metafunc.fixturenames:
        only = any(mark.name == "sqlite_only" for mark in metafunc.definition.iter_markers())
        metafunc.parametrize("engine", ENGINES[:1] if only else ENGINES, indirect=True, scope="module")


TERMS = "SELECT term, doc, col, CASE col WHEN 'keys' THEN 0 ELSE offset END FROM temp.terms"
"""Where a key stands among the keys means nothing."""


def full_text(store: Store) -> list[Any]:
    """All that is in the full text of tickets: term by term in SQLite, which keeps nothing else."""
    if store.engine.name == "postgres":
        return store.rows("SELECT doc, words, citizen, CAST(found AS text) FROM ticket_text ORDER BY doc")
    store.database.execute_sql(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.terms USING fts5vocab('main', 'ticket_text', 'instance')"
    )
    return store.rows(f"{TERMS} ORDER BY 1, 2, 3, 4")


class Databases:
    """Stands in for `engine_of`: what is opened at a path is opened in a database of that path instead."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._urls: dict[str, tuple[str, bool]] = {}
        self._engines: list[tuple[str, Engine]] = []

    def open(self, place: Path | str, hub: bool) -> Engine:
        """Open the database of a path."""
        if str(place).startswith(engines.POSTGRES):
            return Postgres(str(place), by_site=hub)
        if str(place) not in self._urls:
            self._urls[str(place)] = (self._server.take(hub), hub)
        url, _ = self._urls[str(place)]
        engine = Postgres(url, by_site=hub)
        self._engines.append((str(place), engine))
        return engine

    def paths(self) -> set[str]:
        """What is in use."""
        return set(self._urls)

    def end(self, kept: set[str]) -> None:
        """Give back the databases of all other paths."""
        for path, engine in self._engines:
            if path not in kept:
                engine.close()
        self._engines = [(path, engine) for path, engine in self._engines if path in kept]
        for path in self._urls.keys() - kept:
            self._server.give_back(*self._urls.pop(path))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server, started when the first test needs it."""
    with server() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def engine(request: pytest.FixtureRequest) -> Iterator[Databases | None]:
    """The database the stores of a test are kept in: SQLite, or one on the server for each path."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield None
        return
    databases = Databases(request.getfixturevalue("postgres"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(store, "engine_of", databases.open)
        yield databases
    databases.end(set())


@pytest.fixture(autouse=True)
def databases_of_one_test(engine: Databases | None) -> Iterator[None]:
    """What a test opened by itself is given back when it ends."""
    before = engine.paths() if engine else set()
    yield
    if engine:
        engine.end(before)
