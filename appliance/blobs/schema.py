"""The table of files this box has or wants by their hash; no projection: it says what lies on this box."""

from peewee import BlobField, CharField, FloatField, IntegerField

from appliance.store.model import Table


class Blob(Table):
    """A file by its SHA-256: here, or to be fetched from another box."""

    sha256 = CharField(primary_key=True)
    size = IntegerField()
    site = IntegerField()
    """Where it is to be had; 0 is the hub."""
    call = BlobField(default=b"", index=True)
    """The call a recording is of."""
    state = CharField()
    """wanted, here, wrong (came whole three times and was not what its hash says)."""
    rank = IntegerField()
    """0: somebody waits for it; 1: of a ticket; 2: the rest."""
    since_s = FloatField()
    """What goes first within a rank; for one that is here, since when. Unix seconds."""
    have = IntegerField(default=0)
    """So many bytes are here, durably."""
    failures = IntegerField(default=0)
    tries = IntegerField(default=0)
    """How often the other box said that it does not have it."""
    due_s = FloatField(default=0)
    """It is not asked for before then, Unix seconds."""

    class Meta:
        table_name = "blob"
        indexes = ((("state", "site", "rank", "since_s"), False),)
