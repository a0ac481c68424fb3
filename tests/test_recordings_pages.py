"""Recordings on their page: the picture, ranges of archived files, holds, the export, and the search."""

import hashlib
import io
import time
import zipfile
from pathlib import Path

import pytest

from appliance.events import Event, Fact, Stamp
from appliance.recordings import alaw
from appliance.recordings.archive import FORMATS, archive
from tests.recordings_box import speech
from tests.web_pages import Web, open_web

SECONDS = 2.0


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return open_web(tmp_path)


def record(
    web: Web,
    caller: str = "13800001234",
    kind: str = "call",
    archived: bool = False,
    frames: int = int(8000 * SECONDS),
) -> str:
    """A call with its recording, two seconds long; returns the recording's id in hex."""
    began_ms = int((time.time() - 60) * 1000)
    events: list[Event] = []

    def note(after_s: float, kind: str, facts: dict[str, object], subject: bytes | None) -> Event:
        event = Stamp(1, now_ms=lambda: began_ms + int(after_s * 1000)).event(Fact(kind, facts, subject))
        events.append(event)
        return event

    call = note(0, "call.ringing", {"line": "sip/0", "caller": caller, "called": "12345"}, None).eid
    note(0.3, "call.queued", {"queue": "general"}, call)
    note(0.5, "call.answered", {"agent": "1001"}, call)
    note(1, "call.held", {"agent": "1001"}, call)
    note(2, "call.ended", {"outcome": "answered", "cause": 16}, call)
    data = speech(frames)
    file = web.box.places.recordings / f"{call.hex()}.wav"
    file.write_bytes(data)
    rid = note(2.01, "recording.made", {"kind": kind, "path": file.name, "seconds": SECONDS}, call).eid.hex()
    sealed = {"rid": rid, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    note(2.1, "recording.sealed", sealed, call)
    if archived:
        second = file.with_suffix(alaw.SUFFIX)
        written = archive(file, second, FORMATS["alaw"])
        file.unlink()
        facts = {"rid": rid, "path": second.name, "sha256": written.sha256, "size": written.size}
        note(2.2, "recording.archived", facts, call)
    web.box.store.take(events)
    return rid


@pytest.mark.parametrize("archived", [False, True])
def test_the_picture_shows_both_sides_and_what_happened(web: Web, archived: bool) -> None:
    rid = record(web, archived=archived)
    for _ in range(2):
        told = web.visitor("1100").get(f"/recordings/{rid}/wave").json
        assert told
        assert (len(told["left"]), len(told["right"])) == (600, 600)
        assert 40 < max(told["left"]) <= 255
        assert [(mark["what"], mark["who"]) for mark in told["marks"]] == [
            ("queued", "general"),
            ("answered", "1001"),
            ("held", "1001"),
        ]
        assert told["marks"][2]["at_s"] == pytest.approx(1, abs=0.1)


def test_an_archived_recording_is_played_in_ranges(web: Web) -> None:
    rid = record(web, archived=True)
    whole = web.visitor("1100").get(f"/recordings/{rid}.wav")
    part = web.visitor("1100").get(f"/recordings/{rid}.wav", Range="bytes=100-299")
    assert (part.status_code, part.data) == (206, whole.data[100:300])
    assert whole.data[20:22] == b"\x06\x00", "A-law"


def test_who_may_not_hear_sees_no_picture(web: Web) -> None:
    rid = record(web)
    assert web.visitor("2001").get(f"/recordings/{rid}/wave").status_code == 403
    assert web.visitor("9100").get(f"/recordings/{rid}/wave").status_code == 403
    assert web.visitor("1100").get(f"/recordings/{'0' * 32}/wave").status_code == 404


def test_a_leader_holds_and_releases_and_an_agent_cannot(web: Web) -> None:
    rid = record(web)
    assert web.visitor("1001").post(f"/recordings/{rid}/hold", reason="x").status_code == 403
    leader = web.visitor("1100")
    answer = leader.post(f"/recordings/{rid}/hold", do="hold", reason="案件 118", number="1380000")
    assert answer.headers["Location"] == "/recordings?number=1380000"
    page = leader.get("/recordings").text
    assert "保全中" in page
    assert "案件 118" in page
    assert leader.post(f"/recordings/{rid}/hold", do="hold", reason="x").status_code == 409
    assert leader.post(f"/recordings/{rid}/hold", do="release", reason=" ").status_code == 422
    assert leader.post(f"/recordings/{rid}/hold", do="release", reason="结案").status_code == 302
    assert "保全中" not in leader.get("/recordings").text
    kinds = [event.kind for _, event in web.box.store.read(0, 100_000)]
    assert [kind for kind in kinds if kind in ("recording.held", "recording.released")] == [
        "recording.held",
        "recording.released",
    ]


def test_what_was_removed_is_still_listed_and_says_when(web: Web) -> None:
    rid = record(web, caller="13977776666")
    web.box.store.record(Fact("recording.removed", {"rid": rid, "why": "age"}, b""))
    leader = web.visitor("1100")
    page = leader.get("/recordings?number=13977776666").text
    assert "保存期满" in page
    assert f"{rid}.wav" not in page
    answer = leader.get(f"/recordings/{rid}.wav")
    assert answer.status_code == 404
    assert "已按保存规定" in answer.text


def test_a_leader_takes_a_day_away_and_an_agent_cannot(web: Web) -> None:
    record(web)
    today = time.strftime("%Y-%m-%d", time.localtime(time.time() - 60))
    assert web.visitor("1001").post("/recordings/export", day=today).status_code == 403
    leader = web.visitor("1400")
    assert leader.post("/recordings/export", day="gestern").status_code == 422
    for _ in range(3):
        answer = leader.post("/recordings/export", day=today)
        assert answer.headers["Content-Disposition"] == f'attachment; filename="recordings-{today}.zip"'
        assert zipfile.ZipFile(io.BytesIO(answer.data)).testzip() is None
        answer.close()
    (exported, *_) = [e for _, e in web.box.store.read(0, 100_000) if e.kind == "recording.exported"]
    assert exported.facts["by"] == "1400"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("number=0001234", True),
        ("number=%25", False),
        ("agent=1001&outcome=answered", True),
        ("outcome=lost", False),
        ("kind=message", False),
        ("kind=call", True),
        ("ticket=000", False),
        ("since=2020-01-01&until=2099-01-01", True),
        ("until=2020-01-01", False),
        ("queue=general", True),
        ("queue=staff", False),
        ("longer=0&shorter=1", True),
        ("longer=1", False),
        ("shorter=0", False),
        ("longer=x&before=y&after=z", True),
        ("kind='&outcome=%00", False),
    ],
)
def test_recordings_are_found_by_what_is_known_of_them(web: Web, query: str, found: bool) -> None:
    rid = record(web)
    answer = web.visitor("1100").get(f"/recordings?{query}")
    assert (answer.status_code, rid in answer.text) == (200, found)


def test_a_recording_is_found_by_its_ticket(web: Web) -> None:
    rid = record(web)
    call = web.box.store.rows("SELECT call FROM recording WHERE rid = ?", bytes.fromhex(rid))[0][0]
    number = web.box.store.rows("SELECT number FROM ticket LIMIT 1")[0][0]
    with web.box.store.transaction():
        web.box.store.execute("UPDATE ticket SET call = ? WHERE number = ?", call, number)
    assert rid in web.visitor("1100").get(f"/recordings?ticket={number}").text
