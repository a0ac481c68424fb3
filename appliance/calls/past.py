"""What the journal says of the time before this process: calls cut off, agents on duty."""

from dataclasses import dataclass, field

from appliance.journal import Journal

BATCH = 5000


@dataclass(slots=True)
class Past:
    """What was going on when the journal ends."""

    open_calls: dict[bytes, None] = field(default_factory=dict)
    signed_in: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Agent to extension and state."""
    forwards: dict[tuple[str, str], str] = field(default_factory=dict)
    """Extension and when, to where its calls go."""


def read_past(journal: Journal) -> Past:
    """Read the journal through once."""
    past = Past()
    position = 0
    while batch := journal.read(position, BATCH):
        for _, event in batch:
            if event.kind == "call.ringing":
                past.open_calls[event.subject] = None
            elif event.kind == "call.ended":
                past.open_calls.pop(event.subject, None)
            elif event.kind == "agent.state":
                facts = event.facts
                if facts["state"] == "offline" or not facts["extension"]:
                    past.signed_in.pop(facts["agent"], None)
                else:
                    past.signed_in[facts["agent"]] = (facts["extension"], facts["state"])
            elif event.kind == "extension.forwarded":
                facts = event.facts
                past.forwards[facts["extension"], facts["when"]] = facts["to"]
        position = batch[-1][0]
    return past
