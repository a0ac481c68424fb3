"""Real phones that are not ours: baresip with a tone for a voice, and SIPp; and what was heard."""

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from hardware.media import g711

RATE_HZ = 8000
SCENARIOS = Path(__file__).parent / "sipp"
MODULES = Path("/usr/lib/baresip/modules")
HERE = "127.0.0.1"
LOOK_S = 0.02
WAV_HEADER = 44
MISSING = [name for name in ("sipp", "baresip") if not shutil.which(name)]

Value = TypeVar("Value")


class Baresip:
    """A softphone that says a tone and keeps what it hears.

    With `number` and `password` it registers as an extension; else it is a citizen's
    phone. `answers` picks up by itself; `here` is the address it is at, any free port when left out. It is
    called by its number, and those in `also`. Over the `transport` tls it may have its voice `sealed`, and
    then takes no other (SRTP).
    """

    def __init__(
        self,
        folder: Path,
        registrar: int,
        *,
        number: str = "13800138000",
        password: str = "",
        tone_hz: float = 600.0,
        answers: bool = False,
        here: tuple[str, int] | None = None,
        registrar_ip: str = HERE,
        also: Sequence[str] = (),
        transport: str = "udp",
        sealed: bool = False,
    ) -> None:
        self.folder = folder / f"phone-{number}"
        # baresip 1.1 puts both addresses into the names of its recordings and fails when they get too long.
        self._heard = Path(tempfile.mkdtemp(prefix="heard-"))
        atexit.register(shutil.rmtree, self._heard, ignore_errors=True)
        self._log = self.folder / "log"
        self.number = number
        self.registrar = registrar
        self._registrar_ip = registrar_ip
        self._here = here
        self._also = also
        self._password = password
        self._answers = answers
        self._transport = transport
        self._sealed = sealed
        self._tone_hz = tone_hz
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._partial = b""
        self.said: list[dict[str, Any]] = []
        """Events of the phone, oldest first."""

    def __enter__(self) -> Self:
        control = self._configure()
        self._process = subprocess.Popen(
            ["baresip", "-f", str(self.folder)],
            stdin=subprocess.DEVNULL,
            stdout=self._log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        try:
            self._link = until(lambda: connected(control), 10, f"phone {self.number} to start")
            if self._password:
                until(lambda: b"200 OK" in self._log.read_bytes() or None, 10, f"{self.number} to register")
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if kind is not None:
            print(f"--- phone {self.number}\n{self._log.read_text('utf-8', 'replace')[-3000:]}")
        if self._link is not None:
            self._link.close()
        if self._process is not None:
            end(self._process)

    def dial(self, number: str = "12345") -> None:
        """Call a number at the box."""
        to = f"sip:{number}@{self._registrar_ip}:{self.registrar}"
        self.command("dial", f"{to};transport={self._transport}")

    def keys(self, keys: str) -> None:
        """Press keys, as telephone-events (RFC 4733)."""
        for key in keys:
            self.command("sndcode", key)
            self.command("sndcode", "\x04")  # baresip's "key released"
            time.sleep(0.2)

    def answer(self) -> None:
        """Pick up."""
        self.command("accept")

    def hang_up(self) -> None:
        """End the call, or refuse it."""
        self.command("hangup")

    def command(self, command: str, parameters: str = "") -> None:
        """Give baresip a command."""
        assert self._link is not None
        text = json.dumps({"command": command, "params": parameters}).encode()
        self._link.sendall(b"%d:%s," % (len(text), text))

    def wait(self, type_: str, count: int = 1, seconds: float = 15.0) -> dict[str, Any]:
        """Wait until the phone said so: CALL_INCOMING, CALL_ESTABLISHED, CALL_CLOSED, REGISTER_OK, …"""

        def look() -> dict[str, Any] | None:
            self._read()
            found = [event for event in self.said if event.get("type") == type_]
            return found[count - 1] if len(found) >= count else None

        found = until(look, seconds, f"phone {self.number}: {type_}")
        assert found is not None
        return found

    def forget(self) -> None:
        """Forget what the phone said and heard so far, between calls."""
        self._read()
        self.said.clear()
        for recording in self._heard.glob("*.wav"):
            recording.unlink()

    def heard(self) -> Path:
        """The recording of what the phone heard in its last call."""
        return max(self._heard.glob("*-dec.wav"), key=lambda path: path.stat().st_mtime)

    def _read(self) -> None:
        assert self._link is not None
        try:
            self._partial += self._link.recv(65536)
        except BlockingIOError:
            return
        while b":" in self._partial:
            size, _, rest = self._partial.partition(b":")
            if len(rest) <= int(size):
                return
            self.said.append(json.loads(rest[: int(size)]))
            self._partial = rest[int(size) + 1 :]

    def _configure(self) -> int:
        """Write the phone's files; the port it is controlled by."""
        self.folder.mkdir(parents=True)
        voice = write_tone(self.folder / "voice.wav", self._tone_hz, 60)
        control, rtp = free_tcp(), free_pair()
        ip, sip = self._here or (HERE, free_pair())
        modules = "".join(f"module {name}.so\n" for name in ("g711", "aufile", "aubridge", "sndfile", "srtp"))
        (self.folder / "config").write_text(
            f"sip_listen {ip}:{sip}\nmodule_path {MODULES}\n{modules}"
            "module_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n"
            f"audio_source aufile,{voice}\naudio_player aubridge,nobody\n"
            f"audio_alert aufile,/dev/null\nsnd_path {self._heard}\n"
            f"ctrl_tcp_listen {HERE}:{control}\nrtp_ports {rtp}-{rtp + 20}\n"
        )
        registering = (
            f"auth_user={self.number};auth_pass={self._password};regint=60" if self._password else "regint=0"
        )
        (self.folder / "accounts").write_text(
            "".join(
                f"<sip:{number}@{self._registrar_ip}:{self.registrar};transport={self._transport}>;{registering}"
                f";audio_codecs=PCMA;answermode={'auto' if self._answers else 'manual'}"
                f"{';mediaenc=srtp-mand' if self._sealed else ''}\n"
                for number in (self.number, *self._also)
            )
        )
        (self.folder / "contacts").write_text("")
        return control


class Sipp:
    """SIPp running one of our scenarios against a box, from `with` until its end."""

    def __init__(self, scenario: str, port: int, folder: Path, *more: str, service: str = "12345") -> None:
        self._command = [
            *("sipp", f"{HERE}:{port}", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-s", service),
            *("-i", HERE, "-mi", HERE, "-p", str(free_pair()), "-mp", str(free_media()), "-nostdin", *more),
        ]
        self._folder = folder
        self._log = folder / f"sipp-{scenario}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env={**os.environ, "TERM": "dumb"},
            stdin=subprocess.DEVNULL,
            stdout=self._log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        assert self._process is not None
        end(self._process)
        if kind is not None:
            print(f"--- sipp\n{self.text()[-3000:]}")

    def wait(self, seconds: float = 40.0) -> None:
        """Wait for its end; every call must have gone as the scenario says."""
        assert self._process is not None
        code = self._process.wait(seconds)
        assert code == 0, f"sipp ended with {code}\n{self.text()[-3000:]}"

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process is not None and self._process.poll() is None

    def text(self) -> str:
        """What SIPp printed."""
        return self._log.read_text("utf-8", "replace")


def end(process: "subprocess.Popen[bytes]", seconds: float = 3.0) -> None:
    """End a process of ours: asked first, then made to."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(what: Callable[[], Value | None], seconds: float, name: str) -> Value:
    """Look again and again until `what` gives something; return that."""
    limit = time.monotonic() + seconds
    while (found := what()) is None:
        assert time.monotonic() < limit, f"waited {seconds:g} s in vain for {name}"
        time.sleep(LOOK_S)
    return found


def connected(port: int) -> socket.socket | None:
    """A connection to a port of ours, once somebody listens."""
    try:
        link = socket.create_connection((HERE, port))
    except OSError:
        return None
    link.setblocking(False)
    return link


# Sound


def write_tone(path: Path, hz: float, seconds: float, level: float = 0.25) -> Path:
    """Write a tone as a telephone WAV file."""
    samples = level * 32767 * np.sin(2 * np.pi * hz * np.arange(round(RATE_HZ * seconds)) / RATE_HZ)
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        out.writeframes(samples.astype("<i2").tobytes())
    return path


def write_voice(path: Path, hz: float, seconds: float = 4.0, level: float = 0.25) -> Path:
    """Write a tone as bare A-law codes, for SIPp's rtp_stream."""
    samples = level * 32767 * np.sin(2 * np.pi * hz * np.arange(round(RATE_HZ * seconds)) / RATE_HZ)
    codes = np.zeros(len(samples), np.uint8)
    g711.encode(g711.PCMA, samples.astype(np.int16), codes)
    path.write_bytes(codes.tobytes())
    return path


def read_wav(path: Path, channel: int = 0) -> NDArray[np.float64]:
    """One channel of a 16 bit WAV file, 1.0 is full scale; a file still being written is read so far."""
    try:
        with wave.open(str(path), "rb") as file:
            channels = file.getnchannels()
            data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    except wave.Error:
        # baresip writes the header of its recordings only when the call is over.
        raw = path.read_bytes()[WAV_HEADER:]
        channels, data = 1, np.frombuffer(raw[: len(raw) // 2 * 2], "<i2")
    return data[channel::channels].astype(np.float64) / 32768


def tone_level(sound: Path | NDArray[np.float64], hz: float, channel: int = 0, seconds: float = 1.0) -> float:
    """How loud a tone was at its loudest: amplitude, full scale is 1.0, in windows of `seconds`."""
    samples = read_wav(sound, channel) if isinstance(sound, Path) else sound
    size = round(RATE_HZ * seconds)
    window = np.hanning(size)
    bin_ = round(hz * seconds)
    best = 0.0
    for start in range(0, len(samples) - size + 1, size // 2):
        spectrum = np.abs(np.fft.rfft(samples[start : start + size] * window)) * 2 / window.sum()
        best = max(best, float(spectrum[max(0, bin_ - 2) : bin_ + 3].max()))
    return best


# Ports


def free_pair() -> int:
    """A port free for UDP and TCP, with the next one: baresip takes port + 1 for TLS, RTP for RTCP."""
    return free_ports(2, (socket.SOCK_DGRAM, socket.SOCK_STREAM))


def free_media() -> int:
    """A port for SIPp's sound; it takes the next for RTCP, and the two behind for pictures."""
    return free_ports(4, (socket.SOCK_DGRAM,))


def free_ports(count: int, kinds: Sequence[int]) -> int:
    """A port free with as many as wanted from it on."""
    while True:
        base = free_tcp()
        with ExitStack() as held:
            try:
                for port in range(base, base + count):
                    for kind in kinds:
                        held.enter_context(socket.socket(socket.AF_INET, kind)).bind((HERE, port))
            except (OSError, OverflowError):
                continue
            return base


def free_tcp() -> int:
    """A TCP port nobody uses just now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


def certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 in one PEM file, signed by itself."""
    path, key = folder / "box.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=box -addext subjectAltName=IP:127.0.0.1"
    )
    files = ("-keyout", str(key), "-out", str(path))
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    path.write_text(key.read_text() + path.read_text())
    return path


def users(folder: Path, accounts: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """SIPp's arguments for calling or registering with these numbers and passwords."""
    path = folder / "users.csv"
    rows = [
        f"{number};[authentication username={number} password={password}]" for number, password in accounts
    ]
    path.write_text("SEQUENTIAL\n" + "\n".join(rows) + "\n")
    return "-inf", str(path)
