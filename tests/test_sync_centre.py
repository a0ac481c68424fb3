"""From the centre to the sites over two real ends of a link: what is kept and dispatched there arrives."""

from pathlib import Path

import pytest

from appliance.conflicts.office import ConflictOffice
from appliance.dictionary.dictionary import Dictionary
from appliance.people import CITIZEN, People
from appliance.store.digest import digest
from appliance.store.outbox import HUB, peer_name
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.workflow import SHIPPED
from appliance.tickets.workflows import Workflows
from sync.identity import SIDECAR
from sync.node import Node
from tests.sync_net import CHIEF
from tests.ticket_desk import AGENT, DISPATCHER, LAMP, TOLD

STEP_S = 1.0


class Line:
    """A hub and two sites, each with its node, and a wire that can be cut."""

    def __init__(self, folder: Path) -> None:
        self.now = 0.0
        self.cut: set[int] = set()
        self.stores: dict[int, Store] = {}
        self.nodes: dict[int, Node] = {}
        self.folder = folder
        for site in (0, 1, 2):
            self.join(site)

    def join(self, site: int) -> None:
        """Switch a box on and reach the broker."""
        store = Store(self.folder / str(site) / "box.db", site, bind=False)
        store.database.connect()
        self.stores[site] = store
        self.nodes[site] = Node(store, self.folder / str(site) / SIDECAR, self.now)
        self.nodes[site].connected(self.now)

    def run(self, seconds: float = 15.0) -> None:
        """Let everybody talk for so long."""
        until_s = self.now + seconds
        while self.now < until_s:
            self.now += STEP_S
            for site, node in self.nodes.items():
                node.refresh()
                for far, data in node.outgoing(self.now):
                    if not self.cut & {site, far}:
                        self.nodes[far].receive(site, data, self.now)

    def agree(self, *sites: int) -> None:
        """Hub and site hold the same of what concerns both."""
        for site in sites:
            assert digest(self.stores[0], peer_name(site)) == digest(self.stores[site], HUB)

    def desk(self, site: int) -> TicketDesk:
        """The desk of a box."""
        return TicketDesk(self.stores[site])


@pytest.fixture
def line(tmp_path: Path) -> Line:
    line = Line(tmp_path)
    line.run(5)
    return line


def kept_at_the_centre(line: Line) -> None:
    """Units, a category, people and a workflow, as an administrator of the centre keeps them."""
    hub = Dictionary(line.stores[0])
    for number, name, parent in (("1", "市", ""), ("2", "区", "1"), ("3", "所", "2")):
        hub.set(CHIEF, "site", number, {"name": name, "parent": parent})
    hub.set(CHIEF, "unit", "lamp", {"name": "路灯管理所", "site": 2})
    hub.set(CHIEF, "unit", "water", {"name": "水务集团", "site": 1})
    hub.set(CHIEF, "unit", "east", {"name": "东区所", "site": 3})
    hub.set(CHIEF, "category", "0101", {"name": "路灯", "unit": "lamp"})
    People(line.stores[0]).create_person("2001", "孙立", "one-time-code", ("U2",), unit="lamp")
    Workflows(line.stores[0]).publish(CHIEF, "city", SHIPPED.moves, (), "全市统一")


def test_the_centre_dispatches_to_a_units_site_which_works_on_it_and_answers(line: Line) -> None:
    kept_at_the_centre(line)
    line.run()
    for site in (1, 2):
        assert Dictionary(line.stores[site]).by_key("unit")["lamp"].text("name") == "路灯管理所"
    assert line.stores[2].rows("SELECT name, unit, active FROM person") == [("孙立", "lamp", 1)]
    assert line.stores[1].rows("SELECT count(*) FROM person") == [(0,)]
    ticket = line.desk(0).create(CITIZEN, "web", dict(TOLD))
    line.desk(0).move(AGENT, ticket.tid, "accept")
    line.desk(0).move(DISPATCHER, ticket.tid, "dispatch", {"unit": "lamp"})
    line.run()
    assert line.desk(2).get(ticket.tid).workflow == "city@1"
    line.desk(2).move(LAMP, ticket.tid, "sign")
    line.desk(2).move(LAMP, ticket.tid, "submit_result", {"result": "已修复"})
    line.run()
    for site in (0, 1, 2):
        found = line.desk(site).get(ticket.tid)
        assert (found.state, found.result) == ("FEEDBACK", "已修复")
    line.agree(1, 2)


def test_a_site_that_joins_late_gets_the_whole_of_what_concerns_it_and_nothing_else(line: Line) -> None:
    kept_at_the_centre(line)
    tickets = {}
    for unit in ("lamp", "water", "east"):
        ticket = line.desk(0).create(CITIZEN, "web", dict(TOLD))
        line.desk(0).move(AGENT, ticket.tid, "accept")
        tickets[unit] = line.desk(0).move(DISPATCHER, ticket.tid, "dispatch", {"unit": unit}).tid
    line.run()
    line.join(3)
    line.run()
    seen = {site: {unit for unit, tid in tickets.items() if line.desk(site).find(tid)} for site in (1, 2, 3)}
    assert seen == {1: {"lamp", "water", "east"}, 2: {"lamp", "east"}, 3: {"east"}}
    assert Dictionary(line.stores[3]).by_key("category")["0101"].text("name") == "路灯"
    line.agree(1, 2, 3)


def test_apart_for_a_month_both_sides_write_and_settle_it_when_they_meet(line: Line) -> None:
    kept_at_the_centre(line)
    ticket = line.desk(0).create(CITIZEN, "web", dict(TOLD))
    line.desk(0).move(AGENT, ticket.tid, "accept")
    line.desk(0).move(DISPATCHER, ticket.tid, "dispatch", {"unit": "lamp"})
    line.run()
    line.cut.add(2)
    line.run(40)
    line.desk(2).move(LAMP, ticket.tid, "sign")
    line.desk(0).edit(DISPATCHER, ticket.tid, {"title": "柳林街路灯"})
    line.desk(0).move(DISPATCHER, ticket.tid, "recall", {"reason": "派错"})
    line.desk(0).move(DISPATCHER, ticket.tid, "dispatch", {"unit": "water"})
    line.run()
    line.cut.clear()
    line.run(100)
    states = {
        (found.state, found.unit, found.title)
        for site in (0, 1, 2)
        if (found := line.desk(site).find(ticket.tid))
    }
    assert len(states) == 1
    offices = [ConflictOffice(line.stores[site], line.desk(site)) for site in (0, 1, 2)]
    waiting = offices[0].listed()
    assert waiting
    for clash in waiting:
        offices[0].settle(DISPATCHER, clash.key, "keep")
    line.run()
    assert [office.count() for office in offices] == [0, 0, 0]
    line.agree(1, 2)


def test_a_hub_that_begins_anew_from_an_empty_disk_is_filled_by_its_sites(line: Line, tmp_path: Path) -> None:
    kept_at_the_centre(line)
    ticket = line.desk(2).create(CITIZEN, "web", dict(TOLD))
    line.run()
    (tmp_path / "0" / "box.db").rename(tmp_path / "old.db")
    for suffix in ("-wal", "-shm"):
        (tmp_path / "0" / f"box.db{suffix}").unlink(missing_ok=True)
    line.join(0)
    line.run(100)
    assert line.desk(0).get(ticket.tid).title == TOLD["title"]
    assert Dictionary(line.stores[0]).by_key("unit")["lamp"].text("name") == "路灯管理所"
    line.agree(1, 2)
