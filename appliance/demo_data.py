"""The invented city 云河市 for demo, tests and training: units, categories, people and a little history.

Nothing here belongs to anybody: telephone numbers use prefixes that are given out to nobody.
"""

import csv
import time
from collections.abc import Mapping
from pathlib import Path

from argon2 import PasswordHasher

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.draft import Draft
from appliance.dictionary.starter import begin
from appliance.events import Fact, Stamp
from appliance.people import BOX, Actor, People
from appliance.store.store import Store
from appliance.tickets.bodies import REGISTERED_FIELDS
from appliance.tickets.desk import TicketDesk

DEMO_PASSWORD = "demo-12345"
CENTRE, BRANCH = 1, 2
"""Site of the city's centre, and of its branch in 云东区."""
DATA = Path(__file__).parent / "data"
DAY_S = 86_400.0
QUICK = PasswordHasher(time_cost=1, memory_cost=8 * 1024)
"""The demo's passwords are printed on the screen: they need no strong hash."""

PEOPLE: tuple[tuple[str, str, str, str, str], ...] = (
    ("1001", "王晓燕", "AG", "", "8001"),
    ("1002", "李明", "AG", "", "8002"),
    ("1003", "张慧", "AG", "", "8003"),
    ("1004", "陈涛", "AG", "", "8004"),
    ("1100", "赵敏", "AG TL", "", ""),
    ("1200", "周建国", "DP", "", ""),
    ("1300", "吴琳", "CB", "", ""),
    ("1400", "郑宏伟", "LD", "", ""),
    ("1500", "何静", "SV", "", ""),
    ("2001", "孙立", "U2", "lamp", ""),
    ("2101", "李强", "UL", "lamp", ""),
    ("2002", "马强", "U2", "water", ""),
    ("2003", "朱红", "U2", "gas", ""),
    ("2004", "胡军", "U2", "heat", ""),
    ("2005", "郭志", "U2", "road", ""),
    ("2006", "何芳", "U2", "clean", ""),
    ("2007", "高洁", "U2", "green", ""),
    ("2008", "林峰", "U2", "order", ""),
    ("2009", "罗云", "U2", "bus", ""),
    ("2010", "梁静", "U2", "house", ""),
    ("9000", "系统管理员", "AD", "", ""),
    ("9100", "技术员", "TE", "", ""),
)
"""Number, name, roles, unit, usual extension."""


STEPS = ("submit", "accept", "dispatch", "sign", "submit_result", "pass", "satisfied")
"""A story makes the first so many of these moves."""
Story = Mapping[str, str]
"""One past ticket, a row of stories.csv: who called, what it was, and how far it went."""


def fill(store: Store, site: int, now_s: float | None = None) -> None:
    """Fill a demo box; what is there already stays as it is. History is only made at the centre, once."""
    with store.transaction():
        Dictionary(store).write(BOX, _city)
        people = People(store, hasher=QUICK)
        known = {number for (number,) in store.rows("SELECT number FROM person")}
        empty = not store.rows("SELECT 1 FROM event WHERE kind LIKE 'ticket.%' LIMIT 1")
        for number, name, roles, unit, extension in PEOPLE:
            if number not in known:
                people.create_person(
                    number,
                    name,
                    DEMO_PASSWORD,
                    roles.split(),
                    unit=unit,
                    extension=extension,
                    must_change=False,
                )
        if empty and site == CENTRE:
            _tell(store, time.time() if now_s is None else now_s)


def _city(draft: Draft) -> None:
    """The starter lists, and the word the city's letters are numbered under."""
    begin(draft)
    word = draft.get("parameter", "letter_word")
    if word is not None and not word.changed:
        draft.set("parameter", "letter_word", {"value": "云热线"})


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def _tell(store: Store, now_s: float) -> None:
    """Play the stories in order of time, with a clock of their own, as the desks would have."""
    clock = [0.0]
    own, store.stamp = store.stamp, Stamp(store.site, lambda: int(clock[0] * 1000))
    desk = TicketDesk(store, lambda: clock[0], tells=False)
    try:
        for story in sorted(_rows(DATA / "stories.csv"), key=lambda story: -float(story["days_ago"])):
            clock[0] = now_s - float(story["days_ago"]) * DAY_S
            _play(store, desk, story, clock)
    finally:
        store.stamp = own


def _play(store: Store, desk: TicketDesk, story: Story, clock: list[float]) -> None:
    """The call, the ticket made from it, and the moves that followed, each by who makes it."""
    agent = _actor("1001")
    (ringing,) = store.record(
        Fact("call.ringing", {"line": "demo", "caller": story["phone"], "called": "12345", "direction": "in"})
    )
    call = ringing.subject
    for kind, facts, after_s in (
        ("call.queued", {"queue": "general"}, 15),
        ("call.answered", {"agent": agent.number, "extension": "8001"}, 5),
        ("call.ended", {"outcome": "answered", "cause": 16}, 150),
    ):
        clock[0] += after_s
        store.record(Fact(kind, facts, call))
    ticket = desk.create(
        agent, "phone", {name: story[name] for name in REGISTERED_FIELDS if name in story}, call=call
    )
    for name in STEPS[: int(story["steps"])]:
        clock[0] += 1800
        by = _actor(_BY.get(name, "") or _operator(story["unit"]))
        fields = {field: story[field] for field in _CARRIED.get(name, ())}
        ticket = desk.move(by, ticket.tid, name, fields)


_BY = {"submit": "1001", "accept": "1001", "dispatch": "1200", "pass": "1200", "satisfied": "1300"}
_CARRIED = {
    "dispatch": ("unit",),
    "submit_result": ("result",),
    "pass": ("answer",),
    "satisfied": ("rating",),
}


def _operator(unit: str) -> str:
    return next(number for number, _, _, works_for, _ in PEOPLE if works_for == unit)


def _actor(wanted: str) -> Actor:
    number, name, roles, unit, _ = next(person for person in PEOPLE if person[0] == wanted)
    return Actor(number, name, frozenset(roles.split()), unit)
