"""What a letter may not show any more, or not to everybody: its texts with words taken out."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from appliance.events import Event
from appliance.letters.document import Block, Document, Grid, Paragraph

BLANK = "▇▇▇"
REDACTED = "ticket.redacted"
WORDY = ("text", "reason", "result", "answer", "file")
"""What people write in moves, notes and repeats."""
LEAST = 2
"""A single character blanked everywhere would leave nothing to read."""


def mapped(document: Document, change: Callable[[str], str]) -> Document:
    """Return the document with every text of it changed."""
    return replace(
        document,
        title=change(document.title),
        recipient=change(document.recipient),
        copies=change(document.copies),
        blocks=tuple(_block(block, change) for block in document.blocks),
    )


def redacted_words(events: Sequence[Event], since: bytes) -> list[str]:
    """Return what stood in the fields that were blanked after the event `since`, longest first."""
    found: set[str] = set()
    for redaction in events:
        if redaction.kind == REDACTED and redaction.eid > since:
            names, whole = set(redaction.facts.get("fields", {})), set(redaction.facts.get("events", ()))
            for event in events:
                if event.eid < redaction.eid and event.kind != REDACTED:
                    found.update(_said(event, names, event.eid.hex() in whole))
    return sorted((word for word in found if len(word) >= LEAST), key=len, reverse=True)


def blanked(text: str, words: Iterable[str]) -> str:
    """Return a text without these words."""
    for word in words:
        text = text.replace(word, BLANK)
    return text


def bare(event: Event, words: Sequence[str]) -> Event:
    """Return the event that issued a letter without what was redacted since."""
    facts = dict(event.facts)
    document = mapped(msgspec.convert(facts["document"], Document), lambda text: blanked(text, words))
    facts |= {"document": msgspec.to_builtins(document)}
    facts |= {name: blanked(str(facts[name]), words) for name in ("title", "recipient")}
    body = msgspec.json.encode(facts, order="sorted")
    return Event(event.eid, event.subject, event.kind, event.ver, body)


def _said(event: Event, names: set[str], whole: bool) -> Iterable[str]:
    """The lines an event says in fields of these names, or all that people wrote in it."""
    facts = event.facts
    fields = facts.get("fields")
    given = dict(fields) if isinstance(fields, Mapping) else {}
    given |= {name: facts[name] for name in WORDY if name in facts}
    for name, value in given.items():
        if isinstance(value, str) and (name in names or whole):
            yield from (line.strip() for line in value.split("\n"))


def _block(block: Block, change: Callable[[str], str]) -> Block:
    if isinstance(block, Paragraph):
        return replace(block, text=change(block.text))
    return Grid(tuple(tuple(change(cell) for cell in row) for row in block.rows), block.labels)
