"""The table of figures in ARCHITECTURE.md: ``python -m tests.bench.table FILE`` with the bench's JSON lines.

``make figures`` measures everything and then does this.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench.figure import Figure
from tests.box import ROOT

DOCUMENT = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- figures: make figures writes what follows -->", "<!-- end of figures -->"
BLOCK = re.compile(f"{BEGIN}\n.*?{END}", re.S)
ROWS: Mapping[tuple[str, str], str] = {
    ("call", "cpu_at_100_calls"): "IVR + recording with digits, 100 calls: CPU a call-second",
    ("call", "cpu_at_200_calls"): "the same, 200 calls",
    ("queue", "cpu_at_50_calls"): "queue + bridge + recording, 50 calls (100 legs): CPU a call-second",
    ("queue", "cpu_at_100_calls"): "the same, 100 calls (200 legs)",
    ("queue", "gaps_over_40ms_at_100_calls"): "RTP gaps over 40 ms at 100 queued calls",
    ("setup", "cpu_per_empty_call"): "an empty call set up and taken down: CPU",
    ("setup", "answered_p99_at_20_a_second"): "20 set-ups a second, answered, 99th percentile",
    ("full", "seconds_with_all_calls"): "300 recorded IVR calls at once, for",
    ("full", "answered_p99_at_20_a_second"): "… set up 20 a second, answered, 99th percentile",
    ("full", "frames"): "… frames of ours the kernel saw",
    ("full", "frames_missing"): "… of them missing",
    ("full", "frames_late_20ms"): "… of them late by more than 20 ms",
    ("full", "worst_frame"): "… the latest frame",
    ("full", "ticks_late_10ms"): "… ticks later than 10 ms",
    ("delay", "sip_to_sip_p95"): "mouth to ear, added between two SIP legs, 95th percentile",
    ("delay", "sip_to_browser_p95"): "the same, to a browser, with the 60 ms it stores",
    ("headset", "sip_to_chromium_p95"): "the same, measured in chromium, without its output's own delay",
    ("call", "memory_rss_media_and_calls_at_200_calls"): "memory of media and calls at 200 calls (RSS)",
    ("call", "memory_pss_with_store_at_200_calls"): "memory of media, calls and store at 200 calls (PSS)",
    ("call", "memory_rss_with_store_at_200_calls"): "the same (RSS, which counts shared pages three times)",
    (
        "queue",
        "memory_rss_media_and_calls_at_100_calls",
    ): "memory of media and calls at 100 queued calls (RSS)",
    ("tickets", "list_view_p95"): "a million tickets: a list with its counts, 95th percentile",
    ("tickets", "combined_query_p95"): "… two to five conditions together",
    ("tickets", "full_text_search_p95"): "… full text",
    ("tickets", "opening_a_ticket_of_200_events_p95"): "… opening a ticket with 200 events",
    ("tickets", "moves_a_second"): "… steps of the workflow a second, each durable",
    ("tickets", "moves_to_bare_inserts"): "… as a share of bare inserts of the same rows",
    ("tickets", "folding_anew_events_a_second"): "… events folded anew a second",
    ("tickets", "database_bytes_a_ticket"): "… database a ticket",
    ("tickets", "memory_of_a_web_worker"): "… memory of a web worker",
}
"""What is shown, in its order, in words."""
NOISE = ("machine_steal", "machine_others")
UNITS = {"ms/s": "ms"}


def table(figures: Iterable[Figure]) -> str:
    """Figures as Markdown, and how noisy the machine was."""
    found = {(one["bench"], one["figure"]): one for one in figures}
    rows = ["| figure | measured | goal | Asterisk | met |", "|---|---|---|---|---|"]
    rows += [_row(title, found[key]) for key, title in ROWS.items() if key in found]
    return "\n".join([*rows, "", *_noise(found)])


def write(figures: Iterable[Figure], document: Path = DOCUMENT) -> None:
    """Put the table into the document."""
    text = document.read_text("utf-8")
    assert BLOCK.search(text), f"{document.name} has no place for figures"
    block = f"{BEGIN}\n{table(figures)}\n{END}"
    document.write_text(BLOCK.sub(lambda _: block, text), "utf-8")


def _row(title: str, one: Figure) -> str:
    unit = UNITS.get(one["unit"], str(one["unit"]))
    met = {True: "yes", False: "**no**", None: ""}[one["met"]]
    cells = [_number(one[name], unit) for name in ("value", "goal", "reference")]
    return f"| {title} | {' | '.join(cells)} | {met} |"


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:.0f} {unit}".strip() if value >= 10_000 else f"{value:.4g} {unit}".strip()


def _noise(found: Mapping[tuple[str, str], Figure]) -> Iterator[str]:
    noise = {
        name: max(
            (one["value"] for (_, figure), one in found.items() if figure.startswith(name)), default=0.0
        )
        for name in NOISE
    }
    others, steal = noise["machine_others"], noise["machine_steal"]
    yield f"Other processes had at worst {others:.0f} % of the cores meanwhile, the host {steal:.1f} %."


def main(arguments: Sequence[str]) -> int:
    """Write the table of a file's figures; lines that are none are passed over."""
    lines = Path(arguments[0]).read_text("utf-8").splitlines()
    write([json.loads(line) for line in lines if line.startswith("{")])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
