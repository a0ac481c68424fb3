"""The picture in ARCHITECTURE.md: CPU of a call-second against the number of calls, ours and Asterisk's.

``make bench ONLY=plot`` measures and draws it anew: ``cpu.svg`` beside this file, by hand, for a picture of
two dozen points needs no library.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from tests.bench import call, queued
from tests.bench.figure import Figure, figure
from tests.bench.load import Load, Run, ivr
from tests.bench.load import queued as run_queued

BENCH = "plot"
PICTURE = Path(__file__).parent / "cpu.svg"
IVR_CALLS = (10, 25, 50, 100, 200, 300, 400)
QUEUE_CALLS = (10, 25, 50, 100)
RAMP_S, MOST_RATE = 8.0, 25.0
TOGETHER_S = 16.0
"""How long all calls of a point go on at once."""

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 56, 624, 48, 372
CALLS_MOST, MS_MOST = 420, 15
CALLS_STEP, MS_STEP = 50, 1
FONT = "font-family='sans-serif' font-size='12' fill='#333'"

Points = Mapping[int, float]
"""Calls to milliseconds of CPU a call-second."""


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one kind, and how they are drawn."""

    title: str
    points: Points
    colour: str
    dashed: bool = False
    below: bool = False
    """Whether its numbers stand below its points."""


def figures() -> Iterator[Figure]:
    """Measure every point, and write the picture."""
    ours: dict[str, dict[int, float]] = {"ivr": {}, "queue": {}}
    for kind, numbers, measure, goal_ms in (
        ("ivr", IVR_CALLS, ivr, call.GOAL_MS),
        ("queue", QUEUE_CALLS, run_queued, queued.GOAL_MS),
    ):
        for calls in numbers:
            rate = min(MOST_RATE, calls / RAMP_S)
            run: Run = measure(Load(calls, calls / rate + TOGETHER_S, rate))
            ours[kind][calls] = run.total_ms
            at = f"{kind}_at_{calls}_calls"
            yield figure(BENCH, f"cpu_{at}", run.total_ms, "ms/s", goal_ms if calls in (100, 200) else None)
            yield figure(BENCH, f"ticks_late_10ms_{at}", 100 * run.late, "%")
            for one in run.noise.figures(BENCH):
                yield {**one, "figure": f"{one['figure']}_{at}"}
    PICTURE.write_text(drawn(series(ours["ivr"], ours["queue"])), "utf-8")


def series(ivr_ms: Points, queue_ms: Points) -> list[Series]:
    """All that is in the picture."""
    # Asterisk's second IVR point was measured where two cores are full: at 184 calls, not 200.
    asterisk = {100: call.ASTERISK_MS[100], 184: call.ASTERISK_MS[200]}
    return [
        Series("Asterisk 22, queue + bridge + recording", queued.ASTERISK_MS, "#b45309", dashed=True),
        Series("Asterisk 22, IVR + recording", asterisk, "#d97706", dashed=True),
        Series("Hotline Box, queue + bridge + recording", queue_ms, "#1e3a8a"),
        Series("Hotline Box, IVR + recording", ivr_ms, "#2563eb", below=True),
    ]


def drawn(all_series: Sequence[Series]) -> str:
    """The picture as SVG."""
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}'>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' fill='white'/>",
        *_axes(),
        *_goal(call.GOAL_MS, "goal IVR"),
        *_goal(queued.GOAL_MS, "goal queue"),
    ]
    for number, one in enumerate(all_series):
        parts += _curve(one)
        parts += _legend(one, number)
    return "\n".join([*parts, "</svg>", ""])


def _x(calls: float) -> float:
    return LEFT + (RIGHT - LEFT) * calls / CALLS_MOST


def _y(ms: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * min(ms, MS_MOST) / MS_MOST


def _text(x: float, y: float, what: str, anchor: str = "middle") -> str:
    return f"<text x='{x:.0f}' y='{y:.0f}' text-anchor='{anchor}' {FONT}>{escape(what)}</text>"


def _axes() -> Iterator[str]:
    yield _text(LEFT, 24, "CPU of all processes, ms a call-second (less is better)", "start")
    yield _text((LEFT + RIGHT) / 2, BOTTOM + 36, "calls at once")
    for ms in range(0, MS_MOST + 1, MS_STEP):
        y = _y(ms)
        yield f"<path d='M{LEFT} {y:.1f}H{RIGHT}' stroke='{'#999' if ms == 0 else '#eee'}'/>"
        yield _text(LEFT - 8, y + 4, str(ms), "end")
    for calls in range(0, CALLS_MOST, CALLS_STEP):
        yield f"<path d='M{_x(calls):.1f} {BOTTOM}v5' stroke='#999'/>"
        yield _text(_x(calls), BOTTOM + 19, str(calls))


def _goal(ms: float, title: str) -> Iterator[str]:
    yield f"<path d='M{LEFT} {_y(ms):.1f}H{RIGHT}' stroke='#16a34a' stroke-dasharray='2 3'/>"
    yield _text(RIGHT + 6, _y(ms) + 4, f"{title} {ms:g}", "start")


def _curve(one: Series) -> Iterator[str]:
    at = [(_x(calls), _y(ms)) for calls, ms in sorted(one.points.items())]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in at)
    dash = " stroke-dasharray='6 4'" if one.dashed else ""
    yield f"<path d='M{path}' fill='none' stroke='{one.colour}' stroke-width='2'{dash}/>"
    for (x, y), (calls, ms) in zip(at, sorted(one.points.items()), strict=True):
        yield f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='{one.colour}'>"
        yield f"<title>{calls} calls: {ms:.2f} ms</title></circle>"
        yield _text(x, y + (18 if one.below else -9), f"{ms:.1f}" if ms >= 5 else f"{ms:.2f}")


def _legend(one: Series, number: int) -> Iterator[str]:
    y = _y(11.6) + 18 * number
    yield f"<path d='M{_x(225):.0f} {y:.0f}h24' stroke='{one.colour}' stroke-width='2'/>"
    yield _text(_x(225) + 32, y + 4, one.title, "start")
