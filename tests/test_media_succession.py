"""Between two call processes: how long sound goes on, and what the next one must say first."""

from collections.abc import Iterator

import pytest

from hardware.line import RtpRoute
from hardware.media import wire
from hardware.media.succession import ALONE_TICKS, FIRST_TICKS, Succession
from hardware.media.switch import Place, Switch
from tests.box import free_range


@pytest.fixture
def switch() -> Iterator[Switch]:
    switch = Switch(Place(rtp_base=free_range(8)))
    yield switch
    switch.shut()


def begun(switch: Switch) -> Succession:
    """A call process is there and has opened two lines that hear each other."""
    succession = Succession(switch)
    succession.came(0)
    for line in ("sip/0", "sip/1"):
        succession.do(wire.Open(line, rtp=RtpRoute("127.0.0.1", 9)))
    succession.look(True, 1)
    return succession


def test_sound_goes_on_for_so_long_with_nobody_there_and_then_ends(switch: Switch) -> None:
    succession = begun(switch)
    succession.look(False, 100)
    succession.look(False, 99 + ALONE_TICKS)
    assert switch.size == 2
    succession.look(False, 100 + ALONE_TICKS)
    assert switch.size == 0


def test_who_comes_and_says_nothing_starts_afresh_soon(switch: Switch) -> None:
    succession = begun(switch)
    succession.look(False, 100)
    succession.came(200)
    succession.look(True, 199 + FIRST_TICKS)
    assert switch.size == 2
    succession.look(True, 200 + FIRST_TICKS)
    assert switch.size == 0


def test_a_first_order_that_keeps_nothing_starts_afresh_and_is_carried_out(switch: Switch) -> None:
    succession = begun(switch)
    succession.came(200)
    succession.do(wire.Open("sip/2", rtp=RtpRoute("127.0.0.1", 9)))
    assert switch.size == 1


def test_what_is_kept_is_told_with_how_long_nobody_was_there(switch: Switch) -> None:
    succession = begun(switch)
    succession.look(False, 100)
    succession.came(150)
    succession.do(wire.Keep(["sip/1", "sip/7"]))
    succession.look(True, 10_000)
    assert switch.size == 1
    assert switch.reports() == [wire.Kept(["sip/1"], [], 1.0)]


def test_who_takes_over_from_one_that_is_still_there_had_no_gap(switch: Switch) -> None:
    succession = begun(switch)
    succession.look(True, 100)
    succession.came(150)
    succession.do(wire.Keep(["sip/0", "sip/1"]))
    assert switch.reports() == [wire.Kept(["sip/0", "sip/1"], [], 0.0)]


def test_nothing_more_is_ended_once_it_was_said_what_is_kept(switch: Switch) -> None:
    succession = begun(switch)
    succession.look(False, 100)
    succession.came(150)
    succession.do(wire.Keep(["sip/0"]))
    succession.do(wire.Open("sip/2", rtp=RtpRoute("127.0.0.1", 9)))
    succession.look(True, 150 + ALONE_TICKS)
    assert switch.size == 2
