"""Which unit a matter belongs to: rules by category, area, kind, source, urgency and time of day; pure.

Rules are asked in their order; the first that fits decides. Where none fits the category's own
unit is proposed. A rule proposes, or dispatches by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

FIELDS = ("category", "area", "kind", "source", "urgency")
"""What rules look at besides the time."""


@dataclass(frozen=True, slots=True)
class Matter:
    """What a rule looks at of a ticket; `category` and `area` come with all that stands above them."""

    category: Sequence[str] = ()
    area: Sequence[str] = ()
    kind: str = ""
    source: str = ""
    urgency: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; what is left empty fits everything."""

    key: str
    unit: str
    assisting: tuple[str, ...] = ()
    automatic: bool = False
    category: frozenset[str] = frozenset()
    area: frozenset[str] = frozenset()
    kind: frozenset[str] = frozenset()
    source: frozenset[str] = frozenset()
    urgency: frozenset[str] = frozenset()
    since: str = ""
    until: str = ""
    """HH:MM; from `since` to `until`, over midnight when `until` is earlier."""
    days: str = ""
    """work, rest, or empty for both."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The unit proposed, and why."""

    unit: str
    assisting: tuple[str, ...] = ()
    rule: str = ""
    """Empty: by the category."""
    automatic: bool = False


def misfit(rule: Rule, matter: Matter, at: datetime, worked: bool) -> str:
    """Say why a rule does not fit: the name of what it asks for; empty when it fits."""
    for name in FIELDS:
        wanted: frozenset[str] = getattr(rule, name)
        given = getattr(matter, name)
        have = (given,) if isinstance(given, str) else given
        if wanted and wanted.isdisjoint(have):
            return name
    if not _within(rule, f"{at:%H:%M}"):
        return "time"
    if rule.days and (rule.days == "work") != worked:
        return "days"
    return ""


def first(rules: Sequence[Rule], matter: Matter, at: datetime, worked: bool) -> Rule | None:
    """Return the first rule that fits."""
    return next((rule for rule in rules if not misfit(rule, matter, at, worked)), None)


def suggested(
    rules: Sequence[Rule],
    matter: Matter,
    at: datetime,
    worked: bool,
    own_unit: Mapping[str, str],
) -> Suggestion | None:
    """Propose a unit: by rule, else the unit of the category or of what stands above it; None: nobody knows.

    `own_unit` gives the units of categories.
    """
    rule = first(rules, matter, at, worked)
    if rule is not None:
        return Suggestion(rule.unit, rule.assisting, rule.key, rule.automatic)
    unit = next((own_unit[code] for code in matter.category if own_unit.get(code)), "")
    return Suggestion(unit) if unit else None


def _within(rule: Rule, now: str) -> bool:
    if not rule.since and not rule.until:
        return True
    since, until = rule.since or "00:00", rule.until or "24:00"
    return since <= now < until if since <= until else now >= since or now < until
