"""The store process: follows the journal into the database, answers the IVR, and does the jobs.

`python -m appliance.store.daemon --data DIR`. It may be down while calls flow: the journal
waits. SIGTERM ends it within two seconds; a kill at any point loses nothing.
"""

import argparse
import fcntl
import logging
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TextIO

from peewee import DatabaseError

from appliance.calendar.keeping import CalendarKeeper
from appliance.calendar.site import RECKON
from appliance.casefile.binding import CASE, Binder
from appliance.configuration import BadConfiguration, Retention, load
from appliance.journal import FileJournal
from appliance.outside.delivering import Deliverer
from appliance.places import Places, places
from appliance.recordings.keeping import DELETE, KEEP, Keeper
from appliance.store.alarms import Alarm
from appliance.store.answers import Answers, Server
from appliance.store.follower import BATCH, Follower, why
from appliance.store.jobs import Runner
from appliance.store.opening import open_store
from appliance.store.outbox import settle
from appliance.store.store import Store
from appliance.store.texts import SMS
from appliance.store.upgrading import apply_pending
from appliance.store.works import SEAL, Works, sms_failed
from appliance.tickets.timers import run_timers

_log = logging.getLogger(__name__)
IDLE_S = 0.1
"""How soon a new line in the journal is seen."""
GATHER_S = 0.3
"""What follows is gathered so long: one transaction costs more than many events."""
JOBS_S = 0.5
RETRY_S = 2.0
TIMERS_EVERY_S = 60.0
END_S = 1.5


class Daemon:
    """The threads of the store process over one store: following, jobs, answers."""

    def __init__(
        self,
        where: Places,
        store: Store,
        hotline: str,
        retention: Retention,
        centre: str = "",
        webhooks: tuple[str, ...] = (),
    ) -> None:
        self._stopping = threading.Event()
        self.store = store
        self.follower = Follower(self.store, FileJournal(where.journal), hotline)
        works = Works(where, self._stopping)
        self._keeper = Keeper(
            self.store,
            where.recordings,
            retention,
            self._stopping.is_set,
            alarm=Alarm(self.store, "recordings").say,
        )
        self._binder = Binder(self.store, where, centre)
        self._calendar = CalendarKeeper(self.store, Alarm(self.store, "calendar").say, self._stopping.is_set)
        doing = {
            CASE: self._binder.bind,
            RECKON: self._calendar.reckon,
            SEAL: works.seal,
            SMS: works.sms,
            KEEP: self._keeper.keep,
            DELETE: self._keeper.delete,
        }
        self._runner = Runner(self.store, doing, {SMS: sms_failed}, together=frozenset({SEAL}))
        self._server = Server(where.socket("store"), Answers(self.store, self._health))
        self._deliverer = Deliverer(self.store, webhooks)
        self._telling = threading.Thread(target=self._tell, name="webhooks", daemon=True)
        """Waits for servers of others: nothing here waits for it."""
        self._threads = [
            threading.Thread(target=self._follow, name="follow", daemon=True),
            threading.Thread(target=self._work, name="jobs", daemon=True),
            threading.Thread(target=self._server.serve_forever, args=(0.2,), name="answers", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in (*self._threads, self._telling):
            thread.start()

    def wait(self) -> int:
        """Wait for the end; 1 when a thread died of a fault of ours, so that the process is started again."""
        while not self._stopping.wait(0.2):
            if not all(thread.is_alive() for thread in self._threads):
                return 1
        until = time.monotonic() + END_S
        self._server.shutdown()
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return 0

    def stop(self) -> None:
        """Ask for the end."""
        self._stopping.set()

    def _follow(self) -> None:
        alarm = Alarm(self.store, "store")
        with self.store.database.connection_context():
            while not self._stopping.is_set():
                try:
                    taken = self.follower.step()
                except (DatabaseError, OSError) as error:
                    alarm.say(why(error))
                    self._stopping.wait(RETRY_S)
                    continue
                alarm.say("")
                if taken < BATCH:
                    self._stopping.wait(GATHER_S if taken else IDLE_S)

    def _work(self) -> None:
        resumed, timed = False, float("-inf")
        with self.store.database.connection_context():
            while not self._stopping.is_set():
                try:
                    resumed = resumed or self._runner.resume() >= 0
                    looked = self._binder.plan()
                    tried = self._runner.run_due() + looked + settle(self.store)
                    if time.monotonic() - timed > TIMERS_EVERY_S:
                        timed = time.monotonic()
                        run_timers(self.store, time.time())
                        self._keeper.plan()
                        self._calendar.look()
                        self._runner.forget()
                        self.store.checkpoint()
                except (DatabaseError, OSError):
                    self._stopping.wait(RETRY_S)  # the follower has said so
                    continue
                if not tried:
                    self._stopping.wait(JOBS_S)

    def _tell(self) -> None:
        """Send events to webhooks. What goes wrong here, a fault of ours too, must stop nothing else."""
        with self.store.database.connection_context():
            while not self._stopping.is_set():
                try:
                    done = self._deliverer.step()
                except Exception:
                    _log.exception("webhooks")
                    self._stopping.wait(RETRY_S)
                    continue
                if not done:
                    self._stopping.wait(JOBS_S)

    def _health(self) -> dict[str, object]:
        return {"position": self.follower.position, "cursor": self.store.cursor("journal")}


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="appliance.store.daemon", description=__doc__)
    parser.add_argument("--data", help="the data folder")
    where = places(parser.parse_args(arguments).data).make()
    try:
        configuration = load(where)
    except BadConfiguration as error:
        print(error, file=sys.stderr)
        return 2
    lock = _alone(where.socket("store").with_suffix(".lock"))
    if lock is None:
        print(f"Another store process works on {where.data}.", file=sys.stderr)
        return 3
    numbers = configuration.site.numbers
    try:
        hotline = numbers[0] if numbers else "12345"
        site, webhooks = configuration.site, configuration.api.webhooks
        store = open_store(where, configuration)
        daemon = Daemon(where, store, hotline, configuration.recording, site.name, webhooks)
    except (DatabaseError, OSError) as error:
        print(why(error), file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: daemon.stop())
    _catch_up(daemon.store)
    daemon.start()
    return daemon.wait()


def _catch_up(store: Store) -> None:
    """What an older release could not fold is folded now; on a full disk at the next start."""
    try:
        if count := apply_pending(store):
            _log.warning("%d events kept by an older release are understood now", count)
    except DatabaseError as error:
        _log.warning("%s", why(error))


def _alone(path: Path) -> TextIO | None:
    """Hold the lock that says one store process per data folder while the file is open; None when taken."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


if __name__ == "__main__":
    sys.exit(main())
