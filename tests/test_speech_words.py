"""How numbers, dates, times and amounts are said."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import speech

NUMBERS = [
    (0, "零", "zero"),
    (2, "二", "two"),
    (10, "十", "ten"),
    (11, "十一", "eleven"),
    (20, "二十", "twenty"),
    (42, "四十二", "forty-two"),
    (100, "一百", "one hundred"),
    (105, "一百零五", "one hundred and five"),
    (110, "一百一十", "one hundred and ten"),
    (202, "两百零二", "two hundred and two"),
    (1010, "一千零一十", "one thousand and ten"),
    (2000, "两千", "two thousand"),
    (10_010, "一万零一十", "ten thousand and ten"),
    (12_345, "一万两千三百四十五", "twelve thousand three hundred and forty-five"),
    (20_000, "两万", "twenty thousand"),
    (105_000, "十万五千", "one hundred and five thousand"),
    (100_000_005, "一亿零五", "one hundred million and five"),
    (100_005_000, "一亿零五千", "one hundred million five thousand"),
    (200_000_000, "两亿", "two hundred million"),
    (1_000_000_000, "十亿", "one billion"),
    (-7, "负七", "minus seven"),
]


@pytest.mark.parametrize(("value", "zh", "en"), NUMBERS)
def test_a_number_is_said_in_both_languages(value: int, zh: str, en: str) -> None:
    assert (speech.number(value, "zh"), speech.number(value, "en")) == (zh, en)


def test_two_of_something_is_liang() -> None:
    assert [speech.count(value, "zh") for value in (1, 2, 12, 22, 200)] == [
        "一",
        "两",
        "十二",
        "二十二",
        "两百",
    ]


ZH = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
ZH_UNITS = {"十": 10, "百": 100, "千": 1000}


def hear_zh(words: str) -> int:
    """A Mandarin number as a listener understands it: 一亿五千 would be 150 million."""
    total = section = digit = 0
    unit = last = 1
    for word in words:
        if word in ZH:
            digit = ZH[word]
            last = 1 if word == "零" else last
        elif word in ZH_UNITS:
            unit = ZH_UNITS[word]
            section += (digit or 1) * unit
            digit, last = 0, unit
        else:
            factor = {"万": 10_000, "亿": 100_000_000}[word]
            total += (section + digit) * factor
            section, digit, last = 0, 0, factor
    if digit and last >= 100:
        digit *= last // 10
    return total + section + digit


EN_UNITS = {"thousand": 10**3, "million": 10**6, "billion": 10**9}
EN_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
EN = dict(zip(EN_WORDS, range(21), strict=True)) | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}


def hear_en(words: str) -> int:
    total = section = 0
    for word in words.replace("-", " ").replace(" and ", " ").split():
        if word == "hundred":
            section *= 100
        elif word in EN_UNITS:
            total += section * EN_UNITS[word]
            section = 0
        else:
            section += EN[word]
    return total + section


@given(st.integers(0, 10**9) | st.integers(0, 99).map(lambda n: n * 10_000_000 + 7) | st.integers(0, 2000))
def test_a_number_is_heard_as_it_was_meant(value: int) -> None:
    assert hear_zh(speech.number(value, "zh")) == value
    assert hear_en(speech.number(value, "en")) == value


@given(st.integers(0, 10**9))
def test_no_figure_is_left_for_the_engine(value: int) -> None:
    for lang in ("zh", "en"):
        said = speech.number(value, lang) + speech.ticket(str(value), lang) + speech.money(value, lang)
        assert not any(sign.isdigit() and sign.isascii() for sign in said)
        assert "零零" not in speech.number(value, "zh")


def test_a_number_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        speech.number(10**12, "zh")


def test_digits_are_said_one_by_one_and_yao_only_on_the_telephone() -> None:
    assert speech.digits("1023", "zh") == "一零二三"
    assert speech.digits("1023", "zh", phone=True) == "幺零二三"
    assert speech.digits("10*#", "en") == "one zero star hash"
    with pytest.raises(ValueError, match="not a string of digits"):
        speech.digits("12a", "zh")
    with pytest.raises(ValueError, match="not a string of digits"):
        speech.digits("", "zh")


@pytest.mark.parametrize(
    ("text", "zh"),
    [
        ("13800138000", "幺三八，零零幺三，八零零零"),
        ("87654321", "八七六五，四三二幺"),
        ("12345", "幺二三四五"),
        ("057187654321", "零五七幺，八七六五，四三二幺"),
    ],
)
def test_a_telephone_number_is_said_in_groups(text: str, zh: str) -> None:
    assert speech.phone(text, "zh") == zh


def test_a_ticket_number_is_said_in_groups_of_four_with_pauses() -> None:
    assert speech.ticket("202611220000123", "zh") == "二零二六，幺幺二二，零零零零，幺二三"
    assert speech.ticket("12345", "en") == "one two three, four five"
    assert speech.ticket("7", "zh") == "七"


@given(st.text("0123456789", min_size=1, max_size=speech.DIGITS_MAX))
def test_no_digit_is_lost_or_left_alone_in_groups(text: str) -> None:
    for grouped in (speech.ticket, speech.phone):
        groups = grouped(text, "zh").split("，")
        assert "".join(groups) == speech.digits(text, "zh", phone=True)
        assert max(map(len, groups)) <= max(6, 4)
    assert len(text) == 1 or min(map(len, speech.ticket(text, "zh").split("，"))) >= 2


@pytest.mark.parametrize(
    ("year", "month", "day", "zh", "en"),
    [
        (2026, 11, 22, "二〇二六年十一月二十二日", "November twenty-second, twenty twenty-six"),
        (2005, 1, 1, "二〇〇五年一月一日", "January first, two thousand and five"),
        (1999, 2, 12, "一九九九年二月十二日", "February twelfth, nineteen ninety-nine"),
        (1905, 3, 20, "一九〇五年三月二十日", "March twentieth, nineteen oh five"),
        (1900, 10, 31, "一九〇〇年十月三十一日", "October thirty-first, nineteen hundred"),
    ],
)
def test_a_date_is_said(year: int, month: int, day: int, zh: str, en: str) -> None:
    value = datetime.date(year, month, day)
    assert (speech.day(value, "zh"), speech.day(value, "en")) == (zh, en)


@pytest.mark.parametrize(
    ("hour", "minute", "zh", "en"),
    [
        (0, 0, "凌晨零点整", "twelve a.m."),
        (2, 5, "凌晨两点零五分", "two oh five a.m."),
        (8, 30, "上午八点三十分", "eight thirty a.m."),
        (12, 10, "中午十二点十分", "twelve ten p.m."),
        (15, 0, "下午三点整", "three p.m."),
        (23, 59, "晚上十一点五十九分", "eleven fifty-nine p.m."),
    ],
)
def test_a_time_of_day_is_said(hour: int, minute: int, zh: str, en: str) -> None:
    value = datetime.time(hour, minute)
    assert (speech.clock(value, "zh"), speech.clock(value, "en")) == (zh, en)


@pytest.mark.parametrize(
    ("fen", "zh", "en"),
    [
        (0, "零元整", "zero yuan"),
        (5, "五分", "five fen"),
        (200, "两元整", "two yuan"),
        (1005, "十元零五分", "ten yuan five fen"),
        (10562, "一百零五元六角二分", "one hundred and five yuan sixty-two fen"),
        (-150, "负一元五角", "minus one yuan fifty fen"),
    ],
)
def test_an_amount_is_said(fen: int, zh: str, en: str) -> None:
    assert (speech.money(fen, "zh"), speech.money(fen, "en")) == (zh, en)
