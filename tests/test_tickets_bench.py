"""The bench of a million tickets, with two thousand: that it measures, and is the same every time."""

import itertools
from pathlib import Path

import pytest

from appliance.store.store import Store
from appliance.tickets.finder import Finder
from appliance.tickets.ticket import replay
from tests.bench import asking, city, tickets

SMALL = 2_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


def test_the_bench_gives_every_figure_of_a_small_city(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets, "memory_mb", lambda path: 1.0)
    figures = {figure["figure"]: figure for figure in tickets.measured(SMALL, folder, asked=20, moves=30)}
    assert figures["tickets"]["value"] == SMALL
    assert figures["events_folded_anew"]["value"] > 4 * SMALL
    for name in ("list_view", "combined_query", "full_text_search"):
        assert figures[f"{name}_p95"]["goal"] == 50
    assert figures["opening_a_ticket_of_200_events_p95"]["goal"] == 20
    assert figures["moves_to_bare_inserts"]["goal"] == 0.35
    assert figures["moves_a_second"]["value"] > 0
    assert {figure["bench"] for figure in figures.values()} == {"tickets"}


def test_a_database_kept_from_an_earlier_run_is_used_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets, "memory_mb", lambda path: 1.0)
    figures = [figure["figure"] for figure in tickets.measured(SMALL, folder, asked=8, moves=6)]
    assert "events_folded_anew" not in figures
    assert "list_view_p95" in figures


def test_the_city_is_the_same_for_the_same_seed_and_its_stories_fold(folder: Path) -> None:
    leaves = [city.Leaf("0101", "路灯不亮", "lamp")]
    first, again = (list(city.events(50, 1, leaves)) for _ in range(2))
    assert first == again
    assert first != list(city.events(50, 1, leaves, seed=2))
    for _, story in itertools.groupby(first, key=lambda event: event.subject):
        ticket = replay(story)
        assert ticket is not None
        assert ticket.conflicts == 0
    assert max(len(list(s)) for _, s in itertools.groupby(first, key=lambda e: e.subject)) >= city.LONG


def test_many_questions_of_the_bench_find_something_even_in_a_small_city(folder: Path) -> None:
    store = Store(folder / f"tickets-{SMALL}" / "box.db", 1, bind=False)
    finder = Finder(store)
    for questions in (asking.views(city.END_S), asking.combinations(city.END_S), asking.texts()):
        found = [finder.find(query, at).total for query, at in itertools.islice(questions, 60)]
        assert sum(total > 0 for total in found) > 5
