"""All tables of a box. `event` is the truth; everything marked *projection* can be rebuilt from it.

Tables stand beside what they are of; here are those of the store itself, and which kind each is.
"""

from peewee import AutoField, BlobField, CharField, FloatField, IntegerField, TextField

from appliance.blobs.schema import Blob
from appliance.calls.schema import Call, Charge, Deferral
from appliance.campaigns.schema import Campaign, CampaignNumber
from appliance.customers.schema import Customer, CustomerNumber
from appliance.dictionary.schema import Category, EntryRow, Person, Session, Unit
from appliance.letters.schema import Letter, Seal
from appliance.network.schema import Certificate, Invitation
from appliance.outside.schema import Answered, Delivery, Token, Webhook
from appliance.recordings.schema import Recording
from appliance.store.found import TicketCount, TicketFacet
from appliance.store.model import PackedField, Table, database
from appliance.store.stream_tables import Interest, Lease, Outgoing, PeerRow, Quarantine, Unsettled
from appliance.tickets.attachment_table import Attachment
from appliance.tickets.schema import Likeness, Sample, SampleCase
from appliance.tickets.ticket_tables import Draft, Strand, Ticket, Workflow, WorkflowDraft

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
