"""A hub has the pages it has a use for; whoever opens another by its address is told why it is not there."""

import re

import pytest

from appliance.configuration import Site
from tests.web_pages import Visitor, Web, open_web
from web import access

OF_CALLS = ("desk", "board", "phones", "campaigns", "deferrals")
LEADER, CLERK, DISPATCHER, ADMINISTRATOR = "1100", "1300", "1200", "9000"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("hub"), site=Site(number=0, name="汇总中心", role="hub"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("site"))


def bar(visitor: Visitor) -> set[str]:
    """The pages in the bar."""
    return set(re.findall(r'data-test="nav-(\w+)-page"', visitor.get("/tickets").text))


def test_a_hubs_bar_has_no_pages_of_lines_and_desks(hub: Web, site: Web) -> None:
    at_site, at_hub = bar(site.visitor(LEADER)), bar(hub.visitor(LEADER))
    assert at_site >= set(OF_CALLS)
    assert at_site - at_hub == set(OF_CALLS)
    assert at_hub - at_site == {"sites"}


def test_a_hub_still_registers_what_comes_by_letter_and_keeps_its_drafts(hub: Web) -> None:
    assert "intake" in bar(hub.visitor(DISPATCHER))
    assert hub.visitor(DISPATCHER).get("/intake").status_code == 200
    assert hub.visitor(DISPATCHER).get("/desk/drafts").json == {"drafts": []}


@pytest.mark.parametrize("address", ["/desk", "/board", "/phones", "/phones/bill", "/campaigns", "/later"])
def test_an_address_of_such_a_page_is_answered_with_a_sentence_at_a_hub(
    hub: Web, site: Web, address: str
) -> None:
    person = ADMINISTRATOR if address.startswith("/phones") else LEADER
    told = hub.visitor(person).get(address)
    assert told.status_code == 404
    assert "本机是中心，不接听电话。请在站点上打开此页。" in told.text
    assert "This box is a hub and takes no calls." in hub.visitor(person, "en").get(address).text
    assert site.visitor(person).get(address).status_code == 200


def test_scripts_and_strangers_are_answered_as_everywhere(hub: Web) -> None:
    ordered = hub.visitor(LEADER).ask("/desk/shift", {"extension": "8001"})
    assert (ordered.status_code, ordered.json["word"]) == (404, "no_calls")  # type: ignore[index]
    assert hub.visitor().get("/board").status_code == 302


def test_everybody_has_a_first_page_at_a_hub(hub: Web) -> None:
    for number in (LEADER, CLERK, DISPATCHER, "1001", "2001", "9100", ADMINISTRATOR):
        first = hub.visitor(number).get("/").headers["Location"]
        assert hub.visitor(number).get(first).status_code == 200, number


def test_nobody_is_asked_to_sit_down_at_a_hub_to_call_citizens(hub: Web, site: Web) -> None:
    assert 'data-test="seat"' in site.visitor(CLERK).get("/visits").text
    assert 'data-test="seat"' not in hub.visitor(CLERK).get("/visits").text


def test_what_is_of_calls_are_names_of_the_table() -> None:
    blueprints = {endpoint.split(".")[0] for endpoint in access.TABLE}
    assert blueprints >= access.OF_CALLS
    assert access.TABLE.keys() >= access.OF_CALLS_TOO | access.OF_FORMS
