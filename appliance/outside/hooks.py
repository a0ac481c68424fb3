"""Webhooks: which events are told to whom. Only hosts the settings allow are ever spoken to."""

from __future__ import annotations

import re
import secrets
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.actor import Actor
from appliance.events import Event, Fact
from appliance.refused import Refused

if TYPE_CHECKING:
    from appliance.store.store import Store

KINDS: Mapping[str, tuple[str, str]] = {
    "ticket.created": ("工单登记", "A ticket was registered"),
    "ticket.moved": ("工单流转", "A ticket was moved"),
    "ticket.edited": ("工单修改", "A ticket was edited"),
    "ticket.noted": ("工单备注", "A remark was written"),
    "ticket.strand": ("协办、催办、督办等", "A step of a sub-order or overlay"),
    "ticket.due": ("限期调整", "Due dates changed"),
    "ticket.strand_due": ("协办限期调整", "A sub-order's due date changed"),
    "ticket.migrated": ("更换流程版本", "Put on another version of the workflow"),
    "call.ended": ("通话结束", "A call ended"),
    "recording.sealed": ("录音封存", "A recording was sealed"),
    "text.received": ("收到短信", "A short message came"),
}
"""What can be told: kind of event, Chinese and English name."""
TESTED = "webhook.tested"
"""The event of somebody trying a webhook; told to that one only."""
HOOKS_MAX = 50
URL_MAX = 300
TEXT_MAX = 40
ITEMS_MAX = 50
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?")
_PORTS = {"http": 80, "https": 443}
_COLUMNS = (
    "name, url, kinds, units, ticket_kinds, states, personal, active,"
    " made_s, made_by, pos, fails, away_s, reason"
)


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook as it is worked with; its secret stays in the database."""

    name: str
    url: str
    kinds: tuple[str, ...]
    units: tuple[str, ...]
    ticket_kinds: tuple[str, ...]
    states: tuple[str, ...]
    personal: bool
    active: bool
    made_s: float
    made_by: str
    pos: int
    fails: int
    away_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def key(self) -> str:
        """How the settings name it."""
        return f"{self.host}:{self.port}"


class Hooks:
    """The webhooks of one box; `allowed` are the hosts the settings name, each host:port."""

    def __init__(
        self, store: Store, allowed: Sequence[str] = (), now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._allowed = frozenset(host.lower() for host in allowed)
        self._now = now

    def create(
        self,
        by: Actor,
        name: str,
        url: str,
        kinds: Iterable[str],
        *,
        units: Iterable[str] = (),
        ticket_kinds: Iterable[str] = (),
        states: Iterable[str] = (),
        personal: bool = False,
    ) -> str:
        """Make a webhook, told of what happens from now on; return its secret; raises Refused."""
        _only_administrators(by)
        if not _NAME.fullmatch(name):
            raise Refused("bad_name", "A webhook's name has 1 to 30 small letters, digits and hyphens.")
        place = self.place(url)
        lists = {
            "kinds": _listed(kinds),
            "units": _listed(units),
            "ticket_kinds": _listed(ticket_kinds),
            "states": _listed(states),
        }
        if not lists["kinds"] or set(lists["kinds"]) - set(KINDS):
            raise Refused("bad_kind", "Choose from the list what is to be told.")
        secret = "whs_" + secrets.token_urlsafe(32)
        facts = {"name": name, "host": place.key, **lists, "personal": personal}
        with self._store.transaction():
            if self._store.rows("SELECT 1 FROM webhook WHERE name = ?", name):
                raise Refused("taken", "There is a webhook with this name already; choose another one.")
            if self._store.rows("SELECT count(*) FROM webhook")[0][0] >= HOOKS_MAX:
                raise Refused("too_many", "There are too many webhooks already; remove some.")
            self._record("webhook.created", facts, by)
            (pos,) = self._store.rows("SELECT coalesce(max(pos), 0) FROM event")[0]
            self._store.execute(
                f"INSERT INTO webhook ({_COLUMNS}, secret) VALUES ({', '.join('?' * 15)})",
                *(name, url, *(",".join(listed) for listed in lists.values()), personal, True),
                *(self._now(), by.number, pos, 0, 0.0, "", secret),
            )
        return secret

    def remove(self, by: Actor, name: str) -> None:
        """Remove a webhook, and what was on its way to it; raises Refused."""
        _only_administrators(by)
        with self._store.transaction():
            if not self._store.execute("DELETE FROM webhook WHERE name = ?", name):
                raise _unknown()
            self._store.execute("DELETE FROM delivery WHERE hook = ?", name)
            self._record("webhook.removed", {"name": name}, by)

    def set_active(self, by: Actor, name: str, active: bool) -> None:
        """Pause a webhook, or go on with it: what happened meanwhile is told then; raises Refused."""
        _only_administrators(by)
        with self._store.transaction():
            changed = self._store.execute(
                "UPDATE webhook SET active = ?, fails = 0, away_s = 0 WHERE name = ?", active, name
            )
            if not changed:
                raise _unknown()
            self._record("webhook.activated", {"name": name, "active": active}, by)

    def send_again(self, by: Actor, name: str, did: int | None = None) -> int:
        """Send again what was given up, one delivery or all; return how many; raises Refused."""
        _only_administrators(by)
        self.get(name)
        which, values = (" AND did = ?", [did]) if did is not None else ("", [])
        with self._store.transaction():
            count = self._store.execute(
                "UPDATE delivery SET state = 'waiting', tries = 0, made_s = ?, due_s = ?"
                f" WHERE hook = ? AND state = 'dead'{which}",
                *(self._now(), self._now(), name, *values),
            )
            if not count:
                raise Refused("changed", "There is nothing to send again any more.")
            self._store.execute("UPDATE webhook SET fails = 0, away_s = 0 WHERE name = ?", name)
            self._record("webhook.resent", {"name": name, "count": count}, by)
        return count

    def test(self, by: Actor, name: str) -> None:
        """Tell a webhook that somebody tries it; raises Refused."""
        _only_administrators(by)
        self.get(name)
        with self._store.transaction():
            event = self._record(TESTED, {"name": name}, by)
            put(self._store, name, event, self._now())
            self._store.execute("UPDATE webhook SET away_s = 0 WHERE name = ?", name)

    def all(self) -> list[Hook]:
        """Return every webhook by its name."""
        return [_hook(row) for row in self._store.rows(f"SELECT {_COLUMNS} FROM webhook ORDER BY name")]

    def get(self, name: str) -> Hook:
        """Return a webhook; raises Refused."""
        rows = self._store.rows(f"SELECT {_COLUMNS} FROM webhook WHERE name = ?", name)
        if not rows:
            raise _unknown()
        return _hook(rows[0])

    def place(self, url: str) -> Place:
        """Return where a URL leads, if the settings allow it; raises Refused."""
        place = place_of(url)
        if place.key not in self._allowed:
            raise Refused(
                "not_allowed",
                "%(host)s is not among the hosts the box may send to. A technician adds it to api.webhooks.",
                host=place.key,
            )
        return place

    def _record(self, kind: str, facts: Mapping[str, object], by: Actor) -> Event:
        (event,) = self._store.record(Fact(kind, {**facts, "by": by.number, "by_name": by.name}, b""))
        return event


def put(store: Store, hook: str, event: Event, now_s: float) -> None:
    """Have an event sent to a webhook; call inside a transaction."""
    store.execute(
        "INSERT INTO delivery (hook, eid, subject, kind, state, tries, made_s, due_s, reason)"
        " VALUES (?, ?, ?, ?, 'waiting', 0, ?, ?, '')",
        *(hook, event.eid, event.subject or event.eid, event.kind, now_s, now_s),
    )


def place_of(url: str) -> Place:
    """Read a URL; raises Refused."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        parts, port = urllib.parse.urlsplit(""), 0
    host = (parts.hostname or "").lower()
    sound = url.isascii() and url.isprintable() and " " not in url and len(url) <= URL_MAX
    if not (
        sound and parts.scheme in _PORTS and host and port and "@" not in parts.netloc and not parts.fragment
    ):
        raise Refused(
            "bad_url", "Write the address like https://city.example/events, in at most 300 characters."
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, host, port, path)


def secret_of(store: Store, name: str) -> str:
    """Return what signs for a webhook."""
    return str(store.rows("SELECT secret FROM webhook WHERE name = ?", name)[0][0])


def _listed(items: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(item.strip() for item in items if item.strip()))
    if len(found) > ITEMS_MAX or any(len(item) > TEXT_MAX or "," in item for item in found):
        raise Refused("too_long", "One of the lists is too long.")
    return found


def _only_administrators(by: Actor) -> None:
    if not by.has("AD"):
        raise Refused("not_yours", "Your role does not allow this step.")


def _unknown() -> Refused:
    return Refused("unknown_webhook", "There is no such webhook.")


def _hook(row: Sequence[object]) -> Hook:
    name, url, kinds, units, ticket_kinds, states, personal, active, *rest = row
    lists = (tuple(filter(None, str(text).split(","))) for text in (kinds, units, ticket_kinds, states))
    return Hook(str(name), str(url), *lists, bool(personal), bool(active), *rest)  # type: ignore[arg-type,call-arg]
