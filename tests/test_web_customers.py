"""Who a customer is stays masked until somebody says why they look; every look is kept."""

from pathlib import Path

import pytest

from appliance.customers import privacy
from appliance.customers.customer import Customer
from appliance.people import Actor
from appliance.store.texts import send_text
from appliance.tickets.confidential import OPEN_S, looked
from tests.api_programs import Program
from tests.web_pages import Web, open_web

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
ADMIN = Actor("9000", "系统管理员", frozenset({"AD"}))
NUMBER, IDENTITY = "13900000099", "11010519491231002X"


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return open_web(tmp_path)


def ouyang(web: Web, confidential: bool = False) -> Customer:
    """A customer with a number and an identity number, and one ticket."""
    written = {
        "name": "欧阳女士",
        "numbers": [NUMBER],
        "identity": IDENTITY,
        "addresses": ["云东区解放路88号"],
    }
    customer = web.box.customers.create(AGENT, written)
    fields = {"title": "举报", "content": "举报", "phone": NUMBER, "citizen": "欧阳女士"}
    if confidential:
        fields["confidential"] = "1"
    ticket = web.box.tickets.create(AGENT, "web", fields)
    with web.box.store.transaction():
        web.box.store.execute("UPDATE ticket SET customer = ? WHERE tid = ?", customer.cid.hex(), ticket.tid)
    return customer


def test_an_identity_number_is_shown_to_whom_says_why_and_to_nobody_else(web: Web) -> None:
    customer = ouyang(web)
    path, agent = f"/customers/{customer.cid.hex()}", web.visitor("1001")
    page = agent.get(path).text
    assert NUMBER in page
    assert IDENTITY not in page
    assert "110****002X" in page
    assert agent.post(f"{path}/unmask", reason="").status_code == 422
    agent.post(f"{path}/unmask", reason="核对身份")
    page = agent.get(path).text
    assert IDENTITY in page
    assert "1001 王晓燕: 核对身份" in page
    other = web.visitor("1200").get(path).text
    assert IDENTITY not in other
    assert "核对身份" in other


def test_messages_about_a_confidential_ticket_are_told_with_it_and_only_to_whom_says_why(web: Web) -> None:
    customer = ouyang(web, confidential=True)
    ((tid,),) = web.box.store.rows("SELECT tid FROM ticket WHERE confidential AND phone = ?", NUMBER)
    ticket = web.box.tickets.get(bytes(tid))
    plain = web.box.tickets.create(AGENT, "web", {"title": "路灯", "content": "路灯", "phone": NUMBER})
    for told in (ticket, plain):
        send_text(web.box.store, NUMBER, f"您的诉求已登记，编号 {told.number}", 0.0, told.tid)
    agent, path = web.visitor("1001"), f"/customers/{customer.cid.hex()}"
    page = agent.get(path).text
    assert ticket.number not in page
    assert f"编号 {plain.number}" in page
    assert "保密工单及其短信不在此显示" in page
    agent.post(f"/tickets/{ticket.number}/unmask", reason="核实情况")
    assert f"编号 {ticket.number}" in agent.get(path).text
    assert ticket.number not in web.visitor("1200").get(path).text, "a look is of one person"


def test_all_of_whoever_has_a_confidential_ticket_is_masked_on_every_page(web: Web) -> None:
    customer = ouyang(web, confidential=True)
    path, agent = f"/customers/{customer.cid.hex()}", web.visitor("1001")
    for page in (path, "/customers", f"/customers/of/{NUMBER}"):
        shown = agent.get(page).text
        assert not [word for word in (NUMBER, "欧阳女士", "解放路88号", IDENTITY) if word in shown], page
    merged = web.box.customers.create(AGENT, {"name": "孙敏", "numbers": ["13900000098"]})
    web.box.customers.merge(AGENT, customer.cid, merged.cid)
    assert "13900000098" not in agent.get(f"/customers/{merged.cid.hex()}").text, "they are one person"
    agent.post(f"{path}/unmask", reason="核实情况")
    assert NUMBER in agent.get(path).text


def test_a_mask_is_never_offered_for_the_form_of_a_new_ticket(web: Web) -> None:
    ouyang(web, confidential=True)
    (told,) = web.visitor("1001").ask("/intake/beside", {"phone": NUMBER}).get_json()["customers"]
    assert (told["plain"], told["home"]) == ("", "")
    assert "欧阳女士" not in str(told)


def test_what_is_masked_is_not_overwritten_by_its_mask(web: Web) -> None:
    customer = ouyang(web, confidential=True)
    path, agent = f"/customers/{customer.cid.hex()}", web.visitor("1001")
    assert 'data-test="edit-numbers"' not in agent.get(path).text
    agent.post(f"{path}/edit", name="x", numbers="139****0099", identity="", kind="company", has="marks")
    now = web.box.customers.get(customer.cid)
    assert (now.name, now.numbers, now.identity, now.kind) == ("欧阳女士", (NUMBER,), IDENTITY, "company")


def test_the_matrix_of_rights_masks_the_file_as_it_masks_tickets(web: Web) -> None:
    customer = ouyang(web)
    web.box.dictionary.set(ADMIN, "right", "field.citizen", {"roles": ["TL", "DP"]})
    agent = web.visitor("1001")
    page = agent.get(f"/customers/{customer.cid.hex()}").text
    assert NUMBER not in page
    assert "欧阳女士" not in page
    assert NUMBER in web.visitor("1200").get(f"/customers/{customer.cid.hex()}").text
    agent.post(f"/customers/{customer.cid.hex()}/unmask", reason="核对")
    assert NUMBER not in agent.get(f"/customers/{customer.cid.hex()}").text, "no reason gives a right"


def test_a_look_is_for_one_person_and_ends(web: Web) -> None:
    customer, store = ouyang(web), web.box.store
    privacy.unmask(store, AGENT, customer.cid, "核对")
    at_s = store.history(customer.cid)[-1].at_s
    assert looked(store, customer.cid, privacy.UNMASKED, AGENT, at_s + OPEN_S - 1)
    assert not looked(store, customer.cid, privacy.UNMASKED, AGENT, at_s + OPEN_S + 1)
    assert not looked(store, customer.cid, privacy.UNMASKED, ADMIN, at_s)
    assert privacy.hidden(store, AGENT, [customer]) == {customer.cid: frozenset()}
    assert privacy.hidden(store, ADMIN, [customer]) == {customer.cid: privacy.ALWAYS}
    before = store.rows("SELECT * FROM customer ORDER BY cid")
    store.rebuild()
    assert store.rows("SELECT * FROM customer ORDER BY cid") == before


def test_a_program_sees_no_more_than_the_person_whose_token_it_has(web: Web) -> None:
    customer = ouyang(web)
    program, path = Program(web, "crm", person="1001"), f"/customers/{customer.cid.hex()}"
    assert program.ask("GET", path).get_json()["identity"] == "110****002X"
    refused = program.ask("PATCH", path, {"identity": "x"})
    assert refused.status_code == 422
    assert program.ask("POST", f"{path}/unmask", {"reason": "核对身份"}).get_json()["identity"] == IDENTITY
    assert program.ask("GET", path).get_json()["identity"] == IDENTITY
