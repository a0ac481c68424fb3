"""Which database a store is kept in: told by where it is."""

from pathlib import Path

from appliance.store.engine import Engine
from appliance.store.sqlite import Sqlite

POSTGRES = "postgresql://"


def engine_of(place: Path | str, hub: bool) -> Engine:
    """Open the database at a path (SQLite) or at a URL (PostgreSQL, whose driver is loaded only then)."""
    if str(place).startswith(POSTGRES):
        from appliance.store.postgres import Postgres

        return Postgres(str(place), by_site=hub)
    return Sqlite(Path(place))
