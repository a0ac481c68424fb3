"""What is dialled at a phone and what it leads to: numbers, classes, forwards, groups. Pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.calls.desk_phones import dial_flow
from appliance.calls.dialplan import Forwarded, Inside, Outside, PickUp, Plan, Unknown
from appliance.calls.directory import Directory, Forwarding, Way
from appliance.calls.numbers import Numbers, Permit, fits, sealed
from appliance.calls.permits import GUESSES, LOCKED_S, Permits
from appliance.calls.targets import Target
from appliance.published import (
    Account,
    Dialplan,
    Extension,
    Forward,
    Group,
    NumberKind,
    ServiceClass,
    SpeedDial,
)
from appliance.refused import Refused

EXTENSIONS = [
    Extension("8101", service="local"),
    Extension("8102", follow=("tel:13800138000", "8103"), ring_s=10),
    Extension("8103", numbers=("02087651234",), waiting=True),
    Extension("8104", service="office", pin=sealed("2468", "salt")),
]
GROUPS = [
    Group("8500", ("8101", "8102", "tel:13911112222"), then="queue:general", ring_s=12),
    Group("8501", ("8101", "8102"), strategy="all"),
    Group("8502", ("8101", "8102", "8103"), strategy="rotate"),
]
OFFICE = ServiceClass("office", ("local", "county"), with_pin=("national",), account=("national",))


class Facts:
    """Phones that are there, and those in a call."""

    def __init__(self, there: str = "8101 8102 8103 8104", in_call: str = "", night: bool = False) -> None:
        self._there, self._in_call, self._night = set(there.split()), set(in_call.split()), night

    def there(self, extension: str) -> bool:
        return extension in self._there

    def in_call(self, extension: str) -> bool:
        return extension in self._in_call

    def night(self) -> bool:
        return self._night


def directory(*forwards: Forward) -> Directory:
    return Directory(EXTENSIONS, GROUPS, forwards)


def numbers() -> Numbers:
    return Numbers([NumberKind("county", ("0599*",))], [OFFICE], area="020", sites=("82",))


def plan(settings: Dialplan = Dialplan()) -> Plan:  # noqa: B008  # it is frozen
    speed = {"01": [SpeedDial("01", "02087654321"), SpeedDial("01", "8102", extension="8103")]}
    return Plan(settings, directory(), numbers(), speed)


def rung(way: Way) -> list[str]:
    """The stages of a way: who rings together, who after."""
    return [" ".join(target.name for target in stage.targets) for stage in way.stages]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("110", "emergency"),
        ("120", "emergency"),
        ("12345", "service"),
        ("95588", "service"),
        ("4008123123", "service"),
        ("10086", "service"),
        ("16899", "premium"),
        ("13800138000", "mobile"),
        ("013800138000", "mobile"),
        ("+8613800138000", "mobile"),
        ("16600001111", "mobile"),
        ("87654321", "local"),
        ("02087654321", "local"),
        ("02187654321", "national"),
        ("059912345", "county"),
        ("0085221234567", "international"),
        ("8201", "site"),
        ("1", "other"),
    ],
)
def test_a_number_is_of_a_kind(number: str, kind: str) -> None:
    assert numbers().kind(number) == kind


@given(
    service=st.sampled_from(["inside", "local", "office", "nobody", ""]),
    number=st.sampled_from(["110", "119"]),
)
def test_an_emergency_call_is_always_let_out_and_nothing_is_asked(service: str, number: str) -> None:
    permit = numbers().permit(service, number)
    assert (permit.allowed, permit.pin, permit.account) == (True, False, False)


@given(st.text(alphabet="0123456789+*#", max_size=20))
def test_a_class_of_service_that_may_nothing_lets_nothing_else_out(number: str) -> None:
    found = numbers()
    assert found.permit("inside", number).allowed == (found.kind(number) in ("emergency", "site"))


@pytest.mark.parametrize("text", ["nobody", "tel:nobody", "tel:", "", "queue", "ext:", "8" * 33, "tel:1 2"])
def test_what_is_no_number_and_no_target_leads_nowhere(text: str) -> None:
    assert directory().as_target(text) is None


def test_what_is_dialled_is_read() -> None:
    read = plan(Dialplan(outside="9", operator="group:8500", area="020")).read
    assert read("8102", "8101") == Inside(Target("ext", "8102"))
    assert read("8500", "8101") == Inside(Target("group", "8500"))
    assert read("0", "8101") == Inside(Target("group", "8500"))
    assert read("*8", "8101") == PickUp("")
    assert read("*88102", "8101") == PickUp("8102")
    assert read("*88999", "8101") == Unknown()
    assert read("*718102#", "8101") == Forwarded(("always",), "ext:8102")
    assert read("*73", "8101") == Forwarded(("no_answer",), "")
    assert read("*70", "8101") == Forwarded(("always", "busy", "no_answer", "night"), "")
    assert read("*71**", "8101") == Unknown()
    assert read("**01", "8103") == Inside(Target("ext", "8102"))
    assert read("**99", "8103") == Unknown()
    found = read("9087654321", "8101")
    assert isinstance(found, Outside)
    assert found.number == "087654321"
    assert read("8999", "8101") == Unknown()
    assert read("02087651234", "8101") == Inside(Target("ext", "8103"))


def test_a_phone_forwards_only_to_whom_it_may_call_without_being_asked() -> None:
    read = plan(Dialplan(outside="9")).read
    assert read("*71913800138000", "8101") == Forwarded(("always",), "13800138000")
    for number, phone in (("902187654321", "8101"), ("902187654321", "8104"), ("90085221234567", "8101")):
        found = read(f"*72{number}", phone)
        assert isinstance(found, Outside)
        assert not found.permit.allowed
    assert read("*718999", "8101") == Unknown()
    assert read("*718101", "8101") == Unknown(), "to itself"


def test_an_emergency_call_needs_no_access_digit() -> None:
    found = plan(Dialplan(outside="9")).read("120", "8101")
    assert isinstance(found, Outside)
    assert (found.number, found.permit.allowed) == ("120", True)


@given(st.text(alphabet="0123456789*#+", max_size=24))
def test_anything_dialled_means_something(dialled: str) -> None:
    plan(Dialplan(outside="9", operator="8101")).read(dialled, "8101")


def test_who_does_not_pick_up_is_followed() -> None:
    way = directory().way(Target("ext", "8102"), Facts())
    assert rung(way) == ["8102", "13800138000", "8103"]
    assert next(stage.ring_s for stage in way.stages) == 10
    assert rung(directory().way(Target("ext", "8102"), Facts(there="8103"))) == ["13800138000", "8103"]


def test_forwards_go_always_then_at_night_then_when_busy() -> None:
    book = directory(Forward("8101", "busy", "8103"), Forward("8101", "night", "group:8501"))
    assert rung(book.way(Target("ext", "8101"), Facts())) == ["8101"]
    assert rung(book.way(Target("ext", "8101"), Facts(in_call="8101"))) == ["8103"]
    assert rung(book.way(Target("ext", "8101"), Facts(in_call="8101", night=True))) == ["8102"]
    book.forward("8101", "always", Forwarding("tel:13800138000", "phone", "8101"))
    assert rung(book.way(Target("ext", "8101"), Facts(night=True))) == ["13800138000"]
    book.forward("8101", "always", Forwarding(""))
    assert rung(book.way(Target("ext", "8101"), Facts())) == ["8101"]


def test_a_phone_with_call_waiting_is_never_busy() -> None:
    book = directory(Forward("8103", "busy", "8101"))
    assert rung(book.way(Target("ext", "8103"), Facts(in_call="8103"))) == ["8103"]


def test_a_group_passes_over_who_is_away_or_talking_and_ends_in_its_queue() -> None:
    way = directory().way(Target("group", "8500"), Facts(there="8101 8102", in_call="8101"))
    assert rung(way) == ["8102", "13911112222"]
    assert way.then == Target("queue", "general")


def test_a_rotating_group_begins_with_another_each_time() -> None:
    book = directory()
    firsts = [rung(book.way(Target("group", "8502"), Facts()))[0] for _ in range(4)]
    assert firsts == ["8101", "8102", "8103", "8101"]


targets = st.sampled_from(
    ["8101", "8102", "8103", "8104", "group:8500", "group:8501", "tel:10086", "queue:q"]
)


@given(
    st.lists(
        st.builds(
            Forward,
            extension=st.sampled_from(["8101", "8102", "8103", "8104"]),
            when=st.sampled_from(["always", "busy", "no_answer", "night"]),
            to=targets,
        ),
        max_size=12,
    ),
    st.sampled_from(["8101", "8102", "8103", "8104"]),
    st.booleans(),
    st.sets(st.sampled_from(["8101", "8102", "8103", "8104"])),
)
def test_however_phones_forward_to_each_other_there_is_an_end(
    forwards: list[Forward], called: str, night: bool, talking: set[str]
) -> None:
    way = directory(*forwards).way(Target("ext", called), Facts(in_call=" ".join(talking), night=night))
    rings = [target for stage in way.stages for target in stage.targets if target.kind == "ext"]
    assert len(way.stages) <= 12
    assert all(stage.targets and stage.ring_s > 0 for stage in way.stages)
    assert len(rings) <= 12


def test_a_pin_is_kept_sealed_and_guessing_locks_the_phone() -> None:
    now = [0.0]
    permits = Permits(numbers(), directory(), [Account("2001")], lambda: now[0])
    assert fits("2468", sealed("2468", "x"))
    assert "2468" not in sealed("2468", "x")
    for pin in ["1111"] * GUESSES:
        with pytest.raises(Refused, match="bad_pin"):
            permits.allow("8104", "02187654321", pin, "2001")
    with pytest.raises(Refused, match="pin_locked"):
        permits.allow("8104", "02187654321", "2468", "2001")
    now[0] = LOCKED_S
    assert permits.allow("8104", "02187654321", "2468", "2001") == "national"
    with pytest.raises(Refused, match="needs_account"):
        permits.allow("8104", "02187654321", "2468")
    with pytest.raises(Refused, match="barred"):
        permits.allow("8104", "13800138000", "2468")


def test_the_pin_that_is_keyed_is_a_secret_and_the_account_code_is_not() -> None:
    flow = dial_flow(Target("tel", "02088886666"), Permit(True, pin=True, account=True), "zh")
    assert [flow.nodes[name].params["secret"] for name in ("pin", "account")] == [True, False]
