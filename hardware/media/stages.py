"""Where the time of a tick goes: the media process with its stages timed.

``python -m hardware.media.stages OUT.json --socket PATH ...`` is `hardware.media.daemon`
that writes, when it ends, the mean CPU time of each stage of a tick in microseconds, a stage
without those inside it. Timing costs about half a microsecond a stage.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hardware.media import daemon, g711
from hardware.media.browser_bank import BrowserBank
from hardware.media.dtmf import DtmfBank
from hardware.media.jitter import Jitters
from hardware.media.matrix import Matrix
from hardware.media.player import Player
from hardware.media.recorder import Recorder
from hardware.media.rtp_bank import RtpBank
from hardware.media.switch import Switch

WHOLE = "the rest of the tick"
STAGES: tuple[tuple[Any, str, str], ...] = (
    (RtpBank, "_receive", "receive RTP"),
    (RtpBank, "_arrived", "read RTP headers"),
    (Jitters, "put_all", "jitter buffers, in"),
    (Jitters, "take", "jitter buffers, out"),
    (RtpBank, "read", "RTP, the rest"),
    (RtpBank, "write", "send RTP"),
    (g711, "decode", "G.711 to samples"),
    (g711, "encode", "samples to G.711"),
    (DtmfBank, "hear", "listen for keys"),
    (Matrix, "mix", "matrix"),
    (Player, "stage", "prompts"),
    (Recorder, "tap", "recordings"),
    (BrowserBank, "read", "browsers"),
    (BrowserBank, "write", "browsers"),
    (Switch, "tick", WHOLE),
)


class Stopwatch:
    """CPU time of the calling thread by stage, each without the stages it calls."""

    def __init__(self) -> None:
        self.spent_ns: dict[str, int] = {}
        self._runs: dict[str, int] = {}
        self._inner_ns = 0

    @property
    def ticks(self) -> int:
        """How often the whole tick ran."""
        return self._runs[WHOLE]

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""
        self.spent_ns.setdefault(stage, 0)
        self._runs.setdefault(stage, 0)
        now = time.thread_time_ns

        def run(*args: Any, **options: Any) -> Any:
            outer_ns, self._inner_ns = self._inner_ns, 0
            start_ns = now()
            try:
                return function(*args, **options)
            finally:
                whole_ns = now() - start_ns
                self.spent_ns[stage] += whole_ns - self._inner_ns
                self._runs[stage] += 1
                self._inner_ns = outer_ns + whole_ns

        return run


def main() -> None:
    """Run the daemon with its stages timed."""
    out, watch = Path(sys.argv[1]), Stopwatch()
    for owner, name, stage in STAGES:
        setattr(owner, name, watch.timed(stage, getattr(owner, name)))
    daemon.main(sys.argv[2:])
    ticks = max(1, watch.ticks)
    mean_us = {stage: ns / 1000 / ticks for stage, ns in watch.spent_ns.items()}
    out.write_text(json.dumps(mean_us | {"all": sum(mean_us.values())}))


if __name__ == "__main__":
    main()
