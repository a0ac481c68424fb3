"""What a campaign is to do: when, how often, by how many lines; and the file it is handed over by."""

import re
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import msgspec

from appliance.calls.admission import DAYS, covers, in_force, matches, minutes, plain
from appliance.calls.numbers import EMERGENCY, SITE, Numbers
from appliance.published import Admission, Band, CampaignRules

NUMBERS_MAX = 50_000
FILE_MAX = 8 * 1024 * 1024
"""Bytes of the file a campaign is handed over by."""
HOURS_MAX = 6
NEVER = frozenset({EMERGENCY, SITE, "premium"})
"""Kinds of numbers no campaign calls, whatever its class of service."""
LIST = "list.json"
ID = re.compile(r"[0-9a-f]{32}")


class Plan(msgspec.Struct, frozen=True):
    """What an administrator or shift leader chose."""

    name: str
    tries: int = 3
    """Calls to one number, at most."""
    busy_wait_s: float = 300.0
    no_answer_wait_s: float = 1800.0
    """Wait before a number is called again that nobody answered, or that could not be reached."""
    ring_s: float = 30.0
    lines: int = 2
    """Calls at once, at most."""
    keep_free: int = 4
    """Lines that are left for citizens who call in."""
    hours: tuple[Band, ...] = ()
    """When it may call; none: at any hour."""
    first_day: str = ""
    """2026-12-01; empty: from now on."""
    last_day: str = ""
    """Empty: until everybody was called."""
    confirm: bool = False
    """Ask for key 1 when the message has been heard."""
    language: str = "zh"
    sound_s: float = 0.0
    """How long the message is."""


class Handover(msgspec.Struct, frozen=True):
    """A campaign as the pages hand it to the call process."""

    plan: Plan
    numbers: tuple[str, ...]


LIMITS: Mapping[str, tuple[float, float]] = {
    "tries": (1, 10),
    "busy_wait_s": (10, 86_400),
    "no_answer_wait_s": (10, 604_800),
    "ring_s": (10, 120),
    "lines": (1, 200),
    "keep_free": (0, 1000),
}
"""Least and most of every figure of a plan."""


class Unreadable(Exception):
    """The file a campaign is handed over by cannot be used."""


def faults(plan: Plan) -> list[str]:
    """Name the fields of a plan that cannot work."""
    found = [
        name for name, (least, most) in LIMITS.items() if not least <= float(getattr(plan, name)) <= most
    ]
    if not 0 < len(plan.name.strip()) <= 80:
        found.append("name")
    if len(plan.hours) > HOURS_MAX or not all(_usable(band) for band in plan.hours):
        found.append("hours")
    days = [day for day in (plan.first_day, plan.last_day) if day]
    if not all(_is_day(day) for day in days) or days != sorted(days):
        found.append("days")
    return found


def is_open(plan: Plan, days: Mapping[str, str], now: float) -> bool:
    """Whether a campaign may call at `now` (Unix seconds, local hours)."""
    local = time.localtime(now)
    today = date(local.tm_year, local.tm_mon, local.tm_mday)
    if plan.first_day and today.isoformat() < plan.first_day:
        return False
    minute = local.tm_hour * 60 + local.tm_min
    open_now = not plan.hours or any(covers(band, today, minute, dict(days)) for band in plan.hours)
    return open_now and not is_past(plan, now)


def is_past(plan: Plan, now: float) -> bool:
    """Whether a campaign's last day is over."""
    return bool(plan.last_day) and time.strftime("%Y-%m-%d", time.localtime(now)) > plan.last_day


def kept_from(number: str, numbers: Numbers, admission: Admission, rules: CampaignRules, now: float) -> str:
    """Why a campaign may not call a number: ``barred``, ``do_not_call``; empty when it may."""
    known = plain(number)
    asked_not_to = any(matches(pattern, known) for pattern in rules.do_not_call)
    if asked_not_to or any(in_force(b, now) and matches(b.pattern, known) for b in admission.blacklist):
        return "do_not_call"
    permit = numbers.permit(rules.service, number)
    free = permit.allowed and not permit.pin and not permit.account
    return "" if free and numbers.kind(number) not in NEVER else "barred"


def write(folder: Path, handover: Handover) -> None:
    """Write the file that hands a campaign over, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{LIST}.part"
    partial.write_bytes(msgspec.json.encode(handover))
    partial.chmod(0o640)
    partial.replace(folder / LIST)


def read(folder: Path) -> Handover:
    """Read the file that hands a campaign over; raises Unreadable."""
    try:
        with (folder / LIST).open("rb") as file:
            data = file.read(FILE_MAX + 1)
        if len(data) > FILE_MAX:
            raise Unreadable(f"{folder.name}: more than {FILE_MAX} bytes")
        found = msgspec.json.decode(data, type=Handover)
    except (OSError, msgspec.MsgspecError) as error:
        raise Unreadable(f"{folder.name}: {error}") from error
    if not 0 < len(found.numbers) <= NUMBERS_MAX or len(set(found.numbers)) != len(found.numbers):
        raise Unreadable(f"{folder.name}: no number, too many, or one twice")
    if wrong := faults(found.plan):
        raise Unreadable(f"{folder.name}: {', '.join(wrong)}")
    return found


def _usable(band: Band) -> bool:
    try:
        minutes(band.start), minutes(band.end)
    except ValueError:
        return False
    return set(band.days) <= set(DAYS) and band.start != band.end


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
