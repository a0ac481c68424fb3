"""Long work that goes on beside the tests: begun before the first of them, judged by the last.

``@pytest.mark.beside("module", "argument", …)`` on a test has ``python -m module argument …`` begun when
the run begins; the fixture `beside` waits for it. So minutes of soaking cost the suite no minute of its own.
"""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).parent.parent
NICE = 5
"""The tests go first."""
PATIENCE_S = 600.0
ENDS_S = 10.0


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of the work."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Work:
    """One process and where it writes."""

    process: "subprocess.Popen[bytes]"
    output: IO[bytes]

    def wait(self) -> Ended:
        """Wait for its end."""
        code = self.process.wait(PATIENCE_S)
        self.output.seek(0)
        return Ended(code, self.output.read().decode("utf-8", "replace"))


class Companions:
    """All work that tests of this run ask for."""

    def __init__(self) -> None:
        self._works: dict[Sequence[str], Work] = {}

    @contextmanager
    def beside(self, items: Sequence[pytest.Item]) -> Iterator[None]:
        """Begin what these tests ask for; end what is left in the end."""
        try:
            for command in dict.fromkeys(filter(None, map(command_of, items))):
                self._works[command] = begin(command)
            yield
        finally:
            for work in self._works.values():
                work.process.terminate()
            for work in self._works.values():
                try:
                    work.process.wait(ENDS_S)
                except subprocess.TimeoutExpired:
                    work.process.kill()
                work.output.close()

    def of(self, item: pytest.Item) -> Ended:
        """Wait for the work a test asks for."""
        command = command_of(item)
        assert command is not None, f"{item.nodeid} asks for no work beside the tests"
        return self._works[command].wait()


def command_of(item: pytest.Item) -> tuple[str, ...] | None:
    """The module and its arguments a test asks for."""
    marker = item.get_closest_marker("beside")
    return tuple(map(str, marker.args)) if marker else None


def ends_whole() -> None:
    """Have SIGTERM end this process as leaving it does, so that all it began ends with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def begin(command: Sequence[str]) -> Work:
    """Start a module."""
    output = tempfile.TemporaryFile()  # noqa: SIM115  # closed when the run ends
    nice = ["nice", "-n", str(NICE), sys.executable, "-m", *command]
    return Work(subprocess.Popen(nice, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT), output)
