"""Makes a PDF in a process of its own: JSON on standard input, PDF on standard output.

What a citizen wrote reaches the typesetter as data only, never as its source. A process of its own
gives its memory back, can be stopped, and takes nothing with it when it dies.
"""

import json
import re
import resource
import sys
from contextlib import suppress
from pathlib import Path

SHEET = Path(__file__).with_name("sheet.typ")
MEMORY_MOST = 2 << 30
CPU_MOST_S = 20
NO_FONT = 3
"""How it ends where no font has Chinese: the sheet would be full of boxes."""
CHINESE = re.compile(
    r"CJK|Han (Sans|Serif)|FangSong|Song|SimSun|Hei|Kai|Ming|Fallback|WenQuanYi|PingFang|HarmonyOS"
)
"""Names of fonts that have Chinese."""


def main() -> int:
    """Typeset one document."""
    with suppress(OSError, ValueError):  # a hardened unit may not set limits; who waits ends us anyhow
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MOST, MEMORY_MOST))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_MOST_S, CPU_MOST_S))
    import typst

    order = json.loads(sys.stdin.buffer.read())
    fonts = typst.Fonts(include_system_fonts=False, font_paths=order["fonts"])
    if not any(CHINESE.search(name) for name in fonts.families()):
        return NO_FONT
    data = typst.compile(
        SHEET.read_bytes(),
        font_paths=fonts,
        sys_inputs={"order": json.dumps(order["sheet"], ensure_ascii=False)},
        timestamp=int(order["sheet"]["document"]["made_s"]),
    )
    sys.stdout.buffer.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
