"""The store in one SQLite file: what every box uses unless it is told otherwise."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from peewee import Database, SchemaManager, SqliteDatabase

from appliance.store import packing
from appliance.store.engine import BUSY_S, Listener, as_peewee
from appliance.store.model import Table
from appliance.tickets.fulltext import FullText
from appliance.tickets.text_sqlite import SqliteText

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "foreign_keys": 1,
    "busy_timeout": BUSY_S * 1000,
    "cache_size": -16_000,
    "wal_autocheckpoint": 10_000,
}


NOTHING: Mapping[str, Path] = {}


class Sqlite:
    """An Engine over a file; of others, which it only reads, it has the tables that it has none of itself."""

    name = "sqlite"
    aborts = False
    for_update = ""
    aside = "+"
    only_digits = "{} NOT GLOB '*[^0-9]*'"
    body_holds = "instr(unpacked(body), ?) > 0"

    def __init__(
        self, path: Path, pragmas: Mapping[str, object] = PRAGMAS, read: Mapping[str, Path] = NOTHING
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        database = SqliteDatabase(
            str(path),
            pragmas=pragmas,
            lock_type="IMMEDIATE",
            timeout=BUSY_S,
            detect_types=packing.DETECT_TYPES,
            uri=True,
        )
        for name, file in read.items():
            database.attach(f"{file.absolute().as_uri()}?mode=ro", name)
        database.register_function(packing.unpacked, "unpacked", 1, deterministic=True)
        self.database: Database = database
        self._packs: bool | None = None
        self.text: FullText = SqliteText()

    def marks(self, sql: str) -> str:
        """As it is."""
        return sql

    def make(self, tables: Sequence[type[Table]]) -> None:
        """Tables of an older version get the columns that came since; those may be null."""
        for table in tables:
            self._add_columns(table)
            SchemaManager(table, self.database).create_all()

    def begin(self) -> None:
        """IMMEDIATE says so."""

    def execute_many(self, sql: str, values: Iterable[Sequence[object]]) -> None:
        """Past peewee, which knows no such thing."""
        try:
            self.database.cursor().executemany(sql, values)
        except sqlite3.Error as error:
            raise as_peewee(error) from error

    def kept(self, bodies: Sequence[bytes], own: bool) -> list[bytes]:
        """Packed; a file of a version that kept them as they came goes on so: its column would not unpack."""
        if self._packs is None:
            columns = self.database.execute_sql("PRAGMA table_info(event)")
            self._packs = ("body", packing.COLUMN) in {(row[1], row[2]) for row in columns}
        return packing.kept(bodies, own) if self._packs else list(bodies)

    def version(self) -> object:
        """SQLite counts commits of other connections."""
        return self.database.execute_sql("PRAGMA data_version").fetchone()[0]

    def checkpoint(self) -> None:
        """Bring the log home."""
        self.database.execute_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def listener(self) -> Listener | None:
        """Every commit is a write to a file."""
        return None

    def reason(self, error: BaseException) -> BaseException:
        """On a full disk SQLite rolls back by itself and rolling back fails too: return the first error."""
        while "no transaction is active" in str(error) and error.__context__ is not None:
            error = error.__context__
        return error

    def recovered(self) -> bool:
        """A file is not lost."""
        return False

    def close(self) -> None:
        """That of this thread; the others end with theirs."""
        self.database.close()

    def _add_columns(self, table: type[Table]) -> None:
        name = table._meta.table_name
        there = {row[1] for row in self.database.execute_sql(f'PRAGMA table_info("{name}")')}
        for field in table._meta.sorted_fields if there else ():
            if field.column_name not in there and field.null:
                kind = field.ddl_datatype(self.database.get_sql_context()).sql
                self.database.execute_sql(f'ALTER TABLE "{name}" ADD COLUMN "{field.column_name}" {kind}')
