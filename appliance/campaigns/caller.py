"""Campaigns in the call process: dials for them, leads each call through its flow, outlives a restart.

A thin shell around `campaign.Campaign`. What a campaign logs goes into the journal like every
fact, and once durable there also into a journal of the campaign's own, beside its list: the call
process's journal forgets what the store has taken, a campaign may last for weeks.
"""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from appliance.calls.exchange import Exchange, Ongoing
from appliance.calls.ledger import Ledger
from appliance.calls.numbers import Numbers
from appliance.calls.permits import Permits
from appliance.calls.ports import Phones
from appliance.calls.wire import CampaignView
from appliance.campaigns import plan as plans
from appliance.campaigns.campaign import Campaign, Dial, Do, Log, State
from appliance.campaigns.flow import CONFIRMED, HEARD, PHRASES, flow_of, phrase_of
from appliance.events import Event, Fact
from appliance.journal import FileJournal
from appliance.published import Admission, CampaignRules
from appliance.refused import Refused
from hardware.line import Cause
from ivr.flow import Flow
from ivr.voice import Voice

CAMPAIGNS_MAX = 20
"""Campaigns in hand at once."""
LOOK_S = 1.0
INSTEAD = {"zh": "通知", "en": "Notice"}
"""What is said when the recording of a message is gone."""
BATCH = 500
OUTCOMES: Mapping[Cause, str] = {
    Cause.BUSY: "busy",
    Cause.NO_ANSWER: "no_answer",
    Cause.TIMER: "no_answer",
    Cause.REJECTED: "refused",
    Cause.UNALLOCATED: "wrong_number",
    Cause.INVALID_NUMBER: "wrong_number",
}
"""Why somebody did not pick up; any other cause is ``unreachable``."""
STARTED = "campaign.started"
log = logging.getLogger("calls.campaigns")


@dataclass(slots=True)
class Running:
    """One campaign in hand, with its folder."""

    cid: str
    folder: Path
    campaign: Campaign
    flow: Flow
    journal: FileJournal
    held: list[Event] = field(default_factory=list)
    """Durable in the journal, still to be written into the campaign's own."""
    changed: bool = True
    by: str = ""
    """Who started it: its calls are on that person's bill."""

    def apply(self, event: Event) -> None:
        """What an earlier life noted."""
        self.campaign.apply(event.kind, event.facts)
        if event.kind == STARTED:
            self.by = str(event.facts["by"])


@dataclass(slots=True)
class Call:
    """A call of a campaign: tells it what became of it."""

    of: Running
    number: str
    caller: "Caller"
    ringing: asyncio.TimerHandle | None = None
    answered_s: float = 0.0
    gave_up: bool = False

    def answered(self, party: Ongoing) -> None:
        """Who was called picked up."""
        self.answered_s = self.caller.now()
        if self.ringing is not None:
            self.ringing.cancel()
        self.caller.do(self.of, [self.of.campaign.answered(self.number)])

    def over(self, party: Ongoing, cause: Cause) -> None:
        """The call is over."""
        if self.ringing is not None:
            self.ringing.cancel()
        self.caller.over(self, party.talk.run.variables, cause)

    def give_up(self, party: Ongoing) -> None:
        """Nobody picks up."""
        self.gave_up = True
        party.line.hangup(Cause.NO_ANSWER)


class Caller:
    """All campaigns of one box; its methods run in the event loop."""

    def __init__(
        self,
        *,
        exchange: Exchange,
        ledger: Ledger,
        phones: Phones,
        permits: Permits,
        numbers: Numbers,
        admission: Admission,
        rules: CampaignRules,
        voice: Voice,
        folder: Path,
        media_up: Callable[[], bool],
        changed: Callable[[CampaignView], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._exchange = exchange
        self._ledger = ledger
        self._phones = phones
        self._permits = permits
        self._numbers = numbers
        self._admission = admission
        self._rules = rules
        self._voice = voice
        self._folder = folder
        self._media_up = media_up
        self._changed = changed
        self.now = now
        self._running: dict[str, Running] = {}
        self._ticking: asyncio.Task[None] | None = None
        self._ready = False
        """Whether what was going on before is known again."""
        self._closing = False

    def start(self, noted: Sequence[tuple[str, str, str, bytes]]) -> None:
        """Take up where an earlier life ended; `noted` is what campaigns wrote into the journal last."""
        self._ticking = asyncio.create_task(self._tick(tuple(noted)))

    async def _take_up_all(self, noted: Sequence[tuple[str, str, str, bytes]]) -> None:
        """Read what every campaign had come to; calls come in meanwhile."""
        for path in sorted(self._folder.glob(f"*/{plans.LIST}")):
            if plans.ID.fullmatch(cid := path.parent.name):
                subject = bytes.fromhex(cid)
                mine = [
                    Event(bytes.fromhex(e), subject, kind, 1, bytes(b)) for e, s, kind, b in noted if s == cid
                ]
                try:
                    await self._take_up(path.parent, mine)
                except (OSError, ValueError, KeyError):
                    log.exception("campaign %s", cid)
        self._ready = True

    def stop(self) -> None:
        """The call process ends: what becomes of calls now is no result of theirs."""
        self._closing = True
        if self._ticking is not None:
            self._ticking.cancel()

    def order(self, by: str, cid: str, what: str) -> None:
        """A person starts, pauses, resumes or stops a campaign; raises Refused."""
        if not self._ready:
            raise Refused("not_now")
        running = self._running.get(cid)
        if running is None and what in ("start", "stop") and plans.ID.fullmatch(cid):
            running = self._begin(cid)
        if running is None:
            raise Refused("unknown_campaign")
        self.do(running, list(running.campaign.move(what, by)))
        self.look()

    def look(self) -> None:
        """Call whoever can be called now."""
        for running in list(self._running.values()):
            if self._media_up() and not self._closing:
                kept_from = partial(self._kept_from, self.now())
                self.do(running, running.campaign.act(self.now(), self._free(running), kept_from))
            self._tell(running)

    def do(self, running: Running, todo: Sequence[Do]) -> None:
        """Do what a campaign asks for."""
        for do in todo:
            running.changed = True
            match do:
                case Log(kind, facts):
                    if kind == STARTED:
                        running.by = str(facts["by"])
                    held: list[Event] = []
                    event = self._ledger.note(
                        Fact(kind, facts, bytes.fromhex(running.cid)), partial(self._durable, running, held)
                    )
                    held.append(event)
                case Dial(number):
                    self._dial(running, number)

    def over(self, call: Call, variables: Mapping[str, str], cause: Cause) -> None:
        """A call of a campaign is over."""
        if self._closing:
            return
        if call.answered_s:
            outcome = "confirmed" if CONFIRMED in variables else "heard" if HEARD in variables else "part"
        else:
            outcome = "no_answer" if call.gave_up else OUTCOMES.get(cause, "unreachable")
        running, now = call.of, self.now()
        seconds = min(now - call.answered_s, running.campaign.plan.sound_s) if call.answered_s else 0.0
        self.do(running, running.campaign.ended(call.number, outcome, max(0.0, seconds), now))

    def _begin(self, cid: str) -> Running:
        if len(self._running) >= CAMPAIGNS_MAX:
            raise Refused("too_many_campaigns")
        running = self._open(self._folder / cid)
        if running is None:
            raise Refused("bad_campaign")
        self._running[cid] = running
        return running

    def _open(self, folder: Path) -> Running | None:
        """Read a campaign's list; None, and the log says why, when it cannot be used."""
        try:
            handover = plans.read(folder)
        except plans.Unreadable as error:
            log.warning("campaign %s", error)
            return None
        cid, plan = folder.name, handover.plan
        flow = flow_of(cid, plan.language, plan.confirm)
        self._voice.phrases = self._voice.phrases.also({phrase_of(cid): INSTEAD}, cid)
        campaign = Campaign(plan, handover.numbers, self._admission.days)
        return Running(cid, folder, campaign, flow, FileJournal(folder))

    async def _take_up(self, folder: Path, noted: Sequence[Event]) -> None:
        running = self._open(folder)
        if running is None:
            return
        campaign, known, position = running.campaign, set[bytes](), 0
        while batch := running.journal.read(position, BATCH):
            for _, event in batch:
                running.apply(event)
                known.add(event.eid)
            position = batch[-1][0]
            await asyncio.sleep(0)
        missed = [event for event in noted if event.eid not in known]
        for event in missed:
            running.apply(event)
        if campaign.state is State.OVER:
            self._let_go(running)
        if campaign.state in (State.OVER, State.NEW):
            return
        running.journal.append(missed)
        self._running[running.cid] = running
        self.do(running, running.campaign.recover(self.now()))

    def _free(self, running: Running) -> int:
        """Lines one campaign may count as free: what all campaigns may use together is one more limit."""
        plan, rules = running.campaign.plan, self._rules
        all_calling = sum(other.campaign.calling for other in self._running.values())
        spare = self._phones.lines_free() - max(plan.keep_free, rules.keep_free)
        return min(spare, rules.lines - all_calling) + plan.keep_free

    def _kept_from(self, now: float, number: str) -> str:
        return plans.kept_from(number, self._numbers, self._admission, self._rules, now)

    def _dial(self, running: Running, number: str) -> None:
        line = self._phones.line_out(number)
        if line is None:
            running.campaign.not_dialled(number, self.now())
            return
        call = Call(running, number, self)
        party = self._exchange.place(line, number, running.flow, follower=call)
        self.do(running, [running.campaign.called(number, party.talk.name)])
        dialled = {
            "by": running.by,
            "extension": "",
            "to": f"tel:{number}",
            "number_kind": self._permits.kind(number),
            "account": "",
        }
        self._ledger.note(Fact("call.dialled", dialled, party.talk.call.cid))
        ring_s = running.campaign.plan.ring_s
        call.ringing = asyncio.get_running_loop().call_later(ring_s, call.give_up, party)
        line.dial(number, self._permits.shown("", number))
        self._exchange.show(party)

    def _durable(self, running: Running, events: Sequence[Event]) -> None:
        running.held.extend(events)
        if len(running.held) == len(events):
            asyncio.get_running_loop().call_soon(self._keep, running)

    def _keep(self, running: Running) -> None:
        """Write into the campaign's own journal what the journal has; when it is over, let it go."""
        try:
            running.journal.append(running.held)
        except OSError as error:
            log.warning("campaign %s: %s", running.cid, error)
            asyncio.get_running_loop().call_later(LOOK_S, self._keep, running)
            return
        over = any(event.kind == "campaign.ended" for event in running.held)
        running.held.clear()
        if over:
            self._tell(running)
            self._let_go(running)

    def _let_go(self, running: Running) -> None:
        self._running.pop(running.cid, None)
        running.journal.close()
        shutil.rmtree(running.folder, ignore_errors=True)

    def _tell(self, running: Running) -> None:
        if not running.changed:
            return
        running.changed = False
        campaign = running.campaign
        self._changed(
            CampaignView(
                running.cid,
                campaign.state.value,
                campaign.why,
                plans.is_open(campaign.plan, self._admission.days, self.now()),
                campaign.total,
                campaign.calling,
                {result: count for result, count in campaign.results.items() if count},
            )
        )

    async def _tick(self, noted: Sequence[tuple[str, str, str, bytes]]) -> None:
        await self._take_up_all(noted)
        await self._voice.ready(PHRASES)
        while True:
            try:
                self.look()
            except Exception:
                log.exception("campaigns")
            await asyncio.sleep(LOOK_S)
