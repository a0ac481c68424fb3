"""Before the flow: who is let in, and which flow answers at which hour of which day."""

import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance import cli
from appliance.calls.admission import DAYS, KINDS, Enter, Prompt, Refuse, covers, decide, matches, plain
from appliance.calls.call import Call
from appliance.calls.conversation import Conversation
from appliance.calls.doing import ClearCaller, Log
from appliance.configuration import BadConfiguration, Configuration, parse
from appliance.events import Fact
from appliance.places import Places
from appliance.publish import SHIPPED, admission, flow_names, publish
from appliance.published import Admission, Band, Barred, read
from appliance.rules import minute, until_s
from appliance.store.store import Store
from hardware.line import Cause, Ringing
from ivr.faults import faults
from ivr.flow import load

CHINA = "CST-8"
BERLIN = "CET-1CEST,M3.5.0/2,M10.5.0/3"
"""Time zones as POSIX writes them (tzset(3)), so that no zone file is needed."""
CITY = """
[[band]]
name = "morning"
days = ["workday"]
from = "08:30"
to = "12:00"
flow = "default"

[[band]]
name = "lunch"
days = ["workday"]
from = "12:00"
to = "14:00"
flow = "direct"

[[band]]
name = "afternoon"
days = ["workday"]
from = "14:00"
to = "18:00"
flow = "default"

[[band]]
name = "otherwise"
flow = "night"

[[day]]
date = "2026-10-01"
days = 7
kind = "holiday"

[[day]]
date = "2026-10-10"
kind = "workday"
"""
CALLER = Ringing("13800138000", "12345")
WITHHELD = Ringing(None, "12345")
WRONG = {
    "a band for no day there is": (
        '[[band]]\nname = "n"\nflow = "night"\ndays = ["sunday"]\n',
        4,
        "band.days",
    ),
    "a time that is none": ('[[band]]\nname = "n"\nflow = "night"\nfrom = "8:30"\n', 4, "band.from"),
    "an hour after the last": ('[[band]]\nname = "n"\nflow = "night"\nto = "24:01"\n', 4, "band.to"),
    "a band without length": (
        '[[band]]\nname = "n"\nflow = "night"\nfrom = "08:30"\nto = "08:30"\n',
        4,
        "band.from",
    ),
    "two bands of one name": (
        '[[band]]\nname = "n"\nflow = "night"\n[[band]]\nname = "n"\nflow = "night"\n',
        2,
        "band.name",
    ),
    "a band without a flow": ('[[band]]\nname = "n"\nflow = ""\n', 3, "band.flow"),
    "a band for a foreign number": (
        '[[band]]\nname = "n"\nflow = "night"\nnumbers = ["110"]\n',
        4,
        "band.numbers",
    ),
    "a blacklist of everybody": ('[[blacklist]]\npattern = "*"\n', 2, "blacklist.pattern"),
    "a blacklist of words": ('[[blacklist]]\npattern = "Bob"\n', 2, "blacklist.pattern"),
    "a punishment there is not": ('[[blacklist]]\npattern = "1"\naction = "shoot"\n', 3, "blacklist.action"),
    "a day there is not": (
        '[[blacklist]]\npattern = "1"\nuntil = "2026-02-30"\n',
        3,
        "blacklist.until",
    ),
    "a date written otherwise": ('[[day]]\ndate = "20261001"\nkind = "holiday"\n', 2, "day.date"),
    "a kind of day there is not": ('[[day]]\ndate = "2026-10-01"\nkind = "feast"\n', 3, "day.kind"),
    "a year of holidays": ('[[day]]\ndate = "2026-10-01"\nkind = "holiday"\ndays = 365\n', 4, "day.days"),
}


@pytest.fixture(autouse=True)
def china(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("TZ", CHINA)
    time.tzset()
    yield monkeypatch
    monkeypatch.undo()
    time.tzset()


def rules_of(text: str) -> Admission:
    return admission(parse(text, "hotline.toml"))


def band_at(when: str, text: str = CITY, ringing: Ringing = CALLER) -> str:
    decision = decide(ringing, rules_of(text), minute(when))
    assert isinstance(decision, Enter)
    return decision.rule


def barred(*entries: Barred) -> Admission:
    return Admission(blacklist=entries)


# Bands


@pytest.mark.parametrize(
    ("when", "band"),
    [
        ("2026-11-20 08:29", "otherwise"),
        ("2026-11-20 08:30", "morning"),
        ("2026-11-20 11:59", "morning"),
        ("2026-11-20 12:00", "lunch"),
        ("2026-11-20 14:00", "afternoon"),
        ("2026-11-20 18:00", "otherwise"),
        ("2026-11-21 10:00", "otherwise"),
    ],
)
def test_a_working_day_has_a_morning_a_lunch_and_an_afternoon(when: str, band: str) -> None:
    assert band_at(when) == band


def test_a_holiday_is_no_working_day_whatever_its_weekday() -> None:
    assert time.strptime("2026-10-01", "%Y-%m-%d").tm_wday == 3
    assert [band_at(f"2026-10-0{day} 10:00") for day in (1, 7, 8)] == ["otherwise", "otherwise", "morning"]


def test_a_saturday_worked_to_make_up_is_a_working_day() -> None:
    assert band_at("2026-10-10 10:00") == "morning"
    assert band_at("2026-10-17 10:00") == "otherwise"


def test_a_band_for_mondays_leaves_a_holiday_alone() -> None:
    mondays = '[[band]]\nname = "mon"\ndays = ["mon"]\nflow = "direct"\n'
    feast = '[[day]]\ndate = "2026-10-05"\nkind = "holiday"\n'
    assert band_at("2026-10-05 10:00", mondays) == "mon"
    assert band_at("2026-10-05 10:00", mondays + feast) == ""


def test_a_holiday_is_a_rest_day_but_a_rest_day_no_holiday() -> None:
    feast = '[[day]]\ndate = "2026-10-01"\nkind = "holiday"\n'
    feasts = '[[band]]\nname = "feasts"\ndays = ["holiday"]\nflow = "night"\n'
    rests = '[[band]]\nname = "rests"\ndays = ["restday"]\nflow = "night"\n'
    assert band_at("2026-10-01 10:00", feast + feasts + rests) == "feasts"
    assert band_at("2026-10-01 10:00", feast + rests) == "rests"
    assert band_at("2026-11-22 10:00", feasts + rests) == "rests"


@pytest.mark.parametrize(
    ("when", "band"),
    [
        ("2026-11-20 17:59", ""),
        ("2026-11-20 18:00", "friday night"),
        ("2026-11-21 00:00", "friday night"),
        ("2026-11-21 08:29", "friday night"),
        ("2026-11-21 08:30", ""),
        ("2026-11-20 03:00", ""),
        ("2026-11-21 18:00", ""),
    ],
)
def test_what_crosses_midnight_belongs_to_the_day_it_began_on(when: str, band: str) -> None:
    night = '[[band]]\nname = "friday night"\ndays = ["fri"]\nfrom = "18:00"\nto = "08:30"\nflow = "night"\n'
    assert band_at(when, night) == band


def test_the_first_of_two_bands_that_fit_decides() -> None:
    day = '[[band]]\nname = "{}"\nfrom = "08:00"\nto = "20:00"\nflow = "night"\n'
    assert band_at("2026-11-20 10:00", day.format("a") + day.format("b")) == "a"
    assert band_at("2026-11-20 10:00", day.format("b") + day.format("a")) == "b"


def test_a_band_may_be_for_one_of_the_hotline_numbers() -> None:
    text = '[site]\nnumbers = ["12345", "12319"]\n'
    text += '[[band]]\nname = "works"\nnumbers = ["12319"]\nflow = "direct"\n'
    assert band_at("2026-11-20 10:00", text, Ringing("13800138000", "12319")) == "works"
    assert band_at("2026-11-20 10:00", text, CALLER) == ""
    assert band_at("2026-11-20 10:00", text, Ringing("13800138000", None)) == ""


def test_without_bands_the_default_flow_answers_and_one_word_makes_it_straight_to_an_agent() -> None:
    assert decide(CALLER, rules_of(""), 0.0) == Enter("default")
    assert decide(CALLER, rules_of('[call]\nflow = "direct"\n'), 0.0) == Enter("direct")


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_where_clocks_are_put_forward_or_back_a_band_keeps_its_clock_time(
    day: str, china: pytest.MonkeyPatch
) -> None:
    china.setenv("TZ", BERLIN)
    time.tzset()
    bands = '[[band]]\nname = "day"\nfrom = "08:30"\nto = "18:00"\nflow = "direct"\n'
    clock = {"08:29": "", "08:30": "day", "17:59": "day", "18:00": ""}
    assert {at: band_at(f"{day} {at}", bands) for at in clock} == clock


# Blacklist


def test_a_listed_caller_is_refused_and_the_rule_is_named() -> None:
    assert decide(CALLER, barred(Barred("13800138000")), 0.0) == Refuse(
        Cause.REJECTED, "blacklist 13800138000"
    )


def test_a_listed_caller_may_be_told_so_instead() -> None:
    assert decide(CALLER, barred(Barred("138*", action="prompt")), 0.0) == Prompt("blacklist 138*")


def test_the_blacklist_comes_before_every_band() -> None:
    rules = rules_of('[[blacklist]]\npattern = "138*"\n' + CITY)
    assert isinstance(decide(CALLER, rules, minute("2026-11-20 10:00")), Refuse)


@pytest.mark.parametrize(("until", "last"), [("2026-12-31", "2026-12-31 23:59"), ("2026-12-31 18:00",) * 2])
def test_an_entry_expires(until: str, last: str) -> None:
    rules = rules_of(f'[[blacklist]]\npattern = "138*"\nuntil = "{until}"\n')
    over_s = until_s(until)
    assert isinstance(decide(CALLER, rules, over_s - 1), Refuse)
    assert isinstance(decide(CALLER, rules, over_s), Enter)
    assert 0 <= over_s - minute(last) <= 60


def test_an_expired_entry_does_not_hide_the_next() -> None:
    rules = barred(Barred("138*", until_s=10.0), Barred("13800138000", action="prompt"))
    assert decide(CALLER, rules, 9.0) == Refuse(Cause.REJECTED, "blacklist 138*")
    assert decide(CALLER, rules, 10.0) == Prompt("blacklist 13800138000")


def test_who_shows_no_number_fits_withheld_and_nothing_else() -> None:
    assert decide(WITHHELD, barred(Barred("13*")), 0.0) == Enter("default")
    assert decide(WITHHELD, barred(Barred("withheld")), 0.0) == Refuse(Cause.REJECTED, "blacklist withheld")
    assert decide(CALLER, barred(Barred("withheld")), 0.0) == Enter("default")


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        ("13800138000", "13800138000"),
        ("+8613800138000", "13800138000"),
        ("008613800138000", "13800138000"),
        ("013800138000", "13800138000"),
        ("+86 373-5551234", "03735551234"),
        ("+8603735551234", "03735551234"),
        ("03735551234", "03735551234"),
        ("+4930123456", "+4930123456"),
        ("+86", "+86"),
        ("", ""),
    ],
)
def test_a_number_is_the_same_however_a_network_writes_it(written: str, dialled: str) -> None:
    assert plain(written) == dialled


def test_a_pattern_is_for_any_digits_or_for_one() -> None:
    assert matches("+86138*", "13800138000")
    assert matches("1380013800?", "13800138000")
    assert not matches("1380013800?", "1380013800")
    assert not matches("138", "13800138000")


class NoQueues:
    """Nobody waits, nobody is asked."""

    def busy(self, queue: str) -> bool:
        raise AssertionError

    def position(self, call: str, queue: str, priority: int) -> int:
        raise AssertionError

    def expect(self, call: str, queue: str, priority: int) -> float | None:
        raise AssertionError

    def survey(self, queue: str) -> bool:
        raise AssertionError


def test_a_refused_call_is_logged_and_never_picked_up() -> None:
    call = Call(b"\1" * 16, "sip/0", "13800138000", "12345", 100.0, rule="blacklist 138*")
    talk = Conversation(call, load(SHIPPED["default"]), NoQueues())
    talk.refused(Cause.REJECTED, 100.0)
    began, ended, cleared = talk.take()
    assert isinstance(began, Log)
    assert began.fact.kind == "call.ringing"
    assert isinstance(ended, Log)
    assert ended.fact.facts == {"outcome": "refused", "cause": 21, "rule": "blacklist 138*"}
    assert cleared == ClearCaller(Cause.REJECTED)
    talk.cleared(Cause.REJECTED, 100.1)
    assert talk.take() == []


# Every call


clocks = st.integers(0, 1439).map(lambda m: f"{m // 60:02d}:{m % 60:02d}")
bands = st.builds(
    Band,
    name=st.sampled_from("abc"),
    flow=st.sampled_from(sorted(SHIPPED)),
    days=st.lists(st.sampled_from(DAYS), max_size=3).map(tuple),
    start=clocks,
    end=clocks | st.just("24:00"),
    numbers=st.sampled_from([(), ("12345",)]),
)
entries = st.builds(
    Barred,
    pattern=st.from_regex(r"[0-9*?]{1,4}", fullmatch=True) | st.just("withheld"),
    until_s=st.sampled_from([0.0, 1e9, 2e9]),
    action=st.sampled_from(["refuse", "prompt"]),
)
named_days = st.dictionaries(st.dates().map(lambda day: day.isoformat()), st.sampled_from(KINDS), max_size=3)
admissions = st.builds(
    Admission,
    bands=st.lists(bands, max_size=4).map(tuple),
    blacklist=st.lists(entries, max_size=3).map(tuple),
    days=named_days,
)
numbers = st.none() | st.text("0123456789+*?", max_size=12) | st.text(max_size=8)


@given(admissions, numbers, numbers, st.floats(0, 4e9))
def test_every_call_at_every_instant_gets_one_decision_and_always_the_same(
    rules: Admission, caller: str | None, called: str | None, now: float
) -> None:
    decision = decide(Ringing(caller, called), rules, now)
    assert decide(Ringing(caller, called), rules, now) == decision
    match decision:
        case Enter(flow, rule):
            assert (flow, rule) in {(b.flow, b.name) for b in rules.bands} | {("default", "")}
        case Refuse() | Prompt():
            assert decision.rule in {f"blacklist {e.pattern}" for e in rules.blacklist}


@given(clocks, clocks, st.integers(0, 1439), st.dates())
def test_two_bands_that_share_a_day_never_overlap_and_leave_nothing_out(
    start: str, end: str, now: int, day: date
) -> None:
    assume(start != end)
    assume(day > date.min)
    shares = Band("on", "night", (), start, end), Band("off", "night", (), end, start)
    assert [covers(band, day, now, {}) for band in shares].count(True) == 1


# Settings and publishing


@pytest.mark.parametrize("what", WRONG)
def test_a_rule_that_cannot_work_is_named_by_line_and_key(what: str) -> None:
    text, line, key = WRONG[what]
    with pytest.raises(BadConfiguration, match=f"^hotline.toml, line {line}, key {key}: "):
        parse(text, "hotline.toml")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_flow_has_no_faults_and_its_own_name(name: str) -> None:
    flow = load(SHIPPED[name])
    assert faults(flow) == []
    assert flow.name == name
    assert set(flow.title) == {"zh", "en"}


def test_every_flow_a_call_can_enter_is_handed_over(tmp_path: Path) -> None:
    places = Places(tmp_path).make()
    own = tmp_path / "own.json"
    own.write_bytes(SHIPPED["direct"].read_bytes())
    configuration = parse(f'[[band]]\nname = "own"\nflow = "{own}"\n', "hotline.toml")
    publish(places, configuration, Store(places.database, 1))
    found = read(places.published)
    assert {found.admission.flow, *found.flows} == {*SHIPPED, str(own)} == {*flow_names(configuration)}
    assert found.admission == admission(configuration)


def test_a_band_whose_flow_is_not_there_is_not_published(tmp_path: Path) -> None:
    places = Places(tmp_path).make()
    configuration = parse('[[band]]\nname = "own"\nflow = "gone.json"\n', "hotline.toml")
    with pytest.raises(BadConfiguration, match=r"gone\.json: No such file"):
        publish(places, configuration, Store(places.database, 1))
    assert not places.published.exists()


def test_two_flows_may_not_say_different_things_by_one_name(tmp_path: Path) -> None:
    places = Places(tmp_path).make()
    flow = json.loads(SHIPPED["night"].read_text("utf-8"))
    flow["phrases"]["night.closed"]["zh"] = "我们下班了。"
    own = tmp_path / "own.json"
    own.write_text(json.dumps(flow), "utf-8")
    configuration = parse(f'[[band]]\nname = "own"\nflow = "{own}"\n', "hotline.toml")
    with pytest.raises(BadConfiguration, match=r"phrase night\.closed says something else"):
        publish(places, configuration, Store(places.database, 1))


def asked(data: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    code = cli.main(["--data", str(data), "admission", *more])
    return code, capsys.readouterr().out.strip()


def test_the_command_tells_what_would_happen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = CITY + '[[blacklist]]\npattern = "139*"\n[[blacklist]]\npattern = "137*"\naction = "prompt"\n'
    Places(tmp_path).settings.write_text(text, "utf-8")
    holiday = ("--at", "2026-10-01 10:00")
    assert asked(tmp_path, capsys, *holiday) == (0, "enters the flow night, by band otherwise")
    assert asked(tmp_path, capsys, *holiday, "--caller", "+8613900139000") == (
        0,
        "refused with cause 21 (rejected), by blacklist 139*",
    )
    assert asked(tmp_path, capsys, *holiday, "--caller", "13700137000") == (
        0,
        "hears the flow blacklist and is hung up, by blacklist 137*",
    )
    _, said = asked(tmp_path, capsys, *holiday, "--called", "12345", "--json")
    assert json.loads(said) == {
        "at": "2026-10-01 10:00",
        "day": ["holiday", "restday"],
        "decision": "enter",
        "flow": "night",
        "rule": "otherwise",
    }
    assert asked(tmp_path, capsys, "--at", "tomorrow")[0] == 2


def test_hits_are_counted_and_expired_entries_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = Places(tmp_path).make()
    lines = [f'[[blacklist]]\npattern = "{pattern}"\n' for pattern in ("138*", "139*", "137*")]
    places.settings.write_text("".join(lines) + 'until = "2020-01-01"\n', "utf-8")
    store = Store(places.database, 1)
    for rule in ("138*", "138*", "136*"):
        began = Fact("call.ringing", {"line": "sip/0", "caller": "1", "called": "12345"})
        ended = {"outcome": "refused", "cause": 21, "rule": f"blacklist {rule}"}
        (ringing,) = store.record(began)
        store.record(Fact("call.ended", ended, ringing.subject))
    assert cli.main(["--data", str(tmp_path), "blacklist", "--json"]) == 0
    shown = {row["pattern"]: (row["state"], row["hits"]) for row in json.loads(capsys.readouterr().out)}
    assert shown == {
        "138*": ("in force", 2),
        "139*": ("in force", 0),
        "137*": ("expired", 0),
        "136*": ("taken out", 1),
    }


def test_without_rules_nothing_is_decided_otherwise_than_before() -> None:
    assert admission(Configuration()) == Admission()
