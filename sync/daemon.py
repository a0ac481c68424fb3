"""The sync process: ``python -m sync.daemon --data DIR``. One thread, and the database is all it knows.

It may be killed and started at any time. Other processes write events without telling it:
the kernel says when a file changed, SQLite whether a commit was in it; PostgreSQL tells of itself.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType

import msgspec
from peewee import DatabaseError

from appliance.blobs.storage import opened
from appliance.configuration import BadConfiguration, load
from appliance.events import wall_ms
from appliance.places import places
from appliance.store.follower import why
from appliance.store.opening import open_store
from appliance.store.outbox import peer_name
from appliance.store.store import Store
from appliance.watchdog import Watchdog
from appliance.words import N_
from sync.access import Access, access
from sync.bulk import Bulk, Running
from sync.identity import SIDECAR
from sync.membership import Membership
from sync.mqtt import Arrival, Down, Message, Mqtt, Refused, Unheard, Up
from sync.node import Node, always
from sync.peer import Away, Noticed, Opened, PeerEvent, Restarted, Rival, Trouble, Waiting
from sync.shards import RENEW_S, Shards
from sync.topics import ASK, DOWN, GRANT, PRESENCE, UP, files, parse, topic, topics
from sync.wake import wake_of

OFF = N_("The box was switched off.")
OTHER_SITES = N_("The workers of the hub share the sites anew.")

PRUNE_S = 24 * 3600.0
SHOWN = (Opened, Away, Waiting, Rival, Restarted, Noticed, Trouble)
WATCH_S = 120.0
"""A turn takes milliseconds, a stream that begins anew with a million events some seconds."""


class Daemon:
    """A node, a connection, and the clock."""

    def __init__(
        self,
        store: Store,
        node: Node,
        access: Access,
        watchdog: Watchdog,
        membership: Membership | None = None,
        shards: Shards | None = None,
        bulk: Callable[[Mqtt], Bulk] | None = None,
    ) -> None:
        """Without a `membership`, that is without certificates, whoever reaches the broker takes part.

        `bulk` makes what exchanges files over a connection of its own; None: another worker does.
        """
        self.store = store
        self.node = node
        self._watchdog = watchdog
        self._membership = membership
        self.wake = wake_of(store)
        self._access = access
        self._shards = shards
        self.wire = self._connection()
        self._prune_s = self._renew_s = time.monotonic()
        self._files = Running(store, lambda: bulk(self._files_wire())) if bulk else None
        self._down = ""
        """Why it is not connected, as the log has it: a month without a line is no month of lines."""
        self._stopping = False

    def run(self) -> int:
        """Work until told to stop; 1 when the thread of files died of a fault of ours: start it again."""
        if self._files:
            self._files.start()
        self._watchdog.ready()
        while not self._stopping and (self._files is None or self._files.is_alive()):
            self.turn()
            self._watchdog.beat()
        self._watchdog.stop()
        if self._files:
            self._files.stop()
        self.wire.close()
        self.wake.close()
        self.node.disconnected(OFF)
        self.node.write_notes(time.monotonic())
        return 0 if self._stopping else 1

    def stop(self, *_: int | FrameType | None) -> None:
        """Stop after the present turn."""
        self._stopping = True

    def turn(self) -> None:
        """Look at the database, say what is to be said, hear what is said."""
        now = time.monotonic()
        self._renew(now)
        self.wake.take(now)
        self.node.look()
        for far, data in self.node.outgoing(now):
            if self._admits(far, now):
                self.wire.send(self._topic(far), data)
        if self._membership and self.wire.is_up and (asked := self._membership.ask(now)):
            self.wire.send(topic(self.store.site, ASK), asked)
        if now >= self._prune_s:
            self._prune_s = now + PRUNE_S
            self.node.prune()
        due = self.node.timer(now)
        if self._shards is not None:
            due = self._renew_s if due is None else min(due, self._renew_s)
        look_s = self.wake.look_s(now)
        wait_s = look_s if due is None else min(look_s, max(0.0, due - time.monotonic()))
        for arrival in self.wire.poll(wait_s):
            self._hear(arrival, time.monotonic())

    def _connection(self) -> Mqtt:
        site, me = self.store.site, self.node.me
        return Mqtt(
            self._access,
            name=self._name(),
            subscriptions=topics(site, self._shards),
            presence=topic(site, PRESENCE),
            session=me.session,
            wake=self.wake.fd,
        )

    def _files_wire(self) -> Mqtt:
        return Mqtt(self._access, name=f"{self._name()}-files", subscriptions=files(self.store.site))

    def _name(self) -> str:
        me = self.node.me
        return f"hotline-{self.store.site:03d}-{me.incarnation:x}-{me.session:x}"

    def _renew(self, now: float) -> None:
        """One of several workers serves the sites it has a lease of, and listens to no other."""
        if self._shards is None or now < self._renew_s:
            return
        self._renew_s = now + RENEW_S
        if self._shards.renew():
            say(f"serves shards {' '.join(map(str, sorted(self._shards.held)))}")
            self.node.serve(now)
            self.wire.close()
            self.node.disconnected(OTHER_SITES)
            self.wire = self._connection()

    def _topic(self, far: int) -> str:
        return topic(far, DOWN) if far else topic(self.store.site, UP)

    def _hear(self, arrival: Arrival, now: float) -> None:
        match arrival:
            case Up(broker):
                self._down = ""
                say(f"connected to the broker {broker}")
                if self._membership:
                    self._membership.connected()
                self.node.connected(now)
            case Down(reason):
                if reason != self._down:
                    say(reason)
                self._down = reason
                self.node.disconnected(reason)
            case Message(name, payload):
                site, way = parse(name)
                far = site if not self.store.site else 0
                if far is None or not self._admits(far, now):
                    return
                if way == PRESENCE:
                    self._hear_presence(far, payload, now)
                elif way in (ASK, GRANT):
                    self._hear_renewal(far, way, payload)
                elif site is not None:
                    self.node.receive(far, payload, now)
            case Unheard(name):
                site, _ = parse(name)
                self.node.absent(site if site and not self.store.site else 0, now)
            case Refused(_, reason, lasting):
                say(reason)
                if lasting:
                    self.wire.drop(reason)

    def _admits(self, far: int, now: float) -> bool:
        return self._membership is None or self._membership.admits(far, now)

    def _hear_renewal(self, far: int, way: str, payload: bytes) -> None:
        if self._membership is None:
            return
        if way == GRANT and self.store.site:
            self._membership.take(payload)
        elif way == ASK and (granted := self._membership.grant(far, payload)):
            self.wire.send(topic(far, GRANT), granted)

    def _hear_presence(self, far: int, payload: bytes, now: float) -> None:
        state, _, session = payload[:40].decode("ascii", "replace").partition(" ")
        if not session.strip():
            return
        if self._membership and self.store.site and state == "online":
            self._membership.connected()
        try:
            self.node.presence(far, state == "online", int(session, 16), now)
        except ValueError:
            return


def say(text: str) -> None:
    """Write a line to the log."""
    print(time.strftime("%Y-%m-%dT%H:%M:%S"), text, flush=True)


def tell(name: str, event: PeerEvent) -> None:
    """Write to the log what a person would want to know of a peer."""
    if isinstance(event, SHOWN):
        words = f"{getattr(event, 'reason', '')}{getattr(event, 'incarnation', '') or ''}"
        say(f"{name}: {type(event).__name__.lower()} {words}".rstrip())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sync process of a box."""
    parser = argparse.ArgumentParser(prog="sync.daemon", description="Keep this box and the hub in step.")
    parser.add_argument("--data", help="the box's data folder")
    parser.add_argument("--site", type=int, help="site number instead of the configured one; 0 is the hub")
    parser.add_argument("--role", choices=("site", "hub"), help="role instead of the configured one")
    parser.add_argument("--worker", type=int, default=0, help="which of the hub's workers this is, from 1")
    parser.add_argument("--watch-s", type=float, default=WATCH_S, help="end when stuck for so long")
    parser.add_argument("--broker", action="append", help="host:port, instead of the configured ones")
    options = parser.parse_args(arguments)
    where = places(options.data).make()
    try:
        configuration = load(where)
    except BadConfiguration as error:
        print(f"sync: {error}", file=sys.stderr)
        return 2
    site = configuration.site.number if options.site is None else options.site
    if options.role and (options.role == "hub") != (site == 0):
        print("sync: the hub is site 0, a site is 1 to 999", file=sys.stderr)
        return 2
    sync = configuration.sync
    if options.broker:
        sync = msgspec.structs.replace(sync, brokers=tuple(options.broker))
    brokers = sync.brokers
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    signal.signal(signal.SIGINT, lambda number, _: stopping.append(number))
    watchdog = Watchdog(options.watch_s)
    if not brokers:
        say("no broker is configured: this box is alone")
        watchdog.ready()
        while not stopping:
            time.sleep(0.2)
            watchdog.beat()
        watchdog.stop()
        return 0
    try:
        store = open_store(where, configuration, bind=False, site=site)
    except DatabaseError as error:
        print(f"sync: {why(error)}", file=sys.stderr)
        return 1
    with store.connection():
        shards = Shards(store, options.worker, wall_ms) if options.worker else None
        serves = shards.serves if shards else always
        node = Node(store, where.data / SIDECAR, time.monotonic(), tell=tell, serves=serves)
        if node.reason:
            say(f"{node.reason} Everything is offered again.")
        how = access(sync, where)
        membership = Membership(store, where, say, keeper=options.worker <= 1) if how.tls else None
        blobs = opened(configuration.storage, where)
        bulk = (lambda wire: Bulk(store, where, blobs, sync, wire)) if options.worker <= 1 else None
        daemon = Daemon(store, node, how, watchdog, membership, shards, bulk)
        signal.signal(signal.SIGTERM, daemon.stop)
        signal.signal(signal.SIGINT, daemon.stop)
        say(f"site {site} ({peer_name(0)}: {', '.join(brokers)})" if site else f"hub ({', '.join(brokers)})")
        return 0 if stopping else daemon.run()


if __name__ == "__main__":
    sys.exit(main())
