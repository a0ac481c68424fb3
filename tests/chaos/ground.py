"""Network namespaces: the broker's, and one for each box with a cable to it that can be pulled.

Making them takes root; where this is not root, `rooted` gives a command that is.
"""

import itertools
import os
import subprocess
from collections.abc import Sequence
from types import TracebackType
from typing import Self

NET = "10.77.{box}.{end}"
"""Private addresses; nothing leaves the namespaces. End 1 is the broker's, 2 the box's."""
BROKER = "broker"
_count = itertools.count()


class NoGround(Exception):
    """This machine gives no network namespaces; the text says why."""


def rooted(command: Sequence[str]) -> list[str]:
    """The command as it can make namespaces: for others than root by sudo, or as root of a user namespace."""
    if os.geteuid() == 0:
        return list(command)
    if subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        return ["sudo", "-n", "--preserve-env=PATH", *command]
    inner = 'mount -t tmpfs none /run && exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c", inner, "sh", *command]


class Ground:
    """Namespaces of this process, from `with` to its end."""

    def __init__(self, boxes: int) -> None:
        self.boxes = boxes
        self._prefix = f"hb{os.getpid()}x{next(_count)}-"

    def __enter__(self) -> Self:
        try:
            self._make(BROKER)
            for box in range(self.boxes):
                self._make(str(box))
                self._cable(box)
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._clear()

    def inside(self, where: str | int, command: Sequence[str]) -> list[str]:
        """The command as it runs in a box's namespace, or the broker's."""
        return ["ip", "netns", "exec", self._name(where), *command]

    def pull(self, box: int) -> None:
        """Pull a box's cable."""
        self._ip("-n", self._name(BROKER), "link", "set", f"to{box}", "down")

    def plug(self, box: int) -> None:
        """Plug it in again."""
        self._ip("-n", self._name(BROKER), "link", "set", f"to{box}", "up")

    def _make(self, where: str) -> None:
        self._ip("netns", "add", self._name(where))
        self._ip("-n", self._name(where), "link", "set", "lo", "up")

    def _cable(self, box: int) -> None:
        ours, theirs = self._name(BROKER), self._name(box)
        self._ip(
            "-n", ours, "link", "add", f"to{box}", "type", "veth", "peer", "name", "out", "netns", theirs
        )
        for where, name, end in ((ours, f"to{box}", 1), (theirs, "out", 2)):
            address = f"{NET.format(box=box, end=end)}/24"
            self._ip("-n", where, "address", "add", address, "dev", name)
            self._ip("-n", where, "link", "set", name, "up")

    def _name(self, where: str | int) -> str:
        return f"{self._prefix}{where}"

    def _clear(self) -> None:
        for where in (BROKER, *map(str, range(self.boxes))):
            subprocess.run(["ip", "netns", "delete", self._name(where)], capture_output=True, check=False)

    def _ip(self, *words: str) -> None:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoGround(f"ip {' '.join(words)}: {done.stderr.strip() or 'refused'}")
