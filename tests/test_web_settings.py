"""Settings pages: lists, entries, parameters, rights, files; what is changed counts at the next click."""

import io
import re
from html import unescape
from pathlib import Path

import pytest

from appliance.dictionary.kinds import KINDS
from appliance.dictionary.rights_table import RIGHTS
from appliance.people import Actor
from tests.web_pages import Visitor, Web, open_web
from web import access


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def bring(visitor: Visitor, name: str, data: bytes) -> str:
    visitor.get("/settings/files")
    form = {"csrf_token": visitor.token, "files": (io.BytesIO(data), name)}
    answer = visitor.client.post("/settings/files", data=form, headers=visitor.headers)
    return str(answer.text)


def digest(page: str) -> str:
    found = re.search(r'name="digest" value="([0-9a-f]+)"', page)
    return found.group(1) if found else ""


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_every_list_and_a_form_of_it_can_be_opened(web: Web, language: str) -> None:
    admin = web.visitor("9000", language)
    assert admin.get("/settings").status_code == 200
    for kind in KINDS.values():
        expected = 404 if kind.hidden else 200
        assert admin.get(f"/settings/list/{kind.name}").status_code == expected
        assert admin.get(f"/settings/new/{kind.name}").status_code == expected
        for entry in () if kind.hidden else web.box.dictionary.all(kind.name)[:2]:
            assert admin.get(f"/settings/entry/{kind.name}/{entry.key}").status_code == 200
            found = admin.get(f"/settings/list/{kind.name}?q={entry.names[0]}&retired=yes")
            assert f'data-test="entry-{entry.key}"' in found.text
    assert admin.get("/settings/list/nothing").status_code == 404
    assert admin.get("/settings/entry/unit/nothing").status_code == 404


def test_an_entry_is_made_changed_taken_out_of_use_and_back(web: Web) -> None:
    admin = web.visitor("9000")
    answer = admin.post(
        "/settings/new/unit", key="park", name="公园处", parent="green", closing="17:00", kind="third"
    )
    assert answer.status_code == 302
    park = web.box.dictionary.get("unit", "park")
    assert park is not None
    assert (park.text("parent"), park.text("closing"), park.fields["site"]) == ("green", "17:00", 1)
    admin.post("/settings/entry/unit/park", name="公园管理处", seen=park.changed.hex())
    page = admin.get("/settings/entry/unit/park").text
    assert "<del>公园处</del> → <ins>公园管理处</ins>" in page
    assert "9000 系统管理员" in page
    admin.post("/settings/entry/unit/park/retire", successor="green", sure="1")
    assert "park" not in {u["code"] for u in offered(web)}
    assert 'data-test="restore"' in admin.get("/settings/entry/unit/park").text
    admin.post("/settings/entry/unit/park/restore")
    assert "park" in {u["code"] for u in offered(web)}


def test_a_unit_goes_out_of_use_only_after_it_was_told_what_it_still_has(tmp_path: Path) -> None:
    web = open_web(tmp_path)
    admin, desk = web.visitor("9000"), web.box.tickets
    fields = {"kind": "repair", "title": "路灯不亮", "content": "不亮", "category": "0101"}
    tickets, orders = "未办结工单：", "其他单位工单的未结协办及其他事项："
    people = sum(p.text("unit") == "heat" for p in web.box.dictionary.all("person"))
    before = told(admin, "heat", tickets), told(admin, "gas", orders)
    ticket = desk.create(Actor("1001", "", frozenset({"AG"})), "web", fields)
    desk.move(Actor("1001", "", frozenset({"AG"})), ticket.tid, "accept")
    given = {"unit": "heat", "assisting": ["gas"]}
    desk.move(Actor("1200", "", frozenset({"DP"})), ticket.tid, "dispatch", given)
    page = admin.post("/settings/entry/unit/heat/retire", successor="gas").text
    assert told(admin, "heat", tickets) == before[0] + 1
    assert told(admin, "gas", orders) == before[1] + 1
    assert told(admin, "heat", "人员：") == people
    assert '<option value="gas" selected' in page, "the successor chosen stays chosen"
    listed = unescape(re.findall(r'href="([^"]+)" data-test="its-tickets"', page)[0])
    assert ticket.number in admin.get(listed).text
    entry = web.box.dictionary.get("unit", "heat")
    assert entry is not None
    assert not entry.retired
    assert admin.post("/settings/entry/unit/heat/retire", successor="gas", sure="1").status_code == 302
    entry = web.box.dictionary.get("unit", "heat")
    assert entry is not None
    assert (entry.retired, entry.text("successor")) == (True, "gas")
    assert ticket.number in web.visitor("2004").get("/tickets").text, "its people can still finish it"


def told(admin: Visitor, unit: str, label: str) -> int:
    page = admin.post(f"/settings/entry/unit/{unit}/retire").text
    return int(re.findall(label + r"(\d+)", page)[0])


def offered(web: Web) -> list[dict[str, str]]:
    from web.dictionary import units

    with web.app.test_request_context():
        return units()


def test_a_refused_form_comes_back_with_what_was_typed(web: Web) -> None:
    admin = web.visitor("9000")
    answer = admin.post("/settings/new/unit", key="lamp", name="另一个", address="某路 1 号")
    assert answer.status_code == 422
    assert "编码 lamp 已被使用，请另选。" in answer.text
    assert 'value="另一个"' in answer.text
    assert "某路 1 号</textarea>" in answer.text
    answer = admin.post("/settings/entry/unit/lamp", name="")
    assert "请填写" in answer.text
    answer = admin.post("/settings/entry/unit/urban", parent="lamp")
    assert answer.status_code == 422
    assert "不能位于自身之下" in answer.text
    answer = admin.post("/settings/entry/unit/urban/retire")
    assert answer.status_code == 422
    assert "请先移动或停用" in answer.text


def test_a_stale_page_is_refused_and_loses_nothing(web: Web) -> None:
    admin = web.visitor("9000")
    entry = web.box.dictionary.get("unit", "lamp")
    assert entry is not None
    admin.post("/settings/entry/unit/lamp", name="照明处", seen=entry.changed.hex())
    answer = admin.post("/settings/entry/unit/lamp", name="路灯处", seen=entry.changed.hex())
    assert answer.status_code == 409
    assert 'value="路灯处"' in answer.text


def test_script_in_a_name_is_shown_as_text(web: Web) -> None:
    admin = web.visitor("9000")
    admin.post("/settings/new/tag", key="x", name="<script>alert(1)</script>")
    for page in ("/settings/list/tag", "/settings/entry/tag/x"):
        assert "<script>alert(1)" not in admin.get(page).text


def test_limits_of_a_category_are_set_by_kind_of_ticket(web: Web) -> None:
    admin = web.visitor("9000")
    fields = {"limits:complaint": "10wd", "limits:repair": ""}
    assert admin.post("/settings/entry/category/0101", **fields).status_code == 302
    category = web.box.dictionary.get("category", "0101")
    assert category is not None
    assert category.fields["limits"] == {"complaint": "10wd"}
    assert admin.post("/settings/entry/category/0101", **{"limits:repair": "soon"}).status_code == 422


def test_parameters_are_set_together_or_not_at_all(web: Web) -> None:
    admin = web.visitor("9000")
    answer = admin.post("/settings/parameters", sign_wd="3", rounds_max="99")
    assert answer.status_code == 422
    assert "不得大于 9" in answer.text
    assert web.box.dictionary.whole("sign_wd") == 1
    admin.post("/settings/parameters", sign_wd="3", urge_automatic="no")
    assert web.box.dictionary.whole("sign_wd") == 3
    assert web.box.dictionary.parameter("urge_automatic") is False
    assert "<del>1</del> → <ins>3</ins>" in admin.get("/settings/parameters").text


def test_a_right_taken_away_counts_at_the_next_click_and_one_given_too(web: Web) -> None:
    admin, leader, dispatcher = web.visitor("9000"), web.visitor("1400"), web.visitor("1200")
    assert leader.get("/board").status_code == 200
    assert dispatcher.get("/board").status_code == 403
    admin.get("/settings/rights")
    data = [("csrf_token", admin.token), ("row", "page.board"), ("page.board", "TL"), ("page.board", "DP")]
    admin.client.post("/settings/rights", data=form(data), headers=admin.headers)
    assert leader.get("/board").status_code == 403
    assert dispatcher.get("/board").status_code == 200
    assert 'href="/board"' not in leader.get("/tickets").text


def form(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def test_the_matrix_keeps_its_bounds(web: Web) -> None:
    admin = web.visitor("9000")
    admin.get("/settings/rights")
    for pairs in (
        [("row", "page.desk"), ("page.desk", "AG"), ("page.desk", "TE")],
        [("row", "page.desk")],
    ):
        data = form([("csrf_token", admin.token), *pairs])
        assert admin.client.post("/settings/rights", data=data, headers=admin.headers).status_code == 422
    admin.client.post(
        "/settings/rights",
        data=form([("csrf_token", admin.token), ("row", "page.settings"), ("row", "page.people")]),
        headers=admin.headers,
    )
    assert admin.get("/settings").status_code == 200
    assert admin.get("/people").status_code == 200, "administrators are never locked out"
    assert web.visitor("1200").get("/settings").status_code == 403


def test_every_page_right_is_one_the_access_table_can_keep() -> None:
    for endpoint, name in access.PAGE_OF.items():
        if not name:
            continue
        right = RIGHTS[f"page.{name}"]
        mine = [e for e in access.TABLE if e == endpoint or e.partition(".")[0] == endpoint]
        assert mine, endpoint
        for one in mine:
            if access.PAGE_OF.get(one, name) == name and access.TABLE[one] != access.PUBLIC:
                assert access.TABLE[one] <= right.default, one


def test_by_default_the_matrix_opens_what_the_table_opens() -> None:
    def default(name: str) -> frozenset[str]:
        return RIGHTS[f"page.{name}"].default

    for endpoint in access.TABLE:
        for role in access.ROLES:
            roles = frozenset({role})
            assert access.opens(endpoint, roles, default) == access.allowed(endpoint, roles), (endpoint, role)


def test_who_may_not_change_a_list_does_not_open_it(web: Web) -> None:
    dispatcher = web.visitor("1200")
    assert dispatcher.get("/settings/list/contact").status_code == 200
    assert dispatcher.get("/settings/list/unit").status_code == 403
    assert dispatcher.post("/settings/entry/unit/lamp", name="x").status_code == 403
    assert dispatcher.get("/settings/parameters").status_code == 403
    assert web.visitor("1001").get("/settings").status_code == 403
    assert 'href="/contacts"' in web.visitor("2001").get("/tickets").text


def test_the_address_book_is_searched(web: Web) -> None:
    page = web.visitor("1001").get("/contacts?q=照明").text
    assert "照明抢修值班" in page
    assert "供水抢修值班" not in page
    assert 'data-dial="0000-6500091"' in page, "an agent dials by click"
    assert "data-dial" not in web.visitor("2001").get("/contacts").text


def test_all_settings_are_exported_and_an_import_of_them_changes_nothing(web: Web) -> None:
    admin = web.visitor("9000")
    data = admin.get("/settings/files/all.zip").data
    page = bring(admin, "all.zip", data)
    assert "文件内容与现有设置一致" in page
    assert admin.get("/settings/files/all.zip").data == data
    assert admin.get("/settings/files/unit.csv").text.startswith("\ufeffkey 编码,")


def test_an_import_is_shown_first_and_done_when_agreed(web: Web) -> None:
    admin = web.visitor("9000")
    page = bring(admin, "area.csv", "key,name\nsouth,云南片\n".encode())
    assert "south" in page
    assert web.box.dictionary.get("area", "south") is None
    assert admin.post("/settings/files/do", digest="0" * 64).status_code == 409
    assert admin.post("/settings/files/do", digest=digest(page)).status_code == 302
    assert web.box.dictionary.get("area", "south") is not None
    assert admin.post("/settings/files/do", digest=digest(page)).status_code == 409, "only once"


def test_a_wrong_row_is_told_with_its_line_and_there_is_nothing_to_agree_to(web: Web) -> None:
    admin = web.visitor("9000")
    page = bring(admin, "unit.csv", "key,name,parent\nnew,新局,\nbad,坏局,nowhere\n".encode())
    assert "上级：责任单位中没有编码 nowhere。" in page
    assert digest(page) == ""
    assert bring(admin, "unit.docx", b"x").count("文件名须为列表名")
    assert "无法读取此 zip 文件" in bring(admin, "a.zip", b"PK\x03\x04")
