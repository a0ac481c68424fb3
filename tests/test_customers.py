"""The customer file: exact numbers, several people on one, merged, split, blanked, never overwritten."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.customers.contacts import contacts, is_new
from appliance.customers.customer import FIELDS, NUMBERS_MAX, Customer, replay
from appliance.customers.file import CustomerFile
from appliance.events import Fact
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk

AGENT = Actor("1001", "王晓燕", frozenset({"AG"}))
LEADER = Actor("1400", "郑宏伟", frozenset({"LD"}))
UNIT = Actor("2001", "孙立", frozenset({"U2"}), "lamp")
NUMBER = "13900000001"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "box.db", 1)


@pytest.fixture
def file(store: Store) -> CustomerFile:
    return CustomerFile(store)


def liu(file: CustomerFile, **more: object) -> Customer:
    return file.create(AGENT, {"name": "刘女士", "numbers": [NUMBER], **more})


def test_a_number_finds_exactly_who_has_it(file: CustomerFile) -> None:
    customer = liu(file)
    assert file.by_number(NUMBER) == [customer]
    assert file.by_number(NUMBER[:-1]) == []
    assert file.by_number("") == []


def test_several_people_on_one_number_are_all_offered(file: CustomerFile) -> None:
    liu(file)
    file.create(AGENT, {"name": "王先生", "numbers": [NUMBER]})
    assert {customer.name for customer in file.by_number(NUMBER)} == {"刘女士", "王先生"}


def test_a_filing_without_a_name_is_nobodys_when_several_people_have_the_number(file: CustomerFile) -> None:
    liu(file)
    file.create(AGENT, {"name": "王先生", "numbers": [NUMBER]})
    assert file.of_filing(AGENT, NUMBER, "") == ""


def test_a_filing_goes_to_whom_number_and_name_name_exactly(file: CustomerFile) -> None:
    customer = liu(file)
    assert file.of_filing(AGENT, NUMBER, "刘女士") == customer.cid.hex()
    assert file.of_filing(AGENT, NUMBER, "") == customer.cid.hex()
    other = file.of_filing(AGENT, NUMBER, "刘")
    assert other != customer.cid.hex()
    assert file.get(bytes.fromhex(other)).name == "刘"


def test_a_new_number_makes_a_new_customer(file: CustomerFile) -> None:
    cid = bytes.fromhex(file.of_filing(AGENT, "13800000009", "赵先生"))
    assert (file.get(cid).name, file.get(cid).numbers) == ("赵先生", ("13800000009",))


def test_who_is_chosen_keeps_the_name_and_gets_the_further_number(file: CustomerFile) -> None:
    customer = liu(file)
    file.of_filing(AGENT, "13800000009", "别的称呼", customer.cid.hex())
    now = file.get(customer.cid)
    assert (now.name, now.numbers) == ("刘女士", (NUMBER, "13800000009"))


def test_filing_on_behalf_of_somebody_does_not_touch_the_own_contact(file: CustomerFile) -> None:
    customer = liu(file)
    file.of_filing(AGENT, "13800000009", "邻居", customer.cid.hex(), behalf=True)
    assert file.get(customer.cid) == customer


def test_two_people_who_write_at_once_both_keep_what_they_wrote(file: CustomerFile, store: Store) -> None:
    customer = liu(file)
    file.edit(AGENT, customer.cid, {"numbers": [NUMBER, "111"]})
    store.record(Fact("customer.edited", {"added": {"numbers": ["222"]}}, customer.cid))
    assert file.get(customer.cid).numbers == (NUMBER, "111", "222")


def test_a_stale_page_is_refused(file: CustomerFile) -> None:
    customer = liu(file)
    file.edit(AGENT, customer.cid, {"note": "一"}, customer.last_eid)
    with pytest.raises(Refused, match="Somebody else"):
        file.edit(AGENT, customer.cid, {"note": "二"}, customer.last_eid)


def test_merged_customers_are_found_as_one_and_taken_apart_as_they_were(file: CustomerFile) -> None:
    one, two = liu(file), file.create(AGENT, {"name": "刘敏", "numbers": ["222"]})
    file.merge(AGENT, two.cid, one.cid)
    assert [customer.cid for customer in file.by_number("222")] == [one.cid]
    assert {customer.cid for customer in file.family(file.get(one.cid))} == {one.cid, two.cid}
    apart = file.split(AGENT, two.cid)
    assert (apart.name, apart.numbers, apart.master) == ("刘敏", ("222",), None)
    assert [customer.cid for customer in file.by_number("222")] == [two.cid]


def test_nobody_is_merged_into_themselves_or_in_a_circle(file: CustomerFile) -> None:
    one, two = liu(file), file.create(AGENT, {"name": "刘敏"})
    with pytest.raises(Refused):
        file.merge(AGENT, one.cid, one.cid)
    file.merge(AGENT, two.cid, one.cid)
    for a, b in ((one, two), (two, one)):
        with pytest.raises(Refused):
            file.merge(AGENT, a.cid, b.cid)


def test_who_may_not_write_is_refused(file: CustomerFile) -> None:
    with pytest.raises(Refused):
        file.create(UNIT, {"name": "某人"})
    with pytest.raises(Refused):
        file.redact(AGENT, liu(file).cid, ["name"], "市民要求")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "长" * 61},
        {"numbers": ["abc"], "name": "某人"},
        {"numbers": [str(n) for n in range(NUMBERS_MAX + 1)]},
        {"kind": "animal", "name": "某人"},
        {"secret": "x"},
        {"name": 7},
        {},
    ],
)
def test_what_is_not_right_is_refused_with_a_sentence(file: CustomerFile, fields: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        file.create(AGENT, fields)
    assert refused.value.sentence


def test_blanked_data_is_gone_from_file_and_search_while_the_trace_stays(
    file: CustomerFile, store: Store
) -> None:
    customer = liu(file, note="住文昌里")
    file.redact(LEADER, customer.cid, ["name", "numbers", "note"], "市民要求删除")
    now = file.get(customer.cid)
    assert (now.name, now.numbers, now.note, now.redacted) == ("", (), "", True)
    assert file.by_number(NUMBER) == []
    assert file.search("刘女士") == []
    assert store.history(customer.cid)[-1].facts["by"] == "1400"


def test_everything_is_told_in_order_of_time(file: CustomerFile, store: Store) -> None:
    customer = liu(file)
    (call,) = store.record(Fact("call.ringing", {"line": "1", "caller": NUMBER, "called": "12345"}))
    store.record(Fact("text.received", {"line": "1", "number": NUMBER, "text": "谢谢", "key": "k"}, b""))
    desk = TicketDesk(store)
    mine = desk.create(AGENT, "phone", {"phone": "222", "title": "路灯", "customer": customer.cid.hex()})
    old = desk.create(AGENT, "phone", {"phone": NUMBER, "title": "旧单"})
    desk.create(AGENT, "phone", {"phone": NUMBER, "title": "别人的", "customer": "00" * 16})
    found = contacts(store, [customer], float("inf"))
    assert [(contact.kind, contact.ref) for contact in found if contact.kind != "sms"] == [
        ("ticket", old.tid),
        ("ticket", mine.tid),
        ("call", call.eid),
    ]
    assert [contact.at_s for contact in found] == sorted((c.at_s for c in found), reverse=True)
    assert contacts(store, [customer], found[0].at_s)[0].ref == found[1].ref


def test_a_customer_is_new_until_the_second_contact(file: CustomerFile, store: Store) -> None:
    customer = liu(file)
    desk = TicketDesk(store)
    desk.create(AGENT, "web", {"phone": NUMBER, "title": "一"})
    assert is_new(store, [customer])
    desk.create(AGENT, "web", {"phone": NUMBER, "title": "二"})
    assert not is_new(store, [customer])


def test_the_file_is_the_same_after_a_rebuild_and_in_any_order_of_events(
    file: CustomerFile, store: Store
) -> None:
    one, two = liu(file, marks=["elderly"]), file.create(AGENT, {"name": "刘敏", "numbers": ["222"]})
    file.edit(AGENT, one.cid, {"addresses": ["文昌里 5 号楼"], "numbers": ["333"]})
    file.merge(AGENT, two.cid, one.cid)
    rows = [store.rows(f"SELECT * FROM {name} ORDER BY 1, 2") for name in ("customer", "customer_number")]
    store.rebuild()
    assert rows == [
        store.rows(f"SELECT * FROM {name} ORDER BY 1, 2") for name in ("customer", "customer_number")
    ]
    events = store.history(one.cid)
    assert replay(random.Random(1).sample(events, len(events))) == file.get(one.cid)


values = st.one_of(st.text(max_size=80), st.lists(st.text(max_size=40), max_size=25))
words = st.dictionaries(st.sampled_from([*FIELDS, "other"]), values, max_size=5)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=words)
def test_any_hostile_fields_are_kept_or_refused(file: CustomerFile, fields: dict[str, object]) -> None:
    before = len(file.search("", 1000))
    try:
        customer = file.create(AGENT, fields)
    except Refused:
        assert len(file.search("", 1000)) == before
    else:
        assert file.get(customer.cid) == customer
