"""The certificate files of a box: written whole or not at all, the key read by nobody else."""

import os
from dataclasses import dataclass
from pathlib import Path

KEY_MODE, PUBLIC_MODE = 0o600, 0o644


@dataclass(frozen=True, slots=True)
class Papers:
    """What a box shows at the broker, in one folder: its key, its certificate, and the one of its hub."""

    folder: Path

    @property
    def ca(self) -> Path:
        """The certificate of the hub's authority."""
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        """The box's certificate."""
        return self.folder / "box.pem"

    @property
    def key(self) -> Path:
        """The box's private key."""
        return self.folder / "box.key"

    @property
    def complete(self) -> bool:
        """Whether all three are there."""
        return all(file.exists() for file in (self.ca, self.certificate, self.key))

    def keep(self, ca: bytes, certificate: bytes, key: bytes) -> None:
        """Write all three.

        The key goes first: a power cut between key and certificate leaves a pair that does not
        match, which is told as such and mended by a fresh code, never a box that trusts others.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write(self.key, key, KEY_MODE)
        write(self.ca, ca, PUBLIC_MODE)
        write(self.certificate, certificate, PUBLIC_MODE)


def write(file: Path, content: bytes, mode: int) -> None:
    """Put a file in place at once and durably; raises OSError."""
    fresh = file.with_name(f"{file.name}.fresh")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fchmod(opened.fileno(), mode)
        os.fsync(opened.fileno())
    fresh.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
