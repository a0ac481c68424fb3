"""Mouth to ear: what the box adds between two SIP phones, and between a phone and a page.

Calls are set up by SIPp; their RTP ends are the bench's own, and so are the pages' WebSockets. Each end
speaks bursts at a moment of its own within the 20 ms, so that every position to the box's clock occurs.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from appliance.calls import wire
from tests.bench.ears import End, Ends, PageEnd, RtpEnd, delays_ms
from tests.bench.figure import Figure, figure
from tests.bench.load import FIRST_AGENT, FIRST_EXTENSION, PASSWORD, hire, register
from tests.bench.machine import cpu_s, look, noise
from tests.box import AGENTS, Box
from tests.phones import Sipp, free_pair

BENCH = "delay"
PHONES = 8
"""Calls between two SIP phones; as many go on with pages as there are agents of the demo."""
SECONDS = 30.0
SETTLE_S = 2.0
RATE = 5
GOAL_SIP_MS, GOAL_PAGE_MS = 45.0, 120.0
PREBUFFER_MS = 60.0
"""What a page stores before it plays (web/static/js/sound/worklet.js), not measured here."""
DIRECTIONS = {
    "sip_to_sip": (0.0, GOAL_SIP_MS),
    "sip_to_browser": (PREBUFFER_MS, GOAL_PAGE_MS),
    "browser_to_sip": (0.0, None),
}
"""What is added to the measure, and the goal."""


def figures() -> Iterator[Figure]:
    """One run."""
    yield from run(PHONES, SECONDS)


def run(phones: int, seconds: float) -> Iterator[Figure]:
    """So many calls between phones, and four with pages."""
    extensions = [
        {"number": str(FIRST_EXTENSION + n), "kind": "sip", "password": PASSWORD} for n in range(phones)
    ]
    extensions += [{"number": f"800{n}"} for n in range(1, len(AGENTS) + 1)]
    calls = phones + len(AGENTS)
    settings = {"sip": {"lines": 2 * calls}, "extension": extensions, "call": {"flow": "direct"}}
    box = Box(("media", "calls", "store"), settings=settings)
    hire(box, phones)
    with box, tempfile.TemporaryDirectory() as folder:
        where, port = Path(folder), free_pair()
        register(box, phones, where, port)
        pages = {agent: page(box, agent, f"800{n}") for n, agent in enumerate(AGENTS, 1)}
        for n in range(phones):
            box.order(wire.SignIn(str(FIRST_AGENT + n), str(FIRST_EXTENSION + n)))
        callers, desks = [RtpEnd(n) for n in range(calls)], [RtpEnd(1000 + n) for n in range(phones)]
        ends: list[End] = [*callers, *desks, *pages.values()]
        desk = ("-p", str(port), "-m", str(phones), *ports(where / "desks.csv", desks))
        hold = ("-m", str(calls), "-r", str(RATE), "-d", str(round(1000 * (seconds + 20))))
        with (
            Ends(ends),
            Sipp("desk", box.sip_port, where, *desk),
            Sipp("ear", box.sip_port, where, *hold, *ports(where / "ears.csv", callers)),
        ):
            for agent in [*AGENTS, *(str(FIRST_AGENT + n) for n in range(phones))]:
                box.order(wire.Ready(agent))
            box.wait_for(lambda: all_talk(box, calls), 20, "all to talk")
            time.sleep(SETTLE_S)
            machine, spent, since_s = look(), cpu_s(box), time.time()
            time.sleep(seconds)
            until_s, after, ended = time.time() - 1, cpu_s(box), look()
            pairs = paired(box, callers, desks, pages)
        yield from judged(pairs, since_s, until_s)
        yield from noise(machine, ended, sum(after.values()) - sum(spent.values())).figures(BENCH)


def judged(pairs: list[tuple[RtpEnd, End]], since_s: float, until_s: float) -> Iterator[Figure]:
    """The figures of every direction."""
    found: dict[str, list[float]] = {name: [] for name in DIRECTIONS}
    lost = dict.fromkeys(DIRECTIONS, 0)
    for caller, agent in pairs:
        there, back = (
            ("sip_to_browser", "browser_to_sip")
            if isinstance(agent, PageEnd)
            else ("sip_to_sip", "sip_to_sip")
        )
        for name, mouth, ear in ((there, caller.mouth, agent.ear), (back, agent.mouth, caller.ear)):
            took_ms, unheard = delays_ms(mouth, ear, since_s, until_s)
            found[name] += took_ms
            lost[name] += unheard
    for name, (stored_ms, goal_ms) in DIRECTIONS.items():
        for percent in (50, 95):
            value = float(np.percentile(found[name], percent)) + stored_ms
            yield figure(BENCH, f"{name}_p{percent}", value, "ms", goal_ms)
        if stored_ms:
            yield figure(BENCH, f"{name}_of_it_stored_by_the_page", stored_ms, "ms")
        yield figure(BENCH, f"{name}_bursts", len(found[name]), "")
        yield figure(BENCH, f"{name}_bursts_not_heard", lost[name], "", 0)


def page(box: Box, agent: str, extension: str) -> PageEnd:
    """An agent's page with its sound, signed in."""
    box.order(wire.SignIn(agent, extension))
    sound = box.order(wire.SoundToken(extension))
    made = PageEnd(2000 + int(agent), int(sound["port"]), str(sound["token"]))
    box.wait_for(lambda: box.seat(agent).phone == "up", name="the page's sound")
    return made


def all_talk(box: Box, calls: int) -> bool:
    """Pick up where a page rings; whether every call is a talk."""
    seats = box.board().seats
    for seat in seats:
        if seat.state == "offered" and seat.agent in AGENTS:
            box.order(wire.Answer(seat.agent))
    return sum(seat.state == "busy" for seat in seats) == calls


def paired(
    box: Box, callers: list[RtpEnd], desks: list[RtpEnd], pages: dict[str, PageEnd]
) -> list[tuple[RtpEnd, End]]:
    """Who talks with whom."""
    base = int(box.settings["sip"]["rtp_base"])
    at = {f"sip/{(end.there[1] - base) // 2}": end for end in [*callers, *desks] if end.there}
    pairs: list[tuple[RtpEnd, End]] = []
    for call in box.calls():
        line = next(party.line for party in call.parties if party.role == "agent")
        pairs.append((at[call.line], pages[call.agent] if call.agent in pages else at[line]))
    return pairs


def ports(path: Path, ends: list[RtpEnd]) -> tuple[str, str]:
    """SIPp's arguments for having the RTP of its calls at these ends."""
    path.write_text("SEQUENTIAL\n" + "".join(f"{end.port};\n" for end in ends))
    return "-inf", str(path)
