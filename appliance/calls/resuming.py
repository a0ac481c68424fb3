"""Calls outlive the call process: how each stands is noted, and the next life takes up what still stands.

First SIP says which lines still have their dialogs, then media which of them still have their sound;
a call all of whose lines have both goes on, and any other is lost, and says so.
"""

import asyncio
import logging
from collections.abc import Callable, Container
from pathlib import Path

from appliance.calls.call import Call
from appliance.calls.exchange import Exchange, Ongoing
from appliance.calls.ledger import Ledger
from appliance.calls.legs import Leg
from appliance.calls.lines import Lines
from appliance.calls.room import Room
from appliance.calls.roster import BROWSER
from appliance.calls.seats import Seats
from appliance.calls.standing import Gone, Note, Stands, Trial, ends, stands
from appliance.events import Fact
from hardware.browser import BrowserLine
from hardware.line import BrowserToken, Cause, Line
from hardware.media import wire as media
from hardware.memory import Memory
from hardware.sip.endpoint import SipLine

log = logging.getLogger("calls")

TRIAL_S = 10.0
"""Who dies this soon after calls were taken up takes none up the next time."""
SOUND_S = 5.0
"""How long calls wait for the media process to say which of them still have their sound."""


class Resuming:
    """Notes how calls stand, and takes up those of an earlier life. All methods run in the event loop."""

    def __init__(
        self,
        path: Path,
        exchange: Exchange,
        seats: Seats,
        lines: Lines,
        ledger: Ledger,
        sound: Callable[[media.Order], bool],
    ) -> None:
        self._memory: Memory[Note] = Memory(path, Note, ends)
        self._exchange = exchange
        self._seats = seats
        self._lines = lines
        self._ledger = ledger
        self._sound = sound
        self._past: dict[str, Stands] = {}
        """Calls of an earlier life that are still to be taken up."""
        self._then: Callable[[], None] = lambda: None
        self._alarms: list[asyncio.TimerHandle] = []
        self._dirty: dict[str, Ongoing] = {}
        self._noted: dict[str, Stands] = {}
        exchange.stir = self.stir

    # Noting

    def stir(self, party: Ongoing) -> None:
        """A call may stand otherwise than before: once all is done that is to be done now, note how."""
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self.write)
        self._dirty[party.talk.name] = party

    def write(self) -> None:
        """Note every call that stands otherwise than was noted."""
        dirty, self._dirty = self._dirty, {}
        notes: list[Note] = []
        for name, party in dirty.items():
            note = self._stands(party)
            if note is None:
                if self._noted.pop(name, None) is not None:
                    notes.append(Gone(name))
            elif note != self._noted.get(name):
                self._noted[name] = note
                notes.append(note)
        if notes:
            self._memory.write(notes)

    def _stands(self, party: Ongoing) -> Stands | None:
        talk = party.talk
        if self._exchange.party(talk) is not party:
            return None
        flow = talk.run.flow
        return stands(
            party,
            self._seats.legs.of(talk),
            self._seats.engaged(talk),
            self._exchange.tapes.stand(talk.name),
            self._exchange.flows.get(flow.name) is flow,
        )

    # Taking up

    def load(self, open_calls: Container[str]) -> set[str]:
        """Read what an earlier life noted of calls that are still open; the lines they are on.

        No calls, when that life died as soon as it had taken calls up.
        """
        notes = [note for _, note in self._memory.load()]
        past = [note for note in notes if isinstance(note, Stands)]
        again = any(isinstance(note, Trial) for note in notes)
        if again:
            log.warning("the process died within %.0f s of taking calls up: none is taken up now", TRIAL_S)
        elif past:
            self._memory.write([Trial(True)])
        for note in past:
            if not again and note.key in open_calls:
                self._past[note.key] = note
            else:
                self._memory.write([Gone(note.key)])
        if again:
            self._memory.write([Trial(False)])
        return {line for note in self._past.values() for line in note.lines}

    def may_go_on(self, cid: str) -> bool:
        """Whether a call may still be taken up."""
        return cid in self._past

    def begin(self, then: Callable[[], None]) -> None:
        """All lines are open: lose what has no line any more; `then` is called when all is taken up."""
        self._then = then
        for note in list(self._past.values()):
            if not self._whole(note):
                self._lose(note)
        if not self._past:
            self._passed()
            return self._done()
        loop = asyncio.get_running_loop()
        self._alarms = [
            loop.call_later(SOUND_S, self.take_up, media.Kept([], [], 0.0)),
            loop.call_later(TRIAL_S, self._passed),
        ]
        return None

    def keep(self) -> media.Keep:
        """What the media process is to go on with."""
        past = [note for note in self._past.values() if self._whole(note)]
        lines = [line for note in past for line in note.lines]
        tapes = [note.tape.tape for note in past]
        return media.Keep(lines, [tape.id for tape in tapes if tape is not None and tape.id])

    def take_up(self, kept: media.Kept) -> None:
        """Media has said what goes on: so do its calls, in the order they came."""
        past = sorted(self._past.values(), key=lambda note: note.talk.joined_s or note.call.started_s)
        self._past = {}
        going_on = []
        for note in past:
            try:
                if self._whole(note) and set(note.lines) <= set(kept.lines):
                    going_on.append(self._stood(note, kept))
                    continue
            except Exception:
                log.exception("call %s cannot go on", note.key)
            self._lose(note)
        for party in going_on:
            try:
                self._go_on(party, kept.gap_s)
            except Exception:
                log.exception("call %s could not go on", party.talk.name)
                party.line.hangup(Cause.TEMPORARY_FAILURE)
        if past:
            log.info("%d of %d calls go on after %.2f s", len(going_on), len(past), kept.gap_s)
            self._done()

    def close(self) -> None:
        """The process ends as it should: nothing is to be taken up."""
        for alarm in self._alarms:
            alarm.cancel()
        self.write()
        self._memory.write([Trial(False), *(Gone(name) for name in self._noted)])
        self._memory.close()

    def _done(self) -> None:
        then, self._then = self._then, lambda: None
        then()

    def _passed(self) -> None:
        self._memory.write([Trial(False)])

    def _whole(self, note: Stands) -> bool:
        return all(self._has_call(name, note) for name in note.lines)

    def _has_call(self, name: str, note: Stands) -> bool:
        line = self._lines.get(name)
        if isinstance(line, SipLine):
            return line.busy and not self._exchange.taken(name) and not self._seats.legs.taken(name)
        return isinstance(line, BrowserLine) and line.idle and bool(note.tokens.get(name))

    def _line(self, name: str) -> Line:
        line = self._lines.get(name)
        assert line is not None
        return line

    def _stood(self, note: Stands, kept: media.Kept) -> Ongoing:
        """The call as it stood, its people in it; nothing is heard or said yet. Raises when it cannot be."""
        flow = note.own_flow or self._exchange.flows[note.flow]
        party = self._exchange.stand(Call.standing(note.call), flow, self._line(note.call.line))
        party.talk.stood(note.talk)
        party.recorded, party.trunk, party.extension = note.recorded, note.trunk, note.extension
        party.agent, party.rests, party.through = note.agent, note.rests, note.through
        party.next_numbers, party.room = list(note.next_numbers), Room(note.room)
        legs = [
            Leg(
                self._line(leg.line),
                party.talk,
                leg.purpose,
                leg.agent,
                leg.who,
                leg.by,
                leg.rests,
                leg.extension,
                True,
            )
            for leg in note.legs
        ]
        self._noted[note.key] = note
        for name, token in note.tokens.items():
            line = self._line(name)
            assert isinstance(line, BrowserLine)
            line.go_on(token)
            self._lines.moved(line, BrowserToken(token))
            self._seats.phone_changed(name.removeprefix(BROWSER))
        self._exchange.take_in(party)
        for leg in legs:
            self._seats.legs.add(leg)
        self._seats.go_on(party.talk, note.engaged, note.agent)
        self._exchange.tapes.stood(party.talk.call, note.trunk, note.tape, kept.recordings)
        return party

    def _go_on(self, party: Ongoing, gap_s: float) -> None:
        talk = party.talk
        self._ledger.note(Fact("call.went_on", {"gap_s": round(gap_s, 2)}, talk.call.cid))
        talk.give_back(self._exchange.now())
        if talk.run.queue is not None:
            self._seats.join(talk, talk.call.queue, self._noted[talk.name].talk.joined_s)
        self._exchange.go_on(party)

    def _lose(self, note: Stands) -> None:
        """The call is over: its end is noted, and whoever is still there is told."""
        self._past.pop(note.key, None)
        self._memory.write([Gone(note.key)])
        self._noted.pop(note.key, None)
        facts = {"outcome": "lost", "cause": int(Cause.TEMPORARY_FAILURE)}
        self._ledger.note(Fact("call.ended", facts, bytes.fromhex(note.call.cid)))
        for name in note.lines:
            line = self._lines.get(name)
            if isinstance(line, SipLine) and self._has_call(name, note):
                line.hangup(Cause.TEMPORARY_FAILURE)
            elif line is not None and not getattr(line, "busy", False):
                self._sound(media.Close(name))
