"""All sites on one page: what each tells of itself over the link, and what is wrong with it."""

import time
from pathlib import Path

import msgspec
import pytest

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.draft import Draft
from appliance.events import Fact
from appliance.people import BOX
from appliance.store.alarms import Alarm
from appliance.store.condition import ALARMS, TOLD_LETTERS, Condition, condition, read, report
from appliance.store.store import Store
from appliance.store.streams_view import streams
from sync.identity import SIDECAR
from sync.node import NOTE_S, Node
from sync.peer import PING_S
from tests.web_pages import Web, open_web

HOUR_S = 3600.0


class Link:
    """A hub and a site, each with its node, and a wire that carries at once."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.stores = {site: Store(folder / str(site) / "box.db", site, bind=False) for site in (0, 7)}
        self.nodes = {
            site: Node(store, folder / str(site) / SIDECAR, self.now) for site, store in self.stores.items()
        }

    def run(self, seconds: float) -> None:
        """Let both ends talk for so long."""
        until_s = self.now + seconds
        while self.now < until_s:
            self.now += 0.5
            for site, node in self.nodes.items():
                with self.stores[site].connection():
                    node.refresh()
                    for far, data in node.outgoing(self.now):
                        with self.stores[far].connection():
                            self.nodes[far].receive(site, data, self.now)

    def connect(self) -> None:
        """Both reach the broker."""
        for node in self.nodes.values():
            node.connected(self.now)


def test_a_site_tells_the_hub_how_it_is_and_the_hub_the_site(tmp_path: Path) -> None:
    link = Link(tmp_path)
    Alarm(link.stores[7], "disk").say("The disk is full.")
    link.stores[7].record(Fact("ticket.noted", {"text": "x"}, b"0" * 16))
    link.connect()
    link.run(3)
    (at_hub,) = streams(link.stores[0], time.time())
    assert at_hub.condition is not None
    assert at_hub.condition.alarms == ("The disk is full.",)
    assert at_hub.condition.events == 1
    assert at_hub.condition.version
    (at_site,) = streams(link.stores[7], time.time())
    assert at_site.condition is not None


def test_it_is_told_again_though_events_flow_all_the_time(tmp_path: Path) -> None:
    link = Link(tmp_path)
    link.connect()
    link.run(2)
    Alarm(link.stores[7], "disk").say("The disk is full.")
    link.nodes[7]._reported = (-HOUR_S, "")
    for _ in range(round(PING_S)):
        link.stores[7].record(Fact("ticket.noted", {"text": "x"}, b"0" * 16))
        link.run(1)
    link.run(NOTE_S + 1)
    link.nodes[0].write_notes(link.now)
    assert link.nodes[0]._notes[7].report.count("The disk is full.") == 1


def test_since_when_it_is_away_is_kept_while_it_stays_away(tmp_path: Path) -> None:
    link = Link(tmp_path)
    link.connect()
    link.run(2)
    (before,) = streams(link.stores[0], time.time())
    assert before.connected
    for node in link.nodes.values():
        node.disconnected("the cable")
    link.run(2)
    (away,) = streams(link.stores[0], time.time())
    assert (away.state, away.reason) == ("away", "the cable")
    assert away.since_s >= before.since_s > 0
    link.run(5)
    assert streams(link.stores[0], time.time())[0].since_s == away.since_s


def test_a_report_is_never_longer_than_a_frame_takes(tmp_path: Path) -> None:
    store = Store(tmp_path / "box.db", 1, bind=False)
    for n in range(3 * ALARMS):
        Alarm(store, f"a{n}").say("电" * 1000)
    assert len(report(store)) <= TOLD_LETTERS
    assert read(report(store)) == condition(store)


@pytest.mark.parametrize("told", ["", "null", "[1]", '{"alarms": 3}', '{"disk_percent": "much"}', "{"])
def test_what_is_no_report_is_none(told: str) -> None:
    assert read(told) is None


@pytest.fixture
def web(tmp_path: Path) -> Web:
    """The pages of a box with two sites: one well, one away with a full disk and a wrong clock."""
    web = open_web(tmp_path)
    well = Condition(version="0.1.0", events=9, disk_percent=20, disk_free_mb=90_000, open_tickets=4)
    ill = msgspec.structs.replace(well, disk_percent=97, alarms=("The disk is full.",), quarantined=2)
    now_s = time.time()
    with web.box.store.transaction():
        for site, state, clock_s, told in ((7, "connected", 0.0, well), (8, "away", 4000.0, ill)):
            web.box.store.execute(
                "INSERT INTO peer (name, site, out_seq, acked, state, seen_s, out_epoch, out_chain, out_low,"
                " in_epoch, in_seq, in_chain, incarnation, reason, clock_s, restarts, since_s, waiting,"
                " report)"
                " VALUES (?, ?, 12, 9, ?, ?, 1, x'', 0, 1, 5, x'', '', '', ?, 0, ?, 6, ?)",
                *(f"site-{site:03d}", site, state, now_s, clock_s, now_s - HOUR_S),
                msgspec.json.encode(told).decode(),
            )
    return web


def test_the_central_office_sees_every_site_and_what_is_wrong_with_it(web: Web) -> None:
    page = web.visitor("9100", "en").get("/sites").text
    assert page.index('data-test="site-8"') < page.index('data-test="site-7"')
    ill = page[page.index('data-test="site-8"') : page.index('data-test="site-7"')]
    for words in ("disk nearly full", "clock wrong", "The disk is full.", "entries set aside there", "97"):
        assert words in ill
    assert "disk nearly full" not in page[page.index('data-test="site-7"') :]
    assert 'data-test="sites-connected">1 / 2' in page


def test_a_site_has_its_name_and_the_one_above_it(web: Web) -> None:
    def named(draft: Draft) -> None:
        draft.set("site", "7", {"name": "云河市", "name_en": "Yunhe"})
        draft.set("site", "8", {"name": "云东区", "name_en": "Yundong", "parent": "7"})

    Dictionary(web.box.store).write(BOX, named)
    page = web.visitor("9100").get("/sites").text
    below = page[page.index('data-test="site-8"') :]
    assert "云东区" in below
    assert "云河市 ·" in below


def test_programs_are_told_the_same(web: Web) -> None:
    answer = web.visitor("9100").get("/api/v1/sites")
    assert answer.json is not None
    well, ill = answer.json["sites"]
    assert (well["site"], well["state"], well["troubles"], well["to_come"]) == (7, "connected", [], 6)
    assert ill["troubles"] == ["away", "disk", "clock", "alarms", "quarantined"]


def test_nobody_else_opens_it(web: Web) -> None:
    assert web.visitor("1001").get("/sites").status_code == 403
