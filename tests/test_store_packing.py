"""What a box writes is kept packed, and read byte for byte as it was written."""

import hashlib
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from appliance.commands.reading import read
from appliance.configuration import Configuration
from appliance.events import Event, Fact
from appliance.places import Places
from appliance.store import packing
from appliance.store.packing import PACKED, kept, packed, unpacked
from appliance.store.store import COLUMNS, Store

MOVE = {
    "by": "1200",
    "from": "ACCEPTED",
    "move": "dispatch",
    "name": "周建国",
    "role": "DP",
    "seen": "01a1be88473900000001e06af2e4e71e",
    "task": "请于三日内核实云丰巷路灯情况并答复市民",
    "to": "DISPATCHED",
    "unit": "lamp",
    "unit_site": 2,
}

WORDS = "bad72b9217d45d7410c79340d9de5710575afbdb6cb444a3b972251b119e3a1c"
KEPT = (
    "0120eb7502004402e591a8e5bbbae59bbde4ba8ee4b889e4ba91e4b8b0e5b7b7e68385e586b56c616d70327d0c"
    "00c26799e07b36656b10dfeb7980143843193d97a05378904a6c97f42430780e6a003168858040"
)


@given(st.binary(max_size=300) | st.binary(max_size=50).map(lambda some: PACKED + some * 200))
def test_any_body_is_read_as_it_was_written(body: bytes) -> None:
    for own in (True, False):
        (one,) = kept([body], own)
        assert unpacked(one) == body


@given(st.text(max_size=2000))
def test_nothing_gets_longer_and_what_is_too_long_to_travel_keeps_its_length(text: str) -> None:
    body = json.dumps({"text": text}, ensure_ascii=False).encode("utf-8", "replace")
    assert len(packed(body)) <= len(body)
    assert len(body) <= packing.MOST_BYTES or packed(body) == body


def test_the_words_of_the_first_dictionary_never_change() -> None:
    """Every log that was ever written is read with them: better words get a number of their own."""
    words = Path(packing.__file__).with_name("packing_1.txt").read_bytes()
    assert (
        hashlib.sha256(words).hexdigest()
        == "bad72b9217d45d7410c79340d9de5710575afbdb6cb444a3b972251b119e3a1c"
    )


def test_a_log_of_the_first_release_that_packed_is_read() -> None:
    assert (
        json.loads(
            unpacked(
                bytes.fromhex(
                    "0120eb7502004402e591a8e5bbbae59bbde4ba8ee4b889e4ba91e4b8b0e5b7b7e68385e586b56c616d70327d0c00c26799e07b36656b10dfeb7980143843193d97a05378904a6c97f42430780e6a003168858040"
                )
            )
        )
        == MOVE
    )


def test_a_damaged_body_is_told_of_and_stops_nothing() -> None:
    assert unpacked(PACKED + b"damaged") == PACKED + b"damaged"


def test_what_is_written_here_takes_half_the_room_and_what_comes_is_kept_as_it_came(tmp_path: Path) -> None:
    store = Store(tmp_path / "box.db", 1, bind=False)
    (mine,) = store.record(Fact("ticket.noted", MOVE, b""))
    other = Event(bytes(15) + b"\x02", b"", "ticket.noted", 1, mine.body)
    store.take([other], via="hub")
    with closing(sqlite3.connect(tmp_path / "box.db")) as past_the_store:
        sizes = [size for (size,) in past_the_store.execute("SELECT length(body) FROM event ORDER BY pos")]
    assert sizes[0] < len(mine.body) / 2
    assert sizes[1] == len(mine.body)
    assert [bytes(row[5]) for row in store.rows(f"SELECT {COLUMNS} FROM event ORDER BY pos")] == [
        mine.body
    ] * 2
    assert [event.body for _, event in store.read(0, 9)] == [mine.body] * 2


def test_a_command_that_reads_past_the_store_reads_the_same(tmp_path: Path) -> None:
    where = Places(tmp_path).make()
    (mine,) = Store(where.database, 1, bind=False).record(Fact("ticket.noted", MOVE, b""))
    found = read(where, Configuration(), "SELECT body FROM event WHERE eid = ?", (mine.eid,))
    assert found == [{"body": mine.body}]


def test_a_command_by_itself_reads_the_same(tmp_path: Path) -> None:
    """In a process that has imported nothing else."""
    where = Places(tmp_path).make()
    Store(where.database, 1, bind=False).record(Fact("ticket.noted", MOVE, b""))
    code = (
        "import sys; from pathlib import Path; from appliance.commands.reading import read;"
        " from appliance.configuration import Configuration; from appliance.places import Places;"
        " (row,) = read(Places(Path(sys.argv[1])), Configuration(), 'SELECT body FROM event', ());"
        " print(row['body'].decode())"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == MOVE


def test_a_database_of_an_earlier_version_goes_on_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "box.db"
    Store(file, 1, bind=False).engine.close()
    with closing(sqlite3.connect(file)) as base:
        (made,) = base.execute("SELECT sql FROM sqlite_master WHERE name = 'event'").fetchone()
        base.execute("DROP TABLE event")
        base.execute(made.replace("PACKED_BLOB", "BLOB"))
    store = Store(file, 1, bind=False)
    (mine,) = store.record(Fact("ticket.noted", MOVE, b""))
    assert [bytes(body) for (body,) in store.rows("SELECT body FROM event")] == [mine.body]
