"""The call process: signalling of all lines, flows, queue and seats, until it is told to stop.

It reads one file (``published.json``), writes one journal, and talks to media, store and
pages over Unix sockets. To answer the next call it needs none of them but media.
"""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

from appliance import published as handover
from appliance.calls import desk_phones, wire
from appliance.calls.control import Control
from appliance.calls.directory import Forwarding
from appliance.calls.exchange import Exchange
from appliance.calls.ledger import Ledger
from appliance.calls.lines import Lines, sip_settings
from appliance.calls.orders import Orders
from appliance.calls.past import keep, read_past
from appliance.calls.resuming import Resuming
from appliance.calls.roster import BROWSER, Roster
from appliance.calls.seats import Seats
from appliance.calls.storelink import ask
from appliance.calls.switchboard import Switchboard
from appliance.calls.taping import Taping
from appliance.campaigns.caller import Caller
from appliance.events import Event, Fact, Stamp
from appliance.journal import FileJournal
from appliance.places import Places, places
from appliance.published import Published
from appliance.refused import Refused
from appliance.steady import SteadyClock
from appliance.words import N_
from hardware.browser import BrowserLine
from hardware.gsm.line import GsmLine
from hardware.line import (
    Cause,
    Cleared,
    Fault,
    Held,
    Line,
    Ringing,
    Signal,
    Sound,
    Text,
    TextLine,
    TextSent,
    Transfer,
    TransferLine,
    Up,
)
from hardware.media import wire as media
from hardware.media.client import MediaLink
from hardware.sip.endpoint import SipEndpoint, SipLine
from ivr.actions import LANGUAGES, Queue
from ivr.flow import decode
from ivr.prompts import Phrases
from ivr.voice import Voice

CITIZEN = "citizen/"
CITIZENS = 4
PARTING_S = 0.1
"""What is left for lines to say goodbye in."""
COLLECT_EVERY = (20_000, 10, 20)
"""Rarely: a call's objects go by themselves, and looking for others costs each call several per cent."""
NO_SIP = N_("SIP cannot listen on %(address)s (%(reason)s). Is another box running?")
NO_VOICE = N_("A prompt cannot be spoken: %(reason)s")
NO_MEDIA = N_("The sound process is down; it is being started again.")
BAD_SOUND = N_("Sound of %(line)s: %(reason)s")
log = logging.getLogger("calls")


class Calls:
    """Everything the call process holds, wired together."""

    def __init__(self, places: Places, published: Published) -> None:
        self.places = places
        self.published = published
        self.clock = SteadyClock()
        self.warnings: dict[str, wire.Sentence] = {}
        self.beat = media.Beat(0, 0, 0.0, 0, False)
        self.journal = FileJournal(places.journal)
        self.past = read_past(self.journal, places.past)
        self.ledger = Ledger(self.journal, Stamp(published.site), self.warn, self.written)
        self.link = MediaLink(str(places.socket("media")), self.heard, self.media_went, self.media_came)
        flow = decode(bytes(published.flow), "published.json")
        flows = {name: decode(bytes(raw), "published.json") for name, raw in published.flows.items()}
        phrases = Phrases.load()
        for each in (flow, *flows.values()):
            phrases = phrases.also(each.phrases, each.name)
        prompts = places.prompts
        self.voice = Voice(
            prompts / "spoken",
            prompts / "recorded",
            phrases,
            warn=lambda text: self.warn("voice", NO_VOICE, reason=text),
        )
        self.exchange = Exchange(
            now=self.clock.now,
            ledger=self.ledger,
            sound=self.link,
            voice=self.voice,
            recordings=places.recordings,
            ask_ticket=self.ask_ticket,
            changed=lambda view: self.control.tell(wire.CallNotice(view), bool(view.agent or view.parties)),
        )
        self.exchange.flow = flow
        self.exchange.flows = {published.admission.flow: flow, **flows}
        self.exchange.admission = published.admission
        self.exchange.tapes.rules, self.exchange.tapes.private_s = published.recorded, published.private_s
        brought = (trunk.numbers for trunk in published.trunks)
        self.exchange.numbers = frozenset(published.numbers).union(*brought)
        self.lines = Lines(self.ledger, self.exchange.caller_on)
        numbers = [e.number for e in published.extensions if e.kind == "browser"]
        self.browsers = {number: BrowserLine(BROWSER + number) for number in numbers}
        phones = range(1, CITIZENS + 1 if published.demo else 1)
        self.citizens = {str(n): BrowserLine(f"{CITIZEN}{n}") for n in phones}
        self.sip = SipEndpoint(
            sip_settings(published, str(places.open_calls)),
            lambda number, _: self.seats.phone_changed(number),
        )
        self.seats = Seats(
            now=self.clock.now,
            exchange=self.exchange,
            ledger=self.ledger,
            roster=Roster(self, self.browsers),
            changed=lambda seat: self.control.tell(wire.SeatNotice(seat)),
            wake=self.wake,
        )
        self.exchange.queueing = self.seats
        self.switchboard = Switchboard(published, self.exchange, self.seats, self)
        self.seats.define(published)
        self.campaigns = Caller(
            exchange=self.exchange,
            ledger=self.ledger,
            phones=self,
            permits=self.switchboard.permits,
            numbers=self.switchboard.numbers,
            admission=published.admission,
            rules=published.campaign,
            voice=self.voice,
            folder=places.campaigns,
            media_up=lambda: self.link.up,
            changed=lambda view: self.control.tell(wire.CampaignNotice(view)),
        )
        orders = Orders(
            published,
            self.seats,
            self.switchboard,
            Taping(self.exchange, self.seats),
            self.lines,
            self.browsers,
            self.citizens,
            lambda: self.link.up,
            self.campaigns,
        )
        self.resuming = Resuming(
            places.talks, self.exchange, self.seats, self.lines, self.ledger, self.link.order
        )
        self.control = Control(places.socket("calls"), orders.carry_out, self.board)
        self._alarm: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Take every line into use, and take up where an earlier life ended."""
        going_on = self.resuming.load(self.past.open_calls)
        lines: list[Line] = [*self.browsers.values(), *self.citizens.values()]
        lines += [GsmLine(g.name, g.at, g.pcm, g.profile, g.pin or None) for g in self.published.gsm]
        try:
            await self.sip.start(going_on)
            lines += [*self.sip.lines, *self.sip.trunks.values()]
        except OSError as error:
            ip, port = self.published.sip.ip, self.published.sip.port
            self.warn("sip", NO_SIP, address=f"{ip}:{port}", reason=error.strerror or str(error))
        for line in lines:
            self.lines.add(line)
            line.open(self.poster(line))
        self.resume()
        self.link.start()
        await self.control.start()
        self.readying = asyncio.create_task(self.make_ready())

    async def stop(self) -> None:
        """Hang up, write the journal, give everything back."""
        self.readying.cancel()
        self.campaigns.stop()
        self.lines.hang_up_all(Cause.NORMAL)
        await self.sip.stop()
        await asyncio.sleep(PARTING_S)
        for line in self.lines.all():
            line.close()
        await self.voice.close()
        await self.link.stop()
        self.resuming.close()
        self.ledger.write()
        keep(self.past, self.places.past)
        await self.control.stop()

    async def make_ready(self) -> None:
        """Speak beforehand what every caller will hear, and every agent's announcement."""
        flows = self.exchange.flows.values()
        for flow in flows:
            await self.voice.ready(flow.prompts())
        nodes = [node for flow in flows for node in flow.nodes.values()]
        queues = [node.typed() for node in nodes if node.action == "queue"]
        announce = {phrase for queue in queues if isinstance(queue, Queue) for phrase in queue.announce}
        await self.voice.ready(["callback.agent"])
        for agent in self.published.agents:
            for language in LANGUAGES:
                await self.voice.prompts({*announce, *desk_phones.PHRASES}, {"agent": agent.number}, language)

    def resume(self) -> None:
        """Calls cut off by our death are lost, and say so, unless they go on; agents on duty are on duty.

        Who was to be called back is, and callers come back to the agents they spoke with.
        """
        past = self.past
        for cid in [cid for cid in past.open_calls if not self.resuming.may_go_on(cid)]:
            facts = {"outcome": "lost", "cause": int(Cause.TEMPORARY_FAILURE)}
            self.ledger.note(Fact("call.ended", facts, bytes.fromhex(cid)))
        for extension, forwards in past.forwards.items():
            for when, forwarding in forwards.items():
                self.switchboard.directory.forward(extension, when, Forwarding(*forwarding))
        self.seats.callbacks.resume(past)
        for agent, (extension, *_) in list(past.signed_in.items()):
            with contextlib.suppress(Refused):
                self.seats.sign_in(agent, extension)
        before = {agent: (state, reason) for agent, (_, state, reason) in past.signed_in.items()}
        self.resuming.begin(lambda: self.put_agents_back(before))
        self.campaigns.start(past.campaigns)

    def put_agents_back(self, before: Mapping[str, tuple[str, str]]) -> None:
        """Agents are as they were before our death, and those whose talk is lost ready."""
        for agent, (state, reason) in before.items():
            if self.seats.legs.of_agent(agent) is not None or self.seats.calling(agent) is not None:
                continue
            with contextlib.suppress(Refused):
                if state != "paused":
                    self.seats.ready(agent)
                elif reason:
                    self.seats.pause(agent, reason)

    def written(self, last: int, events: Sequence[Event]) -> None:
        """What is on disk now belongs to what the next life must know."""
        for position, event in enumerate(events, last - len(events) + 1):
            self.past.fold(position, event)
        if self.past.due:
            keep(self.past, self.places.past)

    def poster(self, line: Line) -> Callable[[Signal], None]:
        """What a line posts to; posts may come from any thread."""
        loop = asyncio.get_running_loop()

        def post(signal: Signal) -> None:
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                loop.call_soon_threadsafe(self.said, line, signal)
            else:
                self.said(line, signal)

        return post

    def said(self, line: Line, signal: Signal) -> None:
        """A line says something. A bug here ends this call and no other."""
        try:
            self.understand(line, signal)
        except Exception:
            log.exception("%s: %s", line.name, signal)
            line.hangup(Cause.TEMPORARY_FAILURE)

    def understand(self, line: Line, signal: Signal) -> None:
        """Do what a signal asks for."""
        match signal:
            case Up():
                self.touch(self.lines.set(line, "idle"))
            case Fault(reason):
                self.touch(self.lines.set(line, "down", reason))
            case Sound(None):
                pass  # no voice for now: its place in the matrix stays until it is cleared
            case Held(on):
                self.switchboard.phones.held(line, on)
            case Transfer():
                phone: TransferLine = line  # type: ignore[assignment]  # only a line that can be told asks
                self.switchboard.phones.transfers(phone, signal)
            case Ringing(replaces=replaced) if replaced:
                self.switchboard.phones.replaces(line, signal)
            case Sound(route):
                self.link.order(self.lines.moved(line, route))
            case Text():
                self.text_came(line, signal)
            case TextSent(key, ok, reason):
                self.ledger.note(Fact("text.sent", {"key": key, "ok": ok, "reason": reason}, b""))
            case _:
                if not self.seats.signal(line, signal):
                    self.exchange.signal(line, signal)
                if isinstance(signal, Cleared) and not line.name.startswith(BROWSER):
                    self.link.order(self.lines.moved(line, None))

    def heard(self, report: media.Report) -> None:
        """Media says something. A bug here must not cut the link to media."""
        try:
            self.take_report(report)
        except Exception:
            log.exception("%s", report)

    def take_report(self, report: media.Report) -> None:
        """Do what a report asks for."""
        match report:
            case media.Kept():
                self.resuming.take_up(report)
            case media.Pressed(line, key):
                self.exchange.pressed(line, key, "media")
            case media.Played(line, play, _):
                self.exchange.played(line, play)
            case media.Recorded():
                self.exchange.tapes.recorded(report)
            case media.Browser(line, up):
                self.browser_came(line, up)
            case media.Beat():
                self.beat = report
                self.control.touch()
            case media.Trouble(line, reason):
                self.warn(f"media {line}", BAD_SOUND, line=line or "media", reason=reason)
            case media.Silent(line, seconds):
                self.silent(line, seconds)

    def silent(self, name: str, seconds: float) -> None:
        """Nothing is heard on a line: a SIP call silent for long has lost its far end, and its BYE."""
        log.info("%s: silent for %.0f s", name, seconds)
        line, most_s = self.lines.get(name), self.published.sip.silent_s
        if isinstance(line, SipLine) and 0 < most_s <= seconds and not line.held:
            line.hangup(Cause.TIMER)

    def media_came(self) -> None:
        """The media process is there with no line open: let browsers' sound in again."""
        self.warn("media", "")
        self.link.order(self.resuming.keep())
        for order in self.lines.browsers_open():
            self.link.order(order)

    def media_went(self) -> None:
        """The media process is gone, and every call's sound with it."""
        self.warn("media", NO_MEDIA)
        for line in [*self.browsers.values(), *self.citizens.values()]:
            self.browser_came(line.name, False)
        self.exchange.lose_all(Cause.TEMPORARY_FAILURE)

    def browser_came(self, name: str, up: bool) -> None:
        """A browser's sound connected or went away."""
        line = self.lines.get(name)
        if isinstance(line, BrowserLine):
            line.sounding = up
            if name.startswith(BROWSER):
                self.seats.phone_changed(name.removeprefix(BROWSER))
            elif not up:
                line.laid_down()

    def text_came(self, line: Line, text: Text) -> None:
        """A short message: on disk first, then the device may forget it."""
        facts = {"line": line.name, "number": text.sender, "text": text.text, "sent_s": text.sent_s}
        carrier: TextLine = line  # type: ignore[assignment]  # only a text line says Text
        self.ledger.note(Fact("text.received", {**facts, "key": text.key}), lambda: carrier.taken(text.key))

    def board(self) -> wire.Board:
        """The whole picture."""
        beat = self.beat
        shown, idle = self.lines.views()
        return wire.Board(
            seats=self.seats.seats(),
            calls=self.exchange.views(),
            queues=self.seats.queues(),
            lines=shown,
            idle_lines=idle,
            media=wire.MediaView(
                self.link.up, beat.ticks, beat.late, round(beat.worst_ms, 1), beat.fifo, beat.lost
            ),
            warnings=[self.warnings[subject] for subject in sorted(self.warnings)],
        )

    def touch(self, changed: bool) -> None:
        """Show the board anew when something changed."""
        if changed:
            self.control.touch()

    def warn(self, subject: str, text: str, **values: str) -> None:
        """Show a sentence on the board until it is withdrawn with an empty one."""
        sentence = wire.Sentence(text, values)
        if text and self.warnings.get(subject) != sentence:
            log.warning(text % values if values else text)
            self.warnings[subject] = sentence
            self.control.touch()
        elif not text and subject in self.warnings:
            del self.warnings[subject]
            self.control.touch()

    def line_to(self, extension: str) -> Line | None:
        """A free line to call a SIP extension by."""
        return self.free_sip()

    def line_out(self, number: str) -> Line | None:
        """A free line to call a number by: a modem where no trunk that is up carries it, else SIP first."""
        sip, modem = self.free_sip(), self.lines.idle_modem()
        ours = self.switchboard.directory.extension(number) is not None
        carried = ours or not isinstance(self.sip.core.trunks.targets(number), Cause)
        return (sip or modem) if carried else (modem or sip)

    def lines_free(self) -> int:
        """How many lines nobody uses just now, nor is about to."""
        sip = sum(not line.busy and not self.kept(line) for line in self.sip.lines)
        return sip + self.lines.idle_modems()

    def kept(self, line: Line) -> bool:
        """Whether a line is kept for a call about to be dialled."""
        return self.exchange.taken(line.name) or self.seats.legs.taken(line.name)

    def free_sip(self) -> Line | None:
        """The SIP line idle longest that is not kept for a call about to be dialled."""
        first = self.sip.line_for()
        if first is not None and not self.kept(first):
            return first
        return next((line for line in self.sip.lines if not line.busy and not self.kept(line)), None)

    def registered(self, extension: str) -> bool:
        """Whether a SIP phone is there."""
        return "sip" not in self.warnings and self.sip.registered(extension)

    def ask_ticket(self, number: str) -> "asyncio.Future[tuple[str, dict[str, str]]]":
        """Ask the store how a ticket stands."""
        return asyncio.ensure_future(self._ask_ticket(number))

    async def _ask_ticket(self, number: str) -> tuple[str, dict[str, str]]:
        data = await ask(self.places.socket("store"), {"do": "ticket_state", "number": number})
        if data is None:
            return "unavailable", {}
        if not data.get("found"):
            return "unknown", {}
        return "found", {name: str(data.get(name, "")) for name in ("number", "state", "unit", "updated")}

    def wake(self) -> None:
        """Set the alarm for the next offer or wrap-up that runs out."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        at = self.seats.timer()
        if at is not None:
            delay_s = max(0.0, at - self.clock.now())
            self._alarm = asyncio.get_running_loop().call_later(delay_s, self.seats.on_timer)


async def serve(places: Places) -> None:
    """Run until SIGTERM or SIGINT; raises handover.Unreadable when there is nothing to run."""
    calls = Calls(places, handover.read(places.published))
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await calls.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_EVERY)
    await stopping.wait()
    await calls.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """``python -m appliance.calls.daemon --data DIR``"""
    parser = argparse.ArgumentParser(description="The call process of the box")
    parser.add_argument("--data", help="the box's data folder")
    options = parser.parse_args(arguments)
    level = os.environ.get("HOTLINE_LOG", "INFO")
    logging.basicConfig(level=level, format="%(asctime)s %(name)s %(message)s")
    try:
        asyncio.run(serve(places(options.data).make()))
    except handover.Unreadable as error:
        sys.exit(f"calls: {error}")


if __name__ == "__main__":
    main()
