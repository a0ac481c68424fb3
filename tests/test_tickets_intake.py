"""Intake: one form for every source, filed once, with the fields of its kind; nothing is lost."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import cli
from appliance.customers.file import CustomerFile
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.starter import begin
from appliance.people import BOX, CITIZEN, Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets import confidential, redaction, repeats
from appliance.tickets.desk import TicketDesk
from appliance.tickets.districts import Districts
from appliance.tickets.form_book import FormBook
from appliance.tickets.forms import EXTRAS, FORMS, extras_of
from appliance.tickets.intake import Filing, Intake
from appliance.tickets.ticket import Ticket

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
DISPATCHER = Actor("1200", "周建国", frozenset({"DP"}))
CALLBACK = Actor("1300", "吴琳", frozenset({"CB"}))
LEADER = Actor("1400", "郑宏伟", frozenset({"LD"}))
UNIT = Actor("2001", "孙立", frozenset({"U2"}), "lamp")
WRITTEN = {
    "kind": "repair",
    "title": "路灯不亮",
    "content": "云东区解放路88号门口三盏路灯不亮",
    "category": "0101",
    "phone": "13900000001",
    "citizen": "刘女士",
    "address": "云东区解放路88号",
}
FORM = Filing(fields=WRITTEN, form="form-0001")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "box.db", 1)
    Dictionary(store).write(BOX, begin)
    return store


@pytest.fixture
def desk(store: Store) -> TicketDesk:
    return TicketDesk(store)


@pytest.fixture
def intake(store: Store, desk: TicketDesk) -> Intake:
    return Intake(store, desk, CustomerFile(store), Districts(store, desk.dictionary))


def texts(store: Store) -> list[str]:
    return [text for (text,) in store.rows("SELECT text FROM short_message WHERE direction = 'out'")]


def test_the_same_form_sent_twice_makes_one_ticket(intake: Intake, store: Store) -> None:
    first = intake.file(AGENT, FORM)
    assert intake.file(AGENT, FORM) == first
    assert intake.file(DISPATCHER, replace(FORM, then="dispatch")).tid == first.tid
    assert store.rows("SELECT count(*) FROM ticket")[0][0] == 1


def test_another_form_with_the_same_words_is_another_ticket(intake: Intake) -> None:
    assert intake.file(AGENT, FORM).tid != intake.file(AGENT, replace(FORM, form="form-0002")).tid


def test_a_form_that_is_refused_leaves_nothing_and_can_be_sent_again(intake: Intake, store: Store) -> None:
    with pytest.raises(Refused):
        intake.file(AGENT, replace(FORM, fields={**WRITTEN, "title": ""}))
    assert store.rows("SELECT count(*) FROM event WHERE kind LIKE 'ticket.%'")[0][0] == 0
    assert intake.file(AGENT, FORM).state == "REGISTERED"


@pytest.mark.parametrize("source", ["letter", "visit", "fax", "mail", "sms", "web", "hub"])
def test_any_source_is_registered_by_the_same_form(intake: Intake, source: str) -> None:
    ticket = intake.file(AGENT, replace(FORM, source=source))
    assert (ticket.source, ticket.state) == (source, "REGISTERED")


def test_media_need_the_outlet_and_inspectors_the_grid_cell(intake: Intake) -> None:
    for source, name, word in (("media", "outlet", "云河日报"), ("inspector", "grid", "YD-017")):
        with pytest.raises(Refused, match="Fill in"):
            intake.file(AGENT, replace(FORM, source=source))
        ticket = intake.file(
            AGENT, replace(FORM, source=source, fields={**WRITTEN, name: word}, form=f"form-{source}")
        )
        assert getattr(ticket, name) == word


def test_only_a_call_is_answered_on_the_line(intake: Intake) -> None:
    with pytest.raises(Refused, match="Only a call"):
        intake.file(AGENT, replace(FORM, source="letter", then="answer", answer="已答复"))
    assert intake.file(AGENT, replace(FORM, then="answer", answer="已答复")).state == "CALLBACK_NA"


def test_a_kind_asks_for_its_own_fields(intake: Intake) -> None:
    report = {**WRITTEN, "kind": "report"}
    with pytest.raises(Refused, match="Who is reported"):
        intake.file(AGENT, replace(FORM, fields=report))
    ticket = intake.file(AGENT, replace(FORM, fields={**report, "extra": {"respondent": "某商店"}}))
    assert ticket.extras == {"respondent": "某商店"}


def test_every_form_names_fields_that_exist_and_every_matter_has_a_script(store: Store) -> None:
    book = FormBook(Dictionary(store))
    assert {name for form in FORMS for name in form.fields} == set(EXTRAS)
    assert all(set(form.needed) <= set(form.fields) for form in FORMS)
    assert "人员伤亡" in book.script("emergency", "0101")[0]
    assert "灯杆" in book.script("repair", "0101")[0]
    assert "地点、时间" in book.script("repair", "9901")[0]
    assert list(extras_of("application", "0101"))[:2] == ["applicant", "application"]
    assert extras_of("application", "")["applicant"]
    assert book.texts("repair", "0101")[0][0] == "路灯不亮"
    assert book.texts("repair", "") == []


def test_what_people_maintain_comes_before_what_is_shipped(intake: Intake, desk: TicketDesk) -> None:
    admin, dictionary = Actor("9000", "管理员", frozenset({"AD"})), desk.dictionary
    dictionary.add(admin, "extra_field", "floor", {"name": "楼层", "type": "number", "required": True})
    dictionary.set(admin, "category", "0101", {"extra": ["floor"]})
    dictionary.set(admin, "script", "any01", {"text": "请问灯在几楼？"})
    assert desk.forms.script("repair", "0101")[0] == "请问灯在几楼？"
    with pytest.raises(Refused, match="楼层"):
        intake.file(AGENT, FORM)
    ticket = intake.file(AGENT, replace(FORM, fields={**WRITTEN, "extra": {"floor": "3"}}))
    assert ticket.extras == {"floor": "3"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("occurred", "2026-02-30"),
        ("occurred", "gestern"),
        ("position", "here"),
        ("grid", "x" * 41),
        ("content", "长" * 4001),
        ("extra", {"produced": "2026-02-30"}),
        ("extra", {"amount": "viel"}),
        ("extra", {"danger": "unknown"}),
        ("extra", {"nothing": "x"}),
        ("extra", "no table"),
        ("customer", "nobody"),
        ("phone", "call me"),
    ],
)
def test_what_is_not_right_is_refused_and_says_what_to_do(intake: Intake, name: str, value: object) -> None:
    with pytest.raises(Refused) as refused:
        intake.file(AGENT, replace(FORM, fields={**WRITTEN, name: value}))
    assert refused.value.sentence


def test_the_district_is_read_from_the_address(intake: Intake, desk: TicketDesk) -> None:
    desk.create(AGENT, "web", {**WRITTEN, "area": "云东区"})
    ticket = intake.file(AGENT, FORM)
    assert ticket.area == "云东区"


def test_an_anonymous_citizen_has_no_name_and_no_file(intake: Intake, store: Store) -> None:
    ticket = intake.file(AGENT, replace(FORM, fields={**WRITTEN, "anonymous": True, "identity": "x"}))
    assert (ticket.citizen, ticket.identity, ticket.customer) == ("", "", "")
    assert ticket.confidential
    assert store.rows("SELECT count(*) FROM customer")[0][0] == 0


def test_a_citizen_gets_a_file_with_the_first_ticket(intake: Intake, store: Store) -> None:
    ticket = intake.file(AGENT, FORM)
    customer = CustomerFile(store).get(bytes.fromhex(ticket.customer))
    assert (customer.name, customer.numbers) == ("刘女士", ("13900000001",))


def test_a_message_is_entered_beside_its_original_once(intake: Intake, desk: TicketDesk) -> None:
    message = desk.create(
        CITIZEN, "sms", {"phone": "13900000001", "content": "路灯不亮", "title": "路灯不亮"}
    )
    assert [ticket.tid for ticket in intake.entries()] == [message.tid]
    entry = replace(FORM, source="sms", entry=message.tid, seen=message.last_eid, form="entry-001")
    assert intake.file(AGENT, entry).kind == "repair"
    assert intake.entries() == []
    with pytest.raises(Refused, match="entered this already"):
        intake.file(AGENT, entry)


def test_two_who_edit_apart_are_brought_together_and_one_who_is_late_is_told(
    intake: Intake, desk: TicketDesk
) -> None:
    ticket = intake.file(AGENT, FORM)
    page = {name: getattr(ticket, name) for name in ("title", "content", "address")}
    desk.edit(DISPATCHER, ticket.tid, {**page, "address": "解放路 90 号"}, seen=ticket.last_eid)
    merged = desk.edit(AGENT, ticket.tid, {**page, "title": "整条街不亮"}, seen=ticket.last_eid)
    assert (merged.title, merged.address) == ("整条街不亮", "解放路 90 号")
    with pytest.raises(Refused) as refused:
        desk.edit(AGENT, ticket.tid, {**page, "address": "解放路 1 号"}, seen=ticket.last_eid)
    assert refused.value.word == "changed"


def test_further_fields_are_changed_one_by_one(intake: Intake, desk: TicketDesk) -> None:
    ticket = intake.file(AGENT, replace(FORM, fields={**WRITTEN, "extra": {"lamp_post": "L-7"}}))
    desk.edit(AGENT, ticket.tid, {"extra": {"enterprise": "某公司"}})
    assert desk.get(ticket.tid).extras == {"lamp_post": "L-7", "enterprise": "某公司"}


def test_similar_solved_cases_are_offered_as_answers(intake: Intake, desk: TicketDesk) -> None:
    solved = intake.file(AGENT, replace(FORM, then="answer", answer="两日内修复"))
    other = {**WRITTEN, "content": "单位发票怎么开", "title": "开票"}
    intake.file(AGENT, replace(FORM, fields=other, then="answer", answer="请带证件", form="form-0002"))
    assert intake.solved(WRITTEN)[0].tid == solved.tid
    assert intake.solved({**WRITTEN, "category": ""}) == []


def test_a_repeat_is_counted_on_the_ticket_and_the_third_makes_it_a_key_matter(
    intake: Intake, desk: TicketDesk
) -> None:
    ticket = intake.file(AGENT, replace(FORM, then="dispatch", unit="lamp"))
    for n in range(3):
        ticket = desk.again(AGENT, ticket.tid, f"第 {n + 1} 次来电")
    assert (ticket.repeats, ticket.key) == (3, True)
    assert [strand.kind for strand in desk.strands(ticket.tid)] == ["urge"] * 3
    assert "第 3 次来电" in [step.text for step in desk.timeline(ticket.tid)]


def test_a_closed_ticket_counts_no_repeats(intake: Intake, desk: TicketDesk) -> None:
    ticket = intake.file(AGENT, FORM)
    desk.move(AGENT, ticket.tid, "withdraw", {"reason": "重复登记"})
    with pytest.raises(Refused, match="closed"):
        desk.again(AGENT, ticket.tid)


def merged(intake: Intake, desk: TicketDesk) -> tuple[Ticket, Ticket]:
    """A main ticket, and another citizen's merged into it."""
    main = intake.file(AGENT, FORM)
    other = {**WRITTEN, "phone": "13900000002", "citizen": "王先生"}
    child = intake.file(AGENT, replace(FORM, fields=other, form="form-0002"))
    return main, desk.move(DISPATCHER, child.tid, "merge", {"master": main.number})


def test_a_merged_ticket_is_counted_on_its_main_one_and_told_like_it(
    intake: Intake, desk: TicketDesk
) -> None:
    main, child = merged(intake, desk)
    assert desk.get(main.tid).repeats == 1
    assert [one.tid for one in desk.children(main.tid)] == [child.tid]
    desk.move(DISPATCHER, main.tid, "accept")
    told = desk.state_for_citizen(child.number)
    assert told is not None
    assert (told.number, told.state_zh) == (child.number, "已受理")


def test_citizens_of_merged_tickets_get_the_answer_too(
    intake: Intake, desk: TicketDesk, store: Store
) -> None:
    main, _ = merged(intake, desk)
    desk.move(DISPATCHER, main.tid, "accept")
    desk.move(DISPATCHER, main.tid, "self_handle")
    desk.move(DISPATCHER, main.tid, "reply", {"result": "已修复"})
    desk.move(DISPATCHER, main.tid, "pass", {"answer": "路灯已修复"})
    told = store.rows("SELECT number, text FROM short_message WHERE text LIKE '%路灯已修复%'")
    assert [number for number, _ in told] == ["13900000001", "13900000002"]


def test_taken_apart_a_ticket_keeps_when_it_was_received(intake: Intake, desk: TicketDesk) -> None:
    main, child = merged(intake, desk)
    apart = desk.move(DISPATCHER, child.tid, "unmerge", {"reason": "不是同一事项"})
    assert (apart.state, apart.created_s) == ("REGISTERED", child.created_s)
    assert desk.children(main.tid) == []


def test_linked_tickets_are_seen_from_both_until_it_is_taken_back(intake: Intake, store: Store) -> None:
    one = intake.file(AGENT, FORM)
    two = intake.file(AGENT, replace(FORM, form="form-0002"))
    repeats.link(store, AGENT, one.tid, two.tid)
    assert [ticket.tid for ticket in repeats.linked(store, two.tid)] == [one.tid]
    repeats.link(store, AGENT, two.tid, one.tid, off=True)
    assert repeats.linked(store, one.tid) == []
    with pytest.raises(Refused):
        repeats.link(store, AGENT, one.tid, one.tid)


def test_acceptance_is_told_once_by_sms_with_number_unit_and_due_date(intake: Intake, store: Store) -> None:
    ticket = intake.file(DISPATCHER, replace(FORM, source="letter", then="dispatch", unit="lamp"))
    (text,) = [text for text in texts(store) if "已受理" in text]
    assert ticket.number in text
    assert "市照明管理处" in text
    assert ticket.case_due_s is not None
    last_day = time.strftime("%Y-%m-%d", time.localtime(ticket.case_due_s - 1))
    assert f"预计{last_day}前答复" in text


@pytest.mark.parametrize("fields", [{"callback": False}, {"anonymous": True}, {"phone": "0000-6500001"}])
def test_nobody_is_told_who_wants_no_answer_is_anonymous_or_has_no_mobile(
    intake: Intake, store: Store, fields: dict[str, object]
) -> None:
    intake.file(DISPATCHER, replace(FORM, source="letter", then="dispatch", fields={**WRITTEN, **fields}))
    assert [text for text in texts(store) if "已受理" in text] == []


def secret(intake: Intake) -> Ticket:
    home = {"home": "文昌里 5 号楼", "identity": "110101199003077758"}
    return intake.file(AGENT, replace(FORM, fields={**WRITTEN, **home, "confidential": True}))


def test_what_is_confidential_is_masked_for_everybody_until_they_say_why(
    intake: Intake, store: Store
) -> None:
    ticket = secret(intake)
    shown = confidential.masked(ticket)
    assert (shown.citizen, shown.phone, shown.identity, shown.home) == (
        "刘**",
        "139****0001",
        "110****7758",
        "文昌里***",
    )
    assert shown.address == ticket.address
    assert not confidential.sees(store, DISPATCHER, ticket)
    confidential.unmask(store, DISPATCHER, ticket.tid, "核实情况")
    assert confidential.sees(store, DISPATCHER, ticket)
    assert not confidential.sees(store, CALLBACK, ticket)
    assert not confidential.sees(store, DISPATCHER, ticket, ticket.created_s + 2 * confidential.OPEN_S)


def test_every_look_is_in_the_story_and_units_never_look(
    intake: Intake, desk: TicketDesk, store: Store
) -> None:
    ticket = secret(intake)
    with pytest.raises(Refused):
        confidential.unmask(store, UNIT, ticket.tid, "好奇")
    with pytest.raises(Refused):
        confidential.unmask(store, DISPATCHER, ticket.tid, "  ")
    confidential.unmask(store, DISPATCHER, ticket.tid, "核实情况")
    (look,) = [step for step in desk.timeline(ticket.tid) if step.what == "unmasked"]
    assert (look.who, look.text) == ("1200 周建国", "原因：核实情况")


def test_the_story_hides_names_as_they_are_and_as_they_were(intake: Intake) -> None:
    ticket = secret(intake)
    words = "市民姓名：从前的名字\n联系电话：13700000000\n已联系刘女士 13900000001"
    assert confidential.hidden_in(words, ticket) == "已联系刘** 139****0001"


def test_blanked_data_is_in_nothing_that_is_shown_and_the_log_keeps_its_bytes(
    intake: Intake, desk: TicketDesk, store: Store
) -> None:
    ticket = intake.file(AGENT, FORM)
    desk.edit(AGENT, ticket.tid, {"citizen": "刘敏女士"})
    desk.note(AGENT, ticket.tid, "刘敏女士住在三楼")
    note = store.history(ticket.tid)[-1].eid
    before = store.rows("SELECT eid, body FROM event WHERE subject = ? ORDER BY eid", ticket.tid)
    redaction.redact(store, LEADER, ticket.tid, {"citizen": "", "phone": ""}, "市民要求", [note])
    now = desk.get(ticket.tid)
    assert (now.citizen, now.phone) == ("", "")
    told = "\n".join(step.text for step in desk.timeline(ticket.tid))
    assert "刘敏" not in told
    assert "原因：市民要求" in told
    assert all(
        b"\xe5\x88\x98\xe6\x95\x8f" not in e.body for e in redaction.readable(store.history(ticket.tid))
    )
    after = store.rows("SELECT eid, body FROM event WHERE subject = ? ORDER BY eid", ticket.tid)
    assert after[: len(before)] == before
    store.rebuild()
    assert desk.get(ticket.tid) == now


def test_the_command_that_prints_the_log_prints_no_blanked_data(
    tmp_path: Path, intake: Intake, desk: TicketDesk, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket = intake.file(AGENT, FORM)
    desk.note(AGENT, ticket.tid, "有人住在三楼")
    note = store.history(ticket.tid)[-1].eid

    def printed(*command: str) -> str:
        assert cli.main(["--data", str(tmp_path), *command, "--json"]) == 0
        return capsys.readouterr().out

    for command in (("events",), ("ticket", ticket.number)):
        assert all(word in printed(*command) for word in ("刘女士", "有人住在三楼"))
    redaction.redact(store, LEADER, ticket.tid, {"citizen": "", "phone": ""}, "市民要求", [note])
    customer = CustomerFile(store).get(bytes.fromhex(desk.get(ticket.tid).customer))
    CustomerFile(store).redact(LEADER, customer.cid, ["name", "numbers"], "市民要求")
    for command in (("events",), ("ticket", ticket.number)):
        said = printed(*command)
        assert not [word for word in ("刘女士", "有人住在三楼", WRITTEN["phone"]) if word in said]
        assert redaction.BLANK in said
        assert WRITTEN["title"] in said


def test_only_leaders_and_administrators_blank_with_a_reason(intake: Intake, store: Store) -> None:
    ticket = intake.file(AGENT, FORM)
    for actor, fields, reason in (
        (AGENT, {"citizen": ""}, "要求"),
        (LEADER, {"citizen": ""}, ""),
        (LEADER, {}, "要求"),
        (LEADER, {"state": ""}, "要求"),
    ):
        with pytest.raises(Refused):
            redaction.redact(store, actor, ticket.tid, fields, reason)


def test_the_box_can_count_repeats_by_itself(intake: Intake, desk: TicketDesk) -> None:
    ticket = intake.file(AGENT, FORM)
    assert desk.again(BOX, ticket.tid).repeats == 1
