"""What a kind of entry is: its columns, who edits it, what it ships with. Data, no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from appliance.actor import Actor
    from appliance.dictionary.entry import Entry

Value: TypeAlias = object
"""As in the log: str, int, float, bool, None, a list of str, an object of str, or any JSON."""
Choices: TypeAlias = Mapping[str, tuple[str, str]]
"""Word in the log: Chinese and English name."""
Type = Literal[
    "text",
    "lines",
    "int",
    "number",
    "flag",
    "choice",
    "choices",
    "entry",
    "entries",
    "words",
    "limits",
    "time",
    "date",
    "site",
    "json",
]
"""What a column holds: one line, several lines, a whole number, a number, yes or no, one or
several of `choices`, the key of one or several entries of `refers`, words, spans of time by
entries of `refers` (`{"complaint": "15wd"}`), HH:MM, YYYY-MM-DD, a site, any JSON."""

Authority = Literal["central", "shared", "own", "local"]
"""Who writes entries where boxes belong to a hub, and where they go.

central: the hub alone, and every site has them. shared: the hub and, with codes of its own, a site;
everybody has both. own: the hub's go to every site, a site's stay there. local: nothing travels.
"""

KEY_MAX: Final = 64
ENTRIES_MAX: Final = 20_000
"""More entries of one kind are refused."""
DEPTH_MAX: Final = 8
"""Deeper trees are refused."""
ITEMS_MAX: Final = 200
"""More items in one list are refused."""


@dataclass(frozen=True, slots=True)
class Column:
    """One field of an entry: names for people, and what may be in it."""

    name: str
    zh: str
    en: str
    type: Type = "text"
    limit: int = 60
    """Most characters; of a list, of each item; of JSON, of all of it."""
    choices: Choices | None = None
    refers: str = ""
    """The kind whose keys may stand here."""
    required: bool = False
    default: Value = None
    """None: what is empty for this type."""
    least: float | None = None
    most: float | None = None
    note_zh: str = ""
    note_en: str = ""
    """What it means, one sentence."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One change as a check of its kind sees it."""

    actor: Actor
    before: Entry | None
    after: Entry
    others: Mapping[str, Entry]
    """Everything of the kind as it would be."""


Rows: TypeAlias = Mapping[str, Mapping[str, Value]]
"""Entries by key, each with its fields."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing people maintain."""

    name: str
    zh: str
    en: str
    subject: str
    """Under which heading of the settings it stands, one of SUBJECTS."""
    columns: Sequence[Column]
    editors: frozenset[str] = frozenset({"AD"})
    """Roles that may change it."""
    tree: bool = False
    """Entries stand in a tree by their column `parent`."""
    ordered: bool = True
    """People choose the order (column `place`); otherwise entries go by their key."""
    shipped: Rows = field(default_factory=dict)
    """Entries every box has, unless they were changed or retired."""
    closed: bool = False
    """No entries but the shipped ones."""
    columns_of: Callable[[str], Sequence[Column]] | None = None
    """Columns that depend on the key, instead of `columns`; raises Refused for an unknown key."""
    check: Callable[[Wish], None] | None = None
    """A last look before a change is written; raises Refused."""
    key_pattern: str = r"[0-9A-Za-z][0-9A-Za-z_.\-]{0,31}"
    hidden: bool = False
    """Has pages of its own instead of the general ones."""
    authority: Authority = "central"

    def columns_for(self, key: str) -> Sequence[Column]:
        """Return the columns of one entry."""
        return self.columns_of(key) if self.columns_of else self.columns


def named(limit: int = 60) -> tuple[Column, Column]:
    """The two columns nearly every kind begins with."""
    return (
        Column("name", "名称", "Name", limit=limit, required=True),
        Column("name_en", "英文名称", "English name", limit=limit),
    )


def pick_list(choices: Choices) -> dict[str, dict[str, Value]]:
    """Turn a table of words with names into shipped entries, in its order."""
    return {
        word: {"name": zh, "name_en": en, "place": 10 * place}
        for place, (word, (zh, en)) in enumerate(choices.items(), 1)
    }
