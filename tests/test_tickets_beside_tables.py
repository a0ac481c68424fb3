"""Tables of sub-orders and overlays an administrator changes: within bounds, in versions, as a file."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import cli
from appliance.tickets.beside_tables import out_of_bounds, shipped_of
from appliance.tickets.process import Move
from appliance.tickets.soundness import ACTORS
from appliance.tickets.strands import KINDS
from appliance.tickets.workflow import SHIPPED
from appliance.tickets.workflow_file import BadFile, read, written
from tests.ticket_desk import ADMIN, DISPATCHER, SUPERVISOR, WATER, Office, refused
from tests.web_pages import open_web

STEPS = [(kind, move.code) for kind in KINDS for move in KINDS[kind].workflow.moves]


def changed(kind: str, code: str, /, **changes: Any) -> list[Move]:
    moves = KINDS[kind].workflow.moves
    return [dataclasses.replace(move, **changes) if move.code == code else move for move in moves]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def publish(office: Office, kind: str, code: str, /, **changes: Any) -> str:
    made = office.desk.workflows.publish(ADMIN, kind, changed(kind, code, **changes), reason="本市规定")
    return made.id


def test_every_table_shipped_is_within_its_bounds_and_comes_back_from_its_file() -> None:
    for kind in KINDS.values():
        assert out_of_bounds(kind.name, kind.workflow.moves) == []
        assert read(written(kind.name, (), kind.workflow.moves)).moves == kind.workflow.moves


@given(st.sampled_from(STEPS), st.data())
def test_whatever_may_be_published_of_a_table_keeps_every_step_the_box_rests_on(
    step: tuple[str, str], data: st.DataObject
) -> None:
    kind, code = step
    shipped = {move.code: move for move in KINDS[kind].workflow.moves}
    move = shipped[code]
    names = st.sampled_from(["unit", "task", "text", "due", "days", "level", "planned", "title", "nonsense"])
    wish = {
        "who": data.draw(st.frozensets(st.sampled_from([*ACTORS, "XX"]), max_size=4)),
        "needs": tuple(data.draw(st.lists(names, max_size=3, unique=True))) or move.needs,
        "reason": data.draw(st.booleans()),
        "target": data.draw(st.sampled_from([move.target, *KINDS[kind].workflow.states])),
    }
    moves = changed(kind, code, **wish)
    if data.draw(st.booleans()):
        moves.remove(data.draw(st.sampled_from(moves)))
    if out_of_bounds(kind, moves):
        return
    assert [(m.name, m.source, m.target) for m in moves] == [
        (m.name, m.source, m.target) for m in shipped.values()
    ]
    for now in moves:
        assert set(shipped[now.code].needs) <= set(now.needs)
        assert now.who
        assert now.who <= ACTORS.keys()


@pytest.mark.parametrize(
    ("kind", "code", "changes", "says"),
    [
        ("suborder", "A02", {"who": frozenset()}, "Nobody may make this move"),
        ("suborder", "A02", {"target": "DONE"}, "must stay as it is shipped"),
        ("suborder", "A01", {"needs": ("unit",)}, 'ask for "task"'),
        ("suborder", "A12", {"needs": ("result", "title")}, "part of the registration"),
        ("suborder", "A02", {"guards": ("moonlight",)}, "no condition moonlight"),
        ("suspension", "O41", {"reason": False}, 'ask for "reason"'),
        ("urge", "O02", {"code": "Z9"}, "fixed: take it out"),
        ("urge", "O02", {"complete": ("title",)}, "for tickets only"),
    ],
)
def test_what_is_out_of_bounds_is_told_and_not_published(
    office: Office, kind: str, code: str, changes: dict[str, Any], says: str
) -> None:
    told = " ".join(str(fault) for fault in out_of_bounds(kind, changed(kind, code, **changes)))
    assert says in told
    with refused("bad_workflow"):
        publish(office, kind, code, **changes)
    with pytest.raises(BadFile):
        read(written(kind, (), changed(kind, code, **changes)))


def test_a_published_table_is_what_new_strands_go_by_and_open_ones_go_on_by_theirs(office: Office) -> None:
    desk, ticket = office.desk, office.handling()
    given = {"unit": "water", "task": "查水"}
    old = desk.act(DISPATCHER, ticket.tid, "suborder", "create", given)
    assert publish(office, "suborder", "A02", who=frozenset({"UL"}), needs=("text",)) == "suborder@1"
    new = desk.act(DISPATCHER, ticket.tid, "suborder", "create", {**given, "unit": "road"})
    assert (old.workflow, new.workflow) == ("", "suborder@1")
    road = dataclasses.replace(WATER, unit="road")
    leader = dataclasses.replace(road, roles=frozenset({"UL"}))
    assert "sign" in {move.name for move in desk.beside.steps(WATER, ticket, old)}
    assert "sign" not in {move.name for move in desk.beside.steps(road, ticket, new)}
    with refused("not_yours"):
        desk.act(road, ticket.tid, new.sid, "sign")
    with refused("missing"):
        desk.act(leader, ticket.tid, new.sid, "sign")
    assert desk.act(leader, ticket.tid, new.sid, "sign", {"text": "收到"}).state == "SIGNED"
    assert desk.act(WATER, ticket.tid, old.sid, "sign").state == "SIGNED"
    before = office.store.rows("SELECT * FROM strand ORDER BY sid")
    office.store.rebuild()
    assert office.store.rows("SELECT * FROM strand ORDER BY sid") == before


def test_what_follows_from_a_move_is_not_held_up_by_what_a_table_asks_people_for(office: Office) -> None:
    publish(office, "suborder", "A01", needs=("unit", "task", "due"))
    with refused("missing"):
        office.desk.act(
            DISPATCHER, office.handling().tid, "suborder", "create", {"unit": "road", "task": "查"}
        )
    ticket = office.dispatched(assisting=["water"], task="查水")
    assert [strand.workflow for strand in office.desk.strands(ticket.tid)] == ["suborder@1"]


def test_a_table_of_strands_is_no_workflow_of_tickets(office: Office) -> None:
    publish(office, "urge", "O03", reason=True)
    ticket = office.registered()
    assert ticket.workflow == SHIPPED.id
    with refused("unknown_workflow"):
        office.desk.migrate(ADMIN, ticket.tid, "urge@1", "试试")
    assert office.desk.workflows.newest_beside()["urge"].id == "urge@1"
    assert office.desk.workflows.beside("urge", "urge@9") is shipped_of("urge"), "not here yet"
    assert office.desk.workflows.beside("urge", "suborder@0") is shipped_of("urge")


def test_the_story_calls_a_step_what_its_own_version_calls_it(office: Office) -> None:
    publish(office, "supervision", "O11", zh="挂牌督办", en="Supervise in public")
    ticket = office.handling()
    given = {"level": "general", "opinion": "请抓紧"}
    office.desk.act(SUPERVISOR, ticket.tid, "supervision", "issue", given)
    assert "督办：挂牌督办" in [step.zh for step in office.desk.timeline(ticket.tid)]


def test_a_step_that_is_called_like_its_kind_is_said_once(office: Office) -> None:
    ticket = office.handling()
    given = {"level": "general", "opinion": "请抓紧"}
    office.desk.act(SUPERVISOR, ticket.tid, "supervision", "issue", given)
    told = [step.zh for step in office.desk.timeline(ticket.tid)]
    assert "督办" in told
    assert "督办：督办" not in told


def test_an_administrator_edits_a_table_on_the_page_and_publishes_it(tmp_path: Path) -> None:
    web = open_web(tmp_path)
    admin, page = web.visitor("9000"), "/settings/workflow"
    assert 'data-test="begin-suborder@0"' in admin.get(page).text
    where = admin.post(f"{page}/drafts", based_on="suborder@0").headers["Location"]
    editor = admin.get(f"{where}?move=A02").text
    assert "已签收" in editor
    assert 'name="target"' not in editor
    assert 'data-test="remove"' not in editor
    shown = ["who", "needs", "takes", "guards", "reason"]
    admin.post(
        f"{where}/moves/A02", shown=shown, who=["UL"], reason="1", zh="确认", en="Confirm", target="DONE"
    )
    assert (
        admin.post(where, do="add", source="SENT", target="DONE", name="x", zh="x", en="x").status_code == 422
    )
    assert admin.post(f"{where}/moves/A02", do="remove").status_code == 422
    assert "发布" in admin.get(where).text
    published = admin.post(where, do="publish", reason="组长确认").headers["Location"]
    told = admin.get(published).text
    assert "suborder@1" in told
    assert "组长确认" in told
    now = web.box.tickets.workflows.newest_beside()["suborder"].steps["SENT", "sign"]
    assert (now.who, now.reason, now.zh, now.target) == (frozenset({"UL"}), True, "确认", "SIGNED")
    assert re.search(r'data-test="beside-suborder@1"', admin.get(page).text)
    assert web.visitor("1001").post(f"{page}/drafts", based_on="suborder@0").status_code == 403


def test_the_command_exports_publishes_lists_checks_and_draws_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web = open_web(tmp_path)
    data, file = ["--data", str(web.box.places.data)], tmp_path / "suborder.toml"

    def said(*words: str, code: int = 0) -> str:
        assert cli.main([*data, "workflow", *words]) == code
        return capsys.readouterr().out

    said("export", str(file), "--version", "suborder@0")
    file.write_text(file.read_text("utf-8").replace('zh = "签收"', 'zh = "确认收到"'), "utf-8")
    assert "every sub-order" in said("publish", str(file), "--dry-run")
    assert "suborder@1 is published" in said("publish", str(file), "--reason", "本市用语")
    assert "every sub-order" in said("list")
    assert "suborder@1" in said("check")
    assert "确认收到" in said("diagram", "--kind", "suborder")
    file.write_text(file.read_text("utf-8").replace('to = "SIGNED"', 'to = "DONE"'), "utf-8")
    said("publish", str(file), "--reason", "x", code=1)
