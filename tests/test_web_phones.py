"""The pages about phones, over the demo box with an office of its own; what is live: tests/browser."""

import re
import time
from pathlib import Path

import msgspec
import pytest

from appliance import published as handover
from appliance.events import Fact, Stamp
from appliance.published import (
    Account,
    Dialplan,
    Extension,
    Forward,
    Group,
    NumberKind,
    Published,
    ServiceClass,
    SpeedDial,
    Trunk,
)
from tests.web_pages import Visitor, Web, open_web

OFFICE = {
    "extensions": (
        Extension("8001", name="前台"),
        Extension("8101", "sip", name="王科长", service="office", pin="x", pickup="科室", follow=("8102",)),
        Extension("8102", "sip", name="李工", numbers=("02087651234",), shown="02087651234"),
    ),
    "groups": (Group("8500", ("8101", "8102", "tel:13800138000"), "值班", "rotate", then="queue:general"),),
    "forwards": (Forward("8102", "night", "8500"),),
    "speed_dials": (SpeedDial("01", "02187654321", "上海"), SpeedDial("02", "8102", "李工", "8101")),
    "accounts": (Account("2001", "市政维修"),),
    "number_kinds": (NumberKind("county", ("0599*",)),),
    "classes": (ServiceClass("office", ("local", "mobile", "national"), ("service",), ("mobile",)),),
    "dialplan": Dialplan(area="020", operator="8500"),
    "trunks": (
        Trunk("far", "127.0.0.1"),
        Trunk("branch", "127.0.0.2", prefix="021", strip=3, cost="local", through=("site", "local")),
        Trunk("short", "127.0.0.2", prefix="82", cost="free"),
    ),
}


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    web = open_web(tmp_path_factory.mktemp("box"))
    places = web.box.places
    office: Published = msgspec.structs.replace(handover.read(places.published), **OFFICE)
    handover.write(places.published, office)
    return web


@pytest.fixture
def leader(web: Web) -> Visitor:
    return web.visitor("1100")


def words(page: str) -> str:
    """A page as it is read: without tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def answer(visitor: Visitor, number: str, at: str = "8101") -> str:
    page = visitor.get(f"/phones/routes?number={number.replace('+', '%2B')}&from={at}").text
    found = re.search(r'data-test="answer">(.*?)</p>', page, re.S)
    assert found
    return words(found[1]).strip()


def test_every_extension_is_listed_with_what_belongs_to_it(leader: Visitor) -> None:
    page = words(leader.get("/phones").text)
    for told in ("8101 桌面话机", "王科长", "office PIN", "科室", "25 秒后 8102 李工", "显示 02087651234"):
        assert told in page, told
    assert "夜间 → 8500 值班 配置文件" in page


def test_phones_are_of_unknown_state_while_the_call_process_is_away(leader: Visitor) -> None:
    found = leader.get("/phones/now", Accept="application/json").json
    assert found is not None
    assert found["up"] is False
    assert found["phones"]["8102"]["state"] == ""
    assert found["phones"]["8102"]["forwards"][0]["title"] == "8500 值班"
    refused = leader.ask("/phones/forward", {"extension": "8101", "when": "always", "to": "8102"})
    assert refused.status_code == 503


def test_groups_show_members_order_and_where_calls_end(leader: Visitor) -> None:
    page = words(leader.get("/phones/groups").text)
    for told in (
        "8500 值班 轮流优先 每部 20 秒",
        "8101 王科长",
        "13800138000",
        "→ 队列 ",
        "**01",
        "2001 市政维修",
    ):
        assert told in page, told
    assert "**02 李工 8102 李工 8101 王科长" in page, "a speed dial of one phone"


def test_trunks_stand_in_the_order_they_are_tried(leader: Visitor) -> None:
    page = leader.get("/phones/routes").text
    assert re.findall(r'<tr data-test="trunk-(\w+)"', page) == ["branch", "short", "far"]
    told = words(page)
    assert "021 … 去掉前 3 位 市话资费" in told
    assert "county" in told


@pytest.mark.parametrize(
    ("number", "told"),
    [
        ("8102", "呼叫 8102 李工，内部通话免费。"),
        ("02087651234", "呼叫 8102 李工，内部通话免费。"),
        ("0", "呼叫 8500 值班，内部通话免费。"),
        ("12345", "进入热线语音流程，与市民来电相同。"),
        ("*611001", "上班功能码：签入、签出、就绪或小休。"),
        ("*8", "代接本代接组中正在振铃的来电。"),
        ("*88102", "代接正在 8102 李工 振铃的来电。"),
        ("*728102", "来电转移到 8102 李工：遇忙。"),
        ("*70", "取消转移：无条件 · 遇忙 · 无应答 · 夜间。"),
        ("**01", "呼叫外线 02187654321（国内长途）。"),
        ("021-8765 4321", "呼叫外线 02187654321（国内长途）。"),
        ("95588", "先询问话机密码，再呼叫 95588（服务号码）。"),
        ("13800138000", "先询问记帐号，再呼叫 13800138000（手机）。"),
        ("110", "呼叫外线 110（紧急号码）。"),
        ("0085221234567", "禁止呼出：呼出等级“office”不允许拨打国际长途（0085221234567）。"),
        ("**77", "没有这个号码：话机听到空号提示。"),
        ("<b>1</b>", "没有这个号码：话机听到空号提示。"),
    ],
)
def test_the_tester_says_what_a_number_means(leader: Visitor, number: str, told: str) -> None:
    assert answer(leader, number).endswith(f"· {told}")


def test_the_tester_shows_the_way_by_trunks_and_what_it_costs(leader: Visitor) -> None:
    page = leader.get("/phones/routes?number=02187654321&from=8101").text
    path = re.search(r'data-test="path">(.*?)</ol>', page, re.S)
    assert path
    told = words(path[1])
    assert told.index("branch 送出 87654321 市话资费") < told.index("far 送出 02187654321 资费未注明")


def test_a_number_no_trunk_carries_is_said_to_go_nowhere(web: Web, tmp_path: Path) -> None:
    alone = open_web(tmp_path)
    assert "没有中继可送 87654321" in answer(alone.visitor("9100"), "87654321", "8101")


def test_what_is_typed_into_the_tester_is_no_markup(leader: Visitor) -> None:
    page = leader.get("/phones/routes?number=%3Cscript%3E1&from=%3Cb%3E").text
    assert "<script>1" not in page
    assert leader.get("/phones/routes?number=" + "9" * 500).status_code == 200


def test_the_last_changes_say_who_did_what(web: Web, leader: Visitor) -> None:
    facts = {"extension": "8101", "when": "busy", "to": "8102", "by": "1100", "origin": "page"}
    web.box.store.record(Fact("extension.forwarded", facts, b""))
    keyed = {"extension": "8102", "when": "always", "to": "", "by": "8102", "origin": "phone"}
    web.box.store.record(Fact("extension.forwarded", keyed, b""))
    page = words(leader.get("/phones").text)
    assert re.search(r"8102 李工 无条件 ?: 已取消 话机按键设置", page)
    assert re.search(r"8101 王科长 遇忙 → 8102 李工 页面设置：1100 \S+", page)


def bill_of(web: Web) -> str:
    """Two calls outside: a minute and a second on an account, and one nobody answered; their days."""
    store, now_s = web.box.store, [time.time()]
    store.stamp = Stamp(store.site, lambda: int(now_s[0] * 1000))
    for number, kind, account, seconds in (
        ("02187654321", "national", "2001", 61),
        ("13800138000", "mobile", "", 0),
    ):
        (began,) = store.record(Fact("call.ringing", {"line": "sip/0", "caller": "8101", "called": number}))
        facts = {"by": "8101", "extension": "8101", "to": f"tel:{number}", "account": account}
        store.record(Fact("call.dialled", {**facts, "number_kind": kind}, began.eid))
        now_s[0] += 5
        if seconds:
            store.record(Fact("call.answered", {"agent": "", "extension": "tel"}, began.eid))
        now_s[0] += seconds
        store.record(Fact("call.ended", {"outcome": "answered", "cause": 16}, began.eid))
    days = (time.strftime("%Y-%m-%d", time.localtime(now_s[0] + d * 86400)) for d in (-1, 1))
    return "since={}&until={}".format(*days)


def test_the_bill_adds_up_by_account_and_by_extension(web: Web) -> None:
    days = bill_of(web)
    page = web.visitor("9000").get(f"/phones/bill?{days}").text
    tables = {
        by: words(page.split(f'data-test="bill-{by}"')[1].split("</table>")[0])
        for by in ("account", "extension")
    }
    assert re.search(r"2001 市政维修 – 2 分钟 1 次 2 01:01 1 / 1", tables["account"])
    assert re.search(r"未记帐 0 分钟 1 次 – 0 00:00 0 / 1", tables["account"])
    assert re.search(r"8101 王科长 0 分钟 1 次 2 分钟 1 次 2 01:01 1 / 2", tables["extension"])
    table = web.visitor("9000").get(f"/phones/bill.csv?{days}")
    assert table.headers["Content-Disposition"].endswith('.csv"')
    lines = table.text.splitlines()
    assert lines[0].startswith(
        "\ufeff拨号时间,分机,话务员,号码,号码类别,记帐号,付费单位,接通时间,秒数,计费分钟"
    )
    assert [line.split(",")[3:7] for line in lines[1:]] == [
        ["02187654321", "国内长途", "2001", "市政维修"],
        ["13800138000", "手机", "", ""],
    ]
    empty = web.visitor("9000").get("/phones/bill?since=2026-01-01&until=2026-01-31").text
    assert "这段时间没有外线呼出" in empty


@pytest.mark.parametrize(
    "asked", ["since=x", "since=2026-02-30", "since=2026-02-01&until=2026-01-01", "since=0001-01-01"]
)
def test_a_period_that_is_none_is_refused(web: Web, asked: str) -> None:
    for page in ("bill", "bill.csv"):
        assert web.visitor("9000").get(f"/phones/{page}?{asked}").status_code == 422


def test_only_administrators_see_the_bill_and_agents_see_nothing(web: Web) -> None:
    assert "/phones/bill" in web.visitor("9000").get("/phones").text
    for number in ("1100", "9100"):
        assert "/phones/bill" not in web.visitor(number).get("/phones").text
        assert web.visitor(number).get("/phones/bill.csv").status_code == 403
    assert web.visitor("1001").get("/phones").status_code == 403
    assert web.visitor("1001").ask("/phones/forward", {}).status_code == 403


def test_a_box_without_phones_groups_or_trunks_says_so(tmp_path: Path) -> None:
    bare = open_web(tmp_path)
    places = bare.box.places
    nothing = dict.fromkeys(("extensions", "groups", "trunks"), ())
    handover.write(places.published, msgspec.structs.replace(handover.read(places.published), **nothing))
    visitor = bare.visitor("9000", "en")
    for path, told in (
        ("", "no phones"),
        ("/groups", "no groups"),
        ("/routes", "no trunks"),
        ("/bill", "Nobody called"),
    ):
        assert told in visitor.get(f"/phones{path}").text
    places.published.unlink()
    assert visitor.get("/phones").status_code == 422
