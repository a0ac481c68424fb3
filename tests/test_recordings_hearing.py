"""Who hears which recording, and that every hearing is written down with name and time."""

from pathlib import Path
from typing import Any

import pytest

from appliance.events import Fact
from appliance.people import Actor
from tests.test_recordings_pages import record
from tests.web_pages import Web, open_web
from web import hearing


@pytest.fixture
def web(tmp_path: Path) -> Web:
    hearing._heard.clear()
    return open_web(tmp_path)


def call_of(web: Web, rid: str) -> bytes:
    return bytes(web.box.store.rows("SELECT call FROM recording WHERE rid = ?", bytes.fromhex(rid))[0][0])


def ticket(web: Web, rid: str, confidential: bool) -> str:
    """A ticket registered from the recording's call."""
    agent = Actor("1001", "", frozenset({"AG"}))
    made = web.box.tickets.create(agent, "phone", {"confidential": confidential}, call=call_of(web, rid))
    return made.number


def heard(web: Web) -> list[tuple[str, str, str]]:
    facts = [e.facts for _, e in web.box.store.read(0, 100_000) if e.kind == "recording.played"]
    return [(each["by"], each["how"], each["rid"]) for each in facts]


def test_each_hearing_is_written_down_once_however_the_player_jumps(web: Web) -> None:
    rid = record(web)
    web.visitor("1001").get(f"/recordings/{rid}/wave")
    assert heard(web) == [], "the picture is not heard"
    for span in ("bytes=0-", "bytes=1000-", "bytes=200-300"):
        web.visitor("1001").get(f"/recordings/{rid}.wav", Range=span)
    assert heard(web) == [("1001", "listen", rid)]
    web.visitor("1100").get(f"/recordings/{rid}.wav", Range="bytes=5000-")
    assert heard(web)[1:] == [("1100", "listen", rid)], "whoever begins in the middle hears it too"


def test_the_same_person_hears_it_anew_after_a_while_and_each_download_counts(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    rid = record(web)
    visitor = web.visitor("1001")
    for _ in range(2):
        answer = visitor.get(f"/recordings/{rid}.wav?download=1")
        assert answer.headers["Content-Disposition"].startswith("attachment")
    assert heard(web) == [("1001", "download", rid)] * 2
    monkeypatch.setattr(hearing, "AGAIN_S", 0.0)
    visitor.get(f"/recordings/{rid}.wav")
    visitor.get(f"/recordings/{rid}.wav")
    assert len(heard(web)) == 4


def test_who_is_refused_leaves_no_hearing(web: Web) -> None:
    rid = record(web)
    for number in ("2001", "9100"):
        assert web.visitor(number).get(f"/recordings/{rid}.wav").status_code == 403
    assert heard(web) == []


@pytest.mark.parametrize(
    ("number", "may"),
    [("1001", True), ("1002", False), ("1100", True), ("1200", True), ("1400", True), ("2001", False)],
)
def test_a_confidential_tickets_call_is_heard_by_whoever_answered_it_and_by_those_allowed(
    web: Web, number: str, may: bool
) -> None:
    rid = record(web)
    ticket(web, rid, confidential=True)
    for address in (f"/recordings/{rid}.wav", f"/recordings/{rid}/wave", f"/recordings/{rid}.wav?download=1"):
        assert web.visitor(number).get(address).status_code == (200 if may else 403)
    order = {"do": "play_back", "recording": rid}
    if number in ("1001", "1002"):
        expected = 503 if may else 403
        assert web.visitor(number).ask("/desk/order", order).status_code == expected, "calls is not there"


def test_lists_hide_number_and_sound_of_a_confidential_call_from_others(web: Web) -> None:
    caller = "13800009876"
    rid = record(web, caller=caller)
    ticket(web, rid, confidential=True)
    for page in ("/recordings", "/calls"):
        others, own = web.visitor("1002").get(page).text, web.visitor("1001").get(page).text
        assert (caller in others, f"{rid}.wav" in others) == (False, False)
        assert (caller in own, f"{rid}.wav" in own) == (True, True)
    told: Any = web.visitor("1002").get(f"/desk/caller/{caller}").json
    assert [call["recording"] for call in told["calls"]] == [None]


def test_who_heard_a_recording_is_seen_by_those_who_look_after_it_only(web: Web) -> None:
    rid = record(web)
    web.visitor("1001").get(f"/recordings/{rid}.wav")
    another = {"rid": "0" * 32, "by": "9", "how": "listen"}
    web.box.store.record(Fact("recording.played", another, call_of(web, rid)))
    assert web.visitor("1001").get(f"/recordings/{rid}/history").status_code == 403
    told: Any = web.visitor("1400").get(f"/recordings/{rid}/history").json
    assert [(step["what"], step["who"]) for step in told["steps"]] == [
        ("录音完成", ""),
        ("固化指纹", ""),
        ("收听", "1001"),
    ]
    english: Any = web.visitor("1400", "en").get(f"/recordings/{rid}/history").json
    assert [step["what"] for step in english["steps"]] == ["Recorded", "Sealed", "Heard"]
    assert web.visitor("1400").get(f"/recordings/{'0' * 32}/history").status_code == 404


def test_a_leader_keeps_a_rolling_recording(web: Web) -> None:
    rid = record(web)
    with web.box.store.transaction():
        web.box.store.execute("UPDATE recording SET rolling = 1")
    assert web.visitor("1001").post(f"/recordings/{rid}/keep").status_code == 403
    leader = web.visitor("1100")
    assert 'data-test="rolling"' in leader.get("/recordings").text
    assert leader.post(f"/recordings/{rid}/keep").status_code == 302
    assert 'data-test="rolling"' not in leader.get("/recordings").text
    assert leader.post(f"/recordings/{rid}/keep").status_code == 409
