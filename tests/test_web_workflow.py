"""The page of the workflow: versions, a draft saved row by row, faults in words, publishing, migration."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.people import Actor
from appliance.tickets.drawing import svg
from appliance.tickets.process import Move
from appliance.tickets.workflow import MOVES, SHIPPED, made
from appliance.tickets.workflow_changes import changes
from appliance.tickets.workflow_draft import LISTS, Drafts
from tests.ticket_stories import Teller, with_units
from tests.web_pages import Visitor, Web, open_web

ADMIN = "9001"
PAGE = "/settings/workflow"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


@pytest.fixture
def admin(web: Web) -> Visitor:
    number = web.box.store.rows("SELECT number FROM person WHERE ',' || roles || ',' LIKE '%,AD,%'")[0][0]
    return web.visitor(number)


def begun(admin: Visitor, name: str) -> str:
    """Begin a draft; return where it is."""
    answer = admin.post(f"{PAGE}/drafts", based_on="standard@0", name=name)
    assert answer.status_code == 302
    return answer.headers["Location"]


def saved(admin: Visitor, draft: str, code: str, **fields: object) -> dict[str, object]:
    """Save a move as the script of the page does."""
    lists = ["who", "needs", "takes", "complete", "guards", "ratings", "reason", "final"]
    form = {"csrf_token": admin._form_token(), "shown": [name for name in lists if name in fields], **fields}
    headers = {**admin.headers, "Accept": "application/json"}
    answer = admin.client.post(f"{draft}/moves/{code}", data=form, headers=headers)
    assert answer.status_code == 200, answer.text
    data: dict[str, object] = answer.get_json()
    return data


def test_only_administrators_come_to_the_workflow(web: Web) -> None:
    for number in ("1001", "1200", "2001"):
        assert web.visitor(number).get(PAGE).status_code == 403
        assert web.visitor(number).post(f"{PAGE}/drafts", name="mine").status_code == 403


def test_the_page_shows_what_every_kind_begins_on_and_draws_it(admin: Visitor) -> None:
    page = admin.get(PAGE).text
    assert 'data-test="version-standard@0"' in page
    assert page.count('<g class="wf-state"') == 27
    assert "投诉" in page


def test_a_move_is_saved_as_it_is_changed_and_its_faults_are_told_in_words(web: Web, admin: Visitor) -> None:
    draft = begun(admin, "faulty")
    assert 'data-test="form-C26"' in admin.get(f"{draft}?move=C26").text
    told = saved(admin, draft, "C26", zh="收回", who=["DP", "TL"], target="SUSPENDED")
    assert told["faults"] == [{"code": "C26", "text": "它必须要求填写“计划恢复日期”。"}]
    assert "收回" in str(told["row"])
    assert told["changes"] == 1
    told = saved(admin, draft, "C26", who=[])
    assert {"code": "C26", "text": "没有人可以办理这一步，请至少选择一个角色。"} in told["faults"]  # type: ignore[operator]
    kept = Drafts(web.box.store).get("faulty").move("C26")
    assert (kept.zh, kept.who, kept.target, kept.reason) == ("收回", frozenset(), "SUSPENDED", True)
    refused = admin.post(draft, do="publish", reason="试试")
    assert refused.status_code == 422
    assert "不能发布" in refused.text


def test_what_is_not_ticked_is_taken_away_only_where_the_form_showed_it(web: Web, admin: Visitor) -> None:
    draft = begun(admin, "ticks")
    saved(admin, draft, "C28", guards=["not_designated"])
    move = Drafts(web.box.store).get("ticks").move("C28")
    assert (move.guards, move.takes, move.who) == (
        ("not_designated",),
        ("basis", "suggested"),
        frozenset({"U2", "UL"}),
    )
    saved(admin, draft, "C28", takes=[])
    assert Drafts(web.box.store).get("ticks").move("C28").takes == ()


def test_a_form_saved_without_changes_changes_nothing(web: Web, admin: Visitor) -> None:
    draft = begun(admin, "same")
    for move in MOVES:
        page = admin.get(f"{draft}?move={move.code}").text
        form = page[page.index(f'data-test="form-{move.code}"') :].partition("</form>")[0]
        boxes = re.findall(r'name="(\w+)" value="(\w+)" checked', form)
        fields: dict[str, object] = {name: [v for n, v in boxes if n == name] for name, _ in boxes}
        told = saved(admin, draft, move.code, **{name: fields.get(name, []) for name in LISTS})
        assert (told["changes"], told["faults"]) == (0, []), move.code


def test_moves_are_added_and_taken_out_and_the_comparison_tells_it(web: Web, admin: Visitor) -> None:
    draft = begun(admin, "more")
    new = {
        "code": "X1",
        "name": "hurry",
        "zh": "加急办理",
        "en": "Hurry",
        "source": "HANDLING",
        "target": "FEEDBACK",
    }
    assert admin.post(draft, do="add", **new).headers["Location"] == f"{draft}?move=X1#X1"
    assert admin.post(draft, do="add", **new).status_code == 422
    saved(admin, draft, "X1", who=["UL"], needs=["result"])
    assert admin.post(f"{draft}/moves/C09", do="remove").status_code == 302
    admin.post(draft, do="kinds", kinds=["repair", "nothing"])
    page = admin.get(draft).text
    assert "VERIFYING" not in [m.target for m in Drafts(web.box.store).get("more").moves]
    assert "状态 待核实 无法到达" in page
    for code in ("C10", "C11"):
        admin.post(f"{draft}/moves/{code}", do="remove")
    answer = admin.post(draft, do="publish", reason="抢修加急")
    assert answer.headers["Location"] == f"{PAGE}/versions/more@1"
    page = admin.get(f"{PAGE}/versions/more@1").text
    assert "抢修加急" in page
    assert page.count("taken out") + page.count("去掉</span>") == 3
    assert web.box.tickets.workflows.current("repair").id == "more@1"
    assert admin.get(draft).status_code in (403, 404, 422)


def test_a_ticket_on_a_published_version_has_its_new_button_and_its_story_says_its_name(
    web: Web, admin: Visitor
) -> None:
    with_units(web.box.store)
    hurry = Move("X1", "hurry", "HANDLING", "FEEDBACK", frozenset({"UL"}), "加急办结", "Hurry", ("result",))
    boss = Actor("9001", "管理员", frozenset({"AD"}))
    web.box.tickets.workflows.publish(boss, "swift", [*MOVES, hurry], ("complaint",), "加急")
    teller = Teller(web.box.store)
    ticket = teller.tell("HANDLING")
    assert ticket.workflow == "swift@1"
    leader = Actor("2002", "负责人", frozenset({"UL"}), "lamp")
    moved = web.box.tickets.move(leader, ticket.tid, "hurry", {"result": "已抢修"})
    assert (moved.state, moved.handled) == ("FEEDBACK", "unit")
    assert "加急办结" in admin.get(f"/tickets/{ticket.number}").text


def test_two_administrators_who_change_different_moves_do_not_hinder_each_other(
    web: Web, admin: Visitor
) -> None:
    drafts = Drafts(web.box.store)
    one, two = (Actor(str(n), "", frozenset({"AD"})) for n in (1, 2))
    drafts.begin(one, "both", SHIPPED)
    drafts.set_move(one, "both", "C26", {"zh": "甲"})
    drafts.set_move(two, "both", "C27", {"zh": "乙"})
    assert [drafts.get("both").move(code).zh for code in ("C26", "C27")] == ["甲", "乙"]
    assert admin.post(f"{PAGE}/drafts", based_on="standard@0", name="both").status_code >= 400
    admin.post(f"{PAGE}/drafts/both", do="drop")
    assert all(draft.name != "both" for draft in drafts.all())


def test_a_draft_never_takes_back_unseen_what_was_published_meanwhile(web: Web, admin: Visitor) -> None:
    draft = begun(admin, "shared")
    saved(admin, draft, "C26", zh="我的撤回")
    boss = Actor("9009", "另一位管理员", frozenset({"AD"}))
    web.box.tickets.workflows.publish(boss, "shared", MOVES, ("other",), "先发布了")
    refused = admin.post(draft, do="publish", reason="我的")
    assert refused.status_code == 422
    assert "shared@1 已在此期间发布" in refused.text
    assert 'data-test="newer"' in admin.get(draft).text
    admin.post(draft, do="compare")
    page = admin.get(draft).text
    assert 'data-test="newer"' not in page
    assert "与 shared@1 相比" in page
    assert admin.post(draft, do="publish", reason="我的").headers["Location"].endswith("shared@2")


def test_open_tickets_are_migrated_after_a_look(web: Web, admin: Visitor) -> None:
    with_units(web.box.store)
    boss = Actor("9001", "管理员", frozenset({"AD"}))
    fast = [move for move in MOVES if "VERIFYING" not in (move.source, move.target)]
    before = Teller(web.box.store).tell("VERIFYING")
    going = Teller(web.box.store).tell("ACCEPTED")
    web.box.tickets.workflows.publish(boss, "short", fast, ("praise",), "简化")
    asked = {"from": before.workflow, "to": "short@1", "reason": "统一"}
    page = admin.post(f"{PAGE}/migrate", do="preview", **asked).text
    assert before.number in page
    assert "不能改用" in page
    assert web.box.tickets.get(going.tid).workflow == before.workflow
    same = admin.post(f"{PAGE}/migrate", do="preview", **{**asked, "to": before.workflow})
    assert same.status_code == 422
    assert "请选择与现用版本不同的版本" in same.text
    bare = admin.post(f"{PAGE}/migrate", do="migrate", **{**asked, "reason": ""})
    assert bare.status_code == 422
    there = bare.text.split('id="migrate"')[1]
    assert "请填写“原因”" in there, "it is said where the form is"
    assert '<option value="short@1" selected' in there, "what was chosen stays chosen"
    assert 'data-test="do-migrate"' in there
    admin.post(f"{PAGE}/migrate", do="migrate", **asked)
    assert [web.box.tickets.get(t.tid).workflow for t in (before, going)] == [before.workflow, "short@1"]


def test_words_in_a_workflow_are_shown_as_words_never_as_markup() -> None:
    bad = [Move("C01", "x", "", "DRAFT", frozenset(), '<script>"&', "<b>"), *MOVES[1:]]
    drawn = svg(made("<i>", 0, bad), "zh")
    assert "<script>" not in drawn
    assert "<i>" not in drawn
    assert [change.code for change in changes(MOVES, bad)] == ["C01"]


odd = st.one_of(st.text(max_size=20), st.sampled_from(["", "REGISTERED", "DP", "x" * 3000, "unit", "<b>"]))


NAMES = (
    *("zh", "en", "name", "source", "target", "who", "needs", "guards", "code", "do", "kinds", "reason"),
    *("shown", "based_on", "from", "to"),
)
PLACES = ("drafts", "drafts/odd", "drafts/odd/moves/C26", "drafts/nothing", "drafts/odd/moves/%00", "migrate")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(NAMES), odd, max_size=6), st.sampled_from(PLACES))
def test_whatever_is_sent_is_kept_or_refused_and_never_an_error(
    web: Web, admin: Visitor, form: dict[str, str], where: str
) -> None:
    if all(draft.name != "odd" for draft in Drafts(web.box.store).all()):
        begun(admin, "odd")
    assert admin.post(f"{PAGE}/{where}", **form).status_code < 500
    assert admin.get(f"{PAGE}/drafts/odd").status_code < 500


@pytest.mark.parametrize("language", ["zh-CN", "en-US"])
def test_the_pages_are_there_in_both_languages(web: Web, language: str, tmp_path: Path) -> None:
    number = web.box.store.rows("SELECT number FROM person WHERE ',' || roles || ',' LIKE '%,AD,%'")[0][0]
    visitor = web.visitor(number, language)
    for path in (PAGE, f"{PAGE}/versions/standard@0"):
        assert visitor.get(path).status_code == 200
    assert visitor.get(f"{PAGE}/versions/nothing@7").status_code in (403, 404, 422)
