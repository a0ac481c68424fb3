"""One turn with the caller: an IVR action carried out, as a pure machine.

The shell tells a turn what happened (`key`, `spoken`, `on_timer`) and does what it
asks for (`Speak`, `Hush`, `Listen`, …). `outcome` is set when the turn is over.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ivr.actions import Action, Callback, Collect, Dial, Menu, Message, Queue, Rate, Say, TicketState

BEEP = "beep"
"""Stands for the prompt cache's beep."""
RINGBACK = "tone:ringback"
MUSIC = "music"
"""Stands for what callers of the call's queue hear while they wait."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Speak phrases to the caller, then sound files or tones; `spoken` follows."""

    prompts: Sequence[str]
    values: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """Sound a tone or a file again and again."""

    item: str


@dataclass(frozen=True, slots=True)
class Hush:
    """Stop speaking."""


@dataclass(frozen=True, slots=True)
class StartMessage:
    """Record what the caller says now."""


@dataclass(frozen=True, slots=True)
class EndMessage:
    """The message is complete; `keep` is False when nothing worth keeping was said."""

    keep: bool


@dataclass(frozen=True, slots=True)
class AskTicket:
    """Ask the store how this ticket stands; `answered` follows."""

    number: str


@dataclass(frozen=True, slots=True)
class Keyed:
    """What the caller keyed in, in one turn."""

    keys: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class CallTargets:
    """Ring somebody for the caller; `Conversation.reached` or `unreached` follows."""

    to: Sequence[str]
    keyed: str = ""
    """A number the caller keyed, tried first."""


@dataclass(frozen=True, slots=True)
class StopCalling:
    """Whoever rings for the caller is not wanted any more."""


@dataclass(frozen=True, slots=True)
class KeepPlace:
    """Have the caller called back at this number when the turn comes; `answered` follows."""

    number: str


@dataclass(frozen=True, slots=True)
class Rated:
    """The caller rated the talk: `value` of so many, more is better."""

    key: str
    value: int
    of: int


Do = (
    Speak
    | Loop
    | Hush
    | StartMessage
    | EndMessage
    | AskTicket
    | CallTargets
    | StopCalling
    | KeepPlace
    | Rated
)


class Turn:
    """The common part: nothing heard matters, and the turn never ends by itself."""

    def __init__(self) -> None:
        self.outcome: tuple[str, dict[str, str]] | None = None
        self.until_s: float | None = None

    def begin(self, now: float) -> list[Do]:
        """Start the turn."""
        return []

    def key(self, key: str, now: float) -> list[Do]:
        """The caller pressed a key."""
        return []

    def spoken(self, now: float) -> list[Do]:
        """What was to be spoken has been."""
        return []

    def on_timer(self, now: float) -> list[Do]:
        """The time `until_s` has come."""
        return []

    def gone(self, now: float) -> list[Do]:
        """The caller hung up."""
        return []

    def answered(self, outcome: str, values: dict[str, str]) -> None:
        """Whoever was asked answered."""

    def wants_keys(self) -> bool:
        """Whether keys pressed ahead are meant for this turn."""
        return False

    def keyed(self, outcome: str, values: Mapping[str, str]) -> Keyed | None:
        """What the caller keyed in, now that the turn is over; None when nothing was asked for."""
        return None

    def end(self, outcome: str, **values: str) -> list[Do]:
        """End with an outcome."""
        self.outcome, self.until_s = (outcome, values), None
        return []


class SayTurn(Turn):
    """Speak to the end; a key cuts it short and is kept for the menu that follows."""

    def __init__(self, action: Say) -> None:
        super().__init__()
        self._action = action

    def begin(self, now: float) -> list[Do]:
        return [Speak(self._action.prompts)] if self._action.prompts else self.end("done")

    def key(self, key: str, now: float) -> list[Do]:
        if not self._action.barge_in:
            return []
        self.end("done")
        return [Hush()]

    def spoken(self, now: float) -> list[Do]:
        return self.end("done")


class MenuTurn(Turn):
    """Speak, and take one key."""

    def __init__(self, action: Menu) -> None:
        super().__init__()
        self._action = action
        self._speaking = True

    def begin(self, now: float) -> list[Do]:
        return [Speak(self._action.prompts)] if self._action.prompts else self.spoken(now)

    def key(self, key: str, now: float) -> list[Do]:
        if self._speaking and not self._action.barge_in:
            return []
        self.end(f"key:{key}")
        return [Hush()] if self._speaking else []

    def spoken(self, now: float) -> list[Do]:
        self._speaking = False
        self.until_s = now + self._action.timeout_s
        return []

    def on_timer(self, now: float) -> list[Do]:
        return self.end("timeout")

    def wants_keys(self) -> bool:
        return self._action.barge_in

    def keyed(self, outcome: str, values: Mapping[str, str]) -> Keyed | None:
        return Keyed(outcome.partition(":")[2])


class RateTurn(MenuTurn):
    """A menu whose key is a rating too; no rating without a talk before is the flow's own matter."""

    def __init__(self, action: Rate) -> None:
        super().__init__(action)
        self._keys = action.keys

    def key(self, key: str, now: float) -> list[Do]:
        dos = super().key(key, now)
        if self.outcome is not None and key in self._keys:
            dos.append(Rated(key, len(self._keys) - self._keys.index(key), len(self._keys)))
        return dos


class CollectTurn(Turn):
    """Speak, and take digits."""

    def __init__(self, action: Collect) -> None:
        super().__init__()
        self._action = action
        self._digits = ""
        self._speaking = True

    def begin(self, now: float) -> list[Do]:
        return [Speak(self._action.prompts)] if self._action.prompts else self.spoken(now)

    def key(self, key: str, now: float) -> list[Do]:
        hush: list[Do] = [Hush()] if self._speaking else []
        self._speaking = False
        if key == self._action.terminator:
            return hush + self.end("ok", digits=self._digits)
        self._digits += key
        self.until_s = now + self._action.timeout_s
        if len(self._digits) >= self._action.digits_max:
            return hush + self.end("ok", digits=self._digits)
        return hush

    def spoken(self, now: float) -> list[Do]:
        self._speaking = False
        self.until_s = now + self._action.timeout_s
        return []

    def on_timer(self, now: float) -> list[Do]:
        return self.end("ok", digits=self._digits) if self._digits else self.end("timeout")

    def wants_keys(self) -> bool:
        return True

    def keyed(self, outcome: str, values: Mapping[str, str]) -> Keyed | None:
        return Keyed(values.get("digits", ""), self._action.secret)


class MessageTurn(Turn):
    """Speak, beep, and record until the stop key, hang-up or the time is up."""

    def __init__(self, action: Message) -> None:
        super().__init__()
        self._action = action
        self._since_s: float | None = None

    def begin(self, now: float) -> list[Do]:
        return [Speak(self._action.prompts, after=(BEEP,))]

    def spoken(self, now: float) -> list[Do]:
        self._since_s = now
        self.until_s = now + self._action.max_s
        return [StartMessage()]

    def key(self, key: str, now: float) -> list[Do]:
        return self._stop(now) if key == self._action.stop_key and self._since_s is not None else []

    def on_timer(self, now: float) -> list[Do]:
        return self._stop(now)

    def gone(self, now: float) -> list[Do]:
        return self._stop(now) if self._since_s is not None else []

    def _stop(self, now: float) -> list[Do]:
        keep = self._since_s is not None and now - self._since_s >= self._action.min_s
        self._since_s = None
        self.end("left" if keep else "empty")
        return [EndMessage(keep)]


class TicketTurn(Turn):
    """Ask how a ticket stands."""

    def __init__(self, action: TicketState, number: str) -> None:
        super().__init__()
        self._number = number

    def begin(self, now: float) -> list[Do]:
        return [AskTicket(self._number)]

    def answered(self, outcome: str, values: dict[str, str]) -> None:
        self.end(outcome, **values)


class CallbackTurn(Turn):
    """Ask for the place to be kept."""

    def __init__(self, action: Callback, number: str) -> None:
        super().__init__()
        self._number = number

    def begin(self, now: float) -> list[Do]:
        return [KeepPlace(self._number)]

    def answered(self, outcome: str, values: dict[str, str]) -> None:
        self.end(outcome, **values)


class QueueTurn(Turn):
    """Wait: music, now and then a kind word; tell the flow when every agent is busy.

    `busy` says whether nobody could take the call at once, `position` its place; `fresh` is the
    first time in this queue, and `joined_s` when that was. `overflowed` says once, on beginning
    and when the time has come, that the queue machine will have the call elsewhere; `expect`
    how many seconds the caller may still wait, when that is known.
    """

    def __init__(
        self,
        action: Queue,
        busy: Callable[[], bool],
        position: Callable[[], int],
        joined_s: float,
        fresh: bool,
        overflowed: Callable[[], bool] = lambda: False,
        expect: Callable[[], float | None] = lambda: None,
    ) -> None:
        super().__init__()
        self._action = action
        self._busy = busy
        self._position = position
        self._joined_s = joined_s
        self._fresh = fresh
        self._overflowed = overflowed
        self._expect = expect
        self._comfort_s = self._busy_s = 0.0

    def begin(self, now: float) -> list[Do]:
        if self._overflowed():
            return self.end("overflow")
        if self._fresh and self._busy():
            return self.end("all_busy", **self._place())
        self._comfort_s = now + self._action.comfort_every_s
        self._busy_s = now + self._action.busy_every_s
        self._wake()
        return [Loop(MUSIC)]

    def spoken(self, now: float) -> list[Do]:
        return [Loop(MUSIC)]

    def on_timer(self, now: float) -> list[Do]:
        late = self._action.overflow_s is not None and now >= self._joined_s + self._action.overflow_s
        if late or self._overflowed():
            return self.end("overflow")
        if now >= self._busy_s:
            self._busy_s = now + self._action.busy_every_s
            if self._busy():
                return self.end("all_busy", **self._place())
        self._wake()
        if now >= self._comfort_s and self._action.comfort:
            self._comfort_s = now + self._action.comfort_every_s
            self._wake()
            return [Speak(self._action.comfort, self._place())]
        return []

    def _place(self) -> dict[str, str]:
        """What can be told of the wait: the position, and the minutes when they are known."""
        place = {"position": str(self._position())}
        if (expect_s := self._expect()) is not None:
            place["minutes"] = str(max(1, round(expect_s / 60)))
        return place

    def _wake(self) -> None:
        times = [self._comfort_s, self._busy_s]
        if self._action.overflow_s is not None:
            times.append(self._joined_s + self._action.overflow_s)
        self.until_s = min(times)


class DialTurn(Turn):
    """Ringback, while somebody is rung."""

    def __init__(self, action: Dial, keyed: str) -> None:
        super().__init__()
        self._action = action
        self._keyed = keyed

    def begin(self, now: float) -> list[Do]:
        return [Loop(RINGBACK), CallTargets(self._action.to, self._keyed)]

    def gone(self, now: float) -> list[Do]:
        return [StopCalling()]

    def answered(self, outcome: str, values: dict[str, str]) -> None:
        self.end(outcome)


class TalkTurn(Turn):
    """The caller is with an agent."""


SIMPLE: Mapping[type[Action], Callable[..., Turn]] = {
    Say: SayTurn,
    Menu: MenuTurn,
    Rate: RateTurn,
    Collect: CollectTurn,
    Message: MessageTurn,
}
"""Turns that need nothing but their action."""
