"""Tables of official letters and the seals they bear."""

from peewee import BlobField, CharField, FloatField, IntegerField

from appliance.store.model import Table


class Letter(Table):
    """Projection: a letter issued (appliance/letters/register.py); its content is in its event."""

    lid = BlobField(primary_key=True)
    ticket = BlobField(index=True)
    ticket_number = CharField(default="", index=True)
    template = CharField()
    called = CharField(default="")
    number = CharField(index=True)
    site = IntegerField()
    series = CharField()
    year = IntegerField()
    n = IntegerField()
    title = CharField(default="")
    recipient = CharField(default="")
    audience = CharField(default="")
    sha256 = CharField()
    at_s = FloatField(index=True)
    by = CharField(default="")
    name = CharField(default="")
    once = CharField(default="")
    voided_s = FloatField(null=True)
    voided_why = CharField(default="")

    class Meta:
        indexes = ((("site", "series", "year", "n"), False),)


class Seal(Table):
    """Projection: the seal in force of the centre (owner empty) or of a unit."""

    owner = CharField(primary_key=True)
    sha256 = CharField()
    """Empty once it was taken back."""
    set_s = FloatField()
    by = CharField(default="")
    eid = BlobField(null=True)
