"""A process whose work stops ends by itself, says where it stood, and is started again."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.supervisor import Unit
from sync.bench import MOSQUITTO, RunningBox, wait_for
from tests.network_boxes import Hub, hub
from tests.test_supervisor import supervised
from tests.test_sync_broker import HUB

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(not os.path.exists(MOSQUITTO), reason="mosquitto is not installed"),
]
LIMIT_S = 30.0


def command(box: RunningBox, here: Hub, watch_s: float) -> list[str]:
    daemon = [sys.executable, "-m", "sync.daemon", "--data", str(box.where.data), "--site", str(box.site)]
    return [*daemon, "--broker", here.broker.address, "--watch-s", str(watch_s)]


def test_a_sync_process_that_is_stuck_ends_and_the_next_one_goes_on(tmp_path: Path) -> None:
    """Its key file hangs when it is read, as a file on a dead disk does."""
    with hub(tmp_path) as here:
        site, centre = here.box("seven", 7), here.running()
        key = site.where.network / "box.key"
        content = key.read_bytes()
        key.unlink()
        os.mkfifo(key)
        centre.start()
        try:
            with supervised(site.where.data, Unit("sync", command(site, here, 2.0))) as (supervisor, said):
                wait_for(lambda: any("sync ended (exit status 1)" in line for line in said), LIMIT_S)
                assert "Timeout (0:00:02)!" in site.log.read_text()
                assert "in context" in site.log.read_text(), "it says where it stood"
                key.unlink()
                key.write_bytes(content)
                wait_for(lambda: site.peer(HUB).get("state") == "connected", LIMIT_S)
                assert supervisor.units[0].starts > 1
        finally:
            centre.end(signal.SIGKILL)


def test_systemd_is_told_that_the_work_goes_on(tmp_path: Path) -> None:
    told = tmp_path / "notify"
    with hub(tmp_path) as here, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as init:
        init.bind(str(told))
        init.settimeout(LIMIT_S)
        environment = {**os.environ, "NOTIFY_SOCKET": str(told)}
        process = subprocess.Popen(command(here.box("seven", 7), here, 60.0), env=environment)
        try:
            assert [init.recv(99) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
            process.terminate()
            assert init.recv(99) in (b"WATCHDOG=1", b"STOPPING=1")
            assert process.wait(10) == 0
        finally:
            process.kill()
