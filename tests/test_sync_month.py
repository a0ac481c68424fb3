"""A branch that was alone for a month and its hub show the same within minutes of the line being back."""

from pathlib import Path

from tests.demo.month import play


def test_after_thirty_days_alone_all_show_the_same_within_minutes_over_a_slow_line(tmp_path: Path) -> None:
    reunion = play(tmp_path, a_day=4)
    assert reunion.alone >= 30 * 8
    assert reunion.elsewhere >= 30 * 8
    assert reunion.seconds < 120
    assert reunion.carried < 120 * (reunion.alone + reunion.elsewhere)
