"""The small sign on every page: whether this box is connected to the hub, and how far behind."""

import time
from dataclasses import dataclass

from flask_babel import gettext

from web.context import Box

STALE_S = 120.0


@dataclass(frozen=True, slots=True)
class HubSign:
    """A lamp's colour (good, warn, bad or none), a few words, and a sentence."""

    colour: str
    title: str
    detail: str


def hub_sign(box: Box) -> HubSign:
    """Tell how the peers do; a box without brokers is alone on purpose."""
    rows = box.store.rows("SELECT name, state, seen_s, out_seq - acked FROM peer")
    if not rows:
        if box.configuration.sync.brokers:
            return HubSign("warn", gettext("Hub: not yet reached"), gettext("No hub has answered so far."))
        return HubSign("", gettext("Works alone"), gettext("No hub is set up for this box."))
    behind = sum(max(0, int(row[3])) for row in rows)
    seen_s = max(float(row[2]) for row in rows)
    detail = gettext("%(count)s entries wait to be sent.", count=behind)
    if time.time() - seen_s > STALE_S:
        return HubSign("bad", gettext("Hub: no connection, %(count)s waiting", count=behind), detail)
    if behind:
        return HubSign("warn", gettext("Hub: %(count)s waiting", count=behind), detail)
    return HubSign("good", gettext("Hub: all delivered"), detail)
