"""Puts the states of a workflow into columns from left to right, so that most moves lead to the right.

The known way to draw a graph in layers: turn round what leads back, put each state behind all that
lead to it, pass long lines through empty places, and order each column by where its lines come from.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Edge = tuple[str, str]
SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each state stands, and through which places each line passes."""

    places: Mapping[str, tuple[int, float]]
    """Column, and height in rows."""
    lines: Mapping[Edge, Sequence[tuple[int, float]]]
    """All places a line passes, from its source to its target."""
    columns: int
    rows: float


def laid_out(names: Sequence[str], edges: Sequence[Edge]) -> Layout:
    """Lay a graph out; what stands earlier among the names stands further left."""
    forward, backward = _turned(names, edges)
    column = _columns(names, sorted({*forward, *((b, a) for a, b in backward)}))
    chains = {edge: _chain(edge, column) for edge in dict.fromkeys([*forward, *backward])}
    order = _ordered(names, column, chains)
    height = _heights(order, chains)
    places = {name: (column[name], height[name]) for name in names}
    lines = {edge: [(_column_of(at, column), height[at]) for at in chain] for edge, chain in chains.items()}
    return Layout(places, lines, max(column.values(), default=0) + 1, max(height.values(), default=0) + 0.5)


def _turned(names: Sequence[str], edges: Sequence[Edge]) -> tuple[list[Edge], list[Edge]]:
    """Split the edges into those that lead on and those that lead back, by the order of the names."""
    rank = {name: at for at, name in enumerate(names)}
    on = [edge for edge in edges if rank[edge[0]] < rank[edge[1]]]
    return on, [edge for edge in edges if rank[edge[0]] > rank[edge[1]]]


def _columns(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Each state stands right of all that lead to it, and as near to what it leads to as that allows."""
    column = dict.fromkeys(names, 0)
    for _ in names:
        changed = False
        for a, b in edges:
            if column[b] < column[a] + 1:
                column[b], changed = column[a] + 1, True
        if not changed:
            break
    return column


def _chain(edge: Edge, column: Mapping[str, int]) -> list[str]:
    """The places a line passes; empty places are named after line and column."""
    a, b = edge
    step = 1 if column[b] > column[a] else -1
    between = [f"{a}>{b}>{at}" for at in range(column[a] + step, column[b], step)]
    return [a, *between, b]


def _column_of(at: str, column: Mapping[str, int]) -> int:
    return column[at] if at in column else int(at.rpartition(">")[2])


def _ordered(
    names: Sequence[str], column: Mapping[str, int], chains: Mapping[Edge, Sequence[str]]
) -> list[list[str]]:
    """The places of each column from top to bottom, with few crossings."""
    order: list[list[str]] = [[] for _ in range(max(column.values(), default=0) + 1)]
    for name in names:
        order[column[name]].append(name)
    for chain in chains.values():
        for at in chain[1:-1]:
            order[_column_of(at, column)].append(at)
    beside: dict[str, set[str]] = {}
    for chain in chains.values():
        for a, b in itertools.pairwise(chain):
            beside.setdefault(a, set()).add(b)
            beside.setdefault(b, set()).add(a)
    for sweep in range(SWEEPS):
        columns = range(1, len(order)) if sweep % 2 == 0 else range(len(order) - 2, -1, -1)
        for here in columns:
            there = order[here - 1 if sweep % 2 == 0 else here + 1]
            place = {at: n for n, at in enumerate(there)}
            own = {at: n for n, at in enumerate(order[here])}
            order[here].sort(key=lambda at: (_mean([place[o] for o in beside.get(at, ()) if o in place], own[at]), own[at]))  # fmt: skip # noqa: E501
    return order


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


SPACE = 0.34
"""How much room an empty place takes, in rows."""


def _heights(order: Sequence[Sequence[str]], chains: Mapping[Edge, Sequence[str]]) -> dict[str, float]:
    """Heights near those of the neighbours, nothing overlapping."""
    room = {at: SPACE if ">" in at else 1.0 for column in order for at in column}
    height: dict[str, float] = {}
    for column in order:
        y = 0.0
        for at in column:
            height[at] = y + room[at] / 2
            y += room[at]
    beside: dict[str, list[str]] = {}
    for chain in chains.values():
        for a, b in itertools.pairwise(chain):
            beside.setdefault(a, []).append(b)
            beside.setdefault(b, []).append(a)
    for sweep in range(24):
        columns = order if sweep % 2 == 0 else list(reversed(order))
        for column in columns:
            wish = {at: _mean([height[o] for o in beside.get(at, ())], height[at]) for at in column}
            _settle(column, wish, room, height)
    least = min((height[at] - room[at] / 2 for at in height), default=0.0)
    return {at: y - least for at, y in height.items()}


def _settle(
    column: Sequence[str], wish: Mapping[str, float], room: Mapping[str, float], height: dict[str, float]
) -> None:
    """As near to the wishes as the order of the column allows: blocks that would overlap share a mean."""
    blocks: list[tuple[list[str], float, float]] = []
    for at in column:
        block, size, top = [at], room[at], wish[at] - room[at] / 2
        while blocks and blocks[-1][2] + blocks[-1][1] > top:
            before, before_size, before_top = blocks.pop()
            weight = (before_top * len(before) + (top - before_size) * len(block)) / (
                len(before) + len(block)
            )
            block, size, top = before + block, before_size + size, weight
        blocks.append((block, size, top))
    for block, _, top in blocks:
        for at in block:
            height[at] = top + room[at] / 2
            top += room[at]
