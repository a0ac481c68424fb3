"""Every peer of a box as a central office reads it: how it is, and how far behind each side is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.entry import Entry
from appliance.network.register import certificates
from appliance.store.condition import Condition
from appliance.store.store import Store
from appliance.store.streams_view import StreamView, streams

FULL_PERCENT = 90
"""A disk that full is a trouble."""
CLOCK_S = 60.0
"""A clock that wrong too."""
LATE_S = 300.0
"""So long may an event wait while the peer is connected."""


@dataclass(frozen=True, slots=True)
class SiteView:
    """One peer and what is wrong with it."""

    stream: StreamView
    condition: Condition
    """All zero when it never said."""
    troubles: Sequence[str]
    """Words of TROUBLES, the worst first."""
    names: tuple[str, str] = ("", "")
    """Chinese and English, where the hub's list of sites has it; else as it was enrolled."""
    above: tuple[str, str] = ("", "")
    """Those of the site above it."""

    @property
    def colour(self) -> str:
        """The colour of its tile."""
        if self.stream.state in ("parked", "away"):
            return "bad"
        return "warn" if self.troubles or self.stream.state == "never" else "good"


def site_views(store: Store, now_s: float) -> list[SiteView]:
    """All peers by site number; `now_s` is Unix time."""
    sites, names = Dictionary(store).by_key("site"), known_sites(store)
    return [_view(stream, sites, names) for stream in streams(store, now_s)]


def known_sites(store: Store) -> dict[int, tuple[str, str]]:
    """The sites this box knows of, itself too, by number: Chinese and English name; empty while not said.

    The hub's list of sites names them; before it does a site is called as it was enrolled.
    """
    peers = [site for (site,) in store.rows("SELECT site FROM peer")]
    names = dict.fromkeys((store.site, *peers), ("", ""))
    names |= {one.site: (one.name, one.name) for one in reversed(certificates(store)) if one.kind == "box"}
    listed = Dictionary(store).all("site")
    names |= {int(entry.key): entry.names for entry in listed if entry.key.isdigit()}
    return dict(sorted(names.items()))


def _view(stream: StreamView, sites: Mapping[str, Entry], known: Mapping[int, tuple[str, str]]) -> SiteView:
    entry = sites.get(str(stream.site))
    above = sites.get(entry.text("parent")) if entry else None
    told = stream.condition or Condition()
    wrong = {
        "parked": stream.state == "parked",
        "away": stream.state == "away",
        "late": stream.connected and stream.oldest_s > LATE_S,
        "disk": told.disk_percent >= FULL_PERCENT,
        "clock": abs(stream.clock_s) > CLOCK_S,
        "alarms": bool(told.alarms),
        "quarantined": bool(told.quarantined),
    }
    troubles = [word for word, is_so in wrong.items() if is_so]
    names = known.get(stream.site, ("", ""))
    return SiteView(stream, told, troubles, names, above.names if above else ("", ""))
