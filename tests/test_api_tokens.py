"""Tokens of other programs: narrow, shown once, kept hashed, taken back at once; who did it is in the log."""

import time
from pathlib import Path

import pytest

from appliance.outside.tokens import Tokens
from appliance.people import Actor
from appliance.refused import Refused
from tests.api_programs import ADMINISTRATOR, REPAIR, Program
from tests.web_pages import Web, open_web
from web.api.rate import Rate
from web.api.table import TABLE


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def test_nobody_is_answered_without_a_token_or_with_a_wrong_one(web: Web) -> None:
    client = web.app.test_client()
    for endpoint in TABLE:
        path = endpoint.rule.replace("<", "").replace(">", "")
        for headers in ({}, {"Authorization": "Bearer hlb_nonsense"}, {"Authorization": "Basic eDp5"}):
            web.app.extensions["door"].wrong._left.clear()
            answer = client.open(path, method=endpoint.method, headers=headers)
            assert answer.status_code == 401, endpoint.name
            assert answer.json is not None
            assert answer.json["word"] == "unknown"


def test_a_token_is_kept_as_a_hash_and_nowhere_else(web: Web) -> None:
    program = Program(web, "kept-hashed", ["tickets:read"], roles=["C"])
    web.box.store.rows("PRAGMA wal_checkpoint(FULL)")
    assert program.secret.encode() not in web.box.places.database.read_bytes()
    told = [e.facts for _, e in web.box.store.read(0, 100_000) if e.kind == "token.created"]
    assert "kept-hashed" in {facts["name"] for facts in told}


def test_every_endpoint_is_closed_to_a_token_without_its_scope(web: Web) -> None:
    program = Program(web, "nearly-nothing", ["open311"], person="9000")
    for endpoint in TABLE:
        path = endpoint.path.replace("{", "").replace("}", "")
        expected = 403 if endpoint.scope else 200
        assert program.ask(endpoint.method, path).status_code == expected, endpoint.name


def test_a_token_does_no_more_than_its_person_may(web: Web) -> None:
    agent = Program(web, "of-an-agent", person="1001")
    assert agent.ask("GET", "/people").status_code == 403
    assert agent.told("GET", "/me")["roles"] == ["AG"]


def test_a_revoked_token_is_refused_at_once(web: Web) -> None:
    program = Program(web, "taken-back", ["tickets:read"], roles=["C"])
    assert program.ask("GET", "/me").status_code == 200
    Tokens(web.box.store).revoke(ADMINISTRATOR, "taken-back")
    assert program.ask("GET", "/me").status_code == 401
    with pytest.raises(Refused, match="no such token"):
        Tokens(web.box.store).revoke(ADMINISTRATOR, "taken-back")


def test_a_token_ends_on_its_last_day(web: Web) -> None:
    later = Tokens(web.box.store, now=lambda: time.time() + 31 * 86_400)
    secret = Tokens(web.box.store).create(
        ADMINISTRATOR, "a-month", "一个月", ["tickets:read"], roles=["C"], days=30
    )
    assert Tokens(web.box.store).bearer(secret, "127.0.0.1") is not None
    assert later.bearer(secret, "127.0.0.1") is None


def test_the_token_of_somebody_who_left_is_worth_nothing(web: Web) -> None:
    program = Program(web, "of-who-left", person="1004")
    web.box.people.set_active("1004", False)
    assert program.ask("GET", "/me").status_code == 401
    web.box.people.set_active("1004", True)


@pytest.mark.parametrize(
    ("networks", "address", "good"),
    [
        ([], "203.0.113.9", True),
        (["10.1.0.0/16"], "10.1.2.3", True),
        (["10.1.0.0/16"], "10.2.2.3", False),
        (["10.1.2.3", "2001:db8::/32"], "2001:db8::1", True),
        (["10.1.2.3"], "::ffff:10.1.2.3", True),
        (["10.1.2.3"], "nonsense", False),
    ],
)
def test_a_token_works_from_its_networks_only(
    web: Web, networks: list[str], address: str, good: bool
) -> None:
    tokens = Tokens(web.box.store)
    name = f"net-{abs(hash((*networks, address)))}"[:30]
    secret = tokens.create(ADMINISTRATOR, name, "网段", ["tickets:read"], roles=["C"], networks=networks)
    assert (tokens.bearer(secret, address) is not None) == good


def test_a_proxy_is_believed_only_when_the_settings_name_it(web: Web, tmp_path: Path) -> None:
    proxied = open_web(tmp_path, api=type(web.box.configuration.api)(proxies=("127.0.0.1",)))
    for at, status in ((web, 401), (proxied, 200)):
        program = Program(at, "behind-proxy", ["tickets:read"], roles=["C"], networks=["10.9.8.7"])
        assert program.ask("GET", "/me", X_Forwarded_For="10.0.0.1, 10.9.8.7").status_code == status


@pytest.mark.parametrize(
    ("wish", "word"),
    [
        ({"name": "Big Letters"}, "bad_name"),
        ({"name": ""}, "bad_name"),
        ({"title": ""}, "bad_title"),
        ({"scopes": ["everything"]}, "bad_scope"),
        ({"scopes": []}, "bad_scope"),
        ({"roles": ["AD"]}, "bad_role"),
        ({"roles": ["SYS"]}, "bad_role"),
        ({"roles": []}, "bad_owner"),
        ({"person": "1001"}, "bad_owner"),
        ({"roles": (), "person": "nobody"}, "unknown_person"),
        ({"roles": ["U2"]}, "bad_unit"),
        ({"roles": ["U2"], "unit": "no-such"}, "unknown_unit"),
        ({"days": 0}, "bad_days"),
        ({"networks": ["everywhere"]}, "bad_network"),
        ({"networks": [f"10.0.0.{n}" for n in range(21)]}, "too_many"),
    ],
)
def test_a_token_out_of_bounds_is_refused(web: Web, wish: dict[str, object], word: str) -> None:
    asked = {"name": "fine", "title": "好", "scopes": ["tickets:read"], "roles": ["C"], **wish}
    with pytest.raises(Refused) as refused:
        Tokens(web.box.store).create(ADMINISTRATOR, **asked)  # type: ignore[arg-type]
    assert refused.value.word == word


def test_only_administrators_make_and_revoke_tokens(web: Web) -> None:
    leader = Actor("1400", "郑宏伟", frozenset({"LD"}))
    with pytest.raises(Refused):
        Tokens(web.box.store).create(leader, "mine", "我", ["tickets:read"], roles=["C"])
    with pytest.raises(Refused):
        Tokens(web.box.store).revoke(leader, "mine")
    assert web.visitor("1400").get("/settings/tokens").status_code == 403


def test_the_log_names_the_token_that_did_it(web: Web) -> None:
    system, agent = Program(web, "city-app", roles=["C"]), Program(web, "of-wang", person="1001")
    for program, by, name in (
        (system, "api.city-app", "city-app 平台"),
        (agent, "1001", "王晓燕 (api.of-wang)"),
    ):
        number = program.told("POST", "/tickets", REPAIR)["number"]
        ticket = web.box.tickets.find(number)
        assert ticket is not None
        (created,) = web.box.store.history(ticket.tid)
        assert (created.facts["by"], created.facts["name"]) == (by, name)


def test_whoever_asks_too_often_waits() -> None:
    now = [0.0]
    rate = Rate(60, now=lambda: now[0])
    assert all(rate.wait_s("a") == 0 for _ in range(60))
    assert rate.wait_s("a") == pytest.approx(1)
    assert rate.wait_s("b") == 0
    now[0] += 1
    assert rate.wait_s("a") == 0
    assert rate.wait_s("a") > 0


def test_the_answer_to_too_many_requests_says_how_long_to_wait(tmp_path: Path) -> None:
    web = open_web(tmp_path)
    hurried = open_web(tmp_path, api=type(web.box.configuration.api)(per_minute=3))
    program = Program(hurried, "hurried", roles=["C"])
    assert [program.ask("GET", "/me").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert int(program.ask("GET", "/me").headers["Retry-After"]) >= 1


def test_guessing_tokens_is_slow(tmp_path: Path) -> None:
    client = open_web(tmp_path).app.test_client()
    wrong = {"Authorization": "Bearer hlb_guess"}
    answers = [client.get("/api/v1/me", headers=wrong).status_code for _ in range(40)]
    assert answers[:30] == [401] * 30
    assert set(answers[31:]) == {429}


def test_tokens_are_made_and_revoked_on_a_page_and_shown_once(web: Web) -> None:
    visitor = web.visitor("9000", "en")
    made = visitor.client.post(
        "/settings/tokens",
        data={
            "csrf_token": visitor._form_token(),
            "name": "by-page",
            "title": "市民云",
            "owner": "system",
            "roles": ["C"],
            "scopes": ["tickets:read", "tickets:write"],
            "days": "90",
        },
        headers=visitor.headers,
    )
    assert made.status_code == 200
    secret = made.text.split('data-test="secret-text">')[1].split("<")[0]
    assert secret not in visitor.get("/settings/tokens").text
    client = web.app.test_client()
    good = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/me", headers=good).json["token"] == "by-page"  # type: ignore[index]
    assert visitor.post("/settings/tokens/by-page/revoke").status_code == 302
    assert client.get("/api/v1/me", headers=good).status_code == 401


def test_what_was_typed_comes_back_when_a_token_is_refused(web: Web) -> None:
    visitor = web.visitor("9000")
    refused = visitor.post("/settings/tokens", name="x y", title="保留我", owner="system", days="90")
    assert refused.status_code == 422
    assert "保留我" in refused.text
    assert "小写字母" in refused.text
