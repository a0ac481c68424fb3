"""Ticket numbers: given out without asking anybody, checked when typed."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.tickets.number import (
    LAST_SECOND,
    Exhausted,
    check_digit,
    new_number,
    site_of,
    spoken,
    typed,
    valid,
)

NOON_S = time.mktime((2026, 11, 22, 12, 0, 5, 0, 0, -1))


def none(head: str) -> str:
    return ""


def test_a_number_tells_day_site_and_second() -> None:
    number = new_number(7, NOON_S, none)
    assert number[:14] == "261122" + "007" + "43205"
    assert valid(number)
    assert site_of(number) == 7


def test_when_the_second_is_taken_the_number_is_one_behind_the_newest() -> None:
    first = new_number(7, NOON_S, none)
    second = new_number(7, NOON_S, {"261122007": first}.__getitem__)
    assert second[:14] == "26112200743206"


def test_a_clock_set_back_repeats_no_number() -> None:
    newest = new_number(7, NOON_S, none)
    assert new_number(7, NOON_S - 3600, lambda head: newest)[:14] == "26112200743206"
    assert new_number(7, NOON_S + 3600, lambda head: newest)[:14] == "26112200746805"


def test_numbers_go_on_behind_midnight_when_the_day_is_full() -> None:
    last_s = time.mktime((2026, 11, 22, 23, 59, 59, 0, 0, -1))
    first = new_number(7, last_s, none)
    assert new_number(7, last_s, lambda head: first)[:14] == "26112200786400"


def test_a_site_that_has_given_out_every_number_of_the_day_says_so() -> None:
    with pytest.raises(Exhausted):
        new_number(7, NOON_S, lambda head: f"{head}{LAST_SECOND}0")


@pytest.mark.parametrize("site", [-1, 1000])
def test_a_site_of_more_than_three_digits_has_no_numbers(site: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 999"):
        new_number(site, NOON_S, none)


def test_the_check_digit_is_that_of_the_standard() -> None:
    assert check_digit("0794") == "5"  # the worked example of ISO/IEC 7064 for MOD 11,10


@given(st.from_regex(r"[0-9]{14}", fullmatch=True), st.integers(0, 14), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(head: str, place: int, by: int) -> None:
    number = head + check_digit(head)
    wrong = str((int(number[place]) + by) % 10)
    assert not valid(number[:place] + wrong + number[place + 1 :])


@given(st.text(max_size=20))
def test_nothing_else_passes_for_a_number(text: str) -> None:
    assert not valid(text) or (len(text) == 15 and text.isascii() and text.isdigit())


@given(st.text(max_size=40))
def test_whatever_is_typed_only_digits_remain(text: str) -> None:
    assert all(char in "0123456789" for char in typed(text))


def test_spaces_dashes_and_full_width_digits_do_not_matter() -> None:
    assert typed(" ２6 11-22") == "261122"


def test_a_number_is_read_out_in_five_groups_of_three() -> None:
    assert spoken("261122001263974") == ("261", "122", "001", "263", "974")
