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

from appliance.store.found import TicketCount, TicketFacet
from appliance.store.model import Table, database

__all__ = ["ALL", "LOG", "OWN", "PROJECTIONS", "STREAMS", "Table", "database"]


class EventRow(Table):
    """The log. `pos` is the local order of arrival; `eid` the total order everywhere."""

    pos = AutoField()
    eid = BlobField(unique=True)
    subject = BlobField(index=True)
    kind = CharField()
    ver = IntegerField()
    body = BlobField()
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
    outside = CharField(null=True)
    designated = BooleanField(null=True)
    planned_s = FloatField(null=True)
    asked = IntegerField(null=True)
    returned = IntegerField(null=True)
    reworks = IntegerField(null=True)
    objections = IntegerField(null=True)

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

    class Meta:
        indexes = (
            (("removed_s", "made_s"), False),
            (("archived_s", "made_s"), False),
            (("kind", "made_s"), False),
            (("rolling", "made_s"), False),
            (("made_s", "rid", "seconds"), False),
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
    changed_pos = IntegerField(index=True)
    """Where the event arrived that was folded last: the end of this index tells whether anything changed."""

    class Meta:
        table_name = "entry"
        primary_key = CompositeKey("kind", "key")


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
    set_s = FloatField()
    by = CharField(default="")


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


class PeerRow(Table):
    """One stream pair with a peer: what goes out, what has come in (see sync/)."""

    name = CharField(primary_key=True)
    """hub, or site-NNN at the hub."""
    site = IntegerField()
    out_epoch = IntegerField(default=0)
    out_seq = IntegerField(default=0)
    """Last sequence number given out."""
    out_chain = BlobField(default=b"")
    out_low = IntegerField(default=0)
    """Highest sequence number already pruned."""
    acked = IntegerField(default=0)
    """How far the peer is known to have it for good; written now and then, the peer knows better."""
    in_epoch = IntegerField(default=0)
    in_seq = IntegerField(default=0)
    in_chain = BlobField(default=b"")
    incarnation = CharField(default="")
    """Which box is meant by this name: the first one heard, in hexadecimal."""
    seen_s = FloatField(default=0)
    """Last heard, in Unix seconds; written at most once a minute."""
    clock_s = FloatField(default=0)
    """How far the peer's clock is ahead of ours."""
    restarts = IntegerField(default=0)
    """How often everything had to be offered again."""
    state = CharField(default="never")
    """never, away, connected, parked."""
    reason = CharField(default="")
    """Why it is not as it should be: a sentence, a gettext msgid."""

    class Meta:
        table_name = "peer"


class Outgoing(Table):
    """References into the log: which event has which place in a peer's stream."""

    peer = CharField()
    seq = IntegerField()
    eid = BlobField()
    chain = BlobField()

    class Meta:
        table_name = "outgoing"
        primary_key = CompositeKey("peer", "seq")
        without_rowid = True


class Interest(Table):
    """At the hub: which site is concerned with which ticket."""

    subject = BlobField()
    site = IntegerField()

    class Meta:
        primary_key = CompositeKey("subject", "site")
        without_rowid = True


class Quarantine(Table):
    """An event that is kept but could not be folded."""

    eid = BlobField(primary_key=True)
    reason = TextField()
    at_s = FloatField()


LOG: tuple[type[Table], ...] = (EventRow, Cursor)
PROJECTIONS: tuple[type[Table], ...] = (
    Ticket,
    TicketFacet,
    TicketCount,
    Strand,
    Workflow,
    Call,
    Charge,
    Recording,
    ShortMessage,
    Campaign,
    CampaignNumber,
    Deferral,
    EntryRow,
    Unit,
    Category,
    Letter,
    Seal,
)
OWN: tuple[type[Table], ...] = (Person, Session, Draft, Job, Setting)
OUTSIDE: tuple[type[Table], ...] = (Token, Answered, Webhook, Delivery)
STREAMS: tuple[type[Table], ...] = (PeerRow, Outgoing, Interest, Quarantine)
ALL = LOG + PROJECTIONS + OWN + OUTSIDE + STREAMS
