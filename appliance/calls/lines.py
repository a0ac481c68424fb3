"""All lines of the box and how each is: what the board shows and what a technician reads in the log."""

from collections.abc import Callable

import msgspec

from appliance.calls.ledger import Ledger
from appliance.calls.wire import LineView
from appliance.events import Fact
from appliance.published import Published, Trunk
from hardware.line import BrowserToken, Cause, Line, PcmPort, Route, RtpRoute, TextLine
from hardware.media import wire as media
from hardware.sip.endpoint import SipAccount, SipSettings, SipTrunk
from hardware.sip.settings import Sealing

SIP = "sip/"
MODEM = "gsm/"


class Lines:
    """Lines by name, with their states: down (and why), idle, busy."""

    def __init__(self, ledger: Ledger, caller_on: Callable[[str], str]) -> None:
        self._ledger = ledger
        self._caller_on = caller_on
        self._lines: dict[str, Line] = {}
        self._states: dict[str, tuple[str, str]] = {}
        self._routes: dict[str, Route | None] = {}

    def add(self, line: Line) -> None:
        """Take in a line that is not up yet."""
        self._lines[line.name] = line
        self._states[line.name] = ("down", "")

    def get(self, name: str) -> Line | None:
        """The line of this name."""
        return self._lines.get(name)

    def all(self) -> list[Line]:
        """Every line."""
        return list(self._lines.values())

    def set(self, line: Line, state: str, reason: str = "") -> bool:
        """Note how a line is; False when that is nothing new."""
        was = self._states[line.name]
        if was == (state, reason):
            return False
        self._states[line.name] = (state, reason)
        if state == "down" or was[1]:
            facts = {"line": line.name, "state": state, "reason": reason}
            self._ledger.note(Fact("line.state", facts, b""))
        return True

    def moved(self, line: Line, route: Route | None) -> media.Order:
        """Note where a line's voice is; return the order that tells media."""
        self._routes[line.name] = route
        return _order(line.name, route)

    def browsers_open(self) -> list[media.Order]:
        """The orders that let browsers' sound in again after media started afresh."""
        return [_order(n, route) for n, route in self._routes.items() if isinstance(route, BrowserToken)]

    def for_text(self) -> TextLine | None:
        """The first line in use that carries short messages."""
        for line in self._lines.values():
            if line.traits.sends_text and self._states[line.name][0] != "down":
                sender: TextLine = line  # type: ignore[assignment]  # its traits say so
                return sender
        return None

    def idle_modem(self) -> Line | None:
        """A modem nobody uses just now."""
        for name, line in self._lines.items():
            if name.startswith(MODEM) and self._view(name).state == "idle":
                return line
        return None

    def idle_modems(self) -> int:
        """How many modems nobody uses just now."""
        return sum(name.startswith(MODEM) and self._view(name).state == "idle" for name in self._lines)

    def views(self) -> tuple[list[LineView], int]:
        """Every line worth showing, and how many idle SIP lines are not."""
        views = [self._view(name) for name in self._lines]
        quiet = [view for view in views if view.name.startswith(SIP) and view.state == "idle"]
        return [view for view in views if view not in quiet], len(quiet)

    def hang_up_all(self, cause: Cause) -> None:
        """End every call."""
        for line in self._lines.values():
            line.hangup(cause)

    def _view(self, name: str) -> LineView:
        state, reason = self._states[name]
        caller = self._caller_on(name)
        busy = state != "down" and (caller or getattr(self._lines[name], "busy", False))
        return LineView(name, "busy" if busy else state, reason, caller)


def _order(name: str, route: Route | None) -> media.Order:
    match route:
        case RtpRoute():
            return media.Open(name, rtp=route)
        case PcmPort(path):
            return media.Open(name, pcm=path)
        case BrowserToken(token):
            return media.Open(name, token=token)
        case None:
            return media.Close(name)


def sip_settings(published: Published, memory: str = "") -> SipSettings:
    """What the SIP side needs of the hand-over file, and the file it remembers by."""
    sip = published.sip
    directly = {n for e in published.extensions for n in e.numbers}
    directly |= {n for g in published.groups for n in g.numbers}
    accounts = tuple(SipAccount(e.number, e.ha1) for e in published.extensions if e.kind == "sip")
    return SipSettings(
        bind_ip=sip.ip,
        port=sip.port,
        rtp_ip=sip.rtp_ip,
        rtp_base=sip.rtp_base,
        lines=sip.lines,
        realm=sip.realm,
        accounts=accounts,
        numbers=frozenset(published.numbers) | directly,
        advertise_ip=sip.advertise_ip or None,
        allow=sip.allow,
        closed=sip.closed,
        memory=memory,
        calls_per_source=sip.calls_per_source,
        tcp=sip.tcp,
        tls_port=sip.tls_port,
        certificate=sip.certificate,
        private_key=sip.private_key,
        trust=sip.trust,
        srtp=Sealing(sip.srtp),
        trunks=tuple(_trunk(trunk, directly) for trunk in published.trunks),
    )


def _trunk(trunk: Trunk, directly: set[str]) -> SipTrunk:
    """A trunk as SIP knows it; a trunk that names its numbers brings those of phones called directly too."""
    facts = msgspec.structs.asdict(trunk)
    del facts["cost"]
    facts["through"] = bool(trunk.through)
    facts["numbers"] = (*trunk.numbers, *sorted(directly)) if trunk.numbers else ()
    return SipTrunk(**facts)
