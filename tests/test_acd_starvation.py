"""No call is forgotten: whatever the queues, areas and levels, it rings while somebody able is ready."""

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.calls.acd import Acd, Offer, OfferOver
from appliance.calls.routing import RING_MAX
from appliance.published import Agent, Area, Queue

AREAS = (Area("city", ("010",)), Area("east", ("0102",)), Area("west", ("0103",)))
CALLERS = ("01011", "01022", "01033", "139", "")
STRATEGIES = ("longest_idle", "fewest_calls", "round_robin", "ring_all")

queues = st.builds(
    Queue,
    name=st.sampled_from(["a", "b", "c"]),
    offer_s=st.sampled_from([5.0, 20.0]),
    wrap_up_s=st.sampled_from([0.0, 30.0]),
    strategy=st.sampled_from(STRATEGIES),
    priority=st.integers(-1, 2),
    pause_after=st.integers(1, 20),
    level_wait_s=st.sampled_from([0.0, 15.0]),
    area_wait_s=st.sampled_from([0.0, 20.0]),
    last_agent_h=st.sampled_from([0.0, 1.0]),
    last_agent_wait_s=st.just(25.0),
)
PATIENCE_S = 25.0
"""After this no call waits for anybody in particular."""


@st.composite
def staff(draw: st.DrawFn) -> list[Agent]:
    """Up to thirty agents, each in some queues, with levels and areas."""
    return [
        Agent(
            str(1000 + nth),
            "",
            queues=tuple(draw(st.sets(st.sampled_from("abc"), min_size=1))),
            levels={queue: draw(st.integers(1, 3)) for queue in "abc"},
            areas=tuple(draw(st.sets(st.sampled_from(["city", "east", "west"]), max_size=2))),
        )
        for nth in range(draw(st.integers(1, 30)))
    ]


def waiting(machine: Acd) -> list[tuple[str, str, float]]:
    return [(w.call, w.queue, w.since_s) for queue in "abc" for w in machine.waiting(queue)]


@settings(deadline=None, max_examples=60)
@given(st.lists(queues, min_size=3, max_size=3), staff(), st.data())
def test_every_waiting_call_rings_as_long_as_somebody_able_is_ready(
    made: list[Queue], agents: list[Agent], data: st.DataObject
) -> None:
    table = [
        Queue(**{**{f: getattr(queue, f) for f in queue.__struct_fields__}, "name": name})
        for queue, name in zip(made, "abc", strict=True)
    ]
    machine = Acd(table, agents, AREAS)
    ringing: set[tuple[str, str]] = set()
    now = 0.0

    def settle() -> None:
        while decision := machine.next_event():
            match decision:
                case Offer(call, agent):
                    ringing.add((call, agent))
                case OfferOver(call, agent, _):
                    ringing.discard((call, agent))

    for agent in agents:
        machine.phone(agent.number, True, now)
        machine.sign_in(agent.number, now)
        machine.ready(agent.number, now)
    for nth in range(data.draw(st.integers(1, 40), label="calls")):
        now += data.draw(st.sampled_from([0.0, 1.0, 7.0, 30.0]), label="later")
        while (at := machine.timer()) is not None and at <= now:
            machine.on_timer(at)
            settle()
        queue, caller = data.draw(st.sampled_from("abc")), data.draw(st.sampled_from(CALLERS))
        machine.join(f"call-{nth}", queue, now, caller=caller)
        settle()
        picked_up = data.draw(st.booleans(), label="somebody picks up")
        if ringing and picked_up:
            taken = data.draw(st.integers(0, len(ringing) - 1), label="who")
            call, number = sorted(ringing)[taken]
            machine.accepted(call, number, now)
            ringing.discard((call, number))
            settle()
        for call, queue, since_s in waiting(machine):
            if now < since_s + PATIENCE_S:
                continue
            rings = sum(call == other for other, _ in ringing)
            assert rings or not machine.free(queue), "somebody able is ready and the call does not ring"
            assert rings <= RING_MAX


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(STRATEGIES), st.integers(2, 30), st.integers(2, 20), st.data())
def test_a_call_rings_at_everybody_and_one_by_one_at_nobody_twice_before(
    strategy: str, many: int, pause_after: int, data: st.DataObject
) -> None:
    queue = Queue("a", offer_s=10, strategy=strategy, pause_after=pause_after)
    levels = data.draw(st.lists(st.integers(1, 9), min_size=many, max_size=many))
    agents = [Agent(str(nth), "", queues=("a",), levels={"a": level}) for nth, level in enumerate(levels)]
    machine = Acd([queue], agents)
    for agent in agents:
        machine.phone(agent.number, True, 0)
        machine.sign_in(agent.number, 0)
        machine.ready(agent.number, 0)
    machine.join("call", "a", 1.0)
    rung: list[str] = []
    for _ in range(many + 1):
        while decision := machine.next_event():
            if isinstance(decision, Offer):
                assert strategy == "ring_all" or decision.agent not in rung, "others were not asked yet"
                rung.append(decision.agent)
        if len(set(rung)) < many:
            at = machine.timer()
            assert at is not None, "the call is forgotten"
            machine.on_timer(at)
    assert len(set(rung)) == many
