"""The tables of the customer file."""

from peewee import BlobField, BooleanField, CharField, CompositeKey, FloatField, TextField

from appliance.store.model import Table


class Customer(Table):
    """Projection: a customer as its events fold; the columns are the fields of customers/customer.py."""

    cid = BlobField(primary_key=True)
    last_eid = BlobField()
    created_s = FloatField()
    changed_s = FloatField(index=True)
    name = CharField(index=True)
    kind = CharField()
    numbers = TextField()
    addresses = TextField()
    identity = CharField()
    marks = TextField()
    note = TextField()
    created_by = CharField()
    master = BlobField(null=True, index=True)
    redacted = BooleanField()


class CustomerNumber(Table):
    """Projection: who has a number; several people may."""

    number = CharField()
    cid = BlobField(index=True)

    class Meta:
        table_name = "customer_number"
        primary_key = CompositeKey("number", "cid")
