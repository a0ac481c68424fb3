"""Looking up what a number tells: carrier and home, area and post codes, identity numbers, services."""

import datetime
from typing import Any

from flask import Blueprint, request
from flask_babel import gettext, lazy_gettext

from appliance.lookup.finder import Finding, find, origin
from web.shown import pick

KINDS = {
    "mobile": lazy_gettext("Mobile number"),
    "landline": lazy_gettext("Landline number"),
    "area_code": lazy_gettext("Area code"),
    "post_code": lazy_gettext("Post code"),
    "identity": lazy_gettext("Identity number"),
    "region": lazy_gettext("Region of an identity number"),
    "service": lazy_gettext("Service number"),
    "place": lazy_gettext("City"),
}
FAULTS = {
    "unknown_prefix": lazy_gettext("No place is known for these first digits."),
    "bad_check": lazy_gettext("The check digit is wrong: a digit was heard or typed wrongly."),
    "bad_birthday": lazy_gettext("There is no such birthday: a digit was heard or typed wrongly."),
    "unknown_region": lazy_gettext("No region has these first six digits."),
}

pages = Blueprint("lookup", __name__, url_prefix="/look-up")


@pages.get("")
def page() -> dict[str, Any]:
    """Tell everything a text may be."""
    today = datetime.date.today()
    return {"found": [_told(finding) for finding in find(request.args.get("text", ""), today)]}


def told_origin(phone: str) -> str:
    """Where a caller's number is from and whose it was first, in words; empty when it tells nothing."""
    found = origin(phone)
    return " · ".join(filter(None, (found.place, pick(found.carrier)))) if found else ""


def _told(finding: Finding) -> dict[str, Any]:
    sexes = {"female": gettext("female"), "male": gettext("male")}
    rows = (
        (gettext("Place"), finding.place),
        (gettext("Carrier, first"), pick(finding.carrier)),
        (gettext("Area code"), finding.area_code),
        (gettext("Post code"), finding.post_code),
        (gettext("Service"), pick(finding.service)),
        (gettext("Born"), finding.born.isoformat() if finding.born else ""),
        (gettext("Age"), "" if finding.age is None else str(finding.age)),
        (gettext("Sex"), sexes.get(finding.sex, "")),
    )
    return {
        "kind": finding.kind,
        "title": str(KINDS[finding.kind]),
        "number": finding.number,
        "rows": [{"title": title, "text": text} for title, text in rows if text],
        "fault": str(FAULTS[finding.fault]) if finding.fault else "",
    }
