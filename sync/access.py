"""How a box reaches its broker: addresses, certificates, and when it may do without them."""

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from appliance.configuration import Sync
from appliance.network.papers import Papers
from appliance.places import Places
from appliance.words import N_

PLAIN_PORT, TLS_PORT = 1883, 8883
NO_CERTIFICATE = N_(
    "This box has no certificate, and only a broker on this machine may be used without one."
    " Connect it to its hub with a code."
)


@dataclass(frozen=True, slots=True)
class Tls:
    """Who this box is and whom it believes: files in PEM form."""

    ca: Path
    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """Read the files anew, for they may have been renewed; raises OSError (ssl.SSLError too)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(self.ca)
        context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True, slots=True)
class Access:
    """All that a connection to the broker needs to know, whatever goes over it."""

    brokers: tuple[str, ...]
    """host:port or host, tried in order; an IPv6 address stands in brackets."""
    tls: Tls | None = None
    plain: bool = False
    """Unsealed even to other machines: somebody said that the network is theirs alone."""


def access(sync: Sync, places: Places) -> Access:
    """Say how this box reaches its broker: sealed as soon as it has a certificate."""
    papers = Papers(places.network)
    sealed = papers.complete and not sync.plain
    tls = Tls(papers.ca, papers.certificate, papers.key) if sealed else None
    return Access(sync.brokers, tls, sync.plain)


def address(broker: str, sealed: bool) -> tuple[str, int]:
    """Take "host:port" apart; raises ValueError for a port that is none."""
    usual = TLS_PORT if sealed else PLAIN_PORT
    if broker.startswith("["):
        host, _, port = broker[1:].partition("]")
        port = port.removeprefix(":")
    elif broker.count(":") > 1:
        host, port = broker, ""
    else:
        host, _, port = broker.partition(":")
    return host, int(port or usual)


def is_here(host: str) -> bool:
    """Tell whether a host is this machine itself, so that nothing goes over a network."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
