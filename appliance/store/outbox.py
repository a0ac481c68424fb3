"""Which events go to which peer: the streams, written in the transaction of the event itself.

A stream is a list of references into the log: place (seq, dense from 1), event id, and the
chain, a hash over all ids so far, by which both ends know that they mean the same list.
A site sends what belongs to citizens' matters to the hub. The hub sends a ticket's events
to the sites concerned with it: the one that wrote of it and those it is dispatched to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from appliance.events import Event
from appliance.store.quarantine import NOT_SENT

if TYPE_CHECKING:
    from appliance.store.store import Store

HUB = "hub"
PEERS = "peers"
UPWARD = ("ticket", "call", "callback", "recording", "message", "text")
"""Families of kinds a site sends to the hub."""
DOWNWARD = "ticket"
GIVING = frozenset({"ticket.moved", "ticket.strand"})
"""Kinds of events that may give work to a unit: a dispatch, a sub-order."""
DISPATCHES = frozenset({"dispatch", "redispatch"})
BODY_BYTES = 60_000
"""A larger body fits in no frame; such an event stays here and is shown in quarantine."""
GENESIS = bytes(8)
MAX_SITE = 999

_PEER = "SELECT out_seq, out_chain FROM peer WHERE name = ?"
_PLACE = "INSERT INTO outgoing (peer, seq, eid, chain) VALUES (?, ?, ?, ?)"
_ADVANCE = "UPDATE peer SET out_seq = ?, out_chain = ? WHERE name = ?"
_TOO_LARGE = "INSERT INTO quarantine (eid, reason, at_s) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_EVERYTHING_UP = (
    "SELECT eid FROM event WHERE (kind LIKE '" + ".%' OR kind LIKE '".join(UPWARD) + ".%')"
    f" AND length(body) <= {BODY_BYTES} ORDER BY pos"
)
_EVERYTHING_DOWN = (
    f"SELECT eid FROM event WHERE length(body) <= {BODY_BYTES} AND (via = ?"
    f" OR kind LIKE '{DOWNWARD}.%' AND EXISTS (SELECT 1 FROM interest AS i WHERE i.subject = event.subject"
    " AND i.site = ?)) ORDER BY pos"
)
_RETURNED = (
    "SELECT eid FROM event WHERE via = ? AND eid NOT IN"
    " (SELECT eid FROM outgoing WHERE peer = ? AND seq > ?) ORDER BY pos"
)


def peer_name(site: int) -> str:
    """The name of the peer that is this site: hub, or site-007."""
    return f"site-{site:03d}" if site else HUB


def chain(before: bytes, eid: bytes) -> bytes:
    """The hash of a stream after one more event."""
    return blake2b(before + eid, digest_size=8).digest()


def add_peer(store: Store, name: str, site: int) -> None:
    """Begin a stream to a peer, with everything it is concerned with; nothing happens when there is one."""
    with store.transaction():
        if store.execute(
            "INSERT INTO peer (name, site, state, reason, incarnation, out_epoch, out_seq, out_chain,"
            " out_low, acked, in_epoch, in_seq, in_chain, seen_s, clock_s, restarts)"
            " VALUES (?, ?, 'never', '', '', 0, 0, ?, 0, 0, 0, 0, ?, 0, 0, 0) ON CONFLICT DO NOTHING",
            name,
            site,
            GENESIS,
            GENESIS,
        ):
            store.forget(PEERS)
            restart(store, name)


def restart(store: Store, name: str, above: int = 0) -> None:
    """Begin a new epoch of the stream to a peer: everything it is concerned with, from place 1.

    An epoch is the clock of a fresh event id, so it is larger than any this store gave before;
    `above` is the highest the peer knows. What the peer has already, it knows by its id.
    """
    with store.transaction():
        site, epoch = store.rows("SELECT site, out_epoch FROM peer WHERE name = ?", name)[0]
        epoch = max(int.from_bytes(store.stamp.eid()[:8], "big"), epoch + 1, above + 1)
        store.execute("DELETE FROM outgoing WHERE peer = ?", name)
        store.execute(
            "UPDATE peer SET out_epoch = ?, out_seq = 0, out_chain = ?, out_low = 0, acked = 0"
            " WHERE name = ?",
            epoch,
            GENESIS,
            name,
        )
        found = store.rows(_EVERYTHING_UP) if store.site else store.rows(_EVERYTHING_DOWN, name, site)
        _append(store, name, [row[0] for row in found])


def shared(store: Store, name: str) -> set[bytes]:
    """The ids of the events that this box and a peer both hold once their streams are empty."""
    sites = store.rows("SELECT site FROM peer WHERE name = ?", name)
    if not sites:
        return set()
    if store.site:
        came = "SELECT eid FROM event WHERE via = ?"
        return {bytes(eid) for (eid,) in (*store.rows(_EVERYTHING_UP), *store.rows(came, name))}
    return {bytes(eid) for (eid,) in store.rows(_EVERYTHING_DOWN, name, sites[0][0])}


def give_back(store: Store, name: str, after: int) -> None:
    """Send a peer that lost its memory what it once told us, unless it already stands behind `after`."""
    with store.transaction():
        _append(store, name, [row[0] for row in store.rows(_RETURNED, name, name, after)])


def prune(store: Store, name: str, upto: int) -> None:
    """Forget acknowledged places up to `upto`; the last of them stays, for its chain."""
    with store.transaction():
        acked, low = store.rows("SELECT acked, out_low FROM peer WHERE name = ?", name)[0]
        upto = min(upto, acked)
        if upto > low + 1:
            store.execute("DELETE FROM outgoing WHERE peer = ? AND seq < ?", name, upto)
            store.execute("UPDATE peer SET out_low = ? WHERE name = ?", upto - 1, name)


def enqueue(store: Store, events: Sequence[Event], via: str) -> None:
    """Append events to the outgoing streams of the peers they concern, never back to where they came from."""
    if not events or (store.site and not store.once(PEERS, lambda: store.rows("SELECT 1 FROM peer LIMIT 1"))):
        return
    events = _that_fit(store, events)
    if not store.site:
        for name, eids in _concerned(store, events, via).items():
            _append(store, name, eids)
    elif via != HUB:
        _append(store, HUB, [event.eid for event in events if event.kind.split(".", 1)[0] in UPWARD])


def _append(store: Store, name: str, eids: Iterable[bytes]) -> None:
    known = store.rows(_PEER + store.engine.for_update, name)
    places = []
    if known:
        seq, link = known[0]
        for eid in eids:
            seq, link = seq + 1, chain(link, eid)
            places.append((name, seq, eid, link))
    if places:
        store.execute_many(_PLACE, places)
        store.execute(_ADVANCE, seq, link, name)


def _that_fit(store: Store, events: Sequence[Event]) -> Sequence[Event]:
    large = [event for event in events if len(event.body) > BODY_BYTES]
    if not large:
        return events
    for event in large:
        reason = f"{NOT_SENT}its body has {len(event.body)} bytes, {BODY_BYTES} is the limit"
        store.execute(_TOO_LARGE, event.eid, reason, event.at_s)
    return [event for event in events if len(event.body) <= BODY_BYTES]


def _concerned(store: Store, events: Sequence[Event], via: str) -> Mapping[str, list[bytes]]:
    """At the hub: whose streams these belong in, with the whole history where a site is newly concerned."""
    events = [event for event in events if event.kind.split(".", 1)[0] == DOWNWARD]
    interest = _interest(store, {event.subject for event in events})
    fresh: dict[tuple[bytes, int], None] = {}
    for event in events:
        for site in _sites_named(event):
            if site not in interest.setdefault(event.subject, set()):
                interest[event.subject].add(site)
                fresh[event.subject, site] = None
    streams: dict[str, list[bytes]] = {}
    for event in events:
        for site in sorted(interest.get(event.subject, ())):
            if (event.subject, site) not in fresh and peer_name(site) != via:
                streams.setdefault(peer_name(site), []).append(event.eid)
    if fresh:
        store.execute_many("INSERT INTO interest (subject, site) VALUES (?, ?)", fresh)
        told = _history(store, {subject for subject, _ in fresh})
        for subject, site in fresh:
            name = peer_name(site)
            eids = [eid for eid, came_by in told[subject] if came_by != name]
            if eids:
                streams.setdefault(name, []).extend(eids)
    return streams


def _sites_named(event: Event) -> Sequence[int]:
    """The sites an event concerns by itself: its writer's, and that of a unit that is given work by it."""
    sites = [event.site] if event.site else []
    if event.kind in GIVING and b"unit_site" in event.body:
        try:
            facts = event.facts
            gives = event.kind == "ticket.strand" or facts.get("move") in DISPATCHES
            site = facts.get("unit_site") if gives else None
        except (ValueError, AttributeError):
            site = None
        if type(site) is int and 0 < site <= MAX_SITE:
            sites.append(site)
    return sites


def _interest(store: Store, subjects: set[bytes]) -> dict[bytes, set[int]]:
    known: dict[bytes, set[int]] = {}
    for subject, site in _among(store, "SELECT subject, site FROM interest WHERE subject IN", subjects):
        known.setdefault(bytes(subject), set()).add(site)
    return known


def _history(store: Store, subjects: set[bytes]) -> dict[bytes, list[tuple[bytes, str]]]:
    told: dict[bytes, list[tuple[bytes, str]]] = {subject: [] for subject in subjects}
    sql = (
        f"SELECT subject, eid, via FROM event WHERE kind LIKE '{DOWNWARD}.%' AND length(body) <= {BODY_BYTES}"
    )
    for subject, eid, via in sorted(_among(store, sql + " AND subject IN", subjects), key=_by_eid):
        told[bytes(subject)].append((bytes(eid), via))
    return told


def _by_eid(row: Sequence[Any]) -> bytes:
    return bytes(row[1])


def _among(store: Store, sql: str, values: set[bytes]) -> Iterable[Any]:
    asked = sorted(values)
    for start in range(0, len(asked), 500):
        part = asked[start : start + 500]
        yield from store.rows(f"{sql} ({', '.join('?' * len(part))})", *part)
