"""From any recorded or spoken sound to a telephone prompt: 8 kHz mono int16, levelled, with soft ends.

Samples are float32 of full scale 1.0 in between. 0 dBm0 is a sine 3.14 dB below full scale
(A-law, ITU-T G.711), so a level in dBm0 is 6.15 dB above its RMS relative to full scale.
"""

import os
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE_HZ = 8000
LEVEL_DBM0 = -18.0
"""Active speech level of a prompt."""
DBM0_OVER_DBFS = 6.15
"""20 lg √2 + 3.14."""
SECONDS_MAX = 180.0

_CUT_HZ = 3700.0
_FILTER_S = 0.0072
"""Length of the low-pass: passes 3.4 kHz, stops what would fold back below it."""
_FADE_S = 0.010
_ACTIVE_MARGIN_DB = 15.9
_HANG_OVER_FRAMES = 11
"""ITU-T P.56: sound so far below the active level for longer than 200 ms is a pause."""


def telephone(samples: Samples, rate_hz: int, tail_s: float = 0.06) -> Samples:
    """A whole prompt from one channel of sound: trimmed, filtered, levelled, faded, and `tail_s` of silence.

    Empty when there is nothing but silence in it.
    """
    sound = trim(above_100_hz(resample(samples[: int(SECONDS_MAX * rate_hz)], rate_hz)))
    if not len(sound):
        return sound
    sound = faded(sound * 10 ** ((LEVEL_DBM0 - active_dbm0(sound)) / 20))
    tail = np.zeros(round(tail_s * RATE_HZ), np.float32)
    return np.concatenate([np.clip(sound, -1.0, 1.0), tail]).astype(np.float32)


def resample(samples: Samples, rate_hz: int) -> Samples:
    """Change the rate to 8 kHz: a Kaiser low-pass at 3.7 kHz, evaluated only where a sample comes out."""
    divisor = int(np.gcd(rate_hz, RATE_HZ))
    up, down = RATE_HZ // divisor, rate_hz // divisor
    if up == down or not len(samples):
        return samples.astype(np.float32)
    half = round(_FILTER_S * rate_hz / 2)
    length = 2 * half * up
    at = (np.arange(length) - (length - 1) / 2) / (rate_hz * up)
    cut_hz = min(_CUT_HZ, 0.45 * rate_hz)
    taps = np.sinc(2 * cut_hz * at) * np.kaiser(length, 8.0)
    phases = (taps * (up / taps.sum())).reshape(2 * half, up).T[:, ::-1].astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (half, half)), 2 * half)
    out = np.zeros(len(samples) * up // down, np.float32)
    for first in range(min(up, len(out))):
        places = len(out[first::up])
        start, phase = divmod(first * down, up)
        out[first::up] = windows[start + 1 :: down][:places] @ phases[phase]
    return out


def above_100_hz(samples: Samples) -> Samples:
    """Without hum and rumble: nothing below 60 Hz, all above 100 Hz."""
    padded = len(samples) + RATE_HZ // 4
    hz = np.fft.rfftfreq(padded, 1 / RATE_HZ)
    gain = np.clip((hz - 60.0) / 40.0, 0.0, 1.0)
    sound = np.fft.irfft(np.fft.rfft(samples, padded) * gain, padded)[: len(samples)]
    return sound.astype(np.float32)


def trim(samples: Samples, keep_s: float = 0.02) -> Samples:
    """Without the silence at both ends: 10 ms frames over 40 dB below the loudest, or under -60 dBFS."""
    frame = RATE_HZ // 100
    power = _frame_power(samples, frame)
    if not len(power) or power.max() < 1e-6:
        return samples[:0]
    loud = np.flatnonzero(power > power.max() * 1e-4)
    keep = round(keep_s * RATE_HZ)
    return samples[max(0, loud[0] * frame - keep) : (loud[-1] + 1) * frame + keep]


def active_dbm0(samples: Samples) -> float:
    """Level while there is speech, in dBm0, after ITU-T P.56 on 20 ms frames.

    A frame is active when it, or one of the 200 ms before it, is within 15.9 dB of the level.
    """
    power = _frame_power(samples, RATE_HZ // 50)
    if not len(power):
        power = np.array([np.mean(np.square(samples, dtype=np.float64))])
    level = power.mean()
    for _ in range(20):
        loud = power >= level * 10 ** (-_ACTIVE_MARGIN_DB / 10)
        active = np.convolve(loud, np.ones(_HANG_OVER_FRAMES))[: len(power)] > 0
        nearer = power.sum() / max(1, int(np.count_nonzero(active)))
        if np.isclose(nearer, level, rtol=1e-6):
            break
        level = nearer
    return float(10 * np.log10(level + 1e-12) + DBM0_OVER_DBFS)


def faded(samples: Samples) -> Samples:
    """With 10 ms cosine ramps, so that joined prompts do not click."""
    size = min(round(_FADE_S * RATE_HZ), len(samples) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(size) / max(size, 1))).astype(np.float32)
    out = samples.copy()
    out[:size] *= ramp
    out[len(out) - size :] *= ramp[::-1]
    return out


def beep(hz: float = 1000.0, seconds: float = 0.25) -> Samples:
    """The tone before a message, and in place of a prompt that cannot be spoken."""
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    peak = 10 ** ((LEVEL_DBM0 - DBM0_OVER_DBFS) / 20) * np.sqrt(2)
    return faded((peak * np.sin(2 * np.pi * hz * at)).astype(np.float32))


def write(path: Path, samples: Samples) -> None:
    """Write a WAV file at once: it is there whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file, wave.open(file, "wb") as out:
            out.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
            out.writeframes(np.round(np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: Path) -> tuple[Samples, int]:
    """The first channel of a 16 bit WAV file and its rate. ValueError for anything else."""
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2:
                raise ValueError(f"{path.name}: not 16 bit")
            channels, rate_hz = file.getnchannels(), file.getframerate()
            data = file.readframes(int(SECONDS_MAX * rate_hz))
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path.name}: not a WAV file ({error})") from None
    if not 4000 <= rate_hz <= 192_000:
        raise ValueError(f"{path.name}: {rate_hz} Hz cannot be used")
    samples = np.frombuffer(data, "<i2")[: len(data) // 2 // channels * channels]
    return (samples.reshape(-1, channels)[:, 0] / 32768).astype(np.float32), rate_hz


def _frame_power(samples: Samples, frame: int) -> NDArray[np.float64]:
    whole = samples[: len(samples) // frame * frame].reshape(-1, frame)
    power: NDArray[np.float64] = np.mean(np.square(whole, dtype=np.float64), axis=1)
    return power
