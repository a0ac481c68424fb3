"""A network of SIP cores in virtual time, and plain-text peers, for tests without sockets."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from aiosipua.message import SipRequest, SipResponse

from hardware.line import Cleared, Signal
from hardware.sip.core import SipCore
from hardware.sip.digest import Credentials, ha1
from hardware.sip.message import Addr, Malformed, Message, parse
from hardware.sip.settings import SipAccount, SipSettings, SipTrunk

BOX = ("10.0.0.1", 5060)
PHONE = ("10.0.0.9", 5062)
REALM = "hotline"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n"
    "m=audio 7000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)


def settings(
    ip: str = BOX[0],
    lines: int = 4,
    allow: tuple[str, ...] = (),
    credentials: tuple[Credentials, ...] = (),
    trunks: tuple[SipTrunk, ...] = (),
    closed: bool = False,
    calls_per_source: int = 0,
) -> SipSettings:
    """A box with two extensions and the hotline's number."""
    accounts = tuple(SipAccount(n, ha1(n, REALM, f"pw{n}"), f"台席{n}") for n in ("8001", "8002"))
    numbers = frozenset({"12345"})
    return SipSettings(
        *(ip, 5060, ip, 20000, lines, REALM, accounts, numbers),
        allow=allow,
        credentials=credentials,
        trunks=trunks,
        closed=closed,
        calls_per_source=calls_per_source,
    )


@dataclass
class Network:
    """Carries datagrams between cores and peers; `lost` says which are lost. Time is `now`."""

    cores: dict[str, SipCore] = field(default_factory=dict)
    now: float = 1000.0
    lost: Callable[[bytes, Addr], bool] = lambda _data, _to: False
    inbox: list[Message] = field(default_factory=list)
    """What arrived at addresses without a core."""
    heard: dict[str, list[tuple[int, Signal]]] = field(default_factory=dict)

    def add(self, of: SipSettings) -> SipCore:
        """A box joins, all its lines open."""
        ip, core = of.bind_ip, SipCore(of, key=b"k" * 16)
        self.cores[ip] = core
        self.heard[ip] = []
        for slot in core.slots:
            core.open(slot.index)
        core.events.clear()
        return core

    def run(self, seconds: float = 0.0) -> None:
        """Deliver what is under way, then let time pass, timer by timer."""
        until = self.now + seconds
        while True:
            if self._deliver():
                continue
            due = [at for core in self.cores.values() if (at := core.timer()) is not None and at <= until]
            if not due:
                break
            self.now = max(self.now, min(due))
            for core in self.cores.values():
                core.on_timer(self.now)
        self.now = until

    def _deliver(self) -> bool:
        some = False
        for ip, core in self.cores.items():
            self.heard[ip] += core.events
            for index, signal in core.events:
                if isinstance(signal, Cleared):
                    core.delivered(index)
            core.events.clear()
            sent, core.outgoing[:] = list(core.outgoing), []
            for data, to in sent:
                some = True
                if self.lost(data, to):
                    continue
                if to[0] in self.cores:
                    self.cores[to[0]].receive(data, (ip, 5060), self.now)
                else:
                    with suppress(Malformed):  # a refusal may quote what nobody can read
                        self.inbox.append(parse(data))
        return some

    def send(self, text: str | bytes, source: Addr = PHONE, to: str = BOX[0]) -> list[Message]:
        """A peer sends this; what comes back to peers at once."""
        self.inbox.clear()
        self.cores[to].receive(text if isinstance(text, bytes) else text.encode(), source, self.now)
        self.run()
        return list(self.inbox)

    def signals(self, ip: str = BOX[0]) -> list[Signal]:
        """What lines said since last asked."""
        said = [signal for _, signal in self.heard[ip]]
        self.heard[ip].clear()
        return said


_serial = iter(range(1, 1_000_000))


def request(method: str, to: str = "12345", *, seq: int = 1, body: str = "", **more: str) -> str:
    """A request of a plain peer at PHONE; `_` in a keyword is `-` in the header."""
    uri = more.pop("uri", f"sip:{to}@10.0.0.1" if method != "REGISTER" else "sip:10.0.0.1")
    via = f"SIP/2.0/UDP 10.0.0.9:5062;branch=z9hG4bK{more.pop('branch', str(next(_serial)))};rport"
    tag = more.pop("tag", "")
    headers = {
        "Via": via,
        "From": f"<sip:{more.pop('frm', '13800138000')}@10.0.0.9>;tag=their",
        "To": f"<sip:{to}@10.0.0.1>" + (f";tag={tag}" if tag else ""),
        "Call-ID": more.pop("call_id", "call-1"),
        "CSeq": f"{seq} {method}",
        "Contact": "<sip:phone@10.0.0.9:5062>",
        "Max-Forwards": "70",
    }
    if body:
        headers["Content-Type"] = "application/sdp"
    headers |= {name.replace("_", "-").title(): value for name, value in more.items()}
    headers["Content-Length"] = str(len(body.encode()))
    return (
        f"{method} {uri} SIP/2.0\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items()) + f"\r\n{body}"
    )


def respond(to: SipRequest, status: int, body: str = "", tag: str = "theirs", **more: str) -> str:
    """What a plain phone answers."""
    get = to.headers.get
    headers = {
        "Via": ", ".join(get("via")),
        "From": get("from")[0],
        "To": get("to")[0] + ("" if "tag=" in get("to")[0] or status == 100 else f";tag={tag}"),
        "Call-ID": get("call-id")[0],
        "CSeq": get("cseq")[0],
        "Contact": "<sip:phone@10.0.0.9:5062>",
    }
    if body:
        headers["Content-Type"] = "application/sdp"
    headers |= {name.replace("_", "-").title(): value for name, value in more.items()}
    headers["Content-Length"] = str(len(body.encode()))
    return f"SIP/2.0 {status} X\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items()) + f"\r\n{body}"


def statuses(messages: list[Message]) -> list[int]:
    return [m.status_code for m in messages if isinstance(m, SipResponse)]


def requests(messages: list[Message], method: str) -> Iterator[SipRequest]:
    return (m for m in messages if isinstance(m, SipRequest) and m.method == method)
