"""The people of one box at work: ``python -m tests.chaos.people --data DIR --site N --promised FILE``.

They register tickets, dispatch them anywhere, edit, note and move whatever the box holds. What the box said
is kept is written down outside its database: those are the promises that are looked for in the end.
"""

import argparse
import os
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from appliance.configuration import load
from appliance.people import Actor
from appliance.places import Places
from appliance.refused import Refused
from appliance.store.opening import open_store
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.number import Exhausted
from appliance.tickets.ticket import Ticket

ROLES = frozenset({"AG", "TL", "DP", "U2", "UL", "CB"})
UNITS = ("lamp", "water", "gas", "heat", "road", "clean", "green", "order", "bus", "house")
RECENT = 300
"""They work on the newest so many tickets."""
WORDS = ("路灯不亮", "井盖丢失", "噪音扰民", "供暖不足", "占道经营", "公交改道", "垃圾未清", "停水")
ONWARD = frozenset({"submit", "accept", "dispatch", "sign", "submit_result", "pass", "satisfied"})
"""What most tickets go through."""
GIVEN = {
    "result": "已现场处理，恢复正常",
    "answer": "问题已处理完毕，感谢反映",
    "reason": "按规定办理",
    "rating": "satisfied",
    "closing": "handled",
    "contacted": True,
    "solved": True,
    "task": "请按时办结",
}


class People:
    """Somebody with all roles at every turn of the dice."""

    def __init__(self, store: Store, promised: Path, seed: int) -> None:
        self._store = store
        self._desk = TicketDesk(store)
        self._dice = random.Random(seed)
        self._promised = promised.open("ab", buffering=0)
        self._after = store.rows("SELECT coalesce(max(pos), 0) FROM event")[0][0]

    def work(self, a_second: float) -> None:
        """Work until killed."""
        while True:
            time.sleep(self._dice.expovariate(a_second))
            with suppress(Refused, Exhausted):
                self._deed()
            self._promise()

    def _deed(self) -> None:
        ticket = self._some()
        if ticket is None or self._dice.random() < 0.25:
            title = self._dice.choice(WORDS)
            self._desk.create(self._actor(), "web", {"title": title, "content": title * 3, "kind": "repair"})
            return
        what = self._dice.random()
        actor = self._actor(ticket.unit)
        if what < 0.15:
            self._desk.note(actor, ticket.tid, self._dice.choice(WORDS))
        elif what < 0.3:
            self._desk.edit(
                actor, ticket.tid, {"title": f"{self._dice.choice(WORDS)} {self._dice.random():.3f}"}
            )
        else:
            self._move(actor, ticket)

    def _move(self, actor: Actor, ticket: Ticket) -> None:
        moves = self._desk.buttons(actor, ticket)
        if not moves:
            return
        onward = [move for move in moves if move.name in ONWARD]
        move = self._dice.choice(onward if onward and self._dice.random() < 0.7 else moves)
        given = {name: GIVEN[name] for name in move.fields if name in GIVEN and self._dice.random() < 0.9}
        if "unit" in move.fields:
            given["unit"] = self._dice.choice(UNITS)
        self._desk.move(actor, ticket.tid, move.name, given)

    def _some(self) -> Ticket | None:
        rows = self._store.rows("SELECT tid FROM ticket ORDER BY tid DESC LIMIT ?", RECENT)
        return self._desk.get(bytes(self._dice.choice(rows)[0])) if rows else None

    def _actor(self, unit: str = "") -> Actor:
        return Actor(str(1000 + self._dice.randrange(9)), "员工", ROLES, unit)

    def _promise(self) -> None:
        """Write down what is kept since the last look; the file lies outside the database."""
        rows = self._store.rows(
            "SELECT pos, eid FROM event WHERE pos > ? AND via = '' ORDER BY pos", self._after
        )
        if rows:
            self._after = rows[-1][0]
            self._promised.write(b"".join(bytes(eid).hex().encode() + b"\n" for _, eid in rows))


def main(arguments: Sequence[str] | None = None) -> None:
    """Work until killed."""
    parser = argparse.ArgumentParser(prog="tests.chaos.people")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--site", type=int, required=True)
    parser.add_argument("--promised", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=os.getpid())
    parser.add_argument("--rate", type=float, default=5.0, help="deeds a second")
    options = parser.parse_args(arguments)
    where = Places(options.data)
    store = open_store(where, load(where), site=options.site)
    with store.connection():
        People(store, options.promised, options.seed).work(options.rate)


if __name__ == "__main__":
    main()
