"""A GSM modem as a pure machine: from the first AT to calls and short messages.

Bytes and `now` in; bytes, `hardware.line` signals and `Lost` out. Of all it says to the
modem at start, only what the profile marks as required must succeed (besides AT and
the PIN): makes differ too much in the rest.
"""

from collections.abc import Callable, Sequence
from functools import partial

from hardware.gsm.at import TIMED_OUT, Done, fields, number
from hardware.gsm.call import State, VoiceCall
from hardware.gsm.exchange import SILENCES, Exchange, Lost
from hardware.gsm.network import SIM_BUSY, SIM_FAULTS, Facts, registration, signal_dbm, sim_state
from hardware.gsm.profile import Profile, Step
from hardware.gsm.texts import Texts
from hardware.line import Cause, Cleared, Fault, Signal, Up

FIRST_TRIES = 6
FIRST_WAIT_S = 1.0
SIM_BUSY_S = 1.0
SIM_AGAIN_S = 15.0
"""A SIM card may be put in, unlocked by hand or exchanged at any time."""
REQUIRED_TRIES = 10
POLL_S = 30.0
SEARCH_S = 60.0
"""How long after start the search for a network is no fault yet."""
GRACE_S = 15.0
"""How long a registration may be away without a fault."""
MUTE_CALLS = 2
"""Calls in a row without sound after which the modem is restarted."""

IDENTITY = (
    ("AT+CGMI", "maker"),
    ("AT+CGMM", "model"),
    ("AT+CGMR", "revision"),
    ("AT+CGSN", "imei"),
)


class Modem:
    """One modem. `facts` is what it told of itself; `call` and `texts` are its two uses."""

    def __init__(self, profile: Profile, pin: str | None = None, pcm_path: str | None = None) -> None:
        self.profile = profile
        self.facts = Facts()
        self._pin = pin
        self._wrong_pins: set[str] = set()
        self._x = Exchange()
        self.call = VoiceCall(self._x, profile.sound, pcm_path, self._heard_call)
        self.texts = Texts(self._x, self._free_for_texts)
        self._working = False
        self._stands: bool | None = None
        self._reason = ""
        self._mute_calls = 0
        self._x.hear("+CREG:", lambda line, _pdu: self._registered("CREG", line, False))
        self._x.hear("+CEREG:", lambda line, _pdu: self._registered("CEREG", line, False))
        self._x.hear("+CSQ:", lambda line, _pdu: self._signal(line))
        self._x.hear("+CPIN:", lambda line, _pdu: self._sim_changed(sim_state([line])))
        self._x.hear("+SIMCARD:", lambda line, _pdu: self._sim_changed(sim_state([line])))

    @property
    def up(self) -> bool:
        """Calls can be made and taken."""
        return self._stands is True

    @property
    def reason(self) -> str:
        """Why it is not up."""
        return self._reason

    # The port.

    def start(self, now: float) -> None:
        """The port is open."""
        self._x.restart(now)
        self._x.silences_allowed = FIRST_TRIES
        self.facts = Facts()
        self._working = False
        self._x.ask("AT", self._first, wait_s=FIRST_WAIT_S)

    def lost(self, reason: str, now: float) -> None:
        """The port is gone: the call is over, and the line is at fault until `start` leads to `Up` again."""
        self._x.restart(now)
        self._x.outgoing()
        self._working = False
        self.call.lost()
        self.texts.lost()
        self._stand(False, reason)
        self.texts.work()

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the port."""
        self._x.receive(data, now)
        self.texts.work()

    def timer(self) -> float | None:
        """When `on_timer` is due."""
        return self._x.timer()

    def on_timer(self, now: float) -> None:
        """Do what is due."""
        self._x.on_timer(now)
        self.texts.work()

    def outgoing(self) -> bytes:
        """Bytes for the port."""
        return self._x.outgoing()

    def next_event(self) -> Signal | Lost | None:
        """What there is to tell, oldest first."""
        return self._x.next_event()

    # Verbs.

    def dial(self, to: str, now: float) -> None:
        """Call a number."""
        self._x.now = now
        if self.up:
            self.call.dial(to)
        else:
            self._x.post(Cleared(Cause.OUT_OF_ORDER))

    def answer(self, now: float) -> None:
        """Pick up."""
        self._x.now = now
        self.call.answer()

    def hangup(self, cause: Cause, now: float) -> None:
        """End or refuse the call."""
        self._x.now = now
        self.call.hangup(cause)

    def send_digits(self, digits: str, now: float) -> None:
        """Send keys."""
        self._x.now = now
        self.call.send_digits(digits)

    def send_text(self, to: str, text: str, key: str, now: float) -> None:
        """Send a short message."""
        self._x.now = now
        self.texts.send(to, text, key)

    def taken(self, key: str, now: float) -> None:
        """A short message is durable."""
        self._x.now = now
        self.texts.taken(key)

    # From AT to ready.

    def _first(self, done: Done) -> None:
        if done.final == TIMED_OUT:
            self._x.ask("AT", self._first, wait_s=FIRST_WAIT_S)
            return
        self._x.silences_allowed = SILENCES
        self._steps(self.profile.start, self._identify)

    def _identify(self) -> None:
        for text, name in IDENTITY:
            self._x.ask(text, partial(self._learn, name))
        self._ask_sim()

    def _learn(self, name: str, done: Done) -> None:
        if done.ok and done.lines:
            line = done.lines[0]
            text = line.partition(":")[2] if line.startswith("+") else line
            setattr(self.facts, name, text.strip().strip('"')[:64])

    def _steps(self, steps: Sequence[Step], then: Callable[[], None], tries: int = 0) -> None:
        """One step after another; a required one is tried ten times, as the SIM may still be busy."""
        if not steps:
            then()
            return
        step = steps[0]

        def other(done: Done) -> None:
            if done.ok or not step.required:
                self._steps(steps[1:], then)
            elif tries + 1 >= REQUIRED_TRIES:
                self._x.give_up(f"the modem refuses {step.send}: {done.final}")
            else:
                self._x.at("steps", self._x.now + SIM_BUSY_S, lambda: self._steps(steps, then, tries + 1))

        def first(done: Done) -> None:
            if not done.ok and step.otherwise:
                self._x.ask(step.otherwise, other)
            else:
                other(done)

        self._x.ask(step.send, first)

    def _ask_sim(self) -> None:
        self._x.ask("AT+CPIN?", self._sim)

    def _sim(self, done: Done) -> None:
        state = sim_state(done.lines) if done.ok else ""
        self.facts.sim = state or SIM_FAULTS.get(done.error or 0, done.final)
        if state == "READY":
            self._steps(self.profile.ready, self._ready)
        elif state == "SIM PIN" and self._pin and self._pin not in self._wrong_pins:
            self._ask_pin_tries()
        elif done.error in SIM_BUSY:
            self._x.at("sim", self._x.now + SIM_BUSY_S, self._ask_sim)
        else:
            self._no_sim(self._sim_reason(state, done))

    def _sim_reason(self, state: str, done: Done) -> str:
        if state == "SIM PIN" and self._pin in self._wrong_pins:
            return SIM_FAULTS[16]
        if state.startswith("NOT "):
            return SIM_FAULTS[10]
        if state:
            return f"the SIM card wants {state.removeprefix('SIM ')}"
        return SIM_FAULTS.get(done.error or 0, f"the SIM card cannot be read ({done.final})")

    def _no_sim(self, reason: str) -> None:
        self._stand(False, reason)
        self._x.at("sim", self._x.now + SIM_AGAIN_S, self._ask_sim)

    def _ask_pin_tries(self) -> None:
        if self.profile.pin_tries:
            self._x.ask(self.profile.pin_tries, self._pin_tries)
        else:
            self._enter_pin()

    def _pin_tries(self, done: Done) -> None:
        if done.ok and done.lines:
            parts = [number(part) for part in fields(done.lines[0])]
            place = self.profile.pin_tries_field
            self.facts.pin_tries = parts[place] if place < len(parts) else None
        if self.facts.pin_tries is not None and self.facts.pin_tries <= 1:
            self._no_sim("the SIM card's PIN may be tried only once more: enter it by hand")
        else:
            self._enter_pin()

    def _enter_pin(self) -> None:
        self._x.ask(f'AT+CPIN="{self._pin}"', self._pin_entered)

    def _pin_entered(self, done: Done) -> None:
        if done.ok:
            self._x.at("sim", self._x.now + SIM_BUSY_S, self._ask_sim)
        else:
            self._wrong_pins.add(self._pin or "")
            self._no_sim(SIM_FAULTS[16])

    def _ready(self) -> None:
        self._working = True
        self.call.clear_old()
        self._x.ask("AT+CIMI", partial(self._learn, "imsi"))
        self._x.at("search", self._x.now + SEARCH_S, self._judge)
        self._poll()
        self.texts.start()

    # The network.

    def _poll(self) -> None:
        self._x.at("network", self._x.now + POLL_S, self._poll)
        self._x.ask("AT+CREG?", partial(self._asked, "CREG"))
        self._x.ask("AT+CEREG?", partial(self._asked, "CEREG"))
        self._x.ask("AT+CSQ", lambda done: self._signal(done.lines[0]) if done.ok and done.lines else None)
        self._x.ask("AT+COPS?", self._operator)

    def _asked(self, domain: str, done: Done) -> None:
        for line in done.lines[-1:]:
            self._registered(domain, line, True)

    def _registered(self, domain: str, line: str, solicited: bool) -> None:
        stat = registration(line, solicited)
        if stat is None:
            return
        self.facts.registration[domain] = stat
        if not self._working:
            return
        if self.facts.registered:
            self._x.cancel("search")
            self._stand(True, "")
        elif self._stands:
            self._x.at("search", self._x.now + GRACE_S, self._judge)

    def _judge(self) -> None:
        if not self.facts.registered:
            self._stand(False, self.facts.network)

    def _signal(self, line: str) -> None:
        self.facts.signal_dbm = signal_dbm(line)

    def _operator(self, done: Done) -> None:
        parts = fields(done.lines[0]) if done.ok and done.lines else []
        if len(parts) >= 3:
            self.facts.operator = parts[2][:64]

    def _sim_changed(self, state: str) -> None:
        if not self._working:
            return
        if state not in ("READY", "AVAILABLE", ""):
            self._working = False
            self.facts.sim = state
            self._x.cancel("network", "search", "sweep")
            self._no_sim(f"the SIM card is gone ({state.lower()})")

    def _stand(self, up: bool, reason: str) -> None:
        if (up, reason) == (self._stands, self._reason):
            return
        self._stands, self._reason = up, reason
        self._x.post(Up() if up else Fault(reason))

    def _free_for_texts(self) -> bool:
        return self._working and self.up and self.call.state in (State.IDLE, State.TALKING)

    def _heard_call(self, sounds: bool) -> None:
        self._mute_calls = 0 if sounds else self._mute_calls + 1
        if self._mute_calls >= MUTE_CALLS:
            self._mute_calls = 0
            self._stand(False, "the modem gives no sound and is restarted")
            self._x.ask(self.profile.reset, lambda _done: self._x.give_up("the modem is restarting"))
