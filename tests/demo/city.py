"""The stage: hub, centre and branch as real boxes, a real broker between them, phones that are not ours."""

import json
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from tests.box import ALL, Box, free_port
from tests.phones import Baresip, end
from tests.reader import Reader

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
HUB_UNITS = ("store", "web", "sync")
HERE = "127.0.0.1"


class Broker:
    """A real Mosquitto on a loopback port, which can be cut and come back."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port(socket.SOCK_STREAM)
        self._settings = folder / "mosquitto.conf"
        self._settings.write_text(
            f"listener {self.port} {HERE}\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Listen."""
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def cut(self) -> None:
        """Die at once, as in a power cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End."""
        if self._process is not None:
            end(self._process)


class City:
    """Everything that is on stage; `with` starts and ends it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Broker(folder)
        brokers = {"sync": {"brokers": [f"{HERE}:{self.broker.port}"]}}
        modem = {"gsm": [{"name": "gsm/0", "at": "gsm/at", "pcm": "gsm/pcm"}]}
        alone: dict[str, list[str]] = {"gsm": []}
        centre = {"site": {"number": 1, "name": "云河市12345", "numbers": ["12345"]}, **modem, **brokers}
        branch = {"site": {"number": 2, "name": "云东区", "numbers": ["12345"]}, **alone, **brokers}
        hub = {"site": {"number": 0, "name": "云河市中心", "role": "hub", "numbers": []}, **alone, **brokers}
        self.centre = Box(ALL, settings=centre, spoken=True)
        self.branch = Box(ALL, settings=branch)
        self.hub = Box(HUB_UNITS, settings=hub)
        self.boxes = {"centre": self.centre, "branch": self.branch, "hub": self.hub}
        self.people: dict[tuple[str, str], Reader] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self.broker.stop()

    def start(self) -> None:
        """Start the broker and the boxes, and wait for their pages."""
        self.broker.start()
        for box in self.boxes.values():
            self._stack.enter_context(box)
        for name, box in self.boxes.items():
            box.wait_for(lambda box=box: _answers(box.web), 60, f"the pages of the {name}")  # type: ignore[misc]

    def phone(
        self, number: str, password: str = "", tone_hz: float = 600.0, answers: bool = False
    ) -> Baresip:
        """A phone that is not ours, until the end."""
        phone = Baresip(
            self.folder,
            self.centre.sip_port,
            number=number,
            password=password,
            tone_hz=tone_hz,
            answers=answers,
        )
        return self._stack.enter_context(phone)

    def person(self, box: str, number: str) -> Reader:
        """Somebody signed in at the pages of a box."""
        if (box, number) not in self.people:
            self.people[box, number] = Reader(self.boxes[box].web, number)
        return self.people[box, number]

    def command(self, box: str, *words: str) -> str:
        """What a `hotline` command prints for a box."""
        data = str(self.boxes[box].places.data)
        call = [sys.executable, "-m", "appliance.cli", "--data", data, *words]
        done = subprocess.run(call, capture_output=True, check=False, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, box: str, command: str, *more: str) -> Any:
        """What `hotline COMMAND --json` prints for a box."""
        return json.loads(self.command(box, command, *more, "--json"))

    def ticket(self, box: str, number: str) -> dict[str, Any] | None:
        """A ticket as one box shows it; None while it is not there."""
        found = [row for row in self.rows(box, "tickets") if row["number"] == number]
        return found[0] if found else None

    def story(self, box: str, number: str) -> list[tuple[str, str]]:
        """The events of a ticket at one box, in the total order."""
        history = self.rows(box, "ticket", number)["history"]
        return [(event["eid"], event["kind"]) for event in history]

    def modem(self, **order: object) -> dict[str, Any]:
        """Tell the simulated mobile network what its people do."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            link.connect(str(self.centre.places.data / "gsm" / "control"))
            link.sendall(json.dumps(order).encode() + b"\n")
            answer: dict[str, Any] = json.loads(link.makefile("rb").readline())
        assert answer.get("ok"), answer
        return answer


def _answers(url: str) -> bool:
    import urllib.request

    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/api/health", timeout=2):
            return True
    except OSError:
        time.sleep(0.1)
        return False
