"""Which files this box wants from others: a queue in the database that follows the log.

The hub wants every sealed recording of its sites, and every attachment; a site wants only what
somebody there opens. What the hub then has for good it says in an event, `recording.stored`.
Images of seals are wanted everywhere (appliance/letters/travelling.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from appliance.blobs.keeping import HASH
from appliance.events import Fact
from appliance.store.outbox import STORED

if TYPE_CHECKING:
    from appliance.store.store import Store

SEAL, AWAITED, OF_TICKET, REST = -1, 0, 1, 2
"""Ranks: what is fetched first. Images of seals are small, and kept with the seals of this box."""
SIZE_MOST = 4 * 1024**3
READ = 500
LOOKED_AT_MOST = 50_000
"""So many places of the log are looked through in one transaction."""
NEXT_MOST = 20
"""So many of one site are looked at at a time."""
PAUSES_S = (60.0, 300.0, 3600.0, 6 * 3600.0, 86_400.0)
"""How long one that the other box does not have is not asked for again."""
CURSOR = "blobs"
ATTACHED = "ticket.attached"
FINGERPRINTS = ("recording.sealed", "recording.archived")
FOLLOWED = (*FINGERPRINTS, "ticket.created", ATTACHED)
_EVENTS = (
    "SELECT pos, eid, subject, kind, body FROM event WHERE pos > ? AND pos <= ?"
    " AND kind IN ({}) ORDER BY pos LIMIT ?"
)
Note = Callable[["Store", bytes, bytes, str, dict[str, Any]], None]
"""Takes note of one event: id, subject, kind, facts; raises what a malformed one makes it raise."""
_WANT = (
    "INSERT INTO blob (sha256, size, site, call, state, rank, since_s, have, failures, tries, due_s)"
    " VALUES (?, ?, ?, ?, 'wanted', ?, ?, 0, 0, 0, 0) ON CONFLICT (sha256) DO UPDATE SET"
)
_KEPT = (
    "INSERT INTO blob (sha256, size, site, call, state, rank, since_s, have, failures, tries, due_s)"
    " VALUES (?, ?, ?, ?, 'here', 2, ?, ?, 0, 0, 0) ON CONFLICT (sha256) DO UPDATE SET"
    " state = 'here', since_s = excluded.since_s, have = excluded.have,"
    " rank = CASE WHEN blob.rank < 0 THEN blob.rank ELSE 2 END"
)
_SEAL = (
    " state = CASE WHEN blob.state = 'here' THEN 'wanted' ELSE blob.state END, rank = excluded.rank,"
    " site = CASE WHEN blob.state = 'here' THEN excluded.site ELSE blob.site END,"
    " have = CASE WHEN blob.state = 'here' THEN 0 ELSE blob.have END"
    " WHERE blob.rank <> excluded.rank"
)
_NEXT = (
    "SELECT sha256, size, site, rank, since_s, have, failures FROM blob"
    " WHERE state = 'wanted' AND site = ? AND due_s <= ? ORDER BY rank, since_s LIMIT ?"
)
_UNSTORED = (
    "SELECT rid, call, site FROM recording WHERE sha256 = ? AND site <> 0 AND removed_s IS NULL"
    " AND (stored IS NULL OR stored <> sha256)"
)


@dataclass(frozen=True, slots=True)
class Want:
    """A file to fetch; `sha256` in hex, sizes in bytes."""

    sha256: str
    size: int
    site: int
    rank: int
    since_s: float
    have: int
    failures: int


def follow(store: Store) -> int:
    """Take note of what the log says of files since last asked; return how many events were looked at."""
    return 0 if store.site else noted(store, CURSOR, FOLLOWED, _note)


def noted(store: Store, cursor: str, kinds: Sequence[str], note: Note) -> int:
    """Take note of new events of these kinds, READ at most; return how many were looked at."""
    top = int(store.rows("SELECT coalesce(max(pos), 0) FROM event")[0][0])
    if top == store.cursor(cursor):
        return 0
    top = min(top, store.cursor(cursor) + LOOKED_AT_MOST)
    with store.transaction():
        sql = _EVENTS.format(", ".join("?" * len(kinds)))
        rows = store.rows(sql, store.cursor(cursor), top, *kinds, READ)
        for _, eid, subject, kind, body in rows:
            try:
                note(store, bytes(eid), bytes(subject), kind, json.loads(bytes(body)))
            except (AttributeError, KeyError, TypeError, ValueError):
                continue  # malformed: its fold set it aside, and nothing else waits for it
        reached = rows[-1][0] if len(rows) == READ else top
        if reached != store.cursor(cursor):
            store.move_cursor(cursor, reached)
    return len(rows)


def want_seal(store: Store, sha256: str, size: int, site: int, since_s: float) -> None:
    """Have the image of a seal fetched, unless it is known; raises ValueError when this names no file.

    One that lies here for another reason, as a file of a ticket, is looked for here first.
    """
    named_well(sha256, size)
    store.execute(_WANT + _SEAL, sha256, size, site, b"", SEAL, since_s)


def upcoming(store: Store, now_s: float) -> dict[int, list[Want]]:
    """What is to be fetched next, by site; a site of which nothing is wanted is not named."""
    sites = [site for (site,) in store.rows("SELECT DISTINCT site FROM blob WHERE state = 'wanted'")]
    found = {site: [Want(*row) for row in store.rows(_NEXT, site, now_s, NEXT_MOST)] for site in sites}
    return {site: wants for site, wants in found.items() if wants}


def ask(store: Store, sha256: str, size: int, site: int, now_s: float, call: bytes = b"") -> None:
    """Somebody waits for this file: it goes before all that nobody waits for."""
    again = (
        " state = 'wanted', rank = 0, due_s = 0, tries = 0, since_s = excluded.since_s, site = excluded.site,"
        " have = CASE WHEN blob.state = 'wanted' THEN blob.have ELSE 0 END,"
        " failures = CASE WHEN blob.state = 'wanted' THEN blob.failures ELSE 0 END"
    )
    with store.transaction():
        known = store.rows("SELECT state, rank, due_s FROM blob WHERE sha256 = ?", sha256)
        if not known or tuple(known[0]) != ("wanted", AWAITED, 0):
            store.execute(_WANT + again, sha256, size, site, call, AWAITED, now_s)


def is_seal(store: Store, sha256: str) -> bool:
    """Tell whether a file is the image of a seal that another box named."""
    return bool(store.rows("SELECT 1 FROM blob WHERE sha256 = ? AND rank = ?", sha256, SEAL))


def state(store: Store, sha256: str) -> tuple[str, int, int] | None:
    """How a file stands here: state, bytes that came, how often the other box did not have it."""
    rows = store.rows("SELECT state, have, tries FROM blob WHERE sha256 = ?", sha256)
    return (str(rows[0][0]), int(rows[0][1]), int(rows[0][2])) if rows else None


def progress(store: Store, sha256: str, have: int) -> None:
    """So many bytes are here, durably."""
    with store.transaction():
        store.execute("UPDATE blob SET have = ? WHERE sha256 = ?", have, sha256)


def failed(store: Store, sha256: str, failures: int) -> None:
    """It came whole and was not what its hash says, for the nth time."""
    with store.transaction():
        store.execute("UPDATE blob SET have = 0, failures = ? WHERE sha256 = ?", failures, sha256)


def set_aside(store: Store, sha256: str) -> None:
    """Nobody asks for it again by himself."""
    with store.transaction():
        store.execute("UPDATE blob SET state = 'wrong' WHERE sha256 = ?", sha256)


def missing(store: Store, sha256: str, now_s: float) -> None:
    """The other box does not have it: it is asked again, ever more seldom."""
    with store.transaction():
        found = state(store, sha256)
        tries = found[2] if found else 0
        due_s = now_s + PAUSES_S[min(tries, len(PAUSES_S) - 1)]
        store.execute(
            "UPDATE blob SET tries = ?, due_s = ?, rank = CASE WHEN rank = 0 THEN 2 ELSE rank END"
            " WHERE sha256 = ?",
            *(tries + 1, due_s, sha256),
        )


def kept(store: Store, sha256: str, size: int, now_s: float) -> None:
    """The file is here for good; at the hub that is said of every recording it is of."""
    with store.transaction():
        store.execute(_KEPT, sha256, size, store.site, b"", now_s, size)
        if not store.site:
            store.record(*_stored(store, sha256, size))


def again(store: Store) -> int:
    """Fetch all that were set aside again, from the beginning; return how many."""
    with store.transaction():
        return store.execute(
            "UPDATE blob SET state = 'wanted', have = 0, failures = 0, tries = 0, due_s = 0"
            " WHERE state = 'wrong'"
        )


def wrong(store: Store) -> Sequence[str]:
    """The files that were set aside."""
    return [str(name) for (name,) in store.rows("SELECT sha256 FROM blob WHERE state = 'wrong'")]


def _stored(store: Store, sha256: str, size: int) -> list[Fact]:
    return [
        Fact(STORED, {"rid": bytes(rid).hex(), "sha256": sha256, "size": size, "site": site}, bytes(call))
        for rid, call, site in store.rows(_UNSTORED, sha256)
    ]


def _note(store: Store, eid: bytes, subject: bytes, kind: str, facts: dict[str, Any]) -> None:
    site = int.from_bytes(eid[8:10], "big")
    if kind == "ticket.created":
        call = bytes.fromhex(facts.get("call") or "")
        if call:
            store.execute("UPDATE blob SET rank = 1 WHERE call = ? AND rank = 2", call)
    elif site and kind in FINGERPRINTS:
        rid = bytes.fromhex(facts["rid"])
        rows = store.rows("SELECT made_s FROM recording WHERE rid = ? AND removed_s IS NULL", rid)
        if rows:
            rank = OF_TICKET if _has_ticket(store, subject) else REST
            _want(store, str(facts["sha256"]), int(facts["size"]), site, subject, rank, float(rows[0][0]))
    elif site and kind == ATTACHED:
        at_s = int.from_bytes(eid[:6], "big") / 1000
        _want(store, str(facts["sha256"]), int(facts["size"]), site, b"", OF_TICKET, at_s)


def _want(store: Store, sha256: str, size: int, site: int, call: bytes, rank: int, since_s: float) -> None:
    """Want one; what is here already is said to be."""
    named_well(sha256, size)
    if (found := state(store, sha256)) and found[0] == "here":
        store.record(*_stored(store, sha256, size))
    else:
        unless_known = " site = CASE WHEN blob.state = 'wanted' THEN blob.site ELSE excluded.site END"
        store.execute(_WANT + unless_known, sha256, size, site, call, rank, since_s)


def named_well(sha256: str, size: int) -> None:
    """Raises ValueError when hash and size cannot be those of a file."""
    if not HASH.fullmatch(sha256) or not 0 <= size <= SIZE_MOST:
        raise ValueError("this names no file")


def _has_ticket(store: Store, call: bytes) -> bool:
    return bool(store.rows("SELECT 1 FROM ticket WHERE call = ? LIMIT 1", call))
