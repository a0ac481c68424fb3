"""The bill: calls to numbers outside in a period, by account, by extension, by kind, and one by one."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from time import localtime, strftime

from appliance.store.store import Store

PAGE = 2000
MINUTE_S = 60
COLUMNS = "at_s, extension, agent, number, number_kind, account, answered_s, ended_s, seconds, eid"
MINUTES = f"round((seconds + {MINUTE_S} - 0.001) / {MINUTE_S} - 0.5)"
"""Begun minutes: as networks charge, each call is rounded up on its own."""
MARK = "\ufeff"
"""Lets spreadsheets know that a file is UTF-8."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is one that a spreadsheet would work out."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Calls of one kind: all, those answered, their begun minutes and their time."""

    calls: int = 0
    answered: int = 0
    minutes: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(
            self.calls + other.calls,
            self.answered + other.answered,
            self.minutes + other.minutes,
            self.seconds + other.seconds,
        )


@dataclass(slots=True)
class Row:
    """One account, or one extension: sums by kind of number."""

    kinds: dict[str, Sum] = field(default_factory=dict)

    @property
    def total(self) -> Sum:
        """All kinds together."""
        return sum(self.kinds.values(), Sum())


@dataclass(frozen=True, slots=True)
class Charged:
    """One call of the bill."""

    at_s: float
    extension: str
    agent: str
    number: str
    number_kind: str
    account: str
    answered_s: float | None
    ended_s: float | None
    seconds: float
    eid: bytes

    @property
    def minutes(self) -> int:
        """Begun minutes."""
        return int((self.seconds + MINUTE_S - 0.001) // MINUTE_S)


def sums(store: Store, by: str, since_s: float, until_s: float) -> dict[str, Row]:
    """Sum up a period by ``account`` or by ``extension``; what is charged to no account is under ``""``."""
    assert by in ("account", "extension")
    found = store.rows(
        f"SELECT {by}, number_kind, count(*), count(answered_s), sum({MINUTES}), sum(seconds) FROM charge"
        f" WHERE at_s >= ? AND at_s < ? GROUP BY {by}, number_kind ORDER BY {by}, number_kind",
        *(since_s, until_s),
    )
    rows: dict[str, Row] = {}
    for who, kind, calls, answered, minutes, seconds in found:
        rows.setdefault(who, Row()).kinds[kind] = Sum(calls, answered, int(minutes), seconds)
    return rows


def latest(store: Store, since_s: float, until_s: float, limit: int) -> list[Charged]:
    """The last calls of a period, newest first."""
    found = store.rows(
        f"SELECT {COLUMNS} FROM charge WHERE at_s >= ? AND at_s < ? ORDER BY at_s DESC, eid DESC LIMIT ?",
        *(since_s, until_s, limit),
    )
    return [Charged(*row) for row in found]


def each(store: Store, since_s: float, until_s: float) -> Iterator[Charged]:
    """Every call of a period, oldest first, read in pages."""
    after_s, after = since_s, b""
    while True:
        found = store.rows(
            f"SELECT {COLUMNS} FROM charge WHERE (at_s, eid) > (?, ?) AND at_s < ?"
            " ORDER BY at_s, eid LIMIT ?",
            *(after_s, after, until_s, PAGE),
        )
        calls = [Charged(*row) for row in found]
        yield from calls
        if len(calls) < PAGE:
            return
        after_s, after = calls[-1].at_s, bytes(calls[-1].eid)


def as_csv(
    calls: Iterable[Charged], heads: Iterable[str], kinds: Mapping[str, str], accounts: Mapping[str, str]
) -> Iterator[str]:
    """The calls as a table for spreadsheets, piece by piece; `kinds` and `accounts` name their words."""
    yield MARK + _line(heads)
    for call in calls:
        yield _line(
            (
                strftime("%Y-%m-%d %H:%M:%S", localtime(call.at_s)),
                call.extension,
                call.agent,
                call.number,
                kinds.get(call.number_kind, call.number_kind),
                call.account,
                accounts.get(call.account, ""),
                strftime("%Y-%m-%d %H:%M:%S", localtime(call.answered_s)) if call.answered_s else "",
                f"{call.seconds:.0f}",
                str(call.minutes),
            )
        )


def _line(cells: Iterable[str]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(
        f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells
    )
    return text.getvalue()
