"""Play the story, one line a step; the first step that does not happen ends it with exit status 1."""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.box import memory
from tests.demo.city import City
from tests.demo.story import Story


def main() -> int:
    """Run every step."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the steps as JSON")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hotline-demo-", dir=memory()))
    steps: list[dict[str, object]] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that boxes and phones are ended too
    try:
        with City(folder) as city:
            failed = play(Story(city), steps)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        Path(options.json).write_text(json.dumps(steps, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print("The demo is over: every step was seen." if not failed else "The demo stopped.", flush=True)
    return failed


def play(story: Story, steps: list[dict[str, object]]) -> int:
    """Do the steps in order; 1 when one did not happen."""
    for index, (title, step) in enumerate(story.steps(), 1):
        began = time.monotonic()
        try:
            seen, ok = step(), True
        except Exception as error:
            seen, ok = f"{type(error).__name__}: {error}", False
        took_s = round(time.monotonic() - began, 1)
        steps.append({"step": index, "title": title, "ok": ok, "seen": seen, "seconds": took_s})
        print(f"{index:2} {'ok  ' if ok else 'FAIL'} {title}\n        {seen}  ({took_s} s)", flush=True)
        if not ok:
            for box in story.city.boxes.values():
                box.print_logs()
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
