"""The exchange: callers' lines, their conversations and the sound between them.

A thin shell: signals of lines and reports of media go into conversations, what these
ask for goes out to lines, media, queue and journal. It owns no socket itself.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import time
from typing import Protocol

import msgspec

from appliance.calls import admission, doing
from appliance.calls import turn as turns
from appliance.calls.call import TALK, Call, State
from appliance.calls.conversation import Conversation
from appliance.calls.ledger import Ledger
from appliance.calls.legs import Purpose
from appliance.calls.ports import Calling, Queueing
from appliance.calls.room import Party, Role, Room, Row
from appliance.calls.speech import Sound, Speech
from appliance.calls.tape import Tape
from appliance.calls.tapes import Tapes
from appliance.calls.wire import CallView, PartyView
from appliance.events import Fact
from appliance.published import Admission
from hardware.line import Alerting, Answered, Cause, Cleared, Digit, Line, ProgressLine, Ringing, Signal
from hardware.media import wire as media
from ivr.flow import Flow
from ivr.voice import Voice

SIP = "sip/"
SAME_KEY_S = 0.5
"""A modem reports a key this much later than our own ear hears it, at most."""


class Follower(Protocol):
    """Who places calls that are led through a flow of their own, and wants to know what becomes of them."""

    def answered(self, party: "Ongoing") -> None:
        """Who was called picked up; the flow begins."""

    def over(self, party: "Ongoing", cause: Cause) -> None:
        """The call is over, picked up or not."""


@dataclass(slots=True)
class Ongoing:
    """A call on a caller's line, with what is under way for it."""

    line: Line
    talk: Conversation
    recorded: bool = True
    """False for a call that no rule can have recorded."""
    trunk: str = ""
    """The trunk it came by."""
    extension: str = ""
    """The extension at the caller's line; empty when it is no phone of ours."""
    agent: str = ""
    """The agent there, for whom this is a call of the own; empty when nobody."""
    rests: str = ""
    """Why that agent was on a break before; empty when ready."""
    through: bool = False
    """Whether this call of another site only passes through here."""
    next_numbers: list[str] = field(default_factory=list)
    """What is dialled next when the number that is called does not answer."""
    room: Room = field(default_factory=Room)
    """Who is in the talk, once there is one."""
    hearing: dict[str, Row] = field(default_factory=dict)
    """What media was last told that every line hears."""
    alarm: asyncio.TimerHandle | None = None
    follower: Follower | None = None
    """Who placed this call and leads it through its flow, if anybody does."""
    last_key: tuple[str, str, float] = ("", "", 0.0)
    """Key, who heard it, when."""

    def heard_already(self, key: str, by: str, now: float) -> bool:
        """Whether this is the key that somebody else reported a moment ago."""
        last, heard_by, at = self.last_key
        if key == last and by != heard_by and now - at < SAME_KEY_S:
            return True
        self.last_key = (key, by, now)
        return False


class Exchange:
    """Every call of the box. All methods run in the event loop."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        ledger: Ledger,
        sound: Sound,
        voice: Voice,
        recordings: Path,
        ask_ticket: Callable[[str], "asyncio.Future[tuple[str, dict[str, str]]]"],
        changed: Callable[[CallView], None],
    ) -> None:
        self.now = now
        self.queueing: Queueing
        self.calling: Calling
        self.own_phone: Callable[[Line, Ringing], None]
        """What a phone of ours does that dialled no hotline number, and who is called directly."""
        self.flow: Flow
        """What no rule sends elsewhere."""
        self.flows: Mapping[str, Flow] = {}
        self.admission = Admission()
        self.numbers: frozenset[str] = frozenset()
        """What may be dialled over SIP."""
        self._ledger = ledger
        self._sound = sound
        self.speech = Speech(sound, voice, self.played)
        self.tapes = Tapes(sound, ledger, recordings, now, self._show_tape)
        self._ask_ticket = ask_ticket
        self._changed = changed
        self._parties: dict[str, Ongoing] = {}
        self.stir: Callable[[Ongoing], None] = lambda _: None
        """Told of a call whenever it may stand otherwise than before, or is over."""

    def views(self) -> list[CallView]:
        """Every call going on."""
        return [self.view(party) for party in self._parties.values()]

    def view(self, party: Ongoing) -> CallView:
        """One call as it stands, with everybody in it."""
        call = party.talk.call
        who = {leg.line.name: leg for leg in self.queueing.legs.of(party.talk)}
        there = [
            PartyView(
                p.line,
                p.role.value,
                who[p.line].who if p.line in who else call.caller,
                p.held,
                p.muted,
                p.apart,
            )
            for p in party.room.parties
        ]
        there += [PartyView(name, "ringing", leg.who) for name, leg in who.items() if not leg.answered]
        return taped(call.view(tuple(there)), self.tapes.tape(party.talk.name))

    def find(self, cid: str) -> Ongoing | None:
        """The call with this id."""
        return next((p for p in self._parties.values() if p.talk.name == cid), None)

    def caller_on(self, line: str) -> str:
        """The number of the caller on a line, for the board."""
        party = self._parties.get(line)
        return party.talk.call.caller if party else ""

    def on(self, line: str) -> Ongoing | None:
        """The call whose caller is on this line."""
        return self._parties.get(line)

    def party(self, talk: Conversation) -> Ongoing | None:
        """The caller's side of a conversation; None when it is over, even if its line has a new one."""
        party = self._parties.get(talk.call.line)
        return party if party is not None and party.talk is talk else None

    def signal(self, line: Line, signal: Signal) -> None:
        """A caller's line says something."""
        party = self._parties.get(line.name)
        if isinstance(signal, Ringing) and party is None:
            if line.name.startswith(SIP) and signal.called not in self.numbers:
                self.own_phone(line, signal)
            else:
                self._ringing(line, signal)
        elif party is None:
            return
        elif isinstance(signal, Answered):
            self._answered(party)
        elif isinstance(signal, Alerting):
            self.calling.out_alerting(party.talk, signal.early)
        elif isinstance(signal, Digit):
            self.pressed(line.name, signal.key, "line")
        elif isinstance(signal, Cleared):
            dialling = party.talk.call.state is State.DIALLING
            if not dialling or not self.calling.out_failed(party.talk, signal.cause):
                self._cleared(party, signal.cause)

    def pressed(self, line: str, key: str, by: str) -> None:
        """A caller pressed a key; `by` says who heard it, for a modem and our own ear hear the same one."""
        party = self._parties.get(line)
        if party is not None and not party.heard_already(key, by, self.now()):
            party.talk.key(key, self.now())
            self.work(party)

    def played(self, line: str, play: str) -> None:
        """A prompt ended by itself."""
        party = self._parties.get(line)
        if party is not None and self.speech.is_last(line, play):
            party.talk.spoken(self.now())
            self.work(party)

    def agent_answered(self, talk: Conversation, agent: str, extension: str, line: str) -> None:
        """An agent picked up on a line."""
        party = self._parties[talk.call.line]
        party.room.join(Party(line, Role.AGENT, held=True))
        talk.agent_answered(agent, extension, self.now())
        self.work(party)

    def left(self, talk: Conversation, line: str) -> None:
        """Somebody's line in the talk ended; with nobody left to talk with, the flow goes on."""
        party = self.party(talk)
        if party is None:
            return
        party.room.leave(line)
        self.settle(party)
        expected = {Purpose.TRANSFER, Purpose.TAKE_OVER}
        coming = any(leg.purpose in expected and not leg.answered for leg in self.queueing.legs.of(talk))
        if not coming and not party.room.of(Role.AGENT) and not party.room.of(Role.GUEST):
            for watcher in party.room.parties:
                party.room.leave(watcher.line)
            self.settle(party)
            talk.agent_left(self.now())
            self.work(party)
        else:
            self.show(party)

    def settle(self, party: Ongoing) -> None:
        """Tell media what has changed in who hears whom."""
        rows = party.room.rows()
        for line in party.hearing.keys() | rows.keys():
            row = rows.get(line, {})
            if row != party.hearing.get(line, {}):
                self._sound.order(media.Hear(line, dict(row)))
        party.hearing = rows
        self.stir(party)

    def work(self, party: Ongoing) -> None:
        """Do what the conversation asks for until it asks for nothing."""
        before = party.talk.call.state
        while todo := party.talk.take():
            for do in todo:
                self._carry_out(party, do)
        self.tapes.follow(party.talk.call)
        self._wake(party)
        self.stir(party)
        if party.talk.call.state is not before or before is State.RINGING:
            self.show(party)

    def show(self, party: Ongoing) -> None:
        """Let everybody see how a call stands."""
        self.stir(party)
        self._changed(self.view(party))

    def lose_all(self, cause: Cause) -> None:
        """The media process died: nobody hears anything, so every call ends, with a cause."""
        for party in list(self._parties.values()):
            party.line.hangup(cause)

    def place(
        self,
        line: Line,
        number: str,
        flow: Flow,
        callback_of: str = "",
        follower: Follower | None = None,
    ) -> Ongoing:
        """Begin a call of ours to somebody outside, still to be dialled.

        `flow` is what happens when the agent leaves; or, with a follower, when somebody picks up, and
        nothing is recorded, for only we speak. `callback_of` is the call in which this was asked for.
        """
        cid = self._ledger.new_subject()
        call = Call(cid, line.name, number, "", self.now(), outgoing=True, callback_of=callback_of)
        talk = self._conversation(call, flow)
        party = Ongoing(line, talk, recorded=follower is None, follower=follower)
        self._parties[line.name] = party
        direction = "out" if follower is None else "notice"
        facts = {"line": line.name, "caller": number, "called": "", "direction": direction}
        if callback_of:
            facts["callback_of"] = callback_of
        self._ledger.note(Fact("call.ringing", facts, cid))
        return party

    def begin(self, line: Line, signal: Ringing, flow: Flow, recorded: bool = False) -> Ongoing:
        """A call that is led through a flow of its own from the first ring on; it is still to begin."""
        call = Call(
            self._ledger.new_subject(), line.name, signal.caller or "", signal.called or "", self.now()
        )
        party = Ongoing(line, self._conversation(call, flow), recorded=recorded)
        self._parties[line.name] = party
        return party

    def stand(self, call: Call, flow: Flow, line: Line) -> Ongoing:
        """A call that goes on from an earlier life; it is still to be taken in."""
        return Ongoing(line, self._conversation(call, flow))

    def take_in(self, party: Ongoing) -> None:
        """A call that goes on is here; nothing is heard of it yet."""
        self._parties[party.line.name] = party

    def go_on(self, party: Ongoing) -> None:
        """Go on with a call: who hears whom is said anew, the flow goes on where it was."""
        party.hearing = party.room.rows()
        for line, row in party.hearing.items():
            self._sound.order(media.Hear(line, dict(row)))
        party.talk.go_on(self.now())
        self.work(party)
        talking = party.room.of(Role.AGENT) or party.room.of(Role.GUEST)
        if party.talk.call.state in TALK and not talking:
            party.talk.agent_left(self.now())
            self.work(party)
        self.show(party)

    def move(self, party: Ongoing, line: Line) -> None:
        """The caller's part of a call goes on by another line."""
        former = party.room.party(party.line.name)
        del self._parties[party.line.name]
        self._parties[line.name] = party
        party.line, party.talk.call.line = line, line.name
        if former is not None and party.room.party(line.name) is None:
            party.room.leave(former.line)
            party.room.join(replace(former, line=line.name))
        self.tapes.move(party.talk.name)

    def part(self, party: Ongoing) -> None:
        """The call is over for us, but its line goes on in another."""
        party.talk.cleared(Cause.NORMAL, self.now())
        self._conclude(party, gone=False)

    def forget(self, party: Ongoing) -> None:
        """A call of ours that was never dialled, or that nobody wants any more."""
        if party.talk.call.state is State.DIALLING and self.party(party.talk) is party:
            if party.room.parties:
                party.line.hangup(Cause.NORMAL)
            self._cleared(party, Cause.NORMAL)

    def calls(self, extension: str) -> bool:
        """Whether an extension's phone is the caller's in a call."""
        return any(party.extension == extension for party in self._parties.values())

    def taken(self, line: str) -> bool:
        """Whether a call is, or is about to be, on this line."""
        return line in self._parties

    def note(self, fact: Fact) -> None:
        """Write a fact that is nobody's step."""
        self._ledger.note(fact)

    def send_keys(self, line: str, digits: str) -> None:
        """Send keys to a line."""
        self._sound.order(media.Send(line, digits))

    def _conversation(self, call: Call, flow: Flow) -> Conversation:
        return Conversation(call, flow, self.queueing)

    def _ringing(self, line: Line, signal: Ringing) -> None:
        # The hours are those of the wall clock, also when it was set since the box started.
        decision = admission.decide(signal, self.admission, time())
        cid = self._ledger.new_subject()
        call = Call(cid, line.name, signal.caller or "", signal.called or "", self.now(), rule=decision.rule)
        flow = self.flow if isinstance(decision, admission.Refuse) else self.flows[decision.flow]
        talk = self._conversation(call, flow)
        self._parties[line.name] = party = Ongoing(line, talk, trunk=signal.trunk)
        match decision:
            case admission.Refuse(cause):
                talk.refused(cause, self.now())
            case admission.Prompt():
                call.turned_away()
                talk.ringing()
            case admission.Enter():
                talk.ringing()
        self.work(party)

    def _answered(self, party: Ongoing) -> None:
        if party.follower is not None:
            party.follower.answered(party)
            party.talk.out_entered(self.now())
        elif party.talk.call.outgoing:
            self.calling.out_answered(party.talk)
        if party.recorded:
            self.tapes.begin(party.talk.call, party.trunk)
        if not party.talk.call.outgoing:
            party.talk.line_answered(self.now())
        self.work(party)

    def _cleared(self, party: Ongoing, cause: Cause) -> None:
        party.talk.cleared(cause, self.now())
        self._conclude(party, gone=True)
        if party.follower is not None:
            party.follower.over(party, cause)

    def _conclude(self, party: Ongoing, gone: bool) -> None:
        talk = party.talk
        self.work(party)
        for other in party.room.parties:
            party.room.leave(other.line)
        self.settle(party)
        self.calling.caller_gone(talk)
        if gone:
            self.queueing.caller_gone(talk)
        if party.alarm is not None:
            party.alarm.cancel()
        self.speech.forget(party.line.name)
        self.tapes.end(talk.name)
        del self._parties[talk.call.line]
        self.stir(party)
        self._changed(talk.call.view())

    def _show_tape(self, cid: str) -> None:
        party = self.find(cid)
        if party is not None:
            self.show(party)

    def _wake(self, party: Ongoing) -> None:
        if party.alarm is not None:
            party.alarm.cancel()
        at = party.talk.timer()
        if at is None:
            party.alarm = None
        else:
            loop = asyncio.get_running_loop()
            party.alarm = loop.call_later(max(0.0, at - self.now()), self._on_timer, party)

    def _on_timer(self, party: Ongoing) -> None:
        party.talk.on_timer(self.now())
        self.work(party)

    def _carry_out(self, party: Ongoing, do: doing.Action) -> None:
        line = party.line
        match do:
            case doing.Log(fact):
                self._ledger.note(fact)
            case turns.Speak(prompts, values, after):
                run = party.talk.run
                self.speech.speak(line.name, prompts, {**run.variables, **values}, after, run.language)
            case turns.Loop(turns.MUSIC):
                self.speech.music(line.name, self.queueing.music(party.talk.call.queue))
            case turns.Loop(item):
                self.speech.loop(line.name, item)
            case turns.Hush():
                self.speech.hush(line.name)
            case turns.StartMessage():
                self.tapes.begin_message(party.talk.name, line.name, party.talk.call.caller)
            case turns.EndMessage(keep):
                self.tapes.end_message(party.talk.name, keep)
            case turns.CallTargets(to, keyed):
                self.calling.call_targets(party.talk, to, keyed)
            case turns.StopCalling():
                self.calling.stop_calling(party.talk)
            case doing.Secret(on):
                self.tapes.secret(party.talk.name, on)
            case turns.KeepPlace(number):
                party.talk.place_kept(self.queueing.keep_place(party.talk, number), self.now())
            case turns.AskTicket(number):
                self._ask(party, number)
            case doing.AnswerCaller():
                line.answer()
            case doing.Progress():
                if line.traits.hears_early:
                    early: ProgressLine = line  # type: ignore[assignment]  # its traits say so
                    early.progress()
            case doing.ClearCaller(cause):
                line.hangup(cause)
            case doing.JoinQueue(queue):
                self.queueing.join(party.talk, queue)
            case doing.LeaveQueue():
                self.queueing.leave(party.talk)
            case doing.Bridge():
                self._bridge(party)

    def _ask(self, party: Ongoing, number: str) -> None:
        def answered(answer: "asyncio.Future[tuple[str, dict[str, str]]]") -> None:
            if party.talk.call.state is not State.ENDED and not answer.cancelled():
                party.talk.store_answered(*answer.result(), self.now())
                self.work(party)

        self._ask_ticket(number).add_done_callback(answered)

    def _bridge(self, party: Ongoing) -> None:
        """The announcement is over: caller and agent hear each other."""
        party.room.join(Party(party.line.name, Role.CALLER))
        for agent in party.room.of(Role.AGENT):
            party.room.change(agent.line, held=False)
        self.settle(party)


def taped(view: CallView, tape: Tape | None) -> CallView:
    """A call with what is recorded of it."""
    if tape is None:
        return view
    return msgspec.structs.replace(
        view,
        recording=tape.state,
        may_record=tape.may_ask,
        may_hide=tape.may_hide,
        private_until_s=tape.private_until_s,
    )
