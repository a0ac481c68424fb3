"""The alphabets of short messages (3GPP TS 23.038) and the packing of septets into octets."""

from enum import Enum

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 7 bit default alphabet, TS 23.038 6.2.1."""
EXTENSION = {10: "\f", 20: "^", 40: "{", 41: "}", 47: "\\", 60: "[", 61: "~", 62: "]", 64: "|", 101: "€"}
"""What follows the escape, TS 23.038 6.2.1.1."""
ESCAPE = 27
SEPTETS = {char: bytes([code]) for code, char in enumerate(BASIC) if code != ESCAPE} | {
    char: bytes([ESCAPE, code]) for code, char in EXTENSION.items()
}
"""Character to its one or two septets."""


class Alphabet(Enum):
    """How user data is coded (the data coding scheme, TS 23.038 clause 4)."""

    GSM7 = 0
    OCTETS = 1
    UCS2 = 2


def decode_text(alphabet: Alphabet, data: bytes) -> str | None:
    """Text from septets or UTF-16BE, unknown codes shown as the standard says; None for octets."""
    if alphabet is Alphabet.OCTETS:
        return None
    if alphabet is Alphabet.UCS2:
        return data[: len(data) & ~1].decode("utf-16-be", "replace")
    found, escaped = [], False
    for code in data:
        if escaped:
            found.append(EXTENSION.get(code, " " if code == ESCAPE else BASIC[code & 0x7F]))
            escaped = False
        elif code == ESCAPE:
            escaped = True
        else:
            found.append(BASIC[code & 0x7F])
    return "".join(found)


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Septets as octets, the first one `fill` bits in (TS 23.038 6.1.2.1.1)."""
    bits = 0
    for place, septet in enumerate(septets):
        bits |= septet << (7 * place + fill)
    return bits.to_bytes((7 * len(septets) + fill + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill: int = 0) -> bytes:
    """`count` septets out of octets; the reverse of `pack`."""
    bits = int.from_bytes(octets, "little") >> fill
    return bytes(bits >> 7 * place & 0x7F for place in range(count))


def alphabet_of(dcs: int) -> tuple[Alphabet, bool]:
    """The alphabet of a data coding scheme, and whether the text is compressed (TS 23.038 clause 4)."""
    group = dcs >> 4
    if group < 8:
        kinds = (Alphabet.GSM7, Alphabet.OCTETS, Alphabet.UCS2, Alphabet.GSM7)
        return kinds[dcs >> 2 & 3], bool(dcs & 0x20)
    if group == 14:
        return Alphabet.UCS2, False
    if group == 15 and dcs & 4:
        return Alphabet.OCTETS, False
    return Alphabet.GSM7, False
