"""A file that came from another box, by line or by stick: kept where such files are, said to be here."""

from pathlib import Path

from appliance.blobs import here, wants
from appliance.blobs.keeping import BlobStore
from appliance.letters import travelling
from appliance.letters.seals import Seals
from appliance.places import Places
from appliance.store.store import Store


def keep(store: Store, blobs: BlobStore, seals: Seals, sha256: str, file: Path, now_s: float) -> None:
    """Take over a whole file whose hash was checked. OSError."""
    size = file.stat().st_size
    stamp(store, seals, sha256, file)
    blobs.put(sha256, file)
    wants.kept(store, sha256, size, now_s)


def stamp(store: Store, seals: Seals, sha256: str, file: Path) -> None:
    """Put the image of a seal with the seals of this box, where nothing is ever let go of. OSError."""
    if wants.is_seal(store, sha256):
        seals.keep(sha256, file.read_bytes())


def found(store: Store, where: Places, blobs: BlobStore, seals: Seals, sha256: str) -> Path | None:
    """A file of this box, wherever it lies; None when it is not here. OSError."""
    return seals.file(sha256) or here.find(store, where.recordings, blobs, sha256)


def catch_up(store: Store) -> None:
    """Know all the files that the log makes this box want, whoever looked last and how far."""
    for follow, cursor in ((wants.follow, wants.CURSOR), (travelling.follow, travelling.CURSOR)):
        before = -1
        while before != store.cursor(cursor):
            before = store.cursor(cursor)
            follow(store)
