"""Short messages of a modem, in and out, as a pure machine on an `Exchange` (3GPP TS 27.005, PDU mode).

A message that came in stays in the modem until it is `taken`: a box that stops in
between finds it again. As modems lose their notices, the store is also read every few
minutes.
"""

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from hardware.gsm import sms
from hardware.gsm.at import NO_PROMPT, TIMED_OUT, Done, fields, number
from hardware.gsm.exchange import Exchange
from hardware.gsm.multipart import Assembler, Whole
from hardware.line import Text, TextSent

SWEEP_S = 180.0
STORES = ("ME", "SM")
"""Where messages are kept, the best first."""
MAX_PLACE = 1000
MAX_OUTBOX = 500
MAX_KNOWN = 2000
TRIES = 3
RETRY_S = (5.0, 30.0)
PATIENCE_S = 900.0
"""How long a text waits for a network before it is told as not sent."""

RETRIED = (38, 41, 42, 47, 331, 332, 500)
CMS_REASONS = {
    1: "the number is not assigned",
    8: "barred by the operator",
    21: "the network rejected it",
    27: "the destination is out of order",
    28: "the number is unknown",
    38: "the network is out of order",
    41: "a temporary failure of the network",
    42: "the network is congested",
    50: "not subscribed to",
    69: "the network does not offer it",
    302: "the modem does not allow it",
    310: "there is no SIM card",
    311: "the SIM card wants its PIN",
    313: "the SIM card has failed",
    314: "the SIM card is busy",
    322: "the message store is full",
    330: "the number of the message centre is not known",
    331: "there is no network",
    332: "the network did not answer in time",
    500: "an unknown error",
}


@dataclass(slots=True)
class _Outgoing:
    key: str
    pdus: list[sms.Pdu]
    since: float
    next: int = 0
    tries: int = 0


class Texts:
    """`ready` says whether the network can be used now and the port is not wanted for a call."""

    def __init__(self, exchange: Exchange, ready: Callable[[], bool]) -> None:
        self._x = exchange
        self._ready = ready
        self._home = self._store = ""
        self._held: dict[tuple[str, int], str] = {}
        self._reading: set[tuple[str, int]] = set()
        self._doomed: set[tuple[str, int]] = set()
        self._assembler = Assembler()
        self._places: dict[str, tuple[str, ...]] = {}
        self._known: OrderedDict[str, bool] = OrderedDict()
        self._outbox: deque[_Outgoing] = deque()
        self._sending = False
        self._reference = 0
        self.used = self.capacity = 0
        exchange.hear("+CMTI:", lambda line, _pdu: self._notice(line))
        exchange.hear("+CDSI:", lambda line, _pdu: self._notice(line))
        exchange.hear("+CMT:", lambda _line, _pdu: self.sweep())
        exchange.hear("^SMMEMFULL", lambda _line, _pdu: self.sweep())
        exchange.hear("+SMS FULL", lambda _line, _pdu: self.sweep())

    # What the box does.

    def start(self) -> None:
        """The modem is ready: choose the store and read what it holds."""
        self._choose(list(STORES))

    def send(self, to: str, text: str, key: str) -> None:
        """Send a text when the port is free; `TextSent` follows in any case."""
        if len(self._outbox) >= MAX_OUTBOX:
            self._x.post(TextSent(key, False, "too many short messages are waiting"))
            return
        self._reference = (self._reference + 1) % 256
        try:
            pdus = sms.submits(to, text, self._reference)
        except ValueError as error:
            self._x.post(TextSent(key, False, str(error)))
            return
        self._outbox.append(_Outgoing(key, pdus, self._x.now))
        self.work()

    def taken(self, key: str) -> None:
        """The text is durable: the modem may forget it."""
        if key in self._known:
            self._known[key] = True
            for place in self._places.pop(key, ()):
                self._delete(place)

    def lost(self) -> None:
        """The modem is gone. What it held is read again later; a text under way may or may not have left."""
        self._home = self._store = ""
        self._held.clear()
        self._doomed.clear()
        self._reading.clear()
        self._places.clear()
        self._assembler = Assembler()
        if self._sending:
            self._sending = False
            self._drop("the modem was lost while sending")

    def work(self) -> None:
        """Send the next part if nothing stands against it."""
        if self._sending or not self._outbox:
            return
        head = self._outbox[0]
        if self._ready():
            self._sending = True
            self._x.cancel("outbox")
            pdu = head.pdus[head.next]
            self._x.ask(f"AT+CMGS={pdu.octets}", self._sent, payload=pdu.hex)
        elif self._x.now >= head.since + PATIENCE_S:
            self._drop("there was no network")
        else:
            self._x.at("outbox", head.since + PATIENCE_S, self.work)

    def sweep(self) -> None:
        """Read the whole store."""
        if self._home:
            self._x.at("sweep", self._x.now + SWEEP_S, self.sweep)
            self._select(self._home)
            self._x.ask("AT+CMGL=4", self._listed)

    # Out.

    def _sent(self, done: Done) -> None:
        self._sending = False
        head = self._outbox[0]
        if done.ok:
            head.next, head.tries = head.next + 1, 0
            if head.next == len(head.pdus):
                self._outbox.popleft()
                self._x.post(TextSent(head.key, True))
            self.work()
            return
        head.tries += 1
        again = done.final == NO_PROMPT or done.error in RETRIED
        if again and head.tries < TRIES:
            self._sending = True
            self._x.at("resend", self._x.now + RETRY_S[head.tries - 1], self._resend)
        else:
            self._drop(_reason(done))

    def _resend(self) -> None:
        self._sending = False
        self.work()

    def _drop(self, reason: str) -> None:
        head = self._outbox.popleft()
        part = f" (part {head.next + 1} of {len(head.pdus)})" if len(head.pdus) > 1 else ""
        self._x.post(TextSent(head.key, False, reason + part))
        self.work()

    # In.

    def _choose(self, stores: list[str]) -> None:
        store = stores.pop(0)

        def chosen(done: Done) -> None:
            if done.ok or not stores:
                self._home = self._store = store
                self._count(done)
                self.sweep()
            else:
                self._choose(stores)

        self._x.ask(f'AT+CPMS="{store}","{store}","{store}"', chosen)

    def _count(self, done: Done) -> None:
        numbers = [number(part) for line in done.lines for part in fields(line)]
        if len(numbers) >= 2 and numbers[0] is not None and numbers[1] is not None:
            self.used, self.capacity = numbers[0], numbers[1]

    def _select(self, store: str) -> None:
        if store != self._store:
            self._store = store
            self._x.ask(f'AT+CPMS="{store}"')

    def _notice(self, line: str) -> None:
        parts = [*fields(line), ""]
        store, index = parts[0].upper(), number(parts[1])
        if index is None or not 0 <= index <= MAX_PLACE or not self._home:
            self.sweep()
            return
        place = (store if store.isalpha() and len(store) == 2 else self._home, index)
        if place not in self._reading:
            self._reading.add(place)
            self._select(place[0])
            self._x.ask(f"AT+CMGR={index}", lambda done: self._read(place, done))

    def _read(self, place: tuple[str, int], done: Done) -> None:
        self._reading.discard(place)
        if done.ok and len(done.lines) >= 2:
            self._take(place, done.lines[1])

    def _listed(self, done: Done) -> None:
        if not done.ok:
            return
        listed = set()
        for head, pdu in zip(done.lines[::2], done.lines[1::2], strict=False):
            parts = [*fields(head), ""]
            index, stat = number(parts[0]), number(parts[1])
            if index is not None and 0 <= index <= MAX_PLACE and stat in (0, 1):
                listed.add((self._home, index))
                self._take((self._home, index), pdu)
        for place in [place for place in self._held if place[0] == self._home and place not in listed]:
            del self._held[place]

    def _take(self, place: tuple[str, int], pdu: str) -> None:
        name = f"{place[0]}:{place[1]}"
        if self._held.get(place) == pdu:
            if place in self._doomed:
                self._delete(name)
            return
        self._held[place] = pdu
        self._doomed.discard(place)
        try:
            message = sms.decode(pdu)
        except sms.BadPdu as error:
            self._show(Whole("", f"[{error}] {pdu}", None, (name,)))
            return
        if isinstance(message, sms.StatusReport) or (isinstance(message, sms.Deliver) and message.body.ports):
            self._delete(name)
        elif isinstance(message, sms.Deliver):
            if message.body.text is None:
                self._show(Whole(message.sender, f"[no text] {pdu}", message.sent_s, (name,)))
            else:
                self._show_all(self._assembler.add(message, name, self._x.now))
                self._watch()

    def _watch(self) -> None:
        due = self._assembler.timer()
        if due is not None:
            self._x.at("parts", due, self._late)

    def _late(self) -> None:
        self._show_all(self._assembler.on_timer(self._x.now))
        self._watch()

    def _show_all(self, wholes: list[Whole]) -> None:
        for whole in wholes:
            self._show(whole)

    def _show(self, whole: Whole) -> None:
        """Tell a text once: its key is made of its content, so it is known again after the modem was lost."""
        content = f"{whole.sender}\0{whole.sent_s}\0{whole.text}"
        key = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:24]
        known = self._known.get(key)
        self._places[key] = (*self._places.get(key, ()), *whole.places)
        if known is None:
            self._known[key] = False
            while len(self._known) > MAX_KNOWN:
                self._places.pop(self._known.popitem(last=False)[0], None)
            self._x.post(Text(whole.sender, whole.text, whole.sent_s or 0.0, key))
        elif known:
            self.taken(key)

    def _delete(self, name: str) -> None:
        store, _, index = name.partition(":")
        place = (store, int(index))
        self._doomed.add(place)
        self._select(store)
        self._x.ask(f"AT+CMGD={index}", lambda done: self._deleted(place, done))

    def _deleted(self, place: tuple[str, int], done: Done) -> None:
        if done.ok:
            self._held.pop(place, None)
            self._doomed.discard(place)


def _reason(done: Done) -> str:
    if done.final in (TIMED_OUT, NO_PROMPT):
        return "the modem did not confirm it" if done.final == TIMED_OUT else "the modem did not ask for it"
    known = CMS_REASONS.get(done.error) if done.error is not None else None
    return known or f"the modem answered {done.final}"
