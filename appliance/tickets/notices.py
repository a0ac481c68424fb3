"""What a citizen is told by short message when a matter is accepted: number, unit, due date."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from appliance.store.texts import is_mobile, send_text
from appliance.tickets.ticket import Ticket

if TYPE_CHECKING:
    from appliance.store.store import Store

ACCEPTED = "您反映的“{title}”已受理，工单编号{number}{unit}{due}。凭编号可查询办理情况。"
UNIT = "，由{unit}办理"
DUE = "，预计{due}前答复"
TITLE_LETTERS = 20
A_DAY = 5
"""No more messages of ours to one number: two machines must not talk for ever."""


def accepted(store: Store, before: Ticket, after: Ticket, now_s: float) -> bool:
    """Tell the citizen once, when the case clock begins; return whether a message goes out.

    Nobody is told who wants no answer, is anonymous, or has no mobile number.
    """
    if before.accepted_s is not None or after.accepted_s is None:
        return False
    if not after.callback or after.anonymous or not is_mobile(after.phone):
        return False
    since = now_s - 86_400
    rows = store.rows(
        "SELECT count(*) FROM short_message WHERE number = ? AND direction = 'out' AND at_s > ?",
        *(after.phone, since),
    )
    if rows[0][0] >= A_DAY:
        return False
    send_text(store, after.phone, words(after, _unit(store, after.unit)), now_s, after.tid)
    return True


def words(ticket: Ticket, unit: str, text: str = ACCEPTED) -> str:
    """The message; a confidential or redacted title is not sent."""
    title = "诉求" if ticket.confidential or not ticket.title else ticket.title[:TITLE_LETTERS]
    due_s: float | None = getattr(ticket, "case_due_s", None)
    due = time.strftime("%Y-%m-%d", time.localtime(due_s)) if due_s else ""
    return text.format(
        title=title,
        number=ticket.number,
        unit=UNIT.format(unit=unit) if unit else "",
        due=DUE.format(due=due) if due else "",
    )


def _unit(store: Store, code: str) -> str:
    rows = store.rows("SELECT name FROM unit WHERE code = ?", code) if code else []
    return str(rows[0][0]) if rows else ""
