"""Duplicates: a score people can follow, candidates by keys only, and addresses read as people say them."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.people import Actor
from appliance.store.store import Store
from appliance.tickets import address, alike
from appliance.tickets.alike_keys import matter_of
from appliance.tickets.desk import TicketDesk
from appliance.tickets.duplicates import LIKELY, REASONS, WEIGHTS, Matter, asked, keys, likeness

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DAY_S = 86_400.0
LAMP = Matter(
    phone="13900000001",
    area="云东区",
    address="云东区解放路88号门口",
    title="路灯不亮",
    content="解放路88号门口三盏路灯连续两晚不亮，出行不便。",
    category="0101",
)

phones = st.sampled_from(["", "13900000001", "13900000002"])
areas = st.sampled_from(["", "云东区", "云西区"])
addresses = st.one_of(
    st.sampled_from(["解放路88号", "解放路 90 号", "云东区解放路八十八号", "幸福小区3栋", "文昌里", ""]),
    st.text(max_size=30),
)
texts = st.one_of(
    st.sampled_from(["路灯不亮", "市民来电反映路灯不亮，希望相关部门尽快处理。", "自来水停水两天", ""]),
    st.text(max_size=60),
)
matters = st.builds(
    Matter,
    phone=phones,
    area=areas,
    address=addresses,
    title=texts,
    content=texts,
    category=st.sampled_from(["", "0101", "0201"]),
    at_s=st.floats(0, 200 * DAY_S),
)


@given(one=matters, other=matters)
def test_any_two_matters_are_as_alike_one_way_as_the_other(one: Matter, other: Matter) -> None:
    assert likeness(one, other) == likeness(other, one)


@given(one=matters, other=matters)
def test_nothing_is_more_like_any_matter_than_itself(one: Matter, other: Matter) -> None:
    assert likeness(one, one).score >= likeness(one, other).score


@given(one=matters, other=matters)
def test_any_score_is_the_sum_of_its_reasons_and_never_beyond_a_hundred(one: Matter, other: Matter) -> None:
    found = likeness(one, other)
    assert found.score == sum(reason.points for reason in found.reasons)
    assert 0 <= found.score <= 100
    assert all(0 < reason.points <= WEIGHTS[reason.kind] for reason in found.reasons)
    assert {reason.kind for reason in found.reasons} <= set(REASONS)


@given(one=matters)
def test_any_matter_is_found_by_its_own_keys(one: Matter) -> None:
    assert set(keys(one)) <= set(asked(one))


def test_every_reason_there_can_be_makes_a_hundred() -> None:
    assert sum(WEIGHTS.values()) == 100
    assert likeness(LAMP, LAMP).score == 100


def test_two_citizens_with_the_same_lamp_are_most_likely_the_same_matter() -> None:
    other = Matter(
        phone="13900000002",
        area="云东区",
        address="解放路 90 号附近",
        title="解放路路灯连续两晚不亮",
        content="市民来电反映解放路90号附近路灯两晚不亮，希望相关部门尽快处理。",
        category="0101",
        at_s=DAY_S,
    )
    found = likeness(LAMP, other)
    assert found.score >= LIKELY
    assert {reason.kind for reason in found.reasons} == {"address", "text", "category", "time"}


def test_another_matter_of_the_same_caller_is_not_taken_for_the_same() -> None:
    other = Matter(phone=LAMP.phone, title="咨询公租房", content="询问外地户籍能否申请公租房", at_s=DAY_S)
    assert likeness(LAMP, other).score < LIKELY


def test_phrases_everybody_writes_make_no_two_matters_alike() -> None:
    begin, end = "市民来电反映", "希望相关部门尽快处理，谢谢。"
    one = Matter(content=f"{begin}井盖缺失{end}")
    other = Matter(content=f"{begin}公交晚点{end}")
    assert likeness(one, other).score == 0


def test_three_months_later_it_is_another_matter() -> None:
    assert likeness(LAMP, replace(LAMP, at_s=100 * DAY_S)).score == 0


@pytest.mark.parametrize(
    ("said", "district", "road", "number"),
    [
        ("云东区解放路88号", "云东区", "解放路", 88),
        ("云河市云东区解放路８８号院３号楼", "云东区", "解放路", 88),
        ("云东区解放路八十八号", "云东区", "解放路", 88),
        ("解放路一百零二号门口", "", "解放路", 102),
        ("位于柳林街 12 号院", "", "柳林街", 12),
        ("云河东路与柳林街路口往东", "", "云河东路", None),
        ("幸福小区3栋", "", "", None),
        ("人民大道", "", "人民大道", None),
    ],
)
def test_an_address_is_read_as_it_is_said(said: str, district: str, road: str, number: int | None) -> None:
    found = address.read(said)
    first = found.roads[0] if found.roads else address.Road("")
    assert (found.district, first.name, first.number) == (district, road, number)


def test_a_crossing_names_both_roads() -> None:
    assert [road.name for road in address.read("云河东路与柳林街路口").roads] == ["云河东路", "柳林街"]


def test_an_estate_is_a_place_and_no_district() -> None:
    found = address.read("幸福小区3栋2单元")
    assert (found.place, found.district) == ("幸福小区", "")


@given(one=st.text(max_size=60), other=st.text(max_size=60))
def test_any_two_texts_as_addresses_are_compared_without_failing(one: str, other: str) -> None:
    a, b = address.read(one), address.read(other)
    assert address.nearness(a, b) == address.nearness(b, a)
    assert 0 <= address.nearness(a, b) <= max(address.nearness(a, a), 0)


def test_the_next_house_is_nearer_than_the_other_end_of_the_road() -> None:
    here = address.read("解放路88号")
    apart = [address.nearness(here, address.read(f"解放路{n}号")) for n in (88, 92, 120, 400)]
    assert apart == sorted(apart, reverse=True)
    assert len(set(apart)) == 4


def test_the_same_road_of_another_district_is_another_place() -> None:
    assert address.nearness(address.read("云东区解放路88号"), address.read("云西区解放路88号")) == 0


def test_the_longest_name_of_a_district_is_the_one_that_counts() -> None:
    districts = ["云东区", "云东", "云西区", "云东高新区"]
    assert address.district_in("云东高新区科技路1号", districts) == "云东高新区"
    assert address.district_in("在云西的解放路", districts) == "云西区"
    assert address.district_in("解放路", districts) == ""
    assert address.district_in("云西区云东路3号", districts) == "云西区"


@pytest.fixture
def desk(tmp_path: Path) -> TicketDesk:
    return TicketDesk(Store(tmp_path / "box.db", 1))


def written(desk: TicketDesk, matter: Matter) -> bytes:
    fields = {name: getattr(matter, name) for name in ("phone", "area", "address", "title", "content")}
    return desk.create(AGENT, "phone", {**fields, "category": matter.category}).tid


def test_a_ticket_like_the_form_is_found_with_its_reasons(desk: TicketDesk) -> None:
    tid = written(desk, LAMP)
    written(desk, Matter(phone="1", content="公交车晚点一小时，等车很久", category="0901"))
    form = replace(LAMP, phone="13900000009", at_s=time.time())
    (found,) = alike.find(desk._store, form)
    assert found.ticket.tid == tid
    assert found.likeness.score >= LIKELY


def test_a_ticket_is_not_its_own_duplicate(desk: TicketDesk) -> None:
    tid = written(desk, LAMP)
    ticket = desk.get(tid)
    assert alike.find(desk._store, matter_of(ticket), without=tid) == []


def test_an_edited_ticket_is_found_by_what_it_says_now(desk: TicketDesk) -> None:
    tid = written(desk, Matter(phone="13900000001", title="路灯", content="路灯不亮"))
    desk.edit(AGENT, tid, {"phone": "13900000002"})
    ask = [Matter(phone=phone, at_s=time.time(), title="路灯") for phone in ("13900000001", "13900000002")]
    assert [len(alike.find(desk._store, matter)) for matter in ask] == [0, 1]


def test_keys_are_the_same_after_a_rebuild(desk: TicketDesk) -> None:
    tid = written(desk, LAMP)
    desk.edit(AGENT, tid, {"address": "柳林街 12 号院"})
    before = desk._store.rows("SELECT * FROM likeness ORDER BY 1, 2, 3")
    desk._store.rebuild()
    assert desk._store.rows("SELECT * FROM likeness ORDER BY 1, 2, 3") == before
    assert before


@settings(max_examples=20, deadline=None)
@given(text=st.text(max_size=4000))
def test_any_hostile_text_has_few_keys(text: str) -> None:
    assert len(keys(Matter(phone=text, address=text, title=text, content=text, category=text))) <= 20
