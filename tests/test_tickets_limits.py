"""How long things may take: by kind, urgency and step, and the presets of other cities."""

import pytest

from appliance.tickets.clocks import Limit
from appliance.tickets.fields import KINDS, URGENCIES
from appliance.tickets.limits import DEFAULT, PRESETS

SEEDS = PRESETS[DEFAULT]


def test_a_box_begins_with_five_fifteen_and_thirty_working_days() -> None:
    found = [SEEDS.for_handling(kind, "normal") for kind in ("consult", "complaint", "report")]
    assert found == [Limit(5), Limit(15), Limit(30)]
    assert SEEDS.for_state("DISPATCHED", "normal") == Limit(1)


def test_what_is_urgent_has_natural_hours_and_shortens_only() -> None:
    assert SEEDS.for_handling("complaint", "urgent") == Limit(24, "hours")
    assert SEEDS.for_handling("emergency", "urgent") == Limit(24, "hours")
    assert SEEDS.for_handling("emergency", "critical") == Limit(2, "hours")
    assert SEEDS.for_state("ACCEPTED", "critical") == Limit(10, "minutes")
    assert SEEDS.for_state("ACCEPTED", "normal") == Limit(30, "minutes")


def test_what_comes_by_a_fast_channel_is_accepted_fast_however_urgent() -> None:
    assert SEEDS.for_state("REGISTERED", "normal", "sms") == Limit(3, "minutes")
    assert SEEDS.for_state("REGISTERED", "critical", "sms") == Limit(3, "minutes")
    assert SEEDS.for_state("REGISTERED", "critical", "web") == Limit(10, "minutes")
    assert SEEDS.for_state("REGISTERED", "normal", "fax") == Limit(1)


def test_a_state_nothing_limits_has_no_limit() -> None:
    assert SEEDS.for_state("ARCHIVED", "normal") is None


def test_a_kind_nobody_knows_has_the_limit_of_any_other() -> None:
    assert SEEDS.for_handling("", "normal") == SEEDS.for_handling("other", "normal")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_limits_every_kind_and_has_two_names(preset: str) -> None:
    limits = PRESETS[preset]
    assert limits.zh
    assert limits.en
    for kind in KINDS:
        for urgency in URGENCIES:
            assert limits.for_handling(kind, urgency).n > 0


def test_presets_are_what_their_cities_published() -> None:
    assert PRESETS["shandong"].for_handling("report", "normal") == Limit(5)
    assert PRESETS["shandong"].return_within == Limit(2)
    assert PRESETS["beijing"].for_handling("complaint", "normal") == Limit(15, "days")
    assert PRESETS["city_management"].for_state("CHECKING", "urgent") == Limit(1, "hours")
    assert PRESETS["12315"].for_handling("complaint", "normal") == Limit(60, "days")
