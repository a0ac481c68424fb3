"""What the speech engine says, measured: level, length, rate, and how Hanzi are pronounced."""

import json
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ivr import own, sound, speaker, speaking

WELCOME = "您好，云河市政务服务便民热线为您服务。"
BUSY = "对不起，座席全忙，继续等待请按一，留言请按二。"
TEXTS = {
    "welcome": (WELCOME, "zh", 16 + 2),
    "busy": (BUSY, "zh", 20),
    "number": ("二零二六，幺幺二二，零零零零，幺二三", "zh", 15),
    "two": ("两", "zh", 1),
    "english": ("Sorry, all agents are busy. To keep waiting, press one.", "en", 15),
}
PHONEMES = ("重庆", "银行", "云河市政务服务便民热线", "重复", "二〇二六年")


def ask(*requests: dict[str, Any], raw: bytes = b"") -> list[dict[str, Any]]:
    lines = b"".join(json.dumps(request).encode() + b"\n" for request in requests)
    done = subprocess.run(
        [sys.executable, "-m", "ivr.speaker"], input=raw + lines, capture_output=True, timeout=60, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("spoken")
    files = [
        {"id": n, "text": text, "lang": lang, "path": str(folder / f"{name}.wav")}
        for n, (name, (text, lang, _)) in enumerate(TEXTS.items(), 1)
    ]
    phonemes = [{"id": 100 + n, "text": text, "lang": "zh"} for n, text in enumerate(PHONEMES)]
    wrong = [
        {"id": 200, "text": "bonjour", "lang": "fr", "path": str(folder / "fr.wav")},
        {"id": 201, "text": "。", "lang": "zh", "path": str(folder / "none.wav")},
        {"id": 202, "text": "好", "lang": "zh", "path": str(folder / "no" / "folder.wav")},
        {"id": 203, "text": "好" * 2000, "lang": "zh", "path": str(folder / "long.wav")},
    ]
    return folder, ask(*files, *phonemes, *wrong, raw=b"not a request\n")


def samples_of(path: Path) -> NDArray[np.float64]:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)


def p56_dbm0(samples: NDArray[np.float64], rate: int = 8000) -> float:
    """Active speech level by ITU-T P.56 method B: two 30 ms smoothers, 200 ms hang-over, 15.9 dB margin."""
    smooth = np.exp(-1 / (0.03 * rate))
    envelope = np.abs(samples)
    for _ in range(2):
        value, out = 0.0, np.empty_like(envelope)
        for n, x in enumerate(envelope):
            value = smooth * value + (1 - smooth) * x
            out[n] = value
        envelope = out
    total = float(np.sum(samples**2))
    best = None
    for threshold in 2.0 ** np.arange(0, 15, 0.25):
        loud = np.flatnonzero(envelope >= threshold)
        if not len(loud):
            break
        active = int(np.minimum(np.diff(loud, append=len(samples)), rate // 5).sum())
        level = 10 * np.log10(total / active)
        margin = level - 20 * np.log10(threshold)
        if best is None or abs(margin - 15.9) < abs(best[0] - 15.9):
            best = (margin, level)
    assert best is not None
    return float(best[1] - 20 * np.log10(32768) + 20 * np.log10(2**0.5) + 3.14)


@pytest.mark.parametrize("name", TEXTS)
def test_a_prompt_is_8_khz_mono_at_minus_18_dbm0(
    name: str, spoken: tuple[Path, list[dict[str, Any]]]
) -> None:
    samples = samples_of(spoken[0] / f"{name}.wav")
    assert p56_dbm0(samples) == pytest.approx(-18, abs=1)
    assert np.abs(samples).max() < 32767
    assert abs(samples[:3]).max() < 40, "no click at the beginning"
    assert not samples[-160:].any(), "a short pause at the end"


@pytest.mark.parametrize("name", TEXTS)
def test_a_prompt_is_as_long_as_its_syllables(name: str, spoken: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, answers = spoken
    seconds = len(samples_of(folder / f"{name}.wav")) / 8000
    answer = next(a for a in answers if a["id"] == list(TEXTS).index(name) + 1)
    assert answer["ok"]
    assert answer["seconds"] == pytest.approx(seconds, abs=0.001)
    assert 0.13 <= (seconds - 0.25) / TEXTS[name][2] <= 0.40


@pytest.mark.parametrize(
    ("text", "syllables"),
    [
        ("重庆", ["ts.hong35", "tS;h'i51N"]),
        ("银行", ["35n", "X'A35N"]),
        ("便民", []),
        ("重复", ["ts.hong35", "f'u51"]),
        ("二〇二六年", ["l'i35N", "n'iE35n"]),
    ],
)
def test_polyphonic_hanzi_are_read_by_their_word(
    text: str, syllables: list[str], spoken: tuple[Path, list[dict[str, Any]]]
) -> None:
    """重庆 is chong2 qing4 and 银行 yin2 hang2; read Hanzi by Hanzi they would be zhong4 and xing2."""
    said = {PHONEMES[a["id"] - 100]: a["phonemes"] for a in spoken[1] if "phonemes" in a}
    heard = next(phonemes for asked, phonemes in said.items() if text in asked)
    assert all(syllable in heard for syllable in syllables), heard
    assert text != "便民" or "p'iE51n" in heard, heard


def test_what_cannot_be_spoken_is_said_in_a_sentence(spoken: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, answers = spoken
    errors = {a["id"]: a["error"] for a in answers if not a["ok"]}
    assert errors[0].startswith("not a request")
    assert errors[200] == "there is no voice for “fr”"
    assert errors[201] == "nothing is heard of “。”"
    assert "No such file" in errors[202]
    assert errors[203].startswith("a text of 1 to")
    assert {path.stem for path in folder.iterdir()} == set(TEXTS), "nothing half-written is left"


def test_without_the_library_and_the_command_the_speaker_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(speaker.EngineError) as missing:
        speaker.engine()
    assert "espeakng-loader cannot be loaded" in str(missing.value)
    assert "there is no espeak-ng command" in str(missing.value)


def test_an_old_command_speaks_english_but_refuses_chinese(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command = tmp_path / "espeak-ng"
    command.write_text("#!/bin/sh\necho 'eSpeak NG text-to-speech: 1.51  Data at: /usr/lib'\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    old = speaker.Command()
    with pytest.raises(speaker.EngineError, match=r"espeak-ng 1\.51 cannot read Chinese characters"):
        old.phonemes("好", speaking.VOICES["zh"])
    assert old.phonemes("good", speaking.VOICES["en"])


def tone(hz: float, rate_hz: int, seconds: float = 1.0) -> NDArray[np.float32]:
    at = np.arange(round(rate_hz * seconds)) / rate_hz
    return (0.25 * np.sin(2 * np.pi * hz * at)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [22050, 16000, 44100, 48000])
def test_resampling_keeps_the_telephone_band_and_folds_nothing_into_it(rate_hz: int) -> None:
    middle = slice(1000, 7000)

    def gain_db(hz: float) -> float:
        out = sound.resample(tone(hz, rate_hz), rate_hz)[middle]
        return float(20 * np.log10(np.sqrt(np.mean(out**2)) / (0.25 / 2**0.5) + 1e-9))

    assert [gain_db(hz) for hz in (150, 1000, 3000, 3300)] == pytest.approx([0] * 4, abs=0.3)
    assert max(gain_db(hz) for hz in (4700, 5000, 6500, 7900)) < -60


def test_resampling_keeps_the_time() -> None:
    out = sound.resample(tone(1000, 22050), 22050)
    assert len(out) == 8000
    expected = tone(1000, 8000)
    assert np.abs(out[400:-400] - expected[400:-400]).max() < 0.01


def test_a_technicians_recording_becomes_a_prompt(tmp_path: Path) -> None:
    quiet = np.zeros(44100, np.float32)
    hum = 0.05 * np.sin(2 * np.pi * 50 * np.arange(44100) / 44100).astype(np.float32)
    loud = np.concatenate([quiet, 3 * tone(800, 44100) + hum, quiet])
    prompt = sound.telephone(loud, 44100)
    assert len(prompt) / 8000 == pytest.approx(1.1, abs=0.05), "silence is cut off"
    assert sound.active_dbm0(prompt[:8000]) == pytest.approx(-18, abs=0.5)
    spectrum = np.abs(np.fft.rfft(prompt[400:7600] * np.hanning(7200)))
    assert spectrum[round(50 * 7200 / 8000)] < spectrum.max() * 1e-3, "hum is filtered out"
    sound.write(tmp_path / "x.wav", prompt)
    assert own.is_prompt(tmp_path / "x.wav")
    back, rate_hz = sound.read(tmp_path / "x.wav")
    assert rate_hz == 8000
    assert np.abs(back - prompt).max() < 1e-4


def test_silence_is_no_prompt_and_rubbish_is_no_recording(tmp_path: Path) -> None:
    assert not len(sound.telephone(np.zeros(8000, np.float32), 8000))
    assert not len(sound.telephone(np.zeros(0, np.float32), 22050))
    (tmp_path / "x.wav").write_bytes(b"RIFF rubbish")
    assert not own.is_prompt(tmp_path / "x.wav")
    with pytest.raises(ValueError, match=r"x\.wav: not a WAV file"):
        sound.read(tmp_path / "x.wav")
