"""Finding a file of this box by its hash, wherever it lies: among the recordings, or kept by hash."""

from pathlib import Path

from appliance.blobs.keeping import BlobStore
from appliance.recordings.verification import inside
from appliance.store.store import Store

FETCHED_KEPT_S = 7 * 86_400.0
"""How long a site keeps a recording it fetched back from its hub."""
PRUNED_MOST = 200
_OWN = "SELECT path FROM recording WHERE sha256 = ? AND site = ? AND removed_s IS NULL AND dropped_s IS NULL"
_UNUSED = (
    "SELECT sha256 FROM blob WHERE state <> 'wrong' AND rank > 0 AND since_s < ?"
    " AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.sha256 = blob.sha256 AND a.blank = ?)"
    " AND NOT EXISTS (SELECT 1 FROM recording r WHERE r.removed_s IS NULL AND r.site <> ?"
    " AND (r.sha256 = blob.sha256 OR r.stored = blob.sha256)) LIMIT ?"
)


def find(store: Store, recordings: Path, blobs: BlobStore, sha256: str) -> Path | None:
    """The file with this hash; None when it is not on this box. OSError when storage cannot be reached."""
    for (path,) in store.rows(_OWN, sha256, store.site):
        file = inside(recordings, str(path))
        if file is not None and file.is_file():
            return file
    return blobs.local(sha256)


def prune(store: Store, blobs: BlobStore, now_s: float) -> int:
    """Let go of what no recording and no attachment needs; return how many files that were. OSError.

    The hub keeps the recordings of its sites; a site fetched back its own, and keeps them for some days.
    """
    before_s = now_s - FETCHED_KEPT_S if store.site else now_s
    with store.transaction():
        unused = [str(name) for (name,) in store.rows(_UNUSED, before_s, 0, store.site, PRUNED_MOST)]
        for sha256 in unused:
            blobs.remove(sha256)
            store.execute("DELETE FROM blob WHERE sha256 = ?", sha256)
    return len(unused)
