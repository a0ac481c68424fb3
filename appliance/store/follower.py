"""Following the call process's journal into the store, exactly once, and doing what its events ask for.

A batch of events, what they cause, and how far the reader has come are one transaction.
After a start everything the journal still has is offered again: the store knows by event id
what it has, so nothing is taken twice, and a journal that a power cut made shorter than the
cursor loses nothing.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from peewee import DatabaseError

from appliance.events import Event
from appliance.journal import FileJournal
from appliance.people import BOX, CITIZEN
from appliance.refused import Refused
from appliance.store import jobs
from appliance.store.quarantine import NOT_ACTED_ON, QUARANTINE
from appliance.store.store import Store
from appliance.store.texts import SMS, mobile, send_text
from appliance.store.works import SEAL
from appliance.tickets.desk import TicketDesk
from appliance.tickets.fields import FIELDS, phone_as_kept
from appliance.tickets.number import Exhausted
from appliance.tickets.ratings import rated_by_key, rated_by_text
from appliance.tickets.ticket import Ticket

BATCH = 500
CURSOR = "journal"
REPLIES_A_DAY = 5
"""No more automatic replies to one number: two machines must not talk for ever."""
TITLE_LETTERS = 30
RECEIVED = "您的诉求已登记，工单编号{number}。拨打{hotline}凭编号可查询办理情况。"


class Follower:
    """Reads the journal in batches; `hotline` is the number citizens are told to call."""

    def __init__(
        self, store: Store, journal: FileJournal, hotline: str, now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._journal = journal
        self._hotline = hotline
        self._now = now
        self._desk = TicketDesk(store, now)
        self._after = journal.first - 1
        self._pruned = 0
        self._damaged = False
        self._reactions: Mapping[str, Callable[[Event], None]] = {
            "recording.made": self._seal,
            "text.received": self._text_received,
            "text.sent": self._text_sent,
            "message.left": self._message_left,
            "call.rated": self._rated,
        }

    @property
    def position(self) -> int:
        """How far the journal has been read."""
        return self._after

    def step(self) -> int:
        """Take one batch; return how many lines were read; DatabaseError or OSError: nothing done."""
        batch, damage = self._batch()
        if not batch and not damage:
            self._prune()
            return 0
        after = batch[-1][0] if batch else self._after + 1
        with self._store.transaction():
            if damage:
                where = f"journal:{after}".encode()
                self._store.execute(QUARANTINE, where, damage, self._now())
            for event in self._store.take([event for _, event in batch]):
                self._react(event)
            self._store.move_cursor(CURSOR, after)
        self._after = after
        self._damaged |= bool(damage)
        return len(batch) + bool(damage)

    def _batch(self) -> tuple[Sequence[tuple[int, Event]], str]:
        """Read on; behind a line that cannot be read the next one follows, and the damage is told."""
        try:
            return self._journal.read(self._after, BATCH), ""
        except ValueError:
            pass
        batch: list[tuple[int, Event]] = []
        try:
            while len(batch) < BATCH:
                batch += self._journal.read(self._after + len(batch), 1)
        except ValueError as error:
            if not batch:
                return (), f"line {self._after + 1} of the journal cannot be read: {error}"
        return batch, ""

    def _prune(self) -> None:
        """Forget whole segments that are in the store; with a damaged line all are kept for repair."""
        if self._after > self._pruned and not self._damaged:
            self._journal.prune(self._after)
            self._pruned = self._after

    def _react(self, event: Event) -> None:
        """Do what a new event asks for; what cannot be done is set aside and stops nothing."""
        react = self._reactions.get(event.kind)
        if react is None:
            return
        try:
            with self._store.savepoint():
                react(event)
        except (KeyError, TypeError, ValueError, Refused, Exhausted) as error:
            self._store.execute(QUARANTINE, event.eid, f"{NOT_ACTED_ON}{error!r}", self._now())

    def _seal(self, event: Event) -> None:
        body = {"rid": event.eid.hex(), "call": event.subject.hex(), "path": str(event.facts["path"])}
        jobs.put(self._store, SEAL, body, self._now())

    def _text_received(self, event: Event) -> None:
        """A citizen's message is a rating, or becomes a ticket (C02), and its number is sent back."""
        state = self._store.rows("SELECT state FROM short_message WHERE mid = ?", event.eid)
        if not state or state[0][0] != "received":
            return
        text, phone = str(event.facts["text"]).strip(), phone_as_kept(str(event.facts["number"]))
        rated = rated_by_text(self._store, self._desk, phone, text)
        if rated is not None:
            sql = "UPDATE short_message SET ticket = ? WHERE mid = ?"
            self._store.execute(sql, rated.tid, event.eid)
            return
        title = " ".join(text.split())
        fields = {
            "phone": phone,
            "title": title[:TITLE_LETTERS] + ("…" if len(title) > TITLE_LETTERS else ""),
            "content": text[: FIELDS["content"].limit],
        }
        ticket = self._desk.create(CITIZEN, "sms", fields, message=event.eid)
        self._reply(ticket, phone)

    def _reply(self, ticket: Ticket, phone: str) -> None:
        """Tell a mobile phone its ticket number, a few times a day at most."""
        if not mobile(phone):
            return
        replied = self._store.rows(
            "SELECT count(*) FROM short_message WHERE number = ? AND direction = 'out' AND at_s > ?",
            *(phone, self._now() - 86_400),
        )
        if replied[0][0] >= REPLIES_A_DAY:
            return
        text = RECEIVED.format(number=ticket.number, hotline=self._hotline)
        send_text(self._store, phone, text, self._now(), ticket.tid)

    def _text_sent(self, event: Event) -> None:
        facts = event.facts
        reason = str(facts.get("reason") or "")
        jobs.settle(self._store, SMS, str(facts["key"]), bool(facts["ok"]), reason, self._now())

    def _rated(self, event: Event) -> None:
        """Who was called whether it was done, and keys a rating, rates the ticket."""
        rated_by_key(self._store, self._desk, event)

    def _message_left(self, event: Event) -> None:
        """A message left by voice becomes a ticket (C02) linked to its call, and by it to its recording."""
        facts = event.facts
        caller = phone_as_kept(str(facts.get("caller") or ""))
        seconds = float(facts["seconds"])
        fields = {
            "phone": caller,
            "title": f"语音留言 {caller or '未知号码'}（{seconds:.0f} 秒）",
            "content": "请听录音，补全诉求内容后受理。",
        }
        self._desk.create(BOX, "voicemail", fields, call=event.subject)


def why(error: DatabaseError | OSError) -> str:
    """Say what to do when the store cannot write."""
    text = str(error)
    if "full" in text or "No space" in text:
        return "The disk is full: the store cannot write. Free some space; calls go on and nothing is lost."
    if "readonly" in text or "read-only" in text:
        return "The data folder cannot be written to. Make it writable; calls go on and nothing is lost."
    return f"The store cannot write ({text}). Calls go on and nothing is lost; it is tried again."
