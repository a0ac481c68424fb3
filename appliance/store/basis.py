"""What every table of the store stands on: the database, opened by the store."""

from peewee import DatabaseProxy, Model

database = DatabaseProxy()


class Table(Model):
    """A table of the box's database."""

    class Meta:
        database = database
        legacy_table_names = False
