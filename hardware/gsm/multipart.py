"""Long messages: parts in, whole texts out, as a pure machine (3GPP TS 23.040 9.2.3.24.1)."""

from dataclasses import dataclass, field

from hardware.gsm.alphabet import decode_text
from hardware.gsm.sms import Deliver

WAIT_S = 86400.0
"""How long a text waits for its missing parts before it is shown without them."""
MAX_OPEN = 200
"""Unfinished texts kept; the oldest is shown as it is when one more comes."""
GAP = "…"
"""Stands for parts that never came."""

Key = tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Whole:
    """A text as the sender wrote it; `places` are all the parts' places in the modem, doubles too."""

    sender: str
    text: str
    sent_s: float | None
    places: tuple[str, ...]
    missing: int = 0


@dataclass(slots=True)
class _Open:
    first_at: float
    total: int
    parts: dict[int, Deliver] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)


class Assembler:
    """Joins parts by (sender, reference, its size, total); a part that comes twice replaces itself."""

    def __init__(self) -> None:
        self._open: dict[Key, _Open] = {}

    def add(self, part: Deliver, place: str, now: float) -> list[Whole]:
        """Take a text or a part of one; what is whole by that comes back."""
        concat = part.body.concat
        if concat is None:
            return [Whole(part.sender, part.body.text or "", part.sent_s, (place,))]
        key = (part.sender, concat.reference, concat.bits, concat.total)
        text = self._open.setdefault(key, _Open(now, concat.total))
        text.parts[concat.seq] = part
        if place not in text.places:
            text.places.append(place)
        if len(text.parts) == text.total:
            return [self._close(key)]
        return [self._close(next(iter(self._open)))] if len(self._open) > MAX_OPEN else []

    def timer(self) -> float | None:
        """When the oldest unfinished text has waited long enough."""
        return next((text.first_at + WAIT_S for text in self._open.values()), None)

    def on_timer(self, now: float) -> list[Whole]:
        """The texts that waited long enough, with gaps."""
        late = [key for key, text in self._open.items() if now >= text.first_at + WAIT_S]
        return [self._close(key) for key in late]

    def _close(self, key: Key) -> Whole:
        text = self._open.pop(key)
        parts = [text.parts[seq] for seq in sorted(text.parts)]
        return Whole(
            parts[0].sender, _join(text), parts[0].sent_s, tuple(text.places), text.total - len(text.parts)
        )


def _join(text: _Open) -> str:
    """Runs of neighbouring parts are joined as octets first: a sender may split a character between parts."""
    pieces: list[str] = []
    seq = 1
    while seq <= text.total:
        if seq not in text.parts:
            if pieces[-1:] != [GAP]:
                pieces.append(GAP)
            seq += 1
            continue
        alphabet, data = text.parts[seq].body.alphabet, b""
        while seq in text.parts and text.parts[seq].body.alphabet is alphabet:
            data += text.parts[seq].body.data
            seq += 1
        pieces.append(decode_text(alphabet, data) or "")
    return "".join(pieces)
