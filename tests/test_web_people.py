"""People pages: administrators look after all, a unit's leader after the own unit; nobody is locked out."""

import re

import pytest

from appliance import published
from appliance.people import People
from appliance.refused import Refused
from tests.web_pages import QUICK, Web, open_web


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


@pytest.fixture
def people(web: Web) -> People:
    return People(web.box.store, hasher=QUICK)


def code_in(page: str) -> str:
    found = re.search(r'data-test="code">([0-9A-Z-]+)<', page)
    assert found
    return found.group(1)


def a_leader(web: Web) -> None:
    """Give 2001, who works for lamp, the role of the unit's leader."""
    web.visitor("9000").post("/people/of/2001", roles=["U2", "UL"], unit="lamp")


def test_somebody_is_added_and_signs_in_with_the_code_shown_once(web: Web, people: People) -> None:
    admin = web.visitor("9000")
    page = admin.post(
        "/people/new", key="1009", name="新同事", roles=["AG"], groups=["day"], extension="8009"
    ).text
    token = people.sign_in("1009", code_in(page))
    actor = people.actor_for(token)
    assert actor is not None
    assert (actor.name, sorted(actor.roles), actor.extension) == ("新同事", ["AG"], "8009")
    assert actor.must_change
    assert 'data-test="code"' not in admin.get("/people/of/1009").text


def test_a_change_of_roles_counts_at_the_next_click(web: Web) -> None:
    admin, agent = web.visitor("9000"), web.visitor("1001")
    assert agent.get("/board").status_code == 403
    admin.post("/people/of/1001", name="王晓燕", roles=["AG", "TL"])
    assert agent.get("/board").status_code == 200
    page = admin.get("/people/of/1001").text
    assert "<del>话务员</del> → <ins>话务员、班长</ins>" in page


def test_who_takes_calls_is_handed_over_to_the_call_process_at_once(web: Web) -> None:
    admin = web.visitor("9000")

    def agents() -> set[str]:
        return {agent.number for agent in published.read(web.box.places.published).agents}

    assert "1200" not in agents()
    admin.post("/people/of/1200", name="周建国", roles=["DP", "AG"])
    assert "1200" in agents()
    admin.post("/people/of/1200/active", active="no")
    assert "1200" not in agents()


def test_who_leaves_signs_in_no_more_and_all_sessions_end(web: Web, people: People) -> None:
    admin, agent = web.visitor("9000"), web.visitor("1001")
    agent.get("/desk")
    admin.post("/people/of/1001/active", active="no")
    assert agent.get("/desk").status_code == 302
    with pytest.raises(Refused):
        people.sign_in("1001", "demo-12345")
    assert 'data-test="person-1001"' not in admin.get("/people").text
    assert 'data-test="person-1001"' in admin.get("/people?retired=yes").text
    admin.post("/people/of/1001/active", active="yes")
    assert people.sign_in("1001", "demo-12345")


def test_a_password_is_reset(web: Web, people: People) -> None:
    code = code_in(web.visitor("9000").post("/people/of/1001/password").text)
    assert people.sign_in("1001", code)
    assert web.visitor("1200").post("/people/of/1001/password").status_code == 403


def test_nobody_takes_the_administrator_from_themselves(web: Web) -> None:
    admin = web.visitor("9000")
    answer = admin.post("/people/of/9000", name="系统管理员", roles=["TE"])
    assert answer.status_code == 422
    assert "不能取消自己的系统管理员权限" in answer.text
    assert admin.post("/people/of/9000/active", active="no").status_code == 422
    assert admin.get("/settings").status_code == 200


def test_one_administrator_is_always_left(web: Web) -> None:
    from appliance.actor import BOX

    with pytest.raises(Refused) as refused:
        web.box.dictionary.retire(BOX, "person", "9000")
    assert refused.value.word == "last_administrator"


def test_a_units_leader_sees_and_changes_the_own_people_only(web: Web, people: People) -> None:
    a_leader(web)
    leader = web.visitor("2001")
    listed = leader.get("/people").text
    assert 'data-test="person-2001"' in listed
    assert 'data-test="person-2002"' not in listed
    assert 'href="/people"' in leader.get("/tickets").text
    assert leader.get("/people/of/2002").status_code == 403
    assert leader.post("/people/of/2002", name="x").status_code == 403
    page = leader.post("/people/new", key="2051", name="抢修员", roles=["U3"], unit="water").text
    assert people.sign_in("2051", code_in(page))
    made = web.box.dictionary.get("person", "2051")
    assert made is not None
    assert made.text("unit") == "lamp", "only into the own unit"
    assert leader.post("/people/new", key="2052", name="冒充", roles=["AD"]).status_code == 403
    assert leader.post("/people/of/2051", name="抢修员", roles=["DP"]).status_code == 403
    assert leader.post("/people/of/2001", name="孙立", roles=["U2"]).status_code == 403, "not the own roles"
    assert leader.get("/settings").status_code == 403


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"key": "1001", "name": "重号", "roles": ["AG"]}, 422),
        ({"key": "no number", "name": "张三", "roles": ["AG"]}, 422),
        ({"key": "1010", "name": "", "roles": ["AG"]}, 422),
        ({"key": "1010", "name": "张三", "roles": []}, 422),
        ({"key": "1010", "name": "张三", "roles": ["KING"]}, 422),
        ({"key": "1010", "name": "张三", "roles": ["U2"], "unit": "nowhere"}, 422),
        ({"key": "1010", "name": "张" * 61, "roles": ["AG"]}, 422),
    ],
)
def test_bad_input_is_refused_and_kept(web: Web, fields: dict[str, object], status: int) -> None:
    before = len(web.box.dictionary.by_key("person"))
    answer = web.visitor("9000").post("/people/new", **fields)
    assert answer.status_code == status
    assert f'value="{fields["name"]}"' in answer.text
    assert len(web.box.dictionary.by_key("person")) == before


def test_no_password_leaves_with_an_export(web: Web) -> None:
    text = web.visitor("9000").get("/settings/files/all.zip").data
    secrets = [row[0] for row in web.box.store.rows("SELECT secret FROM person")]
    assert secrets
    assert not any(secret.encode() in text for secret in secrets)
