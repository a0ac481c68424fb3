"""Reaching somebody: stages ring one after another, and one who picks up ends it."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.calls.reach import Do, Missed, Reach, Reached, Ring, Spare, Stage
from appliance.calls.targets import Target

A, B, C = Target("ext", "8101"), Target("ext", "8102"), Target("tel", "13800138000")


def test_targets_of_a_stage_ring_together_and_the_next_stage_after_its_time() -> None:
    reach = Reach([Stage((A, B), 20), Stage((C,), 30)])
    assert reach.begin(0.0) == [Ring(A), Ring(B)]
    assert reach.timer() == 20.0
    assert reach.on_timer(19.0) == []
    assert reach.on_timer(20.0) == [Spare(A, "no_answer"), Spare(B, "no_answer"), Ring(C)]
    assert reach.timer() == 50.0
    assert reach.on_timer(50.0) == [Spare(C, "no_answer"), Missed("no_answer")]
    assert reach.timer() is None


def test_who_picks_up_first_is_reached_and_the_others_are_spared() -> None:
    reach = Reach([Stage((A, B), 20), Stage((C,), 30)])
    reach.begin(0.0)
    assert reach.answered(B) == [Spare(A, "answered_elsewhere"), Reached(B)]
    assert reach.answered(A) == []


def test_when_all_of_a_stage_have_failed_the_next_begins_at_once() -> None:
    reach = Reach([Stage((A, B), 20), Stage((C,), 30)])
    reach.begin(0.0)
    assert reach.failed(A, "busy", 1.0) == []
    assert reach.failed(B, "unreachable", 2.0) == [Ring(C)]
    assert reach.failed(C, "declined", 3.0) == [Missed("busy")]


def test_what_is_called_off_stops_ringing_and_nobody_is_told() -> None:
    reach = Reach([Stage((A,), 20)])
    reach.begin(0.0)
    assert reach.called_off("dropped") == [Spare(A, "dropped")]
    assert reach.failed(A, "busy", 1.0) == []


@given(
    st.lists(st.lists(st.sampled_from([A, B, C]), max_size=3), max_size=5),
    st.lists(
        st.tuples(st.sampled_from(["failed", "answered", "timer", "off"]), st.sampled_from([A, B, C])),
        max_size=40,
    ),
)
def test_in_any_order_of_events_it_ends_once_and_leaves_nobody_ringing(
    stages: list[list[Target]], events: list[tuple[str, Target]]
) -> None:
    reach = Reach([Stage(tuple(stage), 10) for stage in stages])
    ringing: set[Target] = set()
    ends = 0

    def follow(dos: list[Do]) -> None:
        nonlocal ends
        for do in dos:
            match do:
                case Ring(target):
                    assert target not in ringing
                    ringing.add(target)
                case Spare(target, _):
                    ringing.remove(target)
                case Reached(target):
                    ringing.remove(target)
                    ends += 1
                case Missed():
                    ends += 1

    follow(reach.begin(0.0))
    now = 0.0
    for what, target in events:
        now += 5.0
        match what:
            case "failed" if target in ringing:
                ringing.remove(target)
                follow(reach.failed(target, "busy", now))
            case "answered":
                follow(reach.answered(target))
            case "timer":
                follow(reach.on_timer(now))
            case "off":
                follow(reach.called_off("dropped"))
    assert ends <= 1
    if reach.over:
        assert not ringing
        assert reach.timer() is None
    else:
        assert ringing
