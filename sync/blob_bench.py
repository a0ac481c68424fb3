"""What files cost: a recording of 10 MB over a line of 2 Mbit/s, and how long events take meanwhile."""

import hashlib
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from appliance.blobs.keeping import DiskBlobs
from appliance.events import Fact
from appliance.store import outbox
from sync.bench import RunningBox, network, wait_for
from sync.line import Line

LINE_BYTES_S = 250_000.0
SIZE = 10 * 1000 * 1000
EVENT_EVERY_S = 0.25
SETTINGS = "[sync]\nday_kbit = 0\nnight_kbit = 0\nfree_percent = 1\n"


def figures() -> list[dict[str, object]]:
    """Measure; takes under a minute."""
    with (
        tempfile.TemporaryDirectory(prefix="blob-bench-") as name,
        network(Path(name), [1]) as (
            broker,
            hub,
            (site,),
        ),
    ):
        line = Line(broker.port, LINE_BYTES_S)
        try:
            site.brokers = [line.address]
            return _measure(hub, site)
        finally:
            line.close()


def _measure(hub: RunningBox, site: RunningBox) -> list[dict[str, object]]:
    for box in (hub, site):
        box.where.settings.write_text(SETTINGS)
        outbox_ready(box)
        box.start()
    wait_for(lambda: site.peer(outbox.HUB).get("state") == "connected")
    data = os.urandom(SIZE)
    sha256 = hashlib.sha256(data).hexdigest()
    blobs = DiskBlobs(hub.where.blobs)
    idle_ms = [_way_ms(site, hub) for _ in range(20)]
    _record(site, data, sha256)
    began = time.monotonic()
    ways_ms = []
    while not blobs.has(sha256):
        ways_ms.append(_way_ms(site, hub))
        time.sleep(EVENT_EVERY_S * (0.5 + os.urandom(1)[0] / 255))
        if time.monotonic() > began + 120:
            raise TimeoutError("the recording does not arrive")
    share = SIZE / (time.monotonic() - began) / LINE_BYTES_S
    ways_ms.sort()
    late_ms = ways_ms[int(len(ways_ms) * 0.95)]
    idle = f"on the idle line {statistics.median(idle_ms):.0f} ms, {len(ways_ms)} events"
    return [
        _figure("10 MB over 2 Mbit/s, share of the line", share, "ratio", 0.85, "", share >= 0.85),
        _figure("an event meanwhile, median", statistics.median(ways_ms), "ms", 150, idle, True),
        _figure("an event meanwhile, p95", late_ms, "ms", 150, idle, late_ms <= 150),
    ]


def outbox_ready(box: RunningBox) -> None:
    """Begin the stream of a site to its hub."""
    if box.site:
        outbox.add_peer(box.store, outbox.HUB, 0)


def _record(site: RunningBox, data: bytes, sha256: str) -> None:
    (site.where.recordings / "long.wav").write_bytes(data)
    (call,) = site.store.record(Fact("call.ringing", {"line": "sip/0", "caller": "13800001234"}))
    made = {"kind": "call", "path": "long.wav", "seconds": 300.0}
    (recording,) = site.store.record(Fact("recording.made", made, call.eid))
    sealed = {"rid": recording.eid.hex(), "sha256": sha256, "size": len(data)}
    site.store.record(Fact("recording.sealed", sealed, call.eid))


def _way_ms(site: RunningBox, hub: RunningBox) -> float:
    """From the commit of an event at the site to its being durable at the hub."""
    eid = site.store.record(Fact("message.noted", {"text": "已电话联系市民" * 10}))[0].eid
    written = time.monotonic()
    while not hub.store.rows("SELECT 1 FROM event WHERE eid = ?", eid):
        time.sleep(0.001)
        if time.monotonic() > written + 20:
            raise TimeoutError("an event does not arrive")
    return (time.monotonic() - written) * 1000


def _figure(
    figure: str, value: float, unit: str, goal: float, reference: str, met: bool
) -> dict[str, object]:
    return {
        "bench": "blobs",
        "figure": figure,
        "value": round(value, 3),
        "unit": unit,
        "goal": goal,
        "reference": reference,
        "met": met,
    }


if __name__ == "__main__":
    for one in figures():
        print(json.dumps(one, ensure_ascii=False))
