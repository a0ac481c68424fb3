"""What the pages carry with its files: one ZIP for the browser, of what the command puts on a stick."""

import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from appliance import zipping
from appliance.refused import Refused
from appliance.words import N_

BEGINS = b"PK"
NAMES_MOST = 20_000
PIECE_BYTES = 192 * 1024
NO_PACK = N_("This ZIP was not made by a Hotline Box, or was packed anew: bring it as it was taken away.")
_STREAM = re.compile(r"[a-z0-9-]{3,8}-to-[a-z0-9-]{3,8}\.carry")
_BESIDE = re.compile(
    r"[a-z0-9-]{3,8}-to-[a-z0-9-]{3,8}\.files/(?:wanted\.list|[0-9a-f]{2}/[0-9a-f]{64}\.file)"
)


def is_pack(path: Path) -> bool:
    """Tell whether somebody brought a ZIP."""
    with path.open("rb") as file:
        return file.read(len(BEGINS)) == BEGINS


def packed(folder: Path) -> Iterator[bytes]:
    """Give a folder as a ZIP, the stream first."""
    files = sorted(
        (path for path in folder.rglob("*") if path.is_file()), key=lambda p: (p.suffix != ".carry", p)
    )
    named = ((str(path.relative_to(folder)), _pieces(path)) for path in files)
    return zipping.pieces(named, time.time())


def unpacked(path: Path, folder: Path) -> Path:
    """Put what a box packed into a folder; return the stream. Refused for any other ZIP."""
    try:
        with zipfile.ZipFile(path) as pack:
            entries = pack.infolist()
            names = {one.filename for one in entries}
            streams = [name for name in names if _STREAM.fullmatch(name)]
            size = sum(one.file_size for one in entries)
            sound = all(_is_ours(one) for one in entries) and len(names) == len(entries) <= NAMES_MOST
            if len(streams) != 1 or not sound or size > path.stat().st_size:
                raise Refused("no_pack", NO_PACK)
            for one in entries:
                target = folder / one.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with pack.open(one) as source, target.open("wb") as out:
                    shutil.copyfileobj(source, out, PIECE_BYTES)
            return folder / streams[0]
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise Refused("no_pack", NO_PACK) from error


def _is_ours(one: zipfile.ZipInfo) -> bool:
    """Whether a box would pack it: under such a name, and as it is, so that it grows nothing."""
    named = _STREAM.fullmatch(one.filename) or _BESIDE.fullmatch(one.filename)
    return bool(named) and one.compress_type == zipfile.ZIP_STORED


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
