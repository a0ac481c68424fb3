"""Bodies of events that mark a ticket: brought again, linked, looked at, blanked."""

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
