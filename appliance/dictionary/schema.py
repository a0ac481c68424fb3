"""Tables of the dictionary, and of people who sign in."""

from peewee import (
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    FloatField,
    ForeignKeyField,
    IntegerField,
    TextField,
)

from appliance.store.model import Table


class EntryRow(Table):
    """Projection: what events said of an entry of the dictionary (appliance/dictionary)."""

    kind = CharField()
    key = CharField()
    body = TextField()
    """The fields ever set, as JSON; what was shipped and never changed is not here."""
    retired = BooleanField(default=False)
    place = IntegerField(default=0)
    changed_eid = BlobField()
    owner = IntegerField(null=True)
    """Whose it is: the site that made it, or 0 once the hub has written of it."""
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


class Person(Table):
    """Somebody who signs in. `number` is the agent number (工号)."""

    number = CharField(primary_key=True)
    name = CharField()
    secret = CharField()
    """argon2 hash."""
    must_change = BooleanField(default=True)
    roles = CharField()
    """Codes of mission roles, comma separated: AG,TL,DP,U2,UL,CB,LD,AD,TE."""
    unit = CharField(default="")
    extension = CharField(default="")
    language = CharField(default="")
    active = BooleanField(default=True)
    failures = IntegerField(default=0)
    locked_until_s = FloatField(default=0)


class Session(Table):
    """A signed-in browser; the key is the SHA-256 of the cookie."""

    key = CharField(primary_key=True)
    person = ForeignKeyField(Person, backref="sessions", on_delete="CASCADE")
    made_s = FloatField()
    seen_s = FloatField()
    address = CharField(default="")
