"""Tables of tickets besides their own: what is found alike, and monthly samples."""

from peewee import (
    BigIntegerField,
    BlobField,
    CharField,
    CompositeKey,
    FloatField,
    IntegerField,
    TextField,
)

from appliance.store.model import Table


class Likeness(Table):
    """Projection: the keys under which tickets like one are found (tickets/duplicates.py)."""

    key = BigIntegerField()
    at_s = BigIntegerField()
    tid = BlobField()

    class Meta:
        primary_key = CompositeKey("key", "at_s", "tid")
        without_rowid = True


class Sample(Table):
    """Projection: a month's random sample of closed cases (samples.py)."""

    sid = BlobField(primary_key=True)
    month = CharField(index=True)
    seed = IntegerField()
    per_unit = IntegerField()
    drawn_s = FloatField()
    drawn_by = CharField(default="")


class SampleCase(Table):
    """Projection: one case of a sample, and what its citizen said."""

    sid = BlobField()
    tid = BlobField()
    unit = CharField()
    outcome = CharField(default="")
    contacted = CharField(default="")
    text = TextField(default="")
    asked_s = FloatField(null=True)
    asked_by = CharField(default="")

    class Meta:
        table_name = "sample_case"
        primary_key = CompositeKey("sid", "tid")
