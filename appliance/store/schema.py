"""The tables of the store. `event` is the truth; everything marked *projection* can be rebuilt from it."""

from peewee import (
    AutoField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    FloatField,
    ForeignKeyField,
    IntegerField,
    TextField,
)

from appliance.blobs.schema import Blob
from appliance.campaigns.schema import Campaign, CampaignNumber
from appliance.customers.schema import Customer, CustomerNumber
from appliance.network.schema import Certificate, Invitation
from appliance.outside.schema import Answered, Delivery, Token, Webhook
from appliance.store.found import TicketCount, TicketFacet
from appliance.store.model import PackedField, Table, database
from appliance.store.stream_tables import Interest, Lease, Outgoing, PeerRow, Quarantine, Unsettled
from appliance.tickets.attachment_table import Attachment
from appliance.tickets.schema import Likeness, Sample, SampleCase

__all__ = ["ALL", "LOG", "OWN", "PROJECTIONS", "STREAMS", "PeerRow", "Table", "database"]


class EventRow(Table):
    """The log. `pos` is the local order of arrival; `eid` the total order everywhere."""

    pos = AutoField()
    eid = BlobField(unique=True)
    subject = BlobField(index=True)
    kind = CharField()
    ver = IntegerField()
    body = PackedField()
    via = CharField(default="")
    """The peer it came by; empty when written here."""

    class Meta:
        table_name = "event"


class Cursor(Table):
    """How far a reader of a journal has come."""

    name = CharField(primary_key=True)
    pos = IntegerField()


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
    created_s = FloatField(index=True)
    changed_s = FloatField(index=True)
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


class Recording(Table):
    """Projection: a sound file of a call or a message left."""

    rid = BlobField(primary_key=True)
    call = BlobField(index=True)
    kind = CharField(default="call")
    """call or message."""
    path = CharField()
    """Relative to the recordings folder of the site that made it."""
    seconds = FloatField(default=0)
    size = IntegerField(default=0)
    sha256 = CharField(default="")
    site = IntegerField()
    made_s = FloatField(index=True)
    began_s = FloatField(null=True)
    """When its first sound was; null for one of an older version, or of a process that died."""
    rolling = BooleanField(null=True)
    """Kept for a few days only."""
    reason = CharField(default="")
    note = CharField(null=True)
    """What somebody said about it."""
    ticket = BlobField(null=True, index=True)
    """A ticket it was linked to by hand, besides that of its call."""
    held = CharField(null=True)
    """Why it is under legal hold; null when it is not."""
    held_by = CharField(null=True)
    archived_s = FloatField(null=True)
    """When it was brought into archive format; path, size and sha256 are those of the archived file."""
    removed_s = FloatField(null=True)
    """When it was removed; the row stays."""
    removed_why = CharField(null=True)
    stored = CharField(null=True)
    """SHA-256 of the file the hub has of it for good: the one before while it fetches the archived one."""
    dropped_s = FloatField(null=True)
    """When the site that made it gave its file up for room, because the hub has it."""

    class Meta:
        indexes = (
            (("removed_s", "made_s"), False),
            (("archived_s", "made_s"), False),
            (("kind", "made_s"), False),
            (("rolling", "made_s"), False),
            (("made_s", "rid", "seconds"), False),
            (("sha256",), False),
        )


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


class ShortMessage(Table):
    """Projection: SMS in and out."""

    mid = BlobField(primary_key=True)
    direction = CharField()
    line = CharField()
    number = CharField(index=True)
    key = CharField(default="", index=True)
    """in: what the device names it by; out: what the sender asked for names it by."""
    text = TextField()
    ticket = BlobField(null=True, index=True)
    at_s = FloatField(index=True)
    state = CharField(default="")
    """in: received, or repeated; out: waiting, sent, failed."""
    reason = CharField(default="")
    blank = IntegerField(null=True)
    """What of it was blanked with its ticket (tickets/messages.py)."""


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


class Lost(Table):
    """Projection: what concerns this site no longer (store/hiding.py)."""

    subject = BlobField(primary_key=True)


class Conflict(Table):
    """Projection: what two boxes did at once and nobody has settled (appliance/conflicts)."""

    key = CharField(primary_key=True)
    kind = CharField()
    """move, dispatch, field, late or entry."""
    subject = BlobField(index=True)
    what = CharField()
    stands = BlobField()
    """The event whose word stands."""
    lost = BlobField()
    """The one whose word does not."""
    at_s = FloatField(index=True)


class Letter(Table):
    """Projection: a letter issued (appliance/letters/register.py); its content is in its event."""

    lid = BlobField(primary_key=True)
    ticket = BlobField(index=True)
    ticket_number = CharField(default="", index=True)
    template = CharField()
    called = CharField(default="")
    number = CharField(index=True)
    site = IntegerField()
    series = CharField()
    year = IntegerField()
    n = IntegerField()
    title = CharField(default="")
    recipient = CharField(default="")
    audience = CharField(default="")
    sha256 = CharField()
    at_s = FloatField(index=True)
    by = CharField(default="")
    name = CharField(default="")
    once = CharField(default="")
    voided_s = FloatField(null=True)
    voided_why = CharField(default="")

    class Meta:
        indexes = ((("site", "series", "year", "n"), False),)


class Seal(Table):
    """Projection: the seal in force of the centre (owner empty) or of a unit."""

    owner = CharField(primary_key=True)
    sha256 = CharField()
    """Empty once it was taken back."""
    set_s = FloatField()
    by = CharField(default="")
    eid = BlobField(null=True)


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


class Draft(Table):
    """What somebody was typing, saved by itself."""

    owner = CharField()
    form = CharField()
    """For example ticket:new:<call id>."""
    body = TextField()
    saved_s = FloatField()

    class Meta:
        primary_key = CompositeKey("owner", "form")


class WorkflowDraft(Table):
    """A workflow somebody is editing (tickets/workflow_draft.py)."""

    name = CharField(primary_key=True)
    based_on = CharField()
    kinds = TextField(default="")
    body = TextField()
    saved_s = FloatField()
    saved_by = CharField(default="")


class Job(Table):
    """Work for the store process: done once, retried with growing pauses."""

    jid = AutoField()
    kind = CharField()
    key = CharField(default="", index=True)
    """What an outcome names it by, for example the event id of a short message."""
    body = TextField()
    due_s = FloatField(index=True)
    tries = IntegerField(default=0)
    state = CharField(default="waiting", index=True)
    """waiting, done, failed."""
    reason = CharField(default="")


class Setting(Table):
    """A value the box itself keeps (ids, secrets of this installation)."""

    name = CharField(primary_key=True)
    value = TextField()


LOG: tuple[type[Table], ...] = (EventRow, Cursor)
PROJECTIONS: tuple[type[Table], ...] = (
    Ticket,
    TicketFacet,
    TicketCount,
    Strand,
    Workflow,
    Likeness,
    Sample,
    SampleCase,
    Customer,
    CustomerNumber,
    Call,
    Charge,
    Recording,
    ShortMessage,
    Campaign,
    CampaignNumber,
    Deferral,
    EntryRow,
    Lost,
    Conflict,
    Unit,
    Category,
    Letter,
    Seal,
    Certificate,
    Attachment,
)
OWN: tuple[type[Table], ...] = (Person, Session, Draft, WorkflowDraft, Job, Setting, Invitation)
OUTSIDE: tuple[type[Table], ...] = (Token, Answered, Webhook, Delivery)
STREAMS: tuple[type[Table], ...] = (PeerRow, Outgoing, Interest, Unsettled, Lease, Quarantine, Blob)
ALL = LOG + PROJECTIONS + OWN + OUTSIDE + STREAMS
