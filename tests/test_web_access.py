"""Who may open what, and what every page says to the browser."""

import re
import time
from pathlib import Path

import pytest

import web as package
from appliance.demo_data import DEMO_PASSWORD
from tests.web_pages import Web, open_web
from web import access

STATIC = Path(package.__file__).parent / "static"
PEOPLE = {
    "AG": "1001",
    "TL": "1100",
    "DP": "1200",
    "CB": "1300",
    "LD": "1400",
    "U2": "2001",
    "AD": "9000",
    "TE": "9100",
}
PLAIN_PAGES = {
    "/desk": "desk.page",
    "/board": "board.page",
    "/board/facts": "board.facts",
    "/tickets": "tickets.page",
    "/calls": "calls.page",
    "/recordings": "recordings.page",
    "/box": "box.page",
    "/phones": "phones.page",
    "/phones/now": "phones.now",
    "/phones/groups": "phones.groups",
    "/phones/routes": "phones.routes",
    "/phones/bill": "phones.bill",
    "/phones/bill.csv": "phones.bill_csv",
    "/password": "door.password",
    "/settings/tokens": "tokens.page",
}
ELSEWHERE = re.compile(
    r"""(?:https?:)?//(?!127\.0\.0\.1|localhost|www\.w3\.org/2000/svg)[\w.-]+\.[a-z]{2,}"""
)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def test_every_route_says_who_may_use_it(web: Web) -> None:
    assert {rule.endpoint for rule in web.app.url_map.iter_rules()} == set(access.TABLE)


def test_an_endpoint_missing_from_the_table_is_closed_to_everybody() -> None:
    assert not access.allowed("no.such", None)
    assert not access.allowed("no.such", access.ROLES)


@pytest.mark.parametrize("role", PEOPLE)
def test_each_role_opens_its_pages_and_no_others(web: Web, role: str) -> None:
    visitor = web.visitor(PEOPLE[role])
    roles = {"TL": {"AG", "TL"}}.get(role, {role})
    for path, endpoint in PLAIN_PAGES.items():
        expected = 200 if access.TABLE[endpoint] & roles else 403
        assert visitor.get(path).status_code == expected, path


@pytest.mark.parametrize("role", PEOPLE)
def test_the_first_page_of_each_role_opens(web: Web, role: str) -> None:
    visitor = web.visitor(PEOPLE[role])
    answer = visitor.get("/")
    assert answer.status_code == 302
    assert visitor.get(answer.headers["Location"]).status_code == 200


def test_who_has_not_signed_in_is_led_to_the_door_and_back(web: Web) -> None:
    visitor = web.visitor()
    answer = visitor.get("/tickets?list=closed")
    assert answer.headers["Location"] == "/sign-in?next=/tickets?list%3Dclosed"
    door = visitor.get(answer.headers["Location"])
    assert door.status_code == 200
    back = visitor.post("/sign-in", number="1200", password=DEMO_PASSWORD, next="/tickets?list=closed")
    assert back.headers["Location"] == "/tickets?list=closed"
    assert visitor.get("/tickets").status_code == 200


def test_scripts_of_somebody_signed_out_get_401_and_a_sentence(web: Web) -> None:
    answer = web.visitor().get("/live/now", Accept="application/json")
    assert answer.status_code == 401
    assert answer.json is not None
    assert "登录" in answer.json["sentence"]


@pytest.mark.parametrize(
    "goal", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_to_another_site_after_signing_in(web: Web, goal: str) -> None:
    answer = web.visitor().post("/sign-in", number="1200", password=DEMO_PASSWORD, next=goal)
    assert answer.headers["Location"] == "/"


def test_a_wrong_password_is_told_in_the_language_of_the_page(web: Web) -> None:
    answer = web.visitor().post("/sign-in", number="1001", password="wrong-wrong-1")
    assert answer.status_code == 403
    assert "工号或密码不正确。" in answer.text
    answer = web.visitor(language="en-GB").post("/sign-in", number="1002", password="wrong-wrong-1")
    assert "Number or password is wrong." in answer.text


def test_signing_out_ends_the_session(web: Web) -> None:
    visitor = web.visitor()
    visitor.post("/sign-in", number="1003", password=DEMO_PASSWORD)
    assert visitor.get("/desk").status_code == 200
    visitor.post("/sign-out")
    assert visitor.get("/desk").status_code == 302


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(web: Web) -> None:
    answer = web.visitor().post("/sign-in", number="1004", password=DEMO_PASSWORD)
    cookie = next(c for c in answer.headers.getlist("Set-Cookie") if c.startswith("hotline="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_whoever_has_a_one_time_password_sets_an_own_one_first(tmp_path: Path) -> None:
    web = open_web(tmp_path, demo=False)
    web.box.people.create_person("7001", "新人", "first-time-code", ["AG"])
    visitor = web.visitor()
    visitor.post("/sign-in", number="7001", password="first-time-code")
    assert visitor.get("/desk").headers["Location"] == "/password"
    refused = visitor.post("/password", old="first-time-code", new="my-own-password", again="another-one")
    assert refused.status_code == 422
    done = visitor.post("/password", old="first-time-code", new="my-own-password", again="my-own-password")
    assert done.headers["Location"] == "/"
    assert visitor.get("/desk").status_code == 200


def test_every_change_needs_the_token_of_a_page(web: Web) -> None:
    visitor = web.visitor("1100")
    for rule in web.app.url_map.iter_rules():
        if rule.endpoint.startswith(("open311.", "enrol.")):
            continue  # knows no sessions: every report brings its own key, every box that joins its proof
        for method in {"POST", "PUT", "DELETE"} & (rule.methods or set()):
            path = re.sub(r"<[^>]+>", "1", rule.rule)
            assert visitor.client.open(path, method=method, data={}).status_code == 400, path


def test_pages_load_nothing_from_elsewhere(web: Web) -> None:
    pages = [
        web.visitor("9000").get(path).text
        for path in ("/tickets", "/calls", "/recordings", "/phones", "/phones/routes", "/box", "/password")
    ]
    pages += [
        web.visitor("1001").get("/desk").text,
        web.visitor("1100").get("/board").text,
        web.visitor().get("/sign-in").text,
        web.visitor().get("/phone").text,
    ]
    pages += [path.read_text("utf-8") for path in STATIC.rglob("*") if path.is_file()]
    found = [
        match.group() for page in pages for match in ELSEWHERE.finditer(re.sub(r"//[^\n\"']*\n", "\n", page))
    ]
    assert found == []


def test_pages_run_their_own_scripts_only(web: Web) -> None:
    for path in ("/desk", "/board", "/tickets", "/nothing-here"):
        answer = web.visitor("1100").get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "style-src 'self';" in policy
        assert "unsafe" not in policy
        assert "connect-src 'self' ws://localhost:8011 wss://localhost:8011;" in policy
        assert not re.search(r"<script(?![^>]*(src=|application/json))|\son\w+=|\sstyle=", answer.text)


def test_personal_pages_are_not_kept_in_caches(web: Web) -> None:
    assert web.visitor("1001").get("/desk").headers["Cache-Control"] == "no-store"
    assert "no-store" not in web.visitor().get("/static/css/base.css").headers["Cache-Control"]


def test_errors_are_told_in_the_readers_language(web: Web) -> None:
    assert "页面不存在" in web.visitor("1001").get("/nothing-here").text
    assert "This page does not exist." in web.visitor("1001", "en").get("/nothing-here").text
    assert "您的角色无权打开此页面。" in web.visitor("1001").get("/box").text


def test_the_citizen_phone_exists_in_demonstrations_only(web: Web, tmp_path: Path) -> None:
    assert web.visitor().get("/phone").status_code == 200
    in_service = open_web(tmp_path, demo=False)
    assert in_service.visitor().get("/phone").status_code == 404
    assert DEMO_PASSWORD not in in_service.visitor().get("/sign-in").text


def test_health_is_told_to_anybody(web: Web) -> None:
    answer = web.visitor().get("/api/health")
    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["database"], answer.json["calls"], answer.json["ok"]) == (True, False, False)


def test_the_sign_on_every_page_tells_how_far_behind_the_hub_is(tmp_path: Path) -> None:
    web = open_web(tmp_path)
    assert "独立运行" in web.visitor("1200").get("/tickets").text
    with web.box.store.transaction():
        web.box.store.execute(
            "INSERT INTO peer (name, site, out_seq, acked, state, seen_s, out_epoch, out_chain, out_low,"
            " in_epoch, in_seq, in_chain, incarnation, reason, clock_s, restarts)"
            " VALUES ('hub', 0, 12, 9, 'connected', ?, 1, x'', 0, 1, 5, x'', '', '', 0, 0)",
            time.time(),
        )
    assert "上级中心：待传 3 条" in web.visitor("1200").get("/tickets").text
    assert ">hub<" in web.visitor("9100").get("/box").text
    with web.box.store.transaction():
        web.box.store.execute("UPDATE peer SET state = 'away'")
    assert "上级中心：未连接，待传 3 条" in web.visitor("1200").get("/tickets").text
