"""What every table of the store is: a peewee model of the one database of the process."""

from peewee import BlobField, DatabaseProxy, Model

from appliance.store.packing import COLUMN

database = DatabaseProxy()


class Table(Model):
    class Meta:
        database = database
        legacy_table_names = False


class PackedField(BlobField):
    """Bytes that an engine may keep packed; whoever selects the column gets them whole."""

    field_type = COLUMN
