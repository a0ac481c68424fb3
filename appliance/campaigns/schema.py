"""The tables of voice notification campaigns."""

from peewee import BlobField, BooleanField, CharField, CompositeKey, FloatField, IntegerField, TextField

from appliance.store.model import Table


class Campaign(Table):
    """Projection: a voice notification campaign (appliance/campaigns)."""

    cid = BlobField(primary_key=True)
    name = CharField()
    site = IntegerField()
    state = CharField(default="new")
    """new, running, paused, stopping, over."""
    why = CharField(default="")
    """Why it is paused or over."""
    plan = TextField(default="{}")
    """The plan as JSON (appliance/campaigns/plan.py)."""
    source = TextField(default="{}")
    """Where its sound comes from, as JSON."""
    total = IntegerField(default=0)
    story = TextField(default="[]")
    """What people did with it, as JSON: time, event, by whom, why."""
    created_by = CharField(default="")
    created_s = FloatField(index=True)
    started_s = FloatField(null=True)
    ended_s = FloatField(null=True)


class CampaignNumber(Table):
    """Projection: one number of a campaign, and how it stands with it."""

    cid = BlobField()
    number = CharField()
    place = IntegerField()
    note = CharField(default="")
    attempts = IntegerField(default=0)
    calling = BooleanField(default=False)
    outcome = CharField(default="")
    """Of the last try."""
    result = CharField(default="")
    """How it ended for this number; empty while it has not."""
    seconds = FloatField(default=0)
    """How much of the message was heard."""
    call = BlobField(null=True)
    at_s = FloatField(null=True)
    """When it was last called."""

    class Meta:
        table_name = "campaign_number"
        primary_key = CompositeKey("cid", "number")
        indexes = ((("cid", "place"), False), (("cid", "result"), False))
