"""What attackers, broken devices and passers-by send: the corpus in tests/data, and mutations of it."""

from collections.abc import Mapping
from pathlib import Path

from hypothesis import strategies as st

DATA = Path(__file__).parent.parent / "data"
MOST_EDITS = 6
TOKENS = [
    *(b"\r\n", b"\r\n\r\n", b"\0", b"\xff", b'"', b"<", b">", b";", b",", b":", b"@", b"%", b"\\", b"="),
    *(b"-1", b"0", b"4294967296", b"9" * 40, b"\r\n ", b";tag=", b"SIP/2.0", b"\xef\xbb\xbf", b"A" * 2000),
]


def corpus(kind: str) -> Mapping[str, bytes]:
    """Every file of a kind (sip, sdp, rtp), by name."""
    found = {path.stem: path.read_bytes() for path in sorted((DATA / kind).glob(f"*.{kind}"))}
    assert len(found) > 30, f"the corpus of {kind} is missing"
    return found


@st.composite
def mutated(draw: st.DrawFn, kind: str) -> bytes:
    """One of the corpus with a few edits: bytes changed, cut, doubled, put in, or of two made one."""
    files = sorted(corpus(kind).items())
    data = bytearray(draw(st.sampled_from(files))[1])
    for _ in range(draw(st.integers(0, MOST_EDITS))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        size = draw(st.integers(0, 40))
        match draw(st.integers(0, 5)):
            case 0 if data:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case 1:
                del data[at : at + size]
            case 2:
                data[at:at] = data[at : at + size]
            case 3:
                data[at:at] = draw(st.sampled_from(TOKENS))
            case 4:
                data[at:] = draw(st.sampled_from(files))[1][at:]
            case _:
                data[at : at + size] = draw(st.binary(max_size=12))
    return bytes(data)
