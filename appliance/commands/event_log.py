"""Events as the reading commands print them: what was redacted is blank here too."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from appliance.casefile.package import told
from appliance.customers.customer import REDACTED as CUSTOMER_REDACTED
from appliance.customers.customer import readable
from appliance.events import Event
from appliance.letters.blanking import REDACTED

Row = dict[str, Any]
Query = Callable[..., Sequence[Row] | None]
"""Runs one reading statement."""
READERS: Mapping[str, Callable[[Sequence[Event]], list[Event]]] = {
    REDACTED: told,
    CUSTOMER_REDACTED: readable,
}
"""Who blanks the history of a subject that has a redaction of this kind."""
_HISTORY = "SELECT eid, subject, kind, ver, body FROM event WHERE subject = ? ORDER BY eid"


def blanked(query: Query, rows: Sequence[Row]) -> list[Row]:
    """Return rows of the log (with eid, subject and body) without what was redacted since."""
    bodies: dict[bytes, bytes] = {}
    for subject in {bytes(row["subject"]) for row in rows if _personal(row)}:
        history = [
            Event(bytes(e["eid"]), subject, e["kind"], e["ver"], bytes(e["body"]))
            for e in query(_HISTORY, subject) or ()
        ]
        for kind, reader in READERS.items():
            if any(event.kind == kind for event in history):
                bodies |= {event.eid: event.body for event in reader(history)}
    return [_printed(row, bodies.get(bytes(row["eid"]), bytes(row["body"]))) for row in rows]


def _personal(row: Row) -> bool:
    """Tell whether the subject may have been redacted: tickets and customers only."""
    return str(row["kind"]).split(".")[0] in ("ticket", "customer")


def _printed(row: Row, body: bytes) -> Row:
    ids = {name: bytes(row[name]).hex().upper() for name in ("eid", "subject")}
    return {**row, **ids, "body": body.decode("utf-8", "replace")}
