"""Lists people maintain as tables of words: all that was ever there is named, what is in use is listed."""

from collections.abc import Iterator, Mapping

from appliance.dictionary.kind import Choices
from web.context import box


class Maintained(Mapping[str, tuple[str, str]]):
    """A list of the dictionary as pages read it: looked up with retired words, walked without them."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __getitem__(self, word: str) -> tuple[str, str]:
        return box().dictionary.names(self._kind)[word]

    def __contains__(self, word: object) -> bool:
        return word in box().dictionary.names(self._kind)

    def __iter__(self) -> Iterator[str]:
        return iter(box().dictionary.choices(self._kind))

    def __len__(self) -> int:
        return len(box().dictionary.choices(self._kind))


KINDS = Maintained("ticket_kind")
SOURCES = Maintained("source")
URGENCIES = Maintained("urgency")
CLOSINGS = Maintained("closing")


def words_of(field: str) -> Choices | None:
    """Return the words that may be chosen for a ticket's field; None when nobody maintains them."""
    found: Choices | None = box().tickets.maintained.offered(field)
    return found


def named_in(field: str, word: str) -> tuple[str, str] | None:
    """Return the names of a word of a ticket's field, in use or not."""
    return (box().tickets.maintained.known(field) or {}).get(word)
