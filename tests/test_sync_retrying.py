"""After an outage boxes are back soon, and not all at once: the real connection on a clock of the test."""

from collections import Counter

import pytest

from sync.access import Access
from sync.mqtt import Down, Mqtt

NOBODY, NOBODY_EITHER = "127.0.0.1:1", "127.0.0.1:2"
"""Where connecting fails at once."""
STEP_S = 0.1
HOUR_S = 3600.0
BACK_S = 20.0


class Box:
    """One connection, which notes when it knocked where."""

    def __init__(self, *brokers: str, since_s: float) -> None:
        self.now = since_s
        self.knocks: list[tuple[float, str]] = []
        self.wire = Mqtt(Access(brokers), "box", [], clock=lambda: self.now)

    def live(self, until_s: float) -> None:
        """Let time pass."""
        while self.now < until_s:
            for arrival in self.wire.poll(0.0):
                assert isinstance(arrival, Down)
                self.knocks.append((self.now, arrival.reason.split("\t")[1].split(": ")[0]))
            self.now += STEP_S

    def next_knock(self, broker: str, after_s: float) -> float:
        """When it asked this broker first after a moment."""
        return next(at_s for at_s, asked in self.knocks if asked == broker and at_s >= after_s)


@pytest.mark.parametrize("outage_s", [1.0, 10.0, HOUR_S])
@pytest.mark.parametrize("brokers", [(NOBODY,), (NOBODY, NOBODY_EITHER)])
def test_a_box_asks_every_broker_again_within_twenty_seconds_of_its_return(
    brokers: tuple[str, ...], outage_s: float
) -> None:
    for _ in range(20 if outage_s < HOUR_S else 3):
        box = Box(*brokers, since_s=0.0)
        box.live(outage_s + 2 * BACK_S)
        for broker in brokers:
            assert box.next_knock(broker, outage_s) <= outage_s + BACK_S - 3.0, "a greeting takes time too"


def test_what_is_down_for_long_is_not_asked_all_the_time() -> None:
    box = Box(NOBODY, NOBODY_EITHER, since_s=0.0)
    box.live(HOUR_S)
    assert len(box.knocks) < HOUR_S / 3


def test_five_hundred_boxes_that_lost_one_broker_together_do_not_return_in_the_same_second() -> None:
    back_s, seconds = 120.0, Counter[int]()
    for _ in range(500):
        box = Box(NOBODY, since_s=0.0)
        box.live(back_s + BACK_S)
        seconds[int(box.next_knock(NOBODY, back_s) - back_s)] += 1
    assert max(seconds) < BACK_S - 3.0
    assert max(seconds.values()) < 130, "80 are to be expected in the first second"
    assert sum(seconds.values()) == 500
