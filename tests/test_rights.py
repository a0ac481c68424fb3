"""The matrix narrows moves and fields, and lists people maintain decide what tickets may say."""

from pathlib import Path

import pytest

from appliance.actor import BOX, CITIZEN, ROLES
from appliance.dictionary.rights import Rights
from appliance.dictionary.rights_table import FIELDS_OF, RIGHTS
from appliance.tickets.bodies import REGISTERED_FIELDS
from appliance.tickets.desk import TicketDesk
from appliance.tickets.strands import KINDS
from appliance.tickets.workflow import SHIPPED
from tests.ticket_desk import (
    ADMIN,
    AGENT,
    CALLBACK,
    DISPATCHER,
    LEADER,
    SUPERVISOR,
    TOLD,
    WATER,
    Office,
    refused,
)
from tests.web_pages import Web, open_web


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return open_web(tmp_path)


def give(desk: TicketDesk, right: str, *roles: str) -> None:
    desk.dictionary.set(ADMIN, "right", right, {"roles": list(roles)})


def test_every_right_has_sound_bounds() -> None:
    for right in RIGHTS.values():
        assert right.least <= right.default <= right.most <= ROLES.keys()
        assert right.default or not right.needed
    assert {field for fields in FIELDS_OF.values() for field in fields} <= set(REGISTERED_FIELDS)


def test_by_default_the_matrix_leaves_every_move_to_whom_the_workflow_gives_it(office: Office) -> None:
    rights = Rights(office.desk.dictionary)
    for move in SHIPPED.moves:
        for role in move.who:
            actor = type(AGENT)("1", "x", frozenset({role}))
            assert rights.makes(actor, move.name, move.who)


def test_a_move_taken_from_a_role_is_gone_from_the_buttons_and_refused(office: Office) -> None:
    ticket, desk = office.registered(), office.desk
    assert "accept" in {move.name for move in desk.buttons(AGENT, ticket)}
    give(desk, "move.accept", "DP")
    assert "accept" not in {move.name for move in desk.buttons(AGENT, ticket)}
    with refused("not_yours"):
        desk.move(AGENT, ticket.tid, "accept")
    assert desk.move(DISPATCHER, ticket.tid, "accept").state == "ACCEPTED"


def test_by_default_the_matrix_leaves_every_step_beside_to_whom_its_table_gives_it(office: Office) -> None:
    rights = Rights(office.desk.dictionary)
    for kind in KINDS.values():
        for move in kind.workflow.moves:
            for role in move.who:
                actor = type(AGENT)("1", "x", frozenset({role}))
                assert rights.makes(actor, move.name, move.who, kind.name)


def test_a_step_beside_taken_from_a_role_is_gone_from_the_buttons_and_refused(office: Office) -> None:
    ticket, desk = office.handling(), office.desk
    strand = desk.act(DISPATCHER, ticket.tid, "suborder", "create", {"unit": "water", "task": "查水"})
    assert "sign" in {move.name for move in desk.beside.steps(WATER, ticket, strand)}
    give(desk, "step.suborder.sign", "UL")
    assert "sign" not in {move.name for move in desk.beside.steps(WATER, ticket, strand)}
    with refused("not_yours"):
        desk.act(WATER, ticket.tid, strand.sid, "sign")
    assert "supervision" in {kind.name for kind, _ in desk.beside.openings(SUPERVISOR, ticket)}
    give(desk, "step.supervision.issue", "LD")
    assert "supervision" not in {kind.name for kind, _ in desk.beside.openings(SUPERVISOR, ticket)}
    with refused("not_yours"):
        desk.act(SUPERVISOR, ticket.tid, "supervision", "issue", {"level": "general", "opinion": "请抓紧"})
    assert desk.act(LEADER, ticket.tid, "supervision", "issue", {"level": "general", "opinion": "请抓紧"})


def test_what_the_box_does_beside_is_not_bound_by_the_matrix(office: Office) -> None:
    give(office.desk, "step.suborder.create", "UL")
    ticket = office.dispatched(assisting=["water"], task="查水")
    assert [strand.unit for strand in office.desk.strands(ticket.tid)] == ["water"]


def test_the_page_takes_a_step_beside_from_a_role(web: Web) -> None:
    admin = web.visitor("9000")
    page = admin.get("/settings/rights").text
    assert 'data-test="step.urge.send-AG"' in page
    admin.post("/settings/rights", row="step.urge.send", **{"step.urge.send": "DP"})
    assert web.box.rights.roles("step.urge.send") == {"DP"}
    ticket = web.box.tickets.lists(("ACCEPTED",)).tickets[0]
    assert "open-urge" not in web.visitor("1001").get(f"/tickets/{ticket.number}").text
    assert "open-urge" in web.visitor("1200").get(f"/tickets/{ticket.number}").text


def test_a_move_cannot_be_given_beyond_the_workflow_nor_be_left_to_nobody(office: Office) -> None:
    with refused("beyond"):
        give(office.desk, "move.dispatch", "TE")
    with refused("nobody_left"):
        give(office.desk, "move.confirm_close")


def test_a_kind_made_in_the_settings_is_used_and_one_out_of_use_is_refused_but_shown(office: Office) -> None:
    desk = office.desk
    desk.dictionary.set(ADMIN, "ticket_kind", "thanks", {"name": "感谢"})
    ticket = office.registered(kind="thanks")
    assert ticket.kind == "thanks"
    desk.edit(AGENT, ticket.tid, {"kind": "praise"})
    desk.edit(AGENT, ticket.tid, {"kind": "thanks"})
    assert any("类别：感谢" in step.text for step in desk.timeline(ticket.tid))
    desk.dictionary.retire(ADMIN, "ticket_kind", "thanks")
    with refused("bad_choice"):
        office.registered(kind="thanks")
    kept = desk.edit(AGENT, ticket.tid, {"kind": "thanks", "title": "谢谢"})
    assert (kept.kind, kept.title) == ("thanks", "谢谢"), "what stands there may stay"
    with refused("bad_choice"):
        desk.edit(AGENT, office.registered().tid, {"kind": "thanks"})


def test_a_reason_out_of_use_is_refused_with_a_move(office: Office) -> None:
    ticket = office.answered()
    office.desk.dictionary.retire(BOX, "dissatisfaction", "slow")
    with refused("bad_choice"):
        office.desk.move(CALLBACK, ticket.tid, "dissatisfied", {"rating": "dissatisfied", "why": "slow"})


def test_a_ticket_is_not_lost_when_its_source_is_out_of_use(office: Office) -> None:
    office.desk.dictionary.retire(ADMIN, "source", "fax")
    assert office.desk.create(BOX, "fax", {"title": "传真"}).source == "fax"
    with refused("bad_choice"):
        office.desk.create(BOX, "pigeon", {"title": "信鸽"})


def test_a_dissolved_unit_gets_no_ticket_and_keeps_its_name_on_old_ones(web: Web) -> None:
    desk = web.box.tickets
    lamp = next(t for t in desk.lists(rows=500).tickets if t.unit == "lamp")
    for part in ("lamp.east", "lamp.west"):
        web.box.dictionary.retire(BOX, "unit", part)
    web.box.dictionary.retire(BOX, "unit", "lamp", "urban")
    assert "市照明管理处" in web.visitor("1200").get(f"/tickets/{lamp.number}").text
    ticket = next(t for t in desk.lists(("ACCEPTED",), rows=500).tickets)
    page = web.visitor("1200").get(f"/tickets/{ticket.number}").text
    assert 'value="lamp"' not in page
    answer = web.visitor("1200").post(f"/tickets/{ticket.number}/move", move="dispatch", unit="lamp")
    assert answer.status_code == 422


def test_whom_the_matrix_does_not_show_it_sees_names_numbers_and_addresses_in_part(web: Web) -> None:
    desk = web.box.tickets
    ticket = desk.create(CITIZEN, "web", {**TOLD, "citizen": "欧阳明", "address": "长宁里 7 号"})
    agent = web.visitor("1001")
    page = agent.get(f"/tickets/{ticket.number}").text
    assert ticket.address in page
    assert ticket.phone in page
    everybody = [role for role in ROLES if role in RIGHTS["field.citizen"].default and role != "AG"]
    give(desk, "field.citizen", *everybody)
    give(desk, "field.address", *everybody)
    page = agent.get(f"/tickets/{ticket.number}").text
    assert ticket.address not in page
    assert ticket.phone not in page
    assert ticket.phone not in agent.get("/tickets").text
    assert "欧阳明" not in page
    assert ticket.address in web.visitor("1200").get(f"/tickets/{ticket.number}").text


def test_who_may_hear_no_recordings_hears_none(web: Web) -> None:
    rid = b"\x01" * 16
    with web.box.store.transaction():
        web.box.store.execute(
            "INSERT INTO recording (rid, call, kind, path, seconds, size, sha256, site, made_s, reason)"
            " VALUES (?, ?, 'call', 'x.wav', 1, 0, '', 1, 1, '')",
            *(rid, b"\x02" * 16),
        )
    dispatcher = web.visitor("1200")
    assert dispatcher.get(f"/recordings/{rid.hex()}.wav").status_code != 403
    give(web.box.tickets, "field.recording", *(RIGHTS["field.recording"].default - {"DP"}))
    assert dispatcher.get(f"/recordings/{rid.hex()}.wav").status_code == 403


def test_a_further_field_of_the_settings_is_named_in_the_story(office: Office) -> None:
    desk = office.desk
    desk.dictionary.set(ADMIN, "extra_field", "lift_number", {"name": "电梯编号"})
    ticket = office.registered()
    desk.edit(AGENT, ticket.tid, {"extra": {"lift_number": "A-7"}})
    assert any("电梯编号：A-7" in step.text for step in desk.timeline(ticket.tid))
