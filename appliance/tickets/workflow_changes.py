"""What became of the moves from one version of a workflow to the next."""

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.tickets.process import Move

ASPECTS = (
    *("source", "target", "who", "zh", "en", "name", "needs", "takes", "complete", "reason", "guards"),
    *("ratings", "final"),
)
"""What of a move may differ, in the order people are told."""


@dataclass(frozen=True, slots=True)
class Change:
    """A move that was added, taken out, or is another than before."""

    code: str
    before: Move | None
    after: Move | None

    @property
    def aspects(self) -> list[str]:
        """What differs, when it stands in both."""
        if self.before is None or self.after is None:
            return []
        return [name for name in ASPECTS if getattr(self.before, name) != getattr(self.after, name)]


def changes(before: Sequence[Move], after: Sequence[Move]) -> list[Change]:
    """Compare two tables by the codes of their moves, in the order of the later one; what went comes last."""
    old, new = ({move.code: move for move in moves} for moves in (before, after))
    found = [Change(code, old.get(code), move) for code, move in new.items() if old.get(code) != move]
    return found + [Change(code, move, None) for code, move in old.items() if code not in new]
