"""A figure as the bench prints it: what was measured, what it should be, and what Asterisk needs."""

from typing import Any

Figure = dict[str, Any]


def figure(
    bench: str,
    name: str,
    value: float,
    unit: str,
    goal: float | None = None,
    reference: float | None = None,
) -> Figure:
    """One figure; a goal is met when the value is not above it. `reference` is Asterisk's."""
    return {
        "bench": bench,
        "figure": name,
        "value": round(value, 3),
        "unit": unit,
        "goal": goal,
        "reference": reference,
        "met": None if goal is None else value <= goal,
    }
