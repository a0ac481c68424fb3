"""Digest authentication, asked for and given (RFC 2617, RFC 7616, RFC 8760).

Passwords are known only as HA1 = H(user:realm:password). Nonces carry their time and a
keyed check, so that none has to be remembered.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from aiosipua.header_codec import parse_auth, stringify_auth
from aiosipua.headers import AuthChallenge, AuthCredentials

HASHES: dict[str, Callable[[bytes], "hashlib._Hash"]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Verdict(Enum):
    """What became of someone's credentials."""

    RIGHT = "right"
    WRONG = "wrong"
    STALE = "stale"
    """Right, but the nonce is too old or from before a restart: ask again."""


def digest(algorithm: str, text: str) -> str:
    """H(text) in hex."""
    return HASHES[algorithm](text.encode()).hexdigest()


def ha1(user: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """What is kept instead of a password."""
    return digest(algorithm, f"{user}:{realm}:{password}")


def fields(header: str) -> dict[str, str]:
    """The parameters of a Digest header, names in lower case; empty for another scheme."""
    parsed = parse_auth(header)
    if parsed.scheme.lower() != "digest":
        return {}
    return {name.lower(): value for name, value in parsed.params.items()}


def _response(said: dict[str, str], algorithm: str, secret: str, method: str) -> str:
    """The request-digest (RFC 7616 §3.4.1), with or without qop."""
    middle = said["nonce"]
    if "qop" in said:
        middle += f":{said.get('nc', '')}:{said.get('cnonce', '')}:{said['qop']}"
    ha2 = digest(algorithm, method + ":" + said.get("uri", ""))
    return digest(algorithm, f"{secret}:{middle}:{ha2}")


@dataclass(frozen=True, slots=True)
class Challenger:
    """The side that asks: one realm, one algorithm, nonces good for `life_s`."""

    realm: str
    key: bytes
    algorithm: str = "MD5"
    life_s: float = 300.0

    def challenge(self, now: float, *, stale: bool = False) -> str:
        """The value of a WWW-Authenticate or Proxy-Authenticate header."""
        params = {"realm": self.realm, "nonce": self._nonce(now), "algorithm": self.algorithm, "qop": "auth"}
        if stale:
            params["stale"] = "true"
        return stringify_auth(AuthChallenge("Digest", params))

    def check(self, said: dict[str, str], secret: str, method: str, now: float) -> Verdict:
        """Judge the `fields` of an Authorization header against an HA1."""
        if (
            said.get("realm") != self.realm
            or said.get("algorithm", "MD5").upper() != self.algorithm
            or said.get("qop", "auth") != "auth"
            or "nonce" not in said
        ):
            return Verdict.WRONG
        # A nonce of ours from before a restart fails its seal: the phone shall ask again, not give up.
        if not self.asked(said):
            return Verdict.STALE
        right = _response(said, self.algorithm, secret, method)
        if not hmac.compare_digest(right.encode(), said.get("response", "").lower().encode()):
            return Verdict.WRONG
        age_s = now - int(said["nonce"].partition(".")[0], 16) / 1000
        return Verdict.RIGHT if age_s <= self.life_s else Verdict.STALE

    def _nonce(self, now: float) -> str:
        stamp = f"{int(now * 1000):x}.{secrets.token_hex(4)}"
        return f"{stamp}.{self._seal(stamp)}"

    def asked(self, said: dict[str, str]) -> bool:
        """Whether this answers a challenge of ours, so that its sender surely is where it says."""
        stamp, _, seal = said.get("nonce", "").rpartition(".")
        return hmac.compare_digest(self._seal(stamp).encode(), seal.encode())

    def _seal(self, stamp: str) -> str:
        return hmac.new(self.key, stamp.encode(), hashlib.sha256).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Credentials:
    """The side that is asked: who we are in which realm. HA1 is per algorithm; empty is unusable."""

    user: str
    realm: str
    ha1_md5: str = ""
    ha1_sha256: str = ""

    def answer(
        self, challenge: str, method: str, uri: str, *, count: int = 1, cnonce: str | None = None
    ) -> str | None:
        """The value of the Authorization header, or None when this challenge is not for us."""
        asked = fields(challenge)
        algorithm = asked.get("algorithm", "MD5").upper()
        secret = {"MD5": self.ha1_md5, "SHA-256": self.ha1_sha256}.get(algorithm)
        if not secret or asked.get("realm") != self.realm or not asked.get("nonce"):
            return None
        offered = [q.strip().lower() for q in asked.get("qop", "").split(",") if q.strip()]
        if offered and "auth" not in offered:
            return None
        said = {"username": self.user, "realm": self.realm, "nonce": asked["nonce"], "uri": uri}
        if "algorithm" in asked:
            said["algorithm"] = asked["algorithm"]
        if offered:
            said |= {"qop": "auth", "nc": f"{count:08x}", "cnonce": cnonce or secrets.token_hex(8)}
        said["response"] = _response(said, algorithm, secret, method)
        if "opaque" in asked:
            said["opaque"] = asked["opaque"]
        return stringify_auth(AuthCredentials("Digest", said))


@dataclass(frozen=True, slots=True)
class Login:
    """A user and password for whatever realm asks: a provider names its realm only when it asks."""

    user: str
    password: str

    def answer(
        self, challenge: str, method: str, uri: str, *, count: int = 1, cnonce: str | None = None
    ) -> str | None:
        """The value of the Authorization header, or None when the challenge cannot be met."""
        realm = fields(challenge).get("realm", "")
        kept = {a: ha1(self.user, realm, self.password, a) for a in HASHES}
        known = Credentials(self.user, realm, kept["MD5"], kept["SHA-256"])
        return known.answer(challenge, method, uri, count=count, cnonce=cnonce)
