"""What is shown is a fold of the log: one function per kind of event, in one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from appliance import deferrals
from appliance.campaigns import table as campaigns
from appliance.customers import table as customers
from appliance.dictionary import table as dictionary
from appliance.events import Event
from appliance.letters import register
from appliance.letters import table as letters
from appliance.network import register as network
from appliance.store import charges, hiding
from appliance.tickets import attachments, messages, samples, strand_table, table, workflows

if TYPE_CHECKING:
    from appliance.store.store import Store

Projector = Callable[["Store", Event], None]


def project(store: Store, event: Event) -> None:
    """Bring the projections up to date with one new event; raises ValueError when it cannot be folded."""
    projector = _projector_of(event.kind)
    if projector is not None and not hiding.hides(store, event, project):
        projector(store, event)


def shown_of(events: Sequence[Event]) -> list[Event]:
    """Those of some events of which something is shown at all."""
    known = {kind for kind in {event.kind for event in events} if _projector_of(kind) is not None}
    return [event for event in events if event.kind in known]


def _projector_of(kind: str) -> Projector | None:
    return PROJECTORS.get(kind) or FAMILIES.get(kind.split(".")[0])


def _heed(store: Store, event: Event) -> None:
    hiding.project(store, event, project)


def _call_began(store: Store, event: Event) -> None:
    facts = event.facts
    store.execute(
        "INSERT INTO call"
        " (cid, line, site, direction, caller, called, queue, agent, outcome, started_s, callback_of)"
        " VALUES (?, ?, ?, ?, ?, ?, '', '', '', ?, ?) ON CONFLICT DO NOTHING",
        event.subject,
        facts["line"],
        event.site,
        facts.get("direction", "in"),
        facts.get("caller") or "",
        facts.get("called") or "",
        event.at_s,
        bytes.fromhex(facts.get("callback_of") or "") or None,
    )


def _call_queued(store: Store, event: Event) -> None:
    queue = event.facts["queue"]
    store.execute("UPDATE call SET queue = ?, queued_s = ? WHERE cid = ?", queue, event.at_s, event.subject)


def _call_answered(store: Store, event: Event) -> None:
    agent = event.facts["agent"]
    store.execute("UPDATE call SET agent = ?, answered_s = ? WHERE cid = ?", agent, event.at_s, event.subject)
    charges.answered(store, event)


def _call_ended(store: Store, event: Event) -> None:
    facts = event.facts
    store.execute(
        "UPDATE call SET outcome = ?, cause = ?, ended_s = ? WHERE cid = ?",
        facts["outcome"],
        facts["cause"],
        event.at_s,
        event.subject,
    )
    charges.ended(store, event)


def _call_rated(store: Store, event: Event) -> None:
    """Ratings of another scale are brought to five."""
    value, of = int(event.facts["value"]), int(event.facts["of"])
    five = round(1 + 4 * (value - 1) / (of - 1))
    store.execute("UPDATE call SET rating = ? WHERE cid = ?", five, event.subject)


def _recording_made(store: Store, event: Event) -> None:
    facts = event.facts
    store.execute(
        "INSERT INTO recording"
        " (rid, call, kind, path, seconds, size, sha256, site, made_s, began_s, rolling, reason)"
        " VALUES (?, ?, ?, ?, ?, 0, '', ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        event.eid,
        event.subject,
        facts["kind"],
        facts["path"],
        facts["seconds"],
        event.site,
        event.at_s,
        facts.get("began_s"),
        1 if facts.get("rolling") else None,
        facts.get("reason", ""),
    )


def _recording_sealed(store: Store, event: Event) -> None:
    facts = event.facts
    store.execute(
        "UPDATE recording SET sha256 = ?, size = ? WHERE rid = ?",
        facts["sha256"],
        facts["size"],
        bytes.fromhex(facts["rid"]),
    )


def _recording_archived(store: Store, event: Event) -> None:
    facts = event.facts
    store.execute(
        "UPDATE recording SET path = ?, sha256 = ?, size = ?, archived_s = ? WHERE rid = ?",
        *(facts["path"], facts["sha256"], facts["size"], event.at_s, bytes.fromhex(facts["rid"])),
    )


def _recording_removed(store: Store, event: Event) -> None:
    facts = event.facts
    store.execute(
        "UPDATE recording SET removed_s = ?, removed_why = ? WHERE rid = ?",
        *(event.at_s, facts["why"], bytes.fromhex(facts["rid"])),
    )


def _recording_stored(store: Store, event: Event) -> None:
    facts = event.facts
    rid, sha256 = bytes.fromhex(facts["rid"]), str(facts["sha256"])
    store.execute("UPDATE recording SET stored = ? WHERE rid = ?", sha256, rid)


def _recording_dropped(store: Store, event: Event) -> None:
    rid = bytes.fromhex(event.facts["rid"])
    store.execute("UPDATE recording SET dropped_s = ? WHERE rid = ?", event.at_s, rid)


def _recording_kept(store: Store, event: Event) -> None:
    """Asked for during a call there is no recording yet, and what is made of it says so itself."""
    if rid := event.facts.get("rid"):
        store.execute("UPDATE recording SET rolling = NULL WHERE rid = ?", bytes.fromhex(rid))


def _recording_noted(store: Store, event: Event) -> None:
    facts = event.facts
    text = str(facts["text"]) or None
    store.execute("UPDATE recording SET note = ? WHERE rid = ?", text, bytes.fromhex(facts["rid"]))


def _recording_linked(store: Store, event: Event) -> None:
    facts = event.facts
    ticket = bytes.fromhex(facts["ticket"]) or None
    store.execute("UPDATE recording SET ticket = ? WHERE rid = ?", ticket, bytes.fromhex(facts["rid"]))


def _recording_held(store: Store, event: Event) -> None:
    facts = event.facts
    store.execute(
        "UPDATE recording SET held = ?, held_by = ? WHERE rid = ?",
        *(facts["reason"], facts["by"], bytes.fromhex(facts["rid"])),
    )


def _recording_released(store: Store, event: Event) -> None:
    rid = bytes.fromhex(event.facts["rid"])
    store.execute("UPDATE recording SET held = NULL, held_by = NULL WHERE rid = ?", rid)


def _text_received(store: Store, event: Event) -> None:
    """A device that was interrupted gives the same message again; the second one only says so."""
    facts = event.facts
    line, number, text = str(facts["line"]), str(facts["number"]), str(facts["text"])
    key = f"{facts.get('key') or ''}@{facts.get('sent_s') or ''}"
    known = store.rows(
        "SELECT 1 FROM short_message"
        " WHERE key = ? AND number = ? AND line = ? AND text = ? AND direction = 'in' LIMIT 1",
        *(key, number, line, text),
    )
    state = "repeated" if known and facts.get("key") else "received"
    store.execute(_TEXT, event.eid, "in", line, number, key, text, None, event.at_s, state)


def _text_queued(store: Store, event: Event) -> None:
    facts = event.facts
    number, text = str(facts["number"]), str(facts["text"])
    ticket = bytes.fromhex(facts.get("ticket") or "") or None
    key = event.eid.hex()
    store.execute(_TEXT, event.eid, "out", "", number, key, text, ticket, event.at_s, "waiting")
    if ticket:
        messages.blank(store, ticket)


def _text_sent(store: Store, event: Event) -> None:
    """The last outcome stands, except that what was sent stays sent."""
    facts = event.facts
    state, reason = ("sent", "") if facts["ok"] else ("failed", str(facts.get("reason") or ""))
    store.execute(
        "UPDATE short_message SET state = ?, reason = ?"
        " WHERE key = ? AND direction = 'out' AND state <> 'sent'",
        *(state, reason, str(facts["key"])),
    )


def _ticket_redacted(store: Store, event: Event) -> None:
    table.project(store, event)
    register.blank(store, event)
    attachments.blank(store, event)
    messages.blank(store, event.subject)


_TEXT = (
    "INSERT INTO short_message (mid, direction, line, number, key, text, ticket, at_s, state, reason)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '') ON CONFLICT DO NOTHING"
)
PROJECTORS: Mapping[str, Projector] = {
    "call.ringing": _call_began,
    "call.entered": charges.answered,
    "call.queued": _call_queued,
    "call.dialled": charges.dialled,
    "call.tried": charges.tried,
    "call.answered": _call_answered,
    "call.merged": charges.merged,
    "call.guest_left": charges.guest_left,
    "call.ended": _call_ended,
    "call.rated": _call_rated,
    "recording.made": _recording_made,
    "recording.sealed": _recording_sealed,
    "recording.archived": _recording_archived,
    "recording.removed": _recording_removed,
    "recording.kept": _recording_kept,
    "recording.stored": _recording_stored,
    "recording.dropped": _recording_dropped,
    "recording.noted": _recording_noted,
    "recording.linked": _recording_linked,
    "recording.held": _recording_held,
    "recording.released": _recording_released,
    "text.received": _text_received,
    "text.queued": _text_queued,
    "text.sent": _text_sent,
    "ticket.strand": strand_table.project,
    "ticket.strand_due": strand_table.project,
    "workflow.published": workflows.project,
    "ticket.redacted": _ticket_redacted,
    attachments.ATTACHED: attachments.project,
    register.ISSUED: register.project,
    register.VOIDED: register.project,
}
FAMILIES: Mapping[str, Projector] = {
    "ticket": table.project,
    "customer": customers.project,
    "campaign": campaigns.project,
    "deferral": deferrals.project,
    "sample": samples.project,
    "interest": _heed,
    "dictionary": dictionary.project,
    "seal": letters.seal,
    "network": network.project,
}
"""Families of kinds (`ticket.*`) whose projection lives with their subject."""
