"""The one way a process of the box, a command or a page opens the store: where the configuration says."""

from pathlib import Path

from appliance.configuration import Configuration
from appliance.places import Places
from appliance.store.store import Store


def place_of(where: Places, configuration: Configuration) -> Path | str:
    """The database of a box: a file in its folder, or the URL of one in PostgreSQL."""
    return configuration.store.postgres or where.database


def open_store(
    where: Places, configuration: Configuration, bind: bool = True, site: int | None = None
) -> Store:
    """Open the store, and make it when there is none; raises peewee's DatabaseError.

    `site` is a number to be used instead of the configured one.
    """
    number = configuration.site.number if site is None else site
    return Store(place_of(where, configuration), number, bind, where.data)


def open_if_any(where: Places, configuration: Configuration) -> Store | None:
    """Open the store of a box that is there; None when there is no box."""
    place = place_of(where, configuration)
    return open_store(where, configuration) if not isinstance(place, Path) or place.exists() else None
