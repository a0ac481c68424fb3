"""A number is told apart and explained without any network."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.lookup.finder import CARRIERS, PLACES_MAX, Finding, find, origin
from appliance.lookup.identity import check_of, identity, region
from appliance.lookup.numbering import numbering

TODAY = datetime.date(2026, 11, 22)


def one(text: str) -> Finding:
    (found,) = find(text, TODAY)
    return found


@pytest.mark.parametrize("written", ["13812345678", "138 1234 5678", "+86 138-1234-5678", "008613812345678"])
def test_a_mobile_number_tells_its_home_and_carrier_however_it_is_written(written: str) -> None:
    found = one(written)
    assert (found.kind, found.place, found.carrier[0]) == ("mobile", "江苏连云港", "中国移动")
    assert (found.area_code, found.post_code) == ("0518", "222000")


def test_the_newest_prefixes_are_known() -> None:
    assert one("19212345678").carrier == CARRIERS[7]
    assert one("16612345678").carrier[1] == "China Unicom"


def test_a_prefix_given_out_to_nobody_is_said_to_be_unknown() -> None:
    assert one("13000000000").place
    assert one("1540000").fault == "unknown_prefix"


def test_a_landline_tells_its_area() -> None:
    assert one("0373-3021234").place == "河南新乡"
    assert one("010 6512 3456").place == "北京"
    assert origin("03733021234") == one("03733021234")


def test_an_area_code_names_its_cities_with_or_without_the_zero() -> None:
    assert [f.place for f in find("0731", TODAY)] == ["湖南长沙", "湖南湘潭", "湖南株洲"]
    assert [f.place for f in find("731", TODAY)] == ["湖南长沙", "湖南湘潭", "湖南株洲"]


def test_six_digits_are_a_post_code_and_a_region() -> None:
    post, own = find("410711", TODAY)
    assert (post.kind, own.kind, own.place) == ("post_code", "region", "河南省新乡市牧野区")
    assert find("063000", TODAY)[0].place == "河北唐山"


def test_a_citys_name_gives_its_codes() -> None:
    assert one("新乡").area_code == "0373"
    assert len(find("州", TODAY)) == PLACES_MAX


def test_an_identity_number_tells_the_region_of_its_year_birthday_age_and_sex() -> None:
    digits = "41071119900307002"
    found = one(digits + check_of(digits))
    assert (found.place, found.born, found.age, found.sex, found.fault) == (
        *("河南省新乡市郊区", datetime.date(1990, 3, 7), 36, "female", ""),
    )


def test_a_wrong_check_digit_birthday_or_region_is_said() -> None:
    digits = "41071119900307002"
    wrong = "X" if check_of(digits) != "X" else "0"
    assert one(digits + wrong).fault == "bad_check"
    assert one("410711199002300021").fault == "bad_birthday"
    nowhere = "99999919900307002"
    assert one(nowhere + check_of(nowhere)).fault == "unknown_region"


def test_the_age_is_in_full_years() -> None:
    digits = "41071119491231002"
    card = identity(digits + check_of(digits))
    assert card is not None
    assert card.age(TODAY) == 76


def test_a_beijing_district_is_not_told_its_filling_levels() -> None:
    assert region("110101") == "北京市东城区"


def test_a_service_number_is_named() -> None:
    assert find("12345", TODAY)[0].service[1] == "government service hotline"


def test_an_own_extension_or_nothing_tells_nothing() -> None:
    assert origin("8101") is None
    assert origin("") is None


@given(st.text(max_size=60))
def test_any_text_is_answered(text: str) -> None:
    for found in find(text, TODAY):
        assert found.kind


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_any_mobile_number_is_answered_once_at_least(number: str) -> None:
    assert find(number, TODAY)[0].kind == "mobile"


def test_the_numbering_plan_is_sorted_as_the_search_needs_it() -> None:
    assert numbering().version >= "2312"
    assert all(len(p.post_code) == 6 and p.area_code.startswith("0") for p in numbering().places)
