"""All trunks: whose call this is, and by which of them a call goes out."""

import ipaddress
from collections.abc import Callable, Sequence

from aiosipua.message import SipRequest

from hardware.line import Cause, Signal
from hardware.sip.dialing import Target
from hardware.sip.layer import TransactionLayer
from hardware.sip.message import Addr, Hop, number_of, party, sip_uri, uri_of
from hardware.sip.routing import OUTSIDE, dialled, routes
from hardware.sip.settings import SipTrunk
from hardware.sip.trunk import Trunk


class Trunks:
    """The trunks by name, in the order of the settings."""

    def __init__(
        self,
        wire: TransactionLayer,
        settings: Sequence[SipTrunk],
        say: Callable[[str, Signal], None],
        look_up: Callable[[str], None],
    ) -> None:
        self._trunks = {s.name: Trunk(wire, s, say, look_up) for s in settings}
        self._networks = [
            (ipaddress.ip_network(network), trunk)
            for trunk in self._trunks.values()
            for network in trunk.settings.allow
        ]

    def get(self, name: str) -> Trunk:
        """The trunk of this name."""
        return self._trunks[name]

    def close(self, now: float) -> None:
        """Take all registrations back."""
        for trunk in self._trunks.values():
            trunk.close(now)

    def resolved(self, host: str, addresses: tuple[str, ...], now: float) -> None:
        """What a look-up of a name found."""
        for trunk in self._trunks.values():
            if trunk.settings.host == host:
                trunk.resolved(addresses, now)

    def of(self, ip: str, request: SipRequest | None = None) -> Trunk | None:
        """The trunk whose address this is; of several, the one the request names the user or number of."""
        if not self._trunks:
            return None
        found = self._at(ip)
        if len(found) > 1 and request is not None:
            user = number_of(uri_of(request.uri))
            named = [t for t in found if user and user in (t.settings.user, *t.settings.numbers)]
            return (named or found)[0]
        return found[0] if found else None

    def _at(self, ip: str) -> list[Trunk]:
        found = [trunk for trunk in self._trunks.values() if ip in trunk.addresses]
        if self._networks:
            address = ipaddress.ip_address(ip)
            found += [trunk for network, trunk in self._networks if address in network and trunk not in found]
        return found

    def host_at(self, ip: str) -> str:
        """The name of the trunk at an address, which its certificate must show."""
        return next((t.settings.host for t in self._trunks.values() if ip in t.addresses), "")

    def called(self, trunk: Trunk, request: SipRequest, numbers: frozenset[str]) -> str | None:
        """Which of our numbers a call by this trunk is for; None when it is for none.

        Providers call a registered user by the Contact it registered, and leave the number in To.
        """
        settings = trunk.settings
        ours = settings.numbers or tuple(sorted(numbers))
        user = number_of(uri_of(request.uri))
        if user in ours or (settings.through and user and OUTSIDE.fullmatch(user)):
            return user
        if user != settings.user or not user:
            return None
        to = party(request.headers.get("to")[0]).number
        return to if to in ours else next(iter(ours), None)

    def targets(self, number: str) -> Sequence[Target] | Cause:
        """Where to call an outside number, to be tried in this order; or why that cannot be done."""
        rules = routes((trunk.settings for trunk in self._trunks.values()), number)
        if not rules:
            return Cause.NO_ROUTE
        trunks = [self._trunks[settings.name] for settings in rules]
        return [target for t in trunks if (target := _target(t, number))] or Cause.NETWORK_OUT_OF_ORDER


def _target(trunk: Trunk, number: str) -> Target | None:
    hop: Addr | None = trunk.hop
    if hop is None or not trunk.up:
        return None
    settings = trunk.settings
    sent = dialled(settings, number)
    port = None if settings.port == 5060 else settings.port
    return Target(
        sip_uri(sent, settings.host, port),
        sent,
        hop,
        behind=hop if isinstance(hop, Hop) else None,
        login=trunk.login,
        domain=settings.host,
        shown=settings.caller,
        trunk=settings.name,
    )
