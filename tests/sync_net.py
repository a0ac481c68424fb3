"""A hub and sites whose streams are carried by hand: everything that waits is delivered, in order."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.actor import Actor
from appliance.dictionary.dictionary import Dictionary
from appliance.events import Event, Fact
from appliance.store import outbox
from appliance.store.outbox import HUB, peer_name
from appliance.store.store import Store

CHIEF = Actor("9000", "管理员", frozenset({"AD", "DP", "TL"}))


class Net:
    """A hub and so many sites; nothing is carried but by `carry`."""

    def __init__(self, folder: Path, sites: int) -> None:
        self.hub = Store(folder / "hub.db", 0, bind=False)
        self.sites = {
            number: Store(folder / f"{number}.db", number, bind=False) for number in range(1, sites + 1)
        }
        self._sent: dict[tuple[int, int], int] = {}
        for number, site in self.sites.items():
            outbox.add_peer(self.hub, peer_name(number), number)
            outbox.add_peer(site, HUB, 0)

    def carry(self, *only: int) -> None:
        """Deliver all that waits between the hub and the sites, until nothing does."""
        moved = True
        while moved:
            moved = False
            for number in only or self.sites:
                moved |= self._one_way(self.sites[number], self.hub) | self._one_way(
                    self.hub, self.sites[number]
                )

    def _one_way(self, source: Store, target: Store) -> bool:
        name, way = peer_name(target.site), (source.site, target.site)
        rows = source.rows(
            "SELECT o.seq, e.eid, e.subject, e.kind, e.ver, e.body FROM outgoing AS o"
            " JOIN event AS e ON e.eid = o.eid WHERE o.peer = ? AND o.seq > ? ORDER BY o.seq",
            *(name, self._sent.get(way, 0)),
        )
        if rows:
            target.take([Event(*row[1:]) for row in rows], via=peer_name(source.site))
            self._sent[way] = rows[-1][0]
        return bool(rows)

    def stores(self) -> list[Store]:
        """All boxes, the hub first."""
        return [self.hub, *self.sites.values()]

    def set(self, store: Store, kind: str, key: str, **fields: object) -> None:
        """Write an entry, as the page does."""
        Dictionary(store).set(CHIEF, kind, key, fields)


def ticket(store: Store, **fields: object) -> Event:
    """Register a ticket at a box."""
    facts = {"number": f"{store.site}", "source": "web", "by": "1001", "fields": fields}
    (event,) = store.record(Fact("ticket.created", facts))
    return event


def moved(store: Store, tid: bytes, move: str, source: str, target: str, **facts: Any) -> Event:
    """Write a move as the desk does."""
    said: Mapping[str, Any] = {"move": move, "from": source, "to": target, "role": "DP", "by": "1200"}
    (event,) = store.record(Fact("ticket.moved", {**said, **facts}, tid))
    return event


def dispatched(store: Store, tid: bytes, site: int, unit: str = "lamp", again: bool = False) -> Event:
    """Dispatch a ticket to a unit of a site."""
    move, source = ("redispatch", "DISPATCHED") if again else ("dispatch", "REGISTERED")
    return moved(store, tid, move, source, "DISPATCHED", unit=unit, unit_site=site)


def shows(store: Store, tid: bytes) -> bool:
    """Tell whether a box lists a ticket."""
    return bool(store.rows("SELECT 1 FROM ticket_facet WHERE tid = ?", tid))


def holds(store: Store, event: Event) -> bool:
    """Tell whether an event is in a box's log."""
    return bool(store.rows("SELECT 1 FROM event WHERE eid = ?", event.eid))
