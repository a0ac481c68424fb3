"""Words of tickets that people maintain: kinds, urgencies, reasons, marks; entries of the dictionary."""

from collections.abc import Mapping

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.kind import Choices
from appliance.refused import Refused
from appliance.tickets.fields import FIELDS

SOURCE = "source"
EXTRA = "extra."


class Maintained:
    """What may stand in the fields of tickets now, and what ever stood there."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary

    def known(self, field: str) -> Choices | None:
        """Return all words a field ever had, with their names; None when nobody maintains them.

        Of a further field (`extra.NAME`) only its own name is told, under no word.
        """
        if field.startswith(EXTRA):
            names = self._dictionary.names("extra_field").get(field.removeprefix(EXTRA))
            return {"": names} if names else None
        kind = FIELDS[field].maintained if field in FIELDS else ""
        return self._dictionary.names(kind) if kind else None

    def offered(self, field: str) -> Choices | None:
        """Return the words that may be chosen now; None when nobody maintains them."""
        kind = FIELDS[field].maintained if field in FIELDS else ""
        return self._dictionary.choices(kind) if kind else None

    def check(self, fields: Mapping[str, object]) -> None:
        """Refuse a word that was taken out of use; raises Refused."""
        for name, value in fields.items():
            offered = self.offered(name) if value else None
            if offered is not None and str(value) not in offered:
                raise Refused("bad_choice", "Choose %(field)s from the list.", field=FIELDS[name].en)

    def source(self, word: str) -> bool:
        """Tell whether a ticket can come by a source; what comes by one out of use is not lost."""
        return word in self._dictionary.names(SOURCE)
