"""One line as the SIP core sees it."""

from hardware.sip.fork import Fork
from hardware.sip.leg import Leg


class Slot:
    """One line as the core sees it."""

    __slots__ = ("call", "clearing", "index", "open")

    def __init__(self, index: int) -> None:
        self.index = index
        self.open = False
        self.clearing = 0
        """Calls that are over, but nobody was told so yet."""
        self.call: Leg | Fork | None = None

    @property
    def name(self) -> str:
        """What the line is called."""
        return f"sip/{self.index}"

    @property
    def free(self) -> bool:
        """Whether a call may be put here."""
        return self.open and self.call is None and not self.clearing

    @property
    def talking(self) -> Leg | None:
        """The leg that is past its answer."""
        call = self.call
        if isinstance(call, Fork):
            return call.winner
        return call if call is not None and call.confirmed else None

    def carries(self, leg: Leg) -> bool:
        """Whether this leg belongs to the call here, answered or not."""
        return self.call is leg or (isinstance(self.call, Fork) and leg in self.call.legs)
