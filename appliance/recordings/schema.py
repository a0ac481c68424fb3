"""The table of recordings."""

from peewee import BlobField, BooleanField, CharField, FloatField, IntegerField

from appliance.store.model import Table


class Recording(Table):
    """Projection: a sound file of a call or a message left."""

    rid = BlobField(primary_key=True)
    call = BlobField(index=True)
    kind = CharField(default="call")
    """call or message."""
    path = CharField()
    """Relative to the recordings folder of the site that made it."""
    seconds = FloatField(default=0)
    size = IntegerField(default=0)
    sha256 = CharField(default="")
    site = IntegerField()
    made_s = FloatField(index=True)
    began_s = FloatField(null=True)
    """When its first sound was; null for one of an older version, or of a process that died."""
    rolling = BooleanField(null=True)
    """Kept for a few days only."""
    reason = CharField(default="")
    note = CharField(null=True)
    """What somebody said about it."""
    ticket = BlobField(null=True, index=True)
    """A ticket it was linked to by hand, besides that of its call."""
    held = CharField(null=True)
    """Why it is under legal hold; null when it is not."""
    held_by = CharField(null=True)
    archived_s = FloatField(null=True)
    """When it was brought into archive format; path, size and sha256 are those of the archived file."""
    removed_s = FloatField(null=True)
    """When it was removed; the row stays."""
    removed_why = CharField(null=True)
    stored = CharField(null=True)
    """SHA-256 of the file the hub has of it for good: the one before while it fetches the archived one."""
    dropped_s = FloatField(null=True)
    """When the site that made it gave its file up for room, because the hub has it."""

    class Meta:
        indexes = (
            (("removed_s", "made_s"), False),
            (("archived_s", "made_s"), False),
            (("kind", "made_s"), False),
            (("rolling", "made_s"), False),
            (("made_s", "rid", "seconds"), False),
            (("sha256",), False),
        )
