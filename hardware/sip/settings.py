"""Where the box speaks SIP, and with whom."""

from dataclasses import dataclass
from enum import StrEnum

from hardware.sip.digest import Credentials


@dataclass(frozen=True, slots=True)
class SipAccount:
    """An extension that may register and call. `ha1` is MD5 of ``number:realm:password``."""

    number: str
    ha1: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class SipTrunk:
    """A provider: where it is, who we are there, and which calls it carries.

    Calls from its addresses and from networks in `allow` are its calls; they may be to
    `numbers`, or to any number of the hotline when that is empty. A call of ours to a number
    beginning with `prefix` may go out by it: the first `strip` digits are taken away, `add`
    is put before. Of several, the longest prefix is tried first, then the lowest `priority`.
    `caller` is the number shown, whoever calls; empty shows whom the call names.
    """

    name: str
    host: str
    """An IP address, or a name that is looked up."""
    port: int = 5060
    user: str = ""
    password: str = ""
    register: bool = False
    numbers: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    priority: int = 1
    caller: str = ""
    prefix: str = ""
    strip: int = 0
    add: str = ""
    transport: str = "udp"
    """udp, tcp or tls."""
    through: bool = False
    """Whether its calls may be to any number, not only to ours: the call side decides which."""


class Sealing(StrEnum):
    """Whether voice is sealed (SRTP) with peers whose signalling is TLS; with others it never is."""

    OFF = "off"
    WANTED = "wanted"
    """Sealed with whoever can; who cannot is spoken with in clear."""
    REQUIRED = "required"
    """Sealed or not at all."""


@dataclass(frozen=True, slots=True)
class SipSettings:
    """One socket, its lines, its phones and its trunks.

    `numbers` are the hotline's own; calls to them need no password, but must come from a
    trunk or a network in `allow` when that is not empty. Both are also believed when
    they assert a caller (RFC 3325). `rtp_base` + 2 N is the port of line N on `rtp_ip`.
    `port` 0 takes any free one. `advertise_ip` is told to far ends instead of our own.
    """

    bind_ip: str
    port: int
    rtp_ip: str
    rtp_base: int
    lines: int
    realm: str
    accounts: tuple[SipAccount, ...] = ()
    numbers: frozenset[str] = frozenset()
    advertise_ip: str | None = None
    user_agent: str = "Hotline Box"
    allow: tuple[str, ...] = ()
    credentials: tuple[Credentials, ...] = ()
    """What we answer when a peer called by its ``sip:`` URI challenges us."""
    trunks: tuple[SipTrunk, ...] = ()
    tcp: bool = False
    """Take TCP on `port` too."""
    tls_port: int = 5061
    certificate: str = ""
    """A file; with it TLS is taken on `tls_port`, 0 being any free one."""
    private_key: str = ""
    """A file; empty when the certificate's has it."""
    trust: str = ""
    """Who signs the certificates of TLS trunks, as a file; empty: whom the system trusts."""
    srtp: Sealing = Sealing.WANTED
    """Whether voice with peers over TLS is sealed (SRTP)."""
    closed: bool = False
    """Who is neither a trunk nor in `allow` gets no answer at all."""
    memory: str = ""
    """A file that keeps what outlives the process: where phones are, and which calls its end cuts off."""
    calls_per_source: int = 0
    """Most calls at once from one address that is no trunk; 0 is as many as there are lines."""
