"""One reading statement past the store: it makes no table, changes nothing, and loads little."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlite_utils import Database

from appliance.configuration import Configuration
from appliance.places import Places
from appliance.store.packing import DETECT_TYPES

Row = dict[str, Any]
BUSY_S = 10.0


def read(where: Places, configuration: Configuration, sql: str, values: Sequence[object]) -> list[Row] | None:
    """Return the rows by the names of their columns; None when there is no box."""
    if configuration.store.postgres:
        return _of_postgres(configuration.store.postgres, sql, values)
    if not where.database.exists():
        return None
    connection = sqlite3.connect(
        f"file:{where.database}?mode=ro", uri=True, timeout=BUSY_S, detect_types=DETECT_TYPES
    )
    try:
        return [dict(row) for row in Database(connection).query(sql, tuple(values))]
    finally:
        connection.close()


def _of_postgres(url: str, sql: str, values: Sequence[object]) -> list[Row]:
    from appliance.store.postgres import marks
    from appliance.store.postgres_driver import connect

    with connect(url) as connection:
        cursor = connection.execute(marks(sql).encode(), values)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
