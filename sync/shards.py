"""Several workers of one hub share its sites: each serves the shards it has a lease of, and only those.

A site belongs to a shard by its number, so its events always pass through one worker and stay in order.
Leases lie in the hub's database and end by themselves: what a dead worker held, the others take over. That a
worker which only slept does no harm is not up to the lease but to the streams: a place is taken once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appliance.store.store import Store

SHARDS = 16
LEASE_MS = 15_000
RENEW_S = 5.0
_LEASES = "SELECT shard, holder, until_ms FROM lease"
_HOLD = (
    "INSERT INTO lease (shard, holder, until_ms) VALUES (?, ?, ?)"
    " ON CONFLICT (shard) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms"
)
_LEAVE = "DELETE FROM lease WHERE shard = ? AND holder = ?"


@dataclass(frozen=True, slots=True)
class Lease:
    """Who serves a shard, until when (Unix milliseconds)."""

    holder: str
    until_ms: int


def shard_of(site: int) -> int:
    """The shard a site belongs to."""
    return site % SHARDS


def share(me: str, leases: Mapping[int, Lease], now_ms: int) -> frozenset[int]:
    """The shards a worker is to hold now, by the leases there are; those from SHARDS on say who is there.

    It keeps what it has up to an even share, and takes what nobody holds: so a worker that comes
    finds room, and what one held that goes falls to the others.
    """
    live = {shard: lease.holder for shard, lease in leases.items() if lease.until_ms > now_ms}
    even = -(-SHARDS // len({*live.values(), me}))
    mine = sorted(shard for shard, holder in live.items() if holder == me and shard < SHARDS)[:even]
    free = [shard for shard in range(SHARDS) if shard not in live]
    return frozenset(mine + free[: even - len(mine)])


class Shards:
    """The leases of one worker in the hub's database; `now_ms` is Unix time."""

    def __init__(self, store: Store, worker: int, now_ms: Callable[[], int]) -> None:
        self.held: frozenset[int] = frozenset()
        self._store, self._now_ms = store, now_ms
        self._me, self._there = f"worker {worker}", SHARDS + worker

    def renew(self) -> bool:
        """Renew the leases; whether other shards are held than before."""
        before, now_ms = self.held, self._now_ms()
        with self._store.transaction():
            leases = {shard: Lease(holder, until) for shard, holder, until in self._store.rows(_LEASES)}
            self.held = share(self._me, leases, now_ms)
            for shard in (*self.held, self._there):
                self._store.execute(_HOLD, shard, self._me, now_ms + LEASE_MS)
            for shard, lease in leases.items():
                if lease.holder == self._me and shard not in self.held and shard < SHARDS:
                    self._store.execute(_LEAVE, shard, self._me)
        return self.held != before

    def serves(self, site: int) -> bool:
        """Whether this worker serves a site."""
        return shard_of(site) in self.held
