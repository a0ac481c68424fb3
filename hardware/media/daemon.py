"""The media process: ``python -m hardware.media.daemon --socket PATH``."""

import argparse
import gc
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from hardware.init import tell_init
from hardware.media import wire
from hardware.media.clock import MediaClock, real_time
from hardware.media.control import Control
from hardware.media.succession import Succession
from hardware.media.switch import SECOND_TICKS, Place, Switch

COLLECT_TICKS = 30 * SECOND_TICKS
COLLECT_SPARE_S = 0.012


def run(switch: Switch, control: Control, fifo: bool) -> None:
    """Tick until SIGTERM or SIGINT, then finish what is being recorded."""
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _: stopping.append(signum))
    collect_at = beat_at = faults = 0
    clock = MediaClock()
    succession = Succession(switch)
    tell_init("READY=1")
    while not stopping:
        due = clock.wait()
        told: list[wire.Report] = []
        if control.asked():
            if control.accept():
                succession.came(clock.ticks)
            for order in control.orders():
                if isinstance(order, wire.Trouble):
                    told.append(order)
                else:
                    succession.do(order)
        succession.look(control.connected, clock.ticks)
        for _ in range(due):
            faults = _tick(switch, faults, told)
        if clock.ticks >= beat_at:
            beat_at = clock.ticks + SECOND_TICKS
            told.append(
                wire.Beat(clock.ticks, clock.late, clock.worst_s * 1000, switch.size, fifo, switch.lost)
            )
            tell_init("WATCHDOG=1")
        control.send(told + switch.reports())
        if clock.ticks >= collect_at and clock.spare_s() > COLLECT_SPARE_S:
            collect_at = clock.ticks + COLLECT_TICKS
            gc.collect()
    tell_init("STOPPING=1")
    switch.shut()
    control.send(switch.reports())
    control.close()


def _tick(switch: Switch, faults: int, told: list[wire.Report]) -> int:
    """One tick; the faults in a row so far. A bug costs its tick, a second full of them the process."""
    try:
        switch.tick()
    except Exception as error:
        if faults == 0:
            traceback.print_exc()
            told.append(wire.Trouble("", f"a tick failed: {error!r}"))
        if faults >= SECOND_TICKS:
            raise
        return faults + 1
    return 0


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="hotline-media", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket the call process connects to")
    parser.add_argument("--rtp-ip", default="127.0.0.1", help="address RTP is received on")
    parser.add_argument("--rtp-base", type=int, default=20000, help="line sip/N receives on this port + 2 N")
    parser.add_argument("--browser-ip", default="127.0.0.1", help="address browsers connect to")
    parser.add_argument("--browser-port", type=int, default=8011, help="TCP port browsers connect to")
    parser.add_argument("--marks", type=Path, help="file that remembers open recordings across a power cut")
    parser.add_argument("--sealed", action="store_true", help="calls may be sealed: load what opens them now")
    given = parser.parse_args(argv)
    if given.sealed:
        import_module("hardware.media.srtp")
    sys.setswitchinterval(0.0005)
    # Before any thread starts: they inherit it, so none waits for a CPU while it keeps the tick waiting.
    fifo = real_time()
    place = Place(given.rtp_ip, given.rtp_base, (given.browser_ip, given.browser_port), given.marks)
    switch, control = Switch(place), Control(given.socket)
    gc.collect()
    gc.freeze()
    gc.disable()
    run(switch, control, fifo)


if __name__ == "__main__":
    main()
