"""The bill's projection: what was dialled outside, by whom, on which account, and how long it lasted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.events import Event

if TYPE_CHECKING:
    from appliance.store.store import Store

_OPEN = "SELECT eid FROM charge WHERE call = ? AND ended_s IS NULL ORDER BY eid DESC LIMIT 1"
"""Of several numbers dialled in one call, the last one is meant by what happens next."""


def dialled(store: Store, event: Event) -> None:
    """Somebody of ours dialled a number outside; our own numbers cost nothing and are not on the bill."""
    facts = event.facts
    kind = str(facts.get("number_kind") or "")
    if not kind:
        return
    by = str(facts["by"])
    extension = str(facts.get("extension") or by)
    store.execute(
        "INSERT INTO charge (eid, call, site, at_s, extension, agent, number, number_kind, account, seconds)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING",
        event.eid,
        event.subject,
        event.site,
        event.at_s,
        extension,
        "" if by == extension else by,
        str(facts["to"]).removeprefix("tel:"),
        kind,
        str(facts.get("account") or ""),
    )


def tried(store: Store, event: Event) -> None:
    """The number did not answer, and the call went on to the next one."""
    facts = event.facts
    store.execute(
        f"UPDATE charge SET number = ?, number_kind = coalesce(nullif(?, ''), number_kind)"
        f" WHERE eid = ({_OPEN}) AND answered_s IS NULL",
        *(str(facts["next"]), str(facts.get("number_kind") or ""), event.subject),
    )


def answered(store: Store, event: Event) -> None:
    """Who was dialled picked up, be it to hear a flow of ours; whoever answers later costs nothing more."""
    store.execute(
        f"UPDATE charge SET answered_s = ? WHERE eid = ({_OPEN}) AND answered_s IS NULL",
        *(event.at_s, event.subject),
    )


def merged(store: Store, event: Event) -> None:
    """A phone brought its two calls together: who was dialled talks on in the other call."""
    store.execute(
        "UPDATE charge SET call = ? WHERE call = ? AND ended_s IS NULL",
        *(bytes.fromhex(str(event.facts["into"])), event.subject),
    )


def guest_left(store: Store, event: Event) -> None:
    """Somebody outside was in a talk by a forward, a group, or because an agent asked; it is over."""
    facts = event.facts
    seconds = max(0.0, float(facts["seconds"]))
    began_s = event.at_s - seconds
    store.execute(
        "INSERT INTO charge (eid, call, site, at_s, extension, agent, number, number_kind, account,"
        " answered_s, ended_s, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?) ON CONFLICT DO NOTHING",
        *(event.eid, event.subject, event.site, began_s),
        *(str(facts["extension"]), str(facts["agent"]), str(facts["who"]), str(facts["number_kind"])),
        *(began_s, event.at_s, seconds),
    )


def ended(store: Store, event: Event) -> None:
    """The call is over."""
    store.execute(
        "UPDATE charge SET ended_s = ?, seconds = CASE WHEN answered_s < ?"
        " THEN round((? - answered_s) * 10) / 10.0 ELSE 0 END"
        " WHERE call = ? AND ended_s IS NULL",
        *(event.at_s, event.at_s, event.at_s, event.subject),
    )
