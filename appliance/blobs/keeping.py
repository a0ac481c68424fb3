"""Where files are kept by their hash: one contract, on the box's own disk or in S3-compatible storage."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

HASH = re.compile(r"[0-9a-f]{64}")
PART = "part"


class BlobStore(Protocol):
    """Files by SHA-256 (64 hex digits). What cannot be reached or written raises OSError."""

    def put(self, sha256: str, file: Path) -> None:
        """Take over a whole file that was verified; durable when it returns, the given path is gone."""

    def has(self, sha256: str) -> bool:
        """Tell whether it is kept."""

    def local(self, sha256: str) -> Path | None:
        """A file on this box with its bytes, brought here if need be; None when it is not kept."""

    def remove(self, sha256: str) -> None:
        """Keep it no longer; nothing happens when it is not kept."""

    def hashes(self) -> Iterator[str]:
        """All that is kept, in no order."""


class DiskBlobs:
    """Files below a folder, fanned out by the first digits of their hash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, sha256: str, file: Path) -> None:
        """Take over a whole file, durable when it returns; it appears under its name all at once."""
        target = self._path(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        with file.open("rb") as whole:
            os.fsync(whole.fileno())
        file.replace(target)
        for folder in (target.parent, target.parent.parent, self.folder):
            sync_folder(folder)

    def has(self, sha256: str) -> bool:
        """Tell whether it is kept."""
        return self._path(sha256).is_file()

    def local(self, sha256: str) -> Path | None:
        """The file; None when it is not kept."""
        path = self._path(sha256)
        return path if path.is_file() else None

    def remove(self, sha256: str) -> None:
        """Keep it no longer, nor the picture of a recording that may lie beside it."""
        for path in (self._path(sha256), self._path(sha256).with_suffix(".peaks")):
            path.unlink(missing_ok=True)

    def hashes(self) -> Iterator[str]:
        """All that is kept."""
        for path in self.folder.glob("??/??/*"):
            if HASH.fullmatch(path.name):
                yield path.name

    def _path(self, sha256: str) -> Path:
        if not HASH.fullmatch(sha256):
            raise ValueError("this is no SHA-256")
        return self.folder / sha256[:2] / sha256[2:4] / sha256


def sync_folder(folder: Path) -> None:
    """Make durable what a folder lists."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
