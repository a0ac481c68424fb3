"""What a database has to do for the store: all that differs between SQLite and PostgreSQL, and nothing else.

SQL is written once, for both, with `?` where values go. Where the two need different words, both
forms stand side by side under one name: here in the engines, for full text in appliance/tickets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, Protocol

import peewee

if TYPE_CHECKING:
    from appliance.store.model import Table
    from appliance.tickets.fulltext import FullText

_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)
BUSY_S = 10
"""How long a writer waits for the one before it."""


class Listener(Protocol):
    """Hears of commits of other processes."""

    def fileno(self) -> int:
        """A descriptor that becomes readable when there is news."""
        ...

    def take(self) -> bool:
        """Whether there was news since last asked, without waiting; OperationalError when deaf."""
        ...

    def close(self) -> None:
        """Hear no more."""
        ...


class Engine(Protocol):
    """One database, opened; safe for threads as far as peewee is."""

    name: str
    """sqlite or postgres."""
    database: peewee.Database
    text: FullText
    """How tickets are found by their words."""
    aborts: bool
    """Whether a transaction is of no use after a statement that failed in it."""
    for_update: str
    """Behind a SELECT: nobody else changes these rows until this transaction ends."""
    aside: str
    """Before a column: do not look for it by an index."""
    only_digits: str
    """The condition that a column holds digits only."""
    body_holds: str
    """The condition that the body of an event holds certain bytes."""

    def marks(self, sql: str) -> str:
        """A statement with `?` as the driver takes it."""
        ...

    def make(self, tables: Sequence[type[Table]]) -> None:
        """Make what is missing of tables, columns and indexes; call inside a transaction."""
        ...

    def begin(self) -> None:
        """Be the only writer from here to the end of the transaction; call first in it."""
        ...

    def execute_many(self, sql: str, values: Iterable[Sequence[object]]) -> None:
        """Run a statement for many rows; raises peewee's errors."""
        ...

    def kept(self, bodies: Sequence[bytes], own: bool) -> list[bytes]:
        """Bodies of events as the log takes them; `own` were written here. They are read as they were."""
        ...

    def version(self) -> object:
        """Another value whenever somebody else has committed since; costs little."""
        ...

    def checkpoint(self) -> None:
        """Do now what a writer would have to do later; waits for nobody."""
        ...

    def listener(self) -> Listener | None:
        """Who tells of commits; None where the kernel does, for the database is files."""
        ...

    def reason(self, error: BaseException) -> BaseException:
        """What went wrong, as an OperationalError where it is the world's fault and not the statement's."""
        ...

    def recovered(self) -> bool:
        """Whether the connection of this thread was lost, and is now a new one."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...


def holds(column: str) -> str:
    """The condition that a text holds what `containing` makes of some letters, written large or small."""
    return f"lower({column}) LIKE ? ESCAPE '\\'"


def containing(letters: str) -> str:
    """The value for `holds`. Only Latin letters have two sizes: both databases know no others."""
    plain = letters.translate(_SMALL)
    return "%" + plain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def as_peewee(error: Exception) -> peewee.DatabaseError:
    """An error of a driver as peewee's of the same name."""
    for kind in type(error).__mro__:
        found = getattr(peewee, kind.__name__, None)
        if isinstance(found, type) and issubclass(found, peewee.PeeweeException):
            return found(*error.args)  # type: ignore[return-value]
    return peewee.DatabaseError(*error.args)
