"""A desk over a fresh store with a few units, the people who work at it, and tickets brought to a state."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from appliance.events import Stamp
from appliance.people import CITIZEN, Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.ticket import Ticket

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
LEADER = Actor("1400", "郑宏伟", frozenset({"LD"}))
SUPERVISOR = Actor("1500", "何静", frozenset({"SV"}))
CALLBACK = Actor("1300", "吴琳", frozenset({"CB"}))
LAMP = Actor("2001", "孙立", frozenset({"U2"}), "lamp")
LAMP_LEADER = Actor("2101", "李强", frozenset({"UL"}), "lamp")
WATER = Actor("2002", "马强", frozenset({"U2"}), "water")
PUMPS = Actor("2202", "钱进", frozenset({"U3"}), "pumps")
ADMIN = Actor("9000", "管理员", frozenset({"AD"}))
TOLD = {
    "kind": "complaint",
    "title": "路灯不亮",
    "content": "三盏路灯不亮",
    "category": "0101",
    "phone": "10000000009",
}
UNITS = (("lamp", "", 2), ("water", "", 1), ("pumps", "water", 1), ("road", "", 1))


class Clock:
    """A wall clock tests set."""

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s

    def __call__(self) -> float:
        return self.at_s


class Office:
    """A desk with units, and a clock of its own when one is given."""

    def __init__(self, folder: Path, now: Clock | None = None) -> None:
        self.store = Store(folder / "box.db", 1, bind=False)
        if now:
            self.store.stamp = Stamp(1, lambda: int(now() * 1000))
        self.desk = TicketDesk(self.store, now) if now else TicketDesk(self.store)
        for code, parent, site in UNITS:
            fields: dict[str, object] = {"name": f"{code}单位", "name_en": f"{code} unit", "site": site}
            self.desk.dictionary.set(ADMIN, "unit", code, fields | ({"parent": parent} if parent else {}))

    def registered(self, **fields: object) -> Ticket:
        """A ticket from the web."""
        return self.desk.create(CITIZEN, "web", {**TOLD, **fields})

    def accepted(self, **fields: object) -> Ticket:
        """One that was accepted."""
        return self.desk.move(AGENT, self.registered(**fields).tid, "accept")

    def dispatched(self, unit: str = "lamp", **more: Any) -> Ticket:
        """One at a unit."""
        return self.desk.move(DISPATCHER, self.accepted().tid, "dispatch", {"unit": unit, **more})

    def handling(self, **more: Any) -> Ticket:
        """One the street lighting office has signed for."""
        return self.desk.move(LAMP, self.dispatched(**more).tid, "sign")

    def answered(self, **fields: object) -> Ticket:
        """One that waits for its callback."""
        ticket = self.desk.move(DISPATCHER, self.accepted(**fields).tid, "dispatch", {"unit": "lamp"})
        self.desk.move(LAMP, ticket.tid, "sign")
        self.desk.move(LAMP, ticket.tid, "submit_result", {"result": "已修复"})
        return self.desk.move(DISPATCHER, ticket.tid, "pass", {"answer": "路灯已修复"})

    def again(self, ticket: Ticket) -> Ticket:
        """The ticket as it stands now."""
        return self.desk.get(ticket.tid)


def refused(word: str) -> AbstractContextManager[pytest.ExceptionInfo[Refused]]:
    """What is done inside is refused with this word."""
    return pytest.raises(Refused, check=lambda error: error.word == word)
