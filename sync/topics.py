"""The names of what is said on the broker: v1/s/NNN/way, of which each site reads and writes only its own."""

from appliance.store.outbox import MAX_SITE
from sync.shards import Shards

UP, DOWN, PRESENCE = "up", "dn", "st"
ASK, GRANT = "up/cert", "dn/cert"
"""Renewal of certificates: what a site asks, what it is answered."""
HUB_HEARS = (UP, ASK, PRESENCE)
BULK_UP, BULK_DOWN = "bup", "bdn"
"""Files, over a connection of their own."""


def topic(site: int, way: str) -> str:
    """The topic of a site; site 0 is the hub's own, for its presence."""
    return f"v1/s/{site:03d}/{way}"


def topics(site: int, shards: Shards | None = None) -> list[str]:
    """What a box listens to: a site its hub, a hub all sites, one of its workers those it serves."""
    if site:
        return [topic(site, DOWN), topic(site, GRANT), topic(0, PRESENCE)]
    if shards is None:
        return [f"v1/s/+/{way}" for way in HUB_HEARS]
    served = [far for far in range(1, MAX_SITE + 1) if shards.serves(far)]
    always = topic(0, PRESENCE)  # who serves none yet must listen to something
    return [always, *(topic(far, way) for far in served for way in HUB_HEARS)]


def files(site: int) -> list[str]:
    """What a box listens to for files; at a hub one worker fetches them from all sites."""
    if site:
        return [topic(site, BULK_DOWN), topic(0, PRESENCE)]
    return [f"v1/s/+/{way}" for way in (BULK_UP, PRESENCE)]


def parse(topic: str) -> tuple[int | None, str]:
    """Take a topic apart: site and way; None for what is no topic of ours."""
    parts = topic.split("/", 3)
    if len(parts) == 4 and parts[2].isdecimal() and int(parts[2]) <= MAX_SITE:
        return int(parts[2]), parts[3]
    return None, ""
