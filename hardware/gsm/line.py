"""A GSM modem as a line: the shell that owns the AT port and the time, around `hardware.gsm.modem`.

The voice is a character device of its own, which the media process opens at the
`Sound` signal. A port that goes away is opened again, first at once, then ever less often.
"""

import asyncio
import contextlib
import dataclasses
import errno
import fcntl
import os
import termios
import time

import serial

from hardware.gsm import profile as profiles
from hardware.gsm.call import State
from hardware.gsm.exchange import Lost
from hardware.gsm.modem import Modem
from hardware.gsm.network import Facts
from hardware.line import Cause, Post, Signal, Text, Traits, Up

BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)
READ = 4096
MAX_UNSENT = 65536
IN_USE = "another program has it (ModemManager?)"
REASONS = {
    errno.EAGAIN: IN_USE,
    errno.EBUSY: IN_USE,
    errno.EACCES: "the box may not use it (group dialout?)",
    errno.ENOENT: "it is not there",
    errno.EIO: "it was unplugged",
    errno.ENODEV: "it was unplugged",
    errno.ENXIO: "it was unplugged",
}


class GsmLine:
    """A `hardware.line.TextLine` on a modem at `at_path`, its voice at `pcm_path`.

    `open` must be called where an asyncio loop runs, every verb in that loop.
    Raises `hardware.gsm.profile.ProfileError` for a profile that cannot be used.
    """

    traits = Traits(sends_text=True)

    def __init__(
        self, name: str, at_path: str, pcm_path: str | None, profile: str = "simcom", pin: str | None = None
    ) -> None:
        self.name = name
        self.at_path = at_path
        self._modem = Modem(profiles.load(profile), pin, pcm_path)
        self._post: Post | None = None
        self._serial: serial.Serial | None = None
        self._unsent = b""
        self._failures = 0
        self._timer: asyncio.TimerHandle | None = None
        self._reopen: asyncio.TimerHandle | None = None
        self._pumping = False

    @property
    def facts(self) -> Facts:
        """What the modem told of itself: identity, SIM, network, signal."""
        return self._modem.facts

    def open(self, post: Post) -> None:
        """Take the port into use; `Up` or `Fault` follows."""
        assert self._post is None, "already open"
        self._post = post
        self._connect()

    def dial(self, number: str, caller: str | None) -> None:
        """Call a number; the network shows the SIM's own as the caller."""
        del caller
        self._modem.dial(number, self._now())
        self._pump()

    def answer(self) -> None:
        """Pick up the ringing call."""
        self._modem.answer(self._now())
        self._pump()

    def hangup(self, cause: Cause) -> None:
        """End or refuse the call."""
        self._modem.hangup(cause, self._now())
        self._pump()

    def send_digits(self, digits: str) -> None:
        """Send keys to the far end."""
        self._modem.send_digits(digits, self._now())
        self._pump()

    def send_text(self, number: str, text: str, key: str) -> None:
        """Send a short message."""
        self._modem.send_text(number, text, key, self._now())
        self._pump()

    def taken(self, key: str) -> None:
        """The short message is durable here."""
        self._modem.taken(key, self._now())
        self._pump()

    def close(self) -> None:
        """Give the port back; a call is hung up as well as can be done without waiting."""
        self._post = None
        for timer in (self._timer, self._reopen):
            if timer is not None:
                timer.cancel()
        if self._serial is not None and self._modem.call.state is not State.IDLE:
            with contextlib.suppress(OSError):
                os.write(self._serial.fileno(), b"\r\nAT+CHUP\r")
        self._disconnect()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _connect(self) -> None:
        self._reopen = None
        try:
            port = serial.Serial(self.at_path, 115200, timeout=0, write_timeout=0, exclusive=True)
        except (serial.SerialException, OSError, ValueError) as error:
            self._lose(f"{self.at_path} cannot be opened: {_words(error)}")
            return
        with contextlib.suppress(OSError):
            fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
        self._serial = port
        asyncio.get_running_loop().add_reader(port.fileno(), self._readable)
        self._modem.start(self._now())
        self._pump()

    def _disconnect(self) -> None:
        port, self._serial, self._unsent = self._serial, None, b""
        if port is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(port.fileno())
        loop.remove_writer(port.fileno())
        with contextlib.suppress(OSError):
            fcntl.ioctl(port.fileno(), termios.TIOCNXCL)
        with contextlib.suppress(OSError, serial.SerialException):
            port.close()

    def _lose(self, reason: str) -> None:
        self._disconnect()
        self._modem.lost(reason, self._now())
        wait_s = BACK_OFF_S[min(self._failures, len(BACK_OFF_S) - 1)]
        self._failures += 1
        if self._post is not None and self._reopen is None:
            self._reopen = asyncio.get_running_loop().call_later(wait_s, self._connect)
        self._pump()

    def _readable(self) -> None:
        assert self._serial is not None
        try:
            data = os.read(self._serial.fileno(), READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(f"{self.at_path} is gone: {_words(error)}")
            return
        if not data:
            self._lose(f"{self.at_path} is gone")
            return
        self._modem.receive(data, self._now())
        self._pump()

    def _on_timer(self) -> None:
        self._modem.on_timer(self._now())
        self._pump()

    def _pump(self) -> None:
        """Send and tell what there is. A verb called from within a signal is served by the pump under way."""
        if self._pumping:
            return
        self._pumping = True
        try:
            self._send()
            while (event := self._modem.next_event()) is not None:
                if isinstance(event, Lost):
                    self._lose(event.reason)
                else:
                    self._tell(event)
                self._send()
        finally:
            self._pumping = False
        self._arm()

    def _tell(self, signal: Signal) -> None:
        if isinstance(signal, Up):
            self._failures = 0
        if isinstance(signal, Text) and signal.sent_s == 0:
            signal = dataclasses.replace(signal, sent_s=time.time())
        if self._post is not None:
            self._post(signal)

    def _send(self) -> None:
        if self._serial is None:
            return
        self._unsent = (self._unsent + self._modem.outgoing())[:MAX_UNSENT]
        fd = self._serial.fileno()
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(fd, self._unsent) :]
        except BlockingIOError:
            asyncio.get_running_loop().add_writer(fd, self._writable)
        except OSError as error:
            self._lose(f"{self.at_path} is gone: {_words(error)}")

    def _writable(self) -> None:
        if self._serial is not None:
            asyncio.get_running_loop().remove_writer(self._serial.fileno())
        self._pump()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._modem.timer()
        if due is not None and self._post is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._on_timer)


def _words(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if number is None:
        return str(error)
    return REASONS.get(number, os.strerror(number).lower())
