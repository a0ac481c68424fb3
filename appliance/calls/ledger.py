"""The call process's journal: facts stamped at once, durable a moment later, kept through a full disk."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from appliance.events import Event, Fact, Stamp
from appliance.journal import Journal
from appliance.words import N_

HELD_MAX = 200_000
"""Events kept in memory while the disk refuses them; a day of a busy centre."""
RETRY_S = 1.0
FULL = N_("The journal cannot be written (%(reason)s). Free some disk space; nothing is lost meanwhile.")


class Warn(Protocol):
    """Shows a sentence about a subject until an empty one withdraws it."""

    def __call__(self, subject: str, text: str, **values: str) -> None:
        """Show it."""


class Ledger:
    """Collects the facts of one turn of the event loop and writes them with one fsync."""

    def __init__(
        self,
        journal: Journal,
        stamp: Stamp,
        warn: Warn,
        written: Callable[[int, Sequence[Event]], None] = lambda last, events: None,
    ) -> None:
        self._journal = journal
        self._stamp = stamp
        self._warn = warn
        self._written = written
        """Is told what is on disk now, and at which position the last of it stands."""
        self._held: list[Event] = []
        self._then: list[Callable[[], None]] = []
        self._scheduled = False

    def note(self, fact: Fact, durable: Callable[[], None] | None = None) -> Event:
        """Keep a fact; `durable` is called once it is on disk."""
        event = self._stamp.event(fact)
        if len(self._held) >= HELD_MAX:
            return event  # a day's facts are held already: this one is lost, and must not be called durable
        self._held.append(event)
        if durable is not None:
            self._then.append(durable)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self.write)
        return event

    def new_subject(self) -> bytes:
        """Return an id for a call whose first fact follows."""
        return self._stamp.eid()

    def write(self) -> None:
        """Write what is held; when the disk refuses, keep it and try again."""
        self._scheduled = False
        if not self._held:
            return
        try:
            last = self._journal.append(self._held)
        except OSError as error:
            self._warn("journal", FULL, reason=error.strerror or str(error))
            self._scheduled = True
            asyncio.get_running_loop().call_later(RETRY_S, self.write)
            return
        self._warn("journal", "")
        written, self._held = self._held, []
        self._written(last, written)
        then, self._then = self._then, []
        for call in then:
            call()
