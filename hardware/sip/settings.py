"""Where the box speaks SIP, and with whom."""

from dataclasses import dataclass

from hardware.sip.digest import Credentials


@dataclass(frozen=True, slots=True)
class SipAccount:
    """An extension that may register and call. `ha1` is MD5 of ``number:realm:password``."""

    number: str
    ha1: str
    display: str = ""


@dataclass(frozen=True, slots=True)
class SipSettings:
    """One socket, its lines, its phones and its trunks.

    `numbers` are the hotline's own; calls to them need no password, but must come from a
    network in `allow` when that is not empty. Networks in `allow` are also believed when
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
    """What we answer when a trunk challenges a call of ours."""
