"""The one-time code of a site that joins, and how both sides prove to know it without saying it.

A code is three groups of four: the first names it openly, the other two are secret (39 bits, and a
key derivation that costs 64 MB and a good part of a second, so that nobody who listens finds it
by trying while it counts). Each side proves it by an HMAC over all that is agreed: who
asks and when, the authority's certificate, the request, and then the answer too. Whoever sits
between can change none of it, so the site knows the certificate it gets as its hub's. The site
proves first: a hub proves itself to nobody who does not know the code.
"""

import hashlib
import hmac
import secrets
import unicodedata
from typing import Final

import msgspec
from argon2.low_level import Type, hash_secret_raw

from appliance.refused import Refused

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0 O, 1 I L: what could be misread is not there."""
GROUP = 4
GROUPS = 3
LABEL = b"hotline-box enrolment 1"
NONCE_BYTES = 16
MEMORY_KB, PASSES = 64 * 1024, 3
"""What one guess at a code costs (Argon2id)."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a site asks its hub, and how it proves to know the code."""

    handle: str
    nonce: bytes
    """Of this attempt."""
    csr: bytes
    """Signing request, DER."""
    site: int
    """The number the box has now."""
    wrote: bool
    """Whether it wrote tickets or calls under that number."""
    at_ms: int
    """The site's clock."""
    proof: bytes = b""


class Answer(msgspec.Struct, frozen=True):
    """What a hub answers to who knows the code."""

    refused: str = ""
    """A word when nothing comes of it all the same: clock, number."""
    now_ms: int = 0
    site: int = 0
    name: str = ""
    hub: str = ""
    """What the hub is called."""
    certificate: str = ""
    brokers: tuple[str, ...] = ()


class Sealed(msgspec.Struct, frozen=True):
    """An answer as it travels: the bytes that were proved, and the proof."""

    answer: bytes
    proof: bytes


class Greeting(msgspec.Struct, frozen=True):
    """What a hub says to anybody: its authority's certificate and its clock."""

    ca: str
    now_ms: int
    hub: str = ""


def new_code() -> str:
    """Draw a code."""
    return "".join(secrets.choice(ALPHABET) for _ in range(GROUP * GROUPS))


def spaced(code: str) -> str:
    """Write a code for people: K7Q2-M9XR-4TWD."""
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))


def typed(text: str) -> str:
    """Read a code as people type it, in any case and width; raises Refused."""
    code = "".join(c for c in unicodedata.normalize("NFKC", text[:100]).upper() if c.isalnum())
    if len(code) != GROUP * GROUPS or not set(code) <= set(ALPHABET):
        raise Refused(
            "bad_code", "A code has twelve letters and digits, in three groups of four. Look at it again."
        )
    return code


def handle_of(code: str) -> str:
    """The part of a code that is said openly."""
    return code[:GROUP]


def key_of(code: str) -> bytes:
    """The key both sides derive from a code; slow on purpose."""
    salt = hashlib.sha256(LABEL + handle_of(code).encode()).digest()[:16]
    return hash_secret_raw(
        code[GROUP:].encode(),
        salt,
        time_cost=PASSES,
        memory_cost=MEMORY_KB,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )


def site_proof(key: bytes, ca: bytes, request: Request) -> bytes:
    """What a site proves: that it knows the code, asks this, and was shown this authority."""
    return _proof(key, b"site", ca, _asked(request))


def hub_proof(key: bytes, ca: bytes, request: Request, answer: bytes) -> bytes:
    """What a hub proves: that it knows the code, is this authority, and answers this to that request."""
    return _proof(key, b"hub", ca, _asked(request), answer)


def same(one: bytes, other: bytes) -> bool:
    """Compare proofs in constant time."""
    return hmac.compare_digest(one, other)


def _asked(request: Request) -> bytes:
    return msgspec.msgpack.encode(msgspec.structs.replace(request, proof=b""))


def _proof(key: bytes, who: bytes, *parts: bytes) -> bytes:
    """An HMAC over parts of which each says its length, so that none can reach into the next."""
    told = b"".join(len(part).to_bytes(4, "big") + part for part in (LABEL, who, *parts))
    return hmac.digest(key, told, "sha256")
