"""What the settings file says of where a hub keeps files."""

import re

import msgspec

from appliance.settings_limits import out_of_limits


class Storage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a hub keeps the files of its sites: on its own disk, or in S3-compatible storage."""

    bucket: str = ""
    """The bucket; empty: the box's own disk."""
    endpoint: str = ""
    """Like https://10.0.0.5:9000."""
    region: str = "us-east-1"
    key_file: str = ""
    """A file with two lines, key id and secret, that nobody else may read."""
    cache_mb: int = 2048
    """How much of what was opened lately is kept on the box's own disk."""


def storage_faults(storage: Storage) -> list[tuple[str, str]]:
    """Name what is well-formed but cannot work, each with its key."""
    found = out_of_limits([("cache_mb", storage.cache_mb, 16, 10_000_000)])
    if storage.bucket and not re.fullmatch(r"https?://[0-9A-Za-z.:\[\]-]{1,260}", storage.endpoint):
        found.append(("endpoint", "a bucket needs an endpoint like https://10.0.0.5:9000"))
    if storage.bucket and not storage.key_file:
        found.append(("key_file", "a bucket needs key_file, a file with key id and secret"))
    if storage.bucket and not re.fullmatch(r"[0-9a-z][0-9a-z.-]{1,62}", storage.bucket):
        found.append(("bucket", f'"{storage.bucket}" is no name of a bucket'))
    return found
