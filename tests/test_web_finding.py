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
        assert visitor.client.get(path, query_string=query).status_code == 200
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
