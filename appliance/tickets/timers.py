"""What the box does by itself with tickets that wait: moves that are due, urging, supervision.

Only the site that registered a ticket does so: two boxes must not make the same move.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.dictionary.dictionary import Dictionary
from appliance.people import BOX
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.workflow import END, SHIPPED
from appliance.tickets.workflows import Workflows

HOUR_S = 3600.0
DAY_S = 86_400.0
BATCH = 100
Wait = Callable[[Dictionary], float]
"""How long a ticket waits in its state, in seconds, by what an administrator set."""


@dataclass(frozen=True, slots=True)
class Timer:
    """In `state` the box makes `move` once the time is over that column or wait say."""

    state: str
    move: str
    wait: Wait | None = None
    """None: until the limit of the step, as it was reckoned when the state was entered."""
    column: str = "step_due_s"
    reason: str = ""


def _days(*names: str) -> Wait:
    return lambda dictionary: DAY_S * max(dictionary.whole(name) for name in names)


TIMERS = (
    Timer("NEED_INFO", "info_timeout", reason="逾期未补充"),
    Timer("VERIFYING", "verified_true"),
    Timer("CHECKING", "check_pass"),
    Timer("SUSPENDED", "resume", column="planned_s"),
    Timer("CALLBACK_NA", "rate_or_timeout", lambda dictionary: HOUR_S * dictionary.whole("rate_wait_h")),
    Timer("REVIEWED", "no_appeal", _days("review_apply_days")),
    Timer("CLOSED", "archive", _days("review_apply_days", "reopen_days")),
    Timer("REJECTED", "archive", _days("review_apply_days")),
    Timer("WITHDRAWN", "archive", _days("review_apply_days")),
    Timer("FINAL", "archive", _days("review_apply_days")),
)
"""An inspector who is silent holds nobody up; what nobody asks about any more is archived."""
_URGED_SINCE = (
    "NOT EXISTS (SELECT 1 FROM strand AS s WHERE s.tid = t.tid AND s.kind = ? AND s.opened_by = ''"
    " AND s.opened_s >= {since})"
)
_SUPERVISED = (
    "EXISTS (SELECT 1 FROM strand AS s WHERE s.tid = t.tid AND s.kind = ?"
    " AND (s.opened_by = '' OR s.open = 1))"
)
"""By the box at any time, or by somebody who is still at it: asking again would be refused for ever."""
AT_A_UNIT = ("DISPATCHED", "HANDLING", "RETURN_REVIEW")


def run_timers(store: Store, now_s: float) -> int:
    """Do what is due, a batch of each at most; return how much was done."""
    desk = TicketDesk(store, lambda: now_s)
    done = sum(_move(desk, store, timer, now_s) for timer in TIMERS)
    done += _remind(desk, store, now_s)
    return done + _urge(desk, store, now_s) + _supervise(desk, store, now_s)


def _move(desk: TicketDesk, store: Store, timer: Timer, now_s: float) -> int:
    column, until_s = timer.column, now_s
    if timer.wait is not None:
        column, until_s = "state_s", now_s - timer.wait(desk.dictionary)
    fields = {"reason": timer.reason} if timer.reason else {}
    without = _without(desk.workflows, timer, fields)
    marks = ", ".join("?" * len(without))
    rows = store.rows(
        f"SELECT tid, last_eid FROM ticket WHERE state = ? AND {column} <= ? AND site = ?"
        f"{f' AND coalesce(workflow, ?) NOT IN ({marks})' if without else ''} ORDER BY {column} LIMIT ?",
        *(timer.state, until_s, store.site, *((SHIPPED.id, *without) if without else ()), BATCH),
    )
    return _each(rows, lambda tid, seen: desk.move(BOX, tid, timer.move, fields, seen=seen))


def _without(workflows: Workflows, timer: Timer, fields: Mapping[str, object]) -> list[str]:
    """Versions of the workflow in which the box cannot make the move: tickets on them would be in its way."""
    found = []
    for version in workflows.versions():
        move = workflows.of(version.id, timer.state).steps.get((timer.state, timer.move))
        if move is None or not BOX.has(*move.who) or not fields.keys() >= {*move.needed}:
            found.append(version.id)
    return found


def _remind(desk: TicketDesk, store: Store, now_s: float) -> int:
    """Urge at the times people set; what is archived meanwhile is left alone."""
    rows = store.rows(
        "SELECT s.tid, s.sid FROM strand AS s JOIN ticket AS t ON t.tid = s.tid WHERE s.kind = 'reminder'"
        " AND s.open = 1 AND s.due_s <= ? AND t.site = ? AND t.state <> ? ORDER BY s.due_s LIMIT ?",
        *(now_s, store.site, END, BATCH),
    )
    return _each(rows, lambda tid, sid: desk.act(BOX, tid, sid, "urge", {}))


def _urge(desk: TicketDesk, store: Store, now_s: float) -> int:
    """Urge units by itself: when it turns yellow, when it turns red, then daily."""
    if not desk.dictionary.parameter("urge_automatic"):
        return 0
    since = "CASE WHEN t.due_s > ? THEN t.warn_s WHEN t.due_s > ? THEN t.due_s ELSE ? END"
    states = ", ".join("?" * len(AT_A_UNIT))
    rows = store.rows(
        "SELECT t.tid, t.last_eid, t.due_s FROM ticket AS t WHERE t.warn_s <= ? AND t.site = ?"
        f" AND t.state IN ({states}) AND {_URGED_SINCE.format(since=since)} ORDER BY t.warn_s LIMIT ?",
        *(now_s, store.site, *AT_A_UNIT, "urge", now_s, now_s - DAY_S, now_s - DAY_S, BATCH),
    )
    overdue = {bytes(tid) for tid, _, due_s in rows if now_s > due_s}
    words = {True: "已逾期，请立即办理并反馈。", False: "即将到期，请抓紧办理。"}
    return _each(rows, lambda tid, _: desk.act(BOX, tid, "urge", "send", {"text": words[tid in overdue]}))


def _supervise(desk: TicketDesk, store: Store, now_s: float) -> int:
    """Supervise what is overdue, and what was brought again and again; each once."""
    done = 0
    if desk.dictionary.parameter("supervise_overdue"):
        done += _supervise_those(desk, store, "t.due_s < ?", now_s, "逾期未办结，自动督办。")
    often = desk.dictionary.whole("supervise_repeat")
    return done + _supervise_those(
        desk, store, "t.repeats >= ?", often, f"重复反映 {often} 次以上，自动督办。"
    )


def _supervise_those(desk: TicketDesk, store: Store, where: str, value: float, opinion: str) -> int:
    states = ", ".join("?" * len(AT_A_UNIT))
    rows = store.rows(
        f"SELECT t.tid, t.last_eid FROM ticket AS t WHERE {where} AND t.site = ?"
        f" AND t.state IN ({states}) AND NOT {_SUPERVISED} ORDER BY t.due_s LIMIT ?",
        *(value, store.site, *AT_A_UNIT, "supervision", BATCH),
    )
    given = {"level": "general", "opinion": opinion}
    return _each(rows, lambda tid, _: desk.act(BOX, tid, "supervision", "issue", given))


def _each(rows: Sequence[Any], deed: Callable[[bytes, bytes], object]) -> int:
    done = 0
    for row in rows:
        try:
            deed(bytes(row[0]), bytes(row[1]))
        except Refused:
            continue  # a person was quicker, or has something of the kind open
        done += 1
    return done
