"""A period of whole days, as a page asks for it."""

import datetime
import time
from dataclasses import dataclass

from flask import request
from flask_babel import gettext

from appliance.refused import Refused

LONGEST_DAYS = 400


@dataclass(frozen=True, slots=True)
class Period:
    """Days from one to another, both included."""

    since: datetime.date
    until: datetime.date

    @property
    def span(self) -> tuple[float, float]:
        """Its beginning, and the first moment after it, in Unix seconds."""
        day = datetime.timedelta(days=1)
        return time.mktime(self.since.timetuple()), time.mktime((self.until + day).timetuple())

    @property
    def shortcuts(self) -> list[tuple[str, "Period"]]:
        """This month and the one before."""
        month = Period.this_month()
        before = month.since - datetime.timedelta(days=1)
        return [
            (gettext("This month"), month),
            (gettext("Last month"), Period(before.replace(day=1), before)),
        ]

    @staticmethod
    def this_month() -> "Period":
        """From its first day until today."""
        today = datetime.date.today()
        return Period(today.replace(day=1), today)


def asked_for() -> Period:
    """The period asked for: this month when none is."""
    month = Period.this_month()
    try:
        since = datetime.date.fromisoformat(request.args.get("since") or month.since.isoformat())
        until = datetime.date.fromisoformat(request.args.get("until") or month.until.isoformat())
        found = Period(since, until)
        _ = found.span  # a year the clock does not know raises
    except (ValueError, OverflowError):
        raise Refused("bad_period", "This is not a period. Choose two days.") from None
    if not datetime.timedelta() <= until - since <= datetime.timedelta(days=LONGEST_DAYS):
        raise Refused("bad_period", "A bill is for one day at least and %(days)s at most.", days=LONGEST_DAYS)
    return found
