"""The page where citizens rate, as a browser without any session opens it."""

import pytest

from appliance.dictionary.dictionary import Dictionary
from appliance.tickets.ratings import code_of
from tests.test_web_visits import answered, state
from tests.web_pages import Web, open_web
from web.pages.rating import A_MINUTE


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def test_a_citizen_rates_once_and_is_thanked_whenever_the_link_is_opened_again(web: Web) -> None:
    ticket, citizen = answered(web), web.visitor()
    link = f"/rate/{code_of(ticket)}"
    asked = citizen.get(link)
    assert (asked.status_code, "已修好" in asked.text) == (200, True)
    assert ticket.phone not in asked.text
    done = citizen.post(link, rating="satisfied", contacted="yes", solved="yes")
    assert done.status_code == 303
    assert state(web, ticket) == "CLOSED"
    assert 'data-test="thanks"' in citizen.get(link).text
    citizen.post(link, rating="very_dissatisfied")
    assert web.box.tickets.get(ticket.tid).rating == "satisfied"


def test_who_is_dissatisfied_says_why_if_they_like(web: Web) -> None:
    ticket, silent, citizen = answered(web), answered(web), web.visitor()
    why = next(iter(Dictionary(web.box.store).choices("dissatisfaction")))
    citizen.post(f"/rate/{code_of(ticket)}", rating="dissatisfied", why=why, reason="三周才来")
    told = web.box.tickets.get(ticket.tid)
    assert (told.state, told.reason) == ("DISSAT_REVIEW", "三周才来")
    citizen.post(f"/rate/{code_of(silent)}", rating="dissatisfied")
    assert state(web, silent) == "DISSAT_REVIEW"


def test_without_a_choice_nothing_is_taken_and_what_was_typed_stays(web: Web) -> None:
    ticket = answered(web)
    refused = web.visitor().post(f"/rate/{code_of(ticket)}", rating="perfect", solved="yes")
    assert (refused.status_code, 'value="yes" checked' in refused.text) == (422, True)
    assert state(web, ticket) == "CALLBACK"


def test_a_wrong_link_tells_what_to_do_and_nothing_else(web: Web) -> None:
    ticket = answered(web)
    code = code_of(ticket)
    for bad in (code[:-2] + ("AA" if code[-2:] != "AA" else "BA"), "x", "路" * 21, "A" * 500):
        answer = web.visitor().get(f"/rate/{bad}")
        assert (answer.status_code, ticket.number in answer.text) == (404, False)
        assert 'data-test="unknown"' in answer.text


def test_a_confidential_matter_shows_no_title(web: Web) -> None:
    ticket = answered(web, confidential=True)
    assert ticket.title not in web.visitor().get(f"/rate/{code_of(ticket)}").text


def test_nobody_tries_codes_one_after_another(web: Web) -> None:
    stranger = web.visitor()
    statuses = [stranger.get(f"/rate/{n}").status_code for n in range(A_MINUTE + 2)]
    assert statuses[:A_MINUTE] == [404] * A_MINUTE
    assert statuses[-1] == 429
