"""Memory stays flat in five minutes of calls coming and going; `make soak` is the hour of it."""

import json
from typing import Any

import pytest

from tests.beside import Ended

SOAK = "tests.bench.soak"
MANY = ("--rate", "4", "--hold", "4")
"""So many calls that a leak shows in minutes."""

pytestmark = pytest.mark.sip


def found(ended: Ended) -> list[dict[str, Any]]:
    """The figures a soak printed."""
    lines = [line for line in ended.output.splitlines() if line.startswith('{"bench"')]
    assert lines, ended.output
    return [json.loads(line) for line in lines]


def missed(ended: Ended) -> set[str]:
    """The figures that were not what they should be; how late ticks are is the bench's to say."""
    return {one["figure"] for one in found(ended) if one["met"] is False} - {"ticks_late_10ms"}


@pytest.mark.beside(SOAK, "300", *MANY)
def test_five_minutes_of_calls_leave_nothing_behind_and_none_is_lost(beside: Ended) -> None:
    assert missed(beside) == set(), beside.output
    assert next(one["value"] for one in found(beside) if one["figure"] == "calls") == 1200


@pytest.mark.beside(SOAK, "120", *MANY, "--leaking")
def test_a_call_process_that_keeps_something_of_every_call_is_found_out(beside: Ended) -> None:
    assert missed(beside) == {"memory_calls_growth_by_call"}, beside.output
