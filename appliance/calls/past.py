"""What the call process must know of the time before it, folded from its journal.

Calls that were cut off, agents on duty, forwards, callbacks that wait, who spoke with whom last. The fold
goes on while the process lives and is written down now and then (`keep`), with the place in the
journal it stands at, so that a start reads little, however long the journal is and whatever
the store has taken out of it meanwhile. Nothing depends on the file: without it, the end of the
journal is read.
"""

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from appliance.calls.callbacks import GIVEN_UP_MAX
from appliance.calls.waiting import REMEMBERED
from appliance.events import Event
from appliance.journal import FileJournal

BATCH = 5000
KEEP_EVERY = 5000
"""Events between two keepings: what a start has to read again."""
READ_MOST = 100_000
"""Events that are read when nothing was kept: some days of a busy centre."""
CAMPAIGNS_MOST = 300
"""Events of campaigns that may be on disk here and not yet in the campaign's own journal."""
OPEN_MOST = 5000
"""Calls that may be going on at once; more than that were lost long ago."""
FORMAT = 2


class Kept(msgspec.Struct):
    """A callback that was asked for and is not over."""

    queue: str
    number: str
    caller: str
    since_s: float
    asked_s: float
    priority: int = 0
    place: int = 1
    area: str = ""
    tries: int = 0
    given_up: bool = False


class Past(msgspec.Struct):
    """How things stand at `position` of the journal. Ids are hexadecimal."""

    position: int = 0
    format: int = FORMAT
    open_calls: dict[str, str] = {}
    """Call to caller."""
    signed_in: dict[str, tuple[str, str, str]] = {}
    """Agent to extension, state and reason."""
    forwards: dict[str, dict[str, tuple[str, str, str]]] = {}
    """Extension to where its calls go, by when; with where that was set, and by whom."""
    callbacks: dict[str, Kept] = {}
    """By the call they were asked in."""
    campaigns: list[tuple[str, str, str, msgspec.Raw]] = []
    """What campaigns noted last: event, campaign, kind, facts; older ones stand in journals of their own."""
    spoke: dict[str, tuple[str, float]] = {}
    """Caller to the agent spoken with last, and when; the longest ago first."""
    kept: int = 0
    """The position that was written down last."""

    def fold(self, position: int, event: Event) -> None:
        """Go on by one event; what is none of ours, or cannot be read, changes nothing."""
        fold = FOLDS.get(event.kind) or (_campaign if event.kind.startswith("campaign.") else None)
        if fold is not None:
            with contextlib.suppress(KeyError, TypeError, ValueError):
                fold(self, event)
        self.position = position

    @property
    def due(self) -> bool:
        """Whether it is time to write it down."""
        return self.position >= self.kept + KEEP_EVERY


def read_past(journal: FileJournal, path: Path) -> Past:
    """What was kept, and the journal behind it; without it the end of the journal."""
    past = _kept(path)
    if past is None or past.position > journal.last:
        past = Past(position=max(0, journal.last - READ_MOST))
    while past.position < journal.last:
        try:
            batch = journal.read(past.position, BATCH)
        except ValueError:
            _read_one(past, journal)
            continue
        for position, event in batch:
            past.fold(position, event)
        if not batch:
            break
    if past.due:
        keep(past, path)
    return past


def _read_one(past: Past, journal: FileJournal) -> None:
    """Go on by one line; what cannot be read was told by the store and is passed over."""
    try:
        for position, event in journal.read(past.position, 1):
            past.fold(position, event)
    except ValueError:
        past.position += 1


def keep(past: Past, path: Path) -> None:
    """Write it down, at once or not at all. Not durable before the disk likes: the journal is."""
    past.kept = past.position
    partial = path.with_suffix(f".{os.getpid()}.part")
    try:
        partial.write_bytes(msgspec.json.encode(past))
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)


def _kept(path: Path) -> Past | None:
    try:
        past = msgspec.json.decode(path.read_bytes(), type=Past)
    except (OSError, msgspec.DecodeError):
        return None
    return past if past.format == FORMAT else None


def _rang(past: Past, event: Event) -> None:
    past.open_calls[event.subject.hex()] = str(event.facts.get("caller") or "")
    while len(past.open_calls) > OPEN_MOST:
        del past.open_calls[next(iter(past.open_calls))]


def _answered(past: Past, event: Event) -> None:
    caller = past.open_calls.get(event.subject.hex(), "")
    if caller and event.facts["agent"]:
        past.spoke.pop(caller, None)
        past.spoke[caller] = str(event.facts["agent"]), event.at_s
        if len(past.spoke) > REMEMBERED:
            del past.spoke[next(iter(past.spoke))]


def _ended(past: Past, event: Event) -> None:
    past.open_calls.pop(event.subject.hex(), None)


def _agent(past: Past, event: Event) -> None:
    facts = event.facts
    if facts["state"] == "offline" or not facts["extension"]:
        past.signed_in.pop(facts["agent"], None)
    else:
        past.signed_in[facts["agent"]] = (facts["extension"], facts["state"], str(facts.get("reason", "")))


def _forwarded(past: Past, event: Event) -> None:
    facts = event.facts
    extension, by = str(facts["extension"]), str(facts.get("by", ""))
    origin = str(facts.get("origin", "phone" if by == extension else "page"))
    past.forwards.setdefault(extension, {})[str(facts["when"])] = str(facts["to"]), origin, by


def _asked(past: Past, event: Event) -> None:
    facts = event.facts
    past.callbacks[event.subject.hex()] = Kept(
        queue=str(facts["queue"]),
        number=str(facts["number"]),
        caller=str(facts.get("caller", "")),
        since_s=float(facts.get("since_s", event.at_s)),
        asked_s=event.at_s,
        priority=int(facts.get("priority", 0)),
        place=int(facts.get("place", 1)),
        area=str(facts.get("area", "")),
    )


def _failed(past: Past, event: Event) -> None:
    past.callbacks[event.subject.hex()].tries = int(event.facts["tries"])


def _given_up(past: Past, event: Event) -> None:
    past.callbacks[event.subject.hex()].given_up = True
    over = [cid for cid, callback in past.callbacks.items() if callback.given_up]
    for cid in over[:-GIVEN_UP_MAX]:
        del past.callbacks[cid]


def _over(past: Past, event: Event) -> None:
    past.callbacks.pop(event.subject.hex(), None)


def _campaign(past: Past, event: Event) -> None:
    past.campaigns.append((event.eid.hex(), event.subject.hex(), event.kind, msgspec.Raw(event.body)))
    del past.campaigns[:-CAMPAIGNS_MOST]


FOLDS: Mapping[str, Callable[[Past, Event], None]] = {
    "call.ringing": _rang,
    "call.answered": _answered,
    "call.ended": _ended,
    "agent.state": _agent,
    "extension.forwarded": _forwarded,
    "callback.asked": _asked,
    "callback.failed": _failed,
    "callback.given_up": _given_up,
    "callback.done": _over,
    "callback.cancelled": _over,
}
"""What each kind of event makes of it."""
