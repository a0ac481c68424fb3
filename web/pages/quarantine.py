"""What the box keeps but could not understand or pass on: seen, and tried again."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from appliance.events import Fact
from appliance.store.quarantine import LISTED, listed, retry
from web.context import box, me

pages = Blueprint("quarantine", __name__, url_prefix="/box/quarantine")


@pages.get("")
def page() -> str:
    """List what is set aside, the newest first."""
    return render_template("quarantine.html", entries=listed(box().store), most=LISTED)


@pages.post("/retry")
def again() -> Response:
    """Try to understand it again, as the first start after an upgrade does."""
    done, left = retry(box().store)
    box().store.record(Fact("quarantine.retried", {"by": me().number, "done": done, "left": left}, b""))
    said = gettext("%(done)s entries are understood now, %(left)s are still set aside.", done=done, left=left)
    flash(said, "warn" if left else "good")
    return redirect(url_for("quarantine.page"))
