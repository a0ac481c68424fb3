"""The log and the tickets of a hub in PostgreSQL, in parts: all that began at one site lies in one part.

The site is in every event id, and a ticket's id is that of the event that began it. So what is
unique in a part is unique in all of them: equal ids would lie in the same part.
"""

from collections.abc import Iterator

from appliance.store.model import Table

PARTITIONED = {"event": "eid", "ticket": "tid"}
"""Tables in parts, and the column that says of which site a row is."""
PARTS = 16
SITE_AT, SITE_BYTES = 9, 2
"""Where the site stands in an event id, counted from 1."""


def partitioned(model: type[Table], sql: str) -> Iterator[str]:
    """The statements that make a table in parts instead of in one piece."""
    name = model._meta.table_name
    keys = model._meta.sorted_fields
    column, primary = PARTITIONED[name], next(field.column_name for field in keys if field.primary_key)
    site = f'substring("{column}" FROM {SITE_AT} FOR {SITE_BYTES})'
    yield f"{sql.replace(' PRIMARY KEY', '', 1)} PARTITION BY HASH (({site}))"
    for nth in range(PARTS):
        part = f"{name}_{nth:02d}"
        values = f"FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {nth})"
        yield f'CREATE TABLE "{part}" PARTITION OF "{name}" {values}'
        for unique in dict.fromkeys((column, primary)):
            yield f'CREATE UNIQUE INDEX "{part}_{unique}" ON "{part}" ("{unique}")'
