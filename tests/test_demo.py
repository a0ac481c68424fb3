"""The whole product plays its story with real parts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.box import ROOT

pytestmark = [pytest.mark.sip, pytest.mark.broker]


def test_every_step_of_the_demo_is_seen(tmp_path: Path) -> None:
    steps = tmp_path / "steps.json"
    command = [sys.executable, "-m", "tests.demo", "--json", str(steps)]
    played = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert played.returncode == 0, played.stdout[-6000:]
    seen = json.loads(steps.read_text("utf-8"))
    assert len(seen) == 17
    assert all(step["ok"] for step in seen)
