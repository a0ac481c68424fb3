"""What is recorded of calls: the whole of each, and messages left; what becomes of the files."""

from dataclasses import dataclass
from pathlib import Path
from time import localtime, strftime, time

from appliance.calls.ledger import Ledger
from appliance.calls.speech import Sound
from appliance.events import Fact
from hardware.media import wire as media


@dataclass(slots=True)
class Message:
    """A message being left, or waiting to be whole on disk."""

    caller: str
    keep: bool = True
    """False when nothing worth keeping was said."""


class Tapes:
    """Recordings of the calls of one box, by the call's name.

    A message is ``CALL.mN``; ``CALL.rN`` is what follows when the caller moved to another line.
    """

    def __init__(self, sound: Sound, ledger: Ledger, folder: Path) -> None:
        self._sound = sound
        self._ledger = ledger
        self._folder = folder
        self._running: dict[str, str] = {}
        """Call to the recording that goes on."""
        self._parts: dict[str, int] = {}
        """How many files there are of a call that moved from line to line."""
        self._messages: dict[str, Message] = {}
        self._latest: dict[str, int] = {}
        """How many messages were begun in a call that goes on."""

    def begin(self, call: str, line: str) -> None:
        """Record a call from now to its end."""
        self._running[call] = call
        self._sound.order(media.Record(line, call, str(self._path(call))))

    def move(self, call: str, line: str) -> None:
        """The caller goes on by another line: the recording goes on in a file of its own."""
        if call not in self._running:
            return
        self._sound.order(media.Finish(self._running[call]))
        self._parts[call] = part = self._parts.get(call, 1) + 1
        self._running[call] = f"{call}.r{part}"
        self._sound.order(media.Record(line, self._running[call], str(self._path(call, f"-r{part}"))))

    def end(self, call: str) -> None:
        """The call is over."""
        self._latest.pop(call, None)
        self._parts.pop(call, None)
        if (recording := self._running.pop(call, "")) != "":
            self._sound.order(media.Finish(recording))

    def begin_message(self, call: str, line: str, caller: str) -> None:
        """Record what the caller says now, in a file of its own."""
        nth = self._latest[call] = self._latest.get(call, 0) + 1
        message = f"{call}.m{nth}"
        self._messages[message] = Message(caller)
        self._sound.order(media.Record(line, message, str(self._path(call, f"-m{nth}"))))

    def end_message(self, call: str, keep: bool) -> None:
        """The message is complete."""
        message = f"{call}.m{self._latest[call]}"
        self._messages[message].keep = keep
        self._sound.order(media.Finish(message))

    def recorded(self, report: media.Recorded) -> None:
        """A recording is whole: log it, also when its call ended long ago or in another life."""
        cid, _, part = report.id.partition(".")
        left = part.startswith("m")
        path = Path(report.path)
        message = self._messages.pop(report.id, None)
        if message is not None and not message.keep:
            path.unlink(missing_ok=True)
            return
        facts = {
            "kind": "message" if left else "call",
            "path": str(path.relative_to(self._folder)),
            "seconds": round(report.seconds, 2),
            "reason": report.reason,
        }
        subject = bytes.fromhex(cid)
        made = self._ledger.note(Fact("recording.made", facts, subject))
        if left:
            caller = message.caller if message else ""
            self._ledger.note(
                Fact("message.left", {"rid": made.eid.hex(), "caller": caller, **facts}, subject)
            )

    def find(self, path: str) -> Path | None:
        """The recording at a path relative to the recordings; None when there is none inside."""
        whole = (self._folder / path).resolve()
        inside = whole.is_relative_to(self._folder.resolve())
        return whole if path and inside and whole.is_file() else None

    def _path(self, call: str, part: str = "") -> Path:
        stem = strftime("%Y-%m-%d/%H%M%S", localtime(time()))
        return self._folder / f"{stem}-{call[:12]}{part}.wav"
