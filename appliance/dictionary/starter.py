"""The starter, as files of settings: a tree of 15 industries, and units and areas of an invented city."""

from collections.abc import Mapping
from pathlib import Path

import appliance
from appliance.dictionary.draft import Draft
from appliance.dictionary.files import kind_of, read

FOLDER = Path(appliance.__file__).parent / "data" / "starter"
ORDER = ("unit", "extra_field", "category", "area", "group", "contact")


def starter_files() -> Mapping[str, bytes]:
    """Return the files by name."""
    return {f"{kind}.csv": (FOLDER / f"{kind}.csv").read_bytes() for kind in ORDER}


def begin(draft: Draft) -> None:
    """Put in what is not there yet; what is there stays as it is."""
    for name, data in starter_files().items():
        kind = kind_of(name)
        rows, faults = read(kind, name, data)
        assert not faults, faults
        for row in rows:
            if draft.get(kind.name, row.key) is None:
                draft.set(kind.name, row.key, row.fields)
