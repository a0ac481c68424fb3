"""The store in PostgreSQL, for a hub that has grown large; nothing here is loaded where it is not used.

A column has the type that keeps what SQLite would keep: whole numbers of 64 bits, texts of any
length compared byte by byte, 0 and 1 for no and yes.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import peewee
from peewee import Psycopg3Adapter, SchemaManager
from playhouse.pool import PooledPostgresqlDatabase

from appliance.store.engine import BUSY_S, Listener, as_peewee
from appliance.store.model import PackedField, Table
from appliance.store.partitions import PARTITIONED, partitioned
from appliance.store.postgres_driver import connect, psycopg
from appliance.tickets.fulltext import FullText
from appliance.tickets.text_postgres import PostgresText

CONNECTIONS = 40
"""Of one process; PostgreSQL allows a hundred in all where nobody changed that."""
WRITER = 12345
"""The lock that says who writes."""
TEXT = 'TEXT COLLATE "C"'
NEWS = "streams"
_VARCHAR = re.compile(r"VARCHAR\(\d+\)")
_COLUMNS = (
    "SELECT c.relname, a.attname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a"
    " ON a.attrelid = c.oid WHERE c.relnamespace = current_schema()::regnamespace"
    " AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
)
_INDEXES = (
    "SELECT relname FROM pg_catalog.pg_class WHERE relnamespace = current_schema()::regnamespace"
    " AND relkind IN ('i', 'I')"
)
_WORLD = ("ReadOnlySqlTransaction", "InFailedSqlTransaction")
_TELL = (
    f"CREATE OR REPLACE FUNCTION stream_grew() RETURNS trigger LANGUAGE plpgsql AS $$"
    f" BEGIN PERFORM pg_notify('{NEWS}', ''); RETURN NULL; END $$",
    "CREATE TRIGGER stream_grew AFTER UPDATE OF out_seq ON peer"
    " FOR EACH STATEMENT EXECUTE FUNCTION stream_grew()",
)


class _Adapter(Psycopg3Adapter):
    """peewee's, with our driver: peewee itself would load it in processes that never use it."""

    txn_idle = psycopg.pq.TransactionStatus.IDLE
    txn_inerror = psycopg.pq.TransactionStatus.INERROR
    txn_unknown = psycopg.pq.TransactionStatus.UNKNOWN

    def check_driver(self) -> None:
        """It is there, or this module were not."""

    def get_binary_type(self) -> Any:
        """What peewee would wrap bytes in."""
        return bytes

    def connect(self, db: peewee.Database, **params: Any) -> Any:
        """Open a connection with values as we keep them."""
        return connect(db.database)


class _Database(PooledPostgresqlDatabase):
    psycopg2_adapter = psycopg3_adapter = _Adapter
    field_types: ClassVar[dict[str, str]] = {  # type: ignore[misc]
        **PooledPostgresqlDatabase.field_types,
        "AUTO": "BIGSERIAL",
        "INT": "BIGINT",
        "FLOAT": "DOUBLE PRECISION",
        "BOOL": "SMALLINT",
        "TEXT": TEXT,
        PackedField.field_type: "BYTEA",
    }


class Postgres:
    """An Engine over a PostgreSQL database that is there and empty, or was made by this class."""

    name = "postgres"
    aborts = True
    for_update = " FOR UPDATE"
    aside = ""
    only_digits = "{} !~ '[^0-9]'"
    body_holds = "position(CAST(? AS bytea) IN body) > 0"

    def __init__(self, url: str, by_site: bool) -> None:
        self.url = url
        self._by_site = by_site
        """Whether what can be is kept in parts by site."""
        self.database: peewee.Database = _Database(  # type: ignore[no-untyped-call]
            url, max_connections=CONNECTIONS, timeout=BUSY_S
        )
        self.text: FullText = PostgresText()

    def marks(self, sql: str) -> str:
        """psycopg has marks of its own."""
        return marks(sql)

    def make(self, tables: Sequence[type[Table]]) -> None:
        """Make what is missing; two questions tell what is there, for every start asks."""
        there: dict[str, set[str]] = {}
        for table, column in self.database.execute_sql(_COLUMNS).fetchall():
            there.setdefault(table, set()).add(column)
        for model in tables:
            name = model._meta.table_name
            if name not in there:
                self._make_table(model)
            else:
                self._add_columns(model, there[name])
        made = {name for (name,) in self.database.execute_sql(_INDEXES).fetchall()}
        for model in tables:
            self._make_indexes(model, made)
        if "peer" not in there:
            for sql in _TELL:
                self.database.execute_sql(sql)

    def begin(self) -> None:
        """One writer at a time, as with SQLite.

        A reader behind a cursor must never be shown position 8 while 7 is not yet committed: it
        would go on behind 8 and miss 7. So positions are given, and committed, by one writer at a time.
        What a guard has read stays so until its transaction ends, too.
        """
        self.database.execute_sql(f"SELECT pg_advisory_xact_lock({WRITER})")

    def execute_many(self, sql: str, values: Iterable[Sequence[object]]) -> None:
        """In one go (libpq's pipeline), which for one row is only slower."""
        rows = list(values)
        try:
            if len(rows) > 1:
                self.database.cursor().executemany(marks(sql), rows)
            elif rows:
                self.database.cursor().execute(marks(sql), rows[0])
        except psycopg.Error as error:
            raise as_peewee(error) from error

    def kept(self, bodies: Sequence[bytes], own: bool) -> list[bytes]:
        """As they are."""
        return list(bodies)

    def version(self) -> object:
        """Which transactions are over: a commit in between leaves its mark in this text, whoever made it."""
        return self.database.execute_sql("SELECT CAST(pg_current_snapshot() AS text)").fetchone()[0]

    def checkpoint(self) -> None:
        """The server has a process for that."""

    def listener(self) -> Listener | None:
        """The database tells when a stream grew."""
        return Ear(self.url)

    def reason(self, error: BaseException) -> BaseException:
        """A database that may only be read is no fault of the statement."""
        if any(kind in repr(error.__cause__) + repr(error.args) for kind in _WORLD):
            return peewee.OperationalError(*error.args)
        return error

    def recovered(self) -> bool:
        """A server that was started anew has forgotten this connection; raises when there is none."""
        pool: Any = self.database
        if pool.is_closed() or not (lost := pool.connection()).closed:
            return False
        pool._close(lost, close_conn=True)
        try:
            pool._state.conn = pool._connect()  # whoever holds a connection goes on with this one
        except psycopg.Error as error:
            raise as_peewee(error) from error
        return True

    def close(self) -> None:
        """Those of other threads, too."""
        pool: Any = self.database
        pool.close_all()

    def _make_indexes(self, model: type[Table], made: set[str]) -> None:
        """What is unique in a table in parts is so by the indexes of its parts."""
        in_parts = self._in_parts(model)
        for index in model._meta.fields_to_index():
            if index._name not in made and not (in_parts and index._unique):
                sql, _ = self._ddl(model)._create_index(index, safe=False).query()
                self.database.execute_sql(sql)

    def _ddl(self, model: type[Table]) -> Any:
        return SchemaManager(model, self.database)

    def _in_parts(self, model: type[Table]) -> bool:
        return self._by_site and model._meta.table_name in PARTITIONED

    def _make_table(self, model: type[Table]) -> None:
        sql, _ = self._ddl(model)._create_table(safe=False).query()
        sql = _VARCHAR.sub(TEXT, sql).removesuffix(" WITHOUT ROWID")
        for part in partitioned(model, sql) if self._in_parts(model) else (sql,):
            self.database.execute_sql(part)

    def _add_columns(self, model: type[Table], there: set[str]) -> None:
        for field in model._meta.sorted_fields:
            if field.column_name not in there and field.null:
                kind = _VARCHAR.sub(TEXT, field.ddl_datatype(self.database.get_sql_context()).sql)
                name = model._meta.table_name
                self.database.execute_sql(f'ALTER TABLE "{name}" ADD COLUMN "{field.column_name}" {kind}')


class Ear:
    """A Listener on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._connection = connect(url)
        self._connection.execute(f"LISTEN {NEWS}")

    def fileno(self) -> int:
        """The socket to the server."""
        return self._connection.fileno()

    def take(self) -> bool:
        """Raises peewee's OperationalError when the connection was lost."""
        try:
            return bool(list(self._connection.notifies(timeout=0)))
        except psycopg.Error as error:
            raise as_peewee(error) from error

    def close(self) -> None:
        """Hear no more."""
        self._connection.close()


@lru_cache(4096)
def marks(sql: str) -> str:
    """A statement as psycopg takes it: %s where values go, % twice, and no list without a value."""
    sql = sql.replace("NOT IN ()", "<> ALL ('{}')").replace("IN ()", "= ANY ('{}')")
    return sql.replace("%", "%%").replace("?", "%s")
