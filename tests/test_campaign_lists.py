"""Lists of numbers are read row by row; campaigns and promised answers are folded from their events."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import deferrals
from appliance.campaigns import creation, lists
from appliance.campaigns import plan as plans
from appliance.campaigns.plan import Plan
from appliance.deferrals import Promise
from appliance.events import Fact
from appliance.places import Places
from appliance.refused import Refused
from appliance.store.store import Store
from ivr.reading import PIECE_MAX, pieces, readable

SITE = 1


def nobody(number: str) -> bool:
    return False


@pytest.mark.parametrize("sign", [",", ";", "\t", "，"])
def test_commas_semicolons_and_tabs_part_the_columns(sign: str) -> None:
    sheet = lists.read(
        f"号码{sign}姓名\n138 0013 8000{sign}张三\n０２０-８７６５４３２１{sign}王五\n", nobody
    )
    assert sheet.numbers == (("13800138000", "张三"), ("02087654321", "王五"))
    assert (sheet.faults, sheet.merged) == ((), 0)


def test_a_number_that_is_there_twice_is_called_once() -> None:
    sheet = lists.read("13800138000,a\n+8613800138000,b\n013800138000\n13900139000", nobody)
    assert [number for number, _ in sheet.numbers] == ["13800138000", "13900139000"]
    assert sheet.merged == 2


def test_every_wrong_row_is_named_with_its_reason() -> None:
    text = "13800138000\n张三,13800138000\n1.38E+10\n12\n110\n13800138000a\n"
    sheet = lists.read(text, lambda number: number == "110")
    assert [(f.row, f.why) for f in sheet.faults] == [
        (2, "no_number"),
        (3, "shortened"),
        (4, "no_number"),
        (5, "barred"),
        (6, "no_number"),
    ]


def test_files_of_spreadsheets_are_read_in_their_encodings() -> None:
    for encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16"):
        assert lists.text_of("13800138000,张三".encode(encoding)) == "13800138000,张三"
    for data, word in ((b"\xff\xff\xff\x00", "not_text"), (b"1" * (lists.BYTES_MAX + 1), "too_large")):
        with pytest.raises(Refused) as refused:
            lists.text_of(data)
        assert refused.value.word == word


def test_a_list_longer_than_a_campaign_may_be_is_refused() -> None:
    with pytest.raises(Refused):
        lists.read("\n".join(f"138{n:08d}" for n in range(plans.NUMBERS_MAX + 1)), nobody)


@given(st.text(max_size=300))
def test_any_text_is_read_or_named_row_by_row(text: str) -> None:
    sheet = lists.read(text, nobody)
    numbers = [number for number, _ in sheet.numbers]
    assert len(set(numbers)) == len(numbers)
    assert all(lists.NUMBER.fullmatch(number) for number in numbers)


@pytest.mark.parametrize(
    ("text", "lang", "said"),
    [
        ("2026年12月5日8:30停水", "zh", "二〇二六年十二月五日上午八点三十分停水"),
        ("约12%，3.5公里，1200户", "zh", "约百分之十二，三点五公里，一千两百户"),
        ("请拨12345", "zh", "请拨幺二三四五"),
        ("on 2026-12-05", "en", "on December fifth, twenty twenty-six"),
        (
            "25:99 and 2026-13-45",
            "en",
            "twenty-five:ninety-nine and two thousand and twenty-six-thirteen-forty-five",
        ),
    ],
)
def test_figures_are_read_as_people_say_them(text: str, lang: str, said: str) -> None:
    assert readable(text, lang) == said


@given(st.text(max_size=400))
def test_any_text_becomes_pieces_without_figures(text: str) -> None:
    for lang in ("zh", "en"):
        found = pieces(readable(text, lang))
        assert all(0 < len(piece) <= PIECE_MAX for piece in found)
        assert not any(sign in "0123456789" for piece in found for sign in piece)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path).make()


@pytest.fixture
def store(places: Places) -> Store:
    return Store(places.database, SITE, bind=False)


def made(store: Store, places: Places, count: int = 3, plan: Plan | None = None) -> str:
    numbers = [(f"138{n:08d}", f"n{n}") for n in range(count)]
    message = np.zeros(8000, np.float32)
    return creation.create(store, places, "1100", plan or Plan("停水"), numbers, message, {"kind": "text"})


def rows(store: Store, cid: str) -> Sequence[Any]:
    return store.rows(
        "SELECT number, attempts, outcome, result, seconds FROM campaign_number WHERE cid = ? ORDER BY place",
        bytes.fromhex(cid),
    )


def test_a_campaign_is_made_of_events_and_handed_over_as_a_file(store: Store, places: Places) -> None:
    cid = made(store, places, count=1201)
    handed = plans.read(places.campaigns / cid)
    assert (len(handed.numbers), handed.plan.sound_s) == (1201, 1.0)
    assert len(rows(store, cid)) == 1201
    assert [e.kind for e in store.history(bytes.fromhex(cid))].count("campaign.listed") == 3


def test_a_plan_that_cannot_work_makes_nothing(store: Store, places: Places) -> None:
    with pytest.raises(Refused):
        made(store, places, plan=Plan("t", tries=99))
    with pytest.raises(Refused):
        made(store, places, count=0)
    assert store.rows("SELECT count(*) FROM event")[0][0] == 0
    assert list(places.campaigns.iterdir()) == []


def test_what_happens_to_numbers_is_shown_and_can_be_folded_anew(store: Store, places: Places) -> None:
    cid = made(store, places)
    subject = bytes.fromhex(cid)
    one, two, three = (number for number, *_ in rows(store, cid))

    def tried(number: str, outcome: str, result: str = "", seconds: float = 0.0) -> None:
        facts = {"number": number, "outcome": outcome, "result": result, "seconds": seconds}
        store.record(Fact("campaign.tried", {**facts, "call": "", "attempt": 1, "again_s": 0.0}, subject))

    def called(number: str, attempt: int = 1) -> None:
        facts = {"number": number, "attempt": attempt, "call": "ab" * 16}
        store.record(Fact("campaign.called", facts, subject))

    store.record(Fact("campaign.started", {"by": "1100"}, subject))
    called(one)
    tried(one, "heard", "heard", 3.0)
    called(two)
    tried(two, "busy")
    called(two, 2)
    tried(two, "interrupted")
    called(three)
    tried(three, "interrupted")
    store.record(Fact("campaign.paused", {"by": "", "why": "unreachable"}, subject))
    assert store.rows("SELECT state, why FROM campaign")[0] == ("paused", "unreachable")
    store.record(Fact("campaign.ended", {"why": "stopped"}, subject))
    found = [
        (one, 1, "heard", "heard", 3.0),
        (two, 1, "busy", "busy", 0.0),
        (three, 0, "", "not_called", 0.0),
    ]
    assert rows(store, cid) == found
    before = store.rows("SELECT * FROM campaign"), store.rows("SELECT * FROM campaign_number")
    store.rebuild()
    assert before == (store.rows("SELECT * FROM campaign"), store.rows("SELECT * FROM campaign_number"))


NOW = time.time()


def test_a_promise_waits_until_it_was_kept(store: Store) -> None:
    did = deferrals.make(store, "1001", Promise("13800138000", "社保补缴", NOW + 3600, "张三"), NOW)
    deferrals.called(store, did, "1002")
    deferrals.settle(store, did, "1002", "again", "无人接听", NOW + 7200, NOW)
    row = store.rows("SELECT state, promised_s, tries, last_by, remark FROM deferral")[0]
    assert row == ("open", NOW + 7200, 1, "1002", "无人接听")
    deferrals.settle(store, did, "1001", "answered", "", None, NOW)
    assert store.rows("SELECT state FROM deferral") == [("answered",)]
    with pytest.raises(Refused) as refused:
        deferrals.settle(store, did, "1001", "given_up", "", None, NOW)
    assert refused.value.word == "changed"
    before = store.rows("SELECT * FROM deferral")
    store.rebuild()
    assert store.rows("SELECT * FROM deferral") == before


@pytest.mark.parametrize(
    ("promise", "word"),
    [
        (Promise("abc", "t", NOW), "bad_number"),
        (Promise("13800138000", " ", NOW), "no_topic"),
        (Promise("13800138000", "t", NOW - 3600), "bad_time"),
        (Promise("13800138000", "t", NOW + 2 * 366 * 86_400), "bad_time"),
    ],
)
def test_a_promise_that_cannot_be_kept_is_not_taken(store: Store, promise: Promise, word: str) -> None:
    with pytest.raises(Refused) as refused:
        deferrals.make(store, "1001", promise, NOW)
    assert refused.value.word == word


def test_what_is_not_there_cannot_be_settled(store: Store) -> None:
    for did in ("", "zz", "ab" * 16):
        with pytest.raises(Refused):
            deferrals.called(store, did, "1001")
