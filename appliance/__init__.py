"""The box: events and journal, calls, queue, recordings, tickets, store, configuration and the command."""

import sys

sys.modules.setdefault("psycopg", None)  # type: ignore[arg-type]
# peewee would load it where it is installed, 17 MB in every process; store/postgres_driver.py lets it in.
