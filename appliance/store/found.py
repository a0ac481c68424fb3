"""The tables tickets are found by; the full text beside them is made in tickets/refilling.py."""

from peewee import BlobField, CharField, CompositeKey, FloatField, IntegerField

from appliance.store.model import Table


class TicketFacet(Table):
    """Projection: what tickets are found and ordered by (tickets/facets.py); a time of 0 has not come."""

    doc = IntegerField(primary_key=True)
    """Its place in the full text, in order of time."""
    tid = BlobField(unique=True)
    created_s = FloatField()
    changed_s = FloatField(index=True)
    accepted_s = FloatField(index=True)
    dispatched_s = FloatField(index=True)
    closed_s = FloatField(index=True)
    due_s = FloatField(index=True)
    """Of its clocks and its sub-orders, whichever is due first."""
    warn_s = FloatField()
    case_due_s = FloatField(index=True)
    state = CharField()
    kind = CharField()
    source = CharField()
    category = CharField()
    area = CharField()
    urgency = CharField()
    unit = CharField()
    agent = CharField()
    rating = CharField()
    round = IntegerField()
    conflicts = IntegerField()
    """1 when a step came too late and changed nothing."""
    confidential = IntegerField()
    paused = IntegerField()
    provisional = IntegerField()
    site = IntegerField()
    key = IntegerField()
    closing = CharField()
    sub_due_s = FloatField()
    """Of its sub-orders alone."""
    sub_warn_s = FloatField()
    concerned = CharField()
    """Units that have a part in it besides the one it is dispatched to, separated by spaces."""

    class Meta:
        table_name = "ticket_facet"


class TicketCount(Table):
    """Projection: how many tickets are in a state."""

    unit = CharField()
    """The unit that handles them or has a part in them; `*`: all of them."""
    state = CharField()
    tickets = IntegerField()

    class Meta:
        table_name = "ticket_count"
        primary_key = CompositeKey("unit", "state")
        without_rowid = True
