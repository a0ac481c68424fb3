"""What people ask of a million tickets: lists, any combinations, words; endless, and the same every time."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from appliance.tickets.finding import LAST, Period, Query
from appliance.tickets.workflow import LISTS, STATES
from tests.bench import city

Question = tuple[Query, str]
"""A query, and where its page begins."""
UNITS = ("lamp", "water", "gas", "heat", "road", "clean", "green", "order", "bus", "house")
WORDS = (
    *("路灯", "漏水", "垃圾", "噪音", "公交", "暖气", "井盖"),
    *("停水", "小区", "学校", "老人", "电动车", "处理完毕"),
)
RARE = ("云河路88号", "更换损坏部件", "安和林街路灯不亮", "核查情况属实", "无此词语", "气味难闻 医院后门")
SEED = 77


def views(now_s: float) -> Iterator[Question]:
    """Lists of all, of a unit, by what is due, in any order there is; first pages, and last ones."""
    chance = random.Random(SEED)
    while True:
        query = Query(
            lists=chance.choice([(), *((name,) for name in LISTS)]),
            concerned=(chance.choice(UNITS),) if chance.random() < 0.4 else (),
            sort=chance.choice(("created", "created", "changed", "due")),
            ascending=chance.random() < 0.3,
        )
        if chance.random() < 0.15:
            query = replace(query, clock=chance.choice(("overdue", "soon")), now_s=now_s, sort="due")
        yield query, chance.choice(("", "", "", LAST))


def combinations(now_s: float) -> Iterator[Question]:
    """Two to five conditions of any sort together."""
    chance = random.Random(SEED)
    conditions: tuple[Callable[[], dict[str, Any]], ...] = (
        lambda: {"kind": tuple(chance.sample(city.KINDS, chance.randrange(1, 3)))},
        lambda: {"source": (chance.choice(("phone", "web", "sms", "visit")),)},
        lambda: {"area": (chance.choice(city.AREAS),)},
        lambda: {"category": (f"{chance.randrange(1, 12):02d}",)},
        lambda: {"unit": (chance.choice(UNITS),)},
        lambda: {"urgency": (chance.choice(("urgent", "critical", "normal")),)},
        lambda: {"agent": (str(1001 + chance.randrange(60)),)},
        lambda: {"rating": (chance.choice(city.RATINGS),)},
        lambda: {"lists": (chance.choice(tuple(LISTS)),)},
        lambda: {"state": (chance.choice(tuple(STATES)),)},
        lambda: {"confidential": chance.random() < 0.5},
        lambda: {"key": chance.random() < 0.8},
        lambda: {"closing": tuple(chance.sample(("solved", "explained", "unfounded", ""), 2))},
        lambda: {"provisional": chance.random() < 0.2},
        lambda: {"created": _period(chance, now_s)},
        lambda: {"created": _period(chance, now_s)},
        lambda: {"closed": _period(chance, now_s)},
        lambda: {"dispatched": _period(chance, now_s)},
        lambda: {"text": chance.choice(WORDS)},
        lambda: {"citizen": chance.choice(city.SURNAMES)},
        lambda: {"phone": f"{chance.randrange(10_000):04d}"},
    )
    while True:
        query = Query(
            sort=chance.choice(("created", "created", "changed", "closed")), ascending=chance.random() < 0.2
        )
        for condition in chance.sample(conditions, chance.randrange(2, 6)):
            query = replace(query, **condition())
        yield query, chance.choice(("", "", "", LAST))


def texts() -> Iterator[Question]:
    """One word or several, common and rare, names and numbers, whole and in part."""
    chance = random.Random(SEED)
    kinds: tuple[Callable[[], str], ...] = (
        lambda: chance.choice(WORDS),
        lambda: " ".join(chance.sample(WORDS, 2)),
        lambda: " ".join(chance.sample(WORDS, 3)),
        lambda: chance.choice(RARE),
        lambda: f"{chance.choice(city.AREAS)} {chance.choice(WORDS)}",
        lambda: chance.choice(city.STREETS) + str(chance.randrange(1, 300)),
        lambda: f"{chance.randrange(10_000):04d}",
        lambda: f"1{chance.randrange(30):02d}{chance.randrange(10_000):04d}",
        lambda: chance.choice(city.SURNAMES) + chance.choice(city.GIVEN),
        lambda: f"{chance.choice(city.WORDS['when'])} {chance.choice(city.WORDS['trouble'])}",
        lambda: chance.choice("灯水路气"),
    )
    while True:
        yield Query(text=chance.choice(kinds)()), chance.choice(("", "", "", LAST))


def _period(chance: random.Random, now_s: float) -> Period:
    since_s = now_s - chance.random() * city.YEARS_S
    return Period(since_s, since_s + chance.choice((1, 7, 31, 90, 365)) * city.DAY_S)
