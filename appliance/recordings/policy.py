"""Which calls are recorded: a decision from a table of rules, and from nothing else.

Rules are tried in the order they were written; the first that fits decides, and a call that
none fits is recorded. What a rule does not name does not matter to it. A rule for queues or
agents fits only once the call has one, so a call may be recorded from later on, or not on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from appliance.published import Recorded

ALWAYS = "always"
"""From answer to end; nobody can stop it."""
NEVER = "never"
ASKED = "asked"
"""Only while the agent asks for it."""
ROLLING = "rolling"
"""From answer to end, and removed after a few days unless somebody asks to keep it."""
WAYS = (ALWAYS, NEVER, ASKED, ROLLING)
DIRECTIONS = ("", "in", "out")
RULES_MAX = 500
NAME_MAX = 60


@dataclass(frozen=True, slots=True)
class About:
    """What a call is about, as far as it is known yet."""

    direction: str
    """in or out."""
    lines: tuple[str, ...]
    """Its line, and the trunk it came by."""
    number: str = ""
    """The hotline number that was called."""
    queue: str = ""
    agent: str = ""
    """Who answers for the caller."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How a call is recorded, and by which rule; no rule means that none fits."""

    way: str
    rule: str = ""


def decide(about: About, rules: Sequence[Recorded]) -> Decision:
    """Return how a call is recorded; there is always one decision."""
    return next((Decision(rule.record, rule.name) for rule in rules if fits(rule, about)), Decision(ALWAYS))


def fits(rule: Recorded, about: About) -> bool:
    """Tell whether everything the rule names is so."""
    return (
        rule.direction in ("", about.direction)
        and (not rule.lines or any(fnmatchcase(line, like) for line in about.lines for like in rule.lines))
        and (not rule.numbers or about.number in rule.numbers)
        and (not rule.queues or about.queue in rule.queues)
        and (not rule.agents or about.agent in rule.agents)
    )


def faults(rules: Sequence[Recorded], queues: set[str]) -> Iterator[tuple[int, list[str], str]]:
    """Name what cannot work: which rule, from 0, the keys that lead there, and why."""
    if len(rules) > RULES_MAX:
        yield RULES_MAX, ["recorded"], f"more than {RULES_MAX} rules"
    names = [rule.name for rule in rules]
    for nth, rule in enumerate(rules):
        if not 0 < len(rule.name) <= NAME_MAX or rule.name in names[:nth]:
            yield nth, ["recorded", "name"], f'name "{rule.name}" is used twice, empty or too long'
        if rule.record not in WAYS:
            yield nth, ["recorded", "record"], f'record "{rule.record}" is none of {", ".join(WAYS)}'
        if rule.direction not in DIRECTIONS:
            said = ", ".join(word for word in DIRECTIONS if word)
            yield nth, ["recorded", "direction"], f'direction "{rule.direction}" is none of {said}'
        if unknown := set(rule.queues) - queues:
            yield nth, ["recorded", "queues"], f"there is no queue {', '.join(sorted(unknown))}"
        for key in ("lines", "numbers", "agents"):
            if not all(0 < len(word) <= NAME_MAX for word in getattr(rule, key)):
                yield nth, ["recorded", key], f"a word of {key} is empty or too long"
