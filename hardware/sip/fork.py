"""A call we place to an extension or outside: several INVITEs, of which one gets the call."""

from collections.abc import Callable, Sequence

from hardware.line import Alerting, Answered, Cause, Cleared, Digit, Held, RtpRoute, Signal, Sound, Transfer
from hardware.sip.dialing import RING_S, Dialing, Target
from hardware.sip.leg import Leg
from hardware.sip.usage import LegPost

PATIENCE_S = 6.0
"""How long a trunk may stay silent before the next one is tried."""


class Fork:
    """All phones of one extension ring; the first to answer has the call, the others stop.

    Trunks are tried one after another instead. `begin` makes a leg to a target and starts it.
    """

    def __init__(
        self,
        post: Callable[[Signal, float], None],
        begin: Callable[[Target, LegPost, float, float], Dialing],
    ) -> None:
        self.legs: list[Dialing] = []
        self._begin = begin
        self._later: list[Target] = []
        self._post = post
        self._winner: Leg | None = None
        self._early: Leg | None = None
        self._alerted: Alerting | None = None
        self._route: RtpRoute | None = None
        self._causes: list[Cause] = []
        self.unreachable: list[Target] = []

    def start(self, targets: Sequence[Target], now: float) -> None:
        """Call phones all at once, trunks in turn."""
        if targets[0].trunk:
            self._later = list(targets)
            self._next(now)
        else:
            self.legs = [self._begin(target, self.hear, RING_S, now) for target in targets]

    def _next(self, now: float) -> None:
        target = self._later.pop(0)
        patience_s = PATIENCE_S if self._later else RING_S
        self.legs.append(self._begin(target, self.hear, patience_s, now))

    def hear(self, leg: Leg, signal: Signal, now: float) -> None:
        """What one leg says, made into what the line says."""
        mine = leg is self._winner
        match signal:
            case Alerting():
                self._alert(leg, signal, now)
            case Sound(RtpRoute() as route) if mine or self._may_sound(leg):
                self._sound(route, now)
            case Answered() if self._winner is None:
                self._win(leg, now)
            case Cleared(cause):
                self._lose(leg, cause, now)
            case Digit() | Held() | Transfer() if mine:
                self._post(signal, now)

    def end(self, cause: Cause, now: float) -> None:
        """Stop all."""
        self._later.clear()
        for leg in self.legs:
            leg.detach()
            leg.end(cause, now)
        self.legs.clear()

    @property
    def winner(self) -> Leg | None:
        """The leg that was answered."""
        return self._winner

    def _may_sound(self, leg: Leg) -> bool:
        """Before anyone answers, the first phone that sends sound is heard and no other."""
        if self._winner is None and self._early is None:
            self._early = leg
        return self._winner is None and self._early is leg

    def _alert(self, leg: Leg, signal: Alerting, now: float) -> None:
        early = signal.early and leg is self._early
        if self._alerted is None or (early and not self._alerted.early):
            self._alerted = Alerting(early)
            self._post(self._alerted, now)

    def _sound(self, route: RtpRoute, now: float) -> None:
        self._route = route
        self._post(Sound(route), now)

    def _win(self, leg: Leg, now: float) -> None:
        self._winner = leg
        for other in self.legs:
            if other is not leg:
                other.detach()
                other.answered_elsewhere(now)
        self.legs = [other for other in self.legs if other is leg]
        if leg.route is not None and leg.route != self._route:
            self._sound(leg.route, now)
        self._post(Answered(), now)

    def _lose(self, leg: Leg, cause: Cause, now: float) -> None:
        if isinstance(leg, Dialing) and leg.unreachable:
            self.unreachable.append(leg.target)
        self.legs = [other for other in self.legs if other is not leg]
        if leg is self._winner:
            return self._post(Cleared(cause), now)
        self._causes.append(cause)
        if self._early is leg:
            self._early = None
        if self._later and isinstance(leg, Dialing) and leg.moves_on and self._alerted is None:
            leg.detach()
            return self._next(now)
        if not self.legs:
            # A phone that is there says more than one that is not.
            told = [c for c in self._causes if c is not Cause.NO_USER]
            self._post(Cleared(told[-1] if told else cause), now)
        return None
