"""Tables of tickets: the ticket, its sub-orders and overlays, workflows, drafts."""

from peewee import BlobField, BooleanField, CharField, CompositeKey, FloatField, IntegerField, TextField

from appliance.store.model import Table


class Ticket(Table):
    """Projection: a ticket as its events fold; the columns are the fields of tickets/ticket.py."""

    tid = BlobField(primary_key=True)
    number = CharField(index=True)
    """Not unique: two tickets with one number are a fault to show, never a reason to lose one."""
    state = CharField()
    source = CharField(default="phone")
    site = IntegerField()
    last_eid = BlobField()
    state_eid = BlobField()
    created_s = FloatField()
    """Told by the id too, which is in order of time."""
    changed_s = FloatField()
    state_s = FloatField()
    kind = CharField(default="")
    title = CharField(default="")
    content = TextField(default="")
    category = CharField(default="")
    urgency = CharField(default="normal")
    area = CharField(default="")
    address = CharField(default="")
    citizen = CharField(default="")
    phone = CharField(default="", index=True)
    confidential = BooleanField(default=False)
    position = CharField(null=True)
    grid = CharField(null=True)
    occurred = CharField(null=True)
    outlet = CharField(null=True)
    link = CharField(null=True)
    home = CharField(null=True)
    identity = CharField(null=True)
    behalf = CharField(null=True)
    anonymous = BooleanField(null=True)
    callback = BooleanField(null=True)
    key = BooleanField(null=True)
    customer = CharField(null=True, index=True)
    extra = TextField(null=True)
    """Fields of its kind and category, as JSON."""
    form = CharField(null=True, index=True)
    repeats = IntegerField(null=True)
    created_by = CharField(default="")
    unit = CharField(default="", index=True)
    unit_site = IntegerField(default=0)
    result = TextField(default="")
    answer = TextField(default="")
    rating = CharField(default="")
    closing = CharField(default="")
    reason = TextField(default="")
    round = IntegerField(default=0)
    conflicts = IntegerField(default=0)
    """Moves that lost a race: kept in the timeline, changed nothing."""
    call = BlobField(null=True, index=True)
    accepted_s = FloatField(null=True)
    dispatched_s = FloatField(null=True)
    signed_s = FloatField(null=True)
    answered_s = FloatField(null=True)
    closed_s = FloatField(null=True)
    case_due_s = FloatField(null=True)
    case_due_original_s = FloatField(null=True)
    unit_due_s = FloatField(null=True)
    provisional = BooleanField(null=True)
    paused_s = FloatField(null=True)
    due_s = FloatField(null=True, index=True)
    warn_s = FloatField(null=True, index=True)
    step_due_s = FloatField(null=True)
    case_clock = TextField(null=True)
    unit_clock = TextField(null=True)
    workflow = CharField(null=True)
    moved_by = CharField(null=True)
    handled = CharField(null=True)
    handled_by = CharField(null=True)
    master = CharField(null=True, index=True)
    outside = CharField(null=True, index=True)
    designated = BooleanField(null=True)
    planned_s = FloatField(null=True)
    asked = IntegerField(null=True)
    returned = IntegerField(null=True)
    reworks = IntegerField(null=True)
    objections = IntegerField(null=True)
    visits = IntegerField(null=True)
    visited_s = FloatField(null=True)
    rule = CharField(null=True, index=True)

    class Meta:
        indexes = ((("state", "state_s"), False),)


class Strand(Table):
    """Projection: a sub-order or overlay of a ticket (tickets/strands.py)."""

    sid = BlobField(primary_key=True)
    tid = BlobField(index=True)
    kind = CharField()
    state = CharField()
    unit = CharField(default="")
    """The unit it is addressed to; empty: the unit of the ticket."""
    unit_site = IntegerField(default=0)
    last_eid = BlobField()
    state_eid = BlobField()
    opened_s = FloatField()
    state_s = FloatField()
    opened_by = CharField(default="")
    moved_by = CharField(default="")
    third = CharField(default="")
    optional = BooleanField(default=False)
    due_s = FloatField(null=True)
    conflicts = IntegerField(default=0)
    fields = TextField(default="{}")
    """Everything else it carries, as JSON."""
    open = BooleanField(default=True)
    ahead_wd = IntegerField(null=True)
    """Its due date follows its case: so many working days before it."""
    provisional = BooleanField(null=True)
    warn_s = FloatField(null=True)
    workflow = CharField(null=True)

    class Meta:
        indexes = (
            (("kind", "open", "opened_s"), False),
            (("unit", "tid"), False),
            (("third", "tid"), False),
        )


class Workflow(Table):
    """Projection: a published version of the workflow (tickets/workflows.py)."""

    name = CharField()
    version = IntegerField()
    kinds = TextField(default="")
    """Kinds of tickets that begin on it, separated by commas; empty: all that no other one names."""
    body = TextField()
    """The table as JSON."""
    published_s = FloatField()
    published_by = CharField(default="")
    reason = TextField(default="")
    eid = BlobField()

    class Meta:
        primary_key = CompositeKey("name", "version")


class WorkflowDraft(Table):
    """A workflow somebody is editing (tickets/workflow_draft.py)."""

    name = CharField(primary_key=True)
    based_on = CharField()
    kinds = TextField(default="")
    body = TextField()
    saved_s = FloatField()
    saved_by = CharField(default="")


class Draft(Table):
    """What somebody was typing, saved by itself."""

    owner = CharField()
    form = CharField()
    """For example ticket:new:<call id>."""
    body = TextField()
    saved_s = FloatField()

    class Meta:
        primary_key = CompositeKey("owner", "form")
