"""Two hundred worlds keep every promise, and a planted fault breaks one: the simulator bites."""

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from appliance.events import Event, Fact
from appliance.store import concern, outbox
from appliance.store.store import Store
from sync import simulator
from sync.frames import Batch
from sync.peer import Peer
from sync.receiver import Receiver, Verdict
from sync.sender import Sender
from sync.simulator import Faults, Outcome, play

SEEDS = 200
TRIES = 40
CALM = Faults(0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 8)
ROUGH = replace(CALM, drop=0.2, double=0.1, late=0.1, partition=0.01, crash=0.03, batch_events=2)
FORGETFUL = replace(CALM, drop=0.2, partition=0.05, crash=0.01, restore=0.03, batch_events=1)


def test_two_hundred_worlds_keep_every_promise() -> None:
    with ProcessPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        outcomes = list(pool.map(play, range(1, SEEDS + 1), chunksize=5))
    assert [outcome for outcome in outcomes if outcome.broken] == []
    assert sum(outcome.crashes for outcome in outcomes) > 100
    assert sum(outcome.restores for outcome in outcomes) > 20


def test_one_seed_is_one_world() -> None:
    assert play(7) == play(7)


def first_broken(faults: Faults) -> Outcome:
    for seed in range(1, TRIES + 1):
        outcome = play(seed, faults)
        if outcome.broken:
            return outcome
    raise AssertionError(f"{TRIES} worlds did not notice the fault")


@pytest.mark.parametrize("faults", [CALM, ROUGH, FORGETFUL], ids=["calm", "rough", "forgetful"])
def test_the_worlds_used_below_are_sound(faults: Faults) -> None:
    assert [play(seed, faults).broken for seed in range(1, 4)] == ["", "", ""]


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


def test_a_missing_gap_check_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(self: Receiver, batch: Batch, sound: Any = Receiver.judge) -> Verdict:
        verdict: Verdict = sound(self, batch)
        return Verdict.FITS if verdict is Verdict.GAP else verdict

    monkeypatch.setattr(Receiver, "judge", judge)
    assert first_broken(ROUGH).broken


def test_a_missing_chain_check_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(self: Receiver, batch: Batch, sound: Any = Receiver.judge) -> Verdict:
        verdict: Verdict = sound(self, batch)
        return Verdict.FITS if verdict is Verdict.FORKED else verdict

    monkeypatch.setattr(Receiver, "judge", judge)
    monkeypatch.setattr(Sender, "same", lambda self, ours, theirs: True)
    assert first_broken(FORGETFUL).broken


def test_an_outbox_in_a_second_transaction_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    late: dict[int, tuple[list[Event], str]] = {}

    def put(self: Store, new: list[Event], via: str, sound: Any = Store._put) -> None:
        late[id(self)] = (new, via)
        with monkeypatch.context() as cut:
            cut.setattr(outbox, "enqueue", lambda store, events, via: None)
            sound(self, new, via)

    def record(self: Store, *facts: Fact, sound: Any = Store.record) -> list[Event]:
        events: list[Event] = sound(self, *facts)
        with self.transaction():
            outbox.enqueue(self, *late.pop(id(self)))
        return events

    monkeypatch.setattr(Store, "_put", put)
    monkeypatch.setattr(Store, "record", record)
    assert first_broken(ROUGH).broken


def test_a_projection_skipped_for_what_came_in_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fold(self: Store, event: Event, how: Any, sound: Any = Store._fold_one) -> None:
        if event.site == self.site:
            sound(self, event, how)

    def rebuild(self: Store, sound: Any = Store.rebuild, whole: Any = Store._fold_one) -> int:
        with monkeypatch.context() as repaired:
            repaired.setattr(Store, "_fold_one", whole)
            return int(sound(self))

    monkeypatch.setattr(Store, "rebuild", rebuild)
    monkeypatch.setattr(Store, "_fold_one", fold)
    assert "differ" in first_broken(CALM).broken


def test_a_missing_history_at_dispatch_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concern, "history", lambda store, subjects: {subject: [] for subject in subjects})
    assert "differ" in first_broken(CALM).broken


def test_giving_nothing_back_to_a_restored_box_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "give_back", lambda store, name, after: None)
    assert first_broken(FORGETFUL).broken


def test_the_command_names_the_seed_of_a_broken_world(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulator.main(["--seed", "3", "--runs", "1"]) == 0
    monkeypatch.setattr(concern, "history", lambda store, subjects: {subject: [] for subject in subjects})
    monkeypatch.setattr(simulator.Faults, "draw", lambda dice: CALM)
    assert simulator.main(["--seed", "1", "--runs", "3"]) == 1
    assert "seed 2: " in capsys.readouterr().out
