"""What concerns a site no longer is not shown there: its events stay, its rows go and come back whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from appliance.customers import table as customers
from appliance.dictionary import table as dictionary
from appliance.dictionary.entry import named_by
from appliance.events import Event
from appliance.interest import is_lost, word_subject
from appliance.store.company import changed, company
from appliance.tickets import table as tickets

if TYPE_CHECKING:
    from appliance.store.store import Store

Fold = Callable[["Store", Event], None]
HIDEABLE = ("ticket", "customer", "dictionary")
"""Families whose subjects may concern a site no longer."""
_ROWS = (
    "DELETE FROM strand WHERE tid = ?",
    "DELETE FROM letter WHERE ticket = ?",
)


def hides(store: Store, event: Event, fold: Fold) -> bool:
    """Tell whether an event is of something hidden; one of our own shows that it concerns us after all."""
    if not (store.site and company(store).hiding) or event.kind.split(".", 1)[0] not in HIDEABLE:
        return False
    if not store.rows("SELECT 1 FROM lost WHERE subject = ?", event.subject):
        return False
    if event.site == store.site:
        _look(store, event.subject, event, fold)
    elif event.kind.startswith("dictionary."):
        dictionary.shut(store, event, *named_by(event))
    return True


def project(store: Store, event: Event, fold: Fold) -> None:
    """Heed a word of the hub about whether something concerns this site; raises ValueError when malformed."""
    facts = event.facts
    subject, site = bytes.fromhex(facts["of"]), int(facts["site"])
    if store.site and site == store.site:
        _look(store, subject, event, fold)


def _look(store: Store, subject: bytes, event: Event, fold: Fold) -> None:
    events = store.history(subject)
    lost = is_lost(events, store.history(word_subject(subject, store.site)), store.site)
    hidden = bool(store.rows("SELECT 1 FROM lost WHERE subject = ?", subject))
    if lost != hidden:
        changed(store)
    if lost and not hidden:
        store.execute("INSERT INTO lost (subject) VALUES (?)", subject)
    elif hidden and not lost:
        store.execute("DELETE FROM lost WHERE subject = ?", subject)
    if lost != hidden:
        entry = next((told for told in events if told.kind.startswith("dictionary.")), None)
        if entry is not None:
            (dictionary.shut if lost else dictionary.refold)(store, event, *named_by(entry))
        elif lost:
            _hide(store, subject)
        else:
            for told in events:
                fold(store, told)


def _hide(store: Store, subject: bytes) -> None:
    tickets.forget(store, subject)
    for sql in _ROWS:
        store.execute(sql, subject)
    store.forget(("strands", subject))
    customers.forget(store, subject)
