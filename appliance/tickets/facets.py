"""What tickets are found, ordered and counted by: a narrow row a ticket, its full text, and counts.

`doc` is a ticket's place in the full text. It is made of the time it was registered, so that what the
full text finds is in order of time already, and a period is a range of places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any

from appliance.tickets import cutting, fulltext
from appliance.tickets.forms import EXTRAS
from appliance.tickets.fulltext import Text
from appliance.tickets.strands import WORKED_ON
from appliance.tickets.ticket import Ticket

if TYPE_CHECKING:
    from appliance.store.store import Store

STEPS = 4
"""So many tickets of one millisecond have places of that millisecond."""
LAST_MS = 2**48
NEVER_S = 0.0
"""Stands for a time that has not come."""
FAR_S = 1e11
"""Stands for a due date that is not set: behind all that are."""
KEYS: Mapping[str, str] = {
    "state": "s",
    "kind": "k",
    "source": "o",
    "category": "c",
    "area": "a",
    "urgency": "y",
    "unit": "u",
    "agent": "g",
    "rating": "q",
    "round": "e",
    "conflicts": "x",
    "confidential": "z",
    "paused": "h",
    "provisional": "v",
    "site": "i",
    "key": "m",
    "closing": "l",
}
"""What is counted off, its column in the narrow row, and the letter of its token in the full text."""
TOKENS_KNOWN = 4096
SELDOM = ("key", "closing")
"""Those of which few tickets have any: only they have a token."""
CONCERNED = "w"
"""The letter of the units that handle it or have a part in it."""
DUES = ("due_s", "warn_s", "case_due_s")
TIMES = ("created_s", "changed_s", "accepted_s", "dispatched_s", "closed_s", *DUES)
GROUPED = (
    *("state", "kind", "source", "category", "area", "urgency", "unit", "agent", "rating", "round", "site"),
    "closing",
)
COLUMNS = ("doc", "tid", *TIMES, *KEYS, "sub_due_s", "sub_warn_s", "concerned")
Dates = tuple[float, float]
"""When the first of a ticket's sub-orders that are worked on is due, and from when on one is due soon."""
NO_DATES: Dates = (FAR_S, FAR_S)
EVERY = "*"
"""Stands for all units where tickets are counted."""
INSERT = f"INSERT INTO ticket_facet ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
COUNT = (
    "INSERT INTO ticket_count (unit, state, tickets) VALUES (?, ?, ?)"
    " ON CONFLICT (unit, state) DO UPDATE SET tickets = ticket_count.tickets + excluded.tickets"
)
_NO_COUNT = "DELETE FROM ticket_count WHERE unit = ? AND state = ? AND tickets = 0"
_PARTS = (
    "SELECT unit FROM strand WHERE tid = ? AND unit <> '' UNION SELECT third FROM strand"
    " WHERE tid = ? AND third <> '' ORDER BY 1"
)
_DATES = (
    "SELECT min(due_s), min(coalesce(warn_s, due_s - 86400)) FROM strand WHERE tid = ? AND open = 1"
    f" AND kind = 'suborder' AND due_s IS NOT NULL AND state IN ({', '.join(map(repr, WORKED_ON))})"
)
_KEPT = "SELECT doc, concerned, sub_due_s, sub_warn_s FROM ticket_facet WHERE tid = ?"
_TAKEN = "SELECT 1 FROM ticket_facet WHERE doc = ?"
_GAP = (
    "SELECT doc + 1 FROM ticket_facet AS f WHERE doc >= ?"
    " AND NOT EXISTS (SELECT 1 FROM ticket_facet AS g WHERE g.doc = f.doc + 1) ORDER BY doc LIMIT 1"
)
_BEHIND = "places behind those given"
"""What is known in a transaction: thousands of tickets may be of one millisecond (an import, a drain)."""

_SPECIAL: Mapping[str, Callable[[Ticket], Any]] = {
    "agent": lambda ticket: ticket.created_by,
    "paused": lambda ticket: int(ticket.paused_s is not None),
    "provisional": lambda ticket: int(ticket.provisional),
    "conflicts": lambda ticket: min(ticket.conflicts, 1),
    "confidential": lambda ticket: int(ticket.confidential),
    "round": lambda ticket: min(ticket.round, 9),
    "key": lambda ticket: int(ticket.key),
}
"""What is not simply the field of that name."""


class _Tokens(dict[Any, str]):
    """The tokens of a letter, by value: few are, and each stands in thousands of tickets."""

    def __init__(self, letter: str) -> None:
        self._letter = letter

    def __missing__(self, value: str | int) -> str:
        if len(self) >= TOKENS_KNOWN:
            self.clear()
        token = self[value] = fulltext.key(self._letter, value)
        return token


_TIMES = tuple((attrgetter(name), FAR_S if name in DUES else NEVER_S) for name in TIMES)
_KEYED = tuple((_Tokens(letter), _SPECIAL.get(name) or attrgetter(name)) for name, letter in KEYS.items())
_CONCERNED = _Tokens(CONCERNED)
_TOLD = tuple(keyed for name, keyed in zip(KEYS, _KEYED, strict=True) if name not in SELDOM)
_SELDOM = tuple(keyed for name, keyed in zip(KEYS, _KEYED, strict=True) if name in SELDOM)


def clear(store: Store) -> None:
    """Forget all that tickets are found by."""
    store.execute("DELETE FROM ticket_facet")
    store.execute("DELETE FROM ticket_count")
    store.engine.text.clear(store)


_written = attrgetter("title", "content", "address", "result", "answer", "outlet")
_of_citizen = attrgetter("citizen", "behalf")
_apart = attrgetter("extra", "home")
"""What also stands in tokens of its own; few tickets have any."""


def row(ticket: Ticket, doc: int, parts: str, dates: Dates = NO_DATES) -> tuple[Any, ...]:
    """The narrow row; `parts` are the units that have a part in it, `dates` those of its sub-orders.

    While the case stands still, or when it is done, no sub-order is late.
    """
    times = {name: of(ticket) or unset for name, (of, unset) in zip(TIMES, _TIMES, strict=True)}
    if ticket.due_s is not None:
        times |= {"due_s": min(times["due_s"], dates[0]), "warn_s": min(times["warn_s"], dates[1])}
    return (doc, ticket.tid, *times.values(), *[of(ticket) for _, of in _KEYED], *dates, parts)


def text(ticket: Ticket, parts: str) -> Text:
    """What stands in the full text: words, citizen, keys."""
    return *_words(ticket), " ".join(keys(ticket, parts))


def texts(tickets: Sequence[Ticket]) -> Iterator[Text]:
    """The same of many tickets in which no other unit has a part."""
    cut = iter(cutting.split_each([part for one in tickets for part in (_written(one), _of_citizen(one))]))
    for ticket, words, citizen in zip(tickets, cut, cut, strict=False):
        yield *_with_fields(ticket, words, citizen), " ".join(keys(ticket, ""))


def keys(ticket: Ticket, parts: str) -> Mapping[str, None]:
    """What is counted off, and the numbers; each once, their order means nothing."""
    found = [tokens[of(ticket)] for tokens, of in _TOLD]
    found += [tokens[value] for tokens, of in _SELDOM if (value := of(ticket))]
    found += [_CONCERNED[unit] for unit in concerned(ticket, parts)]
    found += fulltext.number_keys("n", ticket.number) + fulltext.number_keys("p", ticket.phone)
    return dict.fromkeys(found)


def concerned(ticket: Ticket, parts: str) -> tuple[str, ...]:
    """The units that handle it or have a part in it."""
    return tuple(dict.fromkeys(filter(None, (ticket.unit, *parts.split(" ")))))


def parts_of(store: Store, tid: bytes) -> str:
    """The units that have a part in a ticket, by its sub-orders and overlays."""
    return " ".join(unit for (unit,) in store.rows(_PARTS, tid, tid))


def dates_of(store: Store, tid: bytes) -> Dates:
    """When the first of a ticket's sub-orders is due."""
    due_s, warn_s = store.rows(_DATES, tid)[0]
    return NO_DATES if due_s is None else (due_s, warn_s)


def first_doc(at_s: float) -> int:
    """The first place of a time."""
    return min(max(0, round(at_s * 1000)), LAST_MS) * STEPS


def place(tid: bytes) -> int:
    """The place a ticket has unless another one is there."""
    return int.from_bytes(tid[:6], "big") * STEPS


def keep(store: Store, ticket: Ticket, before: Ticket | None) -> None:
    """Bring all that a ticket is found by up to date; call when its row is written."""
    found = store.rows(_KEPT, ticket.tid)
    if not found:
        parts, doc = parts_of(store, ticket.tid), _free(store, place(ticket.tid))
        store.execute(INSERT, *row(ticket, doc, parts, dates_of(store, ticket.tid)))
        store.engine.text.put(store, [(doc, text(ticket, parts))])
        store.execute_many(COUNT, ((*where, 1) for where in counts(ticket, parts)))
        return
    assert before is not None, "a ticket that has a place was there before"
    doc, parts, due_s, warn_s = found[0]
    _change(store, doc, before, parts, ticket, parts, ((due_s, warn_s),) * 2)


def forget(store: Store, ticket: Ticket) -> None:
    """Take away all that a ticket is found by; call before its row goes."""
    store.forget(_BEHIND)
    for doc, parts, *_ in store.rows(_KEPT, ticket.tid):
        left = counts(ticket, parts)
        store.engine.text.remove(store, doc, text(ticket, parts))
        store.execute("DELETE FROM ticket_facet WHERE doc = ?", doc)
        store.execute_many(COUNT, [(*where, -1) for where in left])
        store.execute_many(_NO_COUNT, left)


def concern(store: Store, ticket: Ticket) -> None:
    """Bring a ticket up to date when units came to have a part in it, or theirs is due at another time."""
    found = store.rows(_KEPT, ticket.tid)
    parts, dates = parts_of(store, ticket.tid), dates_of(store, ticket.tid)
    if found and found[0][1:] != (parts, *dates):
        doc, parts_before, due_s, warn_s = found[0]
        _change(store, doc, ticket, parts_before, ticket, parts, ((due_s, warn_s), dates))


counted_by = itemgetter(COLUMNS.index("state"), COLUMNS.index("unit"), -1)
"""What of a narrow row says where its ticket is counted."""


def counted(state: str, unit: str, parts: str) -> list[tuple[str, str]]:
    """Where a ticket is counted."""
    return [(one, state) for one in dict.fromkeys((EVERY, *filter(None, (unit, *parts.split(" ")))))]


def counts(ticket: Ticket, parts: str) -> list[tuple[str, str]]:
    """Where a ticket is counted: unit and state."""
    return counted(ticket.state, ticket.unit, parts)


def _change(
    store: Store,
    doc: int,
    before: Ticket,
    parts_before: str,
    ticket: Ticket,
    parts: str,
    dates: tuple[Dates, Dates],
) -> None:
    was, is_ = row(before, doc, parts_before, dates[0]), row(ticket, doc, parts, dates[1])
    rows = zip(COLUMNS, was, is_, strict=True)
    changed = [(name, now) for name, was, now in rows if was != now]
    if changed:
        setting = ", ".join(f"{name} = ?" for name, _ in changed)
        store.execute(f"UPDATE ticket_facet SET {setting} WHERE doc = ?", *(now for _, now in changed), doc)
    _index(store, doc, _differing(before, parts_before, ticket, parts))
    left, come = counts(before, parts_before), counts(ticket, parts)
    if left != come:
        store.execute_many(COUNT, [(*where, -1) for where in left] + [(*where, 1) for where in come])
        store.execute_many(_NO_COUNT, left)


def _differing(before: Ticket, parts_before: str, ticket: Ticket, parts: str) -> tuple[Text, Text]:
    """What leaves the full text and what comes into it.

    Keys are tokens no text has, so each comes and goes by itself: a step writes a few of them, not
    every word of the ticket once more.
    """
    left, come = keys(before, parts_before), keys(ticket, parts)
    same = all(of(before) == of(ticket) for of in (_written, _of_citizen, _apart))
    old, new = (("", ""), ("", "")) if same else (_words(before), _words(ticket))
    gone, found = (key for key in left if key not in come), (key for key in come if key not in left)
    return (*old, " ".join(gone)), (*new, " ".join(found))


def _index(store: Store, doc: int, differing: tuple[Text, Text]) -> None:
    """Take tokens of a ticket out of the full text and put others in."""
    if differing[0] != differing[1]:
        store.engine.text.change(store, doc, *differing)


def _words(ticket: Ticket) -> tuple[str, str]:
    """What is written in a ticket, and who the citizen is."""
    words, citizen = fulltext.split(*_written(ticket)), fulltext.split(*_of_citizen(ticket))
    return _with_fields(ticket, words, citizen)


def _with_fields(ticket: Ticket, words: str, citizen: str) -> tuple[str, str]:
    """The same with what also stands in tokens of its own."""
    if ticket.extra:
        words = _joined(words, *_particulars(ticket.extras))
    if ticket.home:
        citizen = _joined(citizen, fulltext.named(fulltext.HOME, ticket.home))
    return words, citizen


def _particulars(extras: Mapping[str, str]) -> Iterator[str]:
    """Fields of the kind and category: among all that is written, each by itself, and as a whole."""
    for name, text in extras.items():
        if text:
            field = EXTRAS.get(name)
            yield fulltext.split(*(field.choices or {}).get(text, (text,)) if field else (text,))
            yield fulltext.named(name, text)
            yield fulltext.whole(name, text)


def _joined(*texts: str) -> str:
    return fulltext.GAP.join(filter(None, texts))


def _free(store: Store, doc: int) -> int:
    """The first free place from this one on."""
    behind: dict[int, int] = store.once(_BEHIND, dict)
    free = behind.get(doc, doc)
    if store.rows(_TAKEN, free):
        ((free,),) = store.rows(_GAP, free)
    behind[doc] = free + 1
    return free
