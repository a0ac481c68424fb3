"""The matrix of rights: which role opens which pages, makes which moves, sees which fields.

Every right has a default and bounds: `most` is who may have it, `least` who always has it.
What is set counts at the next click.
"""

from appliance.actor import ROLES, Actor
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.rights_table import RIGHTS


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

    def makes(self, actor: Actor, move: str) -> bool:
        """Tell whether somebody may make a move, as far as the matrix has a say in it."""
        name = f"move.{move}"
        return name not in RIGHTS or self.has(actor, name)

    def sees(self, actor: Actor, field: str) -> bool:
        """Tell whether somebody sees a group of fields: citizen, phone, id_number, address, recording."""
        return self.has(actor, f"field.{field}")

    def page(self, name: str) -> frozenset[str]:
        """Return which roles open a group of pages."""
        return self.roles(f"page.{name}")
