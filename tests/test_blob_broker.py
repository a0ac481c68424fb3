"""Recordings reach the hub byte for byte over a real mosquitto, though lines are cut and processes killed."""

import hashlib
import os
import random
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.blobs import wants
from appliance.blobs.keeping import DiskBlobs
from appliance.events import Fact
from appliance.store import outbox
from sync.bench import MOSQUITTO, Broker, RunningBox, network, wait_for
from sync.line import Line

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(not os.path.exists(MOSQUITTO), reason="mosquitto is not installed"),
]
MB = 1024 * 1024
LIMIT_S = 90.0
UNLIMITED = "[sync]\nday_kbit = 0\nnight_kbit = 0\nfree_percent = 1\n"


@dataclass
class Boxes:
    """A hub and site 1 that reaches the broker over a line."""

    broker: Broker
    line: Line
    hub: RunningBox
    site: RunningBox

    def record(self, data: bytes, sha256: str = "") -> tuple[bytes, str]:
        """A sealed recording at the site; returns its id and hash."""
        store, name = self.site.store, f"{time.time_ns()}.wav"
        (self.site.where.recordings / name).write_bytes(data)
        sha256 = sha256 or hashlib.sha256(data).hexdigest()
        (call,) = store.record(Fact("call.ringing", {"line": "sip/0", "caller": "13800001234"}))
        made = {"kind": "call", "path": name, "seconds": 1.0}
        (recording,) = store.record(Fact("recording.made", made, call.eid))
        sealed = {"rid": recording.eid.hex(), "sha256": sha256, "size": len(data)}
        store.record(Fact("recording.sealed", sealed, call.eid))
        return recording.eid, sha256

    def fetched(self, sha256: str) -> int:
        """Bytes of it that are durable at the hub."""
        found = wants.state(self.hub.store, sha256)
        return found[1] if found else 0

    def at_hub(self, sha256: str) -> bytes | None:
        path = DiskBlobs(self.hub.where.blobs).local(sha256)
        return path.read_bytes() if path else None

    def stored(self, box: RunningBox, rid: bytes) -> object:
        rows = box.store.rows("SELECT stored FROM recording WHERE rid = ?", rid)
        return rows[0][0] if rows else None


def boxes_over(folder: Path, rate: float) -> Iterator[Boxes]:
    with network(folder, [1]) as (broker, hub, (site,)):
        line = Line(broker.port, rate)
        try:
            site.brokers = [line.address]
            for box in (hub, site):
                box.where.settings.write_text(UNLIMITED)
            outbox.add_peer(site.store, outbox.HUB, 0)
            hub.start()
            site.start()
            yield Boxes(broker, line, hub, site)
        finally:
            line.close()


@pytest.fixture
def boxes(tmp_path: Path) -> Iterator[Boxes]:
    """Over a line of 16 Mbit/s."""
    yield from boxes_over(tmp_path, 2_000_000.0)


def sound(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def test_a_recording_arrives_byte_for_byte_over_a_line_that_is_cut_and_the_site_is_told(boxes: Boxes) -> None:
    data = sound(1, 3 * MB)
    rid, sha256 = boxes.record(data)
    for mb in (1, 2):
        wait_for(lambda mb=mb: boxes.fetched(sha256) >= mb * MB, LIMIT_S)  # type: ignore[misc]
        boxes.line.cut()
    wait_for(lambda: boxes.stored(boxes.site, rid) == sha256, LIMIT_S)
    assert boxes.at_hub(sha256) == data
    assert boxes.stored(boxes.hub, rid) == sha256
    assert boxes.line.up.carried < 4.5 * MB, "what had come was not sent again"


def test_neither_side_begins_anew_when_it_is_killed_on_the_way(boxes: Boxes) -> None:
    data = sound(2, 4 * MB)
    rid, sha256 = boxes.record(data)
    for mb, victim in ((1, boxes.hub), (2, boxes.site)):
        wait_for(lambda mb=mb: boxes.fetched(sha256) >= mb * MB, LIMIT_S)  # type: ignore[misc]
        victim.end(signal.SIGKILL)
        time.sleep(0.2)
        victim.start()
    wait_for(lambda: boxes.stored(boxes.site, rid) == sha256, LIMIT_S)
    assert boxes.at_hub(sha256) == data
    assert boxes.line.up.carried < 6.5 * MB, "at most the megabyte that was not yet durable, each time"


def test_a_file_that_is_not_what_was_sealed_is_set_aside_and_people_are_told(boxes: Boxes) -> None:
    _, false = boxes.record(sound(3, 20_000), sha256="ab" * 32)
    rid, good = boxes.record(sound(4, 20_000))
    wait_for(lambda: wants.wrong(boxes.hub.store) == [false], LIMIT_S)
    wait_for(lambda: boxes.stored(boxes.hub, rid) == good, LIMIT_S)
    alarms = boxes.hub.store.rows("SELECT value FROM setting WHERE name = 'alarm.blobs.broken'")
    assert "damaged" in alarms[0][0]
    assert boxes.at_hub(false) is None


def test_a_site_fetches_from_the_hub_what_somebody_there_opens(boxes: Boxes) -> None:
    data = sound(5, 300_000)
    sha256 = hashlib.sha256(data).hexdigest()
    part = boxes.hub.where.data / "made"
    part.write_bytes(data)
    blobs = DiskBlobs(boxes.hub.where.blobs)
    blobs.put(sha256, part)
    wants.ask(boxes.site.store, sha256, len(data), 0, time.time())
    here = DiskBlobs(boxes.site.where.blobs)
    wait_for(lambda: here.has(sha256), LIMIT_S)
    assert (here.local(sha256) or part).read_bytes() == data
