"""The form of a new campaign, read: its plan, its list row by row, its message."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import request
from flask_babel import gettext
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import NotFound

from appliance.calls.numbers import Numbers
from appliance.campaigns import lists, sounds
from appliance.campaigns import plan as plans
from appliance.campaigns.lists import Sheet
from appliance.campaigns.plan import Plan
from appliance.published import Admission, Band, CampaignRules
from appliance.refused import Refused
from ivr import sound
from ivr.sound import Samples
from web import hearing, shown
from web.context import box

DAYS: Mapping[str, tuple[str, ...]] = {
    "every": (),
    "workday": ("workday",),
    "restday": ("restday",),
}
"""Choices of days."""
FIELDS = (
    *("name", "list", "source", "text", "language", "earlier", "recording", "confirm"),
    *("tries", "busy_wait_min", "no_answer_wait_min", "ring_s", "lines", "keep_free"),
    *("days", "from", "to", "from2", "to2", "first_day", "last_day"),
)
MESSAGES_MAX = 50
EARLIER_MAX = 50


def empty() -> dict[str, str]:
    """What the form shows at first."""
    plan, rules = Plan(""), box().configuration.campaign
    return {
        "source": "text",
        "language": box().configuration.site.language,
        "tries": str(plan.tries),
        "busy_wait_min": f"{plan.busy_wait_s / 60:g}",
        "no_answer_wait_min": f"{plan.no_answer_wait_s / 60:g}",
        "ring_s": f"{plan.ring_s:g}",
        "lines": str(min(plan.lines, max(1, rules.lines))),
        "keep_free": str(max(plan.keep_free, rules.keep_free)),
        "days": "every",
        "from": "09:00",
        "to": "12:00",
        "from2": "14:00",
        "to2": "20:00",
    }


def typed() -> dict[str, str]:
    """What was sent, to be shown again."""
    return {name: request.form.get(name, "") for name in FIELDS}


def plan() -> Plan:
    """The plan that was written; raises Refused and names the field."""
    form = request.form
    made = Plan(
        name=" ".join(form.get("name", "").split()),
        tries=int(_figure("tries")),
        busy_wait_s=60 * _figure("busy_wait_min", "busy_wait_s"),
        no_answer_wait_s=60 * _figure("no_answer_wait_min", "no_answer_wait_s"),
        ring_s=_figure("ring_s"),
        lines=int(_figure("lines")),
        keep_free=int(_figure("keep_free")),
        hours=_hours(),
        first_day=form.get("first_day", ""),
        last_day=form.get("last_day", ""),
        confirm=form.get("confirm") == "yes",
        language="en" if form.get("language") == "en" else "zh",
    )
    if wrong := plans.faults(made):
        names = gettext(", ").join(str(shown.PLAN_FIELDS[name]) for name in wrong)
        raise Refused("bad_plan", "Correct these fields: %(fields)s.", fields=names)
    return made


def sheet(text: str) -> Sheet:
    """The list, row by row."""
    configuration = box().configuration
    numbers = Numbers(configuration.number_kind, configuration.service_class, configuration.dialplan.area, ())
    rules = CampaignRules(service=configuration.campaign.service)
    return lists.read(text, lambda number: bool(plans.kept_from(number, numbers, Admission(), rules, 0.0)))


def list_text() -> str:
    """The list as text: a file goes before what was pasted."""
    file = request.files.get("file")
    return lists.text_of(file.read(lists.BYTES_MAX + 1)) if file and file.filename else request.form["list"]


def message() -> tuple[Samples, dict[str, Any]]:
    """The message and where it comes from; raises Refused."""
    form = request.form
    match form.get("source"):
        case "text":
            text = form.get("text", "").strip()
            return sounds.spoken(text, _language()), {"kind": "text", "text": text}
        case "upload":
            return _uploaded(request.files.get("sound"))
        case "earlier":
            return _earlier(form.get("earlier", ""))
        case "recording":
            return _recorded(form.get("recording", ""))
    raise Refused("no_sound", "Choose what is to be heard.")


def earlier() -> list[tuple[str, str]]:
    """Campaigns whose message can be used again."""
    sql = "SELECT cid, name, plan FROM campaign ORDER BY created_s DESC LIMIT ?"
    rows = box().store.rows(sql, EARLIER_MAX)
    return [(bytes(cid).hex(), name) for cid, name, _ in rows if _sound_of(bytes(cid).hex()) is not None]


def messages() -> list[tuple[str, str]]:
    """Messages left by voice that can be used."""
    rows = box().store.rows(
        "SELECT r.rid, r.made_s, r.seconds, c.caller FROM recording r LEFT JOIN call c ON c.cid = r.call"
        " WHERE r.kind = 'message' AND r.removed_s IS NULL ORDER BY r.made_s DESC LIMIT ?",
        MESSAGES_MAX,
    )
    return [
        (bytes(r).hex(), f"{shown.when(at)} · {who or '—'} · {shown.seconds(s)}") for r, at, s, who in rows
    ]


def _language() -> str:
    return "en" if request.form.get("language") == "en" else "zh"


def _uploaded(file: FileStorage | None) -> tuple[Samples, dict[str, Any]]:
    if file is None or not file.filename:
        raise Refused("no_sound", "Choose what is to be heard.")
    with tempfile.NamedTemporaryFile(suffix=".wav") as copy:
        file.save(copy.name)
        return sounds.uploaded(Path(copy.name)), {"kind": "upload", "file": file.filename[:80]}


def _earlier(cid: str) -> tuple[Samples, dict[str, Any]]:
    path = _sound_of(cid)
    if path is None:
        raise Refused("no_recording", "This recording cannot be read any more.")
    return sound.read(path)[0], {"kind": "earlier", "campaign": cid}


def _sound_of(cid: str) -> Path | None:
    if not plans.ID.fullmatch(cid):
        return None
    paths = [sounds.path_of(box().places, cid, language) for language in ("zh", "en")]
    return next((path for path in paths if path.is_file()), None)


def _recorded(rid: str) -> tuple[Samples, dict[str, Any]]:
    """The message of a recording; whoever takes it has heard it, and may."""
    try:
        path = hearing.recording(bytes.fromhex(rid if plans.ID.fullmatch(rid) else ""), hearing.LISTEN)
    except NotFound:
        raise Refused("no_recording", "This recording cannot be read any more.") from None
    return sounds.recorded(path), {"kind": "recording", "rid": rid}


def _hours() -> tuple[Band, ...]:
    days = DAYS.get(request.form.get("days", ""), ())
    spans = [(request.form.get(f"from{n}", ""), request.form.get(f"to{n}", "")) for n in ("", "2")]
    bands = tuple(
        Band("", "", days, start or "00:00", end or "24:00") for start, end in spans if start or end
    )
    return bands or ((Band("", "", days),) if days else ())


def _figure(name: str, field: str = "") -> float:
    try:
        found = float(request.form.get(name, ""))
        return found if abs(found) < 1e9 else -1.0
    except ValueError:
        names = str(shown.PLAN_FIELDS[field or name])
        raise Refused("bad_plan", "Correct these fields: %(fields)s.", fields=names) from None
