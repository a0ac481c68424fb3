"""psycopg, and how values go to PostgreSQL and come back: as SQLite takes and gives them."""

import sys
from typing import Any

if sys.modules.get("psycopg", sys) is None:  # kept out until now: see appliance/__init__.py
    del sys.modules["psycopg"]

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.types.numeric import Int2Dumper
from psycopg.types.string import StrDumperUnknown

from appliance.store.engine import BUSY_S

__all__ = ["connect", "psycopg"]
CONNECT_S = 5
PREPARED_MAX = 500
OPTIONS = f"-c lock_timeout={BUSY_S}s -c client_min_messages=warning -c synchronous_commit=on -c jit=off"
NUL = "\N{REPLACEMENT CHARACTER}"


class _YesNo(Dumper):
    """Yes and no are 1 and 0, as in SQLite."""

    oid = Int2Dumper.oid

    def dump(self, obj: bool) -> Buffer:
        return b"1" if obj else b"0"


class _Text(StrDumperUnknown):
    """PostgreSQL has no text with a zero character in it; the log keeps what was really said."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", NUL) if "\0" in obj else obj)


class _Refused(Dumper):
    """Nothing else than one value stands in a column; PostgreSQL would take a list as text."""

    def dump(self, obj: object) -> Buffer:
        raise psycopg.ProgrammingError(f"a {type(obj).__name__} is no value of a column")


class _Number(Loader):
    """Sums of whole numbers are whole numbers."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else float(text)


class _OneZero(Loader):
    """A condition among the columns is 1 or 0, as in SQLite."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


def connect(url: str) -> psycopg.Connection[Any]:
    """Open a connection on which every statement is a transaction unless one is begun."""
    connection = psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_S, options=OPTIONS)
    connection.prepared_max = PREPARED_MAX
    adapters = connection.adapters
    adapters.register_dumper(bool, _YesNo)
    adapters.register_dumper(str, _Text)
    for several in (list, tuple, set):
        adapters.register_dumper(several, _Refused)
    adapters.register_loader("numeric", _Number)
    adapters.register_loader("bool", _OneZero)
    return connection
