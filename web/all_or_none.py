"""A page full of settings saved together: all are set, or none is and each fault stands at its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from appliance.dictionary.draft import Draft
from appliance.dictionary.kind import Value
from appliance.refused import Refused
from web import shown
from web.context import box, me


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of it."""

    count: int = 0
    """So many entries were changed."""
    fault: str = ""
    """Why nothing was; empty when all is well."""
    faults: Mapping[str, str] = field(default_factory=dict)
    """What is wrong, by entry."""


def save(kind: str, wanted: Mapping[str, Mapping[str, Value]]) -> Saved:
    """Set fields of entries of one kind in the name of the reader."""
    faults: dict[str, str] = {}

    def wish(draft: Draft) -> None:
        for name, fields in wanted.items():
            try:
                draft.set(kind, name, fields)
            except Refused as refused:
                faults[name] = shown.sentence(refused)
        if faults:
            raise Refused("bad_settings", "Nothing was changed. Correct what is marked.")

    try:
        return Saved(box().dictionary.write(me(), wish))
    except Refused as refused:
        return Saved(fault=shown.sentence(refused), faults=faults)
