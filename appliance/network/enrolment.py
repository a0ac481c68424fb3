"""At the hub: inviting sites by code, certifying those that prove to know one, revoking.

What was certified and revoked is in the log; codes are not. To whoever proves nothing every
answer is the same, so nobody learns whether a code exists, ran out or was used.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.actor import Actor
from appliance.events import Fact
from appliance.network.authority import Authority, Issued, Revoked
from appliance.network.codes import (
    Answer,
    Greeting,
    Request,
    Sealed,
    handle_of,
    hub_proof,
    key_of,
    new_code,
    same,
    site_proof,
)
from appliance.network.register import GOOD
from appliance.refused import Refused
from appliance.words import N_

if TYPE_CHECKING:
    from appliance.store.store import Store

CODE_S = 30 * 60.0
TRIES = 5
CLOCK_S = 60.0
"""How far the clocks of hub and site may be apart when it joins."""
OPEN_MOST = 100
NAME_MAX = 60
CSR_MAX = 4096
KEPT_S = 7 * 86_400.0
MAX_SITE = 999
NOT_MADE = N_("This hub has no certificate authority yet. Run `hotline broker files` on it first.")
NOT_IN_FORCE = N_("This site has no certificate in force.")


@dataclass(frozen=True, slots=True)
class Invited:
    """A code that still counts, without its secret part."""

    handle: str
    site: int
    name: str
    by: str
    until_s: float
    tries: int


class Enrolment:
    """The certificates and codes of a hub."""

    def __init__(
        self,
        store: Store,
        authority: Authority,
        brokers: Sequence[str] = (),
        hub: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        """`brokers` and `hub` are told to sites: where the brokers are, what the hub is called."""
        self._store, self._authority = store, authority
        self._brokers, self._hub = tuple(brokers), hub
        self._now = now

    # what people do

    def invite(self, by: Actor, site: int, name: str) -> str:
        """Make a code for a site and return it, the only time it is told; raises Refused."""
        _only_for_the_box(by)
        if not self._authority.made:
            raise Refused("no_authority", NOT_MADE)
        if not self._brokers:
            raise Refused("no_brokers", "Write into hotline.toml how sites reach the broker: sync.brokers.")
        if not 1 <= site <= MAX_SITE:
            raise Refused("bad_number", "A site has a number from 1 to %(most)s.", most=MAX_SITE)
        if not name.strip() or len(name) > NAME_MAX:
            raise Refused(
                "bad_name", "Write the site's name, in at most %(limit)s characters.", limit=NAME_MAX
            )
        code, now_s = new_code(), self._now()
        key = key_of(code)
        facts = {"site": site, "name": name.strip(), "until_s": now_s + CODE_S, "by": by.number}
        with self._store.transaction():
            self._store.execute("DELETE FROM invitation WHERE until_s < ?", now_s - KEPT_S)
            self._close("site = ?", site)
            if len(self.invited()) >= OPEN_MOST:
                raise Refused("too_many", "There are too many open codes; withdraw some.")
            while self._store.rows("SELECT 1 FROM invitation WHERE handle = ?", handle_of(code)):
                code = new_code()
                key = key_of(code)
            self._store.execute(
                "INSERT INTO invitation (handle, key, site, name, by, made_s, until_s, tries, is_open, asked,"
                " answer) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 1, '', '')",
                *(handle_of(code), key.hex(), site, name.strip(), by.number, now_s, now_s + CODE_S),
            )
            self._store.record(Fact("network.invited", facts, b""))
        return code

    def withdraw(self, by: Actor, handle: str) -> None:
        """Make an open code count no more; raises Refused."""
        _only_for_the_box(by)
        with self._store.transaction():
            site = next((one.site for one in self.invited() if one.handle == handle), None)
            if site is None:
                raise Refused("unknown_code", "There is no such open code.")
            self._close("handle = ?", handle)
            self._store.record(Fact("network.withdrawn", {"site": site, "by": by.number}, b""))

    def revoke(self, by: Actor, site: int, why: str) -> None:
        """Make all certificates of a site count no more, at the broker too; raises Refused."""
        _only_for_the_box(by)
        if not why.strip() or len(why) > NAME_MAX:
            raise Refused("no_reason", "Write why, in at most %(limit)s characters.", limit=NAME_MAX)
        with self._store.transaction():
            if not self._revoke(site, by.number, why.strip()):
                raise Refused("unknown_site", NOT_IN_FORCE)
            self._close("site = ?", site)
        self.publish()

    # what is shown

    def invited(self) -> list[Invited]:
        """Return the codes that count."""
        rows = self._store.rows(
            "SELECT handle, site, name, by, until_s, tries FROM invitation WHERE is_open = 1 AND until_s > ?"
            " ORDER BY made_s",
            self._now(),
        )
        return [Invited(*row) for row in rows]

    def free_number(self) -> int:
        """Return the lowest site number nobody has; 0 when all are taken."""
        taken = {site for (site,) in self._store.rows("SELECT site FROM certificate WHERE kind = 'box'")}
        taken |= {site for (site,) in self._store.rows("SELECT site FROM peer")}
        taken |= {one.site for one in self.invited()}
        return next((site for site in range(1, MAX_SITE + 1) if site not in taken), 0)

    # what sites ask

    def greeting(self) -> Greeting:
        """Tell anybody who this hub is; raises Refused where there is no authority."""
        if not self._authority.made:
            raise Refused("no_authority", NOT_MADE)
        return Greeting(self._authority.certificate.decode(), int(self._now() * 1000), self._hub)

    def answer(self, request: Request, address: str = "") -> Sealed | None:
        """Certify a site that proves to know its code; None for everybody else, whatever the reason."""
        if not self._authority.made or len(request.csr) > CSR_MAX:
            return None
        ca, now_s = x509.load_pem_x509_certificate(self._authority.certificate), self._now()
        shown = ca.public_bytes(Encoding.DER)
        with self._store.transaction():
            rows = self._store.rows(
                "SELECT key, site, name, by, tries, is_open, asked, answer FROM invitation"
                " WHERE handle = ? AND until_s > ? AND key <> ''",
                *(request.handle, now_s),
            )
            key_hex, site, name, by, tries, is_open, asked, told = rows[0] if rows else _NOTHING
            key = bytes.fromhex(key_hex)
            if not same(site_proof(key, shown, request), request.proof) or not rows:
                if rows and is_open:
                    self._note_try(request.handle, site, tries + 1)
                return None
            digest = hashlib.sha256(request.proof).hexdigest()
            if not is_open:
                answer = str(told).encode() if asked == digest else b""
                return Sealed(answer, hub_proof(key, shown, request, answer)) if answer else None
            refused = _refusal(request, site, now_s)
            if refused:
                answer = msgspec.json.encode(Answer(refused=refused, now_ms=int(now_s * 1000), site=site))
                return Sealed(answer, hub_proof(key, shown, request, answer))
            issued = self._authority.box(site, request.csr, now_s)
            answer = msgspec.json.encode(
                Answer(
                    now_ms=int(now_s * 1000),
                    site=site,
                    name=name,
                    hub=self._hub,
                    certificate=issued.certificate.decode(),
                    brokers=self._brokers,
                )
            )
            self._store.execute(
                "UPDATE invitation SET is_open = 0, asked = ?, answer = ? WHERE handle = ?",
                *(digest, answer.decode(), request.handle),
            )
            replaced = self._revoke(site, by, "replaced")
            self.note(issued, site, "box", name, by, address)
        if replaced:
            self.publish()
        return Sealed(answer, hub_proof(key, shown, request, answer))

    # what happens by itself

    def note(self, issued: Issued, site: int, kind: str, name: str, by: str, address: str = "") -> None:
        """Write into the log that a certificate was made."""
        facts = {
            "serial": issued.serial,
            "site": site,
            "kind": kind,
            "name": name,
            "until_s": issued.until_s,
            "by": by,
            "address": address,
        }
        self._store.record(Fact("network.certified", facts, b""))

    def publish(self) -> None:
        """Write the list of revoked certificates from what the log says."""
        rows = self._store.rows(
            "SELECT serial, revoked_s FROM certificate WHERE revoked_s IS NOT NULL AND until_s > ?",
            self._now() - KEPT_S,
        )
        self._authority.publish([Revoked(*row) for row in rows], self._now())

    def _revoke(self, site: int, by: str, why: str) -> int:
        rows = self._store.rows(
            f"SELECT serial FROM certificate WHERE site = ? AND {GOOD}", site, self._now()
        )
        for (serial,) in rows:
            facts = {"serial": serial, "site": site, "why": why, "by": by}
            self._store.record(Fact("network.revoked", facts, b""))
        return len(rows)

    def _close(self, where: str, value: object) -> None:
        self._store.execute(
            f"UPDATE invitation SET is_open = 0, key = '' WHERE is_open = 1 AND {where}", value
        )

    def _note_try(self, handle: str, site: int, tries: int) -> None:
        self._store.execute("UPDATE invitation SET tries = ? WHERE handle = ?", tries, handle)
        if tries >= TRIES:
            self._close("handle = ?", handle)
            self._store.record(Fact("network.withdrawn", {"site": site, "by": "", "tries": tries}, b""))


_NOTHING = (secrets.token_hex(32), 0, "", "", 0, False, "", "")
"""Where there is no code the proof is compared with one nobody knows, so that it takes as long."""


def _refusal(request: Request, site: int, now_s: float) -> str:
    if abs(request.at_ms / 1000 - now_s) > CLOCK_S:
        return "clock"
    return "number" if request.wrote and request.site != site else ""


def _only_for_the_box(by: Actor) -> None:
    if not by.has("AD", "TE"):
        raise Refused("not_yours", "Your role does not allow this step.")
