"""The matrix of rights: which role opens which pages, makes which moves, sees which fields.

Every right has a default and bounds: `most` is who may have it, `least` who always has it.
What is set counts at the next click.
"""

from appliance.actor import ROLES, Actor
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.rights_table import FIELDS_OF, RIGHTS


class Rights:
    """The rights in force, read from the dictionary."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary

    def roles(self, name: str) -> frozenset[str]:
        """Return which roles have a right; raises KeyError when there is no such right."""
        right = RIGHTS[name]
        said = frozenset(self._dictionary.by_key("right")[name].words("roles"))
        return (said & right.most) | right.least

    def has(self, actor: Actor, name: str) -> bool:
        """Tell whether somebody has a right; the box and the citizen are not bound by any."""
        return bool(actor.roles & self.roles(name)) or actor.roles.isdisjoint(ROLES)

    def makes(self, actor: Actor, move: str, who: frozenset[str], beside: str = "") -> bool:
        """Tell whether the matrix leaves a move to somebody, of those `who` the workflow gives it to.

        `beside` is the kind of strand whose step it is; empty: a move of the ticket itself.
        """
        right = RIGHTS.get(f"step.{beside}.{move}" if beside else f"move.{move}")
        denied = right.default - self.roles(right.name) if right else frozenset()
        return bool((actor.roles & who) - denied)

    def hidden(self, actor: Actor) -> frozenset[str]:
        """Return the fields of tickets that somebody sees only in part."""
        groups = (fields for name, fields in FIELDS_OF.items() if not self.has(actor, name))
        return frozenset().union(*groups)

    def hears(self, actor: Actor) -> bool:
        """Tell whether somebody hears recordings, as far as the matrix has a say in it."""
        return self.has(actor, "field.recording")

    def page(self, name: str) -> frozenset[str]:
        """Return which roles open a group of pages."""
        return self.roles(f"page.{name}")
