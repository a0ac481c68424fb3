"""The peers of a box over the API: how each is, and how far behind both sides are."""

import time

from web.api.endpoint import Answer
from web.context import box
from web.site_views import SiteView, site_views


class SiteTold(Answer, frozen=True):
    """One peer; times are Unix seconds, 0 is never or unknown."""

    site: int
    name: str
    state: str
    """never, away, connected or parked."""
    since_s: float
    seen_s: float
    to_send: int
    """Events that wait here for it."""
    oldest_s: float
    """How long the first of them has waited, in seconds."""
    to_come: int
    """Events that wait there for this box, as it last said."""
    clock_s: float
    """How far its clock is ahead."""
    version: str
    events: int
    open_tickets: int
    disk_percent: int
    disk_free_mb: int
    quarantined: int
    alarms: list[str]
    troubles: list[str]


class SitesTold(Answer, frozen=True):
    """All peers by site number; a site has one, its hub."""

    sites: list[SiteTold]


def sites() -> SitesTold:
    """Tell how the peers are."""
    return SitesTold([_told(view) for view in site_views(box().store, time.time())])


def _told(view: SiteView) -> SiteTold:
    stream, there = view.stream, view.condition
    return SiteTold(
        site=stream.site,
        name=stream.name,
        state=stream.state,
        since_s=stream.since_s,
        seen_s=stream.seen_s,
        to_send=stream.backlog,
        oldest_s=round(stream.oldest_s, 1),
        to_come=stream.waiting,
        clock_s=stream.clock_s,
        version=there.version,
        events=there.events,
        open_tickets=there.open_tickets,
        disk_percent=there.disk_percent,
        disk_free_mb=there.disk_free_mb,
        quarantined=there.quarantined,
        alarms=list(there.alarms),
        troubles=list(view.troubles),
    )
