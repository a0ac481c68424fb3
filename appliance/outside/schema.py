"""Tables of programs outside: how they say who they are, what they were answered, and what they are told."""

from peewee import (
    AutoField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    FloatField,
    IntegerField,
    TextField,
)

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


class Webhook(Table):
    """Where events are sent to (outside/hooks.py)."""

    name = CharField(primary_key=True)
    url = CharField()
    secret = CharField()
    """Signs what is sent; never shown again."""
    kinds = TextField()
    """Kinds of events, separated by commas, like all lists here; empty lists do not narrow."""
    units = TextField(default="")
    ticket_kinds = TextField(default="")
    states = TextField(default="")
    personal = BooleanField(default=False)
    """Whether it is told all an event says, citizens too."""
    active = BooleanField(default=True)
    made_s = FloatField()
    made_by = CharField(default="")
    pos = IntegerField()
    """How far into the log it was looked what to send."""
    fails = IntegerField(default=0)
    """Tries in a row after which nobody had answered."""
    away_s = FloatField(default=0)
    """Until when nothing is sent, because nobody answers."""
    reason = CharField(default="")


class Delivery(Table):
    """One event on its way to one webhook."""

    did = AutoField()
    hook = CharField()
    eid = BlobField()
    subject = BlobField()
    kind = CharField()
    state = CharField(default="waiting")
    """waiting, done, dead."""
    tries = IntegerField(default=0)
    made_s = FloatField()
    due_s = FloatField()
    tried_s = FloatField(null=True)
    status = IntegerField(null=True)
    """What its server answered last."""
    reason = CharField(default="")

    class Meta:
        indexes = ((("hook", "state", "subject", "did"), False), (("hook", "did"), False))
