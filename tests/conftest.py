"""How much hypothesis tries: the same hundred examples every time, or ten times as many new ones to fuzz."""

import os
from collections.abc import Sequence

import pytest
from hypothesis import settings

FUZZ = "fuzz"
FUZZ_TIMES = 10
EXAMPLES = 100
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "default")
CHOSEN = "_hypothesis_internal_use_settings"
"""Where hypothesis keeps the settings of a test that chose its own."""

settings.register_profile("default", derandomize=True, deadline=None, max_examples=EXAMPLES)
settings.register_profile(FUZZ, derandomize=False, deadline=None, max_examples=EXAMPLES * FUZZ_TIMES)
settings.load_profile(PROFILE)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Fuzzing also multiplies the numbers that tests chose themselves."""
    if PROFILE != FUZZ:
        return
    for test in {getattr(item, "function", None) for item in items}:
        chosen = getattr(test, CHOSEN, None)
        if chosen is not None and chosen.max_examples < EXAMPLES * FUZZ_TIMES:
            setattr(test, CHOSEN, settings(chosen, max_examples=chosen.max_examples * FUZZ_TIMES))
