"""Limits on their page: what is in force beside the presets, and taking one over."""

from pathlib import Path

import pytest

from appliance.tickets.clocks import Limit
from appliance.tickets.limits import PRESETS
from tests.test_calendar_site import ADMINISTRATOR
from tests.web_pages import Web, open_web


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return open_web(tmp_path / "box")


def test_what_is_in_force_stands_beside_the_presets(web: Web) -> None:
    page = web.visitor("9000").get("/settings/limits").text
    assert "30个工作日" in page
    assert all(
        f'data-test="take-{name}"' in page for name in PRESETS if name not in ("seeds", "city_management")
    )
    assert 'data-test="take-seeds"' not in page
    assert "30 working days" in web.visitor("9000", "en").get("/settings/limits").text


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_that_is_taken_over_is_in_force_as_a_whole(web: Web, name: str) -> None:
    administrator = web.visitor("9000")
    assert administrator.post("/settings/limits", preset="12315").status_code == 302
    assert administrator.post("/settings/limits", preset=name).status_code == 302
    limits, preset = web.box.tickets.dues.in_force.limits, PRESETS[name]
    for kind in preset.handling:
        assert limits.for_handling(kind, "normal") == preset.for_handling(kind, "normal")
    assert limits.steps == preset.steps
    assert limits.urgent_steps == preset.urgent_steps
    assert limits.intake == preset.intake
    assert limits.extension == preset.extension
    assert limits.return_within == preset.return_within
    assert f'data-test="take-{name}"' not in administrator.get("/settings/limits").text


def test_a_category_with_limits_of_its_own_is_shown(web: Web) -> None:
    dictionary = web.box.tickets.dictionary
    code = web.box.store.rows("SELECT code FROM category LIMIT 1")[0][0]
    dictionary.set(ADMINISTRATOR, "category", code, {"limits": {"repair": "12h"}})
    assert "维修 12小时" in web.visitor("9000").get("/settings/limits").text
    assert web.box.tickets.dues.in_force.limits_of(code).for_handling("repair", "") == Limit(12, "hours")


def test_only_an_administrator_takes_a_preset_over(web: Web) -> None:
    dispatcher = web.visitor("1200")
    assert 'data-test="take-shandong"' not in dispatcher.get("/settings/limits").text
    assert dispatcher.post("/settings/limits", preset="shandong").status_code == 403
    unknown = web.visitor("9000").post("/settings/limits", preset="moon")
    assert unknown.status_code == 422
    assert "没有这套时限" in unknown.text
