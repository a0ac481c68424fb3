"""The short message codec against PDUs seen in the field and built by other software, and against itself."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.gsm import sms
from hardware.gsm.alphabet import BASIC, EXTENSION, Alphabet, alphabet_of, pack, unpack
from hardware.gsm.multipart import GAP, MAX_OPEN, WAIT_S, Assembler

VECTORS: dict[str, list[Any]] = json.loads(
    (Path(__file__).parent / "data" / "gsm_vectors.json").read_text(encoding="utf-8")
)
GSM7 = BASIC.replace("\x1b", "") + "".join(EXTENSION.values())
KINDS = {"deliver": sms.Deliver, "submit": sms.Submit, "status-report": sms.StatusReport}
SENT_S = 1_700_000_000.0


def _unix(stamp: str) -> float:
    zone = stamp if len(stamp) != 22 else f"{stamp}:00"
    return datetime.fromisoformat(zone).timestamp()


def _text(message: sms.Deliver | sms.Submit) -> str | None:
    return message.body.text


@pytest.mark.parametrize(("pdu", "expect"), [v for v in VECTORS["pdu"] if v[1] != "bad"])
def test_a_message_from_the_field_is_read_as_others_read_it(pdu: str, expect: dict[str, Any]) -> None:
    message = sms.decode(pdu)
    if "type" in expect:
        assert isinstance(message, KINDS[expect["type"]])
    if "smsc" in expect:
        assert message.centre == (expect["smsc"] or "")
    party = message.sender if isinstance(message, sms.Deliver) else message.recipient
    assert party == expect["number"]
    if isinstance(message, sms.StatusReport):
        assert (message.reference, message.status) == (expect["mr"], expect["status"])
        assert (message.sent_s, message.done_s) == (_unix(expect["sent"]), _unix(expect["done"]))
        return
    if isinstance(message, sms.Deliver) and expect.get("sent"):
        assert message.sent_s == _unix(expect["sent"])
    if isinstance(message, sms.Deliver) and expect.get("local"):
        assert message.sent_s is not None
        local = datetime.strptime(expect["local"] + "+0000", "%Y%m%dT%H%M%S%z").timestamp()
        assert message.sent_s + message.zone_s == local
    if "text" in expect:
        assert _text(message) == expect["text"]
    if "dcs" in expect:
        assert message.body.dcs == expect["dcs"]
    if "mr" in expect:
        assert isinstance(message, sms.Submit)
        assert message.reference == expect["mr"]
    if "concat" in expect:
        assert message.body.concat == sms.Concat(*expect["concat"])
    if "ports" in expect:
        assert message.body.ports == tuple(expect["ports"])


@pytest.mark.parametrize("pdu", [v[0] for v in VECTORS["pdu"] if v[1] == "bad"])
def test_a_broken_message_is_refused_with_a_reason(pdu: str) -> None:
    with pytest.raises(sms.BadPdu, match=r"\w"):
        sms.decode(pdu)


@pytest.mark.parametrize(("number", "text", "centre", "minutes", "pdu"), VECTORS["submit"])
def test_a_message_to_send_is_built_octet_by_octet_as_others_build_it(
    number: str, text: str, centre: str, minutes: int | None, pdu: str
) -> None:
    (built,) = sms.submits(number, text, centre=centre, validity_min=minutes)
    assert built.hex == pdu
    assert built.octets == len(pdu) // 2 - 1 - int(pdu[:2], 16)


@pytest.mark.parametrize(("number", "kind", "octets"), VECTORS["address"])
def test_an_address_is_coded_as_others_code_it(number: str, kind: str, octets: str) -> None:
    if kind == "party":
        assert sms.encode_address(number).hex().upper() == octets
        assert sms.decode("0004" + octets + "00000000000000000000").sender == number  # type: ignore[union-attr] # a DELIVER
    else:
        assert sms.submits("10086", "x", centre=number)[0].hex.startswith(octets)
        assert sms.decode(octets + "00" + "0581018006000000000000000000" + "00").centre == number


@given(st.text(max_size=1000), st.integers(0, 255))
def test_every_text_comes_back_as_it_was_sent(text: str, reference: int) -> None:
    text = text.encode("utf-16", "replace").decode("utf-16")
    join = Assembler()
    pdus = sms.delivers("13800005678", text, SENT_S, 28800, reference)
    whole = []
    for place, pdu in enumerate(pdus):
        part = sms.decode(pdu.hex)
        assert isinstance(part, sms.Deliver)
        assert len(pdu.hex) // 2 == pdu.octets + 1 <= 176
        whole += join.add(part, str(place), 0.0)
    assert [(w.sender, w.text, w.sent_s, w.missing) for w in whole] == [("13800005678", text, SENT_S, 0)]
    assert len(whole[0].places) == len(pdus)


@given(st.text(GSM7, max_size=400))
def test_a_text_of_the_default_alphabet_costs_seven_bits_a_character(text: str) -> None:
    alphabet, parts = sms.split(text)
    assert alphabet is Alphabet.GSM7
    septets = sum(2 if char in EXTENSION.values() else 1 for char in text)
    assert sum(len(data) for data, _ in parts) == septets
    assert (len(parts) == 1) == (septets <= 160)


@given(st.binary(max_size=160).map(lambda b: bytes(o & 0x7F for o in b)), st.integers(0, 6))
def test_septets_survive_packing(septets: bytes, fill: int) -> None:
    assert unpack(pack(septets, fill), len(septets), fill) == septets


@given(st.one_of(st.binary(max_size=200).map(bytes.hex), st.text(max_size=60)))
def test_garbage_is_either_a_message_or_refused(pdu: str) -> None:
    try:
        message = sms.decode(pdu)
    except sms.BadPdu:
        return
    assert isinstance(message, sms.Deliver | sms.Submit | sms.StatusReport)


def test_a_part_never_ends_within_an_escape_or_a_surrogate_pair() -> None:
    _, parts = sms.split("a" * 152 + "€" * 10)
    assert [len(data) for data, _ in parts] == [152, 20]
    _, parts = sms.split("中" * 66 + "🙂" * 5)
    assert [len(data) for data, _ in parts] == [132, 20]


def test_a_character_split_between_parts_by_another_phone_is_joined_again() -> None:
    join = Assembler()
    octets = "好🙂".encode("utf-16-be")
    halves = [
        sms.Deliver("10086", 1.0, sms.UserData(Alphabet.UCS2, piece, 8, sms.Concat(7, 16, 2, seq)))
        for seq, piece in ((2, octets[4:]), (1, octets[:4]))
    ]
    assert join.add(halves[0], "3", 0.0) == []
    (whole,) = join.add(halves[1], "4", 5.0)
    assert whole.text == "好🙂"
    assert whole.places == ("3", "4")


def test_the_seven_spare_bits_of_the_last_octet_are_not_an_at_sign() -> None:
    (pdu,) = sms.delivers("10086", "1234567", SENT_S)
    message = sms.decode(pdu.hex)
    assert isinstance(message, sms.Deliver)
    assert message.body.text == "1234567"


def test_a_text_whose_part_never_comes_is_shown_with_a_gap_after_a_day() -> None:
    join = Assembler()
    pdus = [sms.decode(p.hex) for p in sms.delivers("10086", "中" * 150, SENT_S, reference=9)]
    for place, part in ((0, pdus[0]), (2, pdus[2]), (2, pdus[2])):
        assert isinstance(part, sms.Deliver)
        assert join.add(part, str(place), 100.0) == []
    assert join.timer() == 100.0 + WAIT_S
    assert join.on_timer(100.0 + WAIT_S - 1) == []
    (whole,) = join.on_timer(100.0 + WAIT_S)
    assert whole.text == "中" * 67 + GAP + "中" * 16
    assert (whole.missing, whole.places) == (1, ("0", "2"))
    assert join.timer() is None


def test_unfinished_texts_do_not_grow_for_ever() -> None:
    join = Assembler()
    shown = 0
    for sender in range(MAX_OPEN + 50):
        body = sms.UserData(Alphabet.GSM7, b"a", 0, sms.Concat(1, 8, 2, 1))
        shown += len(join.add(sms.Deliver(str(sender), 1.0, body), str(sender), 0.0))
    assert shown == 50


@pytest.mark.parametrize(
    ("dcs", "alphabet"),
    [
        (0x00, Alphabet.GSM7),
        (0x04, Alphabet.OCTETS),
        (0x08, Alphabet.UCS2),
        (0x18, Alphabet.UCS2),
        (0x48, Alphabet.UCS2),
        (0xC0, Alphabet.GSM7),
        (0xD0, Alphabet.GSM7),
        (0xE0, Alphabet.UCS2),
        (0xF1, Alphabet.GSM7),
        (0xF5, Alphabet.OCTETS),
    ],
)
def test_the_coding_scheme_says_the_alphabet(dcs: int, alphabet: Alphabet) -> None:
    assert alphabet_of(dcs) == (alphabet, False)


def test_wap_pushes_and_compressed_texts_are_not_shown_as_text() -> None:
    assert sms.UserData(Alphabet.GSM7, b"abc", ports=(2948, 9200)).text is None
    assert sms.UserData(Alphabet.GSM7, b"abc", compressed=True).text is None


@pytest.mark.parametrize("number", ["", "12 34", "ATH", "1" * 21, "1;2", "1\r"])
def test_a_number_that_cannot_be_dialled_is_refused(number: str) -> None:
    with pytest.raises(ValueError, match="telephone number"):
        sms.submits(number, "x")


@pytest.mark.parametrize(
    ("minutes", "octet"), [(5, 0), (720, 143), (1440, 167), (2880, 168), (43200, 196), (10**6, 255)]
)
def test_the_validity_is_said_in_one_octet(minutes: int, octet: int) -> None:
    (pdu,) = sms.submits("10086", "x", validity_min=minutes)
    assert bytes.fromhex(pdu.hex)[9 + 1] == octet
