"""Tokens: how other programs say who they are. Shown once, kept hashed, narrow, and taken back at once.

A token belongs to a person, and can do what that person can; or to a system outside, and acts in
roles of its own. Either way only within its scopes, from its networks and until its last day.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.events import Fact
from appliance.people import ROLES, Actor
from appliance.refused import Refused

if TYPE_CHECKING:
    from appliance.store.store import Store

SCOPES: Mapping[str, tuple[str, str]] = {
    "tickets:read": ("查看工单", "See tickets"),
    "tickets:write": ("登记、修改工单，写备注", "Register and edit tickets, write notes"),
    "tickets:move": ("办理工单：流转、协办、催办、督办等", "Carry tickets on: moves, sub-orders, overlays"),
    "citizens:read": ("查看市民姓名和电话", "See names and numbers of citizens"),
    "calls:read": ("查看通话记录", "See calls"),
    "recordings:read": ("查看、下载录音", "See and download recordings"),
    "recordings:write": ("录音备注、关联、保留、锁定、删除", "Note, link, keep, hold and remove recordings"),
    "people:read": ("查看人员", "See people"),
    "people:write": ("新增人员、停用、重置密码", "Add people, end their access, reset passwords"),
    "settings:read": ("查看单位、分类、字段和流程", "See units, categories, fields and workflow"),
    "settings:write": ("修改单位、分类、日历等字典", "Change units, categories, calendar and lists"),
    "open311": ("Open311 报事接口", "Report by Open311"),
}
"""What a token may be good for: Chinese and English name."""
SYSTEM_ROLES: Mapping[str, tuple[str, str]] = {
    "C": ("市民渠道", "Channel of citizens"),
    "HB": ("上级或外部平台", "Platform above or outside"),
    **{role: names for role, names in ROLES.items() if role not in ("AD", "TE")},
}
"""As whom a system outside may act; nothing but a person administers the box."""
UNITS = frozenset({"U2", "UL", "U3"})
MARK = "hlb_"
"""How a token begins, so that it is recognised wherever it was left lying about."""
BY = "api."
"""How events name a system outside: this and the name of its token. No staff number has a point."""
NAMES_MAX = 200
TITLE_MAX = 60
NETWORKS_MAX = 20
DAYS_MAX = 3660
USED_EVERY_S = 60.0
"""How exactly it is remembered when a token was last used."""
DAY_S = 86_400.0
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?")
_COLUMNS = (
    "name, title, scopes, person, roles, unit, networks,"
    " made_s, made_by, expires_s, used_s, used_from, revoked_s"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its list shows it; what it is spelled like only its owner knows."""

    name: str
    title: str
    """Whose it is; a platform is transferred to under this name."""
    scopes: frozenset[str]
    person: str
    """Number of the person it belongs to; empty for a system."""
    roles: tuple[str, ...]
    unit: str
    networks: tuple[str, ...]
    made_s: float
    made_by: str
    expires_s: float
    used_s: float | None
    used_from: str
    revoked_s: float | None

    def state(self, now_s: float) -> str:
        """Tell whether it works: good, revoked or expired."""
        return "revoked" if self.revoked_s else "expired" if self.expires_s <= now_s else "good"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who asks by a token: the one who acts, and how far."""

    token: Token
    actor: Actor

    def may(self, scope: str) -> bool:
        """Tell whether a scope was given."""
        return not scope or scope in self.token.scopes


class Tokens:
    """The tokens of one box."""

    def __init__(self, store: Store, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now

    def create(
        self,
        by: Actor,
        name: str,
        title: str,
        scopes: Iterable[str],
        *,
        person: str = "",
        roles: Iterable[str] = (),
        unit: str = "",
        days: int = 365,
        networks: Iterable[str] = (),
    ) -> str:
        """Make a token and return it, the only time it is told; raises Refused."""
        wanted, acts = sorted(set(scopes)), sorted(set(roles))
        _only_administrators(by)
        if not _NAME.fullmatch(name):
            raise Refused("bad_name", "A token's name has 1 to 30 small letters, digits and hyphens.")
        if not title.strip() or len(title) > TITLE_MAX:
            raise Refused(
                "bad_title", "Write whose token it is, in at most %(limit)s characters.", limit=TITLE_MAX
            )
        if not wanted or set(wanted) - set(SCOPES):
            raise Refused("bad_scope", "Choose what the token may do from the list.")
        self._check_owner(person, acts, unit)
        if not 0 < days <= DAYS_MAX:
            raise Refused("bad_days", "A token holds from 1 to %(most)s days.", most=DAYS_MAX)
        nets = networks_of(networks)
        secret = MARK + secrets.token_urlsafe(32)
        facts = {
            "name": name,
            "title": title.strip(),
            "scopes": wanted,
            "person": person,
            "roles": acts,
            "unit": unit,
            "networks": list(nets),
            "expires_s": self._now() + days * DAY_S,
        }
        with self._store.transaction():
            if self._store.rows("SELECT 1 FROM token WHERE name = ?", name):
                raise Refused("taken", "There is a token with this name already; choose another one.")
            if self._store.rows("SELECT count(*) FROM token")[0][0] >= NAMES_MAX:
                raise Refused("too_many", "There are too many tokens already; revoke some.")
            self._store.execute(
                f"INSERT INTO token ({_COLUMNS}, key) VALUES ({', '.join('?' * 14)})",
                *(name, facts["title"], ",".join(wanted), person, ",".join(acts), unit, " ".join(nets)),
                *(self._now(), by.number, facts["expires_s"], None, "", None, _key(secret)),
            )
            self._store.record(Fact("token.created", {**facts, "by": by.number, "by_name": by.name}, b""))
        return secret

    def revoke(self, by: Actor, name: str) -> None:
        """Take a token back, from the next request on; raises Refused."""
        _only_administrators(by)
        with self._store.transaction():
            changed = self._store.execute(
                "UPDATE token SET revoked_s = ? WHERE name = ? AND revoked_s IS NULL", self._now(), name
            )
            if not changed:
                raise Refused("unknown_token", "There is no such token in force.")
            self._store.record(
                Fact("token.revoked", {"name": name, "by": by.number, "by_name": by.name}, b"")
            )

    def all(self) -> list[Token]:
        """Return every token, the newest first."""
        return [
            _token(row)
            for row in self._store.rows(f"SELECT {_COLUMNS} FROM token ORDER BY made_s DESC, name")
        ]

    def bearer(self, secret: str, address: str) -> Bearer | None:
        """Return who asks from this address; None when the token is not in force, or not from there."""
        if not secret.startswith(MARK) or len(secret) > 100:
            return None
        rows = self._store.rows(f"SELECT {_COLUMNS} FROM token WHERE key = ?", _key(secret))
        if not rows:
            return None
        token, now_s = _token(rows[0]), self._now()
        if token.state(now_s) != "good" or not _inside(address, token.networks):
            return None
        actor = self._actor(token)
        if actor is None:
            return None
        if token.used_s is None or now_s - token.used_s > USED_EVERY_S or token.used_from != address[:64]:
            with self._store.transaction():
                self._store.execute(
                    "UPDATE token SET used_s = ?, used_from = ? WHERE name = ?",
                    *(now_s, address[:64], token.name),
                )
        return Bearer(token, actor)

    def _check_owner(self, person: str, roles: Sequence[str], unit: str) -> None:
        if bool(person) == bool(roles):
            raise Refused(
                "bad_owner", "A token belongs to a person, or acts in roles of its own; choose one."
            )
        if person and not self._store.rows("SELECT 1 FROM person WHERE number = ? AND active = 1", person):
            raise Refused("unknown_person", "Nobody has the number %(number)s.", number=person)
        if set(roles) - set(SYSTEM_ROLES):
            raise Refused("bad_role", "Choose one or more roles from the list.")
        if bool(UNITS & set(roles)) != bool(unit):
            raise Refused("bad_unit", "Choose the unit when the token acts as a unit, and only then.")
        if unit and not self._store.rows("SELECT 1 FROM unit WHERE code = ?", unit):
            raise Refused("unknown_unit", "Choose %(field)s from the list.", field="Unit")

    def _actor(self, token: Token) -> Actor | None:
        """Who acts: the person as they are now, or the system under its own name."""
        if not token.person:
            return Actor(BY + token.name, token.title, frozenset(token.roles), token.unit)
        rows = self._store.rows(
            "SELECT name, roles, unit, language, extension FROM person WHERE number = ? AND active = 1",
            token.person,
        )
        if not rows:
            return None
        name, roles, unit, language, extension = rows[0]
        held = frozenset(filter(None, roles.split(",")))
        return Actor(token.person, f"{name} ({BY}{token.name})", held, unit, language, extension)


def networks_of(given: Iterable[str]) -> tuple[str, ...]:
    """Read the networks a token may be used from; raises Refused for what is none."""
    found = []
    for text in given:
        try:
            found.append(str(ipaddress.ip_network(text.strip(), strict=False)))
        except ValueError:
            raise Refused(
                "bad_network",
                "%(text)s is no address or network; write them like 10.1.2.3 or 10.1.0.0/16.",
                text=text[:60],
            ) from None
    if len(found) > NETWORKS_MAX:
        raise Refused("too_many", "A token has at most %(most)s networks.", most=NETWORKS_MAX)
    return tuple(dict.fromkeys(found))


def _inside(address: str, networks: Sequence[str]) -> bool:
    if not networks:
        return True
    try:
        where = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(where, "ipv4_mapped", None) or where
    return any(mapped in ipaddress.ip_network(network) for network in networks)


def _only_administrators(by: Actor) -> None:
    if not by.has("AD"):
        raise Refused("not_yours", "Your role does not allow this step.")


def _key(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _token(row: Sequence[object]) -> Token:
    name, title, scopes, person, roles, unit, networks, *rest = row
    return Token(
        str(name),
        str(title),
        frozenset(filter(None, str(scopes).split(","))),
        str(person),
        tuple(filter(None, str(roles).split(","))),
        str(unit),
        tuple(str(networks).split()),
        *rest,  # type: ignore[arg-type]  # the columns come in the order of the fields
    )
