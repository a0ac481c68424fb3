"""Who made a carried file, and for whom: a pair of keys for each box, and the public ones it was shown.

A box signs with Ed25519 and reads with X25519. Its public keys travel in a small file that people
carry once and compare by a short fingerprint; keys made at enrolment could be put here as well.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from appliance.refused import Refused
from appliance.store.outbox import MAX_SITE, peer_name
from appliance.store.store import Store
from appliance.words import N_

KEY_BYTES = 32
SIGNATURE_BYTES = 64
FILE_BYTES = 2000
"""A key file is small."""
NO_KEY_FILE = N_("This is no key file of a Hotline Box.")
OWN_KEY = N_("This is the key of this box itself: carry it to the other one.")
_PUT = (
    "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


class Public(msgspec.Struct, frozen=True):
    """What others know of a box: hexadecimal keys, and the site they are for."""

    site: int
    sign: str
    read: str
    kind: str = "hotline carry key 1"

    @property
    def fingerprint(self) -> str:
        """What two people compare: five groups of four signs."""
        whole = hashlib.sha256(bytes.fromhex(self.sign) + bytes.fromhex(self.read)).hexdigest()
        return " ".join(whole[at : at + 4] for at in range(0, 20, 4))

    def to_file(self) -> bytes:
        """The key file."""
        return msgspec.json.encode(self) + b"\n"


@dataclass(frozen=True, slots=True)
class Keys:
    """The secret keys of this box."""

    signing: Ed25519PrivateKey
    reading: X25519PrivateKey

    def public(self, site: int) -> Public:
        """What others may know."""
        sign, read = self.signing.public_key(), self.reading.public_key()
        return Public(site, sign.public_bytes_raw().hex(), read.public_bytes_raw().hex())


def own_keys(file: Path) -> Keys:
    """Return the keys of this box, made at the first time; raises OSError."""
    if not file.exists():
        fresh = file.with_suffix(".fresh")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            signing, reading = Ed25519PrivateKey.generate(), X25519PrivateKey.generate()
            out.write(signing.private_bytes_raw() + reading.private_bytes_raw())
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    raw = file.read_bytes()
    return Keys(
        Ed25519PrivateKey.from_private_bytes(raw[:KEY_BYTES]),
        X25519PrivateKey.from_private_bytes(raw[KEY_BYTES:]),
    )


def trust(store: Store, data: bytes) -> Public:
    """Remember the keys of another box from its key file; raises Refused."""
    try:
        public = msgspec.json.decode(data[: FILE_BYTES + 1], type=Public)
        sound = all(len(bytes.fromhex(key)) == KEY_BYTES for key in (public.sign, public.read))
    except ValueError:
        sound = False
    if not sound or len(data) > FILE_BYTES or public.kind != Public(0, "", "").kind:
        raise Refused("no_key_file", NO_KEY_FILE)
    if public.site == store.site or not 0 <= public.site <= MAX_SITE:
        raise Refused("own_key", OWN_KEY)
    with store.transaction():
        store.execute(_PUT, _setting(public.site), public.to_file().decode())
    return public


def trusted(store: Store, site: int) -> Public | None:
    """The keys of a box that were brought here, or None."""
    rows = store.rows("SELECT value FROM setting WHERE name = ?", _setting(site))
    return msgspec.json.decode(rows[0][0], type=Public) if rows else None


def verified(sign: bytes, signature: bytes, digest: bytes) -> bool:
    """Whether the owner of a signing key signed this digest."""
    try:
        Ed25519PublicKey.from_public_bytes(sign).verify(signature, digest)
    except (InvalidSignature, ValueError):
        return False
    return True


def shared(mine: X25519PrivateKey, theirs: bytes, about: bytes) -> bytes:
    """The key that only these two can compute, for one file."""
    secret = mine.exchange(X25519PublicKey.from_public_bytes(theirs))
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=about).derive(secret)


def _setting(site: int) -> str:
    return f"carry.key.{peer_name(site)}"
