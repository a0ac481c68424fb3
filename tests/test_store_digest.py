"""The digest by which boxes are compared: equal for the same events, whatever way they came."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.cli import main
from appliance.events import Event, Fact, Stamp
from appliance.store import outbox
from appliance.store.digest import digest
from appliance.store.store import Store
from tests.test_tickets_fold import history, steps


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> list[Store]:
    folder = tmp_path_factory.mktemp("digest")
    return [Store(folder / f"{site}.db", site, bind=False) for site in (0, 1, 2)]


def emptied(store: Store) -> None:
    with store.transaction():
        for table in ("event", "quarantine", "outgoing", "peer", "interest"):
            store.execute(f"DELETE FROM {table}")
        store.rebuild()


@settings(max_examples=10, deadline=None)
@given(
    scripts=st.lists(st.lists(steps, max_size=5), min_size=1, max_size=3),
    chance=st.randoms(use_true_random=False),
)
def test_the_same_events_give_the_same_digest_in_whatever_order_and_how_often_they_came(
    boxes: list[Store], scripts: list[list[tuple[str, int, dict[str, object]]]], chance: random.Random
) -> None:
    events = [event for script in scripts for event in history(script, 9)]
    for store in boxes:
        emptied(store)
        twice = events + chance.choices(events, k=len(events) // 2)
        for event in chance.sample(twice, len(twice)):
            store.take([event])
    assert digest(boxes[0]) == digest(boxes[1]) == digest(boxes[2])


def test_one_event_more_is_another_digest_of_log_and_projection(tmp_path: Path) -> None:
    store = Store(tmp_path / "box.db", 1, bind=False)
    (created,) = store.record(Fact("ticket.created", {"number": "1", "source": "web"}))
    before = digest(store)
    store.record(Fact("ticket.edited", {"fields": {"title": "灯"}}, created.eid))
    after = digest(store)
    assert before.events != after.events
    assert before.projections["ticket"] != after.projections["ticket"]
    assert before.projections["call"] == after.projections["call"]
    assert before.whole != after.whole


def test_hub_and_site_agree_on_what_both_hold_and_on_nothing_else(tmp_path: Path) -> None:
    hub, site = Store(tmp_path / "hub.db", 0, bind=False), Store(tmp_path / "site.db", 3, bind=False)
    outbox.add_peer(hub, "site-003", 3)
    outbox.add_peer(site, outbox.HUB, 0)
    site.record(Fact("box.started", {}, b""))
    events: list[Event] = site.record(Fact("ticket.created", {"number": "1", "source": "web"}))
    hub.take(events, via="site-003")
    hub.take([Stamp(9).event(Fact("ticket.created", {"number": "2", "source": "web"}))], via="site-009")
    assert digest(hub).events != digest(site).events
    assert digest(hub, "site-003") == digest(site, outbox.HUB)
    assert digest(site, outbox.HUB).projections["ticket"].rows == 1


def test_the_command_prints_a_line_a_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path / "box.db", 1, bind=False)
    store.record(Fact("ticket.created", {"number": "1", "source": "web"}))
    assert main(["--data", str(tmp_path), "digest"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"{digest(store).events.hash}  event (1)" in lines
    assert lines[-1] == f"{digest(store).whole}  all"
    assert main(["--data", str(tmp_path), "digest", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["whole"] == digest(store).whole
    assert main(["--data", str(tmp_path), "digest", "--with", "hub"]) == 2
