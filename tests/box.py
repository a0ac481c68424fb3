"""A real box for tests and demonstrations: its own data folder, free ports, real processes.

``python -m tests.box DATA UNIT…`` runs only some units of a box, under the same supervisor;
``UNIT=MODULE`` runs another module in the place of that unit.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from appliance.calls import wire
from appliance.commands.run import prepare, say
from appliance.configuration import load
from appliance.events import Event
from appliance.journal import FileJournal
from appliance.places import Places
from appliance.publish import SHIPPED, flow_path
from appliance.refused import Refused
from appliance.supervisor import Supervisor, units
from ivr import sound
from ivr.actions import LANGUAGES
from ivr.flow import Flow, decode
from ivr.prompts import Phrases

ALL = ("media", "calls", "store", "web", "sync")
CALLS = ("media", "calls")
"""The least that answers a call."""
ROOT = Path(__file__).parent.parent
MODULE = 2
"""Where a unit's command names its module: python, -m, module."""
ENDED_S = 5.0
LOOK_S = 0.02
LOG_TAIL = 4000
PROMPT_HZ = 440.0
AGENTS = ("1001", "1002", "1003", "1004")
PHONES = {"8101": "demo-8101", "8102": "demo-8102"}
"""SIP extensions of a test box, with their passwords."""

Settings = Mapping[str, Any]
Value = TypeVar("Value")


class Box:
    """A box with demo people, running from `with` until its end.

    `units` are the processes to run, `settings` go over those of a test box, table by table.
    Prompts are short tones unless `spoken`. When the body raises, the logs are printed.
    """

    def __init__(
        self,
        units: Sequence[str] = CALLS,
        *,
        settings: Settings | None = None,
        spoken: bool = False,
        data: Path | None = None,
    ) -> None:
        self.units = tuple(unit.partition("=")[0] for unit in units)
        self._asked = tuple(units)
        self.kept = data is not None
        self.places = Places(data or Path(tempfile.mkdtemp(prefix="hotline-", dir=memory()))).make()
        assert len(str(self.places.socket("media"))) < 100, "a Unix socket's path must be short"
        self.spoken = spoken
        self.settings = settings_of(settings or {})
        self.places.settings.write_text(toml(self.settings), "utf-8")
        self._journal = FileJournal(self.places.journal)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def sip_port(self) -> int:
        """Where calls come in."""
        return int(self.settings["sip"]["port"])

    @property
    def web(self) -> str:
        """The pages' address."""
        return f"http://{self.settings['web']['ip']}:{self.settings['web']['port']}"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop(failed=True)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        self.stop(failed=kind is not None)

    def start(self, seconds: float = 30.0) -> None:
        """Start the units and wait until calls can come in."""
        if not self.spoken:
            record_prompts(self.places, flows_of(self.settings))
        command = (
            ["-m", "appliance.cli", "--data", str(self.places.data), "run"]
            if self.units == ALL
            else ["-m", "tests.box", str(self.places.data), *self._asked]
        )
        with (self.places.logs / "supervisor.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if "calls" in self.units:
            self.wait_for(self.answers, seconds, "the box to be ready for calls")

    def stop(self, failed: bool = False) -> None:
        """End the box; it must have ended within five seconds."""
        process, self._process = self._process, None
        began_s = time.monotonic()
        if process is not None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(ENDED_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        took_s = time.monotonic() - began_s
        if failed:
            self.print_logs()
        if not self.kept:
            shutil.rmtree(self.places.data, ignore_errors=True)
        assert failed or took_s < ENDED_S, f"the box took {took_s:.1f} s to end"

    # Asking

    def order(self, order: wire.Order) -> dict[str, Any]:
        """Give the call process an order; its data, or `Refused`."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link, ExitStack() as files:
            link.settimeout(5)
            link.connect(str(self.places.socket("calls")))
            link.sendall(msgspec.json.encode(wire.Request(1, order)) + b"\n")
            reply = msgspec.json.decode(files.enter_context(link.makefile("rb")).readline(), type=wire.Reply)
        if not reply.ok:
            raise Refused(reply.reason)
        return reply.data

    def board(self) -> wire.Board:
        """The whole picture now."""
        return msgspec.convert(self.order(wire.GetBoard()), wire.Board)

    def seat(self, agent: str) -> wire.Seat:
        """One agent's seat now."""
        return next(seat for seat in self.board().seats if seat.agent == agent)

    def calls(self) -> list[wire.CallView]:
        """The calls going on."""
        return self.board().calls

    def answers(self) -> bool:
        """Whether calls can come in."""
        try:
            return self.board().media.up
        except (OSError, msgspec.DecodeError):
            return False

    def events(self, kind: str = "") -> list[Event]:
        """What the call process wrote, oldest first: all, or those of a kind or family."""
        found = [event for _, event in self._journal.read(0, 1_000_000)]
        return [e for e in found if not kind or e.kind == kind or e.kind.startswith(f"{kind}.")]

    def facts(self, kind: str) -> list[Mapping[str, Any]]:
        """The facts of the events of a kind."""
        return [event.facts for event in self.events(kind)]

    # Waiting

    def wait_for(self, what: Callable[[], Value], seconds: float = 10.0, name: str = "") -> Value:
        """Look again and again until `what` gives something true; return that."""
        until = time.monotonic() + seconds
        while True:
            with suppress(ConnectionError, FileNotFoundError, msgspec.DecodeError):  # calls is starting again
                if found := what():
                    return found
            assert self._process is None or self._process.poll() is None, "the box ended by itself"
            assert time.monotonic() < until, f"waited {seconds:g} s in vain for {name or what}"
            time.sleep(LOOK_S)

    def wait_state(self, agent: str, state: str, seconds: float = 10.0) -> wire.Seat:
        """Wait until an agent is in a state."""

        def look() -> wire.Seat | None:
            seat = self.seat(agent)
            return seat if seat.state == state else None

        found = self.wait_for(look, seconds, f"agent {agent} to be {state}")
        assert found is not None
        return found

    def wait_event(self, kind: str, count: int = 1, seconds: float = 10.0) -> Mapping[str, Any]:
        """Wait until so many events of a kind are on disk; the facts of the last of them."""
        return self.wait_for(
            lambda: self.facts(kind)[count - 1 : count], seconds, f"{count} event(s) {kind}"
        )[0]

    def sit(self, agent: str, extension: str) -> None:
        """Sign an agent in at an extension whose phone is there, ready for calls."""
        self.order(wire.SignIn(agent, extension))
        self.wait_for(lambda: self.seat(agent).phone == "up", name=f"phone {extension}")
        self.order(wire.Ready(agent))

    # Processes

    def pid(self, unit: str) -> int:
        """A unit's process id."""
        return int((self.places.data / "run" / f"{unit}.pid").read_text())

    def pids(self) -> dict[str, int]:
        """The process ids of all units."""
        return {unit: self.pid(unit) for unit in self.units}

    def kill(self, unit: str, number: int = signal.SIGKILL) -> int:
        """Kill a unit; the id it had."""
        pid = self.pid(unit)
        os.kill(pid, number)
        return pid

    def print_logs(self) -> None:
        """Print the end of every log."""
        for log in sorted(self.places.logs.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text('utf-8', 'replace')[-LOG_TAIL:]}")


def environment() -> dict[str, str]:
    """As on a box in service, modules are compiled once: in a folder of their own, not in the tree."""
    own = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return own | {"PYTHONPYCACHEPREFIX": str((memory() or Path(tempfile.gettempdir())) / "hotline-compiled")}


def memory() -> Path | None:
    """A folder in memory, where there is one."""
    shared = Path("/dev/shm")
    return shared if os.access(shared, os.W_OK) else None


def settings_of(over: Settings) -> dict[str, Any]:
    """The settings of a test box, with others over them table by table."""
    extensions = [{"number": f"800{n}"} for n in range(1, 5)]
    extensions += [{"number": n, "kind": "sip", "password": p} for n, p in PHONES.items()]
    own: dict[str, Any] = {
        "demo": True,
        "site": {"number": 1, "numbers": ["12345"]},
        "web": {"ip": "127.0.0.1", "port": free_port(socket.SOCK_STREAM)},
        "sip": {"port": free_port(), "lines": 8},
        "browser": {"port": free_port(socket.SOCK_STREAM)},
        "extension": extensions,
        "queue": [{"name": "general", "title": "综合", "offer_s": 20, "wrap_up_s": 60}],
    }
    for name, value in over.items():
        own[name] = {**own[name], **value} if isinstance(own.get(name), dict) else value
    own["sip"].setdefault("rtp_base", free_range(2 * own["sip"]["lines"]))
    return own


def toml(settings: Settings) -> str:
    """Settings as TOML; JSON's scalars and lists are TOML's too."""
    return "\n".join(_lines(settings)) + "\n"


def _lines(settings: Settings) -> Iterator[str]:
    plain = {k: v for k, v in settings.items() if not isinstance(v, dict) and not _tables(v)}
    yield from (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in plain.items())
    for name, value in settings.items():
        if name in plain:
            continue
        for table in value if isinstance(value, list) else [value]:
            yield f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
            yield from _lines(table)


def _tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def flows_of(settings: Settings) -> list[Flow]:
    """The flows calls of a box with these settings can enter."""
    named = [settings.get("call", {}).get("flow", ""), *(b["flow"] for b in settings.get("band", []))]
    paths = dict.fromkeys([*SHIPPED.values(), *(flow_path(name) for name in named if name)])
    return [decode(path.read_bytes(), path.name) for path in paths]


def record_prompts(places: Places, flows: Sequence[Flow], seconds: float = 0.3) -> None:
    """Record every fixed phrase of the flows as a short tone, so that nothing has to be spoken."""
    import numpy as np

    tone = 0.25 * np.sin(2 * np.pi * PROMPT_HZ * np.arange(round(8000 * seconds)) / 8000)
    phrases = Phrases.load()
    for flow in flows:
        phrases = phrases.also(flow.phrases, flow.name)
    prompts = {phrase for flow in flows for phrase in flow.prompts() if phrase in phrases}
    for language in LANGUAGES:
        folder = places.prompts / "recorded" / language
        folder.mkdir(parents=True, exist_ok=True)
        for segment in phrases.fixed(sorted(prompts), language):
            sound.write(folder / f"{segment.clip}.wav", tone.astype(np.float32))


def free_port(kind: int = socket.SOCK_DGRAM) -> int:
    """A port nobody uses just now, by this kind of socket or the other: SIPp chooses by itself."""
    other = socket.SOCK_STREAM if kind == socket.SOCK_DGRAM else socket.SOCK_DGRAM
    while True:
        with socket.socket(socket.AF_INET, kind) as probe, socket.socket(socket.AF_INET, other) as too:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            with suppress(OSError):
                too.bind(("127.0.0.1", port))
                return port


def free_range(count: int) -> int:
    """An even UDP port behind which as many are free."""
    while True:
        base = 2 * random.randrange(5000, 15000)
        with ExitStack() as held:
            try:
                for port in range(base, base + count):
                    probe = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return base


def main(arguments: Sequence[str]) -> None:
    """Run some units of a box until SIGTERM."""
    where = Places(Path(arguments[0])).make()
    configuration = load(where)
    asked = dict(argument.partition("=")[::2] for argument in arguments[1:])
    chosen = [unit for unit in units(where, configuration) if unit.name in asked]
    for unit in chosen:
        unit.command[MODULE] = asked[unit.name] or unit.command[MODULE]
    supervisor = Supervisor(where, chosen, say)
    supervisor.claim()
    prepare(where, configuration)
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: stopping.append(number))
    supervisor.start()
    supervisor.watch(lambda: bool(stopping))
    supervisor.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
