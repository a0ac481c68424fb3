"""A hub with its authority and a real mosquitto with TLS on this machine, and boxes that join it."""

import contextlib
import getpass
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from appliance.actor import Actor
from appliance.configuration import Site, Sync
from appliance.network import broker_files, renewal
from appliance.network.authority import Authority, key_pem, new_key, signing_request
from appliance.network.enrolment import Enrolment
from appliance.network.papers import Papers
from appliance.places import Places
from appliance.store.store import Store
from sync.access import Access, Tls
from sync.bench import MOSQUITTO, Broker, RunningBox
from tests.web_pages import Web, free_port, open_web

BROKERS = ("10.0.0.1:8883", "10.0.0.2:8883")
TECHNICIAN = Actor("9100", "技术员", frozenset({"TE"}))


class FilesBroker(Broker):
    """A mosquitto with the files of a folder, which `hotline broker files` wrote for that folder and port."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._file = folder / "mosquitto.conf"
        with self._file.open("a") as file:
            file.write(f"user {getpass.getuser()}\n")
        self.log = folder / "mosquitto.log"
        self.start()

    def start(self) -> None:
        """Start it and wait until it listens; what it says is kept."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._file)], stdout=log, stderr=log)
        self.wait()

    def reload(self, crl: Path) -> None:
        """Bring a new list of revoked certificates, as fetch-crl.sh does."""
        (self.folder / "crl.pem").write_bytes(crl.read_bytes())
        self._process.send_signal(signal.SIGHUP)
        time.sleep(0.3)


class SealedBroker(FilesBroker):
    """A mosquitto with files made for it, on a free port of this machine."""

    def __init__(self, folder: Path, authority: Authority, names: Sequence[str] = ("127.0.0.1",)) -> None:
        port, hub = free_port(), "http://127.0.0.1:9"
        there = (port, "127.0.0.1", str(folder))
        broker_files.write_all(folder, authority, names, hub, time.time(), *there)
        super().__init__(folder, port)


@dataclass
class Hub:
    """A hub's store and authority, and its broker."""

    folder: Path
    places: Places = field(init=False)
    store: Store = field(init=False)
    authority: Authority = field(init=False)
    enrolment: Enrolment = field(init=False)
    broker: SealedBroker = field(init=False)

    def __post_init__(self) -> None:
        self.places = Places(self.folder / "hub").make()
        self.store = Store(self.places.database, 0, bind=False)
        self.authority = Authority(self.places.authority)
        self.authority.make(time.time())
        self.broker = SealedBroker(self.folder / "broker", self.authority)
        self.enrolment = Enrolment(self.store, self.authority, [self.broker.address], "汇总中心")
        renewal.renew_hub(Papers(self.places.network), self.authority, self.enrolment, time.time())

    def papers(self, folder: Path, site: int, now_s: float | None = None) -> Papers:
        """Certify a site and write its files."""
        key, papers = new_key(), Papers(folder)
        issued = self.authority.box(site, signing_request(key), now_s or time.time())
        with self.store.connection():
            self.enrolment.note(issued, site, "box", f"site {site}", "test")
        papers.keep(self.authority.certificate, issued.certificate, key_pem(key))
        return papers

    def box(self, name: str, site: int) -> RunningBox:
        """A site with a certificate, not started."""
        box = RunningBox(self.folder / name, site, [self.broker.address])
        self.papers(box.where.network, site)
        return box

    def running(self) -> RunningBox:
        """The hub's own sync process, not started."""
        return RunningBox(self.places.data, 0, [self.broker.address])


def hub_pages(folder: Path) -> Web:
    """The pages of a hub that has an authority."""
    site = Site(number=0, name="汇总中心", role="hub")
    web = open_web(folder, site=site, sync=Sync(brokers=BROKERS))
    Authority(web.box.places.authority).make(time.time())
    return web


def access(papers: Papers, *brokers: str) -> Access:
    """How a box with these files reaches brokers."""
    return Access(brokers, Tls(papers.ca, papers.certificate, papers.key))


@contextlib.contextmanager
def hub(folder: Path) -> Iterator[Hub]:
    """A hub and its broker; the broker is ended in the end."""
    made = Hub(folder)
    try:
        with made.store.connection():
            yield made
    finally:
        made.broker.kill()


@contextlib.contextmanager
def started(*boxes: RunningBox) -> Iterator[None]:
    """Boxes whose sync processes run; all are ended in the end."""
    with contextlib.ExitStack() as held:
        for box in boxes:
            held.enter_context(box.store.connection())
            held.callback(box.end, signal.SIGKILL)
            box.start()
        yield
