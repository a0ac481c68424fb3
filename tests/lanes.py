"""Tests side by side: `make test` runs three workers, `pytest` alone none.

Tests of sound, phones and browsers mostly wait, and what they hear must not falter: the first two lanes
take these, file by file. The third has a lower priority and takes files that only reckon; the others take
those too in the end. What judges work beside the tests (beside.py), or needs a quiet machine, comes last.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

LIVE, RECKONING, LAST = range(3)
TAKES = {"gw0": (LIVE, RECKONING, LAST), "gw1": (LIVE, RECKONING)}
"""What a worker takes, in this order."""
OTHERS_TAKE = (RECKONING,)
NICE = 10
_LIVE = re.compile(r"pytest\.mark\.(?:browser|sip|broker|live)\b")
_LAST = re.compile(r"pytest\.mark\.(?:beside|quiet)\b")


def worker_of(config: pytest.Config) -> str:
    """Which worker this process is; empty when it is the only one, or hands out the work."""
    told: Mapping[str, str] = getattr(config, "workerinput", {})
    return told.get("workerid", "")


def begin(config: pytest.Config) -> None:
    """Give a worker the priority of its lane."""
    if (worker := worker_of(config)) and worker not in TAKES:
        os.nice(NICE)


def judges_last(config: pytest.Config) -> bool:
    """Tell whether what goes on beside the tests belongs to this process."""
    worker = worker_of(config)
    return not worker or LAST in TAKES.get(worker, OTHERS_TAKE)


def turn(file: Path) -> int:
    """What a test file is, by the marks in it."""
    text = file.read_text("utf-8")
    return LAST if _LAST.search(text) else LIVE if _LIVE.search(text) else RECKONING


class Lanes(LoadFileScheduling):
    """Hands a worker that is nearly done the next file of its lane."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        self._turns: dict[str, int] = {}

    def _assign_work_unit(self, node: WorkerController) -> None:
        if (file := self._next(node)) is not None:
            self.workqueue.move_to_end(file, last=False)
            super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        if self._next(node) is not None:
            super()._reschedule(node)
        elif not node.shutting_down:
            node.shutdown()

    def _next(self, node: WorkerController) -> str | None:
        for file in self.workqueue:
            if file not in self._turns:
                self._turns[file] = turn(self.config.rootpath / file)
        takes = TAKES.get(node.gateway.id, OTHERS_TAKE)
        mine = (file for file in self.workqueue if self._turns[file] in takes)
        return min(mine, key=lambda file: takes.index(self._turns[file]), default=None)
