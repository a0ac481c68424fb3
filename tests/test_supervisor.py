"""One process keeps all others alive, and ends them all within five seconds."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance import supervisor as module
from appliance.configuration import Configuration, Site
from appliance.places import Places
from appliance.supervisor import Busy, Supervisor, Unit, units

SLEEPS = "import time; time.sleep(60)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('deaf', flush=True); time.sleep(60)"
)
FAILS = "import sys; sys.exit('no such line')"
WITH_CHILD = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print(child.pid, flush=True); time.sleep(60)"
)


def unit(name: str, code: str) -> Unit:
    return Unit(name, [sys.executable, "-c", code])


def until(what: Callable[[], object], seconds: float = 10.0) -> None:
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextmanager
def supervised(data: Path, *wanted: Unit) -> Iterator[tuple[Supervisor, list[str]]]:
    """Units under a supervisor that watches in a thread of its own."""
    said: list[str] = []
    supervisor = Supervisor(Places(data).make(), wanted, said.append)
    supervisor.claim()
    stopping = threading.Event()
    supervisor.start()
    watch = threading.Thread(target=supervisor.watch, args=(stopping.is_set,))
    watch.start()
    try:
        yield supervisor, said
    finally:
        stopping.set()
        watch.join()
        supervisor.stop()


def pid_of(data: Path, name: str) -> int:
    return int((data / "run" / f"{name}.pid").read_text())


def test_what_dies_is_started_again_and_the_others_are_left_alone(tmp_path: Path) -> None:
    with supervised(tmp_path, unit("media", SLEEPS), unit("calls", SLEEPS)) as (_, said):
        media, calls = pid_of(tmp_path, "media"), pid_of(tmp_path, "calls")
        os.kill(media, signal.SIGKILL)
        died_s = time.monotonic()
        until(lambda: pid_of(tmp_path, "media") != media)
        assert time.monotonic() - died_s < 1
        assert pid_of(tmp_path, "calls") == calls
        assert alive(calls)
        assert said == [f"media ended (killed by SIGKILL); starting it again. See {tmp_path}/logs/media.log"]


def test_what_keeps_failing_is_tried_more_and_more_slowly(tmp_path: Path) -> None:
    with supervised(tmp_path, unit("sync", FAILS)) as (supervisor, said):
        until(lambda: len(said) >= 3)
        assert supervisor.units[0].failures >= 3
    assert "no such line" in (tmp_path / "logs" / "sync.log").read_text()
    assert "exit status 1" in said[0]
    assert list(module.BACK_OFF_S) == sorted(module.BACK_OFF_S)


def test_all_ends_within_five_seconds_even_what_does_not_listen(tmp_path: Path) -> None:
    with supervised(tmp_path, unit("web", STUBBORN), unit("store", SLEEPS)) as (_, said):
        until((tmp_path / "logs" / "web.log").read_text)
        pids = [pid_of(tmp_path, name) for name in ("web", "store")]
        asked_s = time.monotonic()
    assert time.monotonic() - asked_s < 5
    assert not any(map(alive, pids))
    assert said == ["web did not end in 4 s and was killed"]


def test_what_a_unit_started_ends_with_it(tmp_path: Path) -> None:
    with supervised(tmp_path, unit("web", WITH_CHILD)):
        log = tmp_path / "logs" / "web.log"
        until(log.read_text)
        child = int(log.read_text())
        assert alive(child)
    until(lambda: not alive(child))


def test_one_box_is_run_by_one_supervisor(tmp_path: Path) -> None:
    with supervised(tmp_path), pytest.raises(Busy, match="already being run"):
        Supervisor(Places(tmp_path), [], print).claim()
    Supervisor(Places(tmp_path), [], print).claim()


def test_units_do_not_outlive_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from appliance.places import Places;"
        "from appliance.supervisor import Supervisor, Unit;"
        f"s = Supervisor(Places(Path({str(tmp_path)!r})).make(),"
        f" [Unit('calls', [sys.executable, '-c', {SLEEPS!r}])], print);"
        "s.claim(); s.start(); print('started', flush=True); s.watch(lambda: False)"
    )
    root = Path(__file__).parent.parent
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        unit_pid = pid_of(tmp_path, "calls")
        assert alive(unit_pid)
        process.kill()
    until(lambda: not alive(unit_pid), 3)


def test_a_log_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_MAX", 100)
    logs = Places(tmp_path).make().logs
    (logs / "calls.log").write_text("x" * 200)
    with supervised(tmp_path, unit("calls", SLEEPS)):
        assert (logs / "calls.log").stat().st_size == 0
        assert (logs / "calls.log.1").stat().st_size == 200


def test_the_hub_runs_neither_media_nor_calls(tmp_path: Path) -> None:
    names = [u.name for u in units(Places(tmp_path), Configuration(site=Site(number=0, role="hub")))]
    assert names == ["store", "web", "sync"]
    assert [u.name for u in units(Places(tmp_path), Configuration())] == ["media", "calls", *names]
