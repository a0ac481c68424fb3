"""Looking at, starting, stopping and restarting the processes of a box from its pages.

`hotline run` listens on `run/supervisor.sock` (one JSON line in, one out). On a box in service
systemd has the processes and is asked by `systemctl`; a polkit rule lets the box's own user
do that for its own units (systemd/README.md).
"""

import contextlib
import os
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from appliance.refused import Refused

SUPERVISOR: Final = "supervisor"
ORDERS: Final = ("start", "stop", "restart")
NEEDED: Final = frozenset({"web"})
"""What cannot be stopped from a page: nobody could start it again."""
LINE_MAX = 4096
TIMEOUT_S = 2.0
SYSTEMCTL_S = 15.0
STATES: Mapping[str, str] = {
    "active": "running",
    "activating": "starting",
    "reloading": "running",
    "deactivating": "stopping",
    "inactive": "stopped",
    "failed": "stopped",
}
"""systemd's words for what a unit does, and ours."""


class UnitView(msgspec.Struct, frozen=True):
    """A process at a glance."""

    name: str
    state: str
    """running, starting, stopping, stopped."""
    pid: int = 0
    since_s: float = 0.0
    """When it began, in Unix seconds; 0 while it does not run."""
    starts: int = 0
    """How often it was started."""
    may_stop: bool = True


class Asked(msgspec.Struct, frozen=True):
    """One line to the supervisor: look, or start, stop, restart a unit."""

    do: str
    unit: str = ""


class Told(msgspec.Struct, frozen=True):
    """Its answer; `reason` says why nothing was done."""

    units: list[UnitView] = []
    reason: str = ""
    sentence: str = ""


CarryOut = Callable[[str, str], list[UnitView]]
"""Does what is asked of a unit and tells how all of them do; raises Refused."""


class OrderSocket:
    """Where a supervisor takes orders."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Listen; only the box's own user may connect."""
        self._path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self._path))
        os.chmod(self._path, 0o600)
        listening.listen(8)
        listening.setblocking(False)
        self._socket = listening

    def serve(self, seconds: float, carry_out: CarryOut) -> None:
        """Wait so long for orders, and have those that come carried out."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._socket is None:
                time.sleep(left)
            elif select.select([self._socket], [], [], left)[0]:
                with contextlib.suppress(OSError):
                    asking, _ = self._socket.accept()
                    with asking:
                        self._answer(asking, carry_out)

    def close(self) -> None:
        """Listen no more."""
        if self._socket is not None:
            self._socket.close()
            self._path.unlink(missing_ok=True)
        self._socket = None

    def _answer(self, asking: socket.socket, carry_out: CarryOut) -> None:
        asking.settimeout(TIMEOUT_S)
        line = asking.recv(LINE_MAX)
        try:
            asked = msgspec.json.decode(line, type=Asked)
            told = Told(carry_out(asked.do, asked.unit))
        except Refused as refused:
            told = Told(reason=refused.word, sentence=refused.sentence)
        except msgspec.DecodeError:
            told = Told(reason="malformed", sentence="The order was not understood.")
        asking.sendall(msgspec.json.encode(told) + b"\n")


class Processes:
    """The processes of this box as its pages reach them; raises Refused."""

    def __init__(self, path: Path, names: Sequence[str], systemctl: str | None = None) -> None:
        self._path, self._names = path, names
        self._systemctl = systemctl or shutil.which("systemctl")

    def look(self) -> list[UnitView]:
        """How each process does; none when nobody can say."""
        with contextlib.suppress(OSError, msgspec.DecodeError, subprocess.SubprocessError, Refused):
            return self._ask("look", "") if self._path.exists() else self._shown()
        return []

    def check(self, do: str, unit: str) -> None:
        """Refuse what is never done."""
        if do not in ORDERS or unit not in self._names:
            raise Refused("unknown_unit", "There is no such process.")
        if do == "stop" and unit in NEEDED:
            raise Refused("unit_needed", "Without this process nobody could start it again.")

    def order(self, do: str, unit: str) -> None:
        """Start, stop or restart a process; not waited for."""
        self.check(do, unit)
        try:
            if self._path.exists():
                self._ask(do, unit)
            else:
                self._run(do, "--no-block", _service(unit))
        except (OSError, msgspec.DecodeError, subprocess.SubprocessError) as error:
            raise Refused("no_supervisor", "Nobody here can start or stop this process.") from error

    def _ask(self, do: str, unit: str) -> list[UnitView]:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(TIMEOUT_S)
            link.connect(str(self._path))
            link.sendall(msgspec.json.encode(Asked(do, unit)) + b"\n")
            with link.makefile("rb") as answer:
                told = msgspec.json.decode(answer.readline(), type=Told)
        if told.reason:
            raise Refused(told.reason, told.sentence)
        return told.units

    def _shown(self) -> list[UnitView]:
        wanted = "--property=ActiveState,MainPID,NRestarts,ExecMainStartTimestamp"
        views = []
        for name in self._names:
            told = self._run("show", "--timestamp=unix", wanted, _service(name))
            facts = dict(line.partition("=")[::2] for line in told.splitlines())
            state = STATES.get(facts.get("ActiveState", ""), "stopped")
            running = state == "running"
            began = facts.get("ExecMainStartTimestamp", "").lstrip("@")
            since_s = float(began) if running and began.isdigit() else 0.0
            restarts = facts.get("NRestarts", "")
            pid = int(facts.get("MainPID") or 0)
            starts = (int(restarts) if restarts.isdigit() else 0) + running
            views.append(UnitView(name, state, pid, since_s, starts, name not in NEEDED))
        return views

    def _run(self, *arguments: str) -> str:
        if self._systemctl is None:
            raise FileNotFoundError("systemctl")
        run = [self._systemctl, *arguments]
        return subprocess.run(run, capture_output=True, text=True, timeout=SYSTEMCTL_S, check=True).stdout


def _service(unit: str) -> str:
    return f"hotline-{unit}.service"
