"""The customer file as people work with it: found by number exactly, written, merged and taken apart.

A number may belong to several people: then somebody chooses, the box never guesses.
"""

from collections.abc import Mapping, Sequence

from appliance.customers import table
from appliance.customers.customer import FIELDS, NUMBERS_MAX, PERSONAL, Customer, clean, written
from appliance.events import Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.engine import containing, holds
from appliance.store.store import Store

WRITERS = frozenset({"AG", "TL", "DP", "CB", "SV", "AD"})
JOINERS = frozenset({"AG", "TL", "DP", "AD"})
REDACTORS = frozenset({"LD", "AD"})
DEPTH = 8
"""So many merges are followed."""
AMONG_MAX = 30
"""So many people on one number are offered."""


class CustomerFile:
    """Customers of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, cid: bytes) -> Customer:
        """Return a customer; raises Refused("unknown_customer")."""
        found = table.select(self._store, "cid = ?", cid)
        if not found:
            raise Refused("unknown_customer", "This customer is not in the file.")
        return found[0]

    def standing(self, cid: bytes) -> Customer:
        """Return the customer this one was merged into, or itself."""
        customer = self.get(cid)
        for _ in range(DEPTH):
            if customer.master is None or customer.master == customer.cid:
                break
            customer = self.get(customer.master)
        return customer

    def by_number(self, number: str) -> list[Customer]:
        """Everybody who has exactly this number, whoever wrote last first; never a guess."""
        if not number:
            return []
        found = table.select(
            self._store,
            "cid IN (SELECT cid FROM customer_number WHERE number = ?) ORDER BY changed_s DESC, cid LIMIT ?",
            *(number, AMONG_MAX),
        )
        standing = {customer.cid: customer for customer in (self.standing(one.cid) for one in found)}
        return list(standing.values())

    def family(self, customer: Customer) -> list[Customer]:
        """The customer and everybody merged into it."""
        found, cids = [customer], [customer.cid]
        for _ in range(DEPTH):
            marks = ", ".join("?" * len(cids))
            more = table.select(self._store, f"master IN ({marks}) ORDER BY cid LIMIT 200", *cids)
            more = [one for one in more if one.cid not in {there.cid for there in found}]
            if not more:
                break
            found += more
            cids = [one.cid for one in more]
        return found

    def create(self, actor: Actor, fields: Mapping[str, object]) -> Customer:
        """Put a new customer into the file; a name or a number is needed."""
        _may(actor, WRITERS)
        given = clean(fields)
        if not given.get("name") and not given.get("numbers"):
            raise Refused("missing", "Fill in %(field)s.", field=FIELDS["name"].en)
        facts = {**written(None, {"kind": "person", **given}), **_by(actor)}
        (event,) = self._store.record(Fact("customer.created", facts))
        return self.get(event.eid)

    def edit(
        self, actor: Actor, cid: bytes, fields: Mapping[str, object], seen: bytes | None = None
    ) -> Customer:
        """Change what was written; a page that has not seen the last change is refused with "changed"."""
        _may(actor, WRITERS)
        given = clean(fields)
        with self._store.transaction():
            customer = self.get(cid)
            if seen is not None and seen < customer.last_eid:
                raise Refused(
                    "changed", "Somebody else has changed this customer meanwhile. Look at it again."
                )
            if facts := written(customer, given):
                self._store.record(Fact("customer.edited", {**facts, **_by(actor)}, cid))
        return self.get(cid)

    def merge(self, actor: Actor, cid: bytes, into: bytes) -> Customer:
        """Say that two are one: `cid` stays as it was written, and is shown as part of `into`."""
        _may(actor, JOINERS)
        with self._store.transaction():
            customer, master = self.get(cid), self.standing(into)
            if master.cid == cid or cid in {one.cid for one in self.family(customer)} & {master.cid}:
                raise Refused("same_customer", "This is the same customer. Choose another one.")
            if customer.master is not None:
                raise Refused("changed", "This customer is merged already. Take it apart first.")
            self._store.record(Fact("customer.merged", {"into": master.cid.hex(), **_by(actor)}, cid))
        return master

    def split(self, actor: Actor, cid: bytes) -> Customer:
        """Take a merged customer out again, as it was."""
        _may(actor, JOINERS)
        with self._store.transaction():
            if self.get(cid).master is None:
                raise Refused("changed", "This customer stands by itself already.")
            self._store.record(Fact("customer.split", _by(actor), cid))
        return self.get(cid)

    def redact(self, actor: Actor, cid: bytes, fields: Sequence[str], reason: str) -> Customer:
        """Blank personal data for good in everything that is shown; who did it and why stays."""
        _may(actor, REDACTORS)
        words = " ".join(reason.split())[:1000]
        named = [name for name in PERSONAL if name in fields]
        if not named or not words:
            raise Refused("missing", "Choose what is to be blanked, and say why.")
        self.get(cid)
        self._store.record(Fact("customer.redacted", {"fields": named, "reason": words, **_by(actor)}, cid))
        return self.get(cid)

    def search(self, text: str, limit: int = 50) -> list[Customer]:
        """Customers by number, its last digits, or part of the name; without a text the newest."""
        words = " ".join(text.split())[:60]
        order = "ORDER BY changed_s DESC, cid LIMIT ?"
        if not words:
            return table.select(self._store, f"master IS NULL {order}", limit)
        like = containing(words)
        having = (
            "SELECT coalesce(c.master, n.cid) FROM customer_number n JOIN customer c ON c.cid = n.cid"
            f" WHERE {holds('n.number')}"
        )
        return table.select(
            self._store,
            f"master IS NULL AND ({holds('name')} OR cid IN ({having})) {order}",
            *(like, like, limit),
        )

    def of_filing(self, actor: Actor, number: str, name: str, chosen: str = "", behalf: bool = False) -> str:
        """Whose file a new ticket belongs to (hex), or empty when nobody can tell.

        Who was chosen is taken; their name stays as it is in the file, and a further number is added
        unless they speak for somebody else. Without a choice the number decides together with the
        exact name; a number nobody has makes a new customer; several people and no name: nobody.
        """
        if chosen:
            customer = self.standing(_cid(chosen))
            room = len(customer.numbers) < NUMBERS_MAX
            if number and number not in customer.numbers and room and not behalf:
                self.edit(actor, customer.cid, {"numbers": (*customer.numbers, number)})
            return customer.cid.hex()
        there = self.by_number(number)
        same = [customer for customer in there if customer.name == name] if name else there
        if len(same) == 1:
            return same[0].cid.hex()
        if not number or same or not actor.has(*WRITERS):
            return ""
        nameless = [customer for customer in there if not customer.name]
        if name and len(there) == len(nameless) == 1:
            return self.edit(actor, nameless[0].cid, {"name": name}).cid.hex()
        return self.create(actor, {"name": name, "numbers": (number,)}).cid.hex()


def _cid(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Refused("unknown_customer", "This customer is not in the file.") from None


def _may(actor: Actor, roles: frozenset[str]) -> None:
    if not actor.has(*roles):
        raise Refused("not_yours", "Your role does not allow this step.")


def _by(actor: Actor) -> dict[str, str]:
    return {"by": actor.number, "name": actor.name}
