"""A PostgreSQL server of the tests' own, in a temporary folder: started when the first test asks for it.

It syncs nothing to disk, for its data ends with the run. initdb refuses root, so root lends it to `nobody`.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from appliance.store.postgres_driver import psycopg

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
}
START_S = 30.0
_TABLES = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    " AND relkind IN ('r', 'p') AND NOT relispartition"
)


_SEQUENCES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'"


class Server:
    """A running server; a database is made for whoever asks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)
        self._clean: dict[bool, list[str]] = {False: [], True: []}
        self._process: subprocess.Popen[bytes] | None = None

    def take(self, hub: bool) -> str:
        """The URL of a database without a row: a new one, or one given back by another store of this kind."""
        if self._clean[hub]:
            return self._clean[hub].pop()
        name = f"box_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        return self.url(name)

    def give_back(self, url: str, hub: bool) -> None:
        """Take back a database nobody is connected to; deleting is quicker than making tables."""
        with psycopg.connect(url, autocommit=True) as connection:
            tables = [name for (name,) in connection.execute(_TABLES) if name != "setting"]
            deleting = [f'DELETE FROM "{name}"' for name in tables]
            kept = "DELETE FROM setting WHERE name <> 'search.version'"
            counting = [f'ALTER SEQUENCE "{name}" RESTART' for (name,) in connection.execute(_SEQUENCES)]
            connection.execute("; ".join([*deleting, kept, *counting]).encode())
        self._clean[hub].append(url)

    def url(self, name: str) -> str:
        """Where a database is."""
        return f"postgresql://hotline@/{name}?host={self.folder}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = [word for key, value in SETTINGS.items() for word in ("-c", f"{key}={value}")]
        where = ["-D", str(self.folder / "data"), "-k", str(self.folder)]
        self._process = _as_nobody([_program("postgres"), *where, *options], self.folder)
        until = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                assert time.monotonic() < until, (self.folder / "log").read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        """End it at once, as a power cut does; start it again to go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(START_S)
            self._process = None


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Have a server while it lasts."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-postgres-"))
    if os.getuid() == 0:
        os.chown(folder, *_nobody())
    made = Server(folder)
    try:
        initdb = [_program("initdb"), "-D", str(folder / "data"), "-U", "hotline", "-A", "trust", "--no-sync"]
        assert _as_nobody([*initdb, "--locale=C.UTF-8", "-E", "UTF8"], folder).wait() == 0, (
            folder / "log"
        ).read_text()
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _as_nobody(command: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    root = os.getuid() == 0
    user, group = _nobody() if root else (None, None)
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=log,
            user=user,
            group=group,
            extra_groups=[] if root else None,
            start_new_session=True,
        )


def _nobody() -> tuple[int, int]:
    found = pwd.getpwnam("nobody")
    return found.pw_uid, found.pw_gid


def _program(name: str) -> str:
    """Debian keeps the server's programs beside the path, by version."""
    found = shutil.which(name) or max(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), default="")
    assert found, f"{name} is missing: firmware-config/set-up.sh test installs PostgreSQL"
    return found
