"""Files kept in S3-compatible storage, by the package obstore; what was opened lately lies here too."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from appliance.blobs.keeping import HASH
from appliance.blobs.settings import Storage

CACHE = "cache"
ANSWER = timedelta(seconds=60)
CONNECT = timedelta(seconds=5)
RETRY = timedelta(seconds=20)
PIECE_BYTES = 1 << 20


class S3Blobs:
    """A bucket of one's own; objects are named like the files of a disk."""

    def __init__(self, storage: Storage, folder: Path) -> None:
        self._storage = storage
        self._cache = folder / CACHE
        self._made: S3Store | None = None

    def put(self, sha256: str, file: Path) -> None:
        """Take over a whole file; the storage checks that it got what was sent."""
        with _told():
            obstore.put(self._store(), _key(sha256), file)
        self._cache.mkdir(parents=True, exist_ok=True)
        file.replace(self._cache / sha256)
        self._make_room()

    def has(self, sha256: str) -> bool:
        """Tell whether it is kept."""
        try:
            with _told():
                obstore.head(self._store(), _key(sha256))
        except FileNotFoundError:
            return False
        return True

    def local(self, sha256: str) -> Path | None:
        """A copy on this box, fetched if need be; None when it is not kept."""
        cached = self._cache / sha256
        if HASH.fullmatch(sha256) and cached.is_file():
            os.utime(cached)
            return cached
        try:
            with _told():
                self._fetch(sha256, cached)
        except FileNotFoundError:
            return None
        self._make_room()
        return cached

    def remove(self, sha256: str) -> None:
        """Keep it no longer."""
        try:
            with _told():
                obstore.delete(self._store(), _key(sha256))
        except FileNotFoundError:
            pass
        (self._cache / sha256).unlink(missing_ok=True)

    def hashes(self) -> Iterator[str]:
        """All that is kept."""
        with _told():
            for page in obstore.list(self._store()):
                for one in page:
                    name = one["path"].rpartition("/")[2]
                    if HASH.fullmatch(name):
                        yield name

    def _store(self) -> S3Store:
        if self._made is None:
            key_id, secret = _keys(Path(self._storage.key_file))
            endpoint = self._storage.endpoint
            self._made = S3Store(
                self._storage.bucket,
                endpoint=endpoint,
                region=self._storage.region,
                access_key_id=key_id,
                secret_access_key=secret,
                checksum_algorithm="SHA256",
                virtual_hosted_style_request=False,
                client_options={
                    "timeout": ANSWER,
                    "connect_timeout": CONNECT,
                    "allow_http": endpoint.startswith("http://"),
                },
                retry_config={"max_retries": 3, "retry_timeout": RETRY},
            )
        return self._made

    def _fetch(self, sha256: str, cached: Path) -> None:
        """Bring a copy here; it appears under its name only when it is whole and right."""
        found = obstore.get(self._store(), _key(sha256))
        self._cache.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self._cache, delete=False) as part:
            try:
                for piece in found.stream(min_chunk_size=PIECE_BYTES):
                    digest.update(piece)
                    part.write(piece)
                if digest.hexdigest() != sha256:
                    raise OSError(f"the storage gave something else for {sha256}")
                part.flush()
                os.replace(part.name, cached)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise

    def _make_room(self) -> None:
        """Forget the copies not opened for longest."""
        cached = []
        for path in self._cache.iterdir():
            stat = path.stat()
            cached.append((stat.st_mtime, stat.st_size, path))
        size = sum(one[1] for one in cached)
        for _, freed, path in sorted(cached)[:-1]:
            if size <= self._storage.cache_mb * 1024 * 1024:
                return
            path.unlink(missing_ok=True)
            size -= freed


@contextmanager
def _told() -> Iterator[None]:
    """What the storage or the way to it did wrong is an OSError for the callers."""
    try:
        yield
    except FileNotFoundError:
        raise
    except BaseError as error:
        raise OSError(f"storage: {str(error).splitlines()[0]}") from error


def _key(sha256: str) -> str:
    if not HASH.fullmatch(sha256):
        raise ValueError("this is no SHA-256")
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _keys(file: Path) -> tuple[str, str]:
    """Key id and secret; OSError when the file does not have them, or others may read it."""
    if file.stat().st_mode & 0o077:
        raise OSError(f"{file.name} may be read by others: chmod 600")
    lines = file.read_text("utf-8").split()
    if len(lines) != 2:
        raise OSError(f"{file.name} does not have two lines, key id and secret")
    return lines[0], lines[1]
