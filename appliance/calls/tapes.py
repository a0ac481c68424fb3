"""What is recorded of calls, and messages left: orders to media, facts to the journal, and the files."""

import asyncio
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import localtime, strftime, time

from appliance.calls import tape as tapes
from appliance.calls.call import TALK, Call
from appliance.calls.ledger import Ledger
from appliance.calls.speech import Sound
from appliance.calls.stand import TapesStand
from appliance.calls.tape import Tape
from appliance.events import Fact
from appliance.published import Recorded
from appliance.recordings.policy import About
from hardware.media import wire as media


@dataclass(slots=True)
class Message:
    """A message being left, or waiting to be whole on disk."""

    caller: str
    keep: bool = True
    """False when nothing worth keeping was said."""


@dataclass(slots=True)
class Taped:
    """A call with its tape."""

    call: Call
    trunk: str
    tape: Tape
    about: About | None = None
    """What the tape was last told the call is about."""
    alarm: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class Made:
    """A recording that runs, or waits to be whole on disk."""

    began_s: float
    """Unix time."""
    facts: dict[str, object] = field(default_factory=dict)
    """What is to be said of it besides."""


class Tapes:
    """Recordings of the calls of one box; a message is ``CALL.mN``."""

    def __init__(
        self,
        sound: Sound,
        ledger: Ledger,
        folder: Path,
        now: Callable[[], float],
        changed: Callable[[str], None],
    ) -> None:
        self._sound = sound
        self._ledger = ledger
        self._folder = folder
        self._now = now
        self._changed = changed
        self.rules: Sequence[Recorded] = ()
        self.private_s = 0.0
        self._taped: dict[str, Taped] = {}
        self._made: dict[str, Made] = {}
        self._messages: dict[str, Message] = {}
        self._latest: dict[str, int] = {}
        """How many messages were begun in a call that goes on."""

    def begin(self, call: Call, trunk: str = "") -> None:
        """A call is through: it is recorded as the rules say, to its end."""
        name = call.cid.hex()
        self._taped[name] = Taped(call, trunk, Tape(name, self.rules, self.private_s))
        self.follow(call)

    def follow(self, call: Call) -> None:
        """A call may be about something else now: another queue, another agent."""
        taped = self._taped.get(call.cid.hex())
        if taped is None:
            return
        about = about_of(call, taped.trunk)
        if about != taped.about:
            taped.about = about
            self._do(taped, taped.tape.follow(about))

    def stand(self, call: str) -> TapesStand:
        """How a call's recordings stand, for `stood`."""
        tape = self.tape(call)
        made = self._made.get(tape.recording) if tape is not None else None
        began_s = made.began_s if made is not None else 0.0
        return TapesStand(tape.stand if tape else None, began_s, self._latest.get(call, 0))

    def stood(self, call: Call, trunk: str, was: TapesStand, running: Container[str]) -> None:
        """A call's recordings are as they were; `running` are those that media goes on with."""
        name = call.cid.hex()
        if was.messages:
            self._latest[name] = was.messages
        if was.tape is None:
            return
        taped = self._taped[name] = Taped(call, trunk, Tape(name, self.rules, self.private_s))
        taped.about = about_of(call, trunk)
        taped.tape.stood(was.tape, taped.about)
        if was.tape.id in running:
            self._made[was.tape.id] = Made(was.began_s)
        elif was.tape.id:
            taped.tape.broke(was.tape.id)
            self._do(taped, taped.tape.follow(taped.about))
        self._wake(taped)

    def tape(self, call: str) -> Tape | None:
        """The tape of a call that is through and was not left out."""
        taped = self._taped.get(call)
        return taped.tape if taped else None

    def ask(self, call: str, on: bool, by: str) -> None:
        """An agent wants a recording, or none; raises Refused."""
        taped = self._taped[call]
        self._do(taped, taped.tape.ask(on, by))

    def hide(self, call: str, on: bool, by: str) -> None:
        """An agent wants silence recorded, or sound again; raises Refused."""
        taped = self._taped[call]
        self._do(taped, taped.tape.hide(on, by, self._now()))

    def secret(self, call: str, on: bool) -> None:
        """The caller begins or ends keying in what nobody may hear."""
        if (taped := self._taped.get(call)) is not None:
            self._do(taped, taped.tape.secret(on, self._now()))

    def move(self, call: str) -> None:
        """The caller goes on by another line: the recording goes on in a file of its own."""
        taped = self._taped.get(call)
        if taped is not None:
            self._do(taped, taped.tape.move())

    def end(self, call: str) -> None:
        """The call is over."""
        self._latest.pop(call, None)
        taped = self._taped.pop(call, None)
        if taped is not None:
            self._do(taped, taped.tape.end())

    def begin_message(self, call: str, line: str, caller: str) -> None:
        """Record what the caller says now, in a file of its own."""
        nth = self._latest[call] = self._latest.get(call, 0) + 1
        message = f"{call}.m{nth}"
        self._messages[message] = Message(caller)
        self._record(line, message)

    def end_message(self, call: str, keep: bool) -> None:
        """The message is complete."""
        message = f"{call}.m{self._latest[call]}"
        self._messages[message].keep = keep
        self._sound.order(media.Finish(message))

    def recorded(self, report: media.Recorded) -> None:
        """A recording is whole: log it, also when its call ended long ago or in another life."""
        cid, _, part = report.id.partition(".")
        path = Path(report.path)
        message = self._messages.pop(report.id, None)
        made = self._made.pop(report.id, None)
        if cid in self._taped:
            self._taped[cid].tape.broke(report.id)
            self._changed(cid)
        if message is not None and not message.keep:
            path.unlink(missing_ok=True)
            return
        is_message = part.startswith("m")
        facts = {
            "kind": "message" if is_message else "call",
            "path": str(path.relative_to(self._folder)),
            "seconds": round(report.seconds, 2),
            "reason": report.reason,
            **(made.facts if made else {}),
        }
        if made is not None:
            facts["began_s"] = round(made.began_s, 3)
        subject = bytes.fromhex(cid)
        event = self._ledger.note(Fact("recording.made", facts, subject))
        if is_message:
            left = {"rid": event.eid.hex(), "caller": message.caller if message else "", **facts}
            self._ledger.note(Fact("message.left", left, subject))

    def find(self, path: str) -> Path | None:
        """The recording at a path relative to the recordings; None when there is none inside."""
        whole = (self._folder / path).resolve()
        inside = whole.is_relative_to(self._folder.resolve())
        return whole if path and inside and whole.is_file() else None

    def _do(self, taped: Taped, todo: Sequence[tapes.Do]) -> None:
        for do in todo:
            match do:
                case tapes.Begin(id):
                    self._record(taped.call.line, id)
                case tapes.End(id, rolling, rule):
                    if id in self._made:
                        named = {"rule": rule} if rule else {}
                        self._made[id].facts = named | ({"rolling": True} if rolling else {})
                    self._sound.order(media.Finish(id))
                case tapes.Mask(id, on):
                    self._sound.order(media.Mask(id, on))
                case tapes.Note(kind, facts):
                    self._ledger.note(Fact(kind, facts, taped.call.cid))
        self._wake(taped)

    def _record(self, line: str, id: str) -> None:
        call, _, part = id.partition(".")
        stem = strftime("%Y-%m-%d/%H%M%S", localtime(time()))
        path = self._folder / f"{stem}-{call[:12]}{'-' if part else ''}{part}.wav"
        self._made[id] = Made(time())
        self._sound.order(media.Record(line, id, str(path)))

    def _wake(self, taped: Taped) -> None:
        if taped.alarm is not None:
            taped.alarm.cancel()
            taped.alarm = None
        at = taped.tape.timer()
        if at is not None:
            delay_s = max(0.0, at - self._now())
            taped.alarm = asyncio.get_running_loop().call_later(delay_s, self._on_timer, taped)

    def _on_timer(self, taped: Taped) -> None:
        self._do(taped, taped.tape.on_timer(self._now()))
        self._changed(taped.call.cid.hex())


def about_of(call: Call, trunk: str) -> About:
    """What a call is about now, for the rules."""
    return About(
        "out" if call.outgoing else "in",
        (call.line, f"trunk/{trunk}") if trunk else (call.line,),
        call.called,
        call.queue,
        call.agent if call.state in TALK else "",
    )
