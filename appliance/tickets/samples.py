"""Monthly samples (抽查回访): cases drawn at random per unit; anybody can draw the same ones again.

What is drawn follows from the month's closed tickets and a seed that is kept: the same seed over
the same tickets draws the same ones. A sample once drawn is never drawn anew.
"""

from __future__ import annotations

import random
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from appliance.events import Event, Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.tickets.fields import OUTCOMES, RATINGS, YES_NO, checked
from appliance.tickets.rights import not_yours, signed

if TYPE_CHECKING:
    from appliance.store.store import Store

MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
PER_UNIT_MAX = 200
CLOSED = ("CLOSED", "ARCHIVED")
DRAWERS = frozenset({"CB", "SV", "TL", "AD"})


@dataclass(frozen=True, slots=True)
class Sample:
    """One month's sample."""

    sid: bytes
    month: str
    seed: int
    per_unit: int
    drawn_s: float
    drawn_by: str
    tickets: int
    asked: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """One case of a sample and what its citizen said."""

    tid: bytes
    number: str
    title: str
    unit: str
    phone: str
    outcome: str
    """A rating, or why there is none; empty while nobody has asked."""
    contacted: str
    text: str
    asked_s: float | None
    asked_by: str


def draw(closed: Mapping[str, Sequence[bytes]], per_unit: int, seed: int) -> list[tuple[str, bytes]]:
    """Draw up to so many cases of each unit; the order of what is given does not matter."""
    chance = random.Random(seed)
    drawn: list[tuple[str, bytes]] = []
    for unit in sorted(closed):
        tickets = sorted(closed[unit])
        drawn += [(unit, tid) for tid in sorted(chance.sample(tickets, min(per_unit, len(tickets))))]
    return drawn


def take(
    store: Store,
    actor: Actor,
    month: str,
    per_unit: int,
    seed: int | None = None,
    now_s: float | None = None,
) -> Sample:
    """Draw the sample of a month that is over; raises Refused when there is one, or nothing to draw from."""
    if not actor.has(*DRAWERS):
        raise not_yours()
    if not MONTH.fullmatch(month):
        raise Refused("bad_month", "Write the month like 2027-03.")
    if not 1 <= per_unit <= PER_UNIT_MAX:
        raise Refused("bad_count", "Draw 1 to %(most)s cases of each unit.", most=PER_UNIT_MAX)
    begin_s, end_s = _span(month)
    if (time.time() if now_s is None else now_s) < end_s:
        day = f"{datetime.fromtimestamp(end_s):%Y-%m-%d}"
        raise Refused(
            "month_not_over",
            "%(month)s is not over: cases still to be closed would never be drawn. Draw it from %(day)s on.",
            month=month,
            day=day,
        )
    with store.transaction():
        if store.rows("SELECT 1 FROM sample WHERE month = ?", month):
            raise Refused("drawn_already", "The sample of %(month)s has been drawn already.", month=month)
        closed: dict[str, list[bytes]] = {}
        rows = store.rows(
            "SELECT tid, unit FROM ticket WHERE closed_s >= ? AND closed_s < ? AND state IN (?, ?)"
            " AND unit <> '' AND phone <> ''",
            *(begin_s, end_s, *CLOSED),
        )
        for tid, unit in rows:
            closed.setdefault(unit, []).append(bytes(tid))
        if not closed:
            raise Refused("nothing_closed", "No unit has closed a case in %(month)s.", month=month)
        seed = secrets.randbits(32) if seed is None else seed
        cases = [{"ticket": tid.hex(), "unit": unit} for unit, tid in draw(closed, per_unit, seed)]
        facts = {"month": month, "seed": seed, "per_unit": per_unit, "cases": cases, **signed(actor)}
        (event,) = store.record(Fact("sample.drawn", facts))
    return next(sample for sample in samples(store) if sample.sid == event.eid)


def told(
    store: Store, actor: Actor, sid: bytes, tid: bytes, outcome: str, contacted: str = "", text: str = ""
) -> None:
    """Write down what the citizen of a drawn case said, or why nobody could be asked; raises Refused."""
    if not actor.has(*DRAWERS):
        raise not_yours()
    if outcome not in RATINGS and outcome not in OUTCOMES:
        raise Refused("bad_choice", "Choose %(field)s from the list.", field="Outcome")
    if contacted and contacted not in YES_NO:
        raise Refused("bad_choice", "Choose %(field)s from the list.", field="Was the unit in touch?")
    words = checked("text", text)
    with store.transaction():
        if not store.rows("SELECT 1 FROM sample_case WHERE sid = ? AND tid = ?", sid, tid):
            raise Refused("unknown_ticket", "This ticket does not exist.")
        facts = {"ticket": tid.hex(), "outcome": outcome, "contacted": contacted, "text": words}
        store.record(Fact("sample.asked", {**facts, **signed(actor)}, sid))


def samples(store: Store) -> list[Sample]:
    """Return all samples, the newest first."""
    rows = store.rows(
        "SELECT s.sid, s.month, s.seed, s.per_unit, s.drawn_s, s.drawn_by, count(*),"
        " count(c.asked_s) FROM sample AS s JOIN sample_case AS c ON c.sid = s.sid"
        " GROUP BY s.sid ORDER BY s.month DESC"
    )
    return [Sample(bytes(row[0]), *row[1:]) for row in rows]


def cases(store: Store, sid: bytes) -> list[Drawn]:
    """Return the cases of a sample, unit by unit."""
    rows = store.rows(
        "SELECT c.tid, t.number, t.title, c.unit, t.phone, c.outcome, c.contacted, c.text, c.asked_s,"
        " c.asked_by FROM sample_case AS c JOIN ticket AS t ON t.tid = c.tid WHERE c.sid = ?"
        " ORDER BY c.unit, t.number",
        sid,
    )
    return [Drawn(bytes(row[0]), *row[1:]) for row in rows]


def project(store: Store, event: Event) -> None:
    """Bring the tables of samples up to date."""
    facts = event.facts
    if event.kind == "sample.drawn":
        store.execute(
            "INSERT INTO sample (sid, month, seed, per_unit, drawn_s, drawn_by) VALUES (?, ?, ?, ?, ?, ?)",
            *(event.eid, facts["month"], facts["seed"], facts["per_unit"], event.at_s, facts["by"]),
        )
        rows = [(event.eid, bytes.fromhex(case["ticket"]), case["unit"]) for case in facts["cases"]]
        store.execute_many(
            "INSERT INTO sample_case (sid, tid, unit, outcome, contacted, text, asked_by)"
            " VALUES (?, ?, ?, '', '', '', '')",
            rows,
        )
    elif event.kind == "sample.asked":
        store.execute(
            "UPDATE sample_case SET outcome = ?, contacted = ?, text = ?, asked_s = ?, asked_by = ?"
            " WHERE sid = ? AND tid = ?",
            *(facts["outcome"], facts["contacted"], facts["text"], event.at_s, facts["by"]),
            *(event.subject, bytes.fromhex(facts["ticket"])),
        )


def _span(month: str) -> tuple[float, float]:
    begin = datetime.strptime(month, "%Y-%m")
    end = datetime(begin.year + begin.month // 12, begin.month % 12 + 1, 1)
    return begin.timestamp(), end.timestamp()
