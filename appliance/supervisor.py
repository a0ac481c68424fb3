"""One supervisor for all units of a box in development and demo; on a box in service systemd does this."""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from appliance.configuration import Configuration
from appliance.places import Places
from appliance.processes import NEEDED, ORDERS, SUPERVISOR, OrderSocket, UnitView
from appliance.refused import Refused

BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
LIVED_WELL_S = 10.0
STOP_S = 4.0
LOOK_S = 0.1
LOG_MAX = 10 * 1024 * 1024
PR_SET_PDEATHSIG = 1


class Busy(Exception):
    """Another supervisor already runs this box."""


@dataclass(slots=True)
class Unit:
    """One process of the box and how it fares."""

    name: str
    command: list[str]
    process: "subprocess.Popen[bytes] | None" = None
    since_s: float = 0.0
    failures: int = 0
    again_s: float = 0.0
    starts: int = field(default=0)
    wanted: bool = True
    """False once a technician has stopped it."""
    kill_s: float = 0.0
    """When one that was asked to end is made to; 0: nothing was asked."""


def units(places: Places, configuration: Configuration) -> list[Unit]:
    """Name the units of this box in the order they start."""
    data = ["--data", str(places.data)]
    sip, browser = configuration.sip, configuration.browser
    media = [
        *("--socket", str(places.socket("media"))),
        *("--rtp-ip", sip.rtp_ip, "--rtp-base", str(sip.rtp_base)),
        *("--browser-ip", browser.ip, "--browser-port", str(browser.port)),
        *("--marks", str(places.data / "open-recordings")),
    ]
    if sip.certificate or any(trunk.transport == "tls" for trunk in configuration.trunk):
        media.append("--sealed")
    modules = {
        "media": ("hardware.media.daemon", media),
        "calls": ("appliance.calls.daemon", data),
        "store": ("appliance.store.daemon", data),
        "web": ("web.daemon", data),
    }
    workers = configuration.sync.workers if configuration.site.role == "hub" else 1
    for worker in range(1, workers + 1):
        of_several = ["--worker", str(worker)] if workers > 1 else []
        modules["sync" if worker == 1 else f"sync-{worker}"] = ("sync.daemon", [*data, *of_several])
    simulated = next((m for m in configuration.gsm if not m.at.startswith("/")), None)
    if configuration.demo and simulated is not None:
        folder = places.data / Path(simulated.at).parent
        modules["modem"] = ("hardware.gsm.simulator", ["--dir", str(folder)])
    if configuration.site.role == "hub":
        for name in ("media", "calls"):
            del modules[name]
    return [Unit(name, [sys.executable, "-m", module, *rest]) for name, (module, rest) in modules.items()]


class Supervisor:
    """Starts units, starts again what dies, and ends all within five seconds."""

    def __init__(self, places: Places, wanted: Sequence[Unit], say: Callable[[str], None]) -> None:
        self.places = places
        self.units = list(wanted)
        self._say = say
        self._stopping = False
        self._lock = (places.data / "run" / "box.lock").open("w")
        self._orders = OrderSocket(places.socket(SUPERVISOR))

    def claim(self) -> None:
        """Make sure nobody else runs this box; raises Busy."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Busy(f"{self.places.data} is already being run by another hotline process") from error

    def start(self) -> None:
        """Start every unit, and take orders."""
        self._orders.open()
        for unit in self.units:
            self._start(unit)

    def watch(self, until: Callable[[], bool]) -> None:
        """Keep the units alive until told to stop."""
        while not until():
            for unit in self.units:
                self._look_after(unit)
            self._orders.serve(LOOK_S, self.carry_out)

    def carry_out(self, do: str, name: str) -> list[UnitView]:
        """Start, stop or restart a unit, or only look; raises Refused. What begins is not waited for."""
        if do != "look":
            unit = next((unit for unit in self.units if unit.name == name), None)
            if unit is None or do not in ORDERS:
                raise Refused("unknown_unit", "There is no such process.")
            if do == "stop" and name in NEEDED:
                raise Refused("unit_needed", "Without this process nobody could start it again.")
            self._order(unit, do)
        return [self._view(unit) for unit in self.units]

    def stop(self) -> None:
        """End every unit: asked first, then made to."""
        self._orders.close()
        running = [unit for unit in self.units if unit.process and unit.process.poll() is None]
        for unit in reversed(running):
            _signal(unit, signal.SIGTERM)
        until = time.monotonic() + STOP_S
        for unit in running:
            assert unit.process is not None
            try:
                unit.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{unit.name} did not end in {STOP_S:.0f} s and was killed")
                _signal(unit, signal.SIGKILL)
                unit.process.wait()

    def _order(self, unit: Unit, do: str) -> None:
        unit.wanted = do != "stop"
        self._say(f"{unit.name}: {do}, as a technician asked")
        if do != "start" and unit.process is not None:
            unit.kill_s = time.monotonic() + STOP_S
            _signal(unit, signal.SIGTERM)
        elif unit.wanted:
            unit.again_s = 0.0

    def _view(self, unit: Unit) -> UnitView:
        process = unit.process
        state = (
            ("stopping" if unit.kill_s else "running")
            if process
            else ("starting" if unit.wanted else "stopped")
        )
        since_s = time.time() - (time.monotonic() - unit.since_s) if process else 0.0
        return UnitView(
            unit.name, state, process.pid if process else 0, since_s, unit.starts, unit.name not in NEEDED
        )

    def _look_after(self, unit: Unit) -> None:
        now = time.monotonic()
        if unit.process is not None and unit.kill_s and now >= unit.kill_s:
            _signal(unit, signal.SIGKILL)
        if unit.process is not None and (code := unit.process.poll()) is not None:
            unit.process = None
            if unit.kill_s:
                unit.kill_s, unit.failures, unit.again_s = 0.0, 0, 0.0
                return
            unit.failures = 0 if now - unit.since_s > LIVED_WELL_S else unit.failures + 1
            wait_s = BACK_OFF_S[min(unit.failures, len(BACK_OFF_S) - 1)]
            unit.again_s = now + wait_s
            self._say(f"{unit.name} ended ({_why(code)}); starting it again. See {self._log(unit)}")
        if unit.process is None and unit.wanted and now >= unit.again_s:
            self._start(unit)

    def _start(self, unit: Unit) -> None:
        log = self._log(unit)
        if log.exists() and log.stat().st_size > LOG_MAX:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output:
            unit.process = subprocess.Popen(
                unit.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        unit.since_s = time.monotonic()
        unit.starts += 1
        (self.places.data / "run" / f"{unit.name}.pid").write_text(f"{unit.process.pid}\n")

    def _log(self, unit: Unit) -> Path:
        return self.places.logs / f"{unit.name}.log"


def _end_with_parent() -> None:
    """Have the kernel end a unit whose supervisor was killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _signal(unit: Unit, number: int) -> None:
    """Signal a unit and what it started."""
    assert unit.process is not None
    try:
        os.killpg(unit.process.pid, number)
    except ProcessLookupError:
        return


def _why(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
