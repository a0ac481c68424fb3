"""A campaign calls nobody twice at once, nor who was reached, nor out of hours; everybody gets a result."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.calls.numbers import Numbers
from appliance.campaigns import plan as plans
from appliance.campaigns.campaign import DEAD_STREAK, FINAL, REACHED, RESULTS, Campaign, Do, Log, State
from appliance.campaigns.plan import Handover, Plan
from appliance.published import Admission, Band, Barred, CampaignRules
from appliance.refused import Refused

MORNING = time.mktime((2026, 12, 1, 9, 0, 0, 0, 0, -1))
"""A Tuesday."""
OUTCOMES = ("heard", "part", "confirmed", "busy", "no_answer", "refused", "wrong_number", "unreachable")
ONE = "13800000001"


def anybody(number: str) -> str:
    return ""


@dataclass
class World:
    """The box around a campaign: what it logged, whom it is calling, and another life of it."""

    campaign: Campaign
    log: list[Log] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    dialled: list[tuple[float, str]] = field(default_factory=list)

    def do(self, todo: list[Do] | list[Log], now: float) -> None:
        for do in todo:
            if isinstance(do, Log):
                self.log.append(do)
            else:
                assert do.number not in self.calls, "two calls to one number at once"
                self.calls.append(do.number)
                self.dialled.append((now, do.number))
                self.log.append(self.campaign.called(do.number, f"call{len(self.dialled)}"))

    def end(self, number: str, outcome: str, now: float) -> None:
        self.calls.remove(number)
        if outcome in REACHED:
            self.log.append(self.campaign.answered(number))
        self.do(self.campaign.ended(number, outcome, 1.0, now), now)

    def killed(self, now: float) -> None:
        """The call process dies; the next one reads the log."""
        before = self.campaign
        self.campaign = Campaign(before.plan, before._order)
        for log in self.log:
            self.campaign.apply(log.kind, log.facts)
        assert self.campaign.state is before.state
        assert {k: v for k, v in self.campaign.results.items() if v} == {
            k: v for k, v in before.results.items() if v
        }
        self.calls.clear()
        self.do(self.campaign.recover(now), now)

    def tried(self) -> list[Mapping[str, object]]:
        return [log.facts for log in self.log if log.kind == "campaign.tried"]


def begun(plan: Plan, numbers: tuple[str, ...]) -> World:
    world = World(Campaign(plan, numbers))
    world.do(world.campaign.move("start", "1100"), MORNING)
    return world


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_happens_limits_hold_and_everybody_ends_in_one_result(data: st.DataObject) -> None:
    numbers = tuple(f"138000000{n:02d}" for n in range(data.draw(st.integers(1, 12))))
    plan = Plan(
        "t",
        tries=data.draw(st.integers(1, 4)),
        busy_wait_s=60,
        no_answer_wait_s=600,
        lines=data.draw(st.integers(1, 4)),
        keep_free=data.draw(st.integers(0, 3)),
        hours=(Band("", "", (), "09:00", "12:00"), Band("", "", ("mon", "tue", "wed"), "14:00", "18:00")),
        first_day="2026-12-01",
        last_day="2026-12-04",
    )
    barred = set(data.draw(st.lists(st.sampled_from(numbers), max_size=2)))
    world = begun(plan, numbers)
    now, kept = MORNING, dict.fromkeys(barred, "do_not_call")
    for _ in range(data.draw(st.integers(0, 60))):
        now += data.draw(st.sampled_from((1.0, 30.0, 400.0, 4000.0, 30_000.0)))
        match data.draw(st.sampled_from(("look", "look", "look", "end", "end", "kill", "pause", "resume"))):
            case "look":
                free, had = data.draw(st.integers(0, 6)), len(world.calls)
                world.do(world.campaign.act(now, free, lambda n: kept.get(n, "")), now)
                fresh = len(world.calls) - had
                assert len(world.calls) <= plan.lines
                assert fresh == 0 or free - fresh >= plan.keep_free
                assert fresh == 0 or plans.is_open(plan, {}, now)
                assert fresh == 0 or world.campaign.state is State.RUNNING
            case "end" if world.calls:
                world.end(data.draw(st.sampled_from(world.calls)), data.draw(st.sampled_from(OUTCOMES)), now)
            case "kill":
                world.killed(now)
            case "pause" | "resume" as what:
                with suppress(Refused):
                    world.do(world.campaign.move(what, "1100"), now)
        for number in numbers:
            mine = [t for t in world.tried() if t["number"] == number]
            real = [t for t in mine if t["outcome"] != "interrupted"]
            assert len(real) <= plan.tries
            assert sum(t["result"] != "" for t in mine) <= 1
            assert not mine or mine[-1]["result"] or all(t["outcome"] not in FINAL for t in mine)
    for number in list(world.calls):
        world.end(number, "busy", now)
    now += 10 * 86_400
    if world.campaign.state is State.PAUSED:
        world.do(world.campaign.move("resume", "1100"), now)
    world.do(world.campaign.act(now, 9, anybody), now)
    assert world.campaign.state is State.OVER
    assert sum(world.campaign.results.values()) == len(numbers)
    assert set(world.campaign.results) <= set(RESULTS)
    assert [log.kind for log in world.log].count("campaign.ended") == 1
    for number in numbers:
        how = [t["outcome"] for t in world.tried() if t["number"] == number]
        assert REACHED.isdisjoint(how[:-1]), "somebody who was reached was called again"
    assert barred.isdisjoint(number for _, number in world.dialled)


def test_who_is_busy_is_called_again_after_the_wait_and_not_before() -> None:
    world = begun(Plan("t", tries=2, busy_wait_s=60), (ONE,))
    world.do(world.campaign.act(MORNING, 9, anybody), MORNING)
    world.end(ONE, "busy", MORNING + 5)
    world.do(world.campaign.act(MORNING + 64, 9, anybody), MORNING + 64)
    assert world.calls == []
    world.do(world.campaign.act(MORNING + 65, 9, anybody), MORNING + 65)
    assert world.calls == [ONE]
    world.end(ONE, "no_answer", MORNING + 90)
    assert world.campaign.number(ONE).result == "no_answer"
    assert world.campaign.why == "done"


def test_a_call_cut_by_our_own_death_is_no_try_but_one_that_was_heard_is() -> None:
    world = begun(Plan("t", tries=1), (ONE, "13800000002"))
    world.do(world.campaign.act(MORNING, 9, anybody), MORNING)
    world.log.append(world.campaign.answered("13800000002"))
    world.killed(MORNING + 10)
    assert world.campaign.number("13800000002").result == "part"
    world.do(world.campaign.act(MORNING + 60, 9, anybody), MORNING + 60)
    assert world.calls == [ONE]


def test_a_dead_trunk_pauses_the_campaign_instead_of_using_up_everybodys_tries() -> None:
    numbers = tuple(f"1380000{n:04d}" for n in range(200))
    world = begun(Plan("t", lines=5, tries=1), numbers)
    for _ in range(40):
        world.do(world.campaign.act(MORNING, 20, anybody), MORNING)
        for number in list(world.calls):
            world.end(number, "unreachable", MORNING)
    assert (world.campaign.state, world.campaign.why) == (State.PAUSED, "unreachable")
    assert len(world.dialled) < DEAD_STREAK + 5


def test_a_campaign_that_is_stopped_lets_calls_end_and_calls_nobody_more() -> None:
    world = begun(Plan("t", lines=1), (ONE, "13800000002"))
    world.do(world.campaign.act(MORNING, 9, anybody), MORNING)
    world.do(world.campaign.move("stop", "1100"), MORNING)
    assert (world.campaign.state, world.campaign.act(MORNING, 9, anybody)) == (State.STOPPING, [])
    world.end(ONE, "confirmed", MORNING)
    assert world.campaign.state is State.OVER
    assert dict(world.campaign.results) == {"confirmed": 1, "not_called": 1}
    with pytest.raises(Refused):
        world.campaign.move("start", "1100")


def test_fifty_thousand_numbers_are_looked_through_quickly() -> None:
    numbers = tuple(f"138{n:08d}" for n in range(plans.NUMBERS_MAX))
    world = begun(Plan("t", lines=100), numbers)
    began = time.process_time()
    for step in range(500):
        world.do(world.campaign.act(MORNING + step, 200, anybody), MORNING + step)
        for number in list(world.calls):
            world.end(number, "busy" if step % 2 else "heard", MORNING + step)
    assert time.process_time() - began < 10
    assert len(world.dialled) == plans.NUMBERS_MAX


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("13800138000", ""),
        ("02087654321", ""),
        ("110", "barred"),
        ("8101", "barred"),
        ("16012345", "barred"),
        ("0085221234567", "barred"),
        ("13900001111", "do_not_call"),
        ("+8613900001111", "do_not_call"),
        ("13700000007", "do_not_call"),
    ],
)
def test_premium_emergency_inside_and_unwilling_numbers_are_never_called(number: str, why: str) -> None:
    rules = CampaignRules(do_not_call=("1390000*",))
    admission = Admission(blacklist=(Barred("13700000007"), Barred("13800138000", until_s=MORNING - 1)))
    assert plans.kept_from(number, Numbers((), ()), admission, rules, MORNING) == why


def test_hours_days_and_dates_decide_when_it_may_call() -> None:
    plan = Plan("t", hours=(Band("", "", ("workday",), "09:00", "18:00"),), first_day="2026-12-01")
    assert plans.is_open(plan, {}, MORNING)
    assert not plans.is_open(plan, {"2026-12-01": "holiday"}, MORNING)
    assert not plans.is_open(plan, {}, MORNING - 60)
    assert not plans.is_open(plan, {}, MORNING - 86_400)
    assert not plans.is_open(plan, {}, MORNING + 9 * 3600)


@pytest.mark.parametrize(
    ("plan", "wrong"),
    [
        (Plan(""), ["name"]),
        (Plan("t", tries=0, ring_s=5), ["tries", "ring_s"]),
        (Plan("t", hours=(Band("", "", ("someday",)),)), ["hours"]),
        (Plan("t", hours=(Band("", "", (), "9", "25:00"),)), ["hours"]),
        (Plan("t", first_day="2026-12-02", last_day="2026-12-01"), ["days"]),
        (Plan("t", last_day="soon"), ["days"]),
    ],
)
def test_what_cannot_work_in_a_plan_is_named(plan: Plan, wrong: list[str]) -> None:
    assert plans.faults(plan) == wrong


def test_a_list_is_handed_over_whole_or_refused(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    handover = Handover(Plan("t"), (ONE,))
    plans.write(folder, handover)
    assert plans.read(folder) == handover
    for bad in (b"{", b'{"plan":{"name":"t"},"numbers":[]}', b'{"plan":{"name":"t"},"numbers":["1","1"]}'):
        (folder / plans.LIST).write_bytes(bad)
        with pytest.raises(plans.Unreadable):
            plans.read(folder)
