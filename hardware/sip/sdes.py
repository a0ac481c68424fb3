"""Keys for SRTP in a session description (RFC 4568): one line offered, one line chosen.

The keys stand there in clear, so they are given and taken only where the signalling is TLS.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
KEY_BYTES = 30
"""Master key (16) and salt (14) of both suites."""
SAVP = ("RTP/SAVP", "RTP/SAVPF")
_LINE = re.compile(r"(\d{1,9})\s+(\w+)\s+inline:([A-Za-z0-9+/=]{40})(?:\|(?:2\^\d{1,2}|\d{1,15}))?\s*$")
"""Tag, suite, key and perhaps its lifetime. Lines with an MKI or session parameters are not ours."""


@dataclass(frozen=True, slots=True)
class Crypto:
    """One ``a=crypto`` line."""

    tag: int
    suite: str
    key: str
    """Base64 of master key and salt."""

    def line(self) -> str:
        """As it stands in a description."""
        return f"a=crypto:{self.tag} {self.suite} inline:{self.key}"


def chosen(lines: Sequence[str]) -> Crypto | None:
    """The first line we can follow."""
    for line in lines:
        if found := _LINE.match(line.strip()):
            crypto = Crypto(int(found[1]), found[2].upper(), found[3])
            if crypto.suite in SUITES and _whole(crypto.key):
                return crypto
    return None


def fresh_key() -> str:
    """A new key and salt."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _whole(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except binascii.Error:
        return False
