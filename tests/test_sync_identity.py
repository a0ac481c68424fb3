"""A box knows itself from copies of itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.store.store import Store
from sync.identity import awaken


@contextmanager
def store(file: Path) -> Iterator[Store]:
    opened = Store(file, 3, bind=False)
    with opened.connection():
        yield opened
        opened.rows("PRAGMA wal_checkpoint(TRUNCATE)")


def test_a_box_keeps_its_incarnation_and_each_run_is_another_session(tmp_path: Path) -> None:
    with store(tmp_path / "a.db") as box:
        first, reason = awaken(box, tmp_path / "side")
        again, reason_again = awaken(box, tmp_path / "side")
    assert reason == reason_again == ""
    assert first.incarnation == again.incarnation
    assert first.session != again.session


def test_a_database_restored_from_before_the_last_start_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    with store(file) as box:
        identity, _ = awaken(box, tmp_path / "side")
    backup = file.read_bytes()
    with store(file) as box:
        awaken(box, tmp_path / "side")
    file.write_bytes(backup)
    with store(file) as box:
        restored, reason = awaken(box, tmp_path / "side")
        _, quiet = awaken(box, tmp_path / "side")
    assert "older copy" in reason
    assert restored.incarnation == identity.incarnation
    assert quiet == ""


def test_a_database_carried_to_another_box_is_another_incarnation(tmp_path: Path) -> None:
    with store(tmp_path / "a.db") as box:
        here, _ = awaken(box, tmp_path / "side")
        there, reason = awaken(box, tmp_path / "elsewhere")
    assert "another box" in reason
    assert here.incarnation != there.incarnation


def test_a_new_database_on_a_known_box_is_noticed(tmp_path: Path) -> None:
    with store(tmp_path / "a.db") as box:
        awaken(box, tmp_path / "side")
    with store(tmp_path / "b.db") as box:
        _, reason = awaken(box, tmp_path / "side")
    assert "new" in reason


def test_a_torn_file_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "side").write_text("7f")
    with store(tmp_path / "a.db") as box:
        _, reason = awaken(box, tmp_path / "side")
    assert reason == ""


def test_a_start_interrupted_between_database_and_file_is_no_restore(tmp_path: Path) -> None:
    with store(tmp_path / "a.db") as box:
        awaken(box, tmp_path / "side")
        written = (tmp_path / "side").read_text()
        awaken(box, tmp_path / "side")
        (tmp_path / "side").write_text(written)
        _, reason = awaken(box, tmp_path / "side")
    assert reason == ""
