"""Tables of calls, what they cost, and answers promised for later."""

from peewee import BlobField, CharField, FloatField, IntegerField, TextField

from appliance.store.model import Table


class Call(Table):
    """Projection: a call as its events tell it."""

    cid = BlobField(primary_key=True)
    line = CharField()
    site = IntegerField()
    direction = CharField(default="in")
    caller = CharField(default="", index=True)
    called = CharField(default="")
    queue = CharField(default="", index=True)
    agent = CharField(default="", index=True)
    outcome = CharField(default="", index=True)
    """answered, abandoned, message, callback, self_service, refused, lost; empty while it goes on."""
    cause = IntegerField(null=True)
    started_s = FloatField(index=True)
    queued_s = FloatField(null=True)
    answered_s = FloatField(null=True)
    """When an agent picked up."""
    ended_s = FloatField(null=True)
    rating = IntegerField(null=True)
    """What the caller gave the talk, 5 is best; the last one counts."""
    callback_of = BlobField(null=True)
    """The call in which the caller asked for this one."""


class Charge(Table):
    """Projection: a call of ours to a number outside, for the bill."""

    eid = BlobField(primary_key=True)
    """The event that says it was dialled."""
    call = BlobField(index=True)
    """The call it is part of; after an attended transfer the one it was merged into."""
    site = IntegerField()
    at_s = FloatField(index=True)
    extension = CharField(default="")
    """The phone it was dialled at."""
    agent = CharField(default="")
    number = CharField(default="")
    number_kind = CharField(default="")
    account = CharField(default="")
    answered_s = FloatField(null=True)
    ended_s = FloatField(null=True)
    seconds = FloatField(default=0)
    """From answer to end; 0 while it goes on, and when nobody answered."""


class Deferral(Table):
    """Projection: an answer that was promised for later (appliance/deferrals.py)."""

    did = BlobField(primary_key=True)
    number = CharField()
    citizen = CharField(default="")
    topic = CharField()
    state = CharField(default="open")
    """open, answered, given_up."""
    promised_s = FloatField(index=True)
    made_s = FloatField()
    made_by = CharField(default="")
    tries = IntegerField(default=0)
    last_by = CharField(default="")
    last_s = FloatField(null=True)
    remark = TextField(default="")
    call = BlobField(null=True)
    ticket = BlobField(null=True, index=True)
