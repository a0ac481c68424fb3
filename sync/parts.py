"""Files that are being fetched: written piece by piece at their places, durable when settled."""

import os
from pathlib import Path


class Parts:
    """Files that are not whole, each under its hash in one folder; all raise OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._open: dict[str, int] = {}

    def write(self, name: str, offset: int, data: bytes) -> None:
        """Write a piece at its place."""
        fd = self._fd(name)
        while data:
            count = os.pwrite(fd, data, offset)
            data, offset = data[count:], offset + count

    def settle(self, name: str) -> None:
        """Make durable what was written."""
        os.fdatasync(self._fd(name))

    def whole(self, name: str) -> Path:
        """The file, closed."""
        self._fd(name)
        self._shut(name)
        return self.folder / name

    def forget(self, name: str) -> None:
        """Delete what came of it."""
        self._shut(name)
        (self.folder / name).unlink(missing_ok=True)

    def forget_all_but(self, names: set[str]) -> None:
        """Close what is not in work; what is wanted later goes on from its file."""
        for name in [name for name in self._open if name not in names]:
            self._shut(name)

    def close(self) -> None:
        """Close all."""
        self.forget_all_but(set())

    def _fd(self, name: str) -> int:
        if name not in self._open:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._open[name] = os.open(self.folder / name, flags, 0o640)
        return self._open[name]

    def _shut(self, name: str) -> None:
        if name in self._open:
            os.close(self._open.pop(name))
