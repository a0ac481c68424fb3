"""People who sign in: who somebody is, what roles they have, passwords and sessions."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from appliance.actor import BOX as BOX
from appliance.actor import CITIZEN as CITIZEN
from appliance.actor import ROLES as ROLES
from appliance.actor import Actor as Actor
from appliance.dictionary.dictionary import Dictionary
from appliance.events import Fact
from appliance.refused import Refused

if TYPE_CHECKING:
    from appliance.store.store import Store

FAILURES_MAX = 5
LOCKED_S = 300.0
PASSWORD_MIN = 10
PASSWORD_MAX = 200
IDLE_S = 12 * 3600.0
SEEN_EVERY_S = 60.0
"""How exactly it is remembered when a session was last used."""
FIRST_ADMINISTRATOR = "9000"
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_NUMBER = re.compile(r"[0-9A-Za-z]{1,16}")


class People:
    """Signs people in and out and keeps their passwords (argon2id).

    In demo mode nobody is made to change a password.
    """

    def __init__(
        self,
        store: Store,
        demo: bool = False,
        now: Callable[[], float] = time.time,
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._store = store
        self._demo = demo
        self._now = now
        self._hasher = hasher or PasswordHasher()
        self._nobody = ""
        """A hash nobody has: an unknown number takes as long as a wrong password."""

    def sign_in(self, number: str, password: str, address: str = "") -> str:
        """Return the token for the session cookie; raises Refused("wrong") or Refused("locked").

        Five wrong passwords lock the number for five minutes. An unknown number and one no
        longer active are answered like a wrong password.
        """
        now = self._now()
        number, password = number.strip()[:16], password[:PASSWORD_MAX]
        rows = self._store.rows(
            "SELECT secret, locked_until_s FROM person WHERE number = ? AND active = 1", number
        )
        secret, locked_until_s = rows[0] if rows else (self._no_secret(), 0.0)
        if locked_until_s > now:
            raise _locked(locked_until_s - now)
        if not self._matches(secret, password) or not rows:
            if rows:
                self._failed(number, address)
            raise Refused("wrong", "Number or password is wrong.")
        token = secrets.token_urlsafe(32)
        with self._store.transaction():
            self._store.execute("DELETE FROM session WHERE seen_s < ?", now - IDLE_S)
            self._store.execute("UPDATE person SET failures = 0, locked_until_s = 0 WHERE number = ?", number)
            if self._hasher.check_needs_rehash(secret):
                self._store.execute(
                    "UPDATE person SET secret = ? WHERE number = ?", self._hasher.hash(password), number
                )
            self._store.execute(
                "INSERT INTO session (key, person_id, made_s, seen_s, address) VALUES (?, ?, ?, ?, ?)",
                _key(token),
                number,
                now,
                now,
                address[:64],
            )
            self._store.record(Fact("person.signed_in", {"number": number, "address": address[:64]}, b""))
        return token

    def actor_for(self, token: str) -> Actor | None:
        """Return whose session it is; None when unknown, unused for 12 hours, or of somebody inactive."""
        now = self._now()
        rows = self._store.rows(
            "SELECT p.number, p.name, p.roles, p.unit, p.language, p.extension, p.must_change, s.seen_s"
            " FROM session s JOIN person p ON p.number = s.person_id"
            " WHERE s.key = ? AND p.active = 1 AND s.seen_s > ?",
            _key(token),
            now - IDLE_S,
        )
        if not rows:
            return None
        number, name, roles, unit, language, extension, must_change, seen_s = rows[0]
        if now - seen_s > SEEN_EVERY_S:
            with self._store.transaction():
                self._store.execute("UPDATE session SET seen_s = ? WHERE key = ?", now, _key(token))
        return Actor(
            number,
            name,
            frozenset(filter(None, roles.split(","))),
            unit,
            language,
            extension,
            bool(must_change) and not self._demo,
        )

    def sign_out(self, token: str) -> None:
        """End a session."""
        with self._store.transaction():
            self._store.execute("DELETE FROM session WHERE key = ?", _key(token))

    def set_password(self, number: str, old: str, new: str, keep: str = "") -> None:
        """Set an own password and end all sessions of the person but `keep` (a token); raises Refused."""
        rows = self._store.rows(
            "SELECT secret, locked_until_s FROM person WHERE number = ? AND active = 1", number
        )
        now = self._now()
        if rows and rows[0][1] > now:
            raise _locked(rows[0][1] - now)
        if not rows or not self._matches(rows[0][0], old[:PASSWORD_MAX]):
            if rows:
                self._failed(number, "")
            raise Refused("wrong", "The old password is wrong.")
        _check_password(number, new)
        if new == old:
            raise Refused("same_password", "The new password must differ from the old one.")
        secret = self._hasher.hash(new)
        with self._store.transaction():
            self._store.execute(
                "UPDATE person SET secret = ?, must_change = 0, failures = 0, locked_until_s = 0"
                " WHERE number = ?",
                secret,
                number,
            )
            kept = _key(keep) if keep else ""
            self._store.execute("DELETE FROM session WHERE person_id = ? AND key <> ?", number, kept)
            self._store.record(Fact("person.password_set", {"number": number}, b""))

    def create_person(
        self,
        number: str,
        name: str,
        password: str,
        roles: Iterable[str],
        unit: str = "",
        extension: str = "",
        must_change: bool = True,
        by: str = "",
    ) -> None:
        """Add a person; raises Refused for a bad or taken number, an unknown role, or a bad password."""
        fields = _profile(number, name, roles, unit, extension)
        _check_password(number, password)
        secret = self._hasher.hash(password)
        with self._store.transaction():
            if self._store.rows("SELECT 1 FROM person WHERE number = ?", number):
                raise Refused("taken", "The number %(number)s belongs to somebody already.", number=number)
            actor = Actor(by, BOX.name if not by else "", BOX.roles)
            Dictionary(self._store).write(
                actor, lambda draft: draft.set("person", number, fields, loose=True)
            )
            self._store.execute(
                "UPDATE person SET secret = ?, must_change = ? WHERE number = ?", secret, must_change, number
            )

    def reset_password(self, number: str, code: str, by: str = "") -> None:
        """Give somebody a new one-time password, unlock them and end their sessions; raises Refused."""
        _check_password(number, code)
        secret = self._hasher.hash(code)
        with self._store.transaction():
            changed = self._store.execute(
                "UPDATE person SET secret = ?, must_change = 1, failures = 0, locked_until_s = 0"
                " WHERE number = ?",
                secret,
                number,
            )
            if not changed:
                raise Refused("unknown_person", "Nobody has the number %(number)s.", number=number)
            self._store.execute("DELETE FROM session WHERE person_id = ?", number)
            self._store.record(Fact("person.password_reset", {"number": number, "by": by}, b""))

    def set_active(self, number: str, active: bool, by: str = "") -> None:
        """Let somebody sign in, or no longer; their sessions end; raises Refused."""
        actor = Actor(by, "" if by else BOX.name, BOX.roles)
        with self._store.transaction():
            if not self._store.rows("SELECT 1 FROM person WHERE number = ?", number):
                raise Refused("unknown_person", "Nobody has the number %(number)s.", number=number)
            dictionary = Dictionary(self._store)
            (dictionary.restore if active else dictionary.retire)(actor, "person", number)

    def set_language(self, number: str, language: str) -> None:
        """Remember in which language somebody reads the pages: zh, en, or empty for the browser's."""
        if language not in ("", "zh", "en"):
            raise Refused("bad_choice", "Choose %(field)s from the list.", field="Language")
        with self._store.transaction():
            self._store.execute("UPDATE person SET language = ? WHERE number = ?", language, number)

    def first_administrator(self) -> tuple[str, str] | None:
        """Return number and one-time password of the first administrator, for the box to print.

        A new one is made until somebody has signed in with it and set an own; None after that.
        """
        rows = self._store.rows(
            "SELECT number, must_change FROM person WHERE active = 1 AND ',' || roles || ',' LIKE '%,AD,%'"
        )
        if any(not must_change for _, must_change in rows) or len(rows) > 1:
            return None
        raw = "".join(secrets.choice(CODE_ALPHABET) for _ in range(12))
        code = "-".join((raw[:4], raw[4:8], raw[8:]))
        if not rows:
            self.create_person(FIRST_ADMINISTRATOR, "管理员", code, ("AD",))
            return FIRST_ADMINISTRATOR, code
        number = str(rows[0][0])
        self.reset_password(number, code)
        return number, code

    def _failed(self, number: str, address: str) -> None:
        """Count a wrong password; the fifth locks the number and is an event."""
        with self._store.transaction():
            self._store.execute("UPDATE person SET failures = failures + 1 WHERE number = ?", number)
            locked = self._store.execute(
                "UPDATE person SET failures = 0, locked_until_s = ? WHERE number = ? AND failures >= ?",
                self._now() + LOCKED_S,
                number,
                FAILURES_MAX,
            )
            if locked:
                self._store.record(Fact("person.locked", {"number": number, "address": address[:64]}, b""))

    def _matches(self, secret: str, password: str) -> bool:
        try:
            return self._hasher.verify(secret, password)
        except (VerificationError, InvalidHashError):
            return False

    def _no_secret(self) -> str:
        if not self._nobody:
            self._nobody = self._hasher.hash(secrets.token_urlsafe(32))
        return self._nobody


def _profile(
    number: str, name: str, roles: Iterable[str], unit: str, extension: str
) -> dict[str, str | Sequence[str]]:
    wanted = [role for role in ROLES if role in set(roles)]
    if not _NUMBER.fullmatch(number):
        raise Refused("bad_number", "A number has 1 to 16 letters or digits.")
    if not name.strip() or len(name) > 60:
        raise Refused("bad_name", "Write a name of at most 60 characters.")
    if not wanted or set(roles) - set(ROLES):
        raise Refused("bad_role", "Choose one or more roles from the list.")
    return {"name": name.strip(), "roles": wanted, "unit": unit, "extension": extension}


def _check_password(number: str, password: str) -> None:
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise Refused("bad_password", "A password has at least %(min)s characters.", min=PASSWORD_MIN)
    if password.strip(number) == "" or len(set(password)) < 4:
        raise Refused("weak_password", "Choose a password that is harder to guess than the own number.")


def _locked(left_s: float) -> Refused:
    minutes = max(1, round(left_s / 60 + 0.5))
    return Refused("locked", "Too many wrong passwords. Try again in %(minutes)s minutes.", minutes=minutes)


def _key(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
