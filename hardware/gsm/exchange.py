"""What the parts of a modem share: one AT conversation, who waits for which answer, timers, signals out."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hardware.gsm.at import TIMED_OUT, Command, Conversation, Done, Unsolicited
from hardware.line import Signal

MAX_SIGNALS = 1000
SILENCES = 3
"""Commands in a row without an answer after which the port is given up."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The modem is of no use as it is: close the port and open it again. `reason` is a sentence."""

    reason: str


Then = Callable[[Done], None]
Hearing = Callable[[str, str], None]


class Exchange:
    """Asks and hears on behalf of the parts. `now` is the time of the input being handled."""

    def __init__(self) -> None:
        self.now = 0.0
        self.silences_allowed = SILENCES
        self._port = Conversation()
        self._then: dict[int, tuple[Command, Then | None]] = {}
        self._hearing: dict[str, Hearing] = {}
        self._timers: dict[str, tuple[float, Callable[[], None]]] = {}
        self._events: deque[Signal | Lost] = deque(maxlen=MAX_SIGNALS)
        self._silences = 0
        self._lost = False

    def ask(
        self,
        text: str,
        then: Then | None = None,
        *,
        payload: str = "",
        wait_s: float | None = None,
        first: bool = False,
    ) -> None:
        """Send a command when its turn comes; `then` gets what came of it, unless the port is lost before."""
        command = Command(text, payload, wait_s)
        self._then[id(command)] = (command, then)
        self._port.ask(command, self.now, first)

    def abort(self) -> None:
        """Interrupt the outstanding command."""
        self._port.abort(self.now)

    def hasten(self, *starts: str) -> None:
        """If the outstanding command starts so, what it was to do has happened."""
        if self.outstanding.startswith(starts):
            self._port.hasten(self.now)

    @property
    def outstanding(self) -> str:
        """The command sent and not yet answered, or ""."""
        command = self._port.outstanding
        return command.text if command else ""

    def hear(self, head: str, do: Hearing) -> None:
        """`do` gets every unsolicited line that starts with `head`, and its PDU."""
        assert head not in self._hearing, head
        self._hearing[head] = do

    def at(self, name: str, when: float, do: Callable[[], None]) -> None:
        """Do something at a time; a timer of the same name is replaced."""
        self._timers[name] = (when, do)

    def cancel(self, *names: str) -> None:
        """Forget timers."""
        for name in names:
            self._timers.pop(name, None)

    def post(self, signal: Signal | Lost) -> None:
        """Put out a signal."""
        self._events.append(signal)

    def give_up(self, reason: str) -> None:
        """Put out `Lost`, once."""
        if not self._lost:
            self._lost = True
            self.post(Lost(reason))

    def restart(self, now: float) -> None:
        """The port is new: nothing is outstanding, no timer runs. Signals not yet fetched stay."""
        self.now = now
        self._then.clear()
        self._timers.clear()
        self._silences, self._lost = 0, False
        self._port.reset()
        while self._port.next_event() is not None:
            pass

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the port."""
        self.now = now
        self._port.receive(data, now)
        self._deal()

    def timer(self) -> float | None:
        """When `on_timer` is due."""
        due = [when for when, _ in self._timers.values()]
        port = self._port.timer()
        return min(due + ([port] if port is not None else []), default=None)

    def on_timer(self, now: float) -> None:
        """Do what is due."""
        self.now = now
        port = self._port.timer()
        if port is not None and now >= port:
            self._port.on_timer(now)
        for name in [name for name, (when, _) in self._timers.items() if now >= when]:
            when, do = self._timers.get(name, (now + 1, _nothing))
            if now >= when:
                del self._timers[name]
                do()
        self._deal()

    def outgoing(self) -> bytes:
        """Bytes for the port."""
        return self._port.outgoing()

    def next_event(self) -> Signal | Lost | None:
        """What there is to tell, oldest first."""
        return self._events.popleft() if self._events else None

    def _deal(self) -> None:
        while (event := self._port.next_event()) is not None:
            if isinstance(event, Unsolicited):
                self._hear(event)
            else:
                self._done(event)

    def _hear(self, event: Unsolicited) -> None:
        self._silences = 0
        line = event.line.upper()
        for head, do in self._hearing.items():
            if line.startswith(head):
                do(event.line, event.pdu)

    def _done(self, done: Done) -> None:
        self._silences = self._silences + 1 if done.final == TIMED_OUT and not done.lines else 0
        _, then = self._then.pop(id(done.command), (None, None))
        if then is not None:
            then(done)
        if self._silences >= self.silences_allowed:
            self.give_up(f"the modem does not answer ({done.command.text})")


def _nothing() -> None:
    """Stands for a timer that another one just cancelled."""
