"""How well and how fast keys are heard: conditions after ITU-T Q.24, speech that is no key, time a tick.

``python -m hardware.media.dtmf_bench`` prints `figures`. The tests ask the same
conditions for fewer digits.
"""

import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware.line import FRAME, RATE_HZ
from hardware.media import g711
from hardware.media.bank import Frames
from hardware.media.dtmf import DIAL_TONE_HZ, HIGH_HZ, KEYS, LOW_HZ, DtmfBank
from hardware.media.reel import Reel
from hardware.media.tones import peak, power, sine

MS = RATE_HZ // 1000
PER_ROW = len(KEYS)


@dataclass(frozen=True, slots=True)
class Condition:
    """How keys are pressed and what the line does to them.

    Levels are those of the louder tone. `twist_db` is high over low tone, `off` the error of
    each frequency (low, high) over nominal, `snr_db` both tones over white noise, and
    `break_ms` an interruption after half the tone.
    """

    name: str
    accept: bool = True
    level_dbm0: float = -10.0
    twist_db: float = 0.0
    off: tuple[float, float] = (0.0, 0.0)
    tone_ms: int = 60
    pause_ms: int = 60
    snr_db: float | None = None
    a_law: bool = False
    dial_tone_dbm0: float | None = None
    break_ms: int = 0
    only: int | None = None
    """0: the low tone alone; 1: the high tone alone."""


CONDITIONS = (
    Condition("60 ms at -10 dBm0"),
    Condition("-3 dBm0, A-law", level_dbm0=-3, a_law=True),
    Condition("-25 dBm0", level_dbm0=-25),
    Condition("-25 dBm0, twist -8 dB, SNR 15 dB, A-law", level_dbm0=-25, twist_db=-8, snr_db=15, a_law=True),
    Condition("twist -8 dB", twist_db=-8),
    Condition("twist +4 dB", twist_db=4),
    Condition(
        "twist -8 dB, 40/40 ms, SNR 15 dB, A-law", twist_db=-8, tone_ms=40, pause_ms=40, snr_db=15, a_law=True
    ),
    Condition(
        "twist +4 dB, 40/40 ms, SNR 15 dB, A-law", twist_db=4, tone_ms=40, pause_ms=40, snr_db=15, a_law=True
    ),
    Condition("+1.5 % both", off=(0.015, 0.015)),
    Condition("-1.5 % both", off=(-0.015, -0.015)),
    Condition("+1.5 % low, -1.5 % high, SNR 15 dB", off=(0.015, -0.015), snr_db=15),
    Condition("-1.5 % low, +1.5 % high, SNR 15 dB", off=(-0.015, 0.015), snr_db=15),
    Condition("+1.5 % both, twist -8 dB", off=(0.015, 0.015), twist_db=-8),
    Condition("-1.5 % both, twist +4 dB", off=(-0.015, -0.015), twist_db=4),
    Condition("40/40 ms", tone_ms=40, pause_ms=40),
    Condition("40/40 ms, SNR 15 dB", tone_ms=40, pause_ms=40, snr_db=15),
    Condition("40/40 ms, +1.5 %, A-law", off=(0.015, 0.015), tone_ms=40, pause_ms=40, a_law=True),
    Condition("SNR 15 dB", snr_db=15),
    Condition("SNR 12 dB", snr_db=12),
    Condition("A-law", a_law=True),
    Condition("450 Hz dial tone as loud behind", dial_tone_dbm0=-10),
    Condition("450 Hz dial tone as loud behind, SNR 20 dB, A-law", dial_tone_dbm0=-10, snr_db=20, a_law=True),
    Condition("10 ms break in 80 ms", tone_ms=80, break_ms=10),
    Condition("10 ms break in 80 ms, SNR 15 dB", tone_ms=80, break_ms=10, snr_db=15),
    Condition("held for 1 s", tone_ms=1000),
    Condition("low tone +3.5 %", False, off=(0.035, 0)),
    Condition("low tone -3.5 %", False, off=(-0.035, 0)),
    Condition("high tone +3.5 %", False, off=(0, 0.035)),
    Condition("high tone -3.5 %", False, off=(0, -0.035)),
    Condition("23 ms", False, tone_ms=23),
    Condition("23 ms, SNR 15 dB", False, tone_ms=23, snr_db=15),
    Condition("low tone alone", False, only=0),
    Condition("high tone alone", False, only=1),
    Condition("10 dB too low: -46 dBm0", False, level_dbm0=-46),
    Condition("twist -16 dB", False, twist_db=-16),
    Condition("twist +12 dB", False, twist_db=12),
)
"""Those with `accept` must be heard exactly once each; of the others none."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """Keys pressed on several rows: the sound, and when each press began (in samples) and of which key."""

    pcm: Frames
    starts: NDArray[np.intp]
    keys: list[str]


@dataclass(frozen=True, slots=True)
class Score:
    """Of `sent` presses, how many were heard exactly once and rightly; and all keys heard besides."""

    sent: int
    accepted: int
    extra: int

    def __add__(self, other: "Score") -> "Score":
        return Score(self.sent + other.sent, self.accepted + other.accepted, self.extra + other.extra)


def dial(condition: Condition, rows: int, generator: np.random.Generator) -> Dialled:
    """Every key once on every row, in any order, at any phase and place within a frame."""
    keys = ["".join(generator.permutation(list(KEYS))) for _ in range(rows)]
    steps = generator.integers(0, 5 * MS, (rows, PER_ROW)) + (condition.tone_ms + condition.pause_ms) * MS
    ends = np.cumsum(steps, axis=1)
    starts = ends - steps + condition.pause_ms * MS
    samples = -(-(int(ends.max()) + 100 * MS) // FRAME) * FRAME
    sound = np.zeros((rows, samples))
    for row in range(rows):
        for start, key in zip(starts[row].tolist(), keys[row], strict=True):
            sound[row, start : start + condition.tone_ms * MS] = _press(condition, key, generator)
    if condition.dial_tone_dbm0 is not None:
        sound += sine(DIAL_TONE_HZ, condition.dial_tone_dbm0, samples)
    if condition.snr_db is not None:
        both = power(condition.level_dbm0) * (1 + 10 ** (-abs(condition.twist_db) / 10))
        sound += generator.normal(0, np.sqrt(both / 10 ** (condition.snr_db / 10)), sound.shape)
    pcm = np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
    return Dialled(through_a_law(pcm) if condition.a_law else pcm, starts, keys)


def _press(condition: Condition, key: str, generator: np.random.Generator) -> NDArray[np.float64]:
    time_s = np.arange(condition.tone_ms * MS) / RATE_HZ
    place = KEYS.index(key)
    levels_dbm0 = (
        condition.level_dbm0 - max(condition.twist_db, 0),
        condition.level_dbm0 + min(condition.twist_db, 0),
    )
    pressed = np.zeros(len(time_s))
    for tone, nominal_hz in ((0, LOW_HZ[place // 4]), (1, HIGH_HZ[place % 4])):
        if condition.only in (None, tone):
            angle = 2 * np.pi * nominal_hz * (1 + condition.off[tone]) * time_s
            pressed += peak(levels_dbm0[tone]) * np.sin(angle + generator.uniform(0, 2 * np.pi))
    middle = len(pressed) // 2
    pressed[middle : middle + condition.break_ms * MS] = 0
    return pressed


def through_a_law(pcm: Frames) -> Frames:
    """What arrives when the line codes in A-law."""
    codes, back = np.empty(pcm.shape, np.uint8), np.empty(pcm.shape, np.int16)
    g711.encode(g711.PCMA, pcm, codes)
    g711.decode(g711.PCMA, codes, back)
    return back


class Ears:
    """A bank that listens to all rows of a reel of its own."""

    def __init__(self, rows: int) -> None:
        self.reel = Reel(rows)
        self.bank = DtmfBank(self.reel)

    def hear(self, frames: Frames) -> list[tuple[int, str]]:
        """The keys that became certain when the first rows said this."""
        self.reel.turn()
        self.reel.said[: len(frames)] = frames
        return self.bank.hear(np.arange(self.reel.rows))


def listen(pcm: Frames) -> list[tuple[int, int, str]]:
    """All keys heard in (rows, samples) by one bank, as (tick, row, key)."""
    ears = Ears(len(pcm))
    return [
        (tick, row, key)
        for tick in range(pcm.shape[1] // FRAME)
        for row, key in ears.hear(pcm[:, tick * FRAME : (tick + 1) * FRAME])
    ]


def score(condition: Condition, rows: int, generator: np.random.Generator) -> Score:
    """Dial and listen; a key belongs to the press that began last before the end of its tick."""
    dialled = dial(condition, rows, generator)
    heard: dict[tuple[int, int], list[str]] = {}
    for tick, row, key in listen(dialled.pcm):
        press = int(np.searchsorted(dialled.starts[row], (tick + 1) * FRAME)) - 1
        heard.setdefault((row, press), []).append(key)
    accepted = sum(press >= 0 and keys == [dialled.keys[row][press]] for (row, press), keys in heard.items())
    return Score(rows * PER_ROW, accepted, sum(map(len, heard.values())) - accepted)


MANDARIN = (
    "您好,欢迎拨打一二三四五政务服务热线,今天是二零二六年三月十八日,星期三。",
    "我想反映一个问题,我们小区门口的路灯已经坏了两个多星期,晚上回家非常不安全。",
    "请问办理居住证需要带哪些材料,是不是可以在网上预约,一般几天能够拿到?",
    "隔壁工地每天夜里十一点以后还在施工,声音特别大,老人和孩子都睡不着觉。",
    "您的工单编号是零七八九三六,我们会在五个工作日之内答复,请您保持电话畅通。",
    "自来水的颜色发黄,有一股味道,楼上楼下的邻居都是这样,麻烦派人来检查一下。",
    "公交车六十八路最近总是晚点,早上七点半等了四十分钟也没有来。",
    "好的,谢谢您的耐心等待,如果还有其他问题,欢迎再次来电,祝您生活愉快,再见。",
)
"""What is said on a hotline, for hearing keys where there are none."""


def speak(seconds: float, texts: Sequence[str] = MANDARIN, voice: str = "cmn") -> Frames:
    """Speech at 8 kHz of at least this length and near -15 dBm0, by espeak-ng in a process of its own (GPL).

    Voice variant, speed and pitch change from text to text.
    """
    order = json.dumps({"seconds": seconds, "texts": texts, "voice": voice})
    spoken = subprocess.run(
        [sys.executable, "-m", "hardware.media.dtmf_bench", "speak"],
        input=order.encode(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    # By whole seconds, so that both lengths have small factors and the transforms are fast.
    whole_s = -(-len(spoken) // (2 * ESPEAK_HZ))
    wide = np.zeros(whole_s * ESPEAK_HZ)
    wide[: len(spoken) // 2] = np.frombuffer(spoken, np.int16)
    narrow = np.fft.irfft(np.fft.rfft(wide)[: whole_s * RATE_HZ // 2 + 1], whole_s * RATE_HZ)
    narrow *= np.sqrt(power(-15) / np.mean(np.square(narrow)))
    return np.clip(np.rint(narrow), -32768, 32767).astype(np.int16)


ESPEAK_HZ = 22050


def _speaker() -> None:
    """The process that speaks: an order as JSON comes in, int16 samples at `ESPEAK_HZ` go out."""
    import espeakng_loader

    order = json.load(sys.stdin)
    espeak = ctypes.CDLL(espeakng_loader.get_library_path())
    assert espeak.espeak_Initialize(2, 0, espeakng_loader.get_data_path().encode(), 0) == ESPEAK_HZ
    pieces: list[bytes] = []

    def take(samples: int | None, count: int, _events: int | None) -> int:
        if samples and count:
            pieces.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(take)
    espeak.espeak_SetSynthCallback(callback)
    spoken = 0
    while sum(map(len, pieces)) < 2 * ESPEAK_HZ * order["seconds"]:
        variant = ("", "+f1", "+m3", "+f4", "+m7")[spoken % 5]
        assert espeak.espeak_SetVoiceByName((order["voice"] + variant).encode()) == 0
        espeak.espeak_SetParameter(1, 150 + 10 * (spoken % 7), 0)  # words a minute
        espeak.espeak_SetParameter(3, 30 + 5 * (spoken % 9), 0)  # pitch
        text = order["texts"][spoken % len(order["texts"])].encode() + b"\0"
        espeak.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 0, 0, 1, None, None)
        spoken += 1
    sys.stdout.buffer.write(b"".join(pieces))


def tick_us(pcm: Frames) -> float:
    """Median CPU time of one tick for all rows of (rows, samples)."""
    ears = Ears(len(pcm))
    ticks = [np.ascontiguousarray(pcm[:, at : at + FRAME]) for at in range(0, pcm.shape[1], FRAME)]
    took_s = []
    for frames in ticks:
        before_s = time.process_time()
        ears.hear(frames)
        took_s.append(time.process_time() - before_s)
    return 1e6 * float(np.median(took_s))


def figures() -> list[dict[str, Any]]:
    """What the bench found, ready for JSON; in a process of its own, with BLAS on one thread as in media."""
    found = subprocess.run(
        [sys.executable, "-m", "hardware.media.dtmf_bench"],
        stdout=subprocess.PIPE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        check=True,
    ).stdout
    measured: list[dict[str, Any]] = json.loads(found)
    return measured


def _measure(rows: int = 100, minutes: int = 30) -> list[dict[str, Any]]:
    generator = np.random.default_rng(2026)
    wanted = unwanted = Score(0, 0, 0)
    for condition in CONDITIONS:
        result = score(condition, 10, generator)
        wanted, unwanted = (wanted + result, unwanted) if condition.accept else (wanted, unwanted + result)
    talk = speak(60.0 * minutes)[: minutes * 60 * RATE_HZ].reshape(2 * minutes, -1)
    false = len(listen(talk)) + len(listen(through_a_law(talk)))
    idle = np.rint(generator.normal(0, 8, (rows, 4 * RATE_HZ))).astype(np.int16)
    talking = np.stack([np.roll(talk[row % len(talk)], 997 * row)[: 4 * RATE_HZ] for row in range(rows)])
    dialling = dial(CONDITIONS[0], rows, generator).pcm

    def figure(
        name: str, value: float, unit: str, limit: float, reference: str, least: bool = False
    ) -> dict[str, Any]:
        met = value >= limit if least else value <= limit
        goal = f"{'>=' if least else '<='} {limit:g}"
        value = round(value, 2)
        return {"bench": "dtmf", "figure": name, "value": value, "unit": unit, "goal": goal} | {
            "reference": reference,
            "met": bool(met),
        }

    share = 100 * wanted.accepted / wanted.sent
    tick = f"a tick is 20000 us; {rows} rows, BLAS on one thread"
    return [
        figure(
            "keys that must be heard, heard once", share, "%", 100, f"ITU-T Q.24, {wanted.sent} keys", True
        ),
        figure("keys heard besides", wanted.extra, "keys", 0, f"ITU-T Q.24, {wanted.sent} keys"),
        figure(
            "keys that must not be heard, heard",
            unwanted.accepted + unwanted.extra,
            "keys",
            0,
            f"ITU-T Q.24, {unwanted.sent} keys",
        ),
        figure("keys heard in speech", false, "keys", 0, f"{minutes} min of Mandarin, linear and A-law"),
        figure("tick, all lines idle", tick_us(idle), "us", 100, tick),
        figure("tick, all lines speaking", tick_us(talking), "us", 1000, tick),
        figure("tick, all lines dialling", tick_us(dialling), "us", 5000, tick),
    ]


if __name__ == "__main__":
    if sys.argv[1:] == ["speak"]:
        _speaker()
    else:
        print(json.dumps(_measure(), indent=2))
