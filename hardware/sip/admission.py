"""Who may call whom: extensions by password, trunks by address, others only where that is allowed."""

import ipaddress
from collections import Counter
from typing import NamedTuple

from aiosipua.message import SipRequest

from hardware.line import Ringing
from hardware.sip.accounts import Accounts
from hardware.sip.message import Addr, Refusal, caller_of, number_of, party, uri_of
from hardware.sip.settings import SipAccount, SipSettings
from hardware.sip.trunks import Trunks


class Admitted(NamedTuple):
    """A call that may come in, and the extension that proved to make it."""

    ringing: Ringing
    extension: str = ""


class Admission:
    """The extensions, the trunks and the networks that are let in."""

    def __init__(self, settings: SipSettings, trunks: Trunks, key: bytes, counts: Counter[str]) -> None:
        self.accounts = Accounts(settings.accounts, settings.realm, key, counts)
        self._numbers = settings.numbers
        self._networks = tuple(ipaddress.ip_network(network) for network in settings.allow)
        self._trunks = trunks
        self._counts = counts

    def call(self, request: SipRequest, source: Addr, now: float) -> Admitted:
        """Who calls whom, if they may; raises `Refusal`."""
        if trunk := self._trunks.of(source[0], request):
            called = self._trunks.called(trunk, request, self._numbers)
            if called is None:
                raise Refusal(404)
            caller, display = caller_of(request, trusted=True)
            return Admitted(Ringing(caller, called, display, trunk.settings.name))
        who = party(request.headers.get("from")[0]).number
        called = number_of(uri_of(request.uri))
        if self.accounts.get(who):
            account = self.prove(request, 407, now, who)
            return Admitted(Ringing(account.number, called, account.display), account.number)
        trusted = self.allows(source[0])
        if self._networks and not trusted:
            self._counts["not allowed"] += 1
            raise Refusal(403)
        if called not in self._numbers:
            raise Refusal(404)
        caller, display = caller_of(request, trusted=trusted)
        return Admitted(Ringing(caller, called, display))

    def prove(self, request: SipRequest, status: int, now: float, who: str | None) -> SipAccount:
        """The extension `who`, when the sender knows its password; raises `Refusal`."""
        account = self.accounts.prove(request, status, now)
        if account.number != who:
            raise Refusal(403)
        return account

    def allows(self, ip: str) -> bool:
        """Whether an address lies in an allowed network."""
        if not self._networks:
            return False
        address = ipaddress.ip_address(ip)
        return any(address in network for network in self._networks)
