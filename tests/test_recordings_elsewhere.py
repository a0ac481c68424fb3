"""Somebody presses play on a recording that is at another box: it is asked for, and heard when it is here."""

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest

from appliance.blobs import here, wants
from appliance.configuration import Site
from appliance.events import Event, Fact, Stamp
from appliance.store import outbox
from tests.recordings_box import speech
from tests.web_pages import Web, open_web
from web import hearing

FAR = 7


@pytest.fixture
def hub(tmp_path: Path) -> Web:
    """A hub that knows site 7."""
    hearing._heard.clear()
    web = open_web(tmp_path, site=Site(number=0, role="hub"))
    outbox.add_peer(web.box.store, outbox.peer_name(FAR), FAR)
    return web


def recorded(web: Web, site: int, data: bytes) -> tuple[str, str]:
    """A recording another box tells of; its id and hash in hex."""
    stamp = Stamp(site)
    events: list[Event] = []

    def note(kind: str, facts: dict[str, object], subject: bytes | None = None) -> bytes:
        events.append(stamp.event(Fact(kind, facts, subject)))
        return events[-1].eid

    call = note("call.ringing", {"line": "sip/0", "caller": "13800001234"})
    rid = note("recording.made", {"kind": "call", "path": "far.wav", "seconds": 1.0}, call)
    sha256 = hashlib.sha256(data).hexdigest()
    note("recording.sealed", {"rid": rid.hex(), "sha256": sha256, "size": len(data)}, call)
    web.box.store.take(events, via=outbox.peer_name(site))
    return rid.hex(), sha256


def connect(web: Web, site: int, state: str) -> None:
    with web.box.store.transaction():
        web.box.store.execute("UPDATE peer SET state = ? WHERE site = ?", state, site)


def arrive(web: Web, data: bytes) -> None:
    """The sync process has fetched it."""
    sha256 = hashlib.sha256(data).hexdigest()
    file = web.box.places.data / "arriving"
    file.write_bytes(data)
    web.box.blobs.put(sha256, file)
    wants.kept(web.box.store, sha256, len(data), time.time())


def way(web: Web, rid: str, language: str = "en") -> Any:
    return web.visitor("1400", language).get(f"/recordings/{rid}/way").json


def test_a_leader_at_the_hub_presses_play_and_hears_it_when_it_is_here(hub: Web) -> None:
    data = speech(8000)
    other, _ = recorded(hub, FAR, speech(800, seed=2))
    rid, sha256 = recorded(hub, FAR, data)
    wants.follow(hub.box.store)
    connect(hub, FAR, "connected")
    answer = hub.visitor("1400", "en").get(f"/recordings/{rid}.wav")
    assert answer.status_code == 409
    assert "is being fetched from site 7" in answer.text
    first = wants.upcoming(hub.box.store, time.time())[FAR][0]
    assert (first.sha256, first.rank) == (sha256, wants.AWAITED), "before the older one nobody waits for"
    wants.progress(hub.box.store, sha256, len(data) // 2)
    told = way(hub, rid)
    assert (told["here"], told["percent"]) == (False, 50)
    arrive(hub, data)
    assert way(hub, rid)["here"] is True
    answer = hub.visitor("1400").get(f"/recordings/{rid}.wav", Range="bytes=0-99")
    assert (answer.status_code, answer.data, answer.mimetype) == (206, data[:100], "audio/wav")
    wave: Any = hub.visitor("1400").get(f"/recordings/{rid}/wave").json
    assert len(wave["left"]) == 600
    assert way(hub, other)["here"] is False


def test_it_is_written_down_as_heard_only_when_it_was(hub: Web) -> None:
    data = speech(800)
    rid, _ = recorded(hub, FAR, data)
    visitor = hub.visitor("1400")
    for _ in range(2):
        visitor.get(f"/recordings/{rid}.wav")
    assert [e for _, e in hub.box.store.read(0, 10**6) if e.kind == "recording.played"] == []
    arrive(hub, data)
    visitor.get(f"/recordings/{rid}.wav")
    played = [e.facts for _, e in hub.box.store.read(0, 10**6) if e.kind == "recording.played"]
    assert [(one["rid"], one["by"]) for one in played] == [(rid, "1400")]


@pytest.mark.parametrize(
    ("language", "words"), [("en", "site 7, which is not connected"), ("zh-CN", "7 号分站，对方目前没有连接")]
)
def test_when_the_site_is_away_the_page_says_so(hub: Web, language: str, words: str) -> None:
    rid, _ = recorded(hub, FAR, speech(800))
    connect(hub, FAR, "away")
    hub.visitor("1400").get(f"/recordings/{rid}.wav")
    assert words in way(hub, rid, language)["sentence"]


def test_what_the_site_does_not_have_or_sends_damaged_is_said(hub: Web) -> None:
    rid, sha256 = recorded(hub, FAR, speech(800))
    wants.follow(hub.box.store)
    wants.missing(hub.box.store, sha256, time.time())
    assert "does not have this file" in way(hub, rid)["sentence"]
    assert wants.upcoming(hub.box.store, time.time()) == {}
    hub.visitor("1400").get(f"/recordings/{rid}.wav")
    assert wants.upcoming(hub.box.store, time.time())[FAR][0].rank == 0, "who presses play asks again"
    wants.set_aside(hub.box.store, sha256)
    assert "damaged" in way(hub, rid)["sentence"]


def test_who_may_not_hear_it_fetches_nothing(hub: Web) -> None:
    rid, _ = recorded(hub, FAR, speech(800))
    assert hub.visitor("2001").get(f"/recordings/{rid}.wav").status_code == 403
    assert hub.visitor("2001").get(f"/recordings/{rid}/way").status_code == 403
    assert hub.box.store.rows("SELECT 1 FROM blob") == []


def test_the_hub_says_what_it_has_for_good_and_that_goes_down_to_the_site_that_made_it(hub: Web) -> None:
    data = speech(800)
    rid, sha256 = recorded(hub, FAR, data)
    arrive(hub, data)
    (stored,) = [e for _, e in hub.box.store.read(0, 10**6) if e.kind == outbox.STORED]
    assert (stored.facts["rid"], stored.facts["sha256"]) == (rid, sha256)
    sent = hub.box.store.rows("SELECT peer FROM outgoing WHERE eid = ?", stored.eid)
    assert [tuple(row) for row in sent] == [("site-007",)]
    wants.kept(hub.box.store, sha256, len(data), time.time())
    wants.follow(hub.box.store)
    kinds = [e.kind for _, e in hub.box.store.read(0, 10**6)]
    assert kinds.count(outbox.STORED) == 1, "said once"
    twin, _ = recorded(hub, FAR, data)
    wants.follow(hub.box.store)
    told = [e.facts["rid"] for _, e in hub.box.store.read(0, 10**6) if e.kind == outbox.STORED]
    assert told == [rid, twin], "another recording with the same sound is there already"


def test_an_archived_recording_takes_the_place_of_the_first_one_when_it_is_here(hub: Web) -> None:
    data, archived = speech(8000), b"ID3 small"
    rid, sha256 = recorded(hub, FAR, data)
    arrive(hub, data)
    call = hub.box.store.rows("SELECT call FROM recording WHERE rid = ?", bytes.fromhex(rid))[0][0]
    new = hashlib.sha256(archived).hexdigest()
    facts = {"rid": rid, "path": "far.mp3", "sha256": new, "size": len(archived)}
    hub.box.store.take([Stamp(FAR).event(Fact("recording.archived", facts, bytes(call)))])
    wants.follow(hub.box.store)
    assert wants.upcoming(hub.box.store, time.time())[FAR][0].sha256 == new
    assert here.prune(hub.box.store, hub.box.blobs, time.time() + 1) == 0, "the first one stays meanwhile"
    assert hub.visitor("1400").get(f"/recordings/{rid}.wav").data == data
    arrive(hub, archived)
    assert here.prune(hub.box.store, hub.box.blobs, time.time() + 1) == 1
    assert list(hub.box.blobs.hashes()) == [new]
    answer = hub.visitor("1400").get(f"/recordings/{rid}.wav")
    assert (answer.data, answer.mimetype) == (archived, "audio/mpeg")
    assert sha256 != new


def test_what_a_site_removed_by_its_rules_the_hub_lets_go_of_too(hub: Web) -> None:
    data = speech(800)
    rid, _ = recorded(hub, FAR, data)
    arrive(hub, data)
    hub.box.store.record(Fact("recording.removed", {"rid": rid, "why": "age"}))
    assert here.prune(hub.box.store, hub.box.blobs, time.time() + 1) == 1
    assert list(hub.box.blobs.hashes()) == []


def test_a_site_that_gave_its_file_up_fetches_it_back_from_the_hub(tmp_path: Path) -> None:
    hearing._heard.clear()
    web = open_web(tmp_path)
    outbox.add_peer(web.box.store, outbox.HUB, 0)
    connect(web, 0, "connected")
    data = speech(800)
    rid, sha256 = recorded(web, 1, data)
    web.box.store.record(Fact("recording.dropped", {"rid": rid, "sha256": sha256}))
    assert "is being fetched from the hub" in web.visitor("1400", "en").get(f"/recordings/{rid}.wav").text
    assert wants.upcoming(web.box.store, time.time())[0][0].sha256 == sha256
    arrive(web, data)
    assert web.visitor("1400").get(f"/recordings/{rid}.wav").data == data
    assert here.prune(web.box.store, web.box.blobs, time.time()) == 0
    later_s = time.time() + here.FETCHED_KEPT_S + 1
    assert here.prune(web.box.store, web.box.blobs, later_s) == 1, "not for ever: there was no room for it"
