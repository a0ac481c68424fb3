"""One process keeps all others alive, and ends them all within five seconds."""

import os
import signal
import socket
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
from appliance.processes import Processes
from appliance.refused import Refused
from appliance.supervisor import Busy, Supervisor, Unit, units

pytestmark = pytest.mark.live

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


def test_a_technician_stops_starts_and_restarts_one_process_and_no_other(tmp_path: Path) -> None:
    with supervised(tmp_path, unit("calls", SLEEPS), unit("web", SLEEPS)) as (supervisor, said):
        processes = Processes(Places(tmp_path).socket("supervisor"), ["calls", "web"])
        until(lambda: [view.state for view in processes.look()] == ["running", "running"])
        web_pid = processes.look()[1].pid
        processes.order("stop", "calls")
        until(lambda: processes.look()[0].state == "stopped")
        time.sleep(0.3)
        assert processes.look()[0].state == "stopped", "nobody starts again what was stopped"
        processes.order("start", "calls")
        until(lambda: processes.look()[0].state == "running")
        first = processes.look()[0]
        processes.order("restart", "calls")
        until(lambda: (now := processes.look()[0]).state == "running" and now.pid != first.pid)
        assert processes.look()[0].starts == first.starts + 1
        assert processes.look()[1].pid == web_pid
        assert [text for text in said if "as a technician asked" in text] == [
            f"calls: {do}, as a technician asked" for do in ("stop", "start", "restart")
        ]
        del supervisor


def test_a_process_that_does_not_want_to_end_is_made_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.3)
    with supervised(tmp_path, unit("deaf", STUBBORN)):
        processes = Processes(Places(tmp_path).socket("supervisor"), ["deaf"])
        until(lambda: "deaf" in (tmp_path / "logs" / "deaf.log").read_text())
        processes.order("stop", "deaf")
        until(lambda: processes.look()[0].state == "stopped")


def test_the_pages_cannot_be_stopped_from_a_page_and_unknown_orders_are_refused(tmp_path: Path) -> None:
    with supervised(tmp_path, unit("web", SLEEPS)):
        path = Places(tmp_path).socket("supervisor")
        processes = Processes(path, ["web"])
        for do, name, word in (("stop", "web", "unit_needed"), ("start", "x", "unknown_unit")):
            with pytest.raises(Refused) as refused:
                processes.order(do, name)
            assert refused.value.word == word
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(path))
            link.sendall(b"{nonsense\n")
            assert b"malformed" in link.recv(4096)
        assert processes.look()[0].state == "running"
        assert path.stat().st_mode & 0o077 == 0


def test_in_service_systemd_is_asked(tmp_path: Path) -> None:
    log = tmp_path / "asked"
    systemctl = tmp_path / "systemctl"
    answer = "ActiveState=active\\nMainPID=4711\\nNRestarts=2\\nExecMainStartTimestamp=@1800000000\\n"
    systemctl.write_text(f"#!/bin/sh\necho \"$@\" >> {log}\n[ $1 = show ] && printf '{answer}'\nexit 0\n")
    systemctl.chmod(0o755)
    processes = Processes(tmp_path / "no.sock", ["calls"], str(systemctl))
    (view,) = processes.look()
    assert (view.state, view.pid, view.since_s, view.starts) == ("running", 4711, 1_800_000_000.0, 3)
    processes.order("restart", "calls")
    assert log.read_text().splitlines()[-1] == "restart --no-block hotline-calls.service"


def test_where_nobody_has_the_processes_that_is_said(tmp_path: Path) -> None:
    processes = Processes(tmp_path / "no.sock", ["calls"], "/nowhere/systemctl")
    assert processes.look() == []
    with pytest.raises(Refused) as refused:
        processes.order("restart", "calls")
    assert refused.value.word == "no_supervisor"
