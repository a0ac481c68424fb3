"""One case, one file: whole, checked by its own sums, opened without a network, frozen at the archiving."""

import hashlib
import io
import json
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import pytest

from appliance.blobs.keeping import DiskBlobs
from appliance.casefile.binding import CASE, PACKAGED, Binder, Bound, bound_of, checked, source_of
from appliance.casefile.package import pieces
from appliance.casefile.story import story_of
from appliance.events import Fact
from appliance.people import Actor
from appliance.places import Places
from appliance.refused import Refused
from appliance.store.jobs import Runner
from appliance.store.store import Store
from appliance.tickets import redaction
from appliance.tickets.ticket import Ticket
from tests.recordings_box import speech
from tests.seal_image import seal_png
from tests.test_letters_office import ADMINISTRATOR, DISPATCHER, OPERATOR, WRITTEN, Place
from tests.test_letters_sheets import text_of
from tests.test_web_tickets import dispatched
from tests.web_pages import Web, open_web

CALLBACK = Actor("1300", "陈静", frozenset({"CB"}))
CENTRE = "云河市热线"
HOSTILE = "路灯</td><script>alert(1)</script>不亮"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def closed(place: Place, **fields: object) -> Ticket:
    """A ticket that went its whole way, with a recorded call and two letters, one of them void."""
    ticket = place.ticket(**fields)
    folder = place.store.path.parent / "recordings" / "2026-11-18"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.wav").write_bytes(speech(800))
    (call,) = place.store.record(Fact("call.ringing", {"line": "sip/1", "caller": "13800001234"}))
    made = {"kind": "call", "path": "2026-11-18/a.wav", "seconds": 0.1}
    (sound,) = place.store.record(Fact("recording.made", made, call.eid))
    sealed = {"rid": sound.eid.hex(), "sha256": hashlib.sha256(speech(800)).hexdigest(), "size": 3244}
    linked = {"rid": sound.eid.hex(), "by": "1200", "ticket": ticket.tid.hex(), "number": ticket.number}
    place.store.record(Fact("recording.sealed", sealed, call.eid), Fact("recording.linked", linked, call.eid))
    place.office.seals.put(ADMINISTRATOR, "", seal_png())
    place.office.issue(DISPATCHER, ticket, "assignment", WRITTEN)
    void = place.office.issue(DISPATCHER, ticket, "official", WRITTEN)
    place.office.void(DISPATCHER, void.lid, "写错单位")
    place.tickets.move(OPERATOR, ticket.tid, "sign")
    place.tickets.move(OPERATOR, ticket.tid, "submit_result", {"result": "已更换 12 盏灯"})
    place.tickets.move(DISPATCHER, ticket.tid, "pass", {"answer": "路灯已修复"})
    return place.tickets.move(CALLBACK, ticket.tid, "satisfied", {"rating": "satisfied"})


def package(place: Place, ticket: Ticket, sound: bool) -> zipfile.ZipFile:
    source = source_of(place.store, Places(place.store.path.parent), CENTRE)
    data = b"".join(pieces(source, story_of(place.store, ticket), place.now, sound))
    return zipfile.ZipFile(io.BytesIO(data))


class Links(HTMLParser):
    """What a page loads or leads to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found += [value or "" for name, value in attrs if name in ("href", "src")]


def test_the_package_holds_every_part_and_sums_that_agree(place: Place) -> None:
    with package(place, closed(place), sound=True) as parts:
        names = set(parts.namelist())
        assert {"index.html", "case.pdf", "events.jsonl", "recordings.csv", "manifest.json"} <= names
        assert {"letters/001-assignment.pdf", "letters/002-official.pdf"} <= names
        assert any(name.startswith("sound/001-") for name in names)
        told: dict[str, str] = {}
        for line in parts.read("SHA256SUMS").decode().splitlines():
            digest, name = line.split("  ", 1)
            told[name] = digest
        assert set(told) == names - {"SHA256SUMS"}
        assert all(hashlib.sha256(parts.read(name)).hexdigest() == digest for name, digest in told.items())
        manifest = json.loads(parts.read("manifest.json"))
        assert {part["name"] for part in manifest["parts"]} == names - {"SHA256SUMS", "manifest.json"}


def test_the_file_of_a_case_has_the_sound_another_box_made_where_this_one_keeps_it(place: Place) -> None:
    ticket = closed(place)
    folder = place.store.path.parent
    hub, blobs = Store(folder / "hub.db", 0, bind=False), DiskBlobs(folder / "blobs")
    hub.take([event for _, event in place.store.read(0, 1000)])
    sound = folder / "fetched"
    sound.write_bytes(speech(800))
    blobs.put(hashlib.sha256(speech(800)).hexdigest(), sound)
    source = source_of(hub, Places(folder / "hub"), CENTRE, blobs)
    with hub.connection():
        data = b"".join(pieces(source, story_of(hub, ticket), place.now, sound=True))
    parts = zipfile.ZipFile(io.BytesIO(data))
    assert [parts.read(name) for name in parts.namelist() if name.startswith("sound/")] == [speech(800)]


def test_the_story_in_the_package_tells_all_that_happened_and_by_whom(place: Place) -> None:
    ticket = closed(place, citizen="王女士", phone="13800001234")
    with package(place, ticket, sound=False) as parts:
        text = text_of(parts.read("case.pdf"))
        page = parts.read("index.html").decode()
        assert "作废" in text_of(parts.read("letters/002-official.pdf"))
    facts = (
        ticket.number,
        "王女士",
        "13800001234",
        "已更换12盏灯",
        "路灯已修复",
        "2001孙立",
        "市照明管理处",
        "写错单位",
    )
    for fact in facts:
        assert fact in text, fact
        assert fact in "".join(page.split()), fact


def test_the_page_opens_without_a_network_and_shows_hostile_text_as_text(place: Place) -> None:
    with package(place, closed(place, title=HOSTILE), sound=True) as parts:
        links = Links()
        links.feed(parts.read("index.html").decode())
        assert links.tags.count("script") == 1
        assert set(links.found) <= set(parts.namelist())
        assert "</td><script>alert(1)</script>" in text_of(parts.read("case.pdf"))


def test_events_are_there_byte_for_byte_one_a_line(place: Place) -> None:
    ticket = closed(place)
    with package(place, ticket, sound=False) as parts:
        lines = [json.loads(line) for line in parts.read("events.jsonl").decode().splitlines()]
    history = place.store.history(ticket.tid)
    assert [line["eid"] for line in lines] == [event.eid.hex() for event in history]
    assert [line["facts"] for line in lines] == [dict(event.facts) for event in history]


def test_recordings_stand_in_the_list_with_their_sum_even_when_they_are_not_taken_along(place: Place) -> None:
    ticket = closed(place)
    digest = hashlib.sha256(speech(800)).hexdigest()
    with package(place, ticket, sound=False) as parts:
        assert not any(name.startswith("sound/") for name in parts.namelist())
        assert digest in parts.read("recordings.csv").decode()
    (place.store.path.parent / "recordings/2026-11-18/a.wav").unlink()
    with package(place, ticket, sound=True) as parts:
        assert "没有该录音文件" in parts.read("recordings.csv").decode()


def test_archiving_freezes_the_file_and_its_sum(place: Place) -> None:
    where = Places(place.store.path.parent)
    binder = Binder(place.store, where, CENTRE, lambda: place.now)
    runner = Runner(place.store, {CASE: binder.bind}, now=lambda: place.now)
    ticket = place.tickets.move(DISPATCHER, closed(place).tid, "archive")
    assert bound_of(place.store, ticket.tid) is None
    while binder.plan():
        pass
    assert runner.run_due() == 1
    bound = bound_of(place.store, ticket.tid)
    assert bound is not None
    file = checked(where.cases, bound)
    with zipfile.ZipFile(file) as parts:
        assert "case.pdf" in parts.namelist()
        assert json.loads(parts.read("manifest.json"))["state"] == "ARCHIVED"
    assert binder.plan() == 1, "only its own event is new"
    assert runner.run_due() == 0, "nothing is made twice"
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(Refused, match="not what was frozen"):
        checked(where.cases, bound)


def test_the_same_case_gives_the_same_file(place: Place) -> None:
    ticket = closed(place)
    first, again = (package(place, ticket, sound=False).read("SHA256SUMS") for _ in range(2))
    assert first == again


def test_an_archiving_that_came_too_late_makes_no_file(place: Place) -> None:
    binder = Binder(place.store, Places(place.store.path.parent), CENTRE, lambda: place.now)
    ticket = place.tickets.move(DISPATCHER, closed(place).tid, "archive")
    late = {"move": "archive", "from": "CLOSED", "role": "DP", "by": "1200", "name": "周建国", "seen": ""}
    place.store.record(Fact("ticket.moved", late, ticket.tid))
    while binder.plan():
        pass
    Runner(place.store, {CASE: binder.bind}, now=lambda: place.now).run_due()
    assert len([e for e in place.store.history(ticket.tid) if e.kind == PACKAGED]) == 1


def test_after_a_redaction_the_file_is_made_anew_and_the_old_one_is_gone(place: Place) -> None:
    where = Places(place.store.path.parent)
    binder = Binder(place.store, where, CENTRE, lambda: place.now)
    runner = Runner(place.store, {CASE: binder.bind}, now=lambda: place.now)

    def bind() -> Bound:
        while binder.plan():
            pass
        runner.run_due()
        bound = bound_of(place.store, ticket.tid)
        assert bound is not None
        return bound

    ticket = closed(place, citizen="王秘密", content="家住三单元的隐私")
    place.tickets.move(DISPATCHER, ticket.tid, "archive")
    old = checked(where.cases, bind())
    redaction.redact(
        place.store, ADMINISTRATOR, ticket.tid, dict.fromkeys(("citizen", "content"), ""), "本人申请"
    )
    new = checked(where.cases, bind())
    assert not old.exists()
    with zipfile.ZipFile(new) as parts:
        text = text_of(parts.read("case.pdf")) + text_of(parts.read("letters/001-assignment.pdf"))
        text += parts.read("events.jsonl").decode() + parts.read("index.html").decode()
    assert redaction.BLANK in text
    assert "王秘密" not in text
    assert "家住三单元的隐私" not in text


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def test_a_case_is_taken_away_by_those_who_may_and_that_is_told_in_its_story(web: Web) -> None:
    ticket = dispatched(web)
    path = f"/tickets/{ticket.number}"
    answer = web.visitor("1200").post(f"{path}/file", sound="on")
    assert answer.mimetype == "application/zip"
    assert zipfile.ZipFile(io.BytesIO(answer.data)).testzip() is None
    assert "调取卷宗" in web.visitor("1200").get(path).text
    assert "调取卷宗" not in web.visitor("2001").get(path).text
    for number in ("1001", "2001"):
        assert web.visitor(number).post(f"{path}/file").status_code == 403
        assert 'data-test="case-take"' not in web.visitor(number).get(path).text
    missing = web.visitor("1200").get(f"{path}/file")
    assert missing.status_code == 404
    assert "尚未归档" in missing.text
