"""Return visits: ratings by clerk, by short message, and the monthly sample anybody can draw again."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.events import Fact
from appliance.refused import Refused
from appliance.tickets import samples
from appliance.tickets.ratings import code_of, coded, rated_by_key, rated_by_text
from tests.ticket_desk import ADMIN, AGENT, CALLBACK, LAMP, Office, refused

MONTH = time.strftime("%Y-%m")
OVER_S = 40 * 86400.0
"""So long after now this month is over."""
PHONE = "13900000001"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def closed(office: Office, count: int) -> None:
    for _ in range(count):
        office.desk.move(CALLBACK, office.answered().tid, "satisfied", {"rating": "satisfied"})


@pytest.mark.parametrize(
    ("text", "state", "rating"),
    [("1", "CLOSED", "very_satisfied"), (" 3 ", "CLOSED", "basically_satisfied"),
     ("5", "DISSAT_REVIEW", "very_dissatisfied")],
)  # fmt: skip
def test_a_digit_by_short_message_rates_the_case_that_waits(
    office: Office, text: str, state: str, rating: str
) -> None:
    ticket = office.answered(phone=PHONE)
    rated = rated_by_text(office.store, office.desk, PHONE, text)
    assert rated is not None
    assert (rated.tid, rated.state, rated.rating) == (ticket.tid, state, rating)


def test_other_words_or_a_number_nobody_asked_are_no_rating(office: Office) -> None:
    office.answered(phone=PHONE)
    assert rated_by_text(office.store, office.desk, PHONE, "6") is None
    assert rated_by_text(office.store, office.desk, PHONE, "路灯又坏了") is None
    assert rated_by_text(office.store, office.desk, "13900000002", "1") is None


@pytest.mark.parametrize(
    ("key", "state", "rating"), [(5, "CLOSED", "very_satisfied"), (1, "DISSAT_REVIEW", "very_dissatisfied")]
)
def test_a_key_in_a_call_made_for_the_case_rates_it(
    office: Office, key: int, state: str, rating: str
) -> None:
    ticket = office.answered(phone=PHONE)
    began, other = office.store.record(Fact("call.placed", {"to": PHONE}), Fact("call.placed", {"to": PHONE}))
    office.desk.note(CALLBACK, ticket.tid, "已呼叫市民", began.eid.hex())
    (rated,) = office.store.record(Fact("call.rated", {"value": key, "of": 5, "agent": "1300"}, began.eid))
    (unasked,) = office.store.record(Fact("call.rated", {"value": 3, "of": 5, "agent": "1300"}, other.eid))
    assert rated_by_key(office.store, office.desk, unasked) is None
    after = rated_by_key(office.store, office.desk, rated)
    assert after is not None
    assert (after.tid, after.state, after.rating) == (ticket.tid, state, rating)
    assert rated_by_key(office.store, office.desk, rated) is None, "one answer a round"


def test_a_code_is_for_one_ticket_in_one_round(office: Office) -> None:
    ticket, another = office.answered(phone=PHONE), office.answered(phone=PHONE)
    code = code_of(ticket)
    found = coded(office.store, code.lower())
    assert found is not None
    assert found.tid == ticket.tid
    assert code != code_of(another)
    assert code != code_of(replace(ticket, round=1))
    wrong = code[:-2] + ("AA" if code[-2:] != "AA" else "IA")
    assert [coded(office.store, bad) for bad in (wrong, "", code[:-1], "1" * 21, "路" * 21)] == [None] * 5


def test_the_message_that_asks_names_the_page_where_there_is_one(office: Office) -> None:
    office.desk.dictionary.set(ADMIN, "parameter", "rating_address", {"value": "https://12345.city.example/"})
    ticket = office.answered(phone=PHONE)
    texts = [text for (text,) in office.store.rows("SELECT text FROM short_message ORDER BY at_s")]
    assert texts[-1].endswith(f"https://12345.city.example/rate/{code_of(ticket)}")
    with refused("bad_address"):
        office.desk.dictionary.set(ADMIN, "parameter", "rating_address", {"value": "12345.city"})


def test_the_citizen_is_told_the_answer_and_asked_how_it_was(office: Office) -> None:
    office.answered(phone=PHONE)
    texts = [text for (text,) in office.store.rows("SELECT text FROM short_message ORDER BY at_s")]
    assert "路灯已修复" in texts[-1]
    assert "1非常满意" in texts[-1]
    office.desk.dictionary.set(ADMIN, "parameter", "sms_rating", {"value": False})
    before = office.store.rows("SELECT count(*) FROM short_message")
    office.answered(phone="13900000003")
    ((after,),) = office.store.rows("SELECT count(*) FROM short_message")
    assert after - before[0][0] == 2, "accepted and signed, but not asked"


def test_attempts_are_written_down_only_while_the_citizen_is_to_be_called(office: Office) -> None:
    ticket = office.answered()
    office.desk.visit(CALLBACK, ticket.tid, "busy", "再打")
    again = office.again(ticket)
    assert (again.visits, again.state) == (1, "CALLBACK")
    assert office.desk.timeline(ticket.tid)[-1].text == "占线 再打"
    with refused("bad_choice"):
        office.desk.visit(CALLBACK, ticket.tid, "moon")
    with refused("not_yours"):
        office.desk.visit(LAMP, ticket.tid, "busy")
    with refused("not_now"):
        office.desk.visit(CALLBACK, office.handling().tid, "busy")


def test_a_sample_is_drawn_once_and_the_same_seed_draws_the_same_cases(office: Office) -> None:
    closed(office, 5)
    over_s = time.time() + OVER_S
    sample = samples.take(office.store, CALLBACK, MONTH, 3, now_s=over_s)
    drawn = [case.tid for case in samples.cases(office.store, sample.sid)]
    rows = office.store.rows("SELECT tid FROM ticket WHERE state = 'CLOSED'")
    pool = {"lamp": [bytes(tid) for (tid,) in rows]}
    assert sorted(drawn) == sorted(tid for _, tid in samples.draw(pool, 3, sample.seed))
    with refused("drawn_already"):
        samples.take(office.store, CALLBACK, MONTH, 3, now_s=over_s)
    before = samples.cases(office.store, sample.sid)
    office.store.rebuild()
    assert samples.cases(office.store, sample.sid) == before


def test_a_month_is_drawn_when_it_is_over_and_not_a_second_before(office: Office) -> None:
    closed(office, 1)
    begin = datetime.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    next_month = (begin + timedelta(days=31)).replace(day=1)
    with refused("month_not_over") as told:
        samples.take(office.store, CALLBACK, MONTH, 3, now_s=next_month.timestamp() - 1)
    assert told.value.values["day"] == f"{next_month:%Y-%m-%d}"
    assert samples.take(office.store, CALLBACK, MONTH, 3, now_s=next_month.timestamp()).tickets == 1


def test_what_drawn_citizens_say_stands_beside_their_case(office: Office) -> None:
    closed(office, 1)
    sample = samples.take(office.store, CALLBACK, MONTH, 10, now_s=time.time() + OVER_S)
    (case,) = samples.cases(office.store, sample.sid)
    samples.told(office.store, CALLBACK, sample.sid, case.tid, "dissatisfied", "no", "没人来过")
    (case,) = samples.cases(office.store, sample.sid)
    assert (case.outcome, case.contacted, case.text) == ("dissatisfied", "no", "没人来过")
    with refused("bad_choice"):
        samples.told(office.store, CALLBACK, sample.sid, case.tid, "great")


@pytest.mark.parametrize(
    ("month", "count", "word"),
    [("2027-13", 3, "bad_month"), ("März", 3, "bad_month"), (MONTH, 0, "bad_count"),
     (MONTH, 999, "bad_count"), ("2020-01", 3, "nothing_closed")],
)  # fmt: skip
def test_a_sample_that_cannot_be_drawn_says_why(office: Office, month: str, count: int, word: str) -> None:
    with refused(word):
        samples.take(office.store, CALLBACK, month, count)
    with pytest.raises(Refused):
        samples.take(office.store, AGENT, month, count)


@given(
    st.dictionaries(st.sampled_from(["lamp", "water", "road"]), st.sets(st.binary(min_size=4, max_size=4))),
    st.integers(1, 5),
    st.integers(0, 2**32),
)
def test_any_draw_takes_no_case_twice_and_of_each_unit_as_many_as_there_are(
    pool: Mapping[str, set[bytes]], count: int, seed: int
) -> None:
    one = samples.draw({unit: list(tids) for unit, tids in pool.items()}, count, seed)
    other = samples.draw({unit: sorted(tids) for unit, tids in reversed(list(pool.items()))}, count, seed)
    assert one == other
    for unit, tids in pool.items():
        mine = [tid for of, tid in one if of == unit]
        assert len(set(mine)) == len(mine) == min(count, len(tids))
        assert set(mine) <= tids
