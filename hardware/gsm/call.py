"""The one voice call of a modem, as a pure machine on an `Exchange` (3GPP TS 27.007 clauses 6 and 7).

Modems tell of a call's progress by many unsolicited codes, which all mean one of
four things: it rings, it alerts, it is connected, it is over. Any of them may be lost:
AT+CLCC is asked every two seconds as a net below them.
"""

import re
from collections.abc import Callable
from enum import Enum, auto

from hardware.gsm.at import TIMED_OUT, Done, fields, number
from hardware.gsm.call_codes import (
    DSCI,
    FINAL_CAUSE,
    call_state,
    cause_of,
    field_at,
    reason_of,
    voice_calls,
)
from hardware.gsm.exchange import Exchange
from hardware.gsm.profile import SoundProfile
from hardware.gsm.sound import CallSound
from hardware.line import Alerting, Answered, Cause, Cleared, Digit, Ringing

CALLER_S = 1.0
"""How long after the first ring the caller's number may come by itself."""
CALLER_LATEST_S = 4.5
"""Some send it after the second ring only."""
RING_GAP_S = 9.0
"""No ring for so long: the caller gave up."""
POLL_S = 2.0
ABSENCES = 2
CONFIRM_S = 0.5
CONFIRMS = 6
KEY_GAP_S = 0.12
SAME_KEY_S = 0.15
MAX_KEYS = 64
DIALABLE = re.compile(r"\+?[0-9*#]{1,32}")


class State(Enum):
    """Where the call is."""

    IDLE = auto()
    RINGING = auto()
    ANSWERING = auto()
    DIALLING = auto()
    ALERTING = auto()
    TALKING = auto()
    ENDING = auto()


UNANSWERED = {State.DIALLING: Cause.TEMPORARY_FAILURE, State.ALERTING: Cause.NO_ANSWER}
SETTING_UP = (State.ANSWERING, State.DIALLING, State.ALERTING)


class VoiceCall:
    """Verbs as `hardware.line.Line` has them; signals come out of the exchange."""

    def __init__(
        self,
        exchange: Exchange,
        sound: SoundProfile | None,
        pcm_path: str | None,
        heard: Callable[[bool], None],
    ) -> None:
        self._x = exchange
        self._heard = heard
        """Told whether a call got its sound, or had to be cleared as it did not."""
        self._sound = (
            CallSound(exchange, sound, pcm_path, self._sound_ready, self._sound_failed)
            if sound is not None and pcm_path is not None
            else None
        )
        self.state = State.IDLE
        self._forget()
        for head, do in self._heads().items():
            exchange.hear(head, do)

    def _forget(self) -> None:
        self.state = State.IDLE
        self._cause = Cause.NORMAL
        self._announced = self._connected = self._guessed = False
        self._id = ""
        self._absences = self._confirms = 0
        self._polling = False
        self._keys = ""
        self._last_key = ("", -1.0)
        self._x.cancel("caller", "ring", "poll", "key", "confirm")

    def _heads(self) -> dict[str, Callable[[str, str], None]]:
        def ends(cause: Cause | None) -> Callable[[str, str], None]:
            return lambda _line, _pdu: self._over(cause)

        return {
            "RING": lambda _line, _pdu: self._ring(),
            "+CRING:": lambda _line, _pdu: self._ring(),
            "+CLIP:": lambda line, _pdu: self._clip(line),
            "+CLCC:": lambda line, _pdu: self._changed(*call_state(fields(line))),
            "+QIND:": lambda line, _pdu: self._quectel(line),
            "^DSCI:": lambda line, _pdu: self._dsci(line),
            "VOICE CALL:": lambda line, _pdu: self._progress(0 if "BEGIN" in line.upper() else 6),
            "^CONF:": lambda _line, _pdu: self._progress(3),
            "^CONN:": lambda _line, _pdu: self._progress(0),
            "^CEND:": lambda line, _pdu: self._over(cause_of(field_at(line, 3))),
            "CONNECT": lambda _line, _pdu: self._progress(0),
            "MISSED_CALL:": lambda _line, _pdu: self._missed(),
            "NO CARRIER": lambda _line, _pdu: self._maybe_over(),
            "HANGUP:": lambda _line, _pdu: self._maybe_over(),
            "BUSY": ends(Cause.BUSY),
            "NO ANSWER": ends(Cause.NO_ANSWER),
            "+RXDTMF:": lambda line, _pdu: self._key(field_at(line, 0)),
            "+DTMF:": lambda line, _pdu: self._key(field_at(line, 0)),
            "+QTONEDET:": lambda line, _pdu: self._key(chr(number(field_at(line, 0)) or 0)),
        }

    # What the box does.

    def clear_old(self) -> None:
        """End a call left over by who had the modem before; one that rings is taken as it is."""

        def seen(done: Done) -> None:
            if any(entry.stat < 4 for entry in voice_calls(done.lines)) and self.state is State.IDLE:
                self._x.ask("AT+CHUP")

        self._x.ask("AT+CLCC", seen)

    def dial(self, to: str) -> None:
        """Call a number. A call that comes in at this moment and was not told yet goes first."""
        if not DIALABLE.fullmatch(to):
            self._x.post(Cleared(Cause.INVALID_NUMBER))
            return
        if self.state is not State.IDLE:
            assert not self._announced, f"dial while {self.state.name}"
            self._x.post(Cleared(Cause.NO_CIRCUIT))
            return
        self.state = State.DIALLING
        for text in self._sound.before if self._sound else ():
            self._x.ask(text)
        self._x.ask(f"ATD{to};", self._dialled)
        self._poll_later()

    def answer(self) -> None:
        """Pick up. Nothing happens when the caller has just gone."""
        if self.state is not State.RINGING:
            return
        self.state = State.ANSWERING
        self._x.cancel("ring", "caller")
        self._x.ask("ATA", self._picked_up, first=True)
        for text in reversed(self._sound.before if self._sound else ()):
            self._x.ask(text, first=True)

    def hangup(self, cause: Cause) -> None:
        """End or refuse the call. Nothing happens when it is already over."""
        if self.state in (State.IDLE, State.ENDING):
            return
        if self._x.outstanding.startswith(("ATD", "ATA")):
            self._x.abort()
        self._ending(cause)
        self._x.ask("AT+CHUP", first=True)
        self._silence()
        self._confirm_later(0.0)

    def send_digits(self, digits: str) -> None:
        """Send keys one by one, 120 ms apart."""
        if self.state is State.TALKING:
            idle = not self._keys
            room = MAX_KEYS - len(self._keys)
            self._keys += "".join(key for key in digits.upper() if key in "0123456789*#ABCD")[:room]
            if idle:
                self._next_key()

    def lost(self) -> None:
        """The modem is gone, and the call with it."""
        if self.state is State.RINGING:
            self._announce(None)
        announced = self.state is not State.IDLE
        if self._sound is not None:
            self._sound.forget()
        self._forget()
        if announced:
            self._x.post(Cleared(Cause.OUT_OF_ORDER))

    # What the modem says.

    def _changed(self, call: str, stat: int | None, mode: str, caller: str) -> None:
        """A call changed its state; another one that waits beside ours does not matter."""
        if mode != "0" or stat == 5 or (self._id and call != self._id):
            return
        if self.state is not State.IDLE or stat == 4:
            self._progress(stat)
            self._id = self._id or call
        if stat == 4 and caller:
            self._announce(caller)

    def _progress(self, stat: int | None) -> None:
        if stat == 0:
            self._connect()
        elif stat == 3:
            self._alert()
        elif stat == 4:
            self._ring()
        elif stat in (6, -1):
            self._over(None)

    def _quectel(self, line: str) -> None:
        if field_at(line, 0).lower() == "ccinfo":
            self._changed(*call_state(fields(line)[1:]))

    def _dsci(self, line: str) -> None:
        call, stat, mode, caller = call_state(fields(line))
        self._changed(call, DSCI.get(stat), mode, caller)

    def _missed(self) -> None:
        if self.state is State.RINGING:
            self._over(None)

    def _maybe_over(self) -> None:
        """While talking it may be a second caller who gave up: look."""
        if self.state is State.TALKING:
            self._absences = ABSENCES - 1
            self._poll()
        else:
            self._over(None)

    def _ring(self) -> None:
        now = self._x.now
        if self.state is State.IDLE:
            self.state = State.RINGING
            self._x.at("caller", now + CALLER_S, self._ask_caller)
            self._poll_later()
        if self.state is State.RINGING:
            self._x.at("ring", now + RING_GAP_S, lambda: self._over(None))

    def _clip(self, line: str) -> None:
        if self.state is State.IDLE:
            self._ring()
        self._announce(field_at(line, 0) or None)

    def _ask_caller(self) -> None:
        self._x.at("caller", self._x.now + CALLER_LATEST_S - CALLER_S, lambda: self._announce(None))
        self._poll()

    def _announce(self, caller: str | None) -> None:
        if self.state is State.RINGING and not self._announced:
            self._announced = True
            self._x.cancel("caller")
            self._x.post(Ringing(caller, None))

    def _dialled(self, done: Done) -> None:
        if self.state not in (State.DIALLING, State.ALERTING):
            return
        if done.final.startswith("CONNECT"):
            self._connect()
        elif done.final == TIMED_OUT:
            self.hangup(Cause.TEMPORARY_FAILURE)
        elif done.final == "NO CARRIER":
            self._over(None)
        elif not done.ok:
            self._over(FINAL_CAUSE.get(done.final, Cause.TEMPORARY_FAILURE))

    def _picked_up(self, done: Done) -> None:
        if self.state is not State.ANSWERING:
            return
        if done.ok or done.final.startswith("CONNECT"):
            self._connect()
        elif done.final == "NO CARRIER":
            self._over(None)
        else:
            self.hangup(Cause.TEMPORARY_FAILURE)

    def _alert(self) -> None:
        if self.state is State.DIALLING:
            self.state = State.ALERTING
            self._x.post(Alerting(early=self._sound is not None))
            if self._sound is not None:
                self._sound.start(connected=False)

    def _connect(self) -> None:
        if self.state not in SETTING_UP or self._connected:
            return
        self._connected = True
        self._x.hasten("ATA", "ATD")
        if self.state is State.DIALLING:
            self.state = State.ALERTING
        if self._sound is None or self._sound.on:
            self._talk()
        else:
            self._sound.start(connected=True)

    def _talk(self) -> None:
        self.state = State.TALKING
        self._x.post(Answered())

    def _over(self, cause: Cause | None) -> None:
        """The network or the far end ended it; None: find out why."""
        self._x.hasten("AT+CHUP", "ATH", "ATD", "ATA")
        if self.state is State.ENDING and self._guessed and cause is not None:
            self._cause, self._guessed = cause, False
        if self.state in (State.IDLE, State.ENDING):
            return
        self._announce(None)
        self._guessed = cause is None and self.state in UNANSWERED and not self._connected
        self._ending(cause or (UNANSWERED[self.state] if self._guessed else Cause.NORMAL))
        if self._guessed:
            self._x.ask("AT+CEER", self._reason)
        self._silence()
        self._confirm_later(0.0)

    def _reason(self, done: Done) -> None:
        if self._guessed:
            self._cause = reason_of(done) or self._cause

    def _key(self, key: str) -> None:
        key, now = key.upper(), self._x.now
        last, at = self._last_key
        if self.state is not State.TALKING or len(key) != 1 or key not in "0123456789*#ABCD":
            return
        self._last_key = (key, now)
        if key != last or now - at > SAME_KEY_S:
            self._x.post(Digit(key))

    # Sound, keys, polling, and the end.

    def _sound_ready(self) -> None:
        self._heard(True)
        if self._connected:
            self._talk()

    def _sound_failed(self) -> None:
        self.hangup(Cause.TEMPORARY_FAILURE)
        self._heard(False)

    def _silence(self) -> None:
        if self._sound is not None:
            self._sound.stop()

    def _next_key(self) -> None:
        if self.state is State.TALKING and self._keys:
            key = self._keys[0]
            self._x.ask(f'AT+VTS="{key}"', lambda _done: self._key_sent())

    def _key_sent(self) -> None:
        self._keys = self._keys[1:]
        self._x.at("key", self._x.now + KEY_GAP_S, self._next_key)

    def _poll_later(self) -> None:
        self._x.at("poll", self._x.now + POLL_S, self._poll)

    def _poll(self) -> None:
        self._poll_later()
        if not self._polling:
            self._polling = True
            self._x.ask("AT+CLCC", self._polled)

    def _polled(self, done: Done) -> None:
        self._polling = False
        if not done.ok or self.state in (State.IDLE, State.ENDING):
            return
        calls = [entry for entry in voice_calls(done.lines) if entry.stat != 5]
        self._absences = 0 if calls else self._absences + 1
        if self._absences >= ABSENCES:
            self._over(None)
        for entry in calls[:1]:
            if entry.stat in (0, 3):
                self._progress(entry.stat)
            elif entry.stat == 4 and self.state is State.RINGING:
                self._ring()
                if entry.caller:
                    self._announce(entry.caller)

    def _ending(self, cause: Cause) -> None:
        self._cause = cause
        self.state = State.ENDING
        self._x.cancel("caller", "ring", "poll", "key")

    def _confirm_later(self, delay_s: float) -> None:
        self._x.at("confirm", self._x.now + delay_s, lambda: self._x.ask("AT+CLCC", self._confirmed))

    def _confirmed(self, done: Done) -> None:
        if self.state is not State.ENDING:
            return
        if not voice_calls(done.lines):
            cause = self._cause
            self._forget()
            self._x.post(Cleared(cause))
            return
        self._confirms += 1
        if self._confirms >= CONFIRMS:
            self._x.give_up("the modem does not end the call")
            return
        self._x.ask("ATH" if self._confirms % 2 else "AT+CHUP")
        self._confirm_later(CONFIRM_S)
