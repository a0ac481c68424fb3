"""Short messages that go with steps: to units on duty, and to citizens who left a mobile number."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from appliance.calendar.hours import due_day
from appliance.dictionary.dictionary import Dictionary
from appliance.store.store import Store
from appliance.store.texts import mobile, send_text
from appliance.tickets.ratings import code_of
from appliance.tickets.ticket import Ticket

TITLE_LETTERS = 20
RATING_ADDRESS = "rating_address"
"""The parameter that says where the pages are for citizens, like https://12345.city.example."""
A_DAY = 5
"""No more messages of ours to one number: two machines must not talk for ever."""
Reader = Callable[[Dictionary, Ticket, str], str]
"""Whom a notice is for: their number, or nothing. The last argument is the unit concerned."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One kind of message: the parameter that allows it, who gets it, and its words."""

    parameter: str
    reader: Reader
    text: str
    letters: int = 60
    """So much of what was said goes along."""


def _unit(dictionary: Dictionary, ticket: Ticket, unit: str) -> str:
    entry = dictionary.get("unit", unit)
    return next(filter(mobile, (entry.text("duty_phone"), entry.text("phone"))), "") if entry else ""


def _citizen(dictionary: Dictionary, ticket: Ticket, unit: str) -> str:
    """Nobody is told who wants no answer or is anonymous."""
    return mobile(ticket.phone) if ticket.callback and not ticket.anonymous else ""


NOTICES: Mapping[str, Notice] = {
    "accepted": Notice(
        "sms_accepted",
        _citizen,
        "您反映的“{title}”已受理，工单编号{number}{by}{until}。凭编号可查询办理情况。",
    ),
    "dispatched": Notice("sms_unit", _unit, "【热线】工单{number}“{title}”派至{unit}，{due}前办结，请签收。"),
    "urged": Notice("sms_unit", _unit, "【热线】催办：工单{number}“{title}”，{due}前办结。{words}"),
    "answered": Notice(
        "sms_rating",
        _citizen,
        "您反映的“{title}”（{number}）已办理：{words}。"
        "请回复数字评价：1非常满意 2满意 3基本满意 4不满意 5非常不满意{link}",
        letters=300,
    ),
    "told": Notice(
        "sms_citizen", _citizen, "【热线】您反映的“{title}”（编号{number}）已答复：{words}", letters=300
    ),
    "signed": Notice("sms_citizen", _citizen, "【热线】您反映的“{title}”（编号{number}）已由{unit}承办。"),
}
"""By what happened."""


def tell(
    store: Store, dictionary: Dictionary, what: str, ticket: Ticket, unit: str, now_s: float, words: str = ""
) -> None:
    """Have the message sent that goes with what happened, if it is wanted and there is somebody to get it."""
    notice = NOTICES[what]
    if not dictionary.parameter(notice.parameter):
        return
    number = notice.reader(dictionary, ticket, unit)
    if not number or (notice.reader is _citizen and _told_enough(store, number, now_s)):
        return
    entry = dictionary.get("unit", unit)
    title = ticket.title[:TITLE_LETTERS] + ("…" if len(ticket.title) > TITLE_LETTERS else "")
    if ticket.confidential or not title:
        title = "诉求"
    due_s = ticket.unit_due_s or ticket.case_due_s
    text = notice.text.format(
        number=ticket.number,
        title=title,
        unit=entry.names[0] if entry else unit,
        due=time.strftime("%m月%d日", time.localtime(due_s - 1)) if due_s else "尽快",
        by=f"，由{entry.names[0]}办理" if entry else "",
        until=f"，预计{due_day(due_s)}前答复" if due_s else "",
        words=words[: notice.letters],
        link=_link(dictionary, ticket),
    )
    send_text(store, number, text, now_s, ticket.tid)


def _link(dictionary: Dictionary, ticket: Ticket) -> str:
    """Where citizens rate by a page, if this box or its hub has one they can reach."""
    address = str(dictionary.parameter(RATING_ADDRESS)).rstrip("/")
    return f"，或打开 {address}/rate/{code_of(ticket)}" if address else ""


def _told_enough(store: Store, number: str, now_s: float) -> bool:
    rows = store.rows(
        "SELECT count(*) FROM short_message WHERE number = ? AND direction = 'out' AND at_s > ?",
        *(number, now_s - 86_400),
    )
    return bool(rows[0][0] >= A_DAY)
