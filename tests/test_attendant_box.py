"""The auto attendant on a whole box: a citizen keys an extension, or zero, and is put through."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.box import CALLS, PHONES, Box
from tests.phones import Baresip, read_wav, tone_level, until

pytestmark = pytest.mark.sip

CITIZEN_HZ, DESK_HZ = 700.0, 1000.0
LOUD = 0.05
NOW = 4000
"""Samples: what a phone heard in the last half second."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Box, Baresip, Path]]:
    folder = tmp_path_factory.mktemp("phones")
    number, password = "8101", PHONES["8101"]
    with (
        Box(CALLS, settings={"call": {"flow": "attendant"}}) as box,
        Baresip(
            folder, box.sip_port, number=number, password=password, tone_hz=DESK_HZ, answers=True
        ) as desk,
    ):
        yield box, desk, folder


@pytest.fixture
def citizen(stage: tuple[Box, Baresip, Path], tmp_path: Path) -> Iterator[Baresip]:
    box, *_ = stage
    with Baresip(tmp_path, box.sip_port, tone_hz=CITIZEN_HZ) as citizen:
        citizen.dial()
        citizen.wait("CALL_ESTABLISHED")
        box.wait_for(lambda: [call for call in box.calls() if call.state == "in_flow"], 5)
        yield citizen
        citizen.hang_up()
        box.wait_for(lambda: not box.calls(), 10)


def hears(phone: Baresip) -> set[float]:
    heard = read_wav(phone.heard())[-NOW:]
    return {hz for hz in (CITIZEN_HZ, DESK_HZ) if tone_level(heard, hz, seconds=NOW / 8000) > LOUD}


def test_the_extension_that_was_keyed_rings_and_both_talk(
    stage: tuple[Box, Baresip, Path], citizen: Baresip
) -> None:
    box, desk, _ = stage
    citizen.keys("8101#")
    box.wait_for(lambda: [call for call in box.calls() if call.state == "talking"], 15)
    until(lambda: (hears(desk) == {CITIZEN_HZ}) or None, 8, "the desk to hear the citizen")
    until(lambda: (hears(citizen) == {DESK_HZ}) or None, 8, "the citizen to hear the desk")
    answered = box.facts("call.answered")[-1]
    assert (answered["agent"], answered["extension"]) == ("", "8101")
    desk.hang_up()
    citizen.wait("CALL_CLOSED")


def test_who_keys_nobodys_number_or_an_absent_phones_is_told_so_and_goes_on(
    stage: tuple[Box, Baresip, Path], citizen: Baresip
) -> None:
    box, *_ = stage
    for keys in ("7777#", "18102#"):  # one: for another extension
        citizen.keys(keys)
        box.wait_for(lambda: [call for call in box.calls() if call.state == "in_flow"], 10)
    citizen.keys("0")
    box.wait_for(lambda: [call for call in box.calls() if call.state == "queued"], 20)
    assert box.facts("call.queued")[-1]["queue"] == "general"


def test_zero_is_the_operator(stage: tuple[Box, Baresip, Path], citizen: Baresip) -> None:
    box, *_ = stage
    citizen.keys("0")
    box.wait_for(lambda: [call for call in box.calls() if call.state == "queued"], 20)
