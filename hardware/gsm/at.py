"""The AT conversation with a modem, as a pure machine.

Bytes and `now` go in; bytes to send, answers and unsolicited lines come out. One
command is outstanding at a time (ITU-T V.250, 3GPP TS 27.007 and 27.005). What comes
between a command and its answer and does not belong to it is unsolicited. Nothing a
modem sends makes it raise, and how its bytes are cut into reads changes nothing.
"""

import re
from collections import deque
from dataclasses import dataclass, field

MAX_LINE = 4096
"""Octets in one line; a longer one is thrown away whole."""
MAX_LINES = 2048
"""Lines in one answer; those after are thrown away."""
MAX_WAITING = 128
"""Commands waiting for their turn; one more is done at once, with final `FULL`."""

ESC = b"\x1b"
CTRL_Z = b"\x1a"
PROMPT = b"> "
PROMPT_S = 10.0
ABORT_S = 2.0
HASTE_S = 1.0
QUIET_AFTER_ERROR_S = 0.1
"""Some modems send a stray OK after an error."""
QUIET_AFTER_SILENCE_S = 1.0
"""A late answer must not be taken for the next command's."""

TIMED_OUT = "timed out"
NO_PROMPT = "no prompt"
FULL = "too many commands waiting"
LOST = "port lost"

FINALS = ("OK", "ERROR", "COMMAND NOT SUPPORT", "TOO MANY PARAMETERS")
ERROR_HEADS = ("+CME ERROR", "+CMS ERROR")
CALL_RESULTS = ("NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "CONNECT")
"""They end ATD and ATA; at any other time they are unsolicited."""

WAIT_S = (
    ("AT+CMGS", 120.0),
    ("AT+CUSD", 120.0),
    ("AT+COPS=", 60.0),
    ("AT+CFUN", 60.0),
    ("ATD", 60.0),
    ("ATA", 30.0),
    ("ATH", 20.0),
    ("AT+CHUP", 20.0),
    ("AT+CPIN=", 20.0),
    ("AT+CMGL", 20.0),
    ("AT+CMGD", 20.0),
    ("AT+CPMS", 10.0),
)
DEFAULT_WAIT_S = 5.0
"""Also how long the final may stay away once an answering line has come."""

TWO_LINES = ("+CMGR:", "+CMGL:", "+CMT:", "+CDS:", "+CBM:")
"""Items whose second line is a PDU."""

SETS_THAT_ANSWER = ("+CMGR", "+CMGL", "+CMGS", "+CMGW", "+CPMS", "+CSIM", "+CPINR", "+QPINC", "+CRSM")
"""Commands with ``=`` that are answered by lines with their own head; all others have a final only."""

WITHOUT_HEAD = ("+CGMI", "+CGMM", "+CGMR", "+CGSN", "+CIMI", "+GSN", "+GMM", "+CPIN", "I")
"""Commands whose answer may be a line with no head at all."""

NEVER_AN_ANSWER = (
    "RING",
    "VOICE CALL:",
    "MISSED_CALL:",
    "RDY",
    "CALL READY",
    "SMS READY",
    "SMS DONE",
    "PB DONE",
    "NORMAL POWER DOWN",
    "UNDER-VOLTAGE",
    "OVER-VOLTAGE",
    "HANGUP:",
    *CALL_RESULTS,
)
"""Lines with no head that are unsolicited even while a command with a free answer waits."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command line, without its CR. `payload` is what is typed at the ``> `` prompt."""

    text: str
    payload: str = ""
    wait_s: float | None = None
    """Seconds until it counts as unanswered; None takes it from `WAIT_S`."""

    @property
    def head(self) -> str:
        """``+CREG`` of ``AT+CREG?``; ``D`` of ``ATD10086;``."""
        return _head(self.text)

    @property
    def answer(self) -> str:
        """Head of the lines that answer it, or "" when only a final does."""
        name = self.head
        if "=" in self.text and not self.text.endswith("=?") and name not in SETS_THAT_ANSWER:
            return ""
        return f"{name}:" if name[:1] in "+^*$%" and len(name) > 1 else ""

    @property
    def patience_s(self) -> float:
        """How long to wait for the final."""
        if self.wait_s is not None:
            return self.wait_s
        return next((wait for start, wait in WAIT_S if self.text.upper().startswith(start)), DEFAULT_WAIT_S)


@dataclass(frozen=True, slots=True)
class Done:
    """A command is over. A two-line item is always two lines, the second empty when the modem left it out."""

    command: Command
    final: str
    lines: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """It did what it says: OK, or a modem that answers and forgets the OK."""
        return self.final == "OK" or (self.final == TIMED_OUT and bool(self.lines))

    @property
    def error(self) -> int | None:
        """The number of +CME ERROR or +CMS ERROR."""
        found = re.fullmatch(r"\+CM[ES] ERROR:\s*(\d{1,4})", self.final)
        return int(found[1]) if found else None


@dataclass(frozen=True, slots=True)
class Unsolicited:
    """What the modem says of itself; `pdu` is the second line of a two-line item."""

    line: str
    pdu: str = ""


@dataclass(slots=True)
class _Current:
    command: Command
    deadline: float
    lines: list[str] = field(default_factory=list)
    prompted: bool = False
    escaped: bool = False


class Conversation:
    """The machine. Call `receive` and `on_timer`; drain `outgoing` and `next_event` after each call."""

    def __init__(self) -> None:
        self._events: deque[Done | Unsolicited] = deque()
        self._out = bytearray()
        self._waiting: deque[Command] = deque()
        self._current: _Current | None = None
        self._quiet_until = 0.0
        self._line = bytearray()
        self._overlong = False
        self._item: str | None = None
        self.overlong_lines = 0

    def ask(self, command: Command, now: float, first: bool = False) -> None:
        """Send the command when its turn comes; `first` puts it before all that wait."""
        if len(self._waiting) >= MAX_WAITING:
            self._events.append(Done(command, FULL))
        elif first:
            self._waiting.appendleft(command)
        else:
            self._waiting.append(command)
        self._send_next(now)

    def abort(self, now: float) -> None:
        """Interrupt the outstanding command by ESC: a held ATD (V.250 5.6.1), a prompt (TS 27.005 3.5.1)."""
        if self._current is not None and not self._current.escaped:
            self._current.escaped = True
            self._current.deadline = min(self._current.deadline, now + ABORT_S)
            self._out += ESC

    def hasten(self, now: float) -> None:
        """What the outstanding command was to do has happened: its final comes at once or is lost."""
        if self._current is not None:
            self._current.deadline = min(self._current.deadline, now + HASTE_S)

    def reset(self) -> None:
        """The port is new: every command is done with final `LOST`, half-read lines are forgotten.

        An ESC goes out first, for a modem left at its prompt by who had the port before.
        """
        commands = [self._current.command] if self._current else []
        commands += self._waiting
        self._events.extend(Done(command, LOST) for command in commands)
        self._current, self._item, self._overlong = None, None, False
        self._waiting.clear()
        self._line.clear()
        self._out[:] = ESC
        self._quiet_until = 0.0

    @property
    def outstanding(self) -> Command | None:
        """The command sent and not yet done."""
        return self._current.command if self._current else None

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes as they came."""
        for octet in data:
            if octet in b"\r\n":
                self._end_line(now)
                continue
            if self._overlong:
                continue
            self._line.append(octet)
            if len(self._line) > MAX_LINE:
                self._overlong = True
                self.overlong_lines += 1
                self._line.clear()
            elif self._line == PROMPT and self._wants_prompt():
                self._line.clear()
                self._type_payload(now)

    def timer(self) -> float | None:
        """When `on_timer` is due."""
        if self._current is not None:
            return self._current.deadline
        return self._quiet_until if self._waiting else None

    def on_timer(self, now: float) -> None:
        """Give up on a command that was not answered; go on after a pause."""
        current = self._current
        if current is not None and now >= current.deadline:
            unprompted = current.command.payload != "" and not current.prompted
            if unprompted and not current.escaped:
                self._out += ESC
            self._finish(NO_PROMPT if unprompted else TIMED_OUT, now)
        else:
            self._send_next(now)

    def outgoing(self) -> bytes:
        """The bytes to send now."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def next_event(self) -> Done | Unsolicited | None:
        """What happened, oldest first."""
        return self._events.popleft() if self._events else None

    def _send_next(self, now: float) -> None:
        if self._current is not None or not self._waiting or now < self._quiet_until:
            return
        command = self._waiting.popleft()
        wait_s = min(PROMPT_S, command.patience_s) if command.payload else command.patience_s
        self._current = _Current(command, now + wait_s)
        self._out += command.text.encode("ascii", "replace") + b"\r"

    def _wants_prompt(self) -> bool:
        current = self._current
        return current is not None and current.command.payload != "" and not current.prompted

    def _type_payload(self, now: float) -> None:
        assert self._current is not None
        self._current.prompted = True
        if not self._current.escaped:
            self._current.deadline = now + self._current.command.patience_s
            self._out += self._current.command.payload.encode("ascii", "replace") + CTRL_Z

    def _end_line(self, now: float) -> None:
        raw = bytes(self._line).strip(b"\0\t \x1a\x1b")
        self._line.clear()
        if self._overlong:
            self._overlong = False
        elif raw:
            self._take_line(raw.decode("utf-8", "replace"), now)

    def _take_line(self, line: str, now: float) -> None:
        if self._item is not None and not _stands_alone(line):
            head, self._item = self._item, None
            self._take_item(head, line, now)
        elif self._is_final(line):
            self._drop_half_item(now)
            self._finish(line, now)
        elif line.startswith(TWO_LINES):
            self._drop_half_item(now)
            self._item = line
        elif not self._is_echo(line) and line not in FINALS and not line.startswith(ERROR_HEADS):
            self._take_item(line, None, now)

    def _drop_half_item(self, now: float) -> None:
        if self._item is not None:
            head, self._item = self._item, None
            self._take_item(head, "", now)

    def _take_item(self, line: str, pdu: str | None, now: float) -> None:
        current = self._current
        if current is None or not _answers(current.command, line):
            self._events.append(Unsolicited(line, pdu or ""))
            return
        current.deadline = now + DEFAULT_WAIT_S
        if len(current.lines) + 2 <= MAX_LINES:
            current.lines.extend([line] if pdu is None else [line, pdu])

    def _is_final(self, line: str) -> bool:
        if self._current is None:
            return False
        if line in FINALS or line.startswith(ERROR_HEADS):
            return True
        return self._current.command.head in ("D", "A") and line.startswith(CALL_RESULTS)

    def _is_echo(self, line: str) -> bool:
        if self._current is None:
            return False
        command = self._current.command
        return line == command.text or (command.payload != "" and line.removeprefix("> ") == command.payload)

    def _finish(self, final: str, now: float) -> None:
        assert self._current is not None
        self._drop_half_item(now)
        current, self._current = self._current, None
        self._events.append(Done(current.command, final, tuple(current.lines)))
        if final in (TIMED_OUT, NO_PROMPT):
            self._quiet_until = now + QUIET_AFTER_SILENCE_S
        elif final != "OK":
            self._quiet_until = now + QUIET_AFTER_ERROR_S
        self._send_next(now)


def fields(line: str) -> list[str]:
    """The comma-separated fields after the head; quotes may be missing or unbalanced, as some modems do."""
    _, _, rest = line.partition(":")
    found: list[str] = []
    while True:
        rest = rest.lstrip()
        quoted = re.match(r'"([^"]*)"\s*(,|$)', rest)
        if quoted:
            found.append(quoted[1])
            rest, more = rest[quoted.end() :], quoted[2] == ","
        else:
            bare, comma, rest = rest.partition(",")
            found.append(bare.replace('"', "").strip())
            more = comma != ""
        if not more:
            return found


def number(text: str) -> int | None:
    """A decimal field as a number, None when it is none."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else None


def _head(text: str) -> str:
    found = re.match(r"AT([+^*$%&]?[A-Z0-9]*)", text.upper())
    name = found[1] if found else ""
    return name if name[:1] in ("+", "^", "*", "$", "%") else name[:1]


def _answers(command: Command, line: str) -> bool:
    if command.answer and line.upper().startswith(command.answer):
        return True
    if command.head not in WITHOUT_HEAD:
        return False
    return not line.startswith(("+", "^", "*")) and not line.upper().startswith(NEVER_AN_ANSWER)


def _stands_alone(line: str) -> bool:
    """A line that cannot be the PDU of the item before it."""
    return line.startswith(("+", "^", "*")) or line in FINALS or line.upper().startswith(NEVER_AN_ANSWER)
