"""The letter office: numbers without gaps, letters that stay as they were, seals, and who reads what."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from appliance import demo_data
from appliance.letters import blanking, register
from appliance.letters.document import Grid, Paragraph, words_of
from appliance.letters.facts import HIDDEN
from appliance.letters.office import Desk, LetterOffice
from appliance.letters.seals import BYTES_MOST, checked
from appliance.letters.shipped import shipped
from appliance.letters.suggestions import SOURCES, WANTED
from appliance.letters.template import needed
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import confidential, redaction
from appliance.tickets.desk import TicketDesk
from appliance.tickets.fields import FIELDS
from appliance.tickets.ticket import Ticket
from appliance.tickets.workflow import STATES
from tests.seal_image import chunk, png, seal_png

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
OPERATOR = Actor("2001", "孙立", frozenset({"U2"}), unit="lamp")
STRANGER = Actor("2002", "李敏", frozenset({"U2"}), unit="water")
SUPERVISOR = Actor("1500", "吴敏", frozenset({"SV"}))
ADMINISTRATOR = Actor("9000", "管理员", frozenset({"AD"}))
NEW_YEAR_S = 1_798_732_800.0  # 2027-01-01 00:00 in China


class Place:
    """A box with a letter office and a clock of its own."""

    def __init__(self, folder: Path, site: int = 1) -> None:
        self.now = 1_795_000_000.0
        self.store = Store(folder / "box.db", site)
        demo_data.fill(self.store, site=2)
        self.tickets = TicketDesk(self.store, lambda: self.now)
        self.office = LetterOffice(
            self.store, self.tickets, Desk("云河市热线", "12345"), folder / "seals", lambda: self.now
        )

    def ticket(self, **fields: object) -> Ticket:
        """A ticket that was dispatched to the lamp unit."""
        written = {"kind": "repair", "title": "路灯不亮", "content": "全部不亮", "category": "lamp", **fields}
        category = self.store.rows("SELECT code FROM category LIMIT 1")[0][0]
        ticket = self.tickets.create(AGENT, "phone", {**written, "category": category})
        self.tickets.move(AGENT, ticket.tid, "submit")
        self.tickets.move(AGENT, ticket.tid, "accept")
        return self.tickets.move(DISPATCHER, ticket.tid, "dispatch", {"unit": "lamp"})


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


WRITTEN = {"to": "市照明管理处", "deadline": "2026年12月4日", "contact": "周建国 12345"}
"""What no letter may leave empty."""


def said(place: Place, actor: Actor, ticket: Ticket, key: str) -> str:
    document = place.office.draft(actor, ticket, place.office.template(actor, ticket, key), {})
    return msgspec.json.encode(document).decode()


def test_numbers_count_each_series_and_year_without_gaps(place: Place) -> None:
    ticket = place.ticket()
    numbers = [
        place.office.issue(DISPATCHER, ticket, key, WRITTEN).number
        for key in ("official", "reply", "official")
    ]
    assert numbers == ["云热线函〔2026〕1号", "云热线复〔2026〕1号", "云热线函〔2026〕2号"]
    place.now = NEW_YEAR_S + 86_400
    assert place.office.issue(DISPATCHER, ticket, "official", WRITTEN).number == "云热线函〔2027〕1号"


def test_clerks_who_issue_at_the_same_moment_get_numbers_without_gaps(place: Place) -> None:
    tickets = [place.ticket() for _ in range(3)]

    def issue(ticket: Ticket) -> list[int]:
        with place.store.connection():
            return [place.office.issue(DISPATCHER, ticket, "official", WRITTEN).n for _ in range(4)]

    with ThreadPoolExecutor(3) as clerks:
        counts = [n for found in clerks.map(issue, tickets) for n in found]
    assert sorted(counts) == list(range(1, 13))


def test_a_refused_letter_uses_no_number(place: Place) -> None:
    ticket = place.ticket()
    with pytest.raises(Refused):
        place.office.issue(DISPATCHER, ticket, "official", {"to": "字" * 201})
    assert place.office.issue(DISPATCHER, ticket, "official", WRITTEN).n == 1


def test_what_stands_within_a_sentence_is_asked_for_before_a_letter_is_issued(place: Place) -> None:
    ticket = place.ticket()
    with pytest.raises(Refused, match="To be done by"):
        place.office.issue(DISPATCHER, ticket, "assignment", {**WRITTEN, "deadline": " "})
    assert needed(shipped()["assignment"]) == ["to", "deadline", "contact"]
    assert needed(shipped()["mediation"]) == [], "cells may be written in by hand"


def test_the_same_form_sent_twice_is_one_letter(place: Place) -> None:
    ticket = place.ticket()
    first = place.office.issue(DISPATCHER, ticket, "official", WRITTEN, "form-0001")
    assert place.office.issue(DISPATCHER, ticket, "official", WRITTEN, "form-0001") == first
    assert register.search(place.store, "", "", 1).total == 1


def test_a_letter_stays_as_it_was_issued_whatever_becomes_of_ticket_and_template(place: Place) -> None:
    ticket = place.ticket()
    letter = place.office.issue(DISPATCHER, ticket, "assignment", WRITTEN)
    _, before = place.office.opened(DISPATCHER, letter.lid)
    place.tickets.edit(DISPATCHER, ticket.tid, {"title": "另一件事"})
    changed = msgspec.structs.replace(shipped()["assignment"], title="新的标题")
    place.office.shelf.publish(ADMINISTRATOR, changed)
    place.store.rebuild()
    again, after = place.office.opened(DISPATCHER, letter.lid)
    assert again == letter
    assert after == before
    assert "路灯不亮" in after.title


def test_the_register_is_folded_from_the_log(place: Place) -> None:
    ticket = place.ticket()
    letter = place.office.issue(DISPATCHER, ticket, "official", {**WRITTEN, "to": "市城管局"})
    place.office.void(DISPATCHER, letter.lid, "收文单位写错")
    place.office.seals.put(ADMINISTRATOR, "", seal_png())
    tables = ("letter", "seal")
    before = [place.store.rows(f"SELECT * FROM {table}") for table in tables]
    place.store.rebuild()
    assert [place.store.rows(f"SELECT * FROM {table}") for table in tables] == before
    assert not place.store.rows("SELECT 1 FROM quarantine")


def test_letters_are_found_by_number_recipient_and_clerk(place: Place) -> None:
    ticket = place.ticket()
    place.office.issue(DISPATCHER, ticket, "official", {**WRITTEN, "to": "市城管局"})
    place.office.issue(AGENT, ticket, "reply", WRITTEN)
    for words in ("云热线函", "城管局", "周建国", ticket.number + " 线函"):
        assert register.search(place.store, words, "", 1).total == 1, words
    assert register.search(place.store, "100%", "", 1).total == 0
    assert register.search(place.store, "", "reply", 1).total == 1


def test_a_void_letter_keeps_its_number_and_its_reason_is_asked_for(place: Place) -> None:
    ticket = place.ticket()
    letter = place.office.issue(DISPATCHER, ticket, "official", WRITTEN)
    with pytest.raises(Refused, match="reason"):
        place.office.void(DISPATCHER, letter.lid, "  ")
    assert place.office.void(DISPATCHER, letter.lid, "重复").voided_why == "重复"
    with pytest.raises(Refused, match="already"):
        place.office.void(DISPATCHER, letter.lid, "再次")
    assert place.office.issue(DISPATCHER, ticket, "official", WRITTEN).n == 2


def test_a_unit_reads_what_was_written_to_it_and_nothing_else(place: Place) -> None:
    ticket = place.ticket()
    order = place.office.issue(DISPATCHER, ticket, "assignment", WRITTEN)
    reply = place.office.issue(DISPATCHER, ticket, "reply", WRITTEN)
    assert place.office.of_ticket(OPERATOR, ticket) == [order]
    assert place.office.opened(OPERATOR, order.lid)[0] == order
    for actor, letter in ((OPERATOR, reply), (STRANGER, order)):
        with pytest.raises(Refused):
            place.office.opened(actor, letter.lid)
    assert {t.key for t in place.office.menu(OPERATOR, ticket)} == {"dispatch", "extension"}
    assert place.office.menu(STRANGER, ticket) == []


def test_whoever_reads_it_outside_learns_nothing_of_a_confidential_citizen(place: Place) -> None:
    ticket = place.ticket(citizen="王秘密", phone="13800001234", confidential=True)
    for key in ("dispatch", "assignment", "supervision", "handover"):
        actor = AGENT if key == "handover" else DISPATCHER
        sheet = said(place, actor, ticket, key)
        assert "王秘密" not in sheet
        assert "13800001234" not in sheet
    assert HIDDEN in said(place, OPERATOR, ticket, "dispatch")
    assert "王秘密" not in said(place, AGENT, ticket, "acceptance"), "nobody has looked yet"
    with pytest.raises(Refused, match="confidential"):
        place.office.issue(DISPATCHER, ticket, "reply", WRITTEN)
    confidential.unmask(place.store, DISPATCHER, ticket.tid, "书面答复市民")
    letter = place.office.issue(DISPATCHER, ticket, "reply", WRITTEN)
    assert letter.recipient == "王**", "the register is read by more people"
    assert "王秘密" in "".join(words_of(place.office.opened(DISPATCHER, letter.lid)[1]))
    assert "王秘密" not in "".join(words_of(place.office.opened(AGENT, letter.lid)[1]))


def test_what_was_redacted_is_in_no_letter_and_no_register_any_more(place: Place) -> None:
    ticket = place.ticket(citizen="王秘密", title="某人的隐私", content="第一行隐私\n第二行隐私")
    letter = place.office.issue(DISPATCHER, ticket, "assignment", WRITTEN)
    names = ("citizen", "content", "title")
    redaction.redact(place.store, ADMINISTRATOR, ticket.tid, dict.fromkeys(names, ""), "本人申请")
    again = place.office.opened(DISPATCHER, letter.lid)
    text = "".join(words_of(again[1])) + again[0].title
    assert redaction.BLANK in text
    assert not [word for word in ("王秘密", "第一行隐私", "第二行隐私", "某人的隐私") if word in text]
    assert "市照明管理处" in text, "all else stays"
    before = place.store.rows("SELECT * FROM letter")
    place.store.rebuild()
    assert place.store.rows("SELECT * FROM letter") == before


def test_a_supervision_slip_says_what_the_supervision_said(place: Place) -> None:
    ticket = place.ticket()
    level = next(iter(FIELDS["level"].choices or {}))
    place.tickets.act(
        SUPERVISOR, ticket.tid, "supervision", "issue", {"level": level, "opinion": "三日内必须修复"}
    )
    template = shipped()["supervision"]
    known = place.office.suggested(DISPATCHER, place.tickets.get(ticket.tid), template)
    assert known["opinion"] == "三日内必须修复"
    assert known["to"] == "市照明管理处"


def test_a_refusal_notice_gives_the_grounds_chosen_and_what_was_said_beside_them(place: Place) -> None:
    ticket = place.tickets.create(AGENT, "web", {"kind": "repair", "title": "电价", "content": "电价太高"})
    given = {"grounds": "outside_remit", "reason": "请向供电公司反映"}
    refused = place.tickets.move(AGENT, ticket.tid, "refuse", given)
    known = place.office.suggested(DISPATCHER, refused, shipped()["refusal"])
    assert known["grounds"] == "不属于本级政府职责；请向供电公司反映"
    confirmed = place.tickets.move(DISPATCHER, ticket.tid, "confirm_refuse")
    known = place.office.suggested(DISPATCHER, confirmed, shipped()["refusal"])
    assert known["grounds"] == "不属于本级政府职责"


def test_a_limit_that_ends_at_midnight_is_of_the_day_before(place: Place) -> None:
    midnight_s = time.mktime((2026, 12, 5, 0, 0, 0, 0, 0, -1))
    ticket = replace(place.ticket(), case_due_s=midnight_s, unit_due_s=midnight_s)
    assert "2026-12-04 24:00" in said(place, AGENT, ticket, "acceptance")
    known = place.office.suggested(DISPATCHER, ticket, shipped()["assignment"])
    assert known["deadline"] == "2026年12月4日"


def test_whatever_a_state_wants_is_a_template() -> None:
    assert {key for keys in WANTED.values() for key in keys} | set(SOURCES) <= set(shipped())
    assert set(WANTED) <= set(STATES)


def test_blanks_look_the_same_everywhere() -> None:
    assert (blanking.BLANK, blanking.WORDY) == (redaction.BLANK, redaction.WORDY)


def test_the_seal_in_force_is_frozen_into_the_letter(place: Place) -> None:
    ticket = place.ticket()
    without = place.office.issue(DISPATCHER, ticket, "official", WRITTEN)
    digest = place.office.seals.put(ADMINISTRATOR, "", seal_png())
    sealed = place.office.issue(DISPATCHER, ticket, "official", WRITTEN)
    place.office.seals.take_back(ADMINISTRATOR, "")
    assert place.office.opened(DISPATCHER, without.lid)[1].seal == ""
    assert place.office.opened(DISPATCHER, sealed.lid)[1].seal == digest
    assert place.office.seals.image(digest) == checked(seal_png())
    assert place.office.draft(DISPATCHER, ticket, shipped()["official"], {}).seal == "", "a preview has none"


def test_a_letter_with_the_seal_of_a_unit_bears_that_of_its_ticket(place: Place) -> None:
    of_unit = msgspec.structs.replace(shipped()["official"], sealed="unit", signer="{{unit}}")
    place.office.shelf.publish(ADMINISTRATOR, of_unit)
    digest = place.office.seals.put(ADMINISTRATOR, "lamp", seal_png(200))
    place.office.seals.put(ADMINISTRATOR, "", seal_png(240))
    letter = place.office.issue(DISPATCHER, place.ticket(), "official", WRITTEN)
    assert place.office.opened(DISPATCHER, letter.lid)[1].seal == digest


def test_a_template_is_published_tried_and_restored(place: Place) -> None:
    shelf, key = place.office.shelf, "reply"
    shelf.publish(ADMINISTRATOR, msgspec.structs.replace(shipped()[key], body="{{answer}}"))
    assert shelf.changed(key)
    assert list(shelf.history(key)[0].fields) == ["body"]
    for wrong in (msgspec.structs.replace(shelf.get(key), body="{{nobody}}"), shelf.get(key)):
        with pytest.raises(Refused):
            shelf.publish(ADMINISTRATOR, wrong)
    shelf.restore(ADMINISTRATOR, key)
    assert shelf.get(key) == shipped()[key]
    with pytest.raises(Refused):
        shelf.publish(AGENT, msgspec.structs.replace(shipped()[key], body="{{answer}}"))


def test_what_the_clerk_writes_stands_on_the_sheet_as_text(place: Place) -> None:
    written = {**WRITTEN, "opinion": "# 一\n| 甲 | {{phone}} |"}
    letter = place.office.issue(DISPATCHER, place.ticket(), "official", written)
    _, document = place.office.opened(DISPATCHER, letter.lid)
    assert not any(isinstance(block, Grid) for block in document.blocks)
    texts = [block.text for block in document.blocks if isinstance(block, Paragraph)]
    assert "| 甲 | {{phone}} |" in texts


WRONG_SEALS = {
    "nothing": b"",
    "no image": b"hello",
    "a cut one": seal_png()[:-30],
    "too small": seal_png(100),
    "opaque": png(200, 200, 2, (b"\0" + b"\xff\0\0" * 200) * 200),
    "too few pixels": png(200, 200, 6, b"\0" * 100),
    "a bomb": png(200, 200, 6, b"\0" * 50_000_000),
    "huge": png(60_000, 60_000, 6, b"\0"),
    "interlaced": seal_png().replace(b"\x08\x06\0\0\0", b"\x08\x06\0\0\x01"),
    "no end": seal_png().replace(chunk(b"IEND", b""), b""),
    "too large": seal_png() + b"\0" * BYTES_MOST,
}


@pytest.mark.parametrize("name", WRONG_SEALS)
def test_an_image_that_is_no_seal_is_refused_with_what_to_do(name: str, place: Place) -> None:
    with pytest.raises(Refused) as refused:
        place.office.seals.put(ADMINISTRATOR, "", WRONG_SEALS[name])
    assert refused.value.sentence
    assert place.office.seals.of("") == ""


def test_what_is_not_needed_to_draw_a_seal_is_left_out(place: Place) -> None:
    told = seal_png().replace(chunk(b"IEND", b""), chunk(b"tEXt", b"Author\0somebody") + chunk(b"IEND", b""))
    assert checked(told) == checked(seal_png())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_any_hostile_image_is_refused(data: bytes) -> None:
    for image in (data, seal_png(120)[:60] + data, b"\x89PNG\r\n\x1a\n" + data):
        with pytest.raises(Refused):
            checked(image)
