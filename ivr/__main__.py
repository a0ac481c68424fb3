"""Try out flows at the keyboard: ``python -m ivr check FILE``, ``diagram FILE``, ``say LANG TEXT WAV``."""

import sys
from gettext import gettext as _
from pathlib import Path

from ivr import speaker, speaking
from ivr.diagram import diagram
from ivr.faults import faults
from ivr.flow import FlowError, load

USAGE = _("usage: python -m ivr check FLOW.json | diagram FLOW.json | say zh|en TEXT OUT.wav")


def main(arguments: list[str]) -> int:
    """Exit status 0: all is well; 1: faults, each printed as a sentence; 2: wrong usage or no flow."""
    try:
        match arguments:
            case ["check", path]:
                found = faults(load(Path(path)))
                print("\n".join(fault.sentence(_) for fault in found) or _("No faults."))
                return 1 if found else 0
            case ["diagram", path]:
                print(diagram(load(Path(path))), end="")
                return 0
            case ["say", lang, text, path]:
                answer = speaker.answer(speaker.engine(), speaking.Request(1, text, lang, path))
                print(answer.error or f"{answer.seconds:.2f} s")
                return 0 if answer.ok else 1
    except (FlowError, OSError, speaker.EngineError) as error:
        print(error, file=sys.stderr)
        return 2
    print(USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
