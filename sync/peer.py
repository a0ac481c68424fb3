"""One end of a link as a machine: no socket, no clock, no thread; it is the same at a site and at the hub.

Both directions are streams of (epoch, seq, chain). A HELLO says where a box stands with both;
a BATCH carries events; an ACK says what is committed. The wire may lose, double, delay and
reorder: nothing counts before its ACK. A database that is an older copy shows by a place or a
chain the other does not know: then its stream begins a new epoch with everything in it, and
the other gives back all it was told before. Event ids make what is known already harmless.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from appliance.words import N_
from sync.frames import (
    BATCH_EVENTS,
    SCHEMAS,
    Ack,
    Batch,
    Frame,
    FrameError,
    Hello,
    Parked,
    Ping,
    decode,
    encode,
)
from sync.identity import Identity
from sync.receiver import Receiver, Verdict
from sync.sender import RTO_MAX_S, RTO_S, WINDOW, Sender, UnknownPlace
from sync.streams import Moved, Streams, Unwritable

REHELLO_S = 20.0
"""A retransmission timeout this long asks anew where the other stands."""
HELLO_GAP_S = 0.2
PARKED_S = 60.0
PING_S = 30.0
LIVE_S = 90.0
"""A box not heard for this long is away; another may then take its name."""
PAST = 16
"""Former sessions of the other side that are remembered."""

RIVAL = N_("Another box with this site number is connected; this one waits until it is off or renumbered.")
LOST = N_("The other side knew more than this box: everything is offered again.")
FORKED = N_("The two sides remember different things: everything is offered again.")
FORGOTTEN = N_("The other side needs what is no longer kept in order: everything is offered again.")
TWIN = N_("A second box with this site number asked to connect; it waits. Renumber one of the two.")
TOO_NEW = N_("The other side is more than two releases newer: upgrade this box. It works on alone.")
TOO_OLD = N_("The other side is more than two releases older: it must be upgraded. It works on alone.")
NEWER = N_("The other side is newer: what it writes in a new form is kept, and shown after an upgrade.")
SILENT = N_("Nothing was heard for 90 seconds.")
ABSENT = N_("Nobody listens on the other side.")
CUT = N_("The connection is gone.")
FOREIGN_ACK = N_("The other side confirmed something that is unknown here.")


@dataclass(frozen=True, slots=True)
class Opened:
    """Both sides know where they stand; events flow."""


@dataclass(frozen=True, slots=True)
class Away:
    """Events wait: nobody answers."""

    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The other side parked this box."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rival:
    """A second box asks for the peer's name."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class Restarted:
    """The outgoing stream began a new epoch."""

    reason: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """So many events came in and are committed here; 0 when a stream began anew."""

    count: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The peer has the outgoing stream up to here for good; `rtt_s` when it was measured."""

    seq: int
    rtt_s: float | None


@dataclass(frozen=True, slots=True)
class Heard:
    """The peer spoke; its clock is this far ahead of ours."""

    ahead_s: float


@dataclass(frozen=True, slots=True)
class Told:
    """How many events wait at the peer for us, and how its box is (JSON, or nothing)."""

    waiting: int
    report: str


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something people should know; events flow all the same. A gettext msgid."""

    reason: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something was refused; the sentence is for people."""

    reason: str


PeerEvent = (
    Opened | Away | Waiting | Rival | Restarted | Delivered | Confirmed | Heard | Told | Noticed | Trouble
)


class Peer:
    """The link to one other box. `now` is a monotonic clock in seconds, the same everywhere.

    Every call that brings news is followed by `outgoing`, which commits what came in and
    returns what goes out; `timer` says when to call it at the latest.
    """

    def __init__(
        self,
        streams: Streams,
        me: Identity,
        far: int,
        now: float,
        wall_ms: Callable[[], int],
        batch_events: int = BATCH_EVENTS,
        window: int = WINDOW,
        report: Callable[[], str] = str,
    ) -> None:
        self.streams = streams
        self.me = me
        self.far = far
        self.open = False
        self.sender = Sender(streams, now, batch_events, window)
        self.receiver = Receiver(streams)
        standing = streams.standing()
        self.sender.stand(standing.out_epoch, standing.out_seq, 0, now)
        self._wall_ms = wall_ms
        self._report = report
        self._events: deque[PeerEvent] = deque()
        self._connected = False
        # who is on the other side
        self._incarnation = standing.incarnation
        self.session = 0
        """The run of the other side's program that is spoken to."""
        self._number = 0
        self._past: deque[int] = deque(maxlen=PAST)
        self._heard_s = now
        self._parked: list[int] = []
        # what must be said
        self._greetings = 0
        self._greet = self._answer = False
        self._greeted_s = now - HELLO_GAP_S
        self._greet_again_s = now
        self._patience_s = RTO_S
        self._ack = self._gap = False
        self._told_s = -PING_S
        self._backlog_told = 0
        self._notice = ""
        self.schemas = SCHEMAS
        """Oldest and newest form of events understood here."""

    def connected(self, now: float) -> None:
        """There is a way to the other side: greet it."""
        self._connected = True
        self.hurry(now)

    def disconnected(self) -> None:
        """The way is gone."""
        self._connected = False
        self._close(CUT)

    def absent(self, now: float) -> None:
        """Nobody listens on the other side: stop sending, greet slowly."""
        self.open = False
        self._events.append(Away(ABSENT))
        self._patience_s = max(self._patience_s, PING_S)
        self._greet_again_s = now + self._patience_s

    def hurry(self, now: float) -> None:
        """The other side is said to be there: greet at once."""
        self._patience_s = RTO_S
        self._ask(now)

    def offer(self, top: int) -> None:
        """The outgoing stream now reaches this place."""
        self.sender.top = top

    def reread(self) -> None:
        """Somebody else moved the streams (a carried file was read): begin again from what is durable."""
        self.receiver.stand(self.streams.standing())
        self.open = False
        self._greet, self._answer = True, False

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the wire, whatever they are."""
        try:
            frame = decode(data)
            if frame.src == self.far and frame.to in (0, self.me.session):
                self._take(frame, now)
        except FrameError as error:
            self._events.append(Trouble(f"Refused: {error}."))
        except Unwritable as error:
            self._events.append(Trouble(f"The store takes nothing: {error}."))

    def outgoing(self, now: float) -> list[bytes]:
        """Commit what came in, see to what is overdue, and return the frames to send."""
        self._commit()
        if not self._connected:
            return []
        self._see_to_overdue(now)
        head = (self.me.site, self.me.session, self.session)
        frames = [encode(Parked(*head[:2], session, RIVAL)) for session in self._parked]
        self._parked.clear()
        if self._greet and now >= self._greeted_s + HELLO_GAP_S:
            frames.append(encode(self._hello(now)))
        if self._ack and self.session:
            incoming = self.receiver
            frames.append(
                encode(
                    Ack(*head, incoming.epoch, incoming.seq, incoming.chain, 0, self.sender.window, self._gap)
                )
            )
            self._ack = self._gap = False
        if self.open:
            frames += self.sender.frames(*head, now)
            backlog = self.sender.top - self.sender.acked
            drained = self._backlog_told and not backlog
            if drained or now >= self._told_s + PING_S or self._notice:
                self._told_s, self._backlog_told = now, backlog
                ping = Ping(*head, backlog, self._wall_ms(), self._report(), self._notice)
                frames.append(encode(ping))
                self._notice = ""
        return frames

    def timer(self) -> float | None:
        """When `outgoing` must be called even if nothing comes; None while there is no way out."""
        if not self._connected:
            return None
        due = [self._heard_s + LIVE_S, self._told_s + PING_S] if self.open else [self._greet_again_s]
        if self._greet:
            due.append(self._greeted_s + HELLO_GAP_S)
        if self.open and (patience := self.sender.timer()) is not None:
            due.append(patience)
        return min(due)

    def next_event(self) -> PeerEvent | None:
        """What happened since last asked, oldest first."""
        return self._events.popleft() if self._events else None

    # what is heard

    def _take(self, frame: Frame, now: float) -> None:
        match frame:
            case Parked():
                if frame.to == self.me.session:
                    self._wait(frame.reason, now)
            case Hello():
                if self._is_known(frame, now):
                    self._heard(frame.now_ms, now)
                    self._commit()
                    if apart := self._too_far_apart(frame):
                        self._wait(apart, now)
                        self._greet = self._answer = not frame.reply
                    else:
                        self._agree(frame, now)
            case _ if frame.session != self.session:
                if not self.session:
                    self._ask(now)
            case Batch():
                self._heard_s = now
                self._take_batch(frame, now)
            case Ack():
                self._heard_s = now
                self._take_ack(frame, now)
            case Ping():
                self._heard(frame.now_ms, now)
                self._events.append(Told(frame.backlog, frame.report))
                if frame.notice:
                    self._events.append(Noticed(frame.notice))

    def _heard(self, their_ms: int, now: float) -> None:
        self._heard_s = now
        self._events.append(Heard((their_ms - self._wall_ms()) / 1000))

    def _take_batch(self, batch: Batch, now: float) -> None:
        match self.receiver.take(batch):
            case Verdict.SEEN:
                self._ack = True
            case Verdict.GAP:
                self._ack = self._gap = True
            case Verdict.FORKED | Verdict.NEWER:
                self._ask(now)
            case Verdict.FITS | Verdict.OLDER:
                pass

    def _take_ack(self, ack: Ack, now: float) -> None:
        try:
            progress, rtt_s = self.sender.take(ack, now)
        except UnknownPlace:
            self._events.append(Trouble(FOREIGN_ACK))
            self._ask(now)
            return
        if progress:
            self._events.append(Confirmed(ack.seq, rtt_s))

    def _commit(self) -> None:
        try:
            count = self.receiver.commit()
        except Unwritable as error:
            self._events.append(Trouble(f"The store takes nothing: {error}."))
            return
        except Moved:
            self.reread()
            return
        if count:
            self._ack = True
            self._events.append(Delivered(count))

    # who speaks

    def _is_known(self, hello: Hello, now: float) -> bool:
        """Whether a HELLO counts: a box that is heard keeps its name, a new run of it has it at once."""
        if hello.session == self.session:
            fresh = hello.number > self._number
            self._number = max(self._number, hello.number)
            return fresh
        stranger = hello.incarnation != self._incarnation or hello.session in self._past
        if self._incarnation and stranger and now < self._heard_s + LIVE_S:
            self._parked.append(hello.session)
            self._events.append(Rival(hello.incarnation))
            self._notice = TWIN
            return False
        if hello.incarnation != self._incarnation:
            self.streams.bind(hello.incarnation)
            self._incarnation = hello.incarnation
        if self.session:
            self._past.append(self.session)
        self.session, self._number = hello.session, hello.number
        self.sender.acked = 0
        return True

    def _wait(self, reason: str, now: float) -> None:
        self._close("")
        self._greet = False
        self._greet_again_s = now + PARKED_S
        self._events.append(Waiting(reason))

    # where both stand

    def _too_far_apart(self, hello: Hello) -> str:
        """Why the two releases must not exchange events; empty when they may."""
        (oldest, newest), (their_oldest, their_newest) = self.schemas, hello.schemas
        if newest < their_oldest or their_newest < oldest:
            return TOO_NEW if newest < their_oldest else TOO_OLD
        if their_newest > newest:
            self._events.append(Noticed(NEWER))
        return ""

    def _agree(self, hello: Hello, now: float) -> None:
        """Decide from a HELLO how each stream continues; either may have to begin anew."""
        was_open, self.open = self.open, False
        broken = self._broken(hello)
        if broken and hello.to != self.me.session:
            self._greet = self._answer = True  # it may be old news: too little to begin anew for
            return
        if broken:
            self.streams.restart(hello.in_epoch)
            self._events.append(Restarted(broken))
        epoch = self.streams.standing().out_epoch
        theirs = self._their_place(hello) if hello.in_epoch == epoch else 0
        adopted = hello.epoch > self.receiver.epoch
        if adopted:
            self.streams.adopt(hello.epoch, None if broken else theirs)
            self._events.append(Delivered(0))
        standing = self.streams.standing()
        self.receiver.stand(standing)
        self.sender.stand(epoch, standing.out_seq, theirs, now)
        if hello.in_epoch == epoch:
            self.open = True
            self._patience_s = RTO_S
            self._events.append(Confirmed(theirs, None))
            if not was_open:
                self._events.append(Opened())
        behind = hello.epoch < self.receiver.epoch or hello.top < self.receiver.seq
        if (not hello.reply or broken or adopted or behind) and not self._greet:
            self._greet = self._answer = True

    def _broken(self, hello: Hello) -> str:
        """Why the outgoing stream cannot continue from where the other side stands; empty when it can."""
        standing = self.streams.standing()
        if hello.in_epoch > standing.out_epoch:
            return LOST
        if hello.in_epoch < standing.out_epoch:
            return FORGOTTEN if standing.out_low else ""
        if hello.in_seq > standing.out_seq:
            return LOST
        if hello.in_seq < self._their_place(hello):
            return ""
        if hello.in_seq <= standing.out_low and standing.out_low:
            return FORGOTTEN
        return "" if self.sender.same(self.streams.chain(hello.in_seq), hello.in_chain) else FORKED

    def _their_place(self, hello: Hello) -> int:
        """How far the other side is: in one run it never goes back, so an ACK may be newer than its HELLO."""
        return max(hello.in_seq, self.sender.acked) if hello.in_epoch == self.sender.epoch else hello.in_seq

    def _hello(self, now: float) -> Hello:
        """Where this box stands; a question goes to whoever is there, for the run last known may be dead."""
        standing = self.streams.standing()
        answer, self._greet, self._answer = self._answer, False, False
        self._greetings += 1
        self._greeted_s = now
        self._greet_again_s = now + self._patience_s
        self._patience_s = min(self._patience_s * 2, RTO_MAX_S)
        return Hello(
            src=self.me.site,
            session=self.me.session,
            to=self.session if answer or self.open else 0,
            number=self._greetings,
            incarnation=self.me.incarnation,
            epoch=standing.out_epoch,
            top=standing.out_seq,
            in_epoch=standing.in_epoch,
            in_seq=standing.in_seq,
            in_chain=standing.in_chain,
            now_ms=self._wall_ms(),
            reply=answer,
            schemas=self.schemas,
        )

    def _ask(self, now: float) -> None:
        self._greet, self._answer = True, False
        self._greet_again_s = now + self._patience_s

    def _close(self, reason: str) -> None:
        if self.open and reason:
            self._events.append(Away(reason))
        self.open = False

    def _see_to_overdue(self, now: float) -> None:
        if self.open and now >= self._heard_s + LIVE_S:
            self._close(SILENT)
            self._ask(now)
        if not self.open and now >= self._greet_again_s:
            self._ask(now)
        if self.open and self.sender.overdue(now) and self.sender.rto_s >= REHELLO_S:
            self._ask(now)
