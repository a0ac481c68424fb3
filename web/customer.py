"""The numbers a citizen can be reached by: the one given, and those the citizen called from."""

import re

from web.context import box
from web.orders import THEN_MAX, plain_number

NUMBER = re.compile(r"\+?[0-9]{3,20}")
CALLED_FROM = (
    "SELECT c.caller FROM ticket t JOIN call c ON c.cid = t.call WHERE t.phone = ?"
    " AND c.direction = 'in' GROUP BY c.caller ORDER BY max(c.started_s) DESC LIMIT 6"
)
GIVEN = (
    "SELECT t.phone FROM call c JOIN ticket t ON t.call = c.cid WHERE c.caller = ? AND t.phone <> ''"
    " GROUP BY t.phone ORDER BY max(t.created_s) DESC LIMIT 6"
)


def customer_numbers(phone: str, call: bytes | None = None) -> list[str]:
    """Return the numbers to try, the given one first; `call` is the one the ticket came by."""
    rows = box().store.rows
    own = [caller for (caller,) in rows("SELECT caller FROM call WHERE cid = ?", call)] if call else []
    known = [number for sql in (CALLED_FROM, GIVEN) for (number,) in rows(sql, phone)]
    numbers = dict.fromkeys(plain_number(number) for number in (phone, *own, *known))
    return [number for number in numbers if NUMBER.fullmatch(number)][: THEN_MAX + 1]
