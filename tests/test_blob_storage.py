"""Files kept by their hash: one contract, on disk and in S3-compatible storage."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.blobs.keeping import BlobStore, DiskBlobs
from appliance.blobs.settings import Storage
from appliance.blobs.storage import opened
from appliance.configuration import BadConfiguration, parse
from appliance.places import Places

MOTO = os.environ.get("MOTO_SERVER") or shutil.which("moto_server") or ""
"""A server of S3 in Python; it stands in no lock of ours, for it needs older packages than we do."""
needs_server = pytest.mark.skipif(not MOTO, reason="moto_server is not installed (moto[server])")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A running S3 server with a bucket; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [MOTO, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 30
        while True:
            try:
                request = urllib.request.Request(f"{address}/calls", method="PUT")
                urllib.request.urlopen(request, timeout=5).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        yield address
    finally:
        process.kill()
        process.wait()


def bucket(folder: Path, address: str, **changes: object) -> Storage:
    keys = folder / "keys"
    keys.write_text("id\nsecret\n")
    keys.chmod(0o600)
    return Storage("calls", address, key_file=str(keys), **changes)  # type: ignore[arg-type]


@pytest.fixture(params=["disk", pytest.param("s3", marks=needs_server)])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """An empty place to keep files."""
    if request.param == "disk":
        return opened(Storage(), Places(tmp_path))
    store = opened(bucket(tmp_path, request.getfixturevalue("server")), Places(tmp_path))
    for sha256 in list(store.hashes()):
        store.remove(sha256)
    return store


def file(folder: Path, data: bytes) -> tuple[str, Path]:
    path = folder / "file"
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest(), path


SIZES = [0, 1, 70_000, 6_000_000]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_put_is_given_back_byte_for_byte(blobs: BlobStore, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    sha256, path = file(tmp_path, data)
    assert not blobs.has(sha256)
    assert blobs.local(sha256) is None
    blobs.put(sha256, path)
    assert not path.exists(), "it was taken over"
    assert blobs.has(sha256)
    local = blobs.local(sha256)
    assert local is not None
    assert local.read_bytes() == data


def test_it_is_put_twice_and_removed_twice_without_harm(blobs: BlobStore, tmp_path: Path) -> None:
    for _ in range(2):
        sha256, path = file(tmp_path, b"one")
        blobs.put(sha256, path)
    assert list(blobs.hashes()) == [sha256]
    for _ in range(2):
        blobs.remove(sha256)
    assert list(blobs.hashes()) == []
    assert blobs.local(sha256) is None


def test_what_is_no_hash_leads_nowhere(blobs: BlobStore, tmp_path: Path) -> None:
    for name in ("../../etc/passwd", "", "A" * 64, "ab"):
        with pytest.raises(ValueError, match="no SHA-256"):
            blobs.put(name, tmp_path / "file")
        with pytest.raises(ValueError, match="no SHA-256"):
            blobs.local(name)


@needs_server
def test_what_was_forgotten_here_is_fetched_from_the_bucket_again(server: str, tmp_path: Path) -> None:
    storage = bucket(tmp_path, server, cache_mb=1)
    blobs = opened(storage, Places(tmp_path / "hub"))
    names = []
    for n in range(3):
        data = bytes([n]) * 700_000
        sha256, path = file(tmp_path, data)
        (tmp_path / "hub").mkdir(exist_ok=True)
        blobs.put(sha256, path)
        names.append(sha256)
    cached = sum(path.stat().st_size for path in (tmp_path / "hub/blobs/cache").iterdir())
    assert cached <= 1024 * 1024
    another = opened(storage, Places(tmp_path / "another"))
    for n, sha256 in enumerate(names):
        local = another.local(sha256)
        assert local is not None
        assert local.read_bytes() == bytes([n]) * 700_000


def test_storage_that_cannot_be_reached_is_an_oserror(tmp_path: Path) -> None:
    blobs = opened(bucket(tmp_path, "http://127.0.0.1:1"), Places(tmp_path))
    sha256, path = file(tmp_path, b"one")
    with pytest.raises(OSError, match="storage"):
        blobs.put(sha256, path)
    assert path.read_bytes() == b"one", "nothing is lost"


def test_keys_that_others_may_read_are_not_used(tmp_path: Path) -> None:
    storage = bucket(tmp_path, "http://127.0.0.1:1")
    Path(storage.key_file).chmod(0o644)
    with pytest.raises(OSError, match="chmod 600"):
        opened(storage, Places(tmp_path)).has("ab" * 32)


def test_a_box_without_a_bucket_loads_no_client_for_one(tmp_path: Path) -> None:
    assert isinstance(opened(Storage(), Places(tmp_path)), DiskBlobs)
    code = "import sys, sync.daemon; sys.exit('obstore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        '[storage]\nbucket = "calls"\n',
        '[storage]\nbucket = "calls"\nendpoint = "http://10.0.0.5:9000"\n',
        '[storage]\nbucket = "../x"\nendpoint = "http://10.0.0.5:9000"\nkey_file = "/k"\n',
        "[storage]\ncache_mb = 1\n",
        "[sync]\nday_kbit = -1\n",
        "[sync]\nday_from_h = 21\nday_to_h = 20\n",
        "[sync]\nfree_percent = 0\n",
    ],
)
def test_a_setting_that_cannot_work_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(BadConfiguration, match=r"line 2|line 1"):
        parse(text, "hotline.toml")
