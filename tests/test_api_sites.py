"""What a program finds by site: at a hub those of the sites it names, at a site what there is."""

from pathlib import Path

import pytest

from appliance.configuration import Site
from appliance.events import Fact, Stamp
from appliance.store import outbox
from tests.api_programs import REPAIR, Program
from tests.web_pages import Web, open_web


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Web:
    """A hub with a ticket of each of three sites."""
    web = open_web(tmp_path_factory.mktemp("hub"), site=Site(number=0, name="汇总中心", role="hub"))
    with web.box.store.connection():
        for site in (7, 8, 9):
            fields = {"title": f"{site} 号站的事", "content": "路灯不亮"}
            said = {"number": f"{site}", "source": "web", "by": "1001", "fields": fields}
            outbox.add_peer(web.box.store, f"site-{site:03d}", site)
            web.box.store.take([Stamp(site).event(Fact("ticket.created", said))], via=f"site-{site:03d}")
    return web


def found(program: Program, asked: str) -> set[str]:
    return {ticket["number"] for ticket in program.told("GET", f"/tickets?{asked}")["tickets"]}


def test_a_hub_tells_a_program_the_tickets_of_the_sites_it_names(hub: Web) -> None:
    clerk = Program(hub, "clerk", person="1200")
    assert found(clerk, "rows=50") >= {"7", "8", "9"}
    assert found(clerk, "site=7") == {"7"}
    assert found(clerk, "site=7&site=9&text=路灯") == {"7", "9"}
    assert found(clerk, "site=500") == set()
    counted = clerk.told("GET", "/ticket-sums?site=7&site=8&by=site")["sums"]
    assert counted == [{"values": ["7"], "tickets": 1}, {"values": ["8"], "tickets": 1}]


def test_a_system_outside_finds_by_site_among_its_own_only(hub: Web) -> None:
    app = Program(hub, "city-app", ["tickets:read", "tickets:write"], roles=["C"])
    own = app.told("POST", "/tickets", REPAIR)["number"]
    assert found(app, "site=0") == {own}
    assert found(app, "site=7") == set()


@pytest.mark.parametrize("site", ["x", "-1", "1000", "9" * 30, ""])
def test_what_is_no_number_of_a_site_is_said_to_be_wrong(hub: Web, site: str) -> None:
    refused = Program(hub, f"clerk{len(site)}{site[:1]}".strip("-"), person="1200").ask(
        "GET", f"/tickets?site={site}"
    )
    assert (refused.status_code, refused.json["field"].split(".")[0][:4]) == (422, "site")  # type: ignore[index]


def test_at_a_site_it_narrows_to_its_own_tickets_or_none(tmp_path: Path) -> None:
    web = open_web(tmp_path)
    clerk = Program(web, "clerk", person="1200")
    number = clerk.told("POST", "/tickets", {**REPAIR, "category": "1001"})["number"]
    assert number in found(clerk, f"site={web.box.store.site}&rows=50")
    assert found(clerk, "site=0") == set()


def test_the_description_tells_of_it(hub: Web) -> None:
    told = Program(hub, "reader", person="1200").told("GET", "/openapi.json")
    asked = {one["name"]: one["schema"] for one in told["paths"]["/api/v1/tickets"]["get"]["parameters"]}
    assert asked["site"]["items"]["maximum"] == 999
