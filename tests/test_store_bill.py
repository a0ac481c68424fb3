"""The bill follows from what was dialled and how long it lasted, and from nothing else."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from appliance.events import Fact, Stamp
from appliance.store import bill
from appliance.store.store import Store

BEGAN_S = 1_795_000_000.0


class Phones:
    """A store, and calls whose time the test owns."""

    def __init__(self, folder: Path) -> None:
        self.now_s = BEGAN_S
        self.store = Store(folder / "box.db", 1, bind=False)
        self.store.stamp = Stamp(1, lambda: int(self.now_s * 1000))

    def note(
        self, kind: str, facts: Mapping[str, Any], call: bytes | None = None, after_s: float = 0
    ) -> bytes:
        self.now_s += after_s
        (event,) = self.store.record(Fact(kind, facts, call))
        return event.subject

    def dialled(self, number: str, kind: str, account: str = "", **who: str) -> bytes:
        """A phone dials; it rings there."""
        call = self.note(
            "call.ringing", {"line": "sip/1", "caller": "8101", "direction": "inside"}, after_s=1
        )
        by = who.get("by", "8101")
        facts = {
            "by": by,
            "extension": "8101",
            "to": f"tel:{number}",
            "number_kind": kind,
            "account": account,
        }
        self.note("call.dialled", {**facts, **who}, call)
        return call

    def talked(self, call: bytes, seconds: float) -> None:
        """It is answered, and over after so long."""
        self.note("call.answered", {"agent": "", "extension": "tel"}, call, 5)
        self.note("call.ended", {"outcome": "answered", "cause": 16}, call, seconds)

    def missed(self, call: bytes) -> None:
        self.note("call.ended", {"outcome": "no_answer", "cause": 19}, call, 30)

    def charges(self) -> list[Any]:
        return self.store.rows("SELECT number, number_kind, extension, agent, account, seconds FROM charge")

    def sums(self, by: str) -> dict[str, dict[str, tuple[int, int, int]]]:
        """Who, kind, and calls, answered ones, begun minutes."""
        rows = bill.sums(self.store, by, BEGAN_S, self.now_s + 1)
        return {
            who: {kind: (s.calls, s.answered, s.minutes) for kind, s in row.kinds.items()}
            for who, row in rows.items()
        }


@pytest.fixture
def phones(tmp_path: Path) -> Phones:
    return Phones(tmp_path)


def test_a_call_costs_from_answer_to_end_to_the_phone_and_the_account(phones: Phones) -> None:
    phones.talked(phones.dialled("02187654321", "national", "2001"), 61)
    assert phones.charges() == [("02187654321", "national", "8101", "", "2001", 61.0)]
    assert phones.sums("account") == {"2001": {"national": (1, 1, 2)}}
    assert phones.sums("extension") == {"8101": {"national": (1, 1, 2)}}


def test_begun_minutes_are_counted_for_each_call(phones: Phones) -> None:
    for seconds in (1, 60, 61):
        phones.talked(phones.dialled("13800138000", "mobile"), seconds)
    phones.missed(phones.dialled("13800138000", "mobile"))
    (row,) = bill.sums(phones.store, "account", BEGAN_S, phones.now_s + 1).values()
    assert (row.total.calls, row.total.answered, row.total.minutes, row.total.seconds) == (4, 3, 4, 122.0)
    found = bill.latest(phones.store, BEGAN_S, phones.now_s + 1, 10)
    assert [call.minutes for call in found] == [0, 2, 1, 1]


def test_an_agents_call_is_on_the_bill_of_agent_and_phone(phones: Phones) -> None:
    phones.talked(phones.dialled("95588", "service", by="1001", extension="8102"), 10)
    assert phones.charges() == [("95588", "service", "8102", "1001", "", 10.0)]


def test_a_call_of_an_older_box_that_does_not_name_the_phone_is_charged_to_who_dialled(
    phones: Phones,
) -> None:
    call = phones.note("call.ringing", {"line": "sip/1", "caller": "8101"})
    facts = {"by": "8101", "to": "tel:95588", "number_kind": "service", "account": ""}
    phones.note("call.dialled", facts, call)
    phones.talked(call, 10)
    assert phones.charges() == [("95588", "service", "8101", "", "", 10.0)]


def test_the_number_that_answered_is_on_the_bill_not_those_tried_before(phones: Phones) -> None:
    call = phones.dialled("02087654321", "local")
    facts = {"number": "02087654321", "cause": 17, "next": "13800138000", "number_kind": "mobile"}
    phones.note("call.tried", facts, call)
    phones.talked(call, 30)
    assert phones.charges()[0][:2] == ("13800138000", "mobile")


def test_calls_of_our_own_phones_are_on_no_bill(phones: Phones) -> None:
    phones.talked(phones.dialled("8102", ""), 300)
    assert phones.charges() == []


def test_whoever_answers_later_in_the_call_changes_nothing(phones: Phones) -> None:
    call = phones.dialled("87654321", "local")
    phones.note("call.answered", {"agent": "", "extension": "tel"}, call, 5)
    phones.talked(call, 20)
    assert phones.charges()[0][-1] == 25.0


def test_a_call_merged_into_another_costs_until_that_one_ends(phones: Phones) -> None:
    kept = phones.note("call.ringing", {"line": "sip/2", "caller": "13900000000"})
    given = phones.dialled("02187654321", "national")
    phones.note("call.answered", {"agent": "", "extension": "tel"}, given, 5)
    phones.note("call.merged", {"into": kept.hex(), "who": "8101"}, given, 20)
    phones.note("call.ended", {"outcome": "answered", "cause": 16}, given)
    assert phones.charges()[0][-1] == 0.0
    phones.note("call.ended", {"outcome": "answered", "cause": 16}, kept, 100)
    assert phones.charges()[0][-1] == 120.0


def test_somebody_outside_a_phone_is_forwarded_to_is_on_that_phones_bill(phones: Phones) -> None:
    call = phones.note("call.ringing", {"line": "sip/1", "caller": "13900000000"})
    facts = {"who": "13800138000", "number_kind": "mobile", "extension": "8102", "agent": "", "seconds": 61.0}
    phones.note("call.guest_left", facts, call, 70)
    assert phones.charges() == [("13800138000", "mobile", "8102", "", "", 61.0)]
    (charged,) = bill.latest(phones.store, BEGAN_S, phones.now_s, 10)
    assert (charged.at_s, charged.minutes) == (phones.now_s - 61.0, 2)


def test_a_call_cut_off_by_a_fault_costs_until_it_is_known_to_be_over(phones: Phones) -> None:
    call = phones.dialled("87654321", "local")
    phones.note("call.answered", {"agent": "", "extension": "tel"}, call, 5)
    phones.note("call.ended", {"outcome": "lost", "cause": 41}, call, 40)
    assert phones.charges()[0][-1] == 40.0


def test_a_period_holds_what_was_dialled_in_it(phones: Phones) -> None:
    phones.talked(phones.dialled("87654321", "local"), 30)
    midnight_s = phones.now_s + 1
    phones.now_s = midnight_s
    phones.talked(phones.dialled("13800138000", "mobile"), 30)
    assert list(bill.sums(phones.store, "extension", BEGAN_S, midnight_s)["8101"].kinds) == ["local"]
    assert [c.number for c in bill.each(phones.store, midnight_s, phones.now_s)] == ["13800138000"]


def test_a_long_bill_is_read_in_pages_and_nothing_is_left_out(
    phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bill, "PAGE", 3)
    numbers = [f"8765432{n}" for n in range(8)]
    for number in numbers:
        phones.missed(phones.dialled(number, "local"))
    assert [call.number for call in bill.each(phones.store, BEGAN_S, phones.now_s)] == numbers


def test_no_cell_of_the_table_is_worked_out_by_a_spreadsheet(phones: Phones) -> None:
    phones.talked(phones.dialled("+85221234567", "international", "2001"), 30)
    calls = bill.each(phones.store, BEGAN_S, phones.now_s)
    text = "".join(bill.as_csv(calls, ["when", "number"], {"international": "国际"}, {"2001": "=1+1"}))
    head, row = text.splitlines()
    assert head == "\ufeffwhen,number"
    assert row.split(",")[1:7] == ["8101", "", "'+85221234567", "国际", "2001", "'=1+1"]
    assert row.split(",")[-2:] == ["30", "1"]


def test_a_rebuild_from_the_log_gives_the_same_bill(phones: Phones) -> None:
    test_a_call_merged_into_another_costs_until_that_one_ends(phones)
    phones.talked(phones.dialled("13800138000", "mobile", "2001"), 61)
    phones.missed(phones.dialled("87654321", "local"))
    phones.dialled("87654321", "local")
    before = phones.store.rows("SELECT * FROM charge ORDER BY eid")
    assert len(before) == 4
    phones.store.rebuild()
    assert phones.store.rows("SELECT * FROM charge ORDER BY eid") == before


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("call.dialled", {"number_kind": "local"}),
        ("call.dialled", {"number_kind": "local", "by": 1, "to": None, "account": {}}),
        ("call.tried", {}),
        ("call.merged", {"into": "not hex"}),
        ("call.guest_left", {"seconds": "long"}),
    ],
)
def test_facts_nobody_expected_are_kept_and_stop_nothing(
    phones: Phones, kind: str, facts: Mapping[str, Any]
) -> None:
    phones.note(kind, facts, b"\x07" * 16)
    phones.talked(phones.dialled("87654321", "local"), 30)
    assert phones.charges()[-1][-1] == 30.0


def test_a_campaigns_calls_are_on_the_bill_of_who_started_it(phones: Phones) -> None:
    call = phones.dialled("13800138000", "mobile", by="1100", extension="")
    phones.note("call.entered", {"flow": "campaign", "rule": ""}, call, 5)
    phones.note("call.ended", {"outcome": "notified", "cause": 16}, call, 25)
    assert phones.charges()[-1] == ("13800138000", "mobile", "1100", "", "", 25.0)
