"""From one call process to the next: sound goes on meanwhile, and the next one says what it takes up."""

from hardware.line import TICK_S
from hardware.media import wire
from hardware.media.switch import SECOND_TICKS, Switch

ALONE_TICKS = 30 * SECOND_TICKS
"""How long sound goes on with no call process there."""
FIRST_TICKS = SECOND_TICKS
"""How long a new call process may take to say what it keeps."""


class Succession:
    """Hands orders to the switch; decides when what an earlier call process left is over."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch
        self._alone_since: int | None = None
        self._gap_ticks = 0
        self._undecided_until: int | None = None

    def came(self, tick: int) -> None:
        """A new connection takes over; its first order says what is kept."""
        self._gap_ticks = 0 if self._alone_since is None else tick - self._alone_since
        self._alone_since = None
        self._undecided_until = tick + FIRST_TICKS

    def do(self, order: wire.Order) -> None:
        """Carry out an order; a first one that keeps nothing starts afresh."""
        first = self._undecided_until is not None
        self._undecided_until = None
        if isinstance(order, wire.Keep):
            self._switch.keep(order, self._gap_ticks * TICK_S)
            return
        if first:
            self._switch.reset()
        self._switch.do(order)

    def look(self, connected: bool, tick: int) -> None:
        """Let time pass: nobody came, or who came said nothing."""
        if not connected and self._alone_since is None:
            self._alone_since, self._undecided_until = tick, tick + ALONE_TICKS
        if self._undecided_until is not None and tick >= self._undecided_until:
            self._undecided_until = None
            self._switch.reset()
