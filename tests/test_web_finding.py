"""Finding tickets on the page: any conditions, orders, views, sums, and tables that are taken away."""

import csv
import io
import re
import zipfile
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.configuration import Site
from appliance.dictionary.dictionary import Dictionary
from appliance.events import Fact, Stamp
from appliance.people import BOX, Actor
from appliance.store import outbox
from appliance.tickets import exporting
from appliance.tickets.ticket import Ticket
from tests.web_pages import Visitor, Web, open_web

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
LEAF = "0101"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def told(web: Web, **fields: object) -> Ticket:
    """A ticket that was submitted and accepted."""
    desk = web.box.tickets
    ticket = desk.create(
        AGENT, "phone", {"kind": "repair", "title": "天桥", "content": "栏杆松动", "category": LEAF, **fields}
    )
    desk.move(AGENT, ticket.tid, "submit")
    return desk.move(AGENT, ticket.tid, "accept")


def numbers(visitor: Visitor, query: str) -> set[str]:
    """The tickets a list shows."""
    page = visitor.get(f"/tickets?{query}")
    assert page.status_code == 200
    return set(re.findall(r'data-test="ticket-(\d+)"', page.text))


def test_any_conditions_together_narrow_a_list_and_stay_in_the_form(web: Web) -> None:
    wanted = told(
        web, title="拱桥照明", area="云东区", urgency="urgent", citizen="欧阳青", phone="10077778888"
    )
    told(web, title="拱桥照明", area="云西区", urgency="urgent")
    visitor = web.visitor("1200")
    query = (
        "list=all&text=拱桥&kind=repair&kind=help&area=云东区&urgency=urgent&citizen=欧阳&phone=8888"
        "&category=01&agent=1001&created_since=2020-01-01&created_until=2099-12-31&confidential=no"
    )
    assert numbers(visitor, query) == {wanted.number}
    page = visitor.get(f"/tickets?{query}").text
    assert '<details class="more-filters" data-test="more" open>' in page
    assert 'name="kind" value="help" checked' in page
    assert 'value="2020-01-01"' in page
    assert numbers(visitor, query + "&closed_until=2001-01-01") == set()
    assert 'data-test="more">' in visitor.get("/tickets?list=all&text=拱桥").text


def test_a_list_can_be_put_in_order_by_its_heads_and_turned_to_its_ends(web: Web) -> None:
    for n in range(33):
        told(web, title=f"水闸 {n}")
    visitor = web.visitor("1200")
    first = visitor.get("/tickets?list=all&text=水闸").text
    (head,) = re.findall(r'href="([^"]+)" data-test="sort-created"', first)
    up = visitor.get(unescape(head)).text
    assert up.index("水闸 0<") < up.index("水闸 1<")
    assert 'aria-sort="ascending"' in up
    (last,) = re.findall(r'href="([^"]+)" data-test="last"', up)
    end = visitor.get(unescape(last)).text
    assert "水闸 32<" in end
    assert "共 33 件" in end
    assert 'rel="next"' not in end
    assert numbers(visitor, "list=all&sort=due&way=up&text=水闸")


def test_a_view_is_kept_found_again_and_removed_by_its_owner_only(web: Web) -> None:
    dictionary = web.box.tickets.dictionary
    dictionary.set(BOX, "group", "early", {"name": "早班"})
    owner, mate, stranger = web.visitor("1200"), web.visitor("1300"), web.visitor("1001")
    page = owner.post("/tickets/views", name="我的  拱桥", conditions="list=all&text=拱桥&kind=repair")
    assert page.status_code == 302
    listed = owner.get("/tickets").text
    (address,) = re.findall(r'href="([^"]+)" data-test="view">我的 拱桥<', listed)
    assert parse_qs(urlsplit(unescape(address)).query) == {
        "list": ["all"],
        "text": ["拱桥"],
        "kind": ["repair"],
    }
    assert "我的 拱桥" not in mate.get("/tickets").text
    (key,) = re.findall(r"/tickets/views/(\w+)/remove", listed)
    assert stranger.post(f"/tickets/views/{key}/remove").status_code == 403
    assert owner.post(f"/tickets/views/{key}/remove").status_code == 302
    assert "我的 拱桥" not in owner.get("/tickets").text


def test_a_view_is_shared_with_a_group_one_is_in_and_no_other(web: Web) -> None:
    dictionary = web.box.tickets.dictionary
    dictionary.set(BOX, "group", "late", {"name": "晚班", "leader": ""})
    for number, name in (("1200", "周建国"), ("1300", "吴琳")):
        dictionary.set(BOX, "person", number, {"name": name, "roles": ["DP"], "groups": ["late"]})
    owner, mate, stranger = web.visitor("1200"), web.visitor("1300"), web.visitor("1001")
    assert (
        owner.post("/tickets/views", name="超期", conditions="due=overdue", group="late").status_code == 302
    )
    assert "晚班" in mate.get("/tickets").text
    assert ">超期</a>" in mate.get("/tickets").text
    assert ">超期</a>" not in stranger.get("/tickets").text
    refused = stranger.post("/tickets/views", name="x", conditions="due=overdue", group="late")
    assert refused.status_code == 422
    assert owner.post("/tickets/views", name=" ", conditions="due=overdue").status_code == 422


def test_sums_have_sub_totals_that_add_up_to_what_the_list_finds(web: Web) -> None:
    for area, urgency in (("云东区", "urgent"), ("云东区", "normal"), ("云西区", "normal")):
        told(web, title="塔吊", area=area, urgency=urgency)
    visitor = web.visitor("1200")
    page = visitor.get("/tickets/sums?list=all&text=塔吊&by=area&then=urgency").text
    cells = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in re.findall(r"<tr.*?</tr>", page, re.S)]
    rows = [row[:3] for row in cells if row]
    assert ["云东区", "小计", "2"] in rows
    assert ["云西区", "小计", "1"] in rows
    assert ["云东区", "紧急", "1"] in rows
    assert 'data-test="total">3<' in page
    assert "塔吊" in page
    assert visitor.get("/tickets/sums?by=nothing&then=<script>").status_code == 200


def exported(visitor: Visitor, form: str, conditions: str) -> bytes:
    answer = visitor.post("/tickets/export", form=form, conditions=conditions)
    assert answer.status_code == 200, answer.text
    assert f'.{form}"' in answer.headers["Content-Disposition"]
    data: bytes = answer.data
    return data


def test_a_table_taken_away_is_whole_harmless_and_remembered(web: Web) -> None:
    told(web, title='=HYPERLINK("http://x")', content='+1\n第二行,"引号"', address="@码头")
    body = exported(web.visitor("1200"), "csv", "list=all&text=码头")
    assert body.startswith(b"\xef\xbb\xbf")
    head, row = csv.reader(io.StringIO(body.decode("utf-8-sig")))
    line = dict(zip(head, row, strict=True))
    assert line["标题"] == '\'=HYPERLINK("http://x")'
    assert line["内容"] == '\'+1\n第二行,"引号"'
    assert line["地址"] == "'@码头"
    (event,) = [e for e in web.box.store.history(b"") if e.kind == exporting.EVENT]
    assert event.facts["by"] == "1200"
    assert event.facts["tickets"] == 1
    assert "%E7%A0%81" in event.facts["conditions"]


def test_a_workbook_holds_texts_only_and_opens(web: Web) -> None:
    ticket = told(web, title="=1+1", content="桥墩", phone="10000000001")
    body = exported(web.visitor("1200"), "xlsx", "list=all&text=桥墩")
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "=1+1" in sheet
    assert f"<t>{ticket.number}</t>" in sheet
    assert "<t>10000000001</t>" in sheet


def test_a_unit_takes_away_only_its_own_and_no_confidential_name(web: Web) -> None:
    hidden = told(web, title="闸门", citizen="司徒明", phone="10055556666", confidential=True)
    told(web, title="闸门", citizen="公孙亮")
    for unit, ticket in (("lamp", hidden),):
        web.box.tickets.move(DISPATCHER, ticket.tid, "dispatch", {"unit": unit})
    web.box.people.create_person("2050", "单位负责人", "demo-12345", ["UL"], unit="lamp", must_change=False)
    leader = web.visitor("2050")
    text = exported(leader, "csv", "list=all&text=闸门").decode("utf-8-sig")
    assert hidden.number in text
    assert text.count("\r\n") == 2
    assert "司徒明" not in text
    assert "10055556666" not in text
    assert numbers(leader, "list=all&text=闸门") == {hidden.number}
    for asked in (
        "text=司徒明",
        "citizen=司徒",
        "phone=6666",
        "text=10055556666",
    ):
        assert numbers(leader, f"list=all&{asked}") == set(), asked
    assert numbers(web.visitor("1200"), "list=all&text=司徒明") == {hidden.number}
    assert "司徒明" not in exported(web.visitor("1200"), "csv", "list=all&text=闸门").decode()


def test_who_may_not_take_tables_away_cannot(web: Web) -> None:
    assert web.visitor("1001").post("/tickets/export", form="csv", conditions="list=all").status_code == 403
    assert 'data-test="export-csv"' not in web.visitor("1001").get("/tickets").text
    assert web.visitor("2001").post("/tickets/export", form="csv").status_code == 403


def test_more_than_may_be_taken_away_is_refused_with_what_to_do(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "EXPORTED", 2)
    answer = web.visitor("1200").post("/tickets/export", form="csv", conditions="list=all")
    assert answer.status_code == 422
    assert "请缩小范围" in answer.text


CONDITIONS = st.text(st.sampled_from("abckindtext=&%+;日09~-<'\"\x00"), max_size=60)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    conditions=CONDITIONS,
    form=st.sampled_from(["csv", "xlsx", "", "exe"]),
    at=st.text(max_size=20),
    round=st.text(max_size=4),
)
def test_any_hostile_address_and_any_export_is_answered(
    web: Web, conditions: str, form: str, at: str, round: str
) -> None:
    visitor = web.visitor("1200")
    query = {
        "text": conditions,
        "at": at,
        "round": round,
        "created_since": conditions,
        "sort": form,
        "way": at,
    }
    for path in ("/tickets", "/tickets/sums"):
        status = visitor.client.get(path, query_string=query).status_code
        assert status == (422 if conditions.strip() else 200), "no day can be written with these letters"
    assert visitor.post("/tickets/export", form=form, conditions=conditions).status_code == 200
    assert visitor.post("/tickets/views", name=at, conditions=conditions, group=form).status_code in (
        302,
        422,
    )


@given(st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=4), min_size=1, max_size=5))
def test_any_cells_come_out_of_the_csv_as_they_went_in_or_marked(table: list[list[str]]) -> None:
    clean = [[cell.replace("\x00", "").replace("\r", "") for cell in row] for row in table]
    text = "".join(exporting.as_csv(clean))
    back = list(csv.reader(io.StringIO(text.removeprefix(exporting.MARK), newline="")))
    assert [[exporting.harmless(cell) for cell in row] for row in clean] == [row or [""] for row in back]
    assert not any(cell.startswith(exporting.FORMULA) for row in back for cell in row)


def test_a_long_table_is_written_with_little_memory(tmp_path: Path) -> None:
    columns = [exporting.Column("number", "编号", lambda t: t.number)]
    table = ([f"{n}"] for n in range(3000))
    path = tmp_path / "a.xlsx"
    exporting.as_xlsx(table, columns, path, "工单")
    with zipfile.ZipFile(path) as book:
        assert book.read("xl/worksheets/sheet1.xml").count(b"<row") == 3000


def test_the_hub_lists_and_sums_the_tickets_of_each_site(tmp_path: Path) -> None:
    hub = open_web(tmp_path, site=Site(number=0, name="汇总中心", role="hub"))
    with hub.box.store.connection():
        for site, title in ((7, "远处的事"), (8, "别处的事")):
            fields = {"title": title}
            said = {"number": f"{site}", "source": "web", "by": "1001", "fields": fields}
            outbox.add_peer(hub.box.store, f"site-00{site}", site)
            hub.box.store.take([Stamp(site).event(Fact("ticket.created", said))], via=f"site-00{site}")
        Dictionary(hub.box.store).write(BOX, lambda draft: draft.set("site", "7", {"name": "云东区"}))
    visitor = hub.visitor("1200")
    assert 'name="site" value="7"' in visitor.get("/tickets?list=all").text
    assert numbers(visitor, "list=all&site=7") == {"7"}
    assert numbers(visitor, "list=all&site=7&site=8") == {"7", "8"}
    sums = visitor.get("/tickets/sums?list=all&site=7&site=8&by=site").text
    assert "云东区" in sums
    assert "站点 8" in sums
    for nonsense in ("x", "-1", "9" * 30, "²"):
        assert visitor.get(f"/tickets?list=all&site={nonsense}").status_code == 200


def test_what_few_tickets_have_narrows_a_list_a_view_sums_and_a_table(web: Web) -> None:
    home, extra = "西河湾7号", {"enterprise": "云州奶业", "product": "酸奶"}
    wanted = told(web, title="凉亭", kind="complaint", key=True, home=home, extra=extra)
    other = told(web, title="凉亭", kind="complaint", extra={"enterprise": "云州奶业", "product": "奶粉"})
    dated = told(web, title="凉亭", kind="emergency", extra={"danger": "people"})
    both, visitor = {wanted.number, other.number, dated.number}, web.visitor("1200")
    for query, found in (
        ("key=yes", {wanted.number}),
        ("key=no", both - {wanted.number}),
        ("home=西河湾", {wanted.number}),
        ("paused=no&provisional=no&closing=-&rating=-", {t.number for t in (wanted, other, dated)}),
        ("paused=yes", set()),
        ("due=paused&paused=no", set()),
        ("closing=solved&closing=explained", set()),
        ("rating=satisfied", set()),
        ("extra.enterprise=奶业", {wanted.number, other.number}),
        ("extra.enterprise=奶业&extra.product=酸奶&kind=complaint", {wanted.number}),
        ("extra.danger=people", {dated.number}),
        ("extra.danger=property", set()),
        ("extra.product=云州", set()),
        ("extra.no_such_field=x", both),
    ):
        assert numbers(visitor, f"list=all&text=凉亭&{query}") == found, query
    conditions = "list=all&text=凉亭&key=yes&closing=-&home=西河湾&extra.product=酸奶"
    page = visitor.get(f"/tickets?{conditions}").text
    assert re.search(r'name="key"[^>]*>.*?value="yes" selected', page)
    assert 'name="home" value="西河湾"' in page
    assert 'name="extra.product" value="酸奶"' in page, "what is asked for stays in the form"
    assert 'name="extra.enterprise"' not in page
    assert "请先选择" not in page
    assert visitor.post("/tickets/views", name="凉亭重点", conditions=conditions).status_code == 302
    (address,) = re.findall(r'href="([^"]+)" data-test="view">凉亭重点<', visitor.get("/tickets").text)
    assert numbers(visitor, urlsplit(unescape(address)).query) == {wanted.number}
    sums = visitor.get(f"/tickets/sums?{conditions}&by=closing").text
    assert 'data-test="total">1<' in sums
    assert "办结方式: <b>（空）</b>" in sums
    assert "产品或服务: <b>酸奶</b>" in sums
    assert "重点件: <b>是</b>" in sums
    head, row = csv.reader(io.StringIO(exported(visitor, "csv", conditions).decode("utf-8-sig")))
    assert dict(zip(head, row, strict=True))["重点件"] == "是"


def test_the_form_offers_the_further_fields_of_the_kinds_and_categories_chosen(web: Web) -> None:
    dictionary = web.box.tickets.dictionary
    dictionary.set(
        BOX, "extra_field", "lamp_kind", {"name": "灯型", "type": "choice", "options": ["高杆灯", "庭院灯"]}
    )
    dictionary.set(BOX, "category", LEAF, {"extra": ["lamp_kind"]})
    dictionary.set(BOX, "ticket_kind", "odd", {"name": "奇事"})
    dictionary.retire(BOX, "ticket_kind", "odd")
    high = told(web, title="旗台", extra={"lamp_kind": "高杆灯"})
    told(web, title="旗台", extra={"lamp_kind": "庭院灯"})
    visitor = web.visitor("1200")
    plain = visitor.get("/tickets?list=all").text
    assert 'name="extra.' not in plain
    assert "请先选择" in plain
    assert 'name="kind" value="odd"' in plain, "tickets of a kind no longer in use are found by it"
    for code in (LEAF, LEAF[:2]):
        assert 'name="extra.lamp_kind"' in visitor.get(f"/tickets?list=all&category={code}").text
    report = visitor.get("/tickets?list=all&kind=report&kind=emergency").text
    assert set(re.findall(r'name="extra\.(\w+)"', report)) == {
        *("respondent", "enterprise", "product", "evidence", "danger", "people")
    }
    assert numbers(visitor, "list=all&text=旗台&extra.lamp_kind=高杆灯") == {high.number}
    assert numbers(visitor, "list=all&text=高杆灯") == {high.number}


def test_a_day_that_does_not_exist_is_refused_and_stays_where_it_was_typed(web: Web) -> None:
    told(web, title="水塔")
    visitor, english = web.visitor("1200"), web.visitor("1200", "en")
    for language, sentence in ((visitor, "受理时间：2026-02-30"), (english, "Accepted: 2026-02-30")):
        page = language.get("/tickets?list=all&text=水塔&kind=repair&accepted_since=2026-02-30")
        assert page.status_code == 422
        assert sentence in page.text
        assert re.search(
            r'type="text" name="accepted_since" value="2026-02-30"[^>]* aria-invalid="true"', page.text
        )
        assert 'value="水塔"' in page.text
        assert 'name="kind" value="repair" checked' in page.text
        assert 'data-test="ticket-' not in page.text
    for day in ("2026-13-01", "yesterday", "0000-01-01", "9999-12-31"):
        for name in ("created_since", "due_until"):
            assert visitor.get(f"/tickets?list=all&{name}={day}").status_code == 422, day
    wrong = "list=all&closed_until=2026-02-29"
    assert visitor.get(f"/tickets/sums?{wrong}").status_code == 422
    for path, fields in (("export", {"form": "csv"}), ("views", {"name": "x"})):
        answer = visitor.post(f"/tickets/{path}", conditions=wrong, **fields)
        assert answer.status_code == 422
        assert "2026-02-29" in answer.text
    assert numbers(visitor, "list=all&text=水塔&accepted_since=2024-02-29") != set()


def test_nobody_is_found_by_an_address_that_the_matrix_of_rights_hides(web: Web) -> None:
    ticket = told(web, title="渡口", home="东篱巷9号", behalf="诸葛大伯")
    asked = ("home=东篱巷", "text=东篱巷", "text=诸葛", "citizen=诸葛")
    dispatcher = web.visitor("1200")
    assert [numbers(dispatcher, f"list=all&{one}") for one in asked] == [{ticket.number}] * 4
    rights, dictionary = ("field.address", "field.citizen"), web.box.tickets.dictionary
    roles = {name: dictionary.by_key("right")[name].words("roles") for name in rights}
    for name, hidden in zip(rights, (asked[:2], asked), strict=True):
        left = [role for role in roles[name] if role != "DP"]
        dictionary.set(BOX, "right", name, {"roles": left})
        for one in asked:
            found = set() if one in hidden else {ticket.number}
            assert numbers(dispatcher, f"list=all&{one}") == found, one
    for name, kept in roles.items():
        dictionary.set(BOX, "right", name, {"roles": list(kept)})
