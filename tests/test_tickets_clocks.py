"""Clocks: due dates under pauses, extensions and second rounds, against a slow reading day by day."""

from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance.calendar.days import Day, WorkCalendar
from appliance.calendar.hours import Hours, bands, closing_s
from appliance.calendar.known import known, plain_calendar
from appliance.refused import Refused
from appliance.tickets.clocks import (
    Clock,
    Limit,
    Reckoning,
    Unit,
    colour,
    worst,
)
from appliance.tickets.extending import ExtensionRules, extend, order_earlier

USUAL = Reckoning(plain_calendar())
UNITS: tuple[Unit, ...] = get_args(Unit)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def told(due_s: float) -> str:
    return datetime.fromtimestamp(due_s).isoformat(" ", "minutes")


YEAR = st.integers(int(at("2026-01-01")), int(at("2026-12-31"))).map(float)
LENGTHS = st.one_of(st.integers(1, 7200), st.integers(1, 20).map(lambda n: n * 86_400)).map(float)
LIMITS = st.builds(Limit, st.integers(1, 40), st.sampled_from(UNITS))
PAUSES = st.lists(st.tuples(st.integers(0, 30 * 86_400).map(float), LENGTHS), max_size=4)


def with_pauses(limit: Limit, start_s: float, pauses: list[tuple[float, float]]) -> Clock:
    spans = tuple((start_s + begin, start_s + begin + length) for begin, length in pauses)
    return USUAL.computed(replace(USUAL.begin(limit, start_s), pauses=spans))


def slow_due_s(clock: Clock) -> float:
    """Another reading: walk minute slices of one day after the other, and tick off what counts."""
    need = clock.total * {"wd": 86_400, "days": 86_400, "wh": 3600, "hours": 3600, "minutes": 60}[clock.unit]
    whole = clock.unit in ("wd", "days")
    day = datetime.fromtimestamp(clock.start_s).replace(hour=0, minute=0, second=0, microsecond=0)
    if whole:
        day += timedelta(days=1)
    while True:
        works = clock.unit in ("days", "hours", "minutes") or USUAL.calendar.day(day.date()).work
        slices = USUAL.hours.bands if clock.unit == "wh" else ((0, 86_400),)
        for first, last in slices if works else ():
            edges = {day.timestamp() + first, day.timestamp() + last}
            for pause in (*clock.pauses, (clock.start_s, clock.start_s)):
                edges |= {edge for edge in pause if edge and min(edges) < edge < max(edges)}
            cut = sorted(edges)
            for begin, end in pairwise(cut):
                stands = any(p[0] <= begin and p[1] and end <= p[1] for p in clock.pauses)
                if stands or end <= clock.start_s:
                    continue
                if need <= end - begin:
                    return day.timestamp() + 86_400 if whole else begin + need
                need -= int(end - begin)
        day += timedelta(days=1)


@given(LIMITS, YEAR, PAUSES)
def test_a_random_case_is_due_when_a_slow_reading_says(
    limit: Limit, start_s: float, pauses: list[tuple[float, float]]
) -> None:
    clock = with_pauses(limit, start_s, pauses)
    assert clock.due_s == slow_due_s(clock)


def test_cases_of_every_day_of_a_year_are_due_when_a_slow_reading_says() -> None:
    random = Random(2026)
    for day in range(365):
        start_s = at("2026-01-01") + day * DAY + random.randrange(int(DAY))
        limit = Limit(random.randint(1, 40), random.choice(UNITS))
        pauses = [
            (random.uniform(0, 30) * DAY, random.uniform(0, 9) * DAY) for _ in range(random.randrange(4))
        ]
        clock = with_pauses(limit, start_s, [(float(round(a)), float(round(n))) for a, n in pauses])
        assert clock.due_s == slow_due_s(clock), clock


@given(LIMITS, YEAR, PAUSES, st.tuples(st.integers(0, 30 * 86_400).map(float), LENGTHS))
def test_a_pause_never_shortens(
    limit: Limit, start_s: float, pauses: list[tuple[float, float]], more: tuple[float, float]
) -> None:
    assert with_pauses(limit, start_s, [*pauses, more]).due_s >= with_pauses(limit, start_s, pauses).due_s


@given(LIMITS, YEAR, PAUSES, st.integers(1, 10), st.integers(1, 10 * 86_400))
def test_a_longer_limit_or_a_later_start_is_never_due_earlier(
    limit: Limit, start_s: float, pauses: list[tuple[float, float]], more: int, later: int
) -> None:
    clock = with_pauses(limit, start_s, pauses)
    assert USUAL.computed(replace(clock, n=clock.n + more)).due_s >= clock.due_s
    assert USUAL.computed(replace(clock, start_s=start_s + later)).due_s >= clock.due_s


@given(st.integers(1, 40), YEAR, PAUSES, st.integers(0, 10))
def test_what_is_due_in_working_days_is_never_due_on_a_rest_day(
    n: int, start_s: float, pauses: list[tuple[float, float]], more: int
) -> None:
    clock = with_pauses(Limit(n, "wd"), start_s, pauses)
    clock = USUAL.computed(replace(clock, extensions=(more,) if more else ()))
    assert USUAL.calendar.works(datetime.fromtimestamp(clock.due_s - 1).date())


@given(LIMITS, YEAR, PAUSES, st.lists(st.integers(1, 5), max_size=2), st.randoms(use_true_random=False))
def test_the_order_of_pauses_and_extensions_does_not_matter(
    limit: Limit, start_s: float, pauses: list[tuple[float, float]], extensions: list[int], random: Random
) -> None:
    clock = USUAL.begin(limit, start_s)
    steps: list[tuple[str, object]] = [("pauses", (start_s + a, start_s + a + n)) for a, n in pauses]
    steps += [("extensions", n) for n in extensions]
    ends = set()
    for _ in range(2):
        walked = clock
        for name, value in steps:
            walked = USUAL.computed(replace(walked, **{name: (*getattr(walked, name), value)}))
        ends.add((walked.due_s, walked.warn_s, walked.provisional))
        random.shuffle(steps)
    assert len(ends) == 1


@given(LIMITS, YEAR, PAUSES)
def test_yellow_begins_between_the_start_and_the_due_date(
    limit: Limit, start_s: float, pauses: list[tuple[float, float]]
) -> None:
    clock = with_pauses(limit, start_s, pauses)
    assert clock.start_s <= clock.warn_s <= clock.due_s
    assert colour(clock, clock.due_s) == "yellow"
    assert colour(clock, clock.due_s + 1) == "red"


def test_the_day_of_receipt_is_not_counted_and_the_last_day_ends_at_midnight() -> None:
    clock = USUAL.begin(Limit(5), at("2026-11-23 09:00"))
    assert told(clock.due_s) == "2026-12-01 00:00"
    assert clock.original_s == clock.due_s
    assert not clock.provisional


def test_a_unit_that_closes_earlier_has_until_it_closes() -> None:
    early = Reckoning(plain_calendar(), Hours(closing_s=closing_s("17:30")))
    assert told(early.begin(Limit(5), at("2026-11-23 09:00")).due_s) == "2026-11-30 17:30"


def test_urgent_things_run_day_and_night() -> None:
    evening = at("2026-11-28 23:00")
    assert told(USUAL.begin(Limit(2, "hours"), evening).due_s) == "2026-11-29 01:00"
    assert told(USUAL.begin(Limit(24, "hours"), evening).due_s) == "2026-11-29 23:00"
    assert told(USUAL.begin(Limit(10, "minutes"), evening).due_s) == "2026-11-28 23:10"
    assert told(USUAL.begin(Limit(7, "days"), evening).due_s) == "2026-12-06 00:00"


def test_working_hours_are_counted_in_the_bands_of_working_days() -> None:
    def due(n: int, start: str) -> str:
        return told(USUAL.begin(Limit(n, "wh"), at(start)).due_s)

    assert due(2, "2026-11-27 11:00") == "2026-11-27 15:00"
    assert due(2, "2026-11-27 17:30") == "2026-11-30 10:00"
    assert due(8, "2026-11-28 03:00") == "2026-12-01 09:00"


def test_a_date_behind_new_year_is_provisional_until_the_year_is_known() -> None:
    late = USUAL.begin(Limit(30), at("2026-11-23 09:00"))
    assert late.provisional
    assert told(late.due_s) == "2027-01-06 00:00"
    years, special = known()
    official = {day: replace_source(entry) for day, entry in special.items()}
    sure = Reckoning(WorkCalendar({**years, 2027: years[2026]}, official))
    assert not sure.computed(late).provisional


def replace_source(day: Day) -> Day:
    return Day(day.date, day.work, day.name, "official", "test")


def test_natural_hours_need_no_calendar_and_are_never_provisional() -> None:
    assert not USUAL.begin(Limit(24, "hours"), at("2026-12-31 20:00")).provisional


def test_an_hour_of_pause_on_a_working_day_gives_a_day_and_a_second_hour_no_more() -> None:
    begun = USUAL.begin(Limit(5), at("2026-11-23 09:00"))
    once = USUAL.resumed(USUAL.paused(begun, at("2026-11-25 09:00")), at("2026-11-25 10:00"))
    twice = USUAL.resumed(USUAL.paused(once, at("2026-11-26 09:00")), at("2026-11-26 10:00"))
    assert [told(clock.due_s) for clock in (begun, once, twice)] == [
        *("2026-12-01 00:00", "2026-12-02 00:00", "2026-12-02 00:00"),
    ]


def test_a_pause_on_rest_days_or_on_the_day_of_receipt_gives_nothing() -> None:
    begun = USUAL.begin(Limit(5), at("2026-11-27 09:00"))
    same_day = USUAL.resumed(USUAL.paused(begun, at("2026-11-27 10:00")), at("2026-11-27 20:00"))
    weekend = USUAL.resumed(USUAL.paused(begun, at("2026-11-28 00:00")), at("2026-11-30 00:00"))
    assert begun.due_s == same_day.due_s == weekend.due_s


def test_whole_days_of_pause_move_the_date_by_as_many_working_days() -> None:
    begun = USUAL.begin(Limit(5), at("2026-11-23 09:00"))
    week = USUAL.resumed(USUAL.paused(begun, at("2026-11-25 00:00")), at("2026-12-02 00:00"))
    assert told(week.due_s) == "2026-12-08 00:00"


def test_a_clock_that_stands_still_is_grey_and_keeps_what_was_left() -> None:
    begun = USUAL.begin(Limit(5), at("2026-11-23 09:00"))
    stands = USUAL.paused(begun, at("2026-11-24 09:00"))
    assert colour(stands, at("2027-03-01")) == "grey"
    assert USUAL.left(stands, at("2027-03-01")).days == 4
    assert USUAL.paused(stands, at("2026-11-25")) == stands
    assert USUAL.resumed(begun, at("2026-11-25")) == begun


def test_a_clock_that_was_stopped_in_time_is_green_for_ever() -> None:
    done = USUAL.stopped(USUAL.begin(Limit(5), at("2026-11-23 09:00")), at("2026-11-30 23:00"))
    assert colour(done, at("2027-03-01")) == "green"
    late = USUAL.stopped(USUAL.begin(Limit(5), at("2026-11-23 09:00")), at("2026-12-01 08:00"))
    assert colour(late, at("2026-12-01 08:00")) == "red"
    assert USUAL.stopped(late, at("2026-12-05")) == late


def test_what_is_sent_back_goes_on_with_what_was_left() -> None:
    done = USUAL.stopped(USUAL.begin(Limit(5), at("2026-11-23 09:00")), at("2026-11-25 00:00"))
    again = USUAL.resumed(done, at("2026-11-27 00:00"))
    assert again.running
    assert told(again.due_s) == "2026-12-03 00:00"


def test_what_was_late_stays_late_when_it_is_sent_back() -> None:
    late = USUAL.stopped(USUAL.begin(Limit(1), at("2026-11-23 09:00")), at("2026-11-26 00:00"))
    assert USUAL.resumed(late, at("2026-11-30")).due_s == late.due_s


def test_stopping_while_it_stands_still_ends_the_pause() -> None:
    stands = USUAL.paused(USUAL.begin(Limit(5), at("2026-11-23 09:00")), at("2026-11-24 00:00"))
    done = USUAL.stopped(stands, at("2026-11-26 00:00"))
    assert (done.paused, done.running) == (False, False)
    assert told(done.due_s) == "2026-12-03 00:00"


@pytest.mark.parametrize(
    ("limit", "yellow"),
    [
        (Limit(1), "2026-11-24 00:00"),
        (Limit(5), "2026-11-30 00:00"),
        (Limit(8), "2026-12-02 00:00"),
        (Limit(15), "2026-12-10 00:00"),
        (Limit(10, "hours"), "2026-11-23 17:00"),
        (Limit(5, "wh"), "2026-11-23 15:00"),
        (Limit(7, "days"), "2026-11-29 00:00"),
    ],
)
def test_yellow_begins_one_day_or_a_fifth_before_the_end(limit: Limit, yellow: str) -> None:
    clock = USUAL.begin(limit, at("2026-11-23 09:00"))
    assert told(clock.warn_s) == yellow
    assert colour(clock, clock.warn_s - 1) == "green"
    assert colour(clock, clock.warn_s) == "yellow"


def test_what_is_left_is_told_in_working_days_or_in_time() -> None:
    clock = USUAL.begin(Limit(5), at("2026-11-23 09:00"))
    assert USUAL.left(clock, at("2026-11-27 12:00")).days == 1
    assert USUAL.left(clock, at("2026-11-30 12:00")).days == 0
    over = USUAL.left(clock, at("2026-12-02 12:00"))
    assert (over.overdue, over.days) == (True, 2)
    hours = USUAL.left(USUAL.begin(Limit(24, "hours"), at("2026-11-23 09:00")), at("2026-11-23 10:00"))
    assert (hours.overdue, hours.days, hours.seconds) == (False, None, 23 * HOUR)
    week = USUAL.left(USUAL.begin(Limit(7, "days"), at("2026-11-23 09:00")), at("2026-11-23 10:00"))
    assert week.days == 7


def test_a_case_shows_its_worst_clock() -> None:
    assert worst(["green", "grey", "yellow"]) == "yellow"
    assert worst(["grey", "red"]) == "red"
    assert worst(["grey", "green"]) == "green"
    assert worst([]) == "grey"


def test_a_second_round_has_half_the_time_and_two_days_at_least() -> None:
    assert [USUAL.second_round(Limit(n)).n for n in (1, 2, 5, 15, 30)] == [2, 2, 3, 8, 15]
    assert USUAL.second_round(Limit(24, "hours")) == Limit(12, "hours")
    assert USUAL.second_round(Limit(1, "hours")) == Limit(1, "hours")


CASE = USUAL.begin(Limit(15), at("2026-11-23 09:00"))
EARLY = at("2026-12-01 09:00")


def test_an_extension_moves_the_date_and_keeps_the_original() -> None:
    longer = extend(CASE, 10, EARLY, USUAL)
    assert told(longer.due_s) == "2026-12-29 00:00"
    assert longer.original_s == CASE.due_s
    last = extend(longer, 5, EARLY, USUAL)
    assert last.total == 30


@pytest.mark.parametrize(
    ("n", "granted", "now", "word"),
    [
        (11, (), EARLY, "too_long_extension"),
        (0, (), EARLY, "too_long_extension"),
        (6, (10,), EARLY, "too_long_extension"),
        (1, (1, 1), EARLY, "too_often"),
        (5, (), CASE.due_s + 1, "expired"),
    ],
)
def test_an_extension_beyond_the_rules_is_refused(
    n: int, granted: tuple[int, ...], now: float, word: str
) -> None:
    with pytest.raises(Refused) as refused:
        extend(replace(CASE, extensions=granted), n, now, USUAL)
    assert refused.value.word == word


def test_what_is_done_is_neither_extended_nor_ordered_earlier() -> None:
    done = USUAL.stopped(CASE, EARLY)
    with pytest.raises(Refused, match="nothing to extend"):
        extend(done, 1, EARLY, USUAL)
    with pytest.raises(Refused, match="nothing to order"):
        order_earlier(done, EARLY, EARLY, USUAL)


def test_an_extension_beyond_the_calendar_is_refused() -> None:
    old = USUAL.begin(Limit(40), at("2050-11-01 09:00"))
    with pytest.raises(Refused, match="calendar"):
        extend(old, 20, at("2050-11-02"), USUAL, ExtensionRules(first_most_wd=30))


def test_a_leader_sets_an_earlier_date_and_never_a_later_one() -> None:
    wish = at("2026-12-05 00:00")
    sooner = order_earlier(CASE, wish, EARLY, USUAL)
    assert sooner.due_s == wish
    assert extend(sooner, 10, EARLY, USUAL).due_s == wish
    assert told(sooner.warn_s) == "2026-12-02 00:00"
    with pytest.raises(Refused, match="later one"):
        order_earlier(sooner, CASE.due_s, EARLY, USUAL)
    with pytest.raises(Refused, match="over"):
        order_earlier(CASE, EARLY - DAY, EARLY, USUAL)


def test_hours_are_read_as_people_write_them() -> None:
    assert bands("08:30-12:00 14:00-18:00") == Hours().bands
    assert closing_s("24:00") == 86_400


@pytest.mark.parametrize(
    "text", ["", "8-12", "12:00-08:00", "08:00-12:00 11:00-13:00", "08:00-25:00", "08:61-09:00"]
)
def test_hours_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"band|day|front"):
        bands(text)


@pytest.mark.parametrize("text", ["", "25:00", "00:00", "17:99", "half past five"])
def test_a_closing_hour_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        closing_s(text)
