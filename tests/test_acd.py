"""The queue machine: who is offered which call, and when."""

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from appliance.calls.acd import Acd, AgentState, Changed, Decision, Offer, OfferOver, Overflow, Waiting
from appliance.published import Agent, Area, Queue
from appliance.refused import Refused

OFFER_S, WRAP_UP_S = 20.0, 60.0
QUEUES = (Queue("general", offer_s=OFFER_S, wrap_up_s=WRAP_UP_S), Queue("english", offer_s=10, wrap_up_s=30))


def acd(*agents: str, queues: tuple[str, ...] = ("general",)) -> Acd:
    """A queue machine with agents whose phones are there, none signed in."""
    machine = Acd(QUEUES, [Agent(number, number, queues=queues) for number in agents])
    for number in agents:
        machine.phone(number, True, 0.0)
    decisions(machine)
    return machine


def on_duty(*agents: str) -> Acd:
    """Agents ready one second after another, in this order."""
    machine = acd(*agents)
    for second, number in enumerate(agents):
        machine.sign_in(number, float(second))
        machine.ready(number, float(second))
    decisions(machine)
    return machine


def decisions(machine: Acd) -> list[Decision]:
    return list(iter(machine.next_event, None))


def offers(machine: Acd) -> list[tuple[str, str]]:
    return [(d.call, d.agent) for d in decisions(machine) if isinstance(d, Offer)]


def test_the_agent_idle_longest_is_offered_the_call() -> None:
    machine = on_duty("1001", "1002", "1003")
    machine.join("a", "general", 10)
    assert offers(machine) == [("a", "1001")]
    machine.join("b", "general", 11)
    assert offers(machine) == [("b", "1002")]


def test_first_come_is_first_served() -> None:
    machine = acd("1001")
    machine.join("late", "general", 5)
    machine.join("early", "general", 3)
    machine.sign_in("1001", 6)
    machine.ready("1001", 6)
    assert offers(machine) == [("early", "1001")]
    assert machine.position("early") == 1
    assert machine.position("late") == 2


def test_a_call_is_offered_only_to_agents_of_its_queue() -> None:
    machine = acd("1001", queues=("english",))
    machine.sign_in("1001", 0)
    machine.ready("1001", 0)
    machine.join("a", "general", 1)
    assert offers(machine) == []
    assert machine.free("general") == 0
    assert machine.free("english") == 1


def test_an_agent_who_misses_a_call_is_paused_and_the_call_goes_to_the_next() -> None:
    machine = on_duty("1001", "1002")
    machine.join("a", "general", 10)
    assert offers(machine) == [("a", "1001")]
    assert machine.timer() == 10 + OFFER_S
    machine.on_timer(10 + OFFER_S)
    told = decisions(machine)
    assert OfferOver("a", "1001", "missed") in told
    assert Offer("a", "1002") in told
    assert (machine.agent("1001").state, machine.agent("1001").reason) == ("paused", "missed")


def test_a_declined_call_keeps_its_place() -> None:
    machine = on_duty("1001")
    machine.join("a", "general", 10)
    machine.join("b", "general", 11)
    machine.declined("1001", 12)
    decisions(machine)
    machine.ready("1001", 13)
    assert offers(machine) == [("a", "1001")]


def test_after_a_call_wrap_up_runs_out_by_itself() -> None:
    machine = on_duty("1001")
    machine.join("a", "general", 10)
    machine.accepted("a", "1001", 12)
    assert machine.agent("1001").state == "busy"
    assert machine.timer() is None
    machine.cleared("1001", 50)
    assert machine.agent("1001").state == "wrap_up"
    machine.join("b", "general", 55)
    decisions(machine)
    machine.on_timer(50 + WRAP_UP_S - 0.1)
    assert offers(machine) == []
    machine.on_timer(50 + WRAP_UP_S)
    assert offers(machine) == [("b", "1001")]


def test_a_wrap_up_is_extended_by_as_much_again_and_not_for_ever() -> None:
    machine = on_duty("1001")
    machine.join("a", "general", 10)
    machine.accepted("a", "1001", 12)
    with pytest.raises(Refused, match="no_call"):
        machine.extend_wrap_up("1001", 13)
    machine.cleared("1001", 50)
    machine.extend_wrap_up("1001", 55)
    assert machine.timer() == 50 + 2 * WRAP_UP_S
    machine.on_timer(50 + WRAP_UP_S)
    assert machine.agent("1001").state == "wrap_up"
    for _ in range(28):
        machine.extend_wrap_up("1001", 60)
    with pytest.raises(Refused, match="no_call"):
        machine.extend_wrap_up("1001", 60)
    assert machine.timer() == 50 + 1800
    machine.ready("1001", 70)
    assert machine.agent("1001").state == "ready"


def test_a_pause_asked_for_while_talking_begins_after_the_call_unless_taken_back() -> None:
    machine = on_duty("1001", "1002")
    for number in ("1001", "1002"):
        machine.join(number, "general", 10)
        machine.accepted(number, number, 11)
        machine.pause(number, "meal", 12)
        assert machine.agent(number).state == "busy"
    machine.ready("1002", 13)
    for number in ("1001", "1002"):
        machine.cleared(number, 20)
    assert (machine.agent("1001").state, machine.agent("1001").reason) == ("paused", "meal")
    assert machine.agent("1002").state == "wrap_up"


def test_nobody_signs_out_while_talking() -> None:
    machine = on_duty("1001")
    machine.join("a", "general", 10)
    machine.accepted("a", "1001", 11)
    with pytest.raises(Refused, match="talking"):
        machine.sign_out("1001", 12)
    assert machine.agent("1001").state == "busy"


def test_signing_out_gives_an_offered_call_back() -> None:
    machine = on_duty("1001", "1002")
    machine.join("a", "general", 10)
    decisions(machine)
    machine.sign_out("1001", 11)
    told = decisions(machine)
    assert OfferOver("a", "1001", "declined") in told
    assert Offer("a", "1002") in told
    assert machine.agent("1001").state == "offline"


def test_without_a_phone_no_call_is_offered() -> None:
    machine = on_duty("1001")
    machine.phone("1001", False, 5)
    machine.join("a", "general", 10)
    assert offers(machine) == []
    machine.phone("1001", True, 11)
    assert offers(machine) == [("a", "1001")]


def test_a_caller_who_gives_up_while_it_rings_costs_the_agent_nothing() -> None:
    machine = on_duty("1001", "1002")
    machine.join("a", "general", 10)
    decisions(machine)
    machine.leave("a", 15)
    assert OfferOver("a", "1001", "gone") in decisions(machine)
    assert machine.agent("1001").state == "ready"
    machine.join("b", "general", 16)
    assert offers(machine) == [("b", "1001")], "still the one idle longest"


def test_who_is_unknown_or_not_signed_in_is_refused() -> None:
    machine = acd("1001")
    with pytest.raises(Refused, match="unknown_agent"):
        machine.sign_in("4711", 0)
    for verb in (machine.ready, machine.sign_out):
        with pytest.raises(Refused, match="not_signed_in"):
            verb("1001", 0.0)
    with pytest.raises(Refused, match="no_offer"):
        machine.accepted("a", "1001", 0)
    with pytest.raises(Refused, match="no_offer"):
        machine.declined("1001", 0)


def test_a_new_list_of_agents_leaves_states_and_waiting_calls_as_they_are() -> None:
    machine = on_duty("1001")
    machine.join("a", "general", 10)
    machine.accepted("a", "1001", 11)
    machine.join("b", "general", 12)
    machine.define(QUEUES, [Agent("1001", "x"), Agent("1002", "y")])
    assert machine.agent("1001").state == "busy"
    assert machine.agent("1002").state == "offline"
    assert [waiting.call for waiting in machine.waiting("general")] == ["b"]


AGENTS = ("1001", "1002", "1003")
numbers = st.sampled_from(AGENTS)


SHIFT = (
    Queue("general", offer_s=20, wrap_up_s=60, strategy="fewest_calls", pause_after=2),
    Queue("english", offer_s=10, wrap_up_s=30, strategy="round_robin", overflow_length=2),
    Queue("all", offer_s=15, wrap_up_s=0, strategy="ring_all", priority=1, pause_after=3),
    Queue(
        "patient",
        level_wait_s=20,
        area_wait_s=30,
        last_agent_h=1,
        last_agent_wait_s=40,
        overflow_s=90,
        overflow_to="general",
    ),
)
PATIENCE_S = 40.0
"""After this nobody waits for anybody in particular."""
CALLERS = ("01011", "01022", "139", "")


def rank(waiting: Waiting) -> tuple[int, float]:
    """Who is to be served first."""
    return -waiting.priority, waiting.since_s


class AnyShift(RuleBasedStateMachine):
    """Whatever agents and callers do, in any order: the promises of a queue hold."""

    served: ClassVar[dict[str, tuple[str, ...]]] = {
        "1001": ("general", "all"),
        "1002": ("general", "english", "all", "patient"),
        "1003": ("english", "all", "patient"),
    }
    areas: ClassVar[dict[str, tuple[str, ...]]] = {"1002": ("city",), "1003": ("east",)}

    @initialize()
    def begin(self) -> None:
        staff = [
            Agent(n, n, queues=self.served[n], areas=self.areas.get(n, ()), levels={"patient": int(n[-1])})
            for n in AGENTS
        ]
        self.machine = Acd(SHIFT, staff, [Area("city", ("0101",)), Area("east", ("0102",))])
        self.now = 0.0
        self.calls = 0
        self.ringing: dict[str, str] = {}
        """Agent to call, as an exchange believes that phones ring."""
        self.talking: dict[str, str] = {}
        self.told: dict[str, AgentState] = {}
        for number in AGENTS:
            self.attempt("phone", number, True)
            self.attempt("sign_in", number)
            self.attempt("ready", number)

    def settle(self) -> None:
        fresh: dict[str, Waiting] = {}
        while decision := self.machine.next_event():
            match decision:
                case Offer(call, agent, number) if number:
                    fresh[agent] = self.one(call)
                    self.call_back(agent)
                case Offer(call, agent):
                    assert agent not in self.ringing, "a phone rings for one call"
                    assert agent not in self.talking, "who talks is not offered a call"
                    fresh[agent] = waiting = self.one(call)
                    alone = waiting.queue != "all"
                    assert not (alone and call in self.ringing.values()), "offered to one agent"
                    self.ringing[agent] = call
                case OfferOver(call, agent, _):
                    assert self.ringing.pop(agent, call) == call
                case Changed(state):
                    self.told[state.number] = state
                case Overflow(_, queue, to, why):
                    assert (queue, to, why) in (("patient", "general", "time"), ("english", "", "length"))
        for agent, offered in fresh.items():
            for waiting in self.waiting():
                passed_over = waiting.queue in self.served[agent] and rank(waiting) < rank(offered)
                mine = waiting.queue == "patient" or waiting.been or waiting.not_before_s > self.now
                assert mine or not passed_over or waiting.call in self.ringing.values(), "who is first?"

    def waiting(self) -> list[Waiting]:
        return [waiting for queue in SHIFT for waiting in self.machine.waiting(queue.name)]

    def one(self, call: str) -> Waiting:
        (found,) = [waiting for waiting in self.waiting() if waiting.call == call]
        return found

    def call_back(self, agent: str) -> None:
        """Every other callback can be made at once."""
        self.calls += 1
        if self.calls % 2:
            self.machine.postpone(agent, self.now)
        else:
            self.machine.reserve(f"out-{self.calls}", agent, self.now)
            self.ringing[agent] = f"out-{self.calls}"

    def attempt(self, verb: str, *arguments: object) -> None:
        try:
            getattr(self.machine, verb)(*arguments, self.now)
        except Refused:
            assert not decisions(self.machine), "what is refused changes nothing"
        self.settle()

    @rule(
        number=numbers,
        does=st.sampled_from(
            [("ready",), ("declined",), ("pause", "meal"), ("sign_in",), ("sign_out",), ("phone", False)]
        ),
    )
    def does(self, number: str, does: tuple[str, ...]) -> None:
        self.attempt(does[0], number, *does[1:])

    @rule(number=numbers)
    def comes_back(self, number: str) -> None:
        self.attempt("phone", number, True)
        self.attempt("sign_in", number)
        self.attempt("ready", number)

    @rule(
        queue=st.sampled_from([queue.name for queue in SHIFT]),
        priority=st.integers(0, 2),
        caller=st.sampled_from(CALLERS),
    )
    def joins(self, queue: str, priority: int, caller: str) -> None:
        self.calls += 1
        self.machine.join(f"call-{self.calls}", queue, self.now, priority, caller)
        self.settle()

    @precondition(lambda self: self.waiting() or self.ringing)
    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        calls = {waiting.call for waiting in self.waiting()} | set(self.ringing.values())
        call = data.draw(st.sampled_from(sorted(calls)))
        self.attempt("leave", call)
        assert call not in self.ringing.values()

    @precondition(lambda self: self.waiting())
    @rule(data=st.data())
    def asks_to_be_called_back(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from([w.call for w in self.waiting()]))
        place = self.machine.position(call)
        if self.one(call).kind == "call":
            kept = self.machine.keep_place(call, f"139{call}", self.now)
            assert kept.place == place
            assert self.machine.position(kept.call) == place
            self.settle()

    @precondition(lambda self: self.ringing)
    @rule(data=st.data())
    def picks_up(self, data: st.DataObject) -> None:
        agent = data.draw(st.sampled_from(sorted(self.ringing)))
        call = self.ringing.pop(agent)
        self.machine.accepted(call, agent, self.now)
        assert call not in self.talking.values(), "a call has one agent"
        self.talking[agent] = call
        self.settle()
        assert call not in self.ringing.values(), "no phone rings for a call that is taken"

    @precondition(lambda self: self.waiting() and not self.ringing)
    @rule()
    def everybody_comes_back(self) -> None:
        for number in AGENTS:
            self.comes_back(number)

    @precondition(lambda self: len(self.ringing) > 1)
    @rule(data=st.data())
    def one_of_several_picks_up(self, data: st.DataObject) -> None:
        self.picks_up(data)

    @precondition(lambda self: any(call.startswith("out-") for call in self.talking.values()))
    @rule(data=st.data(), answers=st.booleans())
    def who_is_called_back_answers_or_not(self, data: st.DataObject, answers: bool) -> None:
        made = sorted(agent for agent, call in self.talking.items() if call.startswith("out-"))
        agent = data.draw(st.sampled_from(made))
        if answers:
            self.machine.reached(self.talking[agent], agent, self.now)
        else:
            self.machine.unreached(self.talking.pop(agent), "no_answer", self.now)
            self.attempt("cleared", agent)
        self.settle()

    @precondition(lambda self: self.talking)
    @rule(data=st.data())
    def hangs_up(self, data: st.DataObject) -> None:
        agent = data.draw(st.sampled_from(sorted(self.talking)))
        del self.talking[agent]
        self.attempt("cleared", agent)

    @rule(seconds=st.floats(0.1, 120))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        then, self.now = self.now, self.now - seconds
        for _ in range(500):
            at = self.machine.timer()
            if at is None or at > then:
                break
            self.now = max(self.now, at)
            self.machine.on_timer(self.now)
            self.settle()
        else:
            raise AssertionError("a timer that never ends")
        self.now = then

    @invariant()
    def states_agree_with_what_was_told(self) -> None:
        for state in self.machine.agents():
            assert (state.state == "offered") == (state.number in self.ringing)
            assert (state.state == "busy") == (state.number in self.talking)
            if state.number in self.told:
                assert self.told[state.number].state == state.state

    @invariant()
    def nobody_waits_while_somebody_is_ready(self) -> None:
        offered = set(self.ringing.values())
        for waiting in self.waiting():
            patient = waiting.queue == "patient" and self.now < waiting.since_s + PATIENCE_S
            late = waiting.not_before_s > self.now
            if waiting.call not in offered and not patient and not late:
                assert not self.machine.free(waiting.queue)

    @invariant()
    def a_number_is_in_one_callback_and_a_callback_in_one_place(self) -> None:
        callbacks = self.machine.callbacks
        there = [*callbacks.waiting(), *callbacks.being_made()]
        assert len({callback.number for callback in there}) == len(there)
        assert len({c.call for c in (*there, *callbacks.given_up())}) == len(there) + len(
            callbacks.given_up()
        )

    @invariant()
    def an_offer_and_a_wrap_up_always_end(self) -> None:
        for state in self.machine.agents():
            assert (state.until_s is not None) == (state.state in ("offered", "wrap_up"))


TestAnyShift = AnyShift.TestCase
TestAnyShift.settings = settings(stateful_step_count=40, deadline=None)
