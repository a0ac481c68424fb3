"""Bodies of events that mark a ticket: brought again, linked, looked at, blanked; and its further fields."""

from collections.abc import Mapping
from typing import Any

import msgspec

KEY_FROM = 3
"""Brought again so often, a matter is a key matter by itself."""
REDACTABLE = (
    *("title", "content", "address", "citizen", "phone", "home", "identity", "behalf"),
    *("position", "link", "extra", "result", "answer", "reason", "customer"),
)
"""What may be blanked."""


class Repeated(msgspec.Struct, frozen=True):
    """Body of ticket.repeated: the same matter was brought again, by a call or another ticket (hex)."""

    text: str = ""
    call: str = ""
    ticket: str = ""
    by: str = ""
    name: str = ""


class Linked(msgspec.Struct, frozen=True):
    """Body of ticket.linked: another ticket (hex) has to do with it; `off` takes that back."""

    ticket: str
    number: str = ""
    off: bool = False
    by: str = ""
    name: str = ""


class Unmasked(msgspec.Struct, frozen=True):
    """Body of ticket.unmasked: somebody looked at what is confidential."""

    reason: str
    by: str = ""
    name: str = ""


class Redacted(msgspec.Struct, frozen=True):
    """Body of ticket.redacted: fields with what stands instead, and events (hex) whose words are blanked."""

    fields: dict[str, str] = {}
    events: list[str] = []
    reason: str = ""
    by: str = ""
    name: str = ""


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(dict[str, str]).decode


def extras_in(extra: str) -> dict[str, str]:
    """The further fields of a ticket's column, decoded."""
    return dict(_decode(extra)) if extra else {}


def with_extra(before: Mapping[str, str], known: dict[str, Any]) -> dict[str, Any]:
    """Further fields are written one by one: those that are not named stay as they were."""
    if "extra" not in known:
        return known
    named = {name: str(text) for name, text in {**before, **known["extra"]}.items()}
    return {**known, "extra": _encode(named).decode() if any(named.values()) else ""}


def blanked(extra: str, body: Redacted) -> dict[str, Any]:
    """What a redaction changes of a ticket: it stays blank, whatever state the ticket is in."""
    known = {name: text for name, text in body.fields.items() if name in REDACTABLE and name != "extra"}
    return {**known, "extra": "" if "extra" in body.fields else extra}


BODIES: Mapping[str, msgspec.json.Decoder[Any]] = {
    "ticket.repeated": msgspec.json.Decoder(Repeated),
    "ticket.linked": msgspec.json.Decoder(Linked),
    "ticket.unmasked": msgspec.json.Decoder(Unmasked),
    "ticket.redacted": msgspec.json.Decoder(Redacted),
}
