"""The tables of campaigns: what pages show of them, folded from their events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from appliance.campaigns.campaign import INTERRUPTED, LEADS_TO, NOT_CALLED
from appliance.events import Event

if TYPE_CHECKING:
    from appliance.store.store import Store

STORY_MAX = 200
TOLD = frozenset({"campaign.created", "campaign.exported", *LEADS_TO})
"""Events that people want to read of; the others are about single numbers."""
_NUMBER = (
    "INSERT INTO campaign_number"
    " (cid, number, place, note, attempts, calling, outcome, result, seconds)"
    " VALUES (?, ?, ?, ?, 0, 0, '', '', 0) ON CONFLICT DO NOTHING"
)


def project(store: Store, event: Event) -> None:
    """Bring the tables up to date with one event of a campaign."""
    do = _PROJECTORS.get(event.kind)
    if do is not None:
        do(store, event)
    if event.kind in TOLD:
        _tell(store, event)
    if (state := LEADS_TO.get(event.kind)) is not None:
        why = str(event.facts.get("why", ""))
        sql = "UPDATE campaign SET state = ?, why = ? WHERE cid = ? AND state <> 'over'"
        store.execute(sql, state.value, why, event.subject)


def _tell(store: Store, event: Event) -> None:
    """Add to the story of a campaign; it has an end, however often one pauses."""
    rows = store.rows("SELECT story FROM campaign WHERE cid = ?", event.subject)
    if not rows:
        return
    story, facts = msgspec.json.decode(rows[0][0]), event.facts
    story.append([event.at_s, event.kind, str(facts.get("by", "")), str(facts.get("why", ""))])
    told = msgspec.json.encode(story[-STORY_MAX:]).decode()
    store.execute("UPDATE campaign SET story = ? WHERE cid = ?", told, event.subject)


def _created(store: Store, event: Event) -> None:
    facts = event.facts
    store.execute(
        "INSERT INTO campaign (cid, name, site, state, why, plan, source, story, total,"
        " created_by, created_s) VALUES (?, ?, ?, 'new', '', ?, ?, '[]', ?, ?, ?) ON CONFLICT DO NOTHING",
        event.subject,
        str(facts["plan"]["name"]),
        event.site,
        msgspec.json.encode(facts["plan"]).decode(),
        msgspec.json.encode(facts["source"]).decode(),
        int(facts["total"]),
        str(facts["by"]),
        event.at_s,
    )


def _listed(store: Store, event: Event) -> None:
    first = int(event.facts["first"])
    rows = [
        (event.subject, str(number), first + nth, str(note))
        for nth, (number, note) in enumerate(event.facts["numbers"])
    ]
    store.execute_many(_NUMBER, rows)


def _started(store: Store, event: Event) -> None:
    sql = "UPDATE campaign SET started_s = ? WHERE cid = ? AND started_s IS NULL"
    store.execute(sql, event.at_s, event.subject)


def _called(store: Store, event: Event) -> None:
    facts = event.facts
    store.execute(
        "UPDATE campaign_number SET attempts = ?, calling = 1, call = ?, at_s = ?"
        " WHERE cid = ? AND number = ?",
        *(int(facts["attempt"]), bytes.fromhex(facts["call"]), event.at_s),
        *(event.subject, str(facts["number"])),
    )


def _tried(store: Store, event: Event) -> None:
    facts = event.facts
    which = (event.subject, str(facts["number"]))
    if facts["outcome"] == INTERRUPTED:
        sql = "UPDATE campaign_number SET calling = 0, attempts = attempts - 1 WHERE cid = ? AND number = ?"
        store.execute(sql, *which)
        return
    store.execute(
        "UPDATE campaign_number SET calling = 0, outcome = ?, result = ?, seconds = ?, at_s = ?"
        " WHERE cid = ? AND number = ?",
        *(str(facts["outcome"]), str(facts["result"]), float(facts["seconds"]), event.at_s),
        *which,
    )


def _ended(store: Store, event: Event) -> None:
    store.execute("UPDATE campaign SET ended_s = ? WHERE cid = ?", event.at_s, event.subject)
    store.execute(
        "UPDATE campaign_number SET calling = 0,"
        " result = CASE WHEN outcome = '' THEN ? ELSE outcome END WHERE cid = ? AND result = ''",
        *(NOT_CALLED, event.subject),
    )


_PROJECTORS: Mapping[str, Callable[[Store, Event], None]] = {
    "campaign.created": _created,
    "campaign.listed": _listed,
    "campaign.started": _started,
    "campaign.called": _called,
    "campaign.tried": _tried,
    "campaign.ended": _ended,
}
