"""The templates that come with the box: one TOML file each, in the order of the menu."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import msgspec

from appliance.letters.template import Template

FOLDER = Path(__file__).parent.parent / "data" / "letters"
ORDER = (
    *("acceptance", "dispatch", "assignment", "official", "supervision", "urge", "refusal", "reply"),
    *("mediation", "handover", "extension"),
)


@cache
def shipped() -> Mapping[str, Template]:
    """Return them by key."""
    return {key: _read(key) for key in ORDER}


def _read(key: str) -> Template:
    values = tomllib.loads((FOLDER / f"{key}.toml").read_text("utf-8"))
    return msgspec.convert({"key": key, **values, "body": values["body"].strip()}, Template)
