"""A commit of another process wakes the sync process; silence does not."""

import select
from pathlib import Path

import pytest

from appliance.events import Fact
from appliance.store.store import Store
from sync.wake import IDLE_LOOK_S, LOOK_S, Wake


def test_a_commit_wakes_and_is_looked_for_until_its_fsync_is_done(tmp_path: Path) -> None:
    store = Store(tmp_path / "box.db", 1, bind=False)
    wake = Wake(tmp_path)
    with store.connection():
        assert wake.look_s(0.0) == IDLE_LOOK_S
        store.record(Fact("message.noted", {}))
        assert select.select([wake.fd], [], [], 5)[0]
        wake.take(100.0)
        assert [wake.look_s(now) for now in (100.05, 101.0, 103.0)] == [0.004, LOOK_S, IDLE_LOOK_S]
    wake.close()


def test_reading_wakes_nobody(tmp_path: Path) -> None:
    store = Store(tmp_path / "box.db", 1, bind=False)
    with store.connection():
        wake = Wake(tmp_path)
        store.rows("SELECT count(*) FROM event")
        wake.take(100.0)
        assert wake.look_s(100.0) == IDLE_LOOK_S
        wake.close()


def test_where_the_kernel_tells_nothing_it_is_looked_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "other")
    wake = Wake(tmp_path)
    wake.take(0.0)
    assert wake.fd == -1
    assert wake.look_s(1000.0) == LOOK_S


def test_a_folder_that_is_not_there_is_looked_at_often(tmp_path: Path) -> None:
    assert Wake(tmp_path / "nowhere").look_s(0.0) == LOOK_S
