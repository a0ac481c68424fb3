"""A SIM7600 at the wire, as a pure machine: what is typed at its AT port and when, to what it says.

It answers as the module does, with its framing and its refusals: echo until ATE0,
AT+CPCMREG only in a call, ATH without effect on a voice call until AT+CVHU=0, `+CMTI`
only when AT+CNMI asked for it. What the network does is told by the methods below.
"""

import heapq
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from types import MappingProxyType

from hardware.gsm.simulated_texts import BAD_PDU, NOT_ALLOWED, SimulatedTexts, index_of

RING_S = 4.0
CONNECT_S = 0.15
NETWORK_S = 0.4
MAX_LINE = 600
DEFAULTS = MappingProxyType(
    {"E": "1", "+CMEE": "0", "+CLIP": "0", "+CRC": "0", "+CLCC": "0", "+DDET": "0", "+CNMI": "0,0,0,0,0"}
    | {"+CVHU": "1", "+CREG": "0", "+CEREG": "0", "+CSCS": "IRA", "+CPCMFRM": "0"}
)
_SETTABLE = (
    "+CSCS +CSMS +CCWA +COLP +CPCMFRM +CPCMBANDWIDTH +CTZU +CLTS +AUTOCSQ +CSDVC +CLVL +COPS +CSCA +CSSN"
    " +CFUN +CMEE +CLIP +CRC +DDET +CNMI +CVHU +VTD +CGREG"
)
ACCEPTED = frozenset(_SETTABLE.split())
IDENTITY = MappingProxyType(
    {
        "+CGMI": "SIMCOM INCORPORATED",
        "+CGMM": "SIMCOM_SIM7600CE (simulated)",
        "+CGMR": "+CGMR: LE11B12SIM7600M22",
        "+CGSN": "861234050000017",
        "+CIMI": "460001234567890",
        "+CICCID": "+ICCID: 89860012345678901234",
        "+CSCA?": '+CSCA: "+8613800100500",145',
        "+COPS?": '+COPS: 0,0,"CHN-YUNHE",7',
        "+CNUM": '+CNUM: "","13900001234",129',
        "+CSQ": "+CSQ: 23,99",
        "+CEER": "+CEER: Client ended call",
    }
)
CME_TEXT = {
    3: "operation not allowed",
    10: "SIM not inserted",
    11: "SIM PIN required",
    16: "incorrect password",
}


@dataclass(slots=True)
class _Call:
    incoming: bool
    number: str
    stat: int
    """As in +CLCC."""
    active_since: float | None = None


@dataclass(slots=True)
class Plan:
    """What happens to a call the box makes, and when: ``answer``, ``busy``, ``no answer`` or ``reject``."""

    then: str = "answer"
    after_s: float = 1.0


@dataclass(slots=True)
class SimulatedModem:
    """Bytes in by `receive`, out by `outgoing`; `voice` is true while PCM flows."""

    pin: str = ""
    ring_s: float = RING_S
    registration: int = 1
    sim: str = "READY"
    plan: Plan = field(default_factory=Plan)
    keys: str = ""
    """Keys the mobile party heard (AT+VTS)."""
    voice: bool = False
    call: _Call | None = None
    texts: SimulatedTexts = field(init=False)
    out: bytearray = field(default_factory=bytearray)
    settings: dict[str, str] = field(default_factory=lambda: dict(DEFAULTS))
    pin_tries: int = 3
    resetting: bool = False
    """AT+CRESET was given: it leaves the bus and comes back."""
    _line: bytearray = field(default_factory=bytearray)
    _prompt: int | None = None
    _queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: "count[int]" = field(default_factory=count)
    _now: float = 0.0

    def __post_init__(self) -> None:
        self.texts = SimulatedTexts(self._say)
        if self.pin:
            self.sim = "SIM PIN"

    def boot(self, now: float) -> None:
        """Power is on: settings and calls are gone, stored messages are not."""
        self._now = now
        self.call, self.voice, self.resetting, self._prompt = None, False, False, None
        self.settings = dict(DEFAULTS)
        self.texts.boot()
        self.out.clear()
        self._line.clear()
        self._queue.clear()
        if self.pin and self.sim == "READY":
            self.sim = "SIM PIN"

    # The port.

    def receive(self, data: bytes, now: float) -> None:
        """Take what was typed."""
        self._now = now
        for octet in data:
            if self._prompt is not None:
                self._type_pdu(octet)
                continue
            if self.settings["E"] == "1":
                self.out.append(octet)
            if octet == 13:
                line, self._line = bytes(self._line), bytearray()
                self._command(line.decode("ascii", "replace"))
            elif octet not in (10, 27) and len(self._line) < MAX_LINE:
                self._line.append(octet)

    def outgoing(self) -> bytes:
        """What it says."""
        data = bytes(self.out)
        self.out.clear()
        return data

    def timer(self) -> float | None:
        """When `on_timer` is due."""
        return self._queue[0][0] if self._queue else None

    def on_timer(self, now: float) -> None:
        """Do what is due."""
        self._now = now
        while self._queue and now >= self._queue[0][0]:
            heapq.heappop(self._queue)[2]()

    # What the network and the people do.

    def ring(self, caller: str, now: float) -> bool:
        """Somebody calls; false when the line is busy or off the network."""
        self._now = now
        if self.call is not None or self.sim != "READY" or self.registration not in (1, 5):
            return False
        self.call = _Call(True, caller, 4)
        self._clcc()
        self._ring(self.call)
        return True

    def press(self, key: str, now: float) -> None:
        """The mobile party's key was heard to its end."""
        self._now = now
        if self.settings["+DDET"] == "1":
            self._say(f"+RXDTMF: {key}")

    def far_end_hangs_up(self, now: float) -> None:
        """The mobile party ends the call, or gives up."""
        self._now = now
        if self.call is None:
            return
        if self.call.incoming and self.call.stat == 4:
            self._end()
            self._say(f"MISSED_CALL: 02:12PM {self.call_number}")
        else:
            self._end()
        self._say("NO CARRIER")

    def text(self, sender: str, text: str, sent_s: float, now: float) -> bool:
        """The message centre delivers a text; false when the store has no room for all of it."""
        self._now = now
        return self.texts.deliver(sender, text, sent_s)

    def network(self, stat: int, now: float) -> None:
        """The registration changes (27.007 `stat`)."""
        self._now = now
        self.registration = stat
        for name in ("+CREG", "+CEREG"):
            if self.settings[name] in ("1", "2"):
                self._say(f"{name}: {stat}")
        if stat not in (1, 5) and self.call is not None:
            self._end()
            self._say("NO CARRIER")

    def card(self, state: str, now: float) -> None:
        """The SIM card is put in (``READY``, ``SIM PIN``) or out (``NOT INSERTED``)."""
        self._now = now
        self.sim = state
        self._say("+SIMCARD: NOT AVAILABLE" if state == "NOT INSERTED" else f"+CPIN: {state}")

    # Saying.

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.out += b"\r\n" + line.encode("ascii", "replace") + b"\r\n"

    def _refuse(self, cme: int | None = None) -> None:
        mode = self.settings["+CMEE"]
        if cme is None or mode == "0":
            self._say("ERROR")
        else:
            self._say(f"+CME ERROR: {cme if mode == '1' else CME_TEXT.get(cme, 'unknown')}")

    def _later(self, delay_s: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self._now + delay_s, next(self._order), do))

    # Commands.

    def _command(self, line: str) -> None:
        start = line.upper().find("AT")
        if start < 0:
            return
        body = line[start + 2 :].strip()
        name = (re.match(r"[+^*&]?[A-Z]+[A-Z0-9]*|", body.upper()) or [""])[0]
        if not name.startswith(("+", "^", "*")):
            self._basic(body.upper())
        elif body.upper() in IDENTITY:
            self._identity(body.upper())
        elif name in _ACTIONS:
            _ACTIONS[name](self, body[len(name) :])
        elif self.texts.command(name, body[len(name) :]):
            return
        elif name in ACCEPTED and body[len(name) : len(name) + 1] == "=":
            self.settings[name] = body[len(name) + 1 :].strip('"')
            self.texts.notices = self.settings["+CNMI"].split(",")[1:2] == ["1"]
            self._say("OK")
        else:
            self._refuse()

    def _identity(self, body: str) -> None:
        if body in ("+CIMI", "+CNUM", "+CSCA?") and self.sim != "READY":
            self._refuse(10 if self.sim == "NOT INSERTED" else 11)
        else:
            self._say(IDENTITY[body], "OK")

    def _basic(self, body: str) -> None:
        if body.startswith("D"):
            self._dial(body[1:])
        elif body == "A":
            self._answer()
        elif body in ("H", "H0"):
            if self.settings["+CVHU"] == "0":
                self._end()
            self._say("OK")
        elif re.fullmatch(r"(E[01]?|V1?|Q0?|Z0?|&F0?|I|)+", body):
            for echo in re.findall(r"E([01])", body):
                self.settings["E"] = echo
            if "I" in body:
                self._say("Manufacturer: SIMCOM INCORPORATED", f"Model: {IDENTITY['+CGMM']}")
            self._say("OK")
        else:
            self._refuse()

    def _cpin(self, rest: str) -> None:
        if rest == "?":
            if self.sim == "NOT INSERTED":
                self._refuse(10)
            else:
                self._say(f"+CPIN: {self.sim}", "OK")
        elif self.sim == "SIM PIN" and rest.strip('="') == self.pin:
            self.sim, self.pin_tries = "READY", 3
            self._say("OK", "+CPIN: READY")
        else:
            self.pin_tries = max(self.pin_tries - 1, 0)
            if self.pin_tries == 0 and self.sim == "SIM PIN":
                self.sim = "SIM PUK"
            self._refuse(16)

    def _creg(self, name: str, rest: str) -> None:
        if rest == "?":
            self._say(f"{name}: {self.settings[name]},{self.registration}", "OK")
        else:
            self.settings[name] = rest.strip("=")
            self._say("OK")

    def _clcc_command(self, rest: str) -> None:
        if rest:
            self.settings["+CLCC"] = rest.strip("=")
        elif self.call is not None:
            self._say(self._clcc_line(self.call))
        self._say("OK")

    def _pcm(self, rest: str) -> None:
        if rest == "?":
            self._say(f"+CPCMREG: {int(self.voice)}", "OK")
        elif rest == "=1" and self.call is not None and self.call.stat in (0, 3):
            self.voice = True
            self._say("OK")
        elif rest == "=0,1":
            self.voice = False
            self._say("OK")
        else:
            self._refuse()

    def _send_key(self, rest: str) -> None:
        key = rest.strip('="')
        if self.call is None or self.call.stat != 0 or not re.fullmatch("[0-9A-D*#]", key):
            self._refuse(3)
        else:
            self.keys += key
            self._say("OK")

    def _reset(self, rest: str) -> None:
        del rest
        self.resetting = True
        self._say("OK")

    # Calls.

    @property
    def call_number(self) -> str:
        """The number of the call in progress, or of the last one."""
        return self.settings.get("last", "")

    def _ring(self, call: _Call) -> None:
        if self.call is call and call.stat == 4:
            self._say("+CRING: VOICE" if self.settings["+CRC"] == "1" else "RING")
            if self.settings["+CLIP"] == "1":
                known = "0" if call.number else "1"
                self._say(f'+CLIP: "{call.number}",{_toa(call.number)},"",0,"",{known}')
            self._later(self.ring_s, lambda: self._ring(call))

    def _dial(self, to: str) -> None:
        number = to.removesuffix(";").rstrip("I")
        if self.sim != "READY":
            self._refuse(10 if self.sim == "NOT INSERTED" else 11)
        elif self.call is not None or not to.endswith(";") or not re.fullmatch(r"\+?[0-9*#]+", number):
            self._refuse()
        elif self.registration not in (1, 5):
            self._say("OK", "NO CARRIER")
        else:
            call = self.call = _Call(False, number, 2)
            self._say("OK")
            self._clcc()
            self._later(CONNECT_S, lambda: self._alert(call))

    def _alert(self, call: _Call) -> None:
        if self.call is not call:
            return
        if self.plan.then in ("answer", "no answer"):
            call.stat = 3
            self._clcc()
        self._later(self.plan.after_s, lambda: self._planned(call, self.plan.then))

    def _planned(self, call: _Call, then: str) -> None:
        if self.call is not call:
            return
        if then == "answer":
            self._activate(call)
        else:
            self._end()
            self._say({"busy": "BUSY", "no answer": "NO ANSWER"}.get(then, "NO CARRIER"))

    def _answer(self) -> None:
        call = self.call
        if call is None or call.stat != 4:
            self._say("NO CARRIER")
            return

        def connected() -> None:
            if self.call is call:
                self._activate(call)
                self._say("OK")

        self._later(CONNECT_S, connected)

    def _activate(self, call: _Call) -> None:
        call.stat, call.active_since = 0, self._now
        self._clcc()
        self._say("VOICE CALL: BEGIN")

    def _end(self) -> None:
        call = self.call
        if call is None:
            return
        self.voice = False
        call.stat = 6
        self._clcc()
        self.settings["last"] = call.number
        self.call = None
        since = call.active_since
        self._say("VOICE CALL: END" if since is None else f"VOICE CALL: END: {self._now - since:06.0f}")

    def _hang_up(self, rest: str) -> None:
        del rest
        self._end()
        self._say("OK")

    def _clcc(self) -> None:
        if self.call is not None and self.settings["+CLCC"] == "1":
            self._say(self._clcc_line(self.call))

    def _clcc_line(self, call: _Call) -> str:
        return f'+CLCC: 1,{int(call.incoming)},{call.stat},0,0,"{call.number}",{_toa(call.number)}'

    # The message prompt.

    def _cmgs(self, rest: str) -> None:
        length = index_of(rest)
        if not self.texts.pdu_mode or length < 8:
            self._say(NOT_ALLOWED)
        elif self.sim != "READY":
            self._say("+CMS ERROR: 310")
        else:
            self._prompt = length
            self._line.clear()
            self.out += b"\r\n> "

    def _type_pdu(self, octet: int) -> None:
        if octet not in (26, 27):
            if len(self._line) < MAX_LINE:
                self._line.append(octet)
            if self.settings["E"] == "1":
                self.out.append(octet)
            return
        length, self._prompt = self._prompt or 0, None
        typed, self._line = bytes(self._line).decode("ascii", "replace").strip(), bytearray()
        message = self.texts.accepts(typed, length)
        if octet == 27:
            self._say("OK")
        elif message is None:
            self._say(BAD_PDU)
        elif self.registration not in (1, 5):
            self._later(NETWORK_S, lambda: self._say("+CMS ERROR: 331"))
        else:
            self._later(NETWORK_S, partial(self.texts.sends, message))


Handler = Callable[[SimulatedModem, str], None]
_ACTIONS: Mapping[str, Handler] = MappingProxyType(
    {
        "+CPIN": SimulatedModem._cpin,
        "+CREG": lambda modem, rest: modem._creg("+CREG", rest),
        "+CEREG": lambda modem, rest: modem._creg("+CEREG", rest),
        "+SPIC": lambda modem, _rest: modem._say(f"+SPIC: {modem.pin_tries},10,0,10", "OK"),
        "+CLCC": SimulatedModem._clcc_command,
        "+CPCMREG": SimulatedModem._pcm,
        "+CRESET": SimulatedModem._reset,
        "+VTS": SimulatedModem._send_key,
        "+CHUP": SimulatedModem._hang_up,
        "+CMGS": SimulatedModem._cmgs,
    }
)


def _toa(number: str) -> int:
    return 145 if number.startswith("+") else 129 if number else 128
