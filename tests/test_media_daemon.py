"""The media process itself, as a process: phones and pages on 127.0.0.1 talk through it in real time."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from hardware.line import FRAME, RtpRoute
from hardware.media import g711, wire
from hardware.media.client import MediaLink
from hardware.media.dtmf import digit_tone
from hardware.media.rtp import EventSender, build, parse
from hardware.media.tones import level_dbm0

pytestmark = pytest.mark.quiet

Report = TypeVar("Report", bound=msgspec.Struct)
Sound = NDArray[np.int16]


def sine(hz: float, seconds: float = 4, peak: int = 8000) -> Sound:
    return (peak * np.sin(np.arange(int(8000 * seconds)) * 2 * np.pi * hz / 8000)).astype(np.int16)


def loudest_hz(sound: Sound) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum)) * 8000 / len(sound)


def share(sound: Sound, hz: float) -> float:
    """How much of the power lies within 20 Hz of `hz`."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    at = np.abs(np.fft.rfftfreq(len(sound), 1 / 8000) - hz) < 20
    return float(power[at].sum() / power.sum())


class Phone:
    """An RTP phone: says its sound one frame a tick, keeps what it hears."""

    def __init__(
        self, media: "Media", line: str, sound: Sound, told_port: int = 0, event: int | None = 101
    ) -> None:
        self.line = line
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.there = ("127.0.0.1", media.rtp_base + 2 * int(line.rpartition("/")[2]))
        self.heard: list[Sound] = []
        self.keys: list[bytes] = []
        self.presses = EventSender()
        self.sound = sound
        self._seq, self._stamp = 100, 5000
        port = told_port or self.socket.getsockname()[1]
        media.order(wire.Open(line, rtp=RtpRoute("127.0.0.1", port, 8, event)))

    def tick(self, speak: bool = True) -> None:
        codes = np.zeros(FRAME, np.uint8)
        frame, self.sound = self.sound[:FRAME], self.sound[FRAME:]
        g711.encode(8, np.pad(frame, (0, FRAME - len(frame))), codes)
        event = self.presses.next()
        if event is not None:
            packet = build(101, self._seq, self._stamp - event[1], 77, event[0], event[1] == 0)
        else:
            packet = build(8, self._seq, self._stamp, 77, codes.tobytes())
        if speak:
            self.socket.sendto(packet, self.there)
        self._seq, self._stamp = self._seq + 1, self._stamp + FRAME
        self.drain()

    def drain(self) -> None:
        while True:
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return
            packet = parse(data, len(data))
            assert packet is not None
            payload = data[packet.start : packet.end]
            if packet.payload == 101:
                self.keys.append(payload)
                continue
            pcm = np.zeros(len(payload), np.int16)
            g711.decode(8, np.frombuffer(payload, np.uint8), pcm)
            self.heard.append(pcm)

    def last(self, seconds: float = 0.6) -> Sound:
        return np.concatenate(self.heard[-int(seconds * 50) :])


class Page:
    """A browser page: int16 frames over a WebSocket."""

    def __init__(self, port: int, token: str, sound: Sound) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(
            f"GET /sound?token={token} HTTP/1.1\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._bytes = b""
        while b"\r\n\r\n" not in self._bytes:
            self._bytes += self.socket.recv(4096)
        self._bytes = self._bytes.partition(b"\r\n\r\n")[2]
        self.socket.setblocking(False)
        self.sound = sound

    def tick(self) -> None:
        frame, self.sound = self.sound[:FRAME], self.sound[FRAME:]
        mask = os.urandom(4)
        payload = (
            np.frombuffer(frame.tobytes(), np.uint8) ^ np.tile(np.frombuffer(mask, np.uint8), 80)
        ).tobytes()
        self.socket.sendall(b"\x82\xfe\x01\x40" + mask + payload)
        try:
            self._bytes += self.socket.recv(65536)
        except BlockingIOError:
            return

    def last(self, seconds: float = 0.6) -> Sound:
        whole = len(self._bytes) // 324
        frames = np.frombuffer(self._bytes[: whole * 324], np.uint8).reshape(-1, 324)
        assert (frames[:, :4] == [0x82, 126, 1, 64]).all()
        return np.ascontiguousarray(frames[-int(seconds * 50) :, 4:]).view("<i2").reshape(-1)


class Media:
    """The process and the connection to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rtp_base, self.browser_port = free_ports()
        self.told: list[wire.Report] = []
        self._bytes = b""
        self._link: socket.socket | None = None
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "hardware.media.daemon"),
                *("--socket", str(self.folder / "media.sock"), "--marks", str(self.folder / "marks")),
                *("--rtp-base", str(self.rtp_base), "--browser-port", str(self.browser_port)),
            ]
        )

    def connect(self) -> None:
        until = time.monotonic() + 10
        while True:
            self._link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._link.connect(str(self.folder / "media.sock"))
            except OSError:
                assert self.process.poll() is None, "media did not start"
                assert time.monotonic() < until
                time.sleep(0.02)
                continue
            return

    def hang_up(self) -> None:
        assert self._link is not None
        self._link.close()

    def order(self, order: wire.Order) -> None:
        assert self._link is not None
        self._link.sendall(msgspec.json.encode(order) + b"\n")

    def say(self, line: bytes) -> None:
        assert self._link is not None
        self._link.sendall(line)

    def listen(self) -> None:
        assert self._link is not None
        while select.select([self._link], [], [], 0)[0]:
            data = self._link.recv(65536)
            if not data:
                return
            *lines, self._bytes = (self._bytes + data).split(b"\n")
            self.told += [msgspec.json.decode(line, type=wire.Report) for line in lines]

    def saw(self, kind: type[Report]) -> list[Report]:
        self.listen()
        return [report for report in self.told if isinstance(report, kind)]

    def wait(self, kind: type[Report], what: Callable[[Report], bool] = lambda _: True) -> Report:
        until = time.monotonic() + 5
        while True:
            for report in self.saw(kind):
                if what(report):
                    return report
            assert time.monotonic() < until, f"no {kind.__name__} in {self.told}"
            time.sleep(0.01)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def free_ports() -> tuple[int, int]:
    """A base with 32 free UDP ports above it, and a free TCP port."""
    for base in range(24000 + os.getpid() % 100 * 64, 60000, 64):
        held = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(16)]
        try:
            for number, one in enumerate(held):
                one.bind(("127.0.0.1", base + 2 * number))
        except OSError:
            continue
        finally:
            for one in held:
                one.close()
        with socket.create_server(("127.0.0.1", 0)) as page:
            return base, int(page.getsockname()[1])
    raise RuntimeError("no free ports")


def talk(parties: Sequence[Phone | Page], seconds: float) -> None:
    """Everybody speaks for this long, one frame each 20 ms."""
    start = time.monotonic()
    for tick in range(int(seconds * 50)):
        for party in parties:
            party.tick()
        time.sleep(max(0.0, start + (tick + 1) * 0.02 - time.monotonic()))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Media]:
    media = Media(tmp_path_factory.mktemp("media"))
    yield media
    media.stop()
    assert media.process.returncode == 0


@pytest.fixture
def media(running: Media) -> Iterator[Media]:
    running.connect()
    running.told.clear()
    yield running
    running.listen()
    assert not [trouble for trouble in running.saw(wire.Trouble) if not trouble.line]
    running.hang_up()


def prompt(path: Path, sound: Sound) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(sound.tobytes())
    return str(path)


def test_two_phones_hear_each_other_and_the_recording_has_each_on_its_side(media: Media) -> None:
    caller, agent = Phone(media, "sip/1", sine(440)), Phone(media, "sip/2", sine(1000))
    media.order(wire.Hear("sip/1", {"sip/2": 1}))
    media.order(wire.Hear("sip/2", {"sip/1": 1}))
    path = str(media.folder / "calls" / "both.wav")
    media.order(wire.Record("sip/1", "r1", path))
    talk([caller, agent], 1.5)
    assert share(caller.last(), 1000) > 0.98
    assert share(agent.last(), 440) > 0.98
    assert level_dbm0(agent.last()) == pytest.approx(level_dbm0(sine(440)), abs=0.2)
    media.order(wire.Finish("r1"))
    done = media.wait(wire.Recorded)
    assert (done.id, done.path, done.reason) == ("r1", path, "")
    assert 1.3 < done.seconds < 1.7
    with wave.open(path, "rb") as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)[4000:]
    assert share(both[:, 0], 440) > 0.98
    assert share(both[:, 1], 1000) > 0.98


def test_a_prompt_is_heard_at_its_level_and_reported_when_it_ends(media: Media) -> None:
    phone = Phone(media, "sip/3", sine(440))
    voice = sine(700, 0.5, 3000)
    path = prompt(media.folder / "welcome.wav", voice)
    media.order(wire.Play("sip/3", "p1", [path, path]))
    talk([phone], 0.6)
    assert loudest_hz(phone.last(0.3)) == pytest.approx(700, abs=5)
    assert level_dbm0(phone.last(0.3)) == pytest.approx(level_dbm0(voice), abs=0.2)
    talk([phone], 0.7)
    assert media.wait(wire.Played) == wire.Played("sip/3", "p1", "done")
    assert np.abs(phone.last(0.1)).max() <= 8, "the A-law has no zero"
    media.order(wire.Play("sip/3", "p2", ["tone:ringback"], loop=True))
    talk([phone], 0.2)
    media.order(wire.Stop("sip/3"))
    media.order(wire.Play("sip/3", "p3", [str(media.folder / "none.wav")]))
    assert media.wait(wire.Played, lambda played: played.id == "p3").outcome == "missing"
    assert media.wait(wire.Played, lambda played: played.id == "p2").outcome == "stopped"


def test_keys_are_reported_once_by_event_in_band_or_both(media: Media) -> None:
    gap = np.zeros(1600, np.int16)
    tones = np.concatenate([np.concatenate([digit_tone(key), gap]) for key in "159#"])
    by_event, in_band = Phone(media, "sip/4", gap), Phone(media, "sip/5", np.concatenate([gap, tones]))
    both = Phone(media, "sip/6", np.concatenate([gap, digit_tone("7")]))
    by_event.presses.send("0*88")
    # The gateway passes the tone on while it sends the event: with this layout they overlap.
    leaky = both.presses
    talk([by_event, in_band, both], 0.24)
    leaky.send("7")
    talk([by_event, in_band, both], 1.2)
    pressed = media.saw(wire.Pressed)
    assert [(p.key, p.by) for p in pressed if p.line == "sip/4"] == [(key, "event") for key in "0*88"]
    assert [(p.key, p.by) for p in pressed if p.line == "sip/5"] == [(key, "tone") for key in "159#"]
    assert [p.key for p in pressed if p.line == "sip/6"] == ["7"]


def test_who_sends_keys_as_events_is_not_listened_to_until_another_takes_the_call(media: Media) -> None:
    gap = np.zeros(1600, np.int16)
    words = np.concatenate([gap, digit_tone("5"), gap, digit_tone("9"), gap])
    events, later = Phone(media, "sip/9", words), Phone(media, "sip/10", words)
    events.presses.send("1")
    talk([events], 1.2)
    assert [(p.key, p.by) for p in media.saw(wire.Pressed)] == [("1", "event")]
    media.order(wire.Open("sip/9", rtp=RtpRoute("127.0.0.1", later.socket.getsockname()[1], event=101)))
    later.there = events.there
    talk([later], 1.2)
    pressed = [(p.key, p.by) for p in media.saw(wire.Pressed) if p.line == "sip/9"]
    assert pressed == [("1", "event"), ("5", "tone"), ("9", "tone")]


def test_keys_are_sent_as_events_or_as_tones(media: Media) -> None:
    modern, old = Phone(media, "sip/7", sine(440)), Phone(media, "sip/8", sine(440), event=None)
    for line in ("sip/7", "sip/8"):
        media.order(wire.Send(line, "5"))
    talk([modern, old], 0.5)
    assert [payload[0] for payload in modern.keys] == [5] * 7
    assert not old.keys
    tone = np.concatenate(old.heard)
    tone = tone[np.abs(tone) > 8]
    assert share(tone, 770) + share(tone, 1336) > 0.9


def test_a_browser_hears_and_is_heard(media: Media) -> None:
    phone = Phone(media, "sip/9", sine(440))
    media.order(wire.Open("headset/8001", token="t0ken"))
    media.order(wire.Hear("headset/8001", {"sip/9": 1}))
    media.order(wire.Hear("sip/9", {"headset/8001": 1}))
    time.sleep(0.1)
    page = Page(media.browser_port, "t0ken", sine(1000))
    talk([phone, page], 1.2)
    assert share(phone.last(), 1000) > 0.98
    assert share(page.last(), 440) > 0.98
    page.socket.close()
    media.wait(wire.Browser, lambda told: not told.up)
    assert [(told.line, told.up) for told in media.saw(wire.Browser)] == [
        ("headset/8001", True),
        ("headset/8001", False),
    ]


def test_three_parties_a_whisper_and_a_listener_are_rows_of_the_matrix(media: Media) -> None:
    caller, agent, leader = (Phone(media, f"sip/{n}", sine(hz)) for n, hz in ((1, 400), (2, 700), (3, 1100)))
    media.order(wire.Hear("sip/1", {"sip/2": 1}))
    media.order(wire.Hear("sip/2", {"sip/1": 1, "sip/3": 0.5}))
    media.order(wire.Hear("sip/3", {"sip/1": 1, "sip/2": 1}))
    talk([caller, agent, leader], 0.8)
    heard = [party.last(0.4) for party in (caller, agent, leader)]
    assert share(heard[0], 700) > 0.98, "the caller does not hear the whisper"
    assert share(heard[1], 1100) == pytest.approx(0.2, abs=0.02)
    assert share(heard[2], 400) == pytest.approx(0.5, abs=0.02)
    assert share(heard[2], 700) == pytest.approx(0.5, abs=0.02)


def test_a_phone_behind_nat_is_answered_where_it_speaks_from(media: Media) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        phone = Phone(media, "sip/10", sine(440), told_port=nobody.getsockname()[1])
        media.order(wire.Hear("sip/10", {"sip/10": 1}))
        talk([phone], 0.8)
    assert share(phone.last(0.4), 440) > 0.98


def test_a_re_invite_moves_the_sound_and_a_closed_line_is_silent(media: Media) -> None:
    first = Phone(media, "sip/11", sine(440))
    media.order(wire.Hear("sip/11", {"sip/11": 1}))
    talk([first], 0.3)
    second = Phone(media, "sip/11", sine(1000))
    first.drain()
    before = len(first.heard)
    talk([second], 1.0)
    assert share(second.last(0.3), 1000) > 0.98
    first.drain()
    assert len(first.heard) - before < 4
    media.order(wire.Close("sip/11"))
    time.sleep(0.1)
    second.drain()
    count = len(second.heard)
    time.sleep(0.1)
    second.drain()
    assert len(second.heard) == count


def test_an_order_it_does_not_understand_or_cannot_do_is_told_and_nothing_else_happens(
    running: Media,
) -> None:
    running.connect()
    running.told.clear()
    running.say(b'{"do":"fly"}\nnonsense\n{"do":"open","line":"sip/x","rtp":{"ip":"127.0.0.1","port":9}}\n')
    running.order(wire.Open("sip/1", rtp=RtpRoute("not an address", 9)))
    running.order(wire.Open("sip/1", rtp=RtpRoute("127.0.0.1", 9, 97)))
    running.order(wire.Open("gsm/0", pcm="/dev/no-such-modem"))
    running.order(wire.Open("gsm/0"))
    running.order(wire.Send("sip/1", "x"))
    until = time.monotonic() + 5
    while len(running.saw(wire.Trouble)) < 8 and time.monotonic() < until:
        time.sleep(0.01)
    lines = [trouble.line for trouble in running.saw(wire.Trouble)]
    assert lines == ["", "", "sip/x", "sip/1", "sip/1", "gsm/0", "gsm/0", "sip/1"]
    beat = running.wait(wire.Beat)
    assert beat.ticks > 0
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        running.say(b"x" * 3_000_000)
    running.hang_up()
    assert running.process.poll() is None


def test_without_being_told_what_to_keep_a_new_connection_starts_afresh_and_is_told_of_recordings(
    running: Media,
) -> None:
    running.connect()
    running.told.clear()
    caller, agent = Phone(running, "sip/1", sine(440, 6)), Phone(running, "sip/2", sine(1000, 6))
    running.order(wire.Hear("sip/1", {"sip/2": 1}))
    running.order(wire.Hear("sip/2", {"sip/1": 1}))
    running.order(wire.Record("sip/1", "kept", str(running.folder / "kept.wav")))
    talk([caller, agent], 0.3)
    running.hang_up()
    talk([caller, agent], 0.6)
    assert share(caller.last(0.4), 1000) > 0.98
    running.connect()
    running.told.clear()
    done = running.wait(wire.Recorded)
    assert done.id == "kept"
    assert done.seconds > 0.7
    caller.drain()
    before = len(caller.heard)
    talk([caller, agent], 0.2)
    assert len(caller.heard) - before <= 1, "a new connection starts with every line silent"
    running.hang_up()


def test_what_the_next_call_process_keeps_goes_on_without_a_gap_and_all_else_ends(running: Media) -> None:
    running.connect()
    running.told.clear()
    caller, agent = Phone(running, "sip/1", sine(440, 8)), Phone(running, "sip/2", sine(1000, 8))
    other = Phone(running, "sip/3", sine(600, 8))
    for line, hears in (("sip/1", "sip/2"), ("sip/2", "sip/1"), ("sip/3", "sip/1")):
        running.order(wire.Hear(line, {hears: 1}))
    for name in ("stays", "left"):
        running.order(wire.Record("sip/1", name, str(running.folder / f"{name}.wav")))
    talk([caller, agent, other], 0.5)
    running.hang_up()
    talk([caller, agent, other], 0.5)
    running.connect()
    running.told.clear()
    running.order(wire.Keep(["sip/1", "sip/2", "sip/9"], ["stays", "unknown"]))
    talk([caller, agent, other], 0.8)
    kept = running.wait(wire.Kept)
    assert (kept.lines, kept.recordings) == (["sip/1", "sip/2"], ["stays"])
    assert 0.3 < kept.gap_s < 3
    assert running.wait(wire.Recorded).id == "left"
    assert share(caller.last(), 1000) > 0.98
    assert share(agent.last(), 440) > 0.98
    before = len(other.heard)
    talk([caller, agent, other], 0.3)
    assert len(other.heard) == before, "who was not kept hears nothing more"
    running.order(wire.Finish("stays"))
    done = running.wait(wire.Recorded, lambda done: done.id == "stays")
    assert done.reason == ""
    assert done.seconds > 1.9, "one recording, the time between the two included"
    running.hang_up()


def test_being_told_to_stop_it_finishes_the_recording(tmp_path: Path) -> None:
    media = Media(tmp_path)
    media.connect()
    phone = Phone(media, "sip/1", sine(440))
    media.order(wire.Record("sip/1", "r", str(tmp_path / "r.wav")))
    talk([phone], 0.5)
    media.stop()
    assert media.process.returncode == 0
    media.listen()
    assert [done.reason for done in media.saw(wire.Recorded)] == [""]
    with wave.open(str(tmp_path / "r.wav"), "rb") as file:
        assert 0.4 < file.getnframes() / 8000 < 0.7


def test_killed_it_loses_less_than_a_second_and_tells_the_next_call_process(tmp_path: Path) -> None:
    media = Media(tmp_path)
    media.connect()
    phone = Phone(media, "sip/1", sine(440))
    media.order(wire.Record("sip/1", "r", str(tmp_path / "r.wav")))
    talk([phone], 1.3)
    media.process.send_signal(signal.SIGKILL)
    media.process.wait(5)
    media.hang_up()
    media.start()
    media.connect()
    done = media.wait(wire.Recorded)
    assert (done.id, done.reason) == ("r", "interrupted")
    assert done.seconds > 0.3
    media.stop()


def test_the_link_comes_back_by_itself_and_says_so(tmp_path: Path) -> None:
    media = Media(tmp_path)

    async def calls() -> list[str]:
        seen: list[str] = []
        beats = asyncio.Queue[wire.Report]()
        link = MediaLink(
            str(tmp_path / "media.sock"),
            on_report=beats.put_nowait,
            on_down=lambda: seen.append("down"),
            on_up=lambda: seen.append("up"),
        )
        assert not link.order(wire.Close("sip/1"))
        link.start()
        await asyncio.wait_for(beats.get(), 10)
        assert link.order(wire.Stop("sip/1"))
        media.process.send_signal(signal.SIGKILL)
        media.process.wait(5)
        while "down" not in seen:
            await asyncio.sleep(0.01)
        assert not link.up
        media.start()
        while not beats.empty():
            beats.get_nowait()
        await asyncio.wait_for(beats.get(), 10)
        await link.stop()
        return seen

    assert asyncio.run(calls()) == ["up", "down", "up"]
    media.stop()


def test_the_media_process_loads_no_database_web_or_broker_code() -> None:
    script = (
        "import hardware.media.daemon, sys;"
        "print(sorted({'peewee', 'sqlite3', 'flask', 'paho', 'asyncio', 'ssl'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
