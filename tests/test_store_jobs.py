"""Jobs: done once, tried again with growing pauses, and what the store process does by itself."""

import hashlib
import socketserver
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from appliance.calls.wire import Reply, Request, SendText
from appliance.events import Fact
from appliance.places import Places
from appliance.store.jobs import (
    CONFIRM_S,
    KEPT_S,
    PAUSES_S,
    Again,
    Done,
    Failed,
    Handed,
    Job,
    Outcome,
    Runner,
    put,
    settle,
)
from appliance.store.store import Store
from appliance.store.texts import SMS, send_text
from appliance.store.works import SEAL, Works, sms_failed


class Yard:
    """A store with jobs of one kind whose outcome the test says, and a clock that stands still."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_795_000_000.0
        self.store = Store(folder / "box.db", 1, bind=False)
        self.outcome: Outcome = Done()
        self.done: list[Job] = []
        self.runner = Runner(self.store, {"work": self.work}, {"work": self.give_up}, lambda: self.now)

    def work(self, job: Job) -> Outcome:
        self.done.append(job)
        return self.outcome

    def give_up(self, job: Job, reason: str) -> Sequence[Fact]:
        return (Fact("work.failed", {"reason": reason}, b""),)

    def put(self, key: str = "k") -> None:
        with self.store.transaction():
            put(self.store, "work", {"what": "灯"}, self.now, key)

    def settle(self, ok: bool, reason: str = "") -> None:
        with self.store.transaction():
            settle(self.store, "work", "k", ok, reason, self.now)

    def job(self) -> tuple[str, int, str, float]:
        ((state, tries, reason, due_s),) = self.store.rows("SELECT state, tries, reason, due_s FROM job")
        return state, tries, reason, due_s - self.now

    def kinds(self) -> list[str]:
        return [event.kind for _, event in self.store.read(0, 100)]


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def test_a_job_is_done_once_and_its_facts_are_recorded_with_it(yard: Yard) -> None:
    yard.outcome = Done((Fact("work.done", {}, b""),))
    yard.put()
    assert (yard.runner.run_due(), yard.runner.run_due()) == (1, 0)
    assert (yard.job()[0], yard.kinds(), yard.done[0].body) == ("done", ["work.done"], {"what": "灯"})


def test_a_job_is_not_done_before_it_is_due(yard: Yard) -> None:
    with yard.store.transaction():
        put(yard.store, "work", {}, yard.now + 60)
    assert yard.runner.run_due() == 0
    yard.now += 60
    assert yard.runner.run_due() == 1


def test_what_fails_is_tried_again_after_growing_pauses_and_then_given_up(yard: Yard) -> None:
    yard.outcome = Again("no_line")
    yard.put()
    for tries, pause_s in enumerate(PAUSES_S, 1):
        yard.runner.run_due()
        assert yard.job() == ("waiting", tries, "no_line", pause_s)
        yard.now += pause_s
    yard.runner.run_due()
    assert yard.job()[:3] == ("failed", len(PAUSES_S) + 1, "no_line")
    assert (len(yard.done), yard.kinds()) == (len(PAUSES_S) + 1, ["work.failed"])


def test_what_can_never_work_is_not_tried_again(yard: Yard) -> None:
    yard.outcome = Failed("bad_number")
    yard.put()
    yard.runner.run_due()
    assert yard.job()[:3] == ("failed", 1, "bad_number")


def test_work_handed_over_waits_for_its_outcome(yard: Yard) -> None:
    yard.outcome = Handed()
    yard.put()
    yard.runner.run_due()
    assert yard.job() == ("waiting", 1, "handed over", CONFIRM_S)
    yard.settle(True)
    assert yard.job()[0] == "done"


def test_a_bad_outcome_brings_another_try(yard: Yard) -> None:
    yard.outcome = Handed()
    yard.put()
    yard.runner.run_due()
    yard.settle(False, "rejected")
    assert yard.job() == ("waiting", 1, "rejected", PAUSES_S[0])


@pytest.mark.parametrize("said", [Handed(), Again("no reply in time")])
def test_an_outcome_that_comes_while_the_work_is_being_done_counts(yard: Yard, said: Outcome) -> None:
    def quick(job: Job) -> Outcome:
        yard.settle(True)
        return said

    yard.put()
    Runner(yard.store, {"work": quick}, now=lambda: yard.now).run_due()
    assert yard.job()[0] == "done"


def test_without_any_outcome_the_work_is_done_again_and_given_up_in_the_end(yard: Yard) -> None:
    yard.outcome = Handed()
    yard.put()
    for _ in range(len(PAUSES_S) + 3):
        yard.runner.run_due()
        yard.now += CONFIRM_S
    assert yard.job()[0::2][:2] == ("failed", "no outcome ever came")
    assert len(yard.done) == len(PAUSES_S) + 1


def test_a_job_the_process_died_in_is_due_at_once_after_a_start(yard: Yard) -> None:
    def die(job: Job) -> Outcome:
        raise KeyboardInterrupt

    yard.put()
    with pytest.raises(KeyboardInterrupt):
        Runner(yard.store, {"work": die}, now=lambda: yard.now).run_due()
    assert yard.runner.run_due() == 0
    assert yard.runner.resume() == 1
    assert yard.runner.run_due() == 1
    assert yard.job()[:2] == ("done", 2)


def test_a_kind_of_job_nobody_knows_fails(yard: Yard) -> None:
    with yard.store.transaction():
        put(yard.store, "paint", {}, yard.now)
    yard.runner.run_due()
    assert yard.job()[0] == "failed"


def test_what_was_done_long_ago_is_forgotten(yard: Yard) -> None:
    yard.put()
    yard.runner.run_due()
    assert yard.runner.forget() == 0
    yard.now += KEPT_S + 1
    assert yard.runner.forget() == 1


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path).make()


def sealing(path: str) -> Job:
    return Job(1, SEAL, "", {"rid": "aa", "call": "bb" * 16, "path": path}, 1)


def test_a_recording_is_sealed_with_its_sha256_and_size(places: Places) -> None:
    sound = bytes(range(256)) * 10_000
    (places.recordings / "day").mkdir()
    (places.recordings / "day" / "a.wav").write_bytes(sound)
    outcome = Works(places, threading.Event()).seal(sealing("day/a.wav"))
    assert isinstance(outcome, Done)
    facts = {"rid": "aa", "sha256": hashlib.sha256(sound).hexdigest(), "size": len(sound)}
    assert outcome.facts == (Fact("recording.sealed", facts, b"\xbb" * 16),)


def test_a_recording_that_is_not_there_yet_is_tried_again(places: Places) -> None:
    assert isinstance(Works(places, threading.Event()).seal(sealing("day/a.wav")), Again)


@pytest.mark.parametrize("path", ["../box.db", "/etc/passwd", "day/../../box.db"])
def test_nothing_outside_the_recordings_is_sealed(places: Places, path: str) -> None:
    places.database.write_bytes(b"x")
    assert isinstance(Works(places, threading.Event()).seal(sealing(path)), Failed)


def test_sealing_stops_when_the_process_ends(places: Places) -> None:
    (places.recordings / "a.wav").write_bytes(bytes(100))
    stopping = threading.Event()
    stopping.set()
    assert isinstance(Works(places, stopping).seal(sealing("a.wav")), Again)


class CallSide(socketserver.ThreadingUnixStreamServer):
    """What the call process says to an order, after a notice nobody asked for."""

    daemon_threads = True

    def __init__(self, path: Path, reply: bytes) -> None:
        self.reply = reply
        self.heard: list[Request] = []
        super().__init__(str(path), CallSideLink)


class CallSideLink(socketserver.StreamRequestHandler):
    server: CallSide

    def handle(self) -> None:
        line = self.rfile.readline()
        self.server.heard.append(msgspec.json.decode(line, type=Request))
        self.wfile.write(b'{"notice":"seat","seat":{}}\n' + self.server.reply)


@pytest.fixture
def call_side(places: Places, request: pytest.FixtureRequest) -> Iterator[CallSide]:
    with CallSide(places.socket("calls"), request.param) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def answer(ok: bool, reason: str = "") -> bytes:
    return msgspec.json.encode(Reply(1, ok, reason)) + b"\n"


@pytest.mark.parametrize(
    ("call_side", "expected"),
    [
        (answer(True), Handed()),
        (answer(False, "no_line"), Again("no_line")),
        (answer(False, "bad_number"), Failed("bad_number")),
        (b"", Again("the call process does not answer (connection closed)")),
    ],
    indirect=["call_side"],
)
def test_a_text_is_handed_to_the_call_process(places: Places, call_side: CallSide, expected: Outcome) -> None:
    job = Job(1, SMS, "abc", {"number": "10000000001", "text": "您的诉求已登记"}, 1)
    assert Works(places, threading.Event()).sms(job) == expected
    assert call_side.heard == [Request(1, SendText("10000000001", "您的诉求已登记", "abc"))]


@pytest.mark.parametrize("call_side", [b'rubbish with "ok" in it\n'], indirect=True)
def test_rubbish_from_the_call_process_is_no_outcome(places: Places, call_side: CallSide) -> None:
    job = Job(1, SMS, "abc", {"number": "1", "text": "x"}, 1)
    assert isinstance(Works(places, threading.Event()).sms(job), Again)


def test_a_text_waits_while_the_call_process_is_down_and_is_shown_as_failed_in_the_end(
    places: Places, yard: Yard
) -> None:
    works = Works(places, threading.Event())
    runner = Runner(yard.store, {SMS: works.sms}, {SMS: sms_failed}, lambda: yard.now)
    send_text(yard.store, "10000000001", "您的诉求已登记", yard.now)
    shown = []
    for _ in range(len(PAUSES_S) + 1):
        runner.run_due()
        shown += yard.store.rows("SELECT state FROM short_message")
        yard.now += 3600
    assert shown == [("waiting",)] * len(PAUSES_S) + [("failed",)]


def test_many_seals_are_one_transaction_but_one_that_was_begun_before_is_alone(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, store = 1000.0, Store(places.database, 1)
    for n in range(5):
        (places.recordings / f"{n}.wav").write_bytes(bytes(100 + n))
        with store.transaction():
            put(store, SEAL, {"rid": f"{n:032x}", "call": "bb" * 16, "path": f"{n}.wav"}, now)
    with store.transaction():
        store.execute("UPDATE job SET tries = 1 WHERE jid = 3")
    begun: list[int] = []
    runner = Runner(
        store,
        {SEAL: Works(places, threading.Event()).seal},
        now=lambda: now,
        together=frozenset({SEAL}),
    )
    run = runner._run
    monkeypatch.setattr(runner, "_run", lambda *jobs: (begun.append(len(jobs)), run(*jobs)))  # type: ignore[func-returns-value]
    assert runner.run_due() == 5
    assert begun == [4, 1]
    sealed = [event.facts["size"] for _, event in store.read(0, 100) if event.kind == "recording.sealed"]
    assert sorted(sealed) == [100, 101, 102, 103, 104]
    assert store.rows("SELECT count(*) FROM job WHERE state = 'done'") == [(5,)]
