"""Dispatch rules: the first that fits decides; some dispatch by themselves; all can be tried dry."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.tickets.dispatch_rules import hits
from appliance.tickets.dispatching import FIELDS, Matter, Rule, first, misfit, suggested
from tests.ticket_desk import ADMIN, AGENT, DISPATCHER, Office, refused
from tests.web_pages import Web, open_web

NOON = datetime(2026, 11, 30, 12, 0)
LAMPS = Rule("lamps", "lamp", category=frozenset({"01"}))
NIGHT = Rule("night", "water", since="22:00", until="06:00")


@pytest.mark.parametrize(
    ("rule", "matter", "at", "why"),
    [
        (LAMPS, Matter(category=("0101", "01")), NOON, ""),
        (LAMPS, Matter(category=("0201", "02")), NOON, "category"),
        (LAMPS, Matter(), NOON, "category"),
        (Rule("a", "u", kind=frozenset({"report"})), Matter(kind="consult"), NOON, "kind"),
        (NIGHT, Matter(), NOON, "time"),
        (NIGHT, Matter(), NOON.replace(hour=23), ""),
        (NIGHT, Matter(), NOON.replace(hour=5, minute=59), ""),
        (NIGHT, Matter(), NOON.replace(hour=6), "time"),
        (Rule("w", "u", days="rest"), Matter(), NOON, "days"),
        (Rule("all", "u"), Matter(), NOON, ""),
    ],
)
def test_a_rule_fits_or_says_what_it_misses(rule: Rule, matter: Matter, at: datetime, why: str) -> None:
    assert misfit(rule, matter, at, worked=True) == why


def test_the_first_rule_that_fits_decides_else_the_category_or_what_stands_above_it() -> None:
    rules = [NIGHT, LAMPS]
    lamps = Matter(category=("0101", "01"))
    assert suggested(rules, lamps, NOON, True, {}) is not None
    by_category = suggested([NIGHT], lamps, NOON, True, {"01": "road"})
    assert by_category is not None
    assert (by_category.unit, by_category.rule) == ("road", "")
    assert suggested([NIGHT], lamps, NOON, True, {}) is None
    late = first(rules, lamps, NOON.replace(hour=23), True)
    assert late is NIGHT


_codes = st.frozensets(st.sampled_from("abc"), max_size=2)


@given(
    st.lists(st.builds(Rule, st.text(max_size=3), st.just("u"), category=_codes, kind=_codes), max_size=6),
    st.builds(Matter, category=st.lists(st.sampled_from("abc"), max_size=2), kind=st.sampled_from("abc")),
)
def test_what_decides_fits_and_nothing_before_it_does(rules: list[Rule], matter: Matter) -> None:
    found = first(rules, matter, NOON, True)
    for rule in rules:
        if rule is found:
            break
        assert misfit(rule, matter, NOON, True) in FIELDS
    assert found is None or misfit(found, matter, NOON, True) == ""


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    for code, parent in (("01", ""), ("0101", "01")):
        fields = {"name": f"类{code}", "unit": "road" if code == "01" else ""}
        office.desk.dictionary.set(ADMIN, "category", code, fields | ({"parent": parent} if parent else {}))
    return office


def rule(office: Office, key: str, **fields: object) -> None:
    office.desk.dictionary.set(DISPATCHER, "dispatch_rule", key, {"name": key, "unit": "lamp", **fields})


def test_a_ticket_goes_by_itself_where_a_rule_says_so_and_the_rule_is_counted(office: Office) -> None:
    rule(office, "lamps", category=["01"], automatic=True, assisting=["water"])
    ticket = office.accepted()
    assert (ticket.state, ticket.unit, ticket.rule) == ("DISPATCHED", "lamp", "lamps")
    assert [strand.unit for strand in office.desk.strands(ticket.tid)] == ["water"]
    assert hits(office.store) == {"lamps": 1}


def test_what_a_dispatcher_chooses_otherwise_is_no_hit(office: Office) -> None:
    rule(office, "lamps", category=["01"])
    ticket = office.accepted()
    proposed = office.desk.proposed(ticket)
    assert proposed is not None
    assert (proposed.unit, ticket.state) == ("lamp", "ACCEPTED")
    moved = office.desk.move(DISPATCHER, ticket.tid, "dispatch", {"unit": "water"})
    assert (moved.rule, hits(office.store)) == ("", {})
    compared = office.desk.rules.compared([moved])
    assert [unit for _, unit in compared.other] == ["lamp"]


def test_a_rule_for_a_dissolved_unit_or_switched_off_is_passed_over(office: Office) -> None:
    rule(office, "a", category=["01"], off=True)
    rule(office, "b", category=["01"], unit="water")
    office.desk.dictionary.retire(ADMIN, "unit", "pumps")
    office.desk.dictionary.retire(ADMIN, "unit", "water")
    proposed = office.desk.proposed(office.accepted())
    assert proposed is not None
    assert (proposed.unit, proposed.rule) == ("road", "")


def test_a_rule_needs_a_unit_in_service(office: Office) -> None:
    with refused("missing"):
        rule(office, "a", unit="")
    with refused("not_yours"):
        office.desk.dictionary.set(AGENT, "dispatch_rule", "a", {"name": "a", "unit": "lamp"})


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Web:
    return open_web(tmp_path_factory.mktemp("box"))


def test_rules_are_tried_dry_on_the_page(web: Web) -> None:
    dispatcher = web.visitor("1200")
    web.box.dictionary.set(
        ADMIN, "dispatch_rule", "night", {"name": "夜间", "unit": "water", "since": "22:00", "until": "06:00"}
    )
    page = dispatcher.get("/settings/dispatch?category=0101&at=2026-11-30T12:00").text
    assert "市照明管理处" in page
    assert "时段不符" in page
    assert "市水务集团" in dispatcher.get("/settings/dispatch?category=0101&at=2026-11-30T23:00").text
    assert dispatcher.get("/settings/dispatch?at=yesterday").text.count("2027-03-31T09:30") == 1
    assert dispatcher.get("/settings/dispatch?compare=1").status_code == 200
    assert web.visitor("1001").get("/settings/dispatch").status_code == 403
