"""Five minutes of chaos among real processes, beside the other tests: in the end all boxes agree."""

import json

import pytest

from tests.beside import Ended
from tests.chaos.storm import NO_GROUND

STORM = "tests.chaos.storm"
PROMISED = 1000
"""At least so much was kept in the meantime."""

pytestmark = pytest.mark.broker


@pytest.mark.beside(STORM, "300")
def test_killed_and_cut_off_at_random_nothing_that_was_kept_is_lost_and_all_boxes_agree(
    beside: Ended,
) -> None:
    judge(beside)


@pytest.mark.beside(STORM, "300", "--postgres", "--sites", "2")
def test_the_same_holds_for_a_hub_on_postgresql(beside: Ended) -> None:
    judge(beside)


def judge(beside: Ended) -> None:
    """A storm came, and nothing is wrong after it."""
    if beside.code == NO_GROUND:
        pytest.skip(beside.output.strip())
    assert beside.code == 0, beside.output
    told = json.loads(beside.output.splitlines()[-1])
    assert told["promised"] > PROMISED
    assert sum(told["befell"].values()) > 50, "it was no storm"
