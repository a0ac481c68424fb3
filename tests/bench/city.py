"""A city that tells of itself: as many tickets as wanted, with the same words for the same seed.

Written as events of a log, as boxes write them, and folded by the store itself. Names, places and
numbers are made up; telephone numbers have prefixes that are given out to nobody.
"""

import random
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from appliance.actor import BOX
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.starter import begin
from appliance.events import Event, encoded
from appliance.store.store import INSERT, LAST_POS, Store
from appliance.tickets.number import check_digit

SEED = 12345
END_S = 1_796_000_000.0
YEARS_S = 4 * 365 * 86_400.0
OPEN_S = 20 * 86_400.0
"""Only tickets of the last days are still open."""
DAY_S, HOUR_S = 86_400.0, 3600.0
LONG = 200
"""Events of the ticket with the longest story."""
LONGEST = 7
"""Which one that is."""
AREAS = ("云东区", "云西区", "云南区", "云北区", "高新区", "临港区", "青河县", "柳溪县")
STREETS = tuple(
    f"{a}{b}"
    for a in "云河柳青文安和平永新光明长宁兴"
    for b in ("河路", "林街", "昌里", "园路", "华街", "丰巷")
)
WORDS: Mapping[str, Sequence[str]] = tomllib.loads((Path(__file__).parent / "city.toml").read_text("utf-8"))
SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗", "晓燕建国慧涛敏琳宏伟立强红军志芳洁峰云静明华丽"
SOURCES = ("phone",) * 94 + ("web", "web", "sms", "mail", "visit", "letter")
URGENCY = ("normal",) * 18 + ("urgent", "critical")
KINDS = ("consult", "complaint", "help", "repair", "report", "suggestion", "praise", "other")
RATINGS = ("very_satisfied",) * 9 + ("satisfied",) * 6 + ("basically_satisfied",) * 3 + ("dissatisfied",)
CLOSINGS = ("solved",) * 7 + ("explained", "explained", "unfounded")
DIRECT = 0.8
"""Part of the calls that are answered on the line."""
WAY: Sequence[tuple[str, str, str, str, float]] = (
    ("submit", "DRAFT", "REGISTERED", "AG", 0.1),
    ("accept", "REGISTERED", "ACCEPTED", "DP", 0.5),
    ("dispatch", "ACCEPTED", "DISPATCHED", "DP", 1.0),
    ("sign", "DISPATCHED", "HANDLING", "U2", 6.0),
    ("submit_result", "HANDLING", "FEEDBACK", "U2", 70.0),
    ("pass", "FEEDBACK", "CALLBACK", "DP", 10.0),
    ("satisfied", "CALLBACK", "CLOSED", "CB", 20.0),
    ("archive", "CLOSED", "ARCHIVED", "SYS", 720.0),
)
"""Move, from, to, by which role, and after about so many hours."""
ON_LINE: Sequence[tuple[str, str, str, str, float]] = (
    ("answer_on_line", "DRAFT", "CALLBACK_NA", "AG", 0.1),
    ("rate_or_timeout", "CALLBACK_NA", "CLOSED", "SYS", 24.0),
    ("archive", "CLOSED", "ARCHIVED", "SYS", 720.0),
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A category with the unit that handles it."""

    code: str
    name: str
    unit: str


def fill(store: Store, tickets: int, seed: int = SEED) -> int:
    """Write the log of so many tickets into an empty store; return how many events it has."""
    Dictionary(store).write(BOX, begin)
    with store.transaction():
        before = pos = int(store.rows(LAST_POS)[0][0])
        told = events(tickets, store.site, leaves_of(store), seed)
        while batch := list(islice(told, 10_000)):
            bodies = store.engine.kept([event.body for event in batch], own=True)
            rows = (
                (n, e.eid, e.subject, e.kind, e.ver, body, "")
                for n, (e, body) in enumerate(zip(batch, bodies, strict=True), pos + 1)
            )
            store.execute_many(INSERT, rows)
            pos += len(batch)
    return pos - before


def events(tickets: int, site: int, leaves: Sequence[Leaf], seed: int = SEED) -> Iterator[Event]:
    """All events, those of a ticket together, tickets in order of time."""
    chance = random.Random(seed)
    for at in range(tickets):
        created_s = END_S - YEARS_S * (tickets - at - chance.random()) / tickets
        yield from _story(chance, at, created_s, site, leaves)


def _story(
    chance: random.Random, at: int, created_s: float, site: int, leaves: Sequence[Leaf]
) -> Iterator[Event]:
    leaf, kind = chance.choice(leaves), chance.choice(KINDS)
    tid = _eid(chance, created_s, site)
    agent = str(1001 + chance.randrange(60))
    source = chance.choice(SOURCES)
    yield _event(tid, tid, "ticket.created", created(chance, created_s, leaf, (kind, source, agent)))
    seen, at_s, case, unit_clock = tid, created_s, dict[str, Any](), dict[str, Any]()
    way = WAY[1:] if source != "phone" else ON_LINE if chance.random() < DIRECT else WAY
    age_s = END_S - created_s
    steps = len(way) if age_s > OPEN_S + 40 * DAY_S else chance.randrange(len(way) + 1)
    if age_s > OPEN_S and steps < len(way) - 1:
        steps = len(way) - 1
    notes = LONG - len(way) - 1 if at == LONGEST else 1 if chance.random() < 0.05 else 0
    for place, (move, source, target, role, hours) in enumerate(way[:steps]):
        at_s += hours * HOUR_S * (0.2 + 1.6 * chance.random())
        facts: dict[str, Any] = {
            "move": move, "from": source, "to": target, "role": role, "by": agent, "name": "张慧",
            "seen": seen.hex(),
        }  # fmt: skip
        facts |= _carried(chance, move, leaf)
        due = _due(target, at_s, kind, case, unit_clock)
        if due:
            facts["due"] = due
        seen = _eid(chance, at_s, site)
        yield _event(seen, tid, "ticket.moved", facts)
        if place == 0:
            for _ in range(notes):
                at_s += 60
                said = {"text": f"再次来电：{chance.choice(WORDS['trouble'])}", "by": agent, "name": "张慧"}
                seen = _eid(chance, at_s, site)
                yield _event(seen, tid, "ticket.noted", said)


def created(chance: random.Random, created_s: float, leaf: Leaf, who: tuple[str, str, str]) -> dict[str, Any]:
    """The body of a ticket's beginning; `who` is its kind, its source and the agent."""
    kind, source, agent = who
    area, street = chance.choice(AREAS), chance.choice(STREETS)
    address = f"{area}{street}{chance.randrange(1, 300)}号{chance.choice(WORDS['places'])}"
    said = "，".join(chance.sample(WORDS["trouble"], chance.randrange(2, 6)))
    content = f"市民来电反映：{chance.choice(WORDS['when'])}，{address}{leaf.name}，{said}。"
    content += f"现场约有{chance.randrange(2, 40)}处，"
    content += f"{chance.choice(WORDS['when'])}曾拨打{10_000 + chance.randrange(9999)}反映。"
    content += chance.choice(WORDS["wishes"]) + (
        chance.choice(WORDS["wishes"]) if chance.random() < 0.5 else ""
    )
    fields = {
        "kind": kind, "title": f"{street}{leaf.name}", "content": content, "category": leaf.code,
        "urgency": chance.choice(URGENCY), "area": area, "address": address,
        "citizen": chance.choice(SURNAMES) + "".join(chance.sample(GIVEN, chance.randrange(1, 3))),
        "phone": f"1{chance.randrange(30):02d}{chance.randrange(10**8):08d}",
        "confidential": chance.random() < 0.02, "key": chance.random() < 0.02,
    }  # fmt: skip
    head = f"{time.strftime('%y%m%d', time.gmtime(created_s))}001{int(created_s % DAY_S):05d}"
    number = head + check_digit(head)
    signed = {"by": agent, "name": "王晓燕", "role": "AG"}
    return {"number": number, "source": source, "fields": fields, **signed}


def _carried(chance: random.Random, move: str, leaf: Leaf) -> dict[str, Any]:
    match move:
        case "answer_on_line":
            return {"answer": "，".join(chance.sample(WORDS["answers"], 3)) + "。"}
        case "dispatch":
            return {"unit": leaf.unit, "unit_site": 1}
        case "submit_result":
            return {"result": "，".join(chance.sample(WORDS["done"], 3)) + f"，涉及{leaf.name}。"}
        case "pass":
            return {"answer": "，".join(chance.sample(WORDS["answers"], 3)) + "。"}
        case "satisfied" | "rate_or_timeout":
            return {"rating": chance.choice(RATINGS), "closing": chance.choice(CLOSINGS)}
    return {}


def _due(target: str, at_s: float, kind: str, case: dict[str, Any], unit: dict[str, Any]) -> dict[str, Any]:
    """What the desk writes of the two clocks."""
    days = 15 if kind == "complaint" else 5
    due_s = at_s + 1.4 * days * DAY_S
    begun = {"start_s": at_s, "n": days, "due_s": due_s, "original_s": due_s, "warn_s": at_s + days * DAY_S}
    if target == "ACCEPTED":
        case.update(begun)
        return {"case": dict(case), "step_s": at_s + 1800}
    if target == "DISPATCHED":
        unit.update(begun)
        return {"unit": dict(unit), "step_s": at_s + DAY_S}
    if target == "FEEDBACK":
        unit["stopped_s"] = at_s
        return {"unit": dict(unit), "step_s": None}
    if target == "CALLBACK":
        case["stopped_s"] = at_s
        return {"case": dict(case), "step_s": at_s + DAY_S}
    return {"step_s": None} if case else {}


def _event(eid: bytes, subject: bytes, kind: str, facts: dict[str, Any]) -> Event:
    return Event(eid, subject, kind, 1, encoded(facts))


def _eid(chance: random.Random, at_s: float, site: int) -> bytes:
    return int(at_s * 1000).to_bytes(6, "big") + bytes(2) + site.to_bytes(2, "big") + chance.randbytes(6)


def leaves_of(store: Store) -> list[Leaf]:
    """The leaves of the starter tree, each with the unit that handles it."""
    rows = store.rows(
        "SELECT c.code, c.name, coalesce(nullif(c.unit, ''), p.unit, '') FROM category c"
        " LEFT JOIN category p ON p.code = c.parent WHERE c.parent <> ''"
        " AND NOT EXISTS (SELECT 1 FROM category b WHERE b.parent = c.code) ORDER BY c.code"
    )
    return [Leaf(code, name, unit or "order") for code, name, unit in rows]
