"""The working calendar on its page and on the command line: a year, a day by hand, a notice with preview."""

import json
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest

from appliance.calendar.days import LAST_YEAR
from appliance.calendar.keeping import CalendarKeeper
from appliance.calendar.reading import SIZE_MAX
from appliance.calendar.site import SiteCalendar
from appliance.cli import main
from appliance.commands.calendar import check
from appliance.store.alarms import Alarm
from tests.test_calendar_site import as_csv, as_json, notice
from tests.web_pages import Visitor, Web, open_web


@pytest.fixture
def web(tmp_path: Path) -> Web:
    return open_web(tmp_path / "box")


@pytest.fixture
def administrator(web: Web) -> Visitor:
    return web.visitor("9000")


def test_a_year_is_shown_with_its_days_off_and_where_it_comes_from(administrator: Visitor) -> None:
    page = administrator.get("/settings/calendar?year=2026").text
    assert 'data-source="official"' in page
    assert 'class="day rest official" href="/settings/calendar?year=2026&amp;day=2026-10-01#day"' in page
    assert 'class="day made_up official" href="/settings/calendar?year=2026&amp;day=2026-09-20#day"' in page
    assert "工作日" in page
    assert 'data-source="estimated"' in administrator.get("/settings/calendar?year=2027").text


@pytest.mark.parametrize("year", ["", "x", "1", "99999", "²⁰²⁶", "2003", "2051"])
def test_any_year_shows_a_page(administrator: Visitor, year: str) -> None:
    assert administrator.get("/settings/calendar").status_code == 200
    assert administrator.get(f"/settings/calendar?year={year}&day={year}").status_code == 200


def test_the_last_year_is_the_last(administrator: Visitor) -> None:
    assert f"year={LAST_YEAR + 1}" in administrator.get(f"/settings/calendar?year={LAST_YEAR}").text


def test_a_day_is_changed_by_hand_and_taken_back(web: Web, administrator: Visitor) -> None:
    assert "国庆节" in administrator.get("/settings/calendar?year=2026&day=2026-09-20").text
    saved = administrator.post(
        "/settings/calendar/day", day="2026-12-01", work="rest", name="防汛停工", do="enter"
    )
    assert saved.status_code == 302
    page = administrator.get("/settings/calendar?year=2026&day=2026-12-01").text
    assert "防汛停工" in page
    assert 'class="day rest manual"' in page
    assert web.box.store.rows("SELECT count(*) FROM job WHERE kind = 'reckon'")[0][0] == 1
    assert "9000 系统管理员" in page
    administrator.post("/settings/calendar/day", day="2026-12-01", do="forget")
    assert "恢复年度安排" in administrator.get("/settings/calendar?year=2026&day=2026-12-01").text
    assert 'class="day rest manual"' not in administrator.get("/settings/calendar?year=2026").text


def test_a_day_that_cannot_be_changed_comes_back_with_a_sentence(administrator: Visitor) -> None:
    for day, sentence in (("2027-02-30", "不是日期"), ("2060-01-01", "超出日历范围"), ("", "不是日期")):
        answer = administrator.post("/settings/calendar/day", day=day, work="rest", do="enter")
        assert answer.status_code == 422
        assert sentence in answer.text
    long = administrator.post("/settings/calendar/day", day="2026-12-01", name="长" * 41, do="enter")
    assert long.status_code == 422


def test_a_notice_is_looked_at_and_then_imported(web: Web, administrator: Visitor) -> None:
    file = (BytesIO(as_json(notice())), "2027.json")
    seen = administrator.post("/settings/calendar/preview", file=file, notice="国办发明电〔2026〕7号")
    assert 'data-test="preview"' in seen.text
    assert "有5天与现在不同" in seen.text
    assert web.box.tickets.dues.in_force.calendar.year(2027).source == "estimated"
    done = administrator.post(
        "/settings/calendar/import", rows=as_json(notice()).decode(), notice="国办发明电〔2026〕7号"
    )
    assert done.status_code == 302
    page = administrator.get("/settings/calendar?year=2027").text
    assert "2027年的导入记录" in page
    assert 'data-source="official"' in page
    assert "国办发明电〔2026〕7号" in page


def test_pasted_rows_and_files_of_old_spreadsheets_are_understood(administrator: Visitor) -> None:
    pasted = administrator.post("/settings/calendar/preview", rows=as_csv(notice()).decode("gb18030"))
    assert "有5天与现在不同" in pasted.text
    old = administrator.post(
        "/settings/calendar/preview", file=(BytesIO(as_csv(notice())), "C:\\日历\\2027.csv")
    )
    assert "有5天与现在不同" in old.text
    assert "2027.csv" in old.text
    assert "春节" in old.text


def test_a_notice_with_faults_is_told_row_by_row_and_nothing_is_imported(
    web: Web, administrator: Visitor
) -> None:
    bad = as_csv(notice()).decode("gb18030") + "\n2027-02-30,休,春节"
    for address in ("preview", "import"):
        answer = administrator.post(f"/settings/calendar/{address}", rows=bad)
        assert answer.status_code == 422
        assert "“2027-02-30”不是日期" in answer.text
        assert "2027-02-30,休,春节" in answer.text
    assert web.box.store.rows("SELECT count(*) FROM entry WHERE kind = 'calendar_year'")[0][0] == 0
    large = administrator.post("/settings/calendar/preview", file=(BytesIO(b"x" * (SIZE_MAX + 9)), "x"))
    assert large.status_code == 422
    english = web.visitor("9000", "en").post("/settings/calendar/preview", rows=bad)
    assert "is no date; write it like" in english.text


def test_who_plans_looks_and_only_an_administrator_changes(web: Web) -> None:
    dispatcher = web.visitor("1200")
    page = dispatcher.get("/settings/calendar?day=2026-12-01&year=2026").text
    assert 'data-test="day-save"' not in page
    assert dispatcher.post("/settings/calendar/day", day="2026-12-01", do="enter").status_code == 403
    assert web.visitor("1001").get("/settings/calendar").status_code == 403


def test_the_box_page_tells_that_next_year_is_missing(web: Web, administrator: Visitor) -> None:
    alarm = "Next year's holidays are not loaded"
    assert 'data-test="alarm"' not in administrator.get("/box").text
    keeper = CalendarKeeper(web.box.store, Alarm(web.box.store, "calendar").say, now=lambda: 1795500000.0)
    keeper.look()
    assert "次年放假安排尚未导入" in administrator.get("/box").text
    assert administrator.get("/box/state").json["alarms"][0].startswith(alarm)  # type: ignore[index]


def run(web: Web, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(["--data", str(web.box.places.data), "calendar", *words])
    said = capsys.readouterr()
    return status, said.out, said.err


def test_the_command_line_counts_working_days(web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(web, capsys, "due", "2026-11-23", "15") == (0, "2026-12-14\n", "")
    assert run(web, capsys, "due", "2026-11-23", "30") == (0, "2027-01-05 (provisional)\n", "")
    assert json.loads(run(web, capsys, "due", "2026-11-23", "30", "--json")[1])["provisional"] is True
    assert run(web, capsys, "due", "2026-11-31", "1")[0] == 1
    assert run(web, capsys, "due", "2026-11-23", "0")[0] == 2
    assert run(web, capsys, "due", "2050-12-30", "5")[0] == 1
    assert run(web, capsys, "due")[0] == 2


def test_the_command_line_shows_a_year(web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(web, capsys, "show", "2026")
    assert status == 0
    assert "2026-09-20 Sun  work  official   国庆节" in out
    facts = json.loads(run(web, capsys, "show", "2027", "--json")[1])
    assert (facts["source"], facts["days"][0]["date"]) == ("estimated", "2027-01-01")
    assert run(web, capsys, "show", "next")[0] == 2
    assert run(web, capsys, "show", "1999")[0] == 1


def test_the_command_line_imports_a_notice_or_says_what_is_wrong(
    web: Web, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    good, bad = tmp_path / "2027.json", tmp_path / "bad.csv"
    good.write_bytes(as_json(notice()))
    bad.write_bytes(b"date,work\n2027-13-01,rest\n")
    status, _, err = run(web, capsys, "import", str(bad))
    assert status == 1
    assert "row 2: “2027-13-01” is no date" in err
    assert "Nothing was imported." in err
    assert "2027-02-20 Sat  rest → work  春节" in run(web, capsys, "import", str(good), "--dry-run")[1]
    november = date(2026, 11, 29)
    assert check(SiteCalendar(web.box.store).calendar(), november) == 1
    assert "2027: estimated" in capsys.readouterr().out
    assert run(web, capsys, "import", str(good), "--notice", "7号")[0] == 0
    assert check(SiteCalendar(web.box.store).calendar(), november) == 0
    assert "2027: official (7号)" in capsys.readouterr().out
    assert run(web, capsys, "check")[0] in (0, 1)
    assert run(web, capsys, "import", str(tmp_path / "none"))[0] == 2


def test_without_a_box_the_calendar_every_box_begins_with_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path), "calendar", "due", "2026-09-19", "1"]) == 0
    assert capsys.readouterr().out == "2026-09-20\n"
    file = tmp_path / "x.json"
    file.write_bytes(as_json(notice()))
    assert main(["--data", str(tmp_path), "calendar", "import", str(file)]) == 2
