"""Linphone's command line as a desk phone: a second real phone of another make."""

import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tests.phones import HERE, WAV_HEADER, end, free_pair, until, write_tone

TAIL = 3000
REGISTERED = b"Register refresher [200]"


class Linphone:
    """A phone of an extension that says a tone and keeps what it hears.

    With `sealed` it signals over TLS and takes no voice but sealed voice (SRTP).
    """

    def __init__(
        self, folder: Path, registrar: int, number: str, password: str, tone_hz: float, sealed: bool = False
    ) -> None:
        self.folder = folder / f"linphone-{number}"
        self._out = self.folder / "out"
        self._registrar, self._number, self._password = registrar, number, password
        self._tone_hz, self._sealed = tone_hz, sealed
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0

    def __enter__(self) -> Self:
        self._configure()
        log = self.folder / "log"
        log.touch()
        self._process = subprocess.Popen(
            ["linphonec", "-c", str(self.folder / "rc"), "-d", "6", "-l", str(log)],
            env={**os.environ, "HOME": str(self.folder), "TERM": "dumb"},
            stdin=subprocess.PIPE,
            stdout=self._out.open("wb"),
            stderr=subprocess.STDOUT,
        )
        voice = write_tone(self.folder / "voice.wav", self._tone_hz, 60)
        for command in ("soundcard use files", f"play {voice}", f"record {self.folder / 'heard.wav'}"):
            self.command(command)
        try:
            until(lambda: REGISTERED in log.read_bytes() or None, 10, f"{self._number} to register")
        except BaseException:
            self.__exit__(AssertionError, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        if kind is not None:
            print(f"--- linphone {self._number}\n{self.text()[-TAIL:]}")
        if self._process is not None:
            if self._process.poll() is None:
                self.command("quit")
            end(self._process)
            assert self._process.stdin is not None
            self._process.stdin.close()

    def command(self, command: str) -> None:
        """Type a command."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")
        self._process.stdin.flush()

    def text(self) -> str:
        """All it said."""
        return self._out.read_text("utf-8", "replace")

    def heard(self) -> NDArray[np.float64]:
        """What it heard so far since its sound last began, 1.0 is full scale."""
        raw = (self.folder / "heard.wav").read_bytes()[WAV_HEADER:]
        return np.frombuffer(raw[: len(raw) // 2 * 2], "<i2").astype(np.float64) / 32768

    def wait(self, words: str, seconds: float = 10.0) -> None:
        """Wait until it says so, after what was waited for last."""

        def look() -> int | None:
            at = self.text().find(words, self._read)
            return None if at < 0 else at + len(words)

        found = until(look, seconds, f"linphone {self._number}: {words}")
        assert found is not None
        self._read = found

    def _configure(self) -> None:
        (self.folder / ".local/share/linphone").mkdir(parents=True)
        sip, transport = free_pair(), "tls" if self._sealed else "udp"
        ports = f"sip_port=-1\nsip_tcp_port=-1\nsip_tls_port={sip}" if self._sealed else (
            f"sip_port={sip}\nsip_tcp_port=-1\nsip_tls_port=-1"
        )  # fmt: skip
        sealed = "media_encryption=srtp\nmedia_encryption_mandatory=1\nverify_server_certs=0\n"
        (self.folder / "rc").write_text(
            f"[sip]\nbind_address={HERE}\n{ports}\n{sealed if self._sealed else ''}"
            f"[rtp]\naudio_rtp_port={free_pair()}\n"
            f"[proxy_0]\nreg_proxy=<sip:{HERE}:{self._registrar};transport={transport}>\n"
            f"reg_identity=sip:{self._number}@{HERE}\nreg_sendregister=1\nreg_expires=60\npublish=0\n"
            f"[auth_info_0]\nusername={self._number}\npasswd={self._password}\nrealm=hotline\n"
        )
