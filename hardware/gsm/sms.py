"""Short messages on the wire: the PDUs of 3GPP TS 23.040, in the hex form modems use (TS 27.005).

A message too long for one PDU is several parts; `hardware.gsm.multipart` joins them again.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from hardware.gsm.alphabet import SEPTETS, Alphabet, alphabet_of, decode_text, pack, unpack

_DIGITS = "0123456789*#abc"
_PDU_OCTETS = 400
MAX_PARTS = 255


UNITS = {Alphabet.GSM7: (160, 153), Alphabet.UCS2: (140, 134), Alphabet.OCTETS: (140, 134)}
"""Septets or octets in one PDU: alone, and as a part (with an 8-bit reference)."""


class BadPdu(ValueError):
    """The octets are not a message."""


@dataclass(frozen=True, slots=True)
class Concat:
    """Which part of which long message this is (TS 23.040 9.2.3.24.1 and .8)."""

    reference: int
    bits: int
    total: int
    seq: int


@dataclass(frozen=True, slots=True)
class UserData:
    """The message itself: GSM-7 as one octet a septet, UCS-2 as UTF-16BE, or octets, header taken off."""

    alphabet: Alphabet
    data: bytes
    dcs: int = 0
    concat: Concat | None = None
    ports: tuple[int, int] | None = None
    """Destination and source application port: not for people (WAP, MMS)."""
    compressed: bool = False

    @property
    def text(self) -> str | None:
        """As people read it; None when it is not text."""
        return None if self.compressed or self.ports else decode_text(self.alphabet, self.data)


@dataclass(frozen=True, slots=True)
class Deliver:
    """A message that came in (SMS-DELIVER); `sent_s` is the centre's time stamp, None when it is no date."""

    sender: str
    sent_s: float | None
    body: UserData
    centre: str = ""
    zone_s: int = 0


@dataclass(frozen=True, slots=True)
class Submit:
    """A message going out (SMS-SUBMIT)."""

    recipient: str
    body: UserData
    reference: int = 0
    centre: str = ""
    report: bool = False


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What became of a message sent (SMS-STATUS-REPORT); `status` as TS 23.040 9.2.3.15."""

    reference: int
    recipient: str
    sent_s: float | None
    done_s: float | None
    status: int
    centre: str = ""


@dataclass(frozen=True, slots=True)
class Pdu:
    """Hex as AT+CMGS wants it; `octets` is its argument: the length without the service centre."""

    hex: str
    octets: int


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise BadPdu(f"{self.at + count} octets needed, {len(self.data)} there")
        self.at += count
        return self.data[self.at - count : self.at]

    def octet(self) -> int:
        return self.take(1)[0]


def decode(pdu: str) -> Deliver | Submit | StatusReport:
    """The message in a hex PDU with its service centre in front; raises `BadPdu`."""
    if not re.fullmatch(r"([0-9A-Fa-f]{2})+", pdu):
        raise BadPdu("not hexadecimal")
    if len(pdu) > 2 * _PDU_OCTETS:
        raise BadPdu(f"{len(pdu) // 2} octets are too many")
    reader = _Reader(bytes.fromhex(pdu))
    centre = _take_centre(reader)
    first = reader.octet()
    kind = (_take_deliver, _take_submit, _take_report)
    if first & 3 == 3:
        raise BadPdu("reserved message type")
    return kind[first & 3](reader, first, centre)


def submits(
    number: str,
    text: str,
    reference: int = 0,
    centre: str = "",
    validity_min: int | None = 1440,
    report: bool = False,
) -> list[Pdu]:
    """The PDUs that send this text; `reference` (0-255) tells long messages to one number apart.

    GSM-7 where every character has a code, else UCS-2. Raises ValueError for a
    number that cannot be dialled and for a text of more than 255 parts.
    """
    if not re.fullmatch(r"\+?[0-9*#]{1,20}", number):
        raise ValueError(f"not a telephone number: {number!r}")
    alphabet, parts = split(text, reference)
    first = 0x01 | (0x10 if validity_min is not None else 0) | (0x20 if report else 0)
    validity = b"" if validity_min is None else bytes([_validity(validity_min)])
    made = []
    for data, header in parts:
        head = bytes([first | (0x40 if header else 0), 0]) + encode_address(number)
        tpdu = head + bytes([0, alphabet.value << 2]) + validity + _user_data(alphabet, data, header)
        made.append(Pdu((_centre(centre) + tpdu).hex().upper(), len(tpdu)))
    return made


def delivers(
    sender: str, text: str, sent_s: float, zone_s: int = 0, reference: int = 0, centre: str = ""
) -> list[Pdu]:
    """The PDUs in which a service centre delivers this text: what `decode` reads back."""
    alphabet, parts = split(text, reference)
    made = []
    for data, header in parts:
        head = bytes([0x04 | (0x40 if header else 0)]) + encode_address(sender)
        tpdu = head + bytes([0, alphabet.value << 2]) + _stamp(sent_s, zone_s)
        tpdu += _user_data(alphabet, data, header)
        made.append(Pdu((_centre(centre) + tpdu).hex().upper(), len(tpdu)))
    return made


def split(text: str, reference: int = 0) -> tuple[Alphabet, list[tuple[bytes, bytes]]]:
    """The text as (data, user data header) of each PDU; never within an escape or a surrogate pair."""
    septets = [SEPTETS.get(char) for char in text]
    if all(code is not None for code in septets):
        alphabet, codes = Alphabet.GSM7, [code for code in septets if code is not None]
    else:
        alphabet = Alphabet.UCS2
        codes = [char.encode("utf-16-be", "replace") for char in text]
    alone, part = UNITS[alphabet]
    if sum(map(len, codes)) <= alone:
        return alphabet, [(b"".join(codes), b"")]
    chunks = list(_fill(codes, part))
    if len(chunks) > MAX_PARTS:
        raise ValueError(f"a text of {len(chunks)} parts is too long")
    total = len(chunks)
    header = bytes([5, 0, 3, reference % 256, total])
    return alphabet, [(chunk, header + bytes([seq])) for seq, chunk in enumerate(chunks, 1)]


def encode_address(number: str) -> bytes:
    """A TP address (TS 23.040 9.1.2.5): digits, or up to 11 characters of GSM-7."""
    if re.fullmatch(r"\+?[0-9*#abc]{1,20}", number):
        digits = number.removeprefix("+")
        return bytes([len(digits), 0x91 if number[0] == "+" else 0x81]) + _semi_octets(digits)
    septets = b"".join(SEPTETS.get(char, b"?") for char in number)[:11]
    packed = pack(septets)
    return bytes([(7 * len(septets) + 3) // 4, 0xD0]) + packed


def _fill(codes: list[bytes], units: int) -> Iterator[bytes]:
    chunk = b""
    for code in codes:
        if len(chunk) + len(code) > units:
            yield chunk
            chunk = b""
        chunk += code
    yield chunk


def _user_data(alphabet: Alphabet, data: bytes, header: bytes) -> bytes:
    if alphabet is not Alphabet.GSM7:
        return bytes([len(header) + len(data)]) + header + data
    fill = -8 * len(header) % 7
    before = (8 * len(header) + fill) // 7
    return bytes([before + len(data)]) + header + pack(data, fill)


def _take_user_data(reader: _Reader, dcs: int, has_header: bool) -> UserData:
    alphabet, compressed = alphabet_of(dcs)
    length = reader.octet()
    septets = alphabet is Alphabet.GSM7 and not compressed
    octets = reader.take((7 * length + 7) // 8 if septets else length)
    header = b""
    if has_header:
        if not octets or 1 + octets[0] > len(octets):
            raise BadPdu("user data header longer than the user data")
        header = octets[: 1 + octets[0]]
    if septets:
        fill = -8 * len(header) % 7
        count = length - (8 * len(header) + fill) // 7
        data = unpack(octets[len(header) :], max(count, 0), fill)
    else:
        data = octets[len(header) :]
    concat, ports = _elements(header[1:])
    return UserData(alphabet, data, dcs, concat, ports, compressed)


def _elements(header: bytes) -> tuple[Concat | None, tuple[int, int] | None]:
    concat: Concat | None = None
    ports: tuple[int, int] | None = None
    while len(header) >= 2:
        kind, value = header[0], header[2 : 2 + header[1]]
        header = header[2 + len(value) :]
        if (kind, len(value)) == (0x00, 3):
            concat = Concat(value[0], 8, value[1], value[2])
        elif (kind, len(value)) == (0x08, 4):
            concat = Concat(value[0] << 8 | value[1], 16, value[2], value[3])
        elif (kind, len(value)) == (0x04, 2):
            ports = (value[0], value[1])
        elif (kind, len(value)) == (0x05, 4):
            ports = (value[0] << 8 | value[1], value[2] << 8 | value[3])
    if concat is not None and not (1 <= concat.seq <= concat.total):
        concat = None
    return concat, ports


def _take_deliver(reader: _Reader, first: int, centre: str) -> Deliver:
    sender = _take_address(reader)
    reader.octet()
    dcs = reader.octet()
    sent_s, zone_s = _take_stamp(reader)
    return Deliver(sender, sent_s, _take_user_data(reader, dcs, bool(first & 0x40)), centre, zone_s)


def _take_submit(reader: _Reader, first: int, centre: str) -> Submit:
    reference = reader.octet()
    recipient = _take_address(reader)
    reader.octet()
    dcs = reader.octet()
    reader.take((0, 7, 1, 7)[first >> 3 & 3])
    body = _take_user_data(reader, dcs, bool(first & 0x40))
    return Submit(recipient, body, reference, centre, bool(first & 0x20))


def _take_report(reader: _Reader, first: int, centre: str) -> StatusReport:
    del first
    reference = reader.octet()
    recipient = _take_address(reader)
    sent_s, _ = _take_stamp(reader)
    done_s, _ = _take_stamp(reader)
    return StatusReport(reference, recipient, sent_s, done_s, reader.octet(), centre)


def _centre(number: str) -> bytes:
    if not number:
        return b"\0"
    address = encode_address(number)[1:]
    return bytes([len(address)]) + address


def _take_centre(reader: _Reader) -> str:
    length = reader.octet()
    if length == 0:
        return ""
    if length > 12:
        raise BadPdu("service centre address too long")
    kind, octets = reader.octet(), reader.take(length - 1)
    return _digits(kind, octets, 2 * len(octets))


def _take_address(reader: _Reader) -> str:
    semi = reader.octet()
    if semi > 22:
        raise BadPdu("address too long")
    kind, octets = reader.octet(), reader.take((semi + 1) // 2)
    if kind >> 4 & 7 == 5:
        return decode_text(Alphabet.GSM7, unpack(octets, semi * 4 // 7)) or ""
    return _digits(kind, octets, semi)


def _digits(kind: int, octets: bytes, semi: int) -> str:
    nibbles = [nibble for octet in octets for nibble in (octet & 15, octet >> 4)][:semi]
    plus = "+" if kind >> 4 & 7 == 1 and nibbles else ""
    return plus + "".join(_DIGITS[nibble] for nibble in nibbles if nibble < 15)


def _semi_octets(digits: str) -> bytes:
    nibbles = [_DIGITS.index(digit) for digit in digits] + [15] * (len(digits) % 2)
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def _take_stamp(reader: _Reader) -> tuple[float | None, int]:
    octets = reader.take(7)
    year, month, day, hour, minute, second = ((octet & 15) * 10 + (octet >> 4) for octet in octets[:6])
    quarters = (octets[6] & 7) * 10 + (octets[6] >> 4)
    zone_s = (-1 if octets[6] & 8 else 1) * quarters * 900
    try:
        zone = timezone(timedelta(seconds=zone_s))
        when = datetime(2000 + year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None, 0
    return when.timestamp(), zone_s


def _stamp(sent_s: float, zone_s: int) -> bytes:
    when = datetime.fromtimestamp(sent_s, UTC) + timedelta(seconds=zone_s)
    numbers = (when.year % 100, when.month, when.day, when.hour, when.minute, when.second)
    octets = [number % 10 << 4 | number // 10 for number in numbers]
    quarters = abs(zone_s) // 900
    return bytes([*octets, quarters % 10 << 4 | quarters // 10 | (8 if zone_s < 0 else 0)])


def _validity(minutes: int) -> int:
    """TP-VP relative, rounded down to what can be said (TS 23.040 9.2.3.12.1)."""
    for limit, code in (
        (720, max(minutes, 5) // 5 - 1),
        (1440, 143 + (minutes - 720) // 30),
        (43200, 166 + minutes // 1440),
    ):
        if minutes <= limit:
            return code
    return min(192 + minutes // 10080, 255)
