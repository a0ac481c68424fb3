"""Which events go to which peer: the streams, written in the transaction of the event itself.

A stream is a list of references into the log: place (seq, dense from 1), event id, and the
chain, a hash over all ids so far, by which both ends know that they mean the same list.
Which events concern whom is the table of appliance/interest.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from appliance.events import Event
from appliance.interest import FAMILIES, LARGE, MAX_SITE, SMALL, VERSION, Down, goes_down, goes_up
from appliance.store.company import changed
from appliance.store.concern import BODY_BYTES, INTERESTED, Concern, again, peer_name
from appliance.store.concern import settle as settle_next
from appliance.store.quarantine import NOT_SENT

if TYPE_CHECKING:
    from appliance.store.store import Store

__all__ = ["BODY_BYTES", "MAX_SITE", "peer_name"]

HUB = "hub"
STORED = "recording.stored"
"""The hub has the bytes of a recording: goes to the site the call was at."""
GENESIS = bytes(8)

_PEER = "SELECT out_seq, out_chain FROM peer WHERE name = ?"
_PLACE = "INSERT INTO outgoing (peer, seq, eid, chain) VALUES (?, ?, ?, ?)"
_ADVANCE = "UPDATE peer SET out_seq = ?, out_chain = ? WHERE name = ?"
_TOO_LARGE = "INSERT INTO quarantine (eid, reason, at_s) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


def _of(families: Iterable[str]) -> str:
    return "(" + " OR ".join(f"kind LIKE '{family}.%'" for family in families) + ")"


def _going(down: Down) -> str:
    """The large families that go down this way; what they say does not matter."""
    probe = Event(bytes(16), bytes(16), "", 1, b"{}")
    return _of(name for name in LARGE if FAMILIES[name].down(probe) is down)


_SETTINGS = (
    "SELECT eid, subject, kind, ver, body FROM event"
    f" WHERE {_of(SMALL)} AND length(body) <= {BODY_BYTES} ORDER BY pos"
)
_EVERYTHING_UP = (
    f"SELECT eid FROM event WHERE (via = '{HUB}' OR {_of(LARGE)})"
    f" AND length(body) <= {BODY_BYTES} ORDER BY pos"
)
_INTERESTED = "EXISTS (SELECT 1 FROM interest AS i WHERE i.subject = event.subject AND i.site = ?)"
_EVERYTHING_DOWN = (
    f"SELECT eid FROM event WHERE length(body) <= {BODY_BYTES} AND (via = ?"
    f" OR {_going(Down.SUBJECT)} AND {_INTERESTED}"
    f" OR {_going(Down.ORIGIN)} AND substr(subject, 9, 2) = ?) ORDER BY pos"
)
_RETURNED = (
    "SELECT eid FROM event WHERE via = ? AND eid NOT IN"
    " (SELECT eid FROM outgoing WHERE peer = ? AND seq > ?) ORDER BY pos"
)


def chain(before: bytes, eid: bytes) -> bytes:
    """The hash of a stream after one more event."""
    return blake2b(before + eid, digest_size=8).digest()


def add_peer(store: Store, name: str, site: int) -> None:
    """Begin a stream to a peer, with everything it is concerned with.

    Nothing happens when there is one, unless another version of the table of interest began it.
    """
    with store.transaction():
        store.execute(
            "INSERT INTO peer (name, site, state, reason, incarnation, out_epoch, out_seq, out_chain,"
            " out_low, acked, in_epoch, in_seq, in_chain, seen_s, clock_s, restarts)"
            " VALUES (?, ?, 'never', '', '', 0, 0, ?, 0, 0, 0, 0, ?, 0, 0, 0) ON CONFLICT DO NOTHING",
            name,
            site,
            GENESIS,
            GENESIS,
        )
        changed(store)
        if store.rows("SELECT interest FROM peer WHERE name = ?", name) != [(VERSION,)]:
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
            "UPDATE peer SET out_epoch = ?, out_seq = 0, out_chain = ?, out_low = 0, acked = 0,"
            " interest = ? WHERE name = ?",
            epoch,
            GENESIS,
            VERSION,
            name,
        )
        if not store.site:
            _link_customers(store, site)
        _append(store, name, _everything(store, name, site))


def shared(store: Store, name: str) -> set[bytes]:
    """The ids of the events that concern a peer too: both hold them once their streams are empty."""
    sites = store.rows("SELECT site FROM peer WHERE name = ?", name)
    if not sites:
        return set()
    came = {bytes(eid) for (eid,) in store.rows("SELECT eid FROM event WHERE via = ?", name)}
    hidden = store.rows("SELECT e.eid FROM event AS e JOIN lost AS l ON l.subject = e.subject")
    return (came | set(_everything(store, name, sites[0][0]))) - {bytes(eid) for (eid,) in hidden}


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
    if not events or (store.site and not store.linked):
        return
    events = _that_fit(store, events)
    if store.site:
        if via != HUB:
            _append(store, HUB, [event.eid for event in events if goes_up(event)])
        return
    concern = Concern(store, events, via)
    for name, eids in concern.streams.items():
        _append(store, name, eids)
    again(store, events, concern, lambda name, eids: _append(store, name, eids))


def settle(store: Store) -> int:
    """After a change of the tree of sites: move the next tickets that wait for it; return how many."""
    if store.site or not store.rows("SELECT 1 FROM unsettled LIMIT 1"):
        return 0
    with store.transaction():
        return settle_next(store, lambda name, eids: _append(store, name, eids))


def _everything(store: Store, name: str, site: int) -> list[bytes]:
    """All that a peer is to have, each once: settings first, then the rest as it came."""
    large = (_EVERYTHING_DOWN, name, site, site.to_bytes(2, "big"))
    found = store.rows(_EVERYTHING_UP) if store.site else store.rows(*large)
    eids = [*_settings(store, site), *(bytes(eid) for (eid,) in found)]
    return list(dict.fromkeys(eids))


def _settings(store: Store, site: int) -> Iterator[bytes]:
    """What of the small families goes to the peer, as its own bodies say."""
    for eid, subject, kind, ver, body in store.rows(_SETTINGS):
        event = Event(bytes(eid), bytes(subject), kind, ver, bytes(body))
        if store.site:
            concerned = goes_up(event)
        else:
            match goes_down(event):
                case Down.EVERYBODY:
                    concerned = True
                case Down.SUBJECT:
                    where = "SELECT 1 FROM interest WHERE subject = ? AND site = ?"
                    concerned = bool(store.rows(where, event.subject, site))
                case Down.NAMED:
                    concerned = event.facts.get("site") == site
                case _:
                    concerned = False
        if concerned:
            yield event.eid


def _link_customers(store: Store, site: int) -> None:
    """Have customers concern a site for whose tickets nobody has said so yet."""
    rows = store.rows(
        "SELECT DISTINCT t.customer FROM ticket AS t JOIN interest AS i ON i.subject = t.tid"
        " WHERE i.site = ? AND t.customer <> ''",
        site,
    )
    if rows:
        store.execute_many(INTERESTED, [(bytes.fromhex(customer), site) for (customer,) in rows])


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
