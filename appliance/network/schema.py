"""The tables of a hub: certificates made, and codes by which sites may join."""

from peewee import BooleanField, CharField, FloatField, IntegerField, TextField

from appliance.store.model import Table


class Certificate(Table):
    """Projection: every certificate this hub's authority made."""

    serial = CharField(primary_key=True)
    site = IntegerField(index=True)
    kind = CharField()
    """box or broker."""
    name = CharField()
    made_s = FloatField()
    until_s = FloatField()
    by = CharField()
    """Who had it made: a staff number, `renewal`, or `command`."""
    revoked_s = FloatField(null=True)
    revoked_by = CharField(default="")
    why = CharField(default="")


class Invitation(Table):
    """A code by which one site may join, once and soon."""

    handle = CharField(primary_key=True)
    """The part of the code that is said openly."""
    key = CharField()
    """What proves the secret part, hexadecimal; emptied when it is of no use any more."""
    site = IntegerField()
    name = CharField()
    by = CharField()
    made_s = FloatField()
    until_s = FloatField()
    tries = IntegerField(default=0)
    """How often somebody tried it without knowing the secret part."""
    is_open = BooleanField(default=True)
    asked = CharField(default="")
    """Hash of the request it was used by: asked again the same, the hub answers the same."""
    answer = TextField(default="")
