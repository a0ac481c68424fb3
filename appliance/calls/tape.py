"""What of one call is on tape: policy, what the agent asks for, and silence for what is private.

Pure: it is told what the call is about and who asks for what, and says what media and journal
are to be told. Recordings of a call are named ``CALL``, then ``CALL.r2`` and so on when it was
not recorded in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from appliance.calls.stand import TapeStand
from appliance.published import Recorded
from appliance.recordings.policy import ALWAYS, ASKED, NEVER, ROLLING, About, Decision, decide
from appliance.refused import Refused


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin a recording."""

    id: str


@dataclass(frozen=True, slots=True)
class End:
    """End a recording; `rolling` is removed after a few days, by `rule`."""

    id: str
    rolling: bool
    rule: str


@dataclass(frozen=True, slots=True)
class Mask:
    """Record silence, or sound again."""

    id: str
    on: bool


@dataclass(frozen=True, slots=True)
class Note:
    """Write a fact of the call."""

    kind: str
    facts: dict[str, Any]


Do = Begin | End | Mask | Note


TAIL_S = 0.6
"""How long a key may sound on after it was recognized."""


class Why(StrEnum):
    """Why a recording is silent."""

    PRIVATE = "private"
    """The agent keeps what is said to the two of them (保密)."""
    SECRET = "secret"
    """The caller keys in what nobody may hear."""


class Tape:
    """The recordings of one call, from its answer on."""

    def __init__(self, call: str, rules: Sequence[Recorded], private_s: float) -> None:
        self._call = call
        self._rules = rules
        self._private_s = private_s
        self._decision = Decision(NEVER)
        self._agent = ""
        self._id = ""
        self._nth = 0
        self._asked = False
        self._kept = False
        self._rolling: bool | None = None
        """Whether all that agents were in was rolling; None before the first agent."""
        self._why: set[Why] = set()
        self._private_by = ""
        self._secret_until_s = 0.0
        self.private_until_s = 0.0
        """When the silence for what is private ends by itself; 0 while there is none."""
        self.begun = False

    @property
    def stand(self) -> TapeStand:
        """How it stands, for `stood`."""
        return TapeStand(
            self._id,
            self._nth,
            self._agent,
            self._asked,
            self._kept,
            self._rolling,
            tuple(sorted(why.value for why in self._why)),
            self._private_by,
            self.private_until_s,
            self._secret_until_s,
        )

    def stood(self, was: TapeStand, about: About) -> None:
        """It is as an earlier one was, of a call that is still about the same."""
        self.begun, self._decision = True, decide(about, self._rules)
        self._id, self._nth, self._agent = was.id, was.nth, was.agent
        self._asked, self._kept, self._rolling = was.asked, was.kept, was.rolling
        self._why, self._private_by = {Why(why) for why in was.why}, was.private_by
        self.private_until_s, self._secret_until_s = was.private_until_s, was.secret_until_s

    @property
    def recording(self) -> str:
        """The recording that runs; empty when none does."""
        return self._id

    @property
    def rolling(self) -> bool:
        """Whether what runs is removed after a few days."""
        rolling = self._decision.way == ROLLING if self._rolling is None else self._rolling
        return rolling and not self._kept

    @property
    def state(self) -> str:
        """What people see: on, rolling, private, off, or empty before the answer."""
        if not self.begun:
            return ""
        if not self._id:
            return "off"
        return "private" if Why.PRIVATE in self._why else "rolling" if self.rolling else "on"

    @property
    def may_ask(self) -> bool:
        """Whether the agent can begin or end it by hand, or have it kept."""
        return self._decision.way == ASKED or (self._decision.way == ROLLING and self.rolling)

    @property
    def may_hide(self) -> bool:
        """Whether the agent can have silence recorded."""
        return bool(self._id) and self._private_s > 0

    def follow(self, about: About) -> list[Do]:
        """The call is through, or is about something else now."""
        self.begun = True
        self._decision = decide(about, self._rules)
        out: list[Do] = []
        if Why.PRIVATE in self._why and about.agent != self._private_by:
            out += self._resume("left")
        self._agent = about.agent
        way = self._decision.way
        on = way in (ALWAYS, ROLLING) or (way == ASKED and self._asked)
        out += self._run(on)
        if self._agent and self._id:
            self._rolling = way == ROLLING and self._rolling is not False
        return out

    def ask(self, on: bool, by: str) -> list[Do]:
        """The agent wants a recording, or none; raises Refused."""
        way = self._decision.way
        if way == NEVER or not self.begun:
            raise Refused("never_recorded")
        if way == ALWAYS or (way == ROLLING and not on):
            raise Refused("always_recorded")
        if way == ROLLING:
            return self._keep(by)
        self._asked = on
        if on == bool(self._id):
            return []
        note = Note("recording.started" if on else "recording.stopped", {"by": by})
        return [*self._run(on), note] if on else [note, *self._run(on)]

    def hide(self, on: bool, by: str, now: float) -> list[Do]:
        """The agent wants silence recorded, or sound again; asking anew gives new time. Raises Refused."""
        if not self._id:
            raise Refused("not_recorded")
        if not self._private_s:
            raise Refused("no_privacy")
        if not on:
            return self._resume(by="agent", who=by) if Why.PRIVATE in self._why else []
        self._private_by, self.private_until_s = by, now + self._private_s
        if Why.PRIVATE in self._why:
            return []
        return [*self._mask(Why.PRIVATE, True), Note("recording.paused", {"by": by, "why": "private"})]

    def secret(self, on: bool, now: float) -> list[Do]:
        """The caller begins or ends keying in what nobody may hear; the last key sounds a little longer."""
        self._secret_until_s = 0.0 if on else now + TAIL_S
        return self._hush(True) if on and Why.SECRET not in self._why else []

    def timer(self) -> float | None:
        """When `on_timer` wants to be called."""
        return min((at for at in (self.private_until_s, self._secret_until_s) if at), default=None)

    def on_timer(self, now: float) -> list[Do]:
        """A silence has lasted as long as it may."""
        out: list[Do] = []
        if self.private_until_s and now >= self.private_until_s:
            out += self._resume("time")
        if self._secret_until_s and now >= self._secret_until_s:
            self._secret_until_s = 0.0
            out += self._hush(False)
        return out

    def broke(self, id: str) -> None:
        """Media ended a recording by itself: the disk is full, or it is too long."""
        if id == self._id:
            self._id = ""
            self._forget()

    def move(self) -> list[Do]:
        """The caller goes on by another line: another file goes on as this one did."""
        if not self._id:
            return []
        ended = End(self._id, self.rolling, self._decision.rule)
        self._nth += 1
        self._id = f"{self._call}.r{self._nth}"
        return [ended, Begin(self._id), *([Mask(self._id, True)] if self._why else [])]

    def end(self) -> list[Do]:
        """The call is over."""
        self.begun = False
        return self._run(False)

    def _run(self, on: bool) -> list[Do]:
        if on == bool(self._id):
            return []
        if not on:
            ended = End(self._id, self.rolling, self._decision.rule)
            self._id = ""
            self._forget()
            return [ended]
        self._nth += 1
        self._id = self._call if self._nth == 1 else f"{self._call}.r{self._nth}"
        self._rolling, self._kept = None, False
        return [Begin(self._id), *([Mask(self._id, True)] if self._why else [])]

    def _keep(self, by: str) -> list[Do]:
        if self._kept or not self._id:
            return []
        self._kept = True
        return [Note("recording.kept", {"by": by})]

    def _mask(self, why: Why, on: bool) -> list[Do]:
        before = bool(self._why)
        (self._why.add if on else self._why.discard)(why)
        return [Mask(self._id, on)] if self._id and before != bool(self._why) else []

    def _hush(self, on: bool) -> list[Do]:
        done = self._mask(Why.SECRET, on)
        kind = "recording.paused" if on else "recording.resumed"
        return [*done, Note(kind, {"by": "", "why": "secret"})] if self._id else done

    def _resume(self, by: str, who: str = "") -> list[Do]:
        """Sound again; `by` says whether the agent, the time or a change of agent ended it."""
        self.private_until_s = 0.0
        return [*self._mask(Why.PRIVATE, False), Note("recording.resumed", {"by": who, "why": by})]

    def _forget(self) -> None:
        self._why.discard(Why.PRIVATE)
        self.private_until_s = 0.0
