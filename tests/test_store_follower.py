"""Following the journal: exactly once, whatever happens, and what its events bring about."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from peewee import DatabaseError

from appliance.events import Event, Fact, Stamp
from appliance.journal import FileJournal
from appliance.store.alarms import Alarm, alarms
from appliance.store.follower import CURSOR, REPLIES_A_DAY, Follower, why
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk

NOW_S = 1_795_000_000.0


class Box:
    """A journal, and a store that follows it."""

    def __init__(self, folder: Path, segment_bytes: int = 8_000_000) -> None:
        self.folder = folder
        self.stamp = Stamp(1)
        self.journal = FileJournal(folder / "journal", segment_bytes)
        self.store = Store(folder / "box.db", 1, bind=False)
        self.desk = TicketDesk(self.store)
        self.restart()

    def restart(self) -> None:
        self.follower = Follower(self.store, FileJournal(self.folder / "journal"), "12345", lambda: NOW_S)

    def write(self, kind: str, facts: Mapping[str, Any], subject: bytes | None = None) -> Event:
        event = self.stamp.event(Fact(kind, facts, subject))
        self.journal.append([event])
        return event

    def text(self, text: str, number: str = "10000000001", key: str = "") -> Event:
        facts = {"line": "gsm0", "number": number, "text": text, "sent_s": 1.0, "key": key}
        return self.write("text.received", facts)

    def follow(self) -> int:
        taken = 0
        while step := self.follower.step():
            taken += step
        return taken

    def count(self, table: str) -> int:
        return int(self.store.rows(f"SELECT count(*) FROM {table}")[0][0])


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def a_call(box: Box) -> bytes:
    facts = {"line": "sip1", "caller": "10000000001", "called": "12345", "direction": "in"}
    return box.write("call.ringing", facts).subject


def test_a_call_is_told_by_its_events(box: Box) -> None:
    call = a_call(box)
    box.write("call.flow", {"node": "menu"}, call)
    box.write("call.queued", {"queue": "general"}, call)
    box.write("call.answered", {"agent": "1001", "extension": "8001"}, call)
    box.write("call.ended", {"outcome": "answered", "cause": 16}, call)
    assert box.follow() == 5
    told = box.store.rows("SELECT caller, queue, agent, outcome, cause FROM call WHERE cid = ?", call)
    assert told == [("10000000001", "general", "1001", "answered", 16)]
    assert box.store.cursor(CURSOR) == 5


def test_a_text_becomes_a_ticket_and_its_number_is_sent_back(box: Box) -> None:
    text = box.text("柳林街路灯不亮\n请尽快修")
    box.follow()
    (ticket,) = box.desk.lists().tickets
    assert (ticket.source, ticket.state, ticket.phone) == ("sms", "REGISTERED", "10000000001")
    assert (ticket.title, ticket.content) == ("柳林街路灯不亮 请尽快修", "柳林街路灯不亮\n请尽快修")
    came, went = box.store.rows("SELECT mid, direction, ticket, text, state FROM short_message ORDER BY at_s")
    assert came == (text.eid, "in", ticket.tid, text.facts["text"], "received")
    assert (went[1], went[2], went[4]) == ("out", ticket.tid, "waiting")
    assert ticket.number in went[3]
    ((key, body),) = box.store.rows("SELECT key, body FROM job WHERE kind = 'sms'")
    assert (bytes.fromhex(key), json.loads(body)["text"]) == (went[0], went[3])


def test_a_very_long_text_keeps_its_beginning_as_title(box: Box) -> None:
    box.text("长" * 5000)
    box.follow()
    (ticket,) = box.desk.lists().tickets
    assert (len(ticket.title), ticket.title[-1], len(ticket.content)) == (31, "…", 4000)


def test_the_same_text_given_twice_by_the_device_is_one_ticket(box: Box) -> None:
    box.text("路灯不亮", key="slot 4")
    box.text("路灯不亮", key="slot 4")
    box.text("路灯还是不亮", key="slot 4")
    box.follow()
    assert box.desk.lists().total == 2
    states = box.store.rows("SELECT state FROM short_message WHERE direction = 'in' ORDER BY mid")
    assert states == [("received",), ("repeated",), ("received",)]


def test_two_machines_do_not_talk_for_ever(box: Box) -> None:
    for n in range(REPLIES_A_DAY + 3):
        box.text(f"自动回复 {n}")
    box.text("您的话费余额", number="10086")
    box.follow()
    assert box.desk.lists().total == REPLIES_A_DAY + 4
    assert box.count("job") == REPLIES_A_DAY


@pytest.mark.parametrize(("ok", "state", "job"), [(True, "sent", "done"), (False, "failed", "waiting")])
def test_the_outcome_of_a_text_settles_its_job(box: Box, ok: bool, state: str, job: str) -> None:
    box.text("路灯不亮")
    box.follow()
    ((key,),) = box.store.rows("SELECT key FROM job")
    box.write("text.sent", {"key": key, "ok": ok, "reason": "" if ok else "no_line"}, b"")
    box.follow()
    assert box.store.rows("SELECT state FROM short_message WHERE direction = 'out'") == [(state,)]
    assert box.store.rows("SELECT state FROM job") == [(job,)]


def test_a_voice_message_becomes_a_ticket_linked_to_its_call_and_recording(box: Box) -> None:
    call = a_call(box)
    facts = {"kind": "message", "path": "2026-11-22/m.wav", "seconds": 34.6, "reason": "hangup"}
    made = box.write("recording.made", facts, call)
    box.write("message.left", {"rid": made.eid.hex(), "caller": "10000000001", **facts}, call)
    box.follow()
    (ticket,) = box.desk.lists().tickets
    assert (ticket.source, ticket.call, ticket.phone) == ("voicemail", call, "10000000001")
    assert "35 秒" in ticket.title
    assert [step.ref for step in box.desk.timeline(ticket.tid) if step.what == "recording"] == [
        made.eid.hex()
    ]


def test_a_message_of_a_withheld_number_is_a_ticket_too(box: Box) -> None:
    box.write("message.left", {"path": "m.wav", "seconds": 3, "caller": None}, a_call(box))
    box.follow()
    assert box.desk.lists().tickets[0].phone == ""


def test_what_was_followed_is_not_taken_again_after_a_restart(box: Box) -> None:
    box.text("路灯不亮")
    box.write("recording.made", {"kind": "call", "path": "a.wav", "seconds": 1}, a_call(box))
    box.follow()
    before = {table: box.store.rows(f"SELECT * FROM {table}") for table in ("event", "ticket", "job", "call")}
    box.restart()
    assert box.follow() == 3
    assert {table: box.store.rows(f"SELECT * FROM {table}") for table in before} == before


def test_a_rebuild_from_the_log_gives_the_same_tables(box: Box) -> None:
    box.text("路灯不亮")
    call = a_call(box)
    box.write("recording.made", {"kind": "message", "path": "a.wav", "seconds": 1}, call)
    box.write("message.left", {"path": "a.wav", "seconds": 1, "caller": "1"}, call)
    box.follow()
    names = ("ticket", "call", "charge", "recording", "short_message")
    before = {table: sorted(box.store.rows(f"SELECT * FROM {table}"), key=repr) for table in names}
    box.store.rebuild()
    assert {table: sorted(box.store.rows(f"SELECT * FROM {table}"), key=repr) for table in names} == before


def test_a_journal_that_a_power_cut_made_shorter_than_the_cursor_loses_nothing_new(box: Box) -> None:
    for n in range(5):
        box.text(f"第{n}条")
    box.follow()
    segment = next((box.folder / "journal").iterdir())
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:2]))
    box.journal = FileJournal(box.folder / "journal")
    box.text("停电之后")
    box.restart()
    box.follow()
    assert box.desk.lists(text="停电之后").total == 1
    assert box.store.cursor(CURSOR) == 3


def test_a_damaged_line_is_told_and_what_stands_behind_it_is_taken(box: Box) -> None:
    for n in range(3):
        box.text(f"第{n}条")
    segment = next((box.folder / "journal").iterdir())
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(lines[0] + b"\xff" * (len(lines[1]) - 1) + b"\n" + lines[2])
    assert box.follow() == 3
    assert box.desk.lists().total == 2
    ((place, reason),) = box.store.rows("SELECT eid, reason FROM quarantine")
    assert place == b"journal:2"
    assert "line 2" in reason


def test_segments_in_the_store_are_forgotten_but_not_when_a_line_is_damaged(tmp_path: Path) -> None:
    for damaged in (False, True):
        box = Box(tmp_path / str(damaged), segment_bytes=1000)
        for n in range(20):
            box.text(f"第{n}条")
        folder = box.folder / "journal"
        first = min(folder.iterdir())
        if damaged:
            first.write_bytes(b"?" + first.read_bytes()[1:])
        box.restart()
        box.follow()
        assert first.exists() == damaged
        assert box.store.cursor(CURSOR) == 20


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("text.received", {}),
        ("text.received", {"line": "gsm0", "number": None, "text": None}),
        ("text.sent", {"key": ["odd"]}),
        ("message.left", {"path": "m.wav", "seconds": "long"}),
        ("recording.made", {"kind": "call"}),
        ("recording.made", {"kind": "call", "path": {"a": 1}, "seconds": 1e400}),
        ("recording.sealed", {"rid": "not hex", "sha256": "", "size": 1}),
        ("recording.sealed", {"rid": "00", "sha256": "", "size": 2**70}),
        ("call.ringing", {"caller": 1}),
        ("call.ended", {"outcome": None, "cause": {}}),
        ("ticket.moved", {"move": "accept"}),
        ("unheard.of", {"x": [None]}),
    ],
)
def test_facts_nobody_expected_are_kept_and_stop_nothing(box: Box, kind: str, facts: dict[str, Any]) -> None:
    box.write(kind, facts, b"\x07" * 16)
    box.text("路灯不亮")
    assert box.follow() == 2
    assert box.desk.lists(text="路灯不亮").total == 1
    assert box.store.rows("SELECT count(*) FROM event WHERE kind = ?", kind) == [
        (1 + (kind == "text.received"),)
    ]


@pytest.mark.sqlite_only
def test_a_full_disk_keeps_the_cursor_and_nothing_is_lost(box: Box) -> None:
    box.text("第一条")
    box.follow()
    texts: Sequence[Event] = [box.text("路灯不亮" * 100) for _ in range(50)]
    with box.store.database.connection_context():
        pages = box.store.rows("PRAGMA page_count")[0][0]
        box.store.database.execute_sql(f"PRAGMA max_page_count = {pages + 2}")
        for _ in range(2):
            with pytest.raises(DatabaseError) as told:
                box.follow()
            assert "Free some space" in why(told.value)
        assert (box.store.cursor(CURSOR), box.count("ticket"), box.count("job")) == (1, 1, 1)
        box.store.database.execute_sql("PRAGMA max_page_count = 1073741823")
        assert box.follow() == len(texts)
    assert (box.store.cursor(CURSOR), box.count("ticket")) == (51, 51)


def test_an_alarm_is_said_once_kept_and_ended(box: Box, capsys: pytest.CaptureFixture[str]) -> None:
    alarm = Alarm(box.store, "store")
    for sentence in ("", "The disk is full.", "The disk is full.", ""):
        alarm.say(sentence)
        assert alarms(box.store) == ([sentence] if sentence else [])
    assert capsys.readouterr().err.splitlines() == ["The disk is full.", "alarm.store is over."]


@pytest.mark.sqlite_only
def test_an_alarm_the_disk_has_no_room_for_is_kept_as_soon_as_it_has(box: Box) -> None:
    alarm = Alarm(box.store, "store")
    with box.store.database.connection_context():
        pages = box.store.rows("PRAGMA page_count")[0][0]
        box.store.database.execute_sql(f"PRAGMA max_page_count = {pages}")
        alarm.say("The disk is full. " + "x" * 9000)
        assert alarms(box.store) == []
        box.store.database.execute_sql("PRAGMA max_page_count = 1073741823")
        alarm.say("The disk is full. " + "x" * 9000)
        assert len(alarms(box.store)) == 1
