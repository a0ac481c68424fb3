"""Who of several agents is offered a call: strategies, priorities, preferences, overflow, callbacks."""

from dataclasses import replace as changed
from time import mktime

import msgspec
import pytest

from appliance.calls.acd import Acd, Changed, Decision, Offer, OfferOver, Overflow
from appliance.calls.routing import AgentState, Waiting, area_of, candidates
from appliance.published import Agent, Area, Queue
from appliance.refused import Refused

PLAIN = Queue("general", offer_s=20, wrap_up_s=60)
AREAS = (Area("city", ("010",)), Area("east", ("0102", "0103")))


def queue(**settings: object) -> Queue:
    return msgspec.structs.replace(PLAIN, **settings)


def on_duty(queues: tuple[Queue, ...], *agents: Agent) -> Acd:
    """Agents ready one second after another, in this order."""
    machine = Acd(queues, agents, AREAS)
    for second, agent in enumerate(agents):
        machine.phone(agent.number, True, 0.0)
        machine.sign_in(agent.number, float(second))
        machine.ready(agent.number, float(second))
    decisions(machine)
    return machine


def agent(number: str, *queues: str, areas: tuple[str, ...] = (), **levels: int) -> Agent:
    return Agent(number, number, queues=queues or ("general",), levels=levels, areas=areas)


def three(settings: Queue) -> Acd:
    return on_duty((settings,), agent("1"), agent("2"), agent("3"))


def decisions(machine: Acd) -> list[Decision]:
    told: list[Decision] = list(iter(machine.next_event, None))
    return [d for d in told if not isinstance(d, Changed)]


def serve(machine: Acd, call: str, now: float, length_s: float = 1.0) -> str:
    """A call comes, the agent offered it talks, wraps up and is ready again; return who."""
    machine.join(call, "general", now)
    (offer,) = decisions(machine)
    assert isinstance(offer, Offer)
    machine.accepted(call, offer.agent, now)
    machine.cleared(offer.agent, now + length_s)
    machine.ready(offer.agent, now + length_s)
    return offer.agent


@pytest.mark.parametrize(
    ("strategy", "served_by"),
    [
        ("longest_idle", ["1", "2", "3", "1", "2", "3"]),
        ("fewest_calls", ["1", "2", "3", "1", "2", "3"]),
        ("round_robin", ["1", "2", "3", "1", "2", "3"]),
    ],
)
def test_equal_agents_are_served_in_turn_by_every_strategy(strategy: str, served_by: list[str]) -> None:
    machine = three(queue(strategy=strategy))
    assert [serve(machine, f"call-{n}", 10.0 + 10 * n) for n in range(6)] == served_by


@pytest.mark.parametrize(
    ("strategy", "in_order"),
    [
        ("longest_idle", ["2", "1", "3"]),
        ("fewest_calls", ["3", "2", "1"]),
        ("round_robin", ["1", "3", "2"]),
        ("ring_all", ["2", "1", "3"]),
    ],
)
def test_every_strategy_has_its_order(strategy: str, in_order: list[str]) -> None:
    states = [
        AgentState("1", "ready", phone_up=True, idle_since_s=5, calls=2, turn=1),
        AgentState("2", "ready", phone_up=True, idle_since_s=1, calls=1, turn=3),
        AgentState("3", "ready", phone_up=True, idle_since_s=9, calls=0, turn=2),
    ]
    staff = [(state, agent(state.number)) for state in states]
    call = Waiting("a", "general", 0.0)
    found = candidates(call, queue(strategy=strategy), staff, 10)
    assert [state.number for state in found] == in_order
    shy = changed(call, missed_by=frozenset(in_order[:1]))
    assert candidates(shy, queue(strategy=strategy), staff, 10)[-1].number == in_order[0]


def test_only_the_fittest_phones_ring_together() -> None:
    machine = on_duty((queue(strategy="ring_all"),), agent("1"), agent("2", general=2), agent("3", general=2))
    machine.join("a", "general", 10)
    assert decisions(machine) == [Offer("a", "2"), Offer("a", "3")]


def test_todays_calls_and_misses_are_counted_and_begin_anew_at_midnight() -> None:
    evening = mktime((2026, 3, 1, 23, 0, 0, 0, 0, -1))
    machine = on_duty((queue(wrap_up_s=0),), agent("1"))
    machine.join("a", "general", evening)
    machine.accepted("a", "1", evening)
    machine.cleared("1", evening + 60)
    machine.on_timer(evening + 60)
    machine.join("b", "general", evening + 61)
    machine.on_timer(evening + 81)
    assert (machine.agent("1").calls, machine.agent("1").missed) == (1, 1)
    machine.ready("1", evening + 7200)
    assert (machine.agent("1").calls, machine.agent("1").missed) == (0, 0)


def test_all_phones_ring_until_one_is_picked_up() -> None:
    machine = three(queue(strategy="ring_all"))
    machine.join("a", "general", 10)
    assert decisions(machine) == [Offer("a", "1"), Offer("a", "2"), Offer("a", "3")]
    machine.accepted("a", "2", 12)
    assert decisions(machine) == [OfferOver("a", "1", "gone"), OfferOver("a", "3", "gone")]
    assert [s.state for s in machine.agents()] == ["ready", "busy", "ready"]
    machine.join("b", "general", 13)
    assert decisions(machine) == [Offer("b", "1"), Offer("b", "3")]


def test_who_gets_ready_while_all_phones_ring_is_rung_too() -> None:
    machine = three(queue(strategy="ring_all"))
    machine.pause("2", "meal", 5)
    machine.join("a", "general", 10)
    decisions(machine)
    machine.ready("2", 11)
    assert decisions(machine) == [Offer("a", "2")]


def test_a_caller_who_gives_up_silences_every_phone() -> None:
    machine = three(queue(strategy="ring_all"))
    machine.join("a", "general", 10)
    decisions(machine)
    machine.leave("a", 11)
    assert [d.agent for d in decisions(machine) if isinstance(d, OfferOver)] == ["1", "2", "3"]
    assert {s.state for s in machine.agents()} == {"ready"}


def test_the_higher_priority_is_served_first_then_who_came_first() -> None:
    machine = on_duty((PLAIN, Queue("urgent", priority=5)), agent("1", "general", "urgent"))
    machine.pause("1", "meal", 1)
    machine.join("first", "general", 10)
    machine.join("second", "general", 11)
    machine.join("vip", "general", 12, priority=3)
    machine.join("fire", "urgent", 13)
    assert [machine.position(call) for call in ("first", "second", "vip", "fire")] == [2, 3, 1, 1]
    served = []
    for now in (20, 30, 40, 50):
        machine.ready("1", now)
        (offer,) = decisions(machine)
        assert isinstance(offer, Offer)
        machine.accepted(offer.call, "1", now)
        machine.cleared("1", now + 1)
        served.append(offer.call)
    assert served == ["fire", "vip", "first", "second"]


def test_the_highest_level_ready_is_first() -> None:
    machine = on_duty((PLAIN,), agent("1"), agent("2", general=3), agent("3", general=2))
    for call, chosen in (("a", "2"), ("b", "3"), ("c", "1")):
        machine.join(call, "general", 10)
        assert decisions(machine) == [Offer(call, chosen)]


def test_a_caller_may_wait_some_time_for_the_highest_level() -> None:
    machine = on_duty((queue(level_wait_s=30),), agent("1"), agent("2", general=3))
    machine.join("a", "general", 10)
    machine.accepted("a", "2", 11)
    machine.join("b", "general", 20)
    assert decisions(machine)[1:] == [], "1 is ready, but 2 is on duty"
    assert machine.timer() == 50
    machine.on_timer(50)
    assert decisions(machine) == [Offer("b", "1")]


def test_nobody_waits_for_a_level_that_is_not_on_duty() -> None:
    machine = on_duty((queue(level_wait_s=30),), agent("1"), agent("2", general=3))
    machine.join("a", "general", 10)
    machine.accepted("a", "2", 11)
    machine.pause("2", "meal", 12)
    machine.join("b", "general", 20)
    decisions(machine)
    machine.cleared("2", 25)
    assert decisions(machine) == [Offer("b", "1")]


def test_the_longest_prefix_says_the_area() -> None:
    assert [area_of(n, AREAS) for n in ("01088", "01021", "010", "020", "")] == [
        *("city", "east", "city", "", ""),
    ]


def test_a_caller_is_served_by_the_own_area_and_by_everybody_after_a_while() -> None:
    machine = on_duty((queue(area_wait_s=15),), agent("1", areas=("city",)), agent("2", areas=("east",)))
    machine.join("a", "general", 10, caller="01025555")
    assert decisions(machine) == [Offer("a", "2")]
    machine.join("b", "general", 11, caller="01035555")
    assert decisions(machine) == []
    machine.join("elsewhere", "general", 12, caller="0755")
    assert decisions(machine) == [Offer("elsewhere", "1")], "no area of ours: anybody"
    machine.leave("elsewhere", 13)
    decisions(machine)
    machine.on_timer(26)
    assert decisions(machine) == [Offer("b", "1")]


def test_an_area_the_caller_keyed_goes_before_that_of_the_number() -> None:
    machine = on_duty((queue(area_wait_s=15),), agent("1", areas=("city",)), agent("2", areas=("east",)))
    machine.join("a", "general", 10, caller="01025555", area="city")
    assert decisions(machine) == [Offer("a", "1")]
    machine.join("b", "general", 11, caller="01025555", area="atlantis")
    assert decisions(machine) == [Offer("b", "2")], "an area nobody knows is none"


def test_a_caller_comes_back_to_the_agent_spoken_with_lately() -> None:
    machine = on_duty((queue(last_agent_h=2, last_agent_wait_s=30, wrap_up_s=10),), agent("1"), agent("2"))
    machine.join("a", "general", 10, caller="139")
    machine.accepted("a", "1", 11)
    machine.cleared("1", 20)
    machine.ready("1", 30)
    decisions(machine)
    machine.join("again", "general", 40, caller="139")
    assert decisions(machine) == [Offer("again", "1")], "though 2 has been idle longer"
    machine.accepted("again", "1", 41)
    machine.join("third", "general", 50, caller="139")
    machine.join("other", "general", 51, caller="138")
    assert decisions(machine) == [Offer("other", "2")], "1 is worth waiting for, for 30 s"
    machine.declined("2", 52)
    machine.leave("other", 53)
    machine.ready("2", 54)
    decisions(machine)
    machine.on_timer(80)
    assert decisions(machine) == [Offer("third", "2")]


def test_after_some_hours_anybody_will_do() -> None:
    machine = on_duty((queue(last_agent_h=2, wrap_up_s=0),), agent("1"), agent("2"))
    machine.join("a", "general", 10, caller="139")
    machine.accepted("a", "1", 10)
    machine.cleared("1", 20)
    machine.on_timer(20)
    machine.join("again", "general", 10 + 7200, caller="139")
    assert decisions(machine)[-1] == Offer("again", "2")


def test_some_missed_calls_in_a_row_pause_an_agent_and_others_come_first() -> None:
    machine = on_duty((queue(pause_after=2),), agent("1"), agent("2"))
    machine.join("a", "general", 10)
    machine.on_timer(30)
    assert decisions(machine) == [Offer("a", "1"), OfferOver("a", "1", "missed"), Offer("a", "2")]
    machine.on_timer(50)
    assert decisions(machine) == [OfferOver("a", "2", "missed"), Offer("a", "1")]
    machine.on_timer(70)
    assert (machine.agent("1").state, machine.agent("1").reason) == ("paused", "missed")
    machine.accepted("a", "2", 71)
    assert machine.agent("2").misses == 0


def test_wrap_up_is_that_of_the_queue_the_call_came_from() -> None:
    machine = on_duty((PLAIN, Queue("short", wrap_up_s=5)), agent("1", "general", "short"))
    for name, wrap_up_s in (("short", 5), ("general", 60)):
        machine.join(name, name, 100)
        machine.accepted(name, "1", 101)
        machine.cleared("1", 110)
        assert machine.agent("1").until_s == 110 + wrap_up_s
        machine.ready("1", 111)


def test_a_call_that_waits_too_long_goes_to_another_queue_and_keeps_its_age() -> None:
    machine = on_duty((queue(overflow_s=30, overflow_to="second"), Queue("second")), agent("2", "second"))
    machine.join("a", "general", 10)
    assert machine.timer() == 40
    machine.on_timer(40)
    assert decisions(machine) == [Overflow("a", "general", "second", "time"), Offer("a", "2")]
    machine.declined("2", 41)
    machine.join("b", "second", 42)
    assert [w.call for w in machine.waiting("second")] == ["a", "b"]


def test_a_call_that_finds_too_many_waiting_overflows_at_once_and_only_once() -> None:
    machine = on_duty((queue(overflow_length=2),), agent("1"))
    for call in ("rings", "a", "b", "c"):
        machine.join(call, "general", 10)
    assert decisions(machine) == [Offer("rings", "1"), Overflow("c", "general", "", "length")]
    machine.on_timer(20)
    assert [d for d in decisions(machine) if isinstance(d, Overflow)] == []
    assert [w.call for w in machine.waiting("general")][-1] == "c", "its flow decides; until then it waits"


def test_queues_that_overflow_into_each_other_pass_a_call_once() -> None:
    there, back = (
        queue(overflow_s=10, overflow_to="other"),
        Queue("other", overflow_s=10, overflow_to="general"),
    )
    machine = on_duty((there, back))
    machine.join("a", "general", 0)
    for now in (10, 20, 30, 40):
        machine.on_timer(now)
    assert decisions(machine) == [
        Overflow("a", "general", "other", "time"),
        Overflow("a", "other", "", "time"),
    ]
    assert machine.timer() is None


def test_an_agent_offered_a_call_is_not_free_for_another() -> None:
    machine = on_duty((PLAIN,), agent("1"))
    machine.join("a", "general", 10)
    with pytest.raises(Refused, match="agent_busy"):
        machine.reserve("out", "1", 11)
    with pytest.raises(Refused, match="no_offer"):
        machine.postpone("1", 11)
    with pytest.raises(Refused, match="no_call"):
        machine.keep_place("nobody", "139", 11)


def test_the_expected_wait_follows_place_agents_and_what_others_waited() -> None:
    machine = on_duty((PLAIN,), agent("1"), agent("2"))
    for number in ("1", "2"):
        machine.join(number, "general", 10)
        machine.accepted(number, number, 10)
    for nth in range(4):
        machine.join(f"w{nth}", "general", 20)
        assert machine.expect_s(f"w{nth}") is None
    machine.cleared("1", 50)
    machine.ready("1", 80)
    assert machine.expect_s("w1") == 120, "the first waited a minute with two agents; two places are left"
    machine.accepted("w0", "1", 81)
    assert [machine.expect_s(f"w{n}") for n in (1, 2, 3)] == [60, 120, 180]
    machine.cleared("2", 82)
    machine.pause("2", "meal", 83)
    assert machine.expect_s("w3") == 360, "one agent needs twice as long"
    machine.phone("1", False, 84)
    assert machine.expect_s("w3") == 3600
