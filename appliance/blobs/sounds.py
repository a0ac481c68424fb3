"""The sounds a box has: its own among its recordings, those of other boxes and those fetched back by hash."""

from dataclasses import dataclass
from pathlib import Path

from appliance.blobs.keeping import BlobStore
from appliance.recordings.archive import is_mp3
from appliance.recordings.verification import inside


@dataclass(frozen=True, slots=True)
class Sounds:
    """Where the sounds of a box lie."""

    site: int
    folder: Path
    """The recordings of this box."""
    blobs: BlobStore | None = None
    """What it keeps by hash."""

    def file(self, path: str, site: int, *hashes: str) -> Path | None:
        """Return the file of a recording, None when it is not here; OSError when storage cannot be reached.

        `path` is where it lies at its site; `hashes` are what it may be kept by.
        """
        own = inside(self.folder, path) if site == self.site and path else None
        if own is not None and own.is_file():
            return own
        found = (self.blobs.local(sha256) for sha256 in hashes if sha256) if self.blobs else iter(())
        return next((file for file in found if file is not None), None)


def suffix_of(file: Path) -> str:
    """Return what the name of a copy ends with: mp3 or wav; OSError."""
    return "mp3" if is_mp3(file) else "wav"
