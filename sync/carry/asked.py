"""What one box asks the other for by stick: the list it brings, and the last one that was read."""

from collections.abc import Iterator, Sequence

import msgspec

from appliance.store.store import Store

LIST_MOST = 5000
"""So many hashes are on one list, those wanted first; the others come with the next."""
HASH_BYTES = 32
A_FRAME = 4000
_WANTED = "SELECT sha256 FROM blob WHERE state = 'wanted' AND site = ? ORDER BY rank, since_s LIMIT ?"
_PUT = (
    "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


class Asked(msgspec.Struct, frozen=True):
    """The newest list read of a peer."""

    made: int = 0
    hashes: tuple[str, ...] = ()


def asked_of(store: Store, far: int) -> Iterator[bytes]:
    """What this box asks a site for, as the frames of a list."""
    names = [str(name) for (name,) in store.rows(_WANTED, far, LIST_MOST)]
    for start in range(0, len(names), A_FRAME):
        yield bytes.fromhex("".join(names[start : start + A_FRAME]))


def asked_by(store: Store, name: str) -> Sequence[str]:
    """What a peer asked for last."""
    return _last(store, name).hashes


def heard(store: Store, name: str, made: int, frames: Iterator[bytes]) -> None:
    """Remember the list of a peer, unless a newer one was read."""
    if made <= _last(store, name).made:
        return
    data = b"".join(frame for frame, _ in zip(frames, range(LIST_MOST // A_FRAME + 1), strict=False))
    starts = range(0, len(data) - len(data) % HASH_BYTES, HASH_BYTES)
    hashes = tuple(data[at : at + HASH_BYTES].hex() for at in starts)
    with store.transaction():
        store.execute(_PUT, _setting(name), msgspec.json.encode(Asked(made, hashes)).decode())


def _last(store: Store, name: str) -> Asked:
    rows = store.rows("SELECT value FROM setting WHERE name = ?", _setting(name))
    return msgspec.json.decode(rows[0][0], type=Asked) if rows else Asked()


def _setting(name: str) -> str:
    return f"carry.asked.{name}"
