"""Seals: the image of each unit's seal, checked, kept by its hash, and which one is in force."""

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from appliance.blobs.keeping import HASH, sync_folder
from appliance.events import Fact
from appliance.letters.table import SEAL_SET, SEAL_TAKEN_BACK
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store

CENTRE = ""
"""Whose seal it is when it is no unit's."""
BYTES_MOST = 512 * 1024
LEAST, MOST = 120, 2000
"""Pixels of a side."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ALPHA = (4, 6)
"""Colour types of PNG that say how much shines through."""


def checked(data: bytes) -> bytes:
    """Return the image without what is not needed to draw it; raises Refused with what to change."""
    if not data:
        raise Refused("missing", "Choose the image of the seal, a PNG file.")
    if len(data) > BYTES_MOST:
        raise Refused(
            "too_long", "The image is too large: at most %(most)s KB are taken.", most=BYTES_MOST // 1024
        )
    if not data.startswith(_SIGNATURE):
        raise Refused("bad_image", "The seal must be a PNG image.")
    chunks = [chunk for chunk in _chunks(data) if chunk[0] in _KEPT]
    names = [name for name, _ in chunks]
    if not names or names[0] != b"IHDR" or names[-1] != b"IEND" or b"IDAT" not in names:
        raise _broken()
    _look(chunks)
    return _SIGNATURE + b"".join(_chunk(name, body) for name, body in chunks)


class Seals:
    """The seals of one box; images lie in `folder` under their hash and are never taken away."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder

    def put(self, actor: Actor, owner: str, data: bytes) -> str:
        """Put a new seal in force for the centre or a unit; return its hash."""
        if owner != CENTRE and not self._store.rows("SELECT 1 FROM unit WHERE code = ?", owner):
            raise Refused("unknown_unit", "Choose %(field)s from the list.", field="Unit")
        image = checked(data)
        digest = hashlib.sha256(image).hexdigest()
        self.keep(digest, image)
        facts = {"owner": owner, "sha256": digest, "size": len(image), "by": actor.number, "name": actor.name}
        self._store.record(Fact(SEAL_SET, facts, b""))
        return digest

    def keep(self, digest: str, image: bytes) -> None:
        """Keep an image under its hash, which the caller checked; durable when it returns. OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / f"{digest}.png"
        if target.exists():
            return
        half = target.with_suffix(f".{os.getpid()}.part")
        with half.open("wb") as out:
            out.write(image)
            out.flush()
            os.fsync(out.fileno())
        half.replace(target)
        sync_folder(self._folder)

    def file(self, digest: str) -> Path | None:
        """Return where an image lies; None when this box has not got it."""
        path = self._folder / f"{digest}.png"
        return path if HASH.fullmatch(digest) and path.is_file() else None

    def take_back(self, actor: Actor, owner: str) -> None:
        """Have a seal no longer in force; letters that bear it keep it."""
        if not self.of(owner):
            raise Refused("changed", "There is no seal any more. Look at it again.")
        self._store.record(
            Fact(SEAL_TAKEN_BACK, {"owner": owner, "by": actor.number, "name": actor.name}, b"")
        )

    def of(self, owner: str) -> str:
        """Return the hash of the seal in force; empty when there is none."""
        rows = self._store.rows("SELECT sha256 FROM seal WHERE owner = ?", owner)
        return str(rows[0][0]) if rows else ""

    def all(self) -> dict[str, tuple[str, float, str]]:
        """Return hash, time and who by owner."""
        rows = self._store.rows("SELECT owner, sha256, set_s, by FROM seal WHERE sha256 <> '' ORDER BY owner")
        return {owner: (digest, at_s, by) for owner, digest, at_s, by in rows}

    def image(self, digest: str) -> bytes:
        """Return an image; nothing when this box has not got it, or it is not what it was."""
        file = self.file(digest)
        try:
            data = file.read_bytes() if file else b""
        except OSError:
            return b""
        return data if hashlib.sha256(data).hexdigest() == digest else b""


def _look(chunks: list[tuple[bytes, bytes]]) -> None:
    """Check that it can be drawn: size, transparency, and that all its pixels are there."""
    head = chunks[0][1]
    if len(head) != 13:
        raise _broken()
    wide, high, depth, colour, packing, filtering, interlace = struct.unpack(">IIBBBBB", head)
    if not (LEAST <= wide <= MOST and LEAST <= high <= MOST):
        raise Refused(
            "bad_image",
            "The seal must be between %(least)s and %(most)s pixels wide and high.",
            least=LEAST,
            most=MOST,
        )
    if depth not in (1, 2, 4, 8) or colour not in _SAMPLES or packing or filtering or interlace:
        raise Refused("bad_image", "Save the seal as a plain PNG: 8 bits a colour, not interlaced.")
    names = [name for name, _ in chunks]
    if colour not in _ALPHA and b"tRNS" not in names:
        raise Refused("bad_image", "The seal needs a transparent background, so that text shows through it.")
    if colour == 3 and b"PLTE" not in names:
        raise _broken()
    rows = high * (1 + -(-wide * depth * _SAMPLES[colour] // 8))
    packed = b"".join(body for name, body in chunks if name == b"IDAT")
    unpacker = zlib.decompressobj()
    try:
        pixels = unpacker.decompress(packed, rows + 1)
    except zlib.error:
        raise _broken() from None
    if len(pixels) != rows:
        raise _broken()


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        name, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if len(body) != length or data[at + 8 + length : at + 12 + length] != _sum(name, body):
            raise _broken()
        yield name, body
        at += 12 + length


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + _sum(name, body)


def _sum(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(name + body))


def _broken() -> Refused:
    return Refused("bad_image", "The image is broken. Save it as PNG again.")
