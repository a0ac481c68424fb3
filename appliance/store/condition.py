"""How a box is, as it tells its peers: the few facts a central office reads of every site."""

import shutil
from functools import cache
from importlib import metadata

import msgspec

from appliance.store.alarms import alarms
from appliance.store.store import Store
from appliance.tickets.facets import EVERY
from appliance.tickets.workflow import states_in

CLOSED = states_in("closed")
ALARMS, ALARM_LETTERS = 5, 200
TOLD_LETTERS = 2000
"""So long a report may be: five alarms in Chinese and all numbers fit."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A box at a moment; what an older box does not tell has its default."""

    version: str = ""
    events: int = 0
    """In its log."""
    open_tickets: int = 0
    """In its store."""
    disk_percent: int = 0
    """How full the disk is."""
    disk_free_mb: int = 0
    quarantined: int = 0
    """Events it keeps but could not understand."""
    jobs_failed: int = 0
    alarms: tuple[str, ...] = ()
    """Sentences people there must read (gettext msgids)."""


def condition(store: Store) -> Condition:
    """Look at this box."""
    usage = shutil.disk_usage(store.folder)
    (row,) = store.rows(
        "SELECT (SELECT coalesce(max(pos), 0) FROM event),"
        " (SELECT count(*) FROM quarantine), (SELECT count(*) FROM job WHERE state = 'failed'),"
        " (SELECT coalesce(sum(tickets), 0) FROM ticket_count"
        f" WHERE unit = ? AND state NOT IN ({', '.join('?' * len(CLOSED))}))",
        *(EVERY, *CLOSED),
    )
    return Condition(
        version=_version(),
        events=row[0],
        quarantined=row[1],
        jobs_failed=row[2],
        open_tickets=row[3],
        disk_percent=round(100 * usage.used / usage.total),
        disk_free_mb=usage.free // 2**20,
        alarms=tuple(alarm[:ALARM_LETTERS] for alarm in alarms(store)[:ALARMS]),
    )


def report(store: Store) -> str:
    """The condition of this box as it travels: JSON."""
    return msgspec.json.encode(condition(store)).decode()


def read(told: str) -> Condition | None:
    """Read a report; None for one that is no report."""
    try:
        return msgspec.json.decode(told, type=Condition)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


@cache
def _version() -> str:
    return metadata.version("hotline-box")
