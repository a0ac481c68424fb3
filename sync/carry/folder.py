"""Where files lie on the stick: by their hash, in folders beside the stream's file.

One folder of a FAT stick holds no more than nine thousand names of that length.
"""

from collections.abc import Iterator
from pathlib import Path

from appliance.blobs.keeping import HASH

SUFFIX = ".carry"
FOLDER = ".files"
ENDING = ".file"
LIST = "wanted.list"
"""What its maker asks the other box for."""


def folder_of(stream: Path) -> Path:
    """The folder that goes with a stream's file."""
    name = stream.name.removesuffix(SUFFIX)
    return stream.with_name(name + FOLDER)


def place(folder: Path, sha256: str) -> Path:
    """Where a file lies, or will."""
    return folder / sha256[:2] / f"{sha256}{ENDING}"


def placed(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files that lie there, by hash; whatever else somebody put there is none. OSError."""
    for path in sorted(folder.glob(f"??/*{ENDING}")):
        sha256 = path.name.removesuffix(ENDING)
        if HASH.fullmatch(sha256) and path.is_file() and not path.is_symlink():
            yield sha256, path
