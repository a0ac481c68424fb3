"""A document as PDF: hands it to the press, with the seal and the fonts of this box."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec

from appliance.letters.document import Document
from appliance.letters.press import NO_FONT
from appliance.refused import Refused

LIMIT_S = 15.0
AT_ONCE = 2
"""A third one waits: a burst of prints must not take the machine from the calls."""
FONTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
MARKS = {"": "", "preview": "预 览", "void": "作 废"}
"""Words across the sheet."""
_free = threading.BoundedSemaphore(AT_ONCE)


class NotMade(Exception):
    """The press gave nothing, with what it said."""


class NoFont(NotMade):
    """There is no font with Chinese."""


def pdf(
    document: Document,
    seal: bytes = b"",
    mark: str = "",
    fonts: Sequence[Path] = (),
    system: Sequence[Path] = FONTS,
) -> bytes:
    """Return the PDF; same document and seal, same bytes. Raises NotMade, or Refused when busy."""
    sheet = {
        "document": msgspec.to_builtins(document),
        "seal": list(seal),
        "mark": MARKS[mark],
    }
    folders = [str(folder) for folder in (*fonts, *system) if folder.is_dir()]
    order = msgspec.json.encode({"sheet": sheet, "fonts": folders})
    if not _free.acquire(timeout=LIMIT_S):
        raise Refused("changed", "Too many sheets are being printed. Try again in a minute.")
    try:
        run = subprocess.run(
            [sys.executable, "-m", "appliance.letters.press"],
            input=order,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
            cwd=Path(__file__).parent.parent.parent,
            env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as error:
        raise NotMade(f"no PDF within {LIMIT_S:.0f} s") from error
    finally:
        _free.release()
    if run.returncode == NO_FONT:
        raise NoFont("no Chinese font in " + ", ".join(folders))
    if run.returncode or not run.stdout.startswith(b"%PDF"):
        raise NotMade(run.stderr.decode("utf-8", "replace")[-2000:] or f"press ended with {run.returncode}")
    return run.stdout
