"""Five hundred worlds keep every promise, and a planted fault breaks one: the simulator bites."""

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from appliance.events import Event, Fact
from appliance.store import concern, outbox, projections
from appliance.store import store as stores
from appliance.store.projections import Projector, project
from appliance.store.sqlite import PRAGMAS
from appliance.store.store import Store
from appliance.tickets import table
from appliance.tickets.bodies import Created, body_of
from appliance.tickets.ticket import fold
from sync import simulator
from sync.frames import Batch, Hello
from sync.peer import FORGOTTEN, Peer
from sync.receiver import Receiver, Verdict
from sync.sender import Sender
from sync.simulation.disk import FrailStore
from sync.simulation.scene import Faults, Scene
from sync.simulation.shrinking import Played, shrink
from sync.simulator import play, play_scene

SEEDS = 500
TRIES = 25
CALM = Faults()
ROUGH = Faults(drop=0.2, double=0.1, late=0.1, partition=0.04, crash=0.12, batch_events=2)
FORGETFUL = Faults(drop=0.2, partition=0.2, crash=0.04, restore=0.12, prune=0.1, batch_events=1)
ONCE_BROKEN = Path(__file__).parent / "data" / "worlds.jsonl"
"""Worlds that broke a promise of ours once, made as small as they get."""


def worlds(seeds: Iterable[int]) -> list[Played]:
    with ProcessPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(play, seeds, chunksize=5))


def test_five_hundred_worlds_keep_every_promise() -> None:
    played = worlds(range(1, SEEDS + 1))
    assert [world for world in played if world.broken] == []
    assert sum(world.crashes for world in played) > 500
    assert sum(world.restores for world in played) > 50


@pytest.mark.parametrize("line", ONCE_BROKEN.read_text("utf-8").splitlines())
def test_a_world_that_once_broke_a_promise_keeps_it_now(line: str) -> None:
    assert play_scene(Scene.from_json(line)).broken == ""


def test_one_seed_is_one_world() -> None:
    assert play(7) == play(7)


def test_a_scene_is_played_again_from_its_line() -> None:
    scene = replace(Scene.draw(5), skip=frozenset({"1.write"}))
    assert Scene.from_json(scene.to_json()) == scene


def first_broken(faults: Faults) -> Played:
    for seed in range(1, TRIES + 1):
        played = play(seed, faults)
        if played.broken:
            return played
    raise AssertionError(f"{TRIES} worlds did not notice the fault")


@pytest.mark.parametrize("faults", [CALM, ROUGH, FORGETFUL], ids=["calm", "rough", "forgetful"])
def test_the_worlds_used_below_are_sound(faults: Faults) -> None:
    assert [play(seed, faults).broken for seed in range(1, 4)] == ["", "", ""]


def in_order(events: Iterable[Event]) -> Any:
    told: Any = None
    for event in events:
        with suppress(ValueError):  # of a call
            told = fold(told, event)
    return told


# the eleven faults of the field, each planted and found


def test_an_outbox_in_a_second_transaction_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    late: list[tuple[Store, list[Event], str]] = []

    def enqueue(store: Store, events: list[Event], via: str, sound: Any = outbox.enqueue) -> None:
        late.append((store, events, via))

    def record(self: Store, *facts: Fact, sound: Any = Store.record, then: Any = outbox.enqueue) -> Any:
        late.clear()
        events = sound(self, *facts)
        with self.transaction():
            for store, written, via in late:
                then(store, written, via)
        return events

    def take(self: Store, events: list[Event], via: str, sound: Any = Store.take) -> Any:
        with monkeypatch.context() as repaired:
            repaired.setattr(outbox, "enqueue", at_once)
            return sound(self, events, via)

    at_once = outbox.enqueue
    monkeypatch.setattr(outbox, "enqueue", enqueue)
    monkeypatch.setattr(Store, "record", record)
    monkeypatch.setattr(Store, "take", take)
    assert "the hub" in first_broken(ROUGH).broken


def test_a_late_event_folded_on_top_of_what_came_after_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def project(store: Store, event: Event) -> None:
        body, row = body_of(event), table.load(store, event.subject)
        if body is not None and (row or isinstance(body, Created)):
            table.save(store, fold(row, event), row)

    monkeypatch.setattr(table, "project", project)
    monkeypatch.setitem(cast(Any, projections.FAMILIES), "ticket", project)
    assert first_broken(ROUGH).broken


def test_a_projection_outside_of_the_transaction_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Event] = []

    def fold_later(self: Store, event: Event, how: Projector, sound: Any = Store._fold_one) -> None:
        waiting.append(event)

    def record(self: Store, *facts: Fact, sound: Any = Store.record, fold: Any = Store._fold_one) -> Any:
        waiting.clear()
        with monkeypatch.context() as later:
            later.setattr(Store, "_fold_one", fold_later)
            events = sound(self, *facts)
        with self.transaction():
            for event in waiting:
                fold(self, event, project)
        return events

    monkeypatch.setattr(Store, "record", record)
    assert any(word in first_broken(ROUGH).broken for word in ("not what its log tells", "differ"))


def test_a_last_writer_by_arrival_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came last wins, in what is shown and in what the log is said to tell."""

    def by_arrival(store: Store, subject: bytes) -> list[Event]:
        rows = store.rows(f"SELECT {stores.COLUMNS} FROM event WHERE subject = ? ORDER BY pos", subject)
        return [Event(*row[1:]) for row in rows]

    def project(store: Store, event: Event) -> None:
        body, row = body_of(event), table.load(store, event.subject)
        if body is not None and (row or isinstance(body, Created)):
            table.save(store, fold(row, event), row)

    monkeypatch.setattr(FrailStore, "history", by_arrival)
    monkeypatch.setattr("sync.simulation.oracle.replay", in_order)
    monkeypatch.setitem(cast(Any, projections.FAMILIES), "ticket", project)
    assert "differ" in first_broken(ROUGH).broken


def test_a_missing_history_at_dispatch_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concern, "history", lambda store, subjects: {subject: [] for subject in subjects})
    assert "differ" in first_broken(CALM).broken


def test_a_missing_gap_check_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(self: Receiver, batch: Batch, sound: Any = Receiver.judge) -> Verdict:
        verdict: Verdict = sound(self, batch)
        return Verdict.FITS if verdict is Verdict.GAP else verdict

    monkeypatch.setattr(Receiver, "judge", judge)
    assert "nobody gave out" in first_broken(ROUGH).broken


def test_a_missing_chain_check_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(self: Receiver, batch: Batch, sound: Any = Receiver.judge) -> Verdict:
        verdict: Verdict = sound(self, batch)
        return Verdict.FITS if verdict is Verdict.FORKED else verdict

    monkeypatch.setattr(Receiver, "judge", judge)
    monkeypatch.setattr(Sender, "same", lambda self, ours, theirs: True)
    assert first_broken(FORGETFUL).broken


def test_giving_nothing_back_to_a_restored_box_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "give_back", lambda store, name, after: None)
    assert first_broken(FORGETFUL).broken


def test_effects_before_it_is_known_whether_an_event_is_new_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write(self: Store, events: list[Event], via: str, sound: Any = Store._write) -> Any:
        for event in events:
            if self.rows("SELECT 1 FROM event WHERE eid = ?", event.eid):
                self._fold([event], project)
        return sound(self, events, via)

    monkeypatch.setattr(Store, "_write", write)
    assert "applied an event twice" in first_broken(FORGETFUL).broken


def test_an_ack_before_the_commit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def take(self: Receiver, batch: Batch, sound: Any = Receiver.take) -> Verdict:
        verdict: Verdict = sound(self, batch)
        self.seq, self.chain = self._heard_seq, self._heard_chain
        return Verdict.SEEN if verdict is Verdict.FITS else verdict

    def commit_late(self: Peer, sound: Any = Peer._commit) -> None:
        if not self._ack:
            sound(self)

    monkeypatch.setattr(Receiver, "take", take)
    monkeypatch.setattr(Peer, "_commit", commit_late)
    assert "acknowledged" in first_broken(ROUGH).broken


def test_a_stream_begun_anew_that_is_not_known_to_be_whole_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Peer, hello: Hello, sound: Any = Peer._broken) -> str:
        reason: str = sound(self, hello)
        return "" if reason == FORGOTTEN else reason

    monkeypatch.setattr(Peer, "_broken", broken)
    assert first_broken(replace(FORGETFUL, prune=0.8)).broken


# and what else may go wrong in a world


def test_a_commit_that_is_not_on_the_disk_when_it_returns_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRAGMAS, "synchronous", "normal")
    assert "when the power went" in first_broken(ROUGH).broken


def test_what_an_older_release_could_not_fold_is_missed_when_nobody_looks_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sync.simulation.box.apply_pending", lambda store, folded: 0)
    assert first_broken(replace(CALM, skew=1.0)).broken


def test_following_a_clock_that_is_years_ahead_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "_dated_behind", lambda self, facts: [self.stamp.event(f) for f in facts])
    assert "before what its author saw" in first_broken(replace(CALM, year=0.2)).broken


def test_a_failing_world_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concern, "history", lambda store, subjects: {subject: [] for subject in subjects})
    failing = first_broken(ROUGH)
    small = shrink(failing, play_scene, tries=60)
    assert small.broken
    assert small.scene.boxes <= failing.scene.boxes
    assert len(small.acts) <= 4
    assert not small.scene.faults.drop


def test_the_command_names_the_seed_of_a_broken_world_and_the_smallest_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulator.main(["--seed", "3", "--runs", "2", "--jobs", "2"]) == 0
    monkeypatch.setattr(concern, "history", lambda store, subjects: {subject: [] for subject in subjects})
    monkeypatch.setattr(Faults, "draw", lambda dice: CALM)
    capsys.readouterr()
    assert simulator.main(["--seed", "1", "--runs", "1"]) == 1
    said = capsys.readouterr().out
    assert "seed 1: " in said
    line = next(line for line in said.splitlines() if "--scene" in line)
    assert simulator.main(["--scene", line.split("'")[1]]) == 1
