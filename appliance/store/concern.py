"""At the hub: whose streams an event belongs in, and what follows when matters begin or end to concern sites.

The table `interest` says which site was told of which subject. A site newly concerned gets the
whole history first, then what comes live; one no longer concerned is told so by an event, and
when it is concerned again the history comes once more, behind it the event that says so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.entry import Entry, subject_of
from appliance.dictionary.sites import above as sites_above
from appliance.events import Event, Fact
from appliance.interest import (
    GAINED,
    LOST,
    Down,
    given_to,
    goes_down,
    may_end,
    of_ticket,
    with_above,
    word_subject,
)

if TYPE_CHECKING:
    from appliance.store.store import Store

Fresh = dict[tuple[bytes, int], None]
"""Subject and site it is news to, in order."""
Streams = dict[str, list[bytes]]
Append = Callable[[str, Sequence[bytes]], None]
"""Puts events at the end of a peer's stream."""
BODY_BYTES = 60_000
"""A larger body fits in no frame; such an event stays here and is shown in quarantine."""
ASKED_AT_ONCE = 500
LOOKED_AT_ONCE = 500
"""So many subjects move in one transaction when the tree of sites changes, the newest first."""
_PUT_OFF = (
    "INSERT INTO unsettled (subject) SELECT DISTINCT subject FROM interest WHERE true ON CONFLICT DO NOTHING"
)
_NEXT_PUT_OFF = "SELECT subject FROM unsettled ORDER BY subject DESC LIMIT ?"
INTERESTED = "INSERT INTO interest (subject, site) VALUES (?, ?) ON CONFLICT DO NOTHING"
_NO_MORE = "DELETE FROM interest WHERE subject = ? AND site = ?"
_WHO = "SELECT site FROM interest WHERE subject = ?"
_OF_TICKETS = (
    "SELECT DISTINCT i.site FROM ticket AS t JOIN interest AS i ON i.subject = t.tid WHERE t.customer = ?"
)
_OF_MERGED = (
    "SELECT DISTINCT i.site FROM customer AS c JOIN interest AS i ON i.subject = c.cid WHERE c.master = ?"
)


@lru_cache(1024)
def peer_name(site: int) -> str:
    """The name of the peer that is this site: hub, or site-007."""
    return f"site-{site:03d}" if site else "hub"


class Concern:
    """What a batch of new events, which came by the peer `via`, means for the streams of the hub."""

    def __init__(self, store: Store, events: Sequence[Event], via: str) -> None:
        self.streams: Streams = {}
        self.doubtful: dict[bytes, None] = {}
        """Subjects of which it must be looked whether somebody is concerned no longer."""
        self._store = store
        self._via = via
        self._above = above(store)
        downs = [(event, goes_down(event)) for event in events]
        bound = {event.subject for event, down in downs if down is Down.SUBJECT}
        self._interest = interested(store, bound)
        self._fresh: Fresh = {}
        for event, down in downs:
            if down is Down.SUBJECT:
                self._notice(event)
        self._follow(event for event, down in downs if down is Down.SUBJECT)
        everybody: list[int] | None = None
        for event, down in downs:
            sites: Iterable[int] = ()
            if down is Down.SUBJECT:
                told = self._interest[event.subject]
                sites = [site for site in sorted(told) if (event.subject, site) not in self._fresh]
            elif down is Down.EVERYBODY:
                everybody = _sites(store) if everybody is None else everybody
                sites = everybody
            elif down is Down.ORIGIN:
                sites = (int.from_bytes(event.subject[8:10], "big"),)
            elif down is Down.NAMED:
                sites = self._named(event)
            for site in sites:
                self._tell(site, event.eid)
        self._tell_history()
        self.regained = _told_off(store, self._fresh)
        """What concerns a site again that was told once that it does not."""

    def _notice(self, event: Event) -> None:
        """Learn from one event of a subject whom it newly concerns, and whether anybody no longer."""
        told = self._interest.setdefault(event.subject, set())
        named = _named_by(self._store, event)
        is_entry = event.kind.startswith("dictionary.")
        concerned = named if is_entry else with_above(self._above, named)
        for site in sorted(concerned - told):
            told.add(site)
            self._fresh[event.subject, site] = None
        if told - concerned and (is_entry or may_end(event)):
            self.doubtful[event.subject] = None

    def _follow(self, events: Iterable[Event]) -> None:
        """Customers concern whom their tickets concern, and whoever they are merged into as well."""
        links = [(subject, site) for subject, site in self._fresh]
        found = customers_of(self._store, {subject for subject, _ in links})
        pairs = [(found[subject], site) for subject, site in links if subject in found]
        for event in events:
            linked = _customer_in(event)
            if linked:
                pairs += [(linked, site) for site in sorted(self._interest[event.subject])]
        while pairs:
            known = interested(self._store, {cid for cid, _ in pairs})
            new = [(cid, site) for cid, site in dict.fromkeys(pairs) if site not in known.get(cid, ())]
            new = [pair for pair in new if pair not in self._fresh]
            for cid, site in new:
                self._fresh[cid, site] = None
                if cid in self._interest:
                    self._interest[cid].add(site)
            masters = _masters(self._store, {cid for cid, _ in new})
            pairs = [(masters[cid], site) for cid, site in new if cid in masters]

    def _named(self, event: Event) -> Sequence[int]:
        """Whom a word about interest is for; one that a site gives back to a restored hub is looked at."""
        site, subject = event.facts.get("site"), _from_hex(event.facts.get("of"))
        if type(site) is not int:
            return ()
        if self._via:
            self.doubtful[subject] = None
            if event.kind == LOST:
                self._store.execute(_NO_MORE, subject, site)
        return (site,)

    def _tell(self, site: int, eid: bytes) -> None:
        name = peer_name(site)
        if site and name != self._via:
            self.streams.setdefault(name, []).append(eid)

    def _tell_history(self) -> None:
        if not self._fresh:
            return
        self._store.execute_many(INTERESTED, self._fresh)
        told = history(self._store, {subject for subject, _ in self._fresh})
        for subject, site in self._fresh:
            name = peer_name(site)
            eids = [eid for eid, came_by in told[subject] if came_by != name]
            self.streams.setdefault(name, []).extend(eids)


def again(
    store: Store,
    events: Sequence[Event],
    concern: Concern,
    append: Append,
) -> None:
    """Look anew whom subjects concern, after what a batch brought.

    Who is concerned no longer gets the event that says so, which is written here; who is
    concerned again after that gets the whole history, and the event behind it. After a change of
    the tree of sites that is done of the newest subjects; the rest waits for `settle`.
    """
    kinds = {event.facts.get("entry_kind") for event in events if event.kind.startswith("dictionary.")}
    waiting = dict.fromkeys(concern.doubtful)
    if "site" in kinds:
        store.execute(_PUT_OFF)
        waiting |= dict.fromkeys(_take_unsettled(store))
    if "unit" in kinds:
        waiting |= dict.fromkeys(_people(store))
    words = [_word(GAINED, subject, site) for subject, site in concern.regained]
    _look_anew(store, waiting, words, append)


def settle(store: Store, append: Append) -> int:
    """Look anew whom the next subjects concern that wait for it; return how many. Inside a transaction."""
    waiting = _take_unsettled(store)
    _look_anew(store, waiting, [], append)
    return len(waiting)


def _look_anew(store: Store, subjects: Iterable[bytes], words: list[Fact], append: Append) -> None:
    waiting = deque(subjects)
    tree = above(store) if waiting else {}
    while waiting:
        subject = waiting.popleft()
        told = {site for (site,) in store.rows(_WHO, subject)}
        concerned = wanted(store, subject, tree)
        if concerned is None or concerned == told:
            continue
        for site in sorted(concerned - told):
            store.execute(INTERESTED, subject, site)
            name = peer_name(site)
            append(name, [eid for eid, via in history(store, {subject})[subject] if via != name])
            words += [_word(GAINED, *pair) for pair in _told_off(store, [(subject, site)])]
        for site in sorted(told - concerned):
            store.execute(_NO_MORE, subject, site)
            words.append(_word(LOST, subject, site))
        waiting += customers_of(store, {subject}).values()
    if words:
        store.record(*words)


def _told_off(store: Store, pairs: Iterable[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    """Those subjects and sites of which the hub has said once that they are no matter of theirs."""
    by_word = {word_subject(subject, site): (subject, site) for subject, site in pairs}
    rows = _among(store, "SELECT DISTINCT subject FROM event WHERE subject IN", by_word)
    said = {bytes(word) for (word,) in rows}
    return [pair for word, pair in by_word.items() if word in said]


def wanted(store: Store, subject: bytes, tree: Mapping[int, int]) -> set[int] | None:
    """Return whom a subject concerns by all that is known; None for what is never taken away."""
    events = store.history(subject)
    families = {event.kind.split(".", 1)[0] for event in events}
    if "ticket" in families:
        return with_above(tree, of_ticket(events))
    if "dictionary" in families:
        return _of_person(store, subject)
    if "sample" in families:
        return None
    writers = {event.site for event in events}
    for sql, key in ((_OF_TICKETS, subject.hex()), (_OF_MERGED, subject)):
        writers |= {site for (site,) in store.rows(sql, key)}
    return with_above(tree, writers)


def above(store: Store) -> Mapping[int, int]:
    """Return the tree of sites: of each the one above it."""
    sites = Dictionary(store).all("site")
    return sites_above(sites) if sites else {}


def history(store: Store, subjects: set[bytes]) -> dict[bytes, list[tuple[bytes, str]]]:
    """Return the events of subjects in the total order, each with the peer it came by."""
    told: dict[bytes, list[tuple[bytes, str]]] = {subject: [] for subject in subjects}
    sql = f"SELECT subject, eid, via FROM event WHERE length(body) <= {BODY_BYTES} AND subject IN"
    for subject, eid, via in sorted(_among(store, sql, subjects), key=lambda row: bytes(row[1])):
        told[bytes(subject)].append((bytes(eid), via))
    return told


def customers_of(store: Store, tickets: set[bytes]) -> dict[bytes, bytes]:
    """Return the customer of each of these tickets that has one."""
    rows = _among(store, "SELECT tid, customer FROM ticket WHERE customer <> '' AND tid IN", tickets)
    return {bytes(tid): cid for tid, customer in rows if (cid := _from_hex(customer))}


def interested(store: Store, subjects: set[bytes]) -> dict[bytes, set[int]]:
    """Return which sites were told of subjects."""
    known: dict[bytes, set[int]] = {}
    for subject, site in _among(store, "SELECT subject, site FROM interest WHERE subject IN", subjects):
        known.setdefault(bytes(subject), set()).add(site)
    return known


def _word(kind: str, subject: bytes, site: int) -> Fact:
    return Fact(kind, {"site": site, "of": subject.hex()}, word_subject(subject, site))


def _named_by(store: Store, event: Event) -> set[int]:
    """The sites an event concerns by itself."""
    family = event.kind.split(".", 1)[0]
    if family == "dictionary":
        return _of_person(store, event.subject)
    sites = {event.site, given_to(event) or 0}
    if event.kind == "sample.drawn":
        units = Dictionary(store).by_key("unit")
        named = [units.get(str(case["unit"])) for case in event.facts["cases"]]
        sites |= {_site_of(unit) for unit in named}
    return sites


def _of_person(store: Store, subject: bytes) -> set[int]:
    """The site of the unit of somebody whom the centre looks after; nobody's is the centre itself."""
    dictionary = Dictionary(store)
    for person in dictionary.by_key("person").values():
        if subject_of("person", person.key) == subject:
            return {_site_of(dictionary.get("unit", person.text("unit")))} - {0}
    return set()


def _site_of(unit: Entry | None) -> int:
    site = unit.fields.get("site") if unit else None
    return site if isinstance(site, int) else 0


def _people(store: Store) -> list[bytes]:
    """All people, for a unit that works elsewhere now has them with it."""
    return [subject_of("person", person.key) for person in Dictionary(store).all("person", True)]


def _take_unsettled(store: Store) -> list[bytes]:
    """Take the next subjects off the list of those that wait to be looked at; newest first."""
    found = [bytes(subject) for (subject,) in store.rows(_NEXT_PUT_OFF, LOOKED_AT_ONCE)]
    store.execute_many("DELETE FROM unsettled WHERE subject = ?", [(subject,) for subject in found])
    return found


def _customer_in(event: Event) -> bytes:
    """The customer an event links its subject to."""
    if event.kind == "customer.merged":
        return _from_hex(event.facts.get("into"))
    if event.kind not in ("ticket.created", "ticket.edited") or b'"customer"' not in event.body:
        return b""
    fields = event.facts.get("fields")
    return _from_hex(fields.get("customer")) if isinstance(fields, dict) else b""


def _from_hex(text: object) -> bytes:
    try:
        return bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        return b""


def _masters(store: Store, customers: set[bytes]) -> dict[bytes, bytes]:
    sql = "SELECT cid, master FROM customer WHERE master IS NOT NULL AND cid IN"
    return {bytes(cid): bytes(master) for cid, master in _among(store, sql, customers)}


def _sites(store: Store) -> list[int]:
    return [site for (site,) in store.rows("SELECT site FROM peer ORDER BY site")]


def _among(store: Store, sql: str, values: Iterable[bytes]) -> Iterator[Any]:
    asked = sorted(values)
    for start in range(0, len(asked), ASKED_AT_ONCE):
        part = asked[start : start + ASKED_AT_ONCE]
        yield from store.rows(f"{sql} ({', '.join('?' * len(part))})", *part)
