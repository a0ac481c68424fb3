"""The table of attachments: which files were added to which ticket."""

from peewee import BlobField, BooleanField, CharField, FloatField, IntegerField

from appliance.store.model import Table


class Attachment(Table):
    """Projection: a file that was added to a ticket (tickets/attachments.py)."""

    aid = BlobField(primary_key=True)
    """The event that added it."""
    tid = BlobField(index=True)
    sha256 = CharField(index=True)
    name = CharField()
    size = IntegerField()
    kind = CharField()
    """Its media type, told by its content."""
    site = IntegerField()
    """Where it was added."""
    at_s = FloatField()
    by = CharField(default="")
    note = CharField(default="")
    blank = BooleanField(default=False)
    """Redacted: neither shown nor given out."""
