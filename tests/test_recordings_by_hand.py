"""What people do to recordings by hand: noted, linked, removed; who may, and that the log says who did."""

from pathlib import Path

import pytest

from appliance.people import Actor
from appliance.recordings import by_hand, holds
from appliance.refused import Refused
from appliance.tickets.desk import TicketDesk
from tests.recordings_box import Shelf
from tests.test_recordings_pages import record
from tests.web_pages import Web, open_web
from web import access

AGENT = Actor("1001", "", frozenset({"AG"}))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return open_web(tmp_path)


def desk(shelf: Shelf) -> TicketDesk:
    return TicketDesk(shelf.store, lambda: shelf.now)


def test_a_note_is_kept_replaced_and_taken_back_and_a_rebuild_gives_the_same(shelf: Shelf) -> None:
    rid = shelf.make(1)
    for text, kept in (("  市民  情绪激动 ", "市民 情绪激动"), ("已回访", "已回访"), (" ", None)):
        by_hand.note(shelf.store, rid.hex(), "1001", text)
        assert shelf.column(rid, "note") == kept
    with pytest.raises(Refused, match="already"):
        by_hand.note(shelf.store, rid.hex(), "1001", "")
    by_hand.note(shelf.store, rid.hex(), "1001", "x" * 1000)
    assert len(str(shelf.column(rid, "note"))) == by_hand.NOTE_MAX
    before = shelf.store.rows("SELECT * FROM recording")
    shelf.store.rebuild()
    assert shelf.store.rows("SELECT * FROM recording") == before


def test_a_recording_linked_to_an_open_ticket_is_not_removed_until_the_link_is_taken_back(
    shelf: Shelf,
) -> None:
    rid = shelf.make(1200)
    ticket = desk(shelf).create(AGENT, "phone", {})
    by_hand.link(shelf.store, desk(shelf), rid.hex(), "1001", ticket.number)
    with pytest.raises(Refused, match="already"):
        by_hand.link(shelf.store, desk(shelf), rid.hex(), "1001", ticket.number)
    with pytest.raises(Refused, match="does not exist"):
        by_hand.link(shelf.store, desk(shelf), rid.hex(), "1001", "999")
    with pytest.raises(Refused, match="not closed"):
        by_hand.remove(shelf.store, rid.hex(), "9000", "x")
    shelf.night()
    assert shelf.kinds("recording.removed") == []
    by_hand.link(shelf.store, desk(shelf), rid.hex(), "1001", "")
    shelf.now += 86_400
    shelf.night()
    assert len(shelf.kinds("recording.removed")) == 1


def test_what_is_removed_by_hand_goes_with_its_file_and_says_who_and_why(shelf: Shelf) -> None:
    rid, held, fresh = shelf.make(1), shelf.make(1), shelf.make(1, seal=False)
    holds.hold(shelf.store, held.hex(), "1100", "案件")
    file = shelf.file(rid)
    for wrong, said in ((held, "under hold"), (fresh, "not yet sealed")):
        with pytest.raises(Refused, match=said):
            by_hand.remove(shelf.store, wrong.hex(), "9000", "x")
    with pytest.raises(Refused, match="Write the reason"):
        by_hand.remove(shelf.store, rid.hex(), "9000", "  ")
    by_hand.remove(shelf.store, rid.hex(), "9000", "测试呼叫")
    while shelf.runner.run_due():
        pass
    assert not file.exists()
    (event,) = shelf.kinds("recording.removed")
    assert event.facts == {"rid": rid.hex(), "why": "hand", "by": "9000", "reason": "测试呼叫"}
    with pytest.raises(Refused, match="has been removed"):
        by_hand.note(shelf.store, rid.hex(), "1001", "x")


def test_on_its_page_an_agent_notes_and_links_and_only_an_administrator_removes(web: Web) -> None:
    rid = record(web)
    agent, administrator = web.visitor("1001"), web.visitor("9000")
    number = str(web.box.store.rows("SELECT number FROM ticket WHERE state <> 'CLOSED' LIMIT 1")[0][0])
    assert agent.post(f"/recordings/{rid}/note", text="<b>要点</b>").status_code == 302
    assert agent.post(f"/recordings/{rid}/link", to=number).status_code == 302
    page = agent.get(f"/recordings?ticket={number}").text
    assert "&lt;b&gt;要点&lt;/b&gt;" in page
    assert rid in page
    assert rid in web.visitor("1100").get(f"/tickets/{number}").text, "and on the ticket's page"
    assert agent.post(f"/recordings/{rid}/remove", reason="x").status_code == 403
    assert administrator.post(f"/recordings/{rid}/remove", reason="x").status_code == 403, "an open ticket"
    assert agent.post(f"/recordings/{rid}/link", to="").status_code == 302
    assert administrator.post(f"/recordings/{rid}/remove", reason="").status_code == 422
    assert administrator.post(f"/recordings/{rid}/remove", reason="测试").status_code == 302
    assert "人工删除" in agent.get("/recordings").text


def test_a_recording_linked_to_a_confidential_ticket_is_as_confidential(web: Web) -> None:
    rid = record(web)
    ticket = web.box.tickets.create(AGENT, "phone", {"confidential": True})
    assert web.visitor("1002").get(f"/recordings/{rid}.wav").status_code == 200
    by_hand.link(web.box.store, web.box.tickets, rid, "1100", ticket.number)
    assert web.visitor("1002").get(f"/recordings/{rid}.wav").status_code == 403
    assert web.visitor("1002").post(f"/recordings/{rid}/note", text="x").status_code == 403
    assert f"{rid}.wav" not in web.visitor("1002").get("/recordings").text
    assert f"{rid}.wav" not in web.visitor("1002").get(f"/tickets/{ticket.number}").text
    assert f"{rid}.wav" in web.visitor("1001").get(f"/tickets/{ticket.number}").text


def test_nobody_who_may_not_hear_everything_may_remove_anything() -> None:
    assert access.REMOVERS <= access.CONFIDENTIAL <= access.LISTENERS | {"SV"}
