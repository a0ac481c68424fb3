"""The call process: signalling of all lines, flows, queue and seats, until it is told to stop.

It reads one file (``published.json``), writes one journal, and talks to media, store and
pages over Unix sockets. It needs none of them to answer the next call but media.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from hardware.gsm.line import GsmLine

from appliance import published as handover
from appliance.calls import wire
from appliance.calls.control import Control
from appliance.calls.exchange import Exchange
from appliance.calls.ledger import Ledger
from appliance.calls.past import read_past
from appliance.calls.refused import Refused
from appliance.calls.seats import BROWSER, Seats
from appliance.calls.storelink import ask
from appliance.events import Fact, Stamp
from appliance.journal import FileJournal
from appliance.places import Places, places
from appliance.published import Published
from appliance.steady import SteadyClock
from hardware.browser import BrowserLine
from hardware.line import (
    BrowserToken,
    Cause,
    Fault,
    Line,
    PcmPort,
    RtpRoute,
    Signal,
    Sound,
    Text,
    TextLine,
    TextSent,
    Up,
)
from hardware.media import wire as media
from hardware.media.client import MediaLink
from hardware.sip.endpoint import SipAccount, SipEndpoint, SipSettings
from ivr.flow import Flow, decode
from ivr.prompts import Phrases
from ivr.voice import Voice

CITIZEN = "citizen/"
CITIZENS = 4
NUMBER = re.compile(r"\+?[0-9*#]{1,32}$")
LOG_FORMAT = "%(asctime)s %(name)s %(message)s"
log = logging.getLogger("calls")


class Calls:
    """Everything the call process holds, wired together."""

    def __init__(self, places: Places, published: Published) -> None:
        self.places = places
        self.published = published
        self.clock = SteadyClock()
        self.warnings: dict[str, str] = {}
        self.beat = media.Beat(0, 0, 0.0, 0, False)
        self.media_up = False
        self.line_states: dict[str, tuple[str, str]] = {}
        self.lines: dict[str, Line] = {}
        self.routes: dict[str, Sound] = {}
        self.journal = FileJournal(places.journal)
        self.ledger = Ledger(self.journal, Stamp(published.site), self.warn)
        self.control = Control(places.socket("calls"), self.carry_out, self.board)
        self.link = MediaLink(str(places.socket("media")), self.heard, self.media_went, self.media_came)
        flow = decode(bytes(published.flow), "published.json")
        self.voice = Voice(
            places.prompts / "spoken",
            places.prompts / "recorded",
            phrases_of(flow),
            warn=lambda text: self.warn("voice", text),
        )
        self.exchange = Exchange(
            now=self.clock.now,
            ledger=self.ledger,
            sound=self.link,
            voice=self.voice,
            recordings=places.recordings,
            ask_ticket=self.ask_ticket,
            changed=lambda view: self.control.tell(wire.CallNotice(view)),
        )
        self.exchange.flow = flow
        self.browsers = {
            e.number: BrowserLine(BROWSER + e.number) for e in published.extensions if e.kind == "browser"
        }
        count = CITIZENS if published.demo else 0
        self.citizens = {str(n): BrowserLine(f"{CITIZEN}{n}") for n in range(1, count + 1)}
        self.sip = SipEndpoint(sip_settings(published), lambda number, _: self.seats.phone_changed(number))
        self.seats = Seats(
            now=self.clock.now,
            exchange=self.exchange,
            ledger=self.ledger,
            phones=self,
            browsers=self.browsers,
            changed=lambda seat: self.control.tell(wire.SeatNotice(seat)),
            wake=self.wake,
        )
        self.exchange.queueing = self.seats
        self.seats.define(published)
        self._alarm: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Take every line into use."""
        self.resume()
        self.link.start()
        await self.control.start()
        try:
            await self.sip.start()
            lines: list[Line] = list(self.sip.lines)
        except OSError as error:
            ip, port = self.published.sip.ip, self.published.sip.port
            self.warn("sip", f"SIP cannot listen on {ip}:{port} ({error.strerror}). Is another box running?")
            lines = []
        lines += [GsmLine(g.name, g.at, g.pcm, g.profile, g.pin or None) for g in self.published.gsm]
        lines += [*self.browsers.values(), *self.citizens.values()]
        for line in lines:
            self.lines[line.name] = line
            self.line_states[line.name] = ("down", "")
            line.open(self.poster(line))
        self.prompts = asyncio.create_task(self.voice.ready(self.exchange.flow.prompts()))

    async def stop(self) -> None:
        """Hang up, write the journal, give everything back."""
        self.prompts.cancel()
        self.exchange.lose_all(Cause.NORMAL)
        for line in self.lines.values():
            if not line.name.startswith("sip/"):
                line.close()
        await self.sip.stop()
        await asyncio.sleep(0.1)
        await self.voice.close()
        await self.link.stop()
        self.ledger.write()
        await self.control.stop()

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
                self.set_line(line, "idle")
            case Fault(reason):
                self.set_line(line, "down", reason)
            case Sound(route):
                self.routes[line.name] = signal
                self.link.order(media_open(line.name, route))
            case Text():
                self.text_came(line, signal)
            case TextSent(key, ok, reason):
                self.ledger.note(Fact("text.sent", {"key": key, "ok": ok, "reason": reason}, b""))
            case _:
                if not self.seats.signal(line, signal):
                    self.exchange.signal(line, signal)

    def heard(self, report: media.Report) -> None:
        """Media says something."""
        match report:
            case media.Pressed(line, key, _):
                self.exchange.pressed(line, key)
            case media.Played(line, play, _):
                self.exchange.played(line, play)
            case media.Recorded():
                self.exchange.recorded(report)
            case media.Browser(line, up):
                self.browser_came(line, up)
            case media.Beat():
                self.beat = report
                self.control.touch()
            case media.Trouble(line, reason):
                self.warn(f"media {line}".strip(), reason)
            case media.Silent(line, seconds):
                log.info("%s: silent for %.0f s", line, seconds)

    def media_came(self) -> None:
        """The media process is there, with no line open: tell it of those that have a voice."""
        self.media_up = True
        self.warn("media", "")
        for name, sound in self.routes.items():
            if isinstance(sound.route, BrowserToken):
                self.link.order(media_open(name, sound.route))

    def media_went(self) -> None:
        """The media process is gone, and every call's sound with it."""
        self.media_up = False
        self.warn("media", "The media process is down; it is being started again.")
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
        facts = {
            "line": line.name,
            "number": text.sender,
            "text": text.text,
            "sent_s": text.sent_s,
            "key": text.key,
        }
        taken = (lambda: line.taken(text.key)) if hasattr(line, "taken") else None
        self.ledger.note(Fact("text.received", facts), taken)

    def carry_out(self, order: wire.Order) -> dict[str, Any]:
        """Do an order from a desk; raises Refused."""
        match order:
            case wire.SignIn(agent, extension):
                self.seats.sign_in(agent, extension)
            case wire.SignOut(agent):
                self.seats.sign_out(agent)
            case wire.Ready(agent):
                self.seats.ready(agent)
            case wire.Pause(agent, reason):
                self.seats.pause(agent, reason[:40])
            case wire.Answer(agent):
                self.seats.answer(agent)
            case wire.HangUp(agent):
                self.seats.hang_up(agent)
            case wire.SoundToken(extension):
                return self.admit(self.browsers.get(extension))
            case wire.CitizenDial(phone, caller, called):
                return self.citizen_dials(phone, caller, called)
            case wire.CitizenKey(phone, key):
                self.citizen(phone).pressed(key[:1])
            case wire.CitizenHangUp(phone):
                self.citizen(phone).laid_down()
            case wire.SendText(number, text, key):
                self.send_text(number, text, key)
        return {}

    def admit(self, line: BrowserLine | None) -> dict[str, Any]:
        """Give a browser line a token for its sound."""
        if line is None:
            raise Refused("unknown_extension")
        if not self.media_up:
            raise Refused("media_down")
        return {"token": line.admit(), "port": self.published.browser.port}

    def citizen(self, phone: str) -> BrowserLine:
        """A citizen phone page's line."""
        try:
            return self.citizens[phone]
        except KeyError:
            raise Refused("not_demo" if not self.citizens else "unknown_extension") from None

    def citizen_dials(self, phone: str, caller: str, called: str) -> dict[str, Any]:
        """The citizen phone page calls."""
        line = self.citizen(phone)
        if called not in self.published.numbers or not NUMBER.match(caller):
            raise Refused("bad_number")
        access = self.admit(line)
        if not line.rings(caller, called):
            raise Refused("phone_busy")
        return access

    def send_text(self, number: str, text: str, key: str) -> None:
        """Send a short message by the first line that can."""
        if not NUMBER.match(number) or not text.strip():
            raise Refused("bad_number")
        for line in self.lines.values():
            if line.traits.sends_text and self.line_states[line.name][0] != "down":
                sender: TextLine = line  # type: ignore[assignment]  # its traits say so
                sender.send_text(number, text, key)
                return
        raise Refused("no_line")

    def board(self) -> wire.Board:
        """The whole picture."""
        views = [self.view(name) for name in self.lines]
        idle = sum(view.state == "idle" and view.name.startswith("sip/") for view in views)
        shown = [v for v in views if not (v.name.startswith("sip/") and v.state == "idle")]
        beat = self.beat
        return wire.Board(
            seats=self.seats.seats(),
            calls=self.exchange.views(),
            queues=self.seats.queues(),
            lines=shown,
            idle_lines=idle,
            media=wire.MediaView(
                self.media_up, beat.ticks, beat.late, round(beat.worst_ms, 1), beat.fifo, beat.lost
            ),
            warnings=sorted(self.warnings.values()),
        )

    def view(self, name: str) -> wire.LineView:
        """One line at a glance."""
        state, reason = self.line_states[name]
        caller = self.exchange.caller_on(name)
        busy = caller or bool(getattr(self.lines[name], "busy", False))
        return wire.LineView(name, "busy" if busy and state != "down" else state, reason, caller)

    def set_line(self, line: Line, state: str, reason: str = "") -> None:
        """Remember how a line is, and log it when a technician would want to know."""
        if self.line_states[line.name] == (state, reason):
            return
        was = self.line_states[line.name][0]
        self.line_states[line.name] = (state, reason)
        if line.name.startswith("gsm/") or was == "idle":
            self.ledger.note(Fact("line.state", {"line": line.name, "state": state, "reason": reason}, b""))
        self.control.touch()

    def warn(self, subject: str, text: str) -> None:
        """Show a sentence on the board until it is withdrawn with an empty one."""
        if text and self.warnings.get(subject) != text:
            log.warning("%s", text)
            self.warnings[subject] = text
        elif not text:
            self.warnings.pop(subject, None)
        self.control.touch()

    def line_to(self, extension: str) -> Line | None:
        """A free line to call a SIP extension by."""
        return self.sip.line_for()

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

    def resume(self) -> None:
        """Take up where an earlier life of this process ended, from its journal."""
        past = read_past(self.journal)
        for cid in past.open_calls:
            facts = {"outcome": "lost", "cause": int(Cause.TEMPORARY_FAILURE)}
            self.ledger.note(Fact("call.ended", facts, cid))
        for agent, extension in past.signed_in.items():
            with contextlib.suppress(Refused):
                self.seats.sign_in(agent, extension)


def media_open(name: str, route: RtpRoute | PcmPort | BrowserToken | None) -> media.Order:
    """The order that tells media where a line's voice is."""
    match route:
        case RtpRoute():
            return media.Open(name, rtp=route)
        case PcmPort(path):
            return media.Open(name, pcm=path)
        case BrowserToken(token):
            return media.Open(name, token=token)
        case None:
            return media.Close(name)


def phrases_of(flow: Flow) -> Phrases:
    """The shipped phrases with the flow's own before them."""
    return Phrases.load().also(flow.phrases, flow.name)


def sip_settings(published: Published) -> SipSettings:
    """What the SIP side needs of the hand-over file."""
    sip = published.sip
    accounts = tuple(SipAccount(e.number, e.ha1) for e in published.extensions if e.kind == "sip")
    return SipSettings(
        bind_ip=sip.ip,
        port=sip.port,
        rtp_ip=sip.rtp_ip,
        rtp_base=sip.rtp_base,
        lines=sip.lines,
        realm=sip.realm,
        accounts=accounts,
        numbers=frozenset(published.numbers),
        advertise_ip=sip.advertise_ip or None,
    )


async def serve(places: Places) -> None:
    """Run until SIGTERM or SIGINT; raises handover.Unreadable when there is nothing to run."""
    calls = Calls(places, handover.read(places.published))
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await calls.start()
    await stopping.wait()
    await calls.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    """``python -m appliance.calls.daemon --data DIR``"""
    parser = argparse.ArgumentParser(description="The call process of the box")
    parser.add_argument("--data", help="the box's data folder")
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=os.environ.get("HOTLINE_LOG", "INFO"), format="%(asctime)s %(name)s %(message)s"
    )
    try:
        asyncio.run(serve(places(options.data).make()))
    except handover.Unreadable as error:
        sys.exit(f"calls: {error}")


if __name__ == "__main__":
    main()
