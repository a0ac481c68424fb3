"""All sites on one page: connected or not, what waits on either side, disks, versions, alarms."""

import time

from flask import Blueprint, render_template
from flask_babel import lazy_gettext

from web.context import box
from web.hub import STATES
from web.site_views import site_views

TROUBLES = {
    "parked": lazy_gettext("stopped: two boxes share its number"),
    "away": lazy_gettext("not connected"),
    "late": lazy_gettext("connected, yet events wait"),
    "disk": lazy_gettext("disk nearly full"),
    "clock": lazy_gettext("clock wrong"),
    "alarms": lazy_gettext("warnings there"),
    "quarantined": lazy_gettext("entries set aside there"),
}

pages = Blueprint("sites", __name__, url_prefix="/sites")


@pages.get("")
def page() -> str:
    """Show every peer of this box, those in trouble first."""
    now_s = time.time()
    views = sorted(site_views(box().store, now_s), key=lambda view: (not view.troubles, view.stream.site))
    return render_template("sites.html", views=views, states=STATES, troubles=TROUBLES, now_s=now_s)
