"""Tables of programs outside: how they say who they are, and what they were answered."""

from peewee import BlobField, CharField, CompositeKey, FloatField, IntegerField, TextField

from appliance.store.model import Table


class Token(Table):
    """How another program says who it is (outside/tokens.py); the key is the SHA-256 of the token."""

    name = CharField(primary_key=True)
    key = CharField(unique=True)
    title = CharField()
    scopes = TextField()
    """Separated by commas, like roles."""
    person = CharField(default="")
    """Number of its person; empty for a system outside."""
    roles = CharField(default="")
    unit = CharField(default="")
    networks = TextField(default="")
    """From where it may be used, separated by blanks; empty: from anywhere."""
    made_s = FloatField()
    made_by = CharField(default="")
    expires_s = FloatField()
    used_s = FloatField(null=True)
    used_from = CharField(default="")
    revoked_s = FloatField(null=True)


class Answered(Table):
    """What a program was answered when it asked under a key of its own: asked again, it hears the same."""

    owner = CharField()
    """Whose key: staff number, or name of the token."""
    key = CharField()
    asked = CharField()
    """SHA-256 of what was asked."""
    status = IntegerField()
    body = BlobField()
    at_s = FloatField(index=True)

    class Meta:
        primary_key = CompositeKey("owner", "key")
