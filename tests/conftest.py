"""How much hypothesis tries: the same hundred examples every time, or ten times as many new ones to fuzz.

And what goes on beside the tests (beside.py), and in which order many workers take them (lanes.py).
"""

import os
from collections.abc import Generator

import pytest
from hypothesis import settings
from xdist.remote import Producer

from tests.beside import Companions, Ended, command_of
from tests.engines import databases_of_one_test, engine, postgres, pytest_generate_tests
from tests.lanes import Lanes, begin, judges_last

__all__ = ["databases_of_one_test", "engine", "postgres", "pytest_generate_tests"]

FUZZ = "fuzz"
FUZZ_TIMES = 10
EXAMPLES = 100
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")
CHOSEN = "_hypothesis_internal_use_settings"
"""Where hypothesis keeps the settings of a test that chose its own."""

settings.register_profile("default", derandomize=True, deadline=None, max_examples=EXAMPLES)
settings.register_profile(FUZZ, derandomize=False, deadline=None, max_examples=EXAMPLES * FUZZ_TIMES)
settings.load_profile(PROFILE)


companions = Companions()


def pytest_configure(config: pytest.Config) -> None:
    """A worker has the priority of its lane."""
    begin(config)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """Many workers take files in lanes."""
    return Lanes(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Work beside the tests is judged last; fuzzing multiplies the numbers that tests chose themselves."""
    items.sort(key=lambda item: command_of(item) is not None)
    if PROFILE != FUZZ:
        return
    for test in {getattr(item, "function", None) for item in items}:
        chosen = getattr(test, CHOSEN, None)
        if chosen is not None and chosen.max_examples < EXAMPLES * FUZZ_TIMES:
            setattr(test, CHOSEN, settings(chosen, max_examples=chosen.max_examples * FUZZ_TIMES))


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Begin the work beside the tests, where they are run that it is for."""
    judges = not session.config.option.collectonly and judges_last(session.config)
    with companions.beside(session.items if judges else []):
        return (yield)


@pytest.fixture
def beside(request: pytest.FixtureRequest) -> Ended:
    """What became of the work the test asks for."""
    return companions.of(request.node)
