"""The tables of streams between sites, and of events that could not be folded."""

from peewee import BigIntegerField, BlobField, CharField, CompositeKey, FloatField, IntegerField, TextField

from appliance.store.model import Table


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
    interest = IntegerField(null=True)
    """By which version of the table of interest (appliance/interest.py) the outgoing stream began."""
    restarts = IntegerField(default=0)
    """How often everything had to be offered again."""
    state = CharField(default="never")
    """never, away, connected, parked."""
    since_s = FloatField(null=True)
    """When it came into this state, in Unix seconds."""
    waiting = IntegerField(null=True)
    """Events that wait at the peer for us, as it last said."""
    report = TextField(null=True)
    """How its box is, as it last said (condition.py)."""
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
    """At the hub: which site was told of which ticket, customer, or person."""

    subject = BlobField()
    site = IntegerField()

    class Meta:
        primary_key = CompositeKey("subject", "site")
        without_rowid = True


class Unsettled(Table):
    """At the hub: a subject that waits to be looked at anew, since the tree of sites changed."""

    subject = BlobField(primary_key=True)

    class Meta:
        without_rowid = True


class Lease(Table):
    """At a hub with several workers: who serves which shard of the sites (sync/shards.py)."""

    shard = IntegerField(primary_key=True)
    holder = CharField()
    until_ms = BigIntegerField()
    """Unix milliseconds."""


class Quarantine(Table):
    """An event that is kept but could not be folded."""

    eid = BlobField(primary_key=True)
    reason = TextField()
    at_s = FloatField()
