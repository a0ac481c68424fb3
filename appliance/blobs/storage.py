"""Which storage a box keeps files in, as its settings say."""

from appliance.blobs.keeping import BlobStore, DiskBlobs
from appliance.blobs.settings import Storage
from appliance.places import Places


def opened(storage: Storage, places: Places) -> BlobStore:
    """The storage of this box; nothing is connected to before something is asked of it."""
    if not storage.bucket:
        return DiskBlobs(places.blobs)
    from appliance.blobs.s3 import S3Blobs  # a box without a bucket needs no client for one

    return S3Blobs(storage, places.blobs)
