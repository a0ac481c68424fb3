"""The short messages of the simulated modem: its store, its message centre, and the AT+CMG commands."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from hardware.gsm import sms
from hardware.gsm.multipart import Assembler

CAPACITY = 23
ZONE_S = 28800
"""China Standard Time: the zone of the message centre."""
CENTRE = "+8613800100500"
NOT_ALLOWED, BAD_PDU, BAD_PLACE = "+CMS ERROR: 302", "+CMS ERROR: 304", "+CMS ERROR: 321"


@dataclass(slots=True)
class Sent:
    """A short message the box sent."""

    to: str
    text: str


@dataclass(slots=True)
class _Message:
    pdu: sms.Pdu
    read: bool = False


@dataclass(slots=True)
class SimulatedTexts:
    """`say` puts lines on the wire, each framed; PDU mode only."""

    say: Callable[..., None]
    store: dict[int, _Message] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    pdu_mode: bool = False
    notices: bool = False
    """AT+CNMI asked for +CMTI."""
    _joining: Assembler = field(default_factory=Assembler)
    _reference: int = 0

    def boot(self) -> None:
        """Power is on: stored messages are still there."""
        self.pdu_mode = self.notices = False

    def deliver(self, sender: str, text: str, sent_s: float) -> bool:
        """The message centre delivers a text; false when the store has no room for all of it."""
        self._reference = (self._reference + 1) % 256
        pdus = sms.delivers(sender, text, sent_s, ZONE_S, self._reference, CENTRE)
        free = [index for index in range(CAPACITY) if index not in self.store]
        if len(pdus) > len(free):
            return False
        for index, pdu in zip(free, pdus, strict=False):
            self.store[index] = _Message(pdu)
            if self.notices:
                self.say(f'+CMTI: "ME",{index}')
        return True

    def accepts(self, typed: str, octets: int) -> sms.Submit | None:
        """The message typed at the prompt, None when it is not what AT+CMGS announced."""
        try:
            message = sms.decode(typed)
        except sms.BadPdu:
            return None
        fits = len(typed) // 2 - 1 - int(typed[:2], 16) == octets
        return message if fits and isinstance(message, sms.Submit) else None

    def sends(self, message: sms.Submit) -> None:
        """The network takes a message, or a part of one."""
        self._reference = (self._reference + 1) % 256
        part = sms.Deliver(message.recipient, 0.0, message.body)
        for whole in self._joining.add(part, str(self._reference), 0.0):
            self.sent.append(Sent(whole.sender, whole.text))
        self.say(f"+CMGS: {self._reference}", "OK")

    def command(self, name: str, rest: str) -> bool:
        """One of the commands about messages; false when it is another."""
        do = {
            "+CMGF": self._cmgf,
            "+CPMS": self._cpms,
            "+CMGR": self._cmgr,
            "+CMGL": self._cmgl,
            "+CMGD": self._cmgd,
        }.get(name)
        if do is not None:
            do(rest)
        return do is not None

    def _cmgf(self, rest: str) -> None:
        if rest == "=0":
            self.pdu_mode = True
            self.say("OK")
        elif rest == "?":
            self.say(f"+CMGF: {int(not self.pdu_mode)}", "OK")
        else:
            self.say("ERROR")

    def _cpms(self, rest: str) -> None:
        use = f"{len(self.store)},{CAPACITY}"
        if rest == "?":
            self.say(f'+CPMS: "ME",{use},"ME",{use},"ME",{use}', "OK")
        elif rest.startswith("=") and set(re.findall(r"\w+", rest)) <= {"ME", "SM"}:
            self.say(f"+CPMS: {use},{use},{use}", "OK")
        else:
            self.say(NOT_ALLOWED)

    def _cmgr(self, rest: str) -> None:
        index = index_of(rest)
        if not self.pdu_mode or not 0 <= index < CAPACITY:
            self.say(BAD_PLACE)
            return
        if index in self.store:
            message = self.store[index]
            self._show(f"+CMGR: {int(message.read)},,{message.pdu.octets}", message)
        self.say("OK")

    def _cmgl(self, rest: str) -> None:
        if not self.pdu_mode:
            self.say(NOT_ALLOWED)
            return
        for index, message in sorted(self.store.items()):
            if rest in ("=4", f"={int(message.read)}"):
                self._show(f"+CMGL: {index},{int(message.read)},,{message.pdu.octets}", message)
        self.say("OK")

    def _show(self, head: str, message: _Message) -> None:
        self.say(f"{head}\r\n{message.pdu.hex}")
        message.read = True

    def _cmgd(self, rest: str) -> None:
        if rest.endswith(",4"):
            self.store.clear()
        self.store.pop(index_of(rest), None)
        self.say("OK")


def index_of(rest: str) -> int:
    """The number after ``=``, -1 when there is none."""
    found = re.match(r"=(\d{1,4})", rest)
    return int(found[1]) if found else -1
