"""Draws a workflow as SVG: columns from left to right, every move a line with its code."""

import itertools
from collections.abc import Mapping, Sequence
from html import escape

from appliance.tickets.layers import Edge, Layout, laid_out
from appliance.tickets.process import START, Move, Workflow
from appliance.tickets.workflow import STATES

BOX_W, BOX_H = 72, 36
GAP_W, ROW_H = 26, 54
EDGE, TOP = 10, 8
ON, BACK = "#8b95a3", "#c07b6b"
"""Colours of lines that lead on, and back."""
COLOURS: Mapping[str, tuple[str, str]] = {
    "intake": ("#eef3fb", "#5b7db1"),
    "undispatched": ("#fdf3e1", "#b9812a"),
    "dispatched": ("#fdf3e1", "#b9812a"),
    "handling": ("#e8f4ee", "#3c8a63"),
    "open": ("#f3eefb", "#7d63b1"),
    "closed": ("#f0f1f3", "#7a828e"),
    "": ("#eef3fb", "#5b7db1"),
}
"""Filling and border by the list a state stands in."""
ORDER = (
    *("DRAFT", "CALLBACK_NA", "REGISTERED", "NEED_INFO", "VERIFYING", "REJECT_REVIEW", "REJECTED", "MERGED"),
    *("ACCEPTED", "SELF_HANDLING", "TRANSFERRED", "DISPATCHED", "HANDLING", "RETURN_REVIEW", "SUSPENDED"),
    *("FEEDBACK", "CHECKING", "CALLBACK", "DISSAT_REVIEW", "CLOSE_REVIEW", "UNDER_REVIEW", "REVIEWED"),
    *("UNDER_RECHECK", "FINAL", "CLOSED", "WITHDRAWN", "ARCHIVED"),
)
"""From left to right; a move against it leads back."""
FONT = "system-ui, 'Noto Sans SC', 'Microsoft YaHei', 'PingFang SC', sans-serif"


def svg(workflow: Workflow, language: str = "zh") -> str:
    """Return the drawing; it needs no style sheet and no script, and may stand in a page as it is."""
    chinese = language.startswith("zh")
    moves: dict[Edge, list[Move]] = {}
    for move in workflow.moves:
        if move.source in workflow.states and move.target in workflow.states:
            moves.setdefault((move.source, move.target), []).append(move)
    names = sorted(workflow.states, key=lambda name: ORDER.index(name) if name in STATES else 0)
    layout = laid_out(names, list(moves))
    ports = _ports(layout)
    width = int(EDGE * 2 + layout.columns * (BOX_W + GAP_W) - GAP_W)
    height = int(EDGE * 2 + TOP + layout.rows * ROW_H)
    title = escape(workflow.id)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-label="{title}" font-family="{FONT}" class="workflow-drawing">',
        "<defs>" + _arrow("on", ON) + _arrow("back", BACK) + "</defs>",
    ]
    parts += [_line(edge, layout, ports, found, chinese) for edge, found in moves.items()]
    parts += [_state(name, layout, workflow, chinese) for name in names]
    parts += [_beginning(move, layout, chinese) for move in workflow.moves if move.source == START]
    return "\n".join([*filter(None, parts), "</svg>", ""])


def _arrow(name: str, colour: str) -> str:
    return (
        f'<marker id="wf-{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6"'
        f' orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{colour}"/></marker>'
    )


def _x(column: int) -> float:
    return EDGE + column * (BOX_W + GAP_W)


def _y(row: float) -> float:
    return EDGE + TOP + row * ROW_H


def _ports(layout: Layout) -> Mapping[tuple[Edge, bool], float]:
    """How far from the middle of its box each line leaves, and (True) arrives, so that none hides another."""
    sides: dict[tuple[str, bool], list[tuple[float, Edge, bool]]] = {}
    for edge, places in layout.lines.items():
        back = places[-1][0] < places[0][0]
        sides.setdefault((edge[0], not back), []).append((places[1][1], edge, False))
        sides.setdefault((edge[1], back), []).append((places[-2][1], edge, True))
    found = {}
    for lines in sides.values():
        apart = min(7.0, (BOX_H - 8) / len(lines))
        for at, (_, edge, arriving) in enumerate(sorted(lines)):
            found[edge, arriving] = (at - (len(lines) - 1) / 2) * apart
    return found


def _line(
    edge: Edge,
    layout: Layout,
    ports: Mapping[tuple[Edge, bool], float],
    moves: Sequence[Move],
    chinese: bool,
) -> str:
    places = layout.lines.get(edge, ())
    if len(places) < 2:
        return ""
    back = places[-1][0] < places[0][0]
    points = _points(places, back, ports[edge, False], ports[edge, True])
    path = f"M{points[0][0]:.0f} {points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        bend = (x2 - x1) / 2
        path += f" C{x1 + bend:.0f} {y1:.1f} {x2 - bend:.0f} {y2:.1f} {x2:.0f} {y2:.1f}"
    colour, dash, mark = (BACK, ' stroke-dasharray="4 3"', "back") if back else (ON, "", "on")
    words = " · ".join(f"{move.code} {move.zh if chinese else move.en}" for move in moves)
    # On a long line the code stands where it passes its first empty place, for there the lines are apart.
    (x1, y1), (x2, y2) = points[1:3] if len(points) > 2 else points[:2]
    y = (y1 + y2) / 2 + 3 + (0 if len(points) > 2 else 5 if back else -5)
    codes = "/".join(move.code for move in moves)
    return (
        f'<g class="wf-move" data-from="{edge[0]}" data-to="{edge[1]}"><title>{escape(words)}</title>'
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.2"{dash}'
        f' marker-end="url(#wf-{mark})"/>'
        f'<text x="{(x1 + x2) / 2:.0f}" y="{y:.1f}" font-size="9.5" fill="#4a5462"'
        ' text-anchor="middle" paint-order="stroke" stroke="#fff" stroke-width="2.5">'
        f"{escape(codes)}</text></g>"
    )


def _points(
    places: Sequence[tuple[int, float]], back: bool, leaves: float, arrives: float
) -> list[tuple[float, float]]:
    """From the edge of one box to the edge of the other, through the middle of empty places."""
    inner = [point for column, row in places[1:-1] for point in _through(column, row, back)]
    (a, ya), (b, yb) = places[0], places[-1]
    begin, end = (_x(a), _x(b) + BOX_W) if back else (_x(a) + BOX_W, _x(b))
    return [(begin, _y(ya) + leaves), *inner, (end, _y(yb) + arrives)]


def _through(column: int, row: float, back: bool) -> list[tuple[float, float]]:
    ends = [(_x(column), _y(row)), (_x(column) + BOX_W, _y(row))]
    return ends[::-1] if back else ends


def _beginning(move: Move, layout: Layout, chinese: bool) -> str:
    """A short arrow out of a dot, for what begins a ticket."""
    if move.target not in layout.places:
        return ""
    column, row = layout.places[move.target]
    x, y = _x(column) + 12, _y(row) - BOX_H / 2
    words = escape(f"{move.code} {move.zh if chinese else move.en}")
    return (
        f'<g class="wf-move" data-from="" data-to="{move.target}"><title>{words}</title>'
        f'<circle cx="{x:.0f}" cy="{y - 15:.1f}" r="3.5" fill="#3b4656"/>'
        f'<path d="M{x:.0f} {y - 12:.1f} V{y:.1f}" stroke="#3b4656" stroke-width="1.2"'
        f' marker-end="url(#wf-on)"/><text x="{x + 6:.0f}" y="{y - 12:.1f}" font-size="9.5"'
        f' fill="#4a5462">{escape(move.code)}</text></g>'
    )


def _state(name: str, layout: Layout, workflow: Workflow, chinese: bool) -> str:
    column, row = layout.places[name]
    x, y = _x(column), _y(row)
    state = workflow.states[name]
    fill, border = COLOURS[state.list if name in STATES else ""]
    lines = _wrapped(state.zh if chinese else state.en, 5 if chinese else 14)
    size = 12 if chinese else 9
    pitch = 13 if chinese else 10.5
    first = y - (len(lines) - 1) * pitch / 2 + size * 0.35
    text = "".join(
        f'<tspan x="{x + BOX_W / 2:.0f}" y="{first + at * pitch:.1f}">{escape(line)}</tspan>'
        for at, line in enumerate(lines)
    )
    return (
        f'<g class="wf-state" data-state="{name}"><title>{escape(name)}</title>'
        f'<rect x="{x:.0f}" y="{y - BOX_H / 2:.0f}" width="{BOX_W}" height="{BOX_H}" rx="6" fill="{fill}"'
        f' stroke="{border}"/><text font-size="{size}" fill="#1d2633" text-anchor="middle">{text}</text></g>'
    )


def _wrapped(text: str, most: int) -> list[str]:
    """At most three short lines; Chinese breaks anywhere, English between words."""
    if " " not in text:
        each = -(-len(text) // max(1, -(-len(text) // most)))
        return [text[at : at + each] for at in range(0, len(text), each or 1)][:3]
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > most:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines[:3]
