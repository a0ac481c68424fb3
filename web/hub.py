"""The small sign on every page: whether this box is connected to its hub or sites, and how far behind."""

import time
from dataclasses import dataclass

from flask_babel import gettext, lazy_gettext

from appliance.store.streams_view import StreamView, streams
from web.context import Box
from web.shown import told

STATES = {
    "never": lazy_gettext("never connected"),
    "away": lazy_gettext("not connected"),
    "connected": lazy_gettext("connected"),
    "parked": lazy_gettext("stopped, look at it"),
}


@dataclass(frozen=True, slots=True)
class HubSign:
    """A lamp's colour (good, warn, bad or none), a few words, and a sentence."""

    colour: str
    title: str
    detail: str
    since_s: float = 0.0
    """When the connection was lost, Unix seconds; 0 while there is one."""


def hub_sign(box: Box) -> HubSign:
    """Tell how the streams do; a box without brokers is alone on purpose."""
    found = streams(box.store, time.time())
    if box.is_hub:
        return _sites_sign(found)
    if not found:
        if box.configuration.sync.brokers:
            return HubSign("warn", gettext("Hub: not yet reached"), gettext("No hub has answered so far."))
        return HubSign("", gettext("Works alone"), gettext("No hub is set up for this box."))
    behind = sum(stream.backlog for stream in found)
    detail = _detail(found, behind)
    if not all(stream.connected for stream in found):
        title = gettext("Hub: no connection, %(count)s waiting", count=behind)
        return HubSign("bad", title, detail, _since_s(found))
    coming = sum(stream.waiting for stream in found)
    if behind or coming:
        title = gettext("Hub: %(count)s waiting, %(coming)s to come", count=behind, coming=coming)
        return HubSign("warn", title, detail)
    return HubSign("good", gettext("Hub: all delivered"), detail)


def _sites_sign(found: list[StreamView]) -> HubSign:
    """The sign of a hub, which looks after all its sites."""
    if not found:
        return HubSign("", gettext("No sites yet"), gettext("No site was heard so far."))
    behind, coming = sum(s.backlog for s in found), sum(s.waiting for s in found)
    detail = _detail(found, behind)
    away = sum(not stream.connected for stream in found)
    if away:
        title = gettext("Sites: %(away)s of %(all)s not connected", away=away, all=len(found))
        return HubSign("bad", title, detail, _since_s(found))
    if behind or coming:
        title = gettext("Sites: %(count)s waiting, %(coming)s to come", count=behind, coming=coming)
        return HubSign("warn", title, detail)
    return HubSign("good", gettext("Sites: all delivered"), detail)


def _since_s(found: list[StreamView]) -> float:
    return min((s.since_s for s in found if not s.connected and s.since_s), default=0.0)


def _detail(found: list[StreamView], behind: int) -> str:
    reason = next((stream.reason for stream in found if stream.reason), "")
    waiting = gettext("%(count)s entries wait to be sent.", count=behind)
    return f"{waiting} {told(reason)}" if reason else waiting
