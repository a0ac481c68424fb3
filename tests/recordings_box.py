"""A store with recordings in a folder, as the call and store processes leave them."""

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from appliance.configuration import Retention
from appliance.events import Event, Fact, Stamp
from appliance.recordings.keeping import DELETE, KEEP, Keeper
from appliance.recordings.removal import disk_of
from appliance.recordings.retention import DAY_S, Disk
from appliance.store.jobs import Runner
from appliance.store.store import Store
from hardware.media import wav

SITE = 1
ROOMY = Disk(total=1000, used=1)


def speech(frames: int, seed: int = 1) -> bytes:
    """Stereo sound as the recorder writes it."""
    dice = np.random.default_rng(seed)
    pcm = (dice.normal(0, 2000, (frames, 2))).astype("<i2")
    return wav.header(2, pcm.nbytes) + pcm.tobytes()


@dataclass
class Shelf:
    """Recordings of one box; `now` is the clock of its nights."""

    folder: Path
    rules: Retention = field(default_factory=Retention)
    now: float = 1_795_000_000.0
    disk: Disk | None = ROOMY
    """None: the disk it really lies on."""

    def __post_init__(self) -> None:
        self.store = Store(self.folder / "box.db", SITE, bind=False)
        self.recordings = self.folder / "recordings"
        self.recordings.mkdir(exist_ok=True)
        self.alarm = ""
        self.keeper = Keeper(
            self.store,
            self.recordings,
            self.rules,
            now=lambda: self.now,
            disk=lambda folder: self.disk or disk_of(folder),
            alarm=self.say,
        )
        works = {KEEP: self.keeper.keep, DELETE: self.keeper.delete}
        self.runner = Runner(self.store, works, now=lambda: self.now)

    def make(
        self,
        days_ago: float,
        frames: int = 800,
        seal: bool = True,
        data: bytes = b"",
        rolling: bool = False,
    ) -> bytes:
        """A recording of a call so long ago; returns its id."""
        at_s = self.now - days_ago * DAY_S
        stamp = Stamp(SITE, now_ms=lambda: int(at_s * 1000))
        call = stamp.event(Fact("call.ringing", {"line": "sip/0", "caller": "13800001234"}))
        path = time.strftime("%Y-%m-%d/%H%M%S", time.localtime(at_s)) + f"-{call.eid.hex()[-12:]}.wav"
        facts: dict[str, object] = {"kind": "call", "path": path, "seconds": frames / 8000}
        made = stamp.event(Fact("recording.made", facts | ({"rolling": True} if rolling else {}), call.eid))
        data = data or speech(frames)
        file = self.recordings / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
        events: list[Event] = [call, made]
        if seal:
            sealed = {"rid": made.eid.hex(), "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            events.append(stamp.event(Fact("recording.sealed", sealed, call.eid)))
        self.store.take(events)
        return made.eid

    def say(self, sentence: str) -> None:
        """The keeper has something to tell people."""
        self.alarm = sentence

    def night(self) -> None:
        """Let a night pass: all its jobs, until nothing is due."""
        with self.store.transaction():
            self.store.execute("DELETE FROM job WHERE kind = ? AND state <> 'waiting'", KEEP)
        self.keeper.plan()
        while self.runner.run_due():
            pass

    def column(self, rid: bytes, name: str) -> object:
        """One column of a recording's row."""
        return self.store.rows(f"SELECT {name} FROM recording WHERE rid = ?", rid)[0][0]

    def file(self, rid: bytes) -> Path:
        """The file a recording's row names now."""
        return self.recordings / str(self.column(rid, "path"))

    def kinds(self, kind: str) -> list[Event]:
        """All events of a kind."""
        return [event for _, event in self.store.read(0, 100_000) if event.kind == kind]
