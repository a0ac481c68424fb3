"""Where our phones are: REGISTER turned into bindings that expire (RFC 3261 §10.3)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiosipua.message import SipRequest

from hardware.sip.message import Addr, Refusal, cseq_of, party, uri_of

MIN_S = 10
DEFAULT_S = 300
MAX_S = 3600
MAX_CONTACTS = 8
"""Phones per extension; the oldest makes room."""
_URI = re.compile(r"sips?:[^\s<>\"]+", re.I)


@dataclass(frozen=True, slots=True)
class Binding:
    """One phone of an extension: its Contact and where its datagrams really come from."""

    contact: str
    source: Addr
    expires_at: float
    call_id: str
    seq: int
    instance: str = ""
    """RFC 5626 instance: a phone that restarts under another port is still the same phone."""


class Registrar:
    """Bindings by extension number, newest first. Knows time only as `now`."""

    def __init__(self) -> None:
        self._bindings: dict[str, list[Binding]] = {}

    def bindings(self, number: str, now: float) -> tuple[Binding, ...]:
        """The phones of an extension that are still good, newest first."""
        return tuple(b for b in self._bindings.get(number, ()) if b.expires_at > now)

    def restore(self, number: str, bindings: Sequence[Binding]) -> None:
        """Take up what an earlier life of ours knew of an extension's phones."""
        if bindings:
            self._bindings[number] = list(bindings[:MAX_CONTACTS])

    def register(self, number: str, request: SipRequest, source: Addr, now: float) -> bool:
        """Follow one authenticated REGISTER; whether the set of contacts changed. Raises `Refusal`."""
        contacts = request.headers.get("contact")
        before = self.contacts(number)
        expires = _seconds(request.headers.get_first("expires"), DEFAULT_S)
        if any(c.strip() == "*" for c in contacts):
            if len(contacts) > 1 or expires != 0:
                raise Refusal(400)
            self._bindings.pop(number, None)
            return before != ()
        if len(contacts) > MAX_CONTACTS:
            raise Refusal(403)
        # All are judged before any is stored (§10.3 step 7: all or nothing).
        wanted = [self._wanted(c, expires, request, source, now) for c in contacts]
        for binding, life_s in wanted:
            self._store(number, binding, life_s)
        return before != self.contacts(number)

    def _wanted(
        self, contact: str, expires: int, request: SipRequest, source: Addr, now: float
    ) -> tuple[Binding, int]:
        who = party(contact)
        if (
            not who.raw_uri.lower().startswith(("sip:", "sips:"))
            or not who.uri.host
            or re.search(r"[\s<>\"]", who.raw_uri)
        ):
            raise Refusal(400)
        life_s = min(_seconds(who.params.get("expires"), expires), MAX_S)
        if 0 < life_s < MIN_S:
            raise Refusal(423, ("Min-Expires", str(MIN_S)))
        headers = request.headers
        return Binding(
            who.raw_uri,
            source,
            now + life_s,
            headers.get("call-id")[0],
            cseq_of(request).seq,
            who.params.get("+sip.instance") or "",
        ), life_s

    def _store(self, number: str, binding: Binding, life_s: int) -> None:
        have = self._bindings.setdefault(number, [])
        for old in have:
            late = old.call_id == binding.call_id and old.seq > binding.seq
            if late and _same(old, binding):
                return
        have[:] = [old for old in have if not _same(old, binding)]
        if life_s > 0:
            have.insert(0, binding)
        del have[MAX_CONTACTS:]
        if not have:
            del self._bindings[number]

    def forget(self, number: str, contact: str) -> bool:
        """Drop a phone that no longer answers; whether it was there."""
        have = self._bindings.get(number, [])
        kept = [b for b in have if b.contact != contact]
        if kept:
            self._bindings[number] = kept
        else:
            self._bindings.pop(number, None)
        return len(kept) < len(have)

    def addresses(self) -> frozenset[str]:
        """Every IP address a phone is at."""
        return frozenset(b.source[0] for have in self._bindings.values() for b in have)

    def timer(self) -> float | None:
        """When the next binding expires."""
        return min((b.expires_at for have in self._bindings.values() for b in have), default=None)

    def on_timer(self, now: float) -> Mapping[str, tuple[str, ...]]:
        """Drop what has expired; the contacts left, by number, where that changed something."""
        changed = {}
        for number in list(self._bindings):
            kept = [b for b in self._bindings[number] if b.expires_at > now]
            if len(kept) < len(self._bindings[number]):
                self._bindings[number] = kept
                changed[number] = self.contacts(number)
                if not kept:
                    del self._bindings[number]
        return changed

    def contacts(self, number: str) -> tuple[str, ...]:
        """The Contacts of an extension as they stand, newest first."""
        return tuple(b.contact for b in self._bindings.get(number, ()))


def _seconds(text: str | None, otherwise: int) -> int:
    return int(text) if text and re.fullmatch(r"\d{1,10}", text.strip()) else otherwise


def _same(a: Binding, b: Binding) -> bool:
    if a.instance and a.instance == b.instance:
        return True
    one, two = uri_of(a.contact), uri_of(b.contact)
    return (one.user, one.host.lower(), one.port or 5060) == (two.user, two.host.lower(), two.port or 5060)
