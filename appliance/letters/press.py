"""Makes a PDF in a process of its own: JSON on standard input, PDF on standard output.

What a citizen wrote reaches the typesetter as data only, never as its source. A process of its own
gives its memory back, can be stopped, and takes nothing with it when it dies.
"""

import json
import resource
import sys
from pathlib import Path

SHEET = Path(__file__).with_name("sheet.typ")
MEMORY_MOST = 2 << 30
CPU_MOST_S = 20


def main() -> int:
    """Typeset one document."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MOST, MEMORY_MOST))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_MOST_S, CPU_MOST_S))
    import typst

    order = json.loads(sys.stdin.buffer.read())
    files = {
        "main.typ": SHEET.read_bytes(),
        "document.json": json.dumps(order["sheet"], ensure_ascii=False).encode(),
    }
    data = typst.compile(
        files,
        font_paths=order["fonts"],
        ignore_system_fonts=True,
        timestamp=int(order["sheet"]["document"]["made_s"]),
    )
    sys.stdout.buffer.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
