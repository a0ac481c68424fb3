"""The tables of what people maintain (appliance/dictionary), all projections."""

from peewee import BlobField, BooleanField, CharField, CompositeKey, IntegerField, TextField

from appliance.store.row import Table


class EntryRow(Table):
    """Projection: what events said of an entry of the dictionary (appliance/dictionary)."""

    kind = CharField()
    key = CharField()
    body = TextField()
    """The fields ever set, as JSON; what was shipped and never changed is not here."""
    retired = BooleanField(default=False)
    place = IntegerField(default=0)
    changed_eid = BlobField()
    changed_pos = IntegerField(index=True)
    """Where the event arrived that was folded last: the end of this index tells whether anything changed."""

    class Meta:
        table_name = "entry"
        primary_key = CompositeKey("kind", "key")


class Unit(Table):
    """Projection: a responsible unit (责任单位), an entry of the dictionary, and its site."""

    code = CharField(primary_key=True)
    name = CharField()
    name_en = CharField(default="")
    site = IntegerField()
    phone = CharField(default="")
    parent = CharField(null=True)
    kind = CharField(null=True)
    retired = BooleanField(null=True)
    """Dissolved: it can be chosen no more."""
    successor = CharField(null=True)


class Category(Table):
    """Projection: one node of the category tree, an entry of the dictionary."""

    code = CharField(primary_key=True)
    parent = CharField(default="", index=True)
    name = CharField()
    name_en = CharField(default="")
    unit = CharField(default="")
    retired = BooleanField(null=True)
