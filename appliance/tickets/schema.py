"""The table by which tickets like one are found."""

from peewee import BigIntegerField, BlobField, CompositeKey

from appliance.store.model import Table


class Likeness(Table):
    """Projection: the keys under which tickets like one are found (tickets/duplicates.py)."""

    key = BigIntegerField()
    at_s = BigIntegerField()
    tid = BlobField()

    class Meta:
        primary_key = CompositeKey("key", "at_s", "tid")
        without_rowid = True
