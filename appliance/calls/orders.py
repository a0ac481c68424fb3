"""Orders from pages and tools, carried out: each is one of `appliance.calls.wire.Order`."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from appliance.calls import wire
from appliance.calls.lines import Lines
from appliance.calls.seats import Seats
from appliance.calls.switchboard import Switchboard
from appliance.calls.taping import Taping
from appliance.campaigns.caller import Caller
from appliance.published import Published
from appliance.refused import Refused
from hardware.browser import BrowserLine

NUMBER = re.compile(r"\+?[0-9*#]{1,32}$")
TEXT_MAX = 2000
REASON_MAX = 40
NUMBERS_MAX = 9
"""Numbers tried after the first."""


class Orders:
    """Who may be ordered about: seats, browser phones, citizen phones, text lines."""

    def __init__(
        self,
        published: Published,
        seats: Seats,
        switchboard: Switchboard,
        taping: Taping,
        lines: Lines,
        browsers: Mapping[str, BrowserLine],
        citizens: Mapping[str, BrowserLine],
        media_up: Callable[[], bool],
        campaigns: Caller,
    ) -> None:
        self._published = published
        self._seats = seats
        self._switchboard = switchboard
        self._taping = taping
        self._lines = lines
        self._browsers = browsers
        self._citizens = citizens
        self._media_up = media_up
        self._campaigns = campaigns

    def carry_out(self, order: wire.Order) -> dict[str, Any]:
        """Do it; return the reply's data. Raises Refused, and then nothing was done."""
        match order:
            case wire.SignIn(agent, extension):
                self._seats.sign_in(agent, extension)
            case wire.Staff(agents):
                self._published = msgspec.structs.replace(self._published, agents=agents)
                self._seats.define(self._published)
            case wire.SignOut(agent):
                self._seats.sign_out(agent)
            case wire.Ready(agent):
                self._seats.ready(agent)
            case wire.Pause(agent, reason):
                self._seats.pause(agent, reason[:REASON_MAX])
            case wire.Answer(agent):
                self._seats.answer(agent)
            case wire.HangUp(agent):
                self._seats.hang_up(agent)
            case wire.SendText(number, text, key):
                self._send_text(number, text, key)
            case wire.RecordCall(agent, on):
                self._taping.record(agent, on)
            case wire.HideCall(agent, on):
                self._taping.hide(agent, on)
            case wire.Dial(agent, number, then, pin, account):
                if not all(NUMBER.match(each) for each in (number, *then)) or len(then) > NUMBERS_MAX:
                    raise Refused("bad_number")
                cid = self._switchboard.services.dial(agent, number, then, pin, account)
                return {"cid": cid.hex()}
            case wire.Forward(extension, when, to, by):
                self._switchboard.forward(extension, when, to, by)
            case wire.GetDirectory():
                return {"extensions": msgspec.to_builtins(self._switchboard.extensions())}
            case wire.Campaign(by, cid, what):
                self._campaigns.order(by, cid, what)
            case wire.SoundToken(extension):
                return self._admit(self._browsers.get(extension))
            case wire.CitizenDial(phone, caller, called):
                return self._citizen_dials(self._citizen(phone), caller, called)
            case wire.CitizenKey(phone, key):
                self._citizen(phone).pressed(key[:1])
            case wire.CitizenHangUp(phone):
                self._citizen(phone).laid_down()
            case _:
                self._serve(order)
        return {}

    def _serve(self, order: wire.Order) -> None:
        """What is done in a talk."""
        do = self._switchboard.services
        match order:
            case wire.Hold(agent):
                do.hold(agent)
            case wire.Resume(agent):
                do.resume(agent)
            case wire.Mute(agent, on):
                do.mute(agent, on)
            case wire.Transfer(agent, to):
                do.transfer(agent, to)
            case wire.Consult(agent, to):
                do.consult(agent, to)
            case wire.Invite(agent, to):
                do.invite(agent, to)
            case wire.Complete(agent):
                do.complete(agent)
            case wire.Together(agent):
                do.together(agent)
            case wire.Drop(agent, line):
                do.drop(agent, line)
            case wire.CallLeader(agent):
                do.call_leader(agent)
            case wire.PlayBack(agent, path):
                do.play_back(agent, path)
            case wire.SendDigits(agent, digits, line):
                do.send_digits(agent, digits, line)
            case wire.PickUp(agent, extension):
                do.pick_up(agent, extension)
            case _:
                self._lead(order)

    def _lead(self, order: wire.Order) -> None:
        """What a shift leader does."""
        do = self._switchboard.supervision
        match order:
            case wire.Supervise(leader, agent, how):
                do.supervise(leader, agent, how)
            case wire.Take(leader, cid):
                do.take(leader, cid)
            case wire.Release(leader, cid, reason):
                do.release(leader, cid, reason)
            case wire.Force(leader, agent, state):
                do.force(leader, agent, state)
            case wire.MoveCall(leader, cid, to):
                do.move_call(leader, cid, to)
            case wire.CancelCallback(leader, callback, reason):
                self._seats.cancel_callback(leader, callback, reason[:TEXT_MAX])

    def _admit(self, line: BrowserLine | None) -> dict[str, Any]:
        if line is None:
            raise Refused("unknown_extension")
        if not self._media_up():
            raise Refused("media_down")
        return {"token": line.admit(), "port": self._published.browser.port}

    def _citizen(self, phone: str) -> BrowserLine:
        line = self._citizens.get(phone)
        if line is None:
            raise Refused("unknown_extension" if self._citizens else "not_demo")
        return line

    def _citizen_dials(self, line: BrowserLine, caller: str, called: str) -> dict[str, Any]:
        if called not in self._published.numbers or not NUMBER.match(caller):
            raise Refused("bad_number")
        if not line.idle:
            raise Refused("phone_busy")
        access = self._admit(line)
        line.rings(caller, called)
        return access

    def _send_text(self, number: str, text: str, key: str) -> None:
        if not NUMBER.match(number) or not 0 < len(text.strip()) <= TEXT_MAX:
            raise Refused("bad_number")
        line = self._lines.for_text()
        if line is None:
            raise Refused("no_line")
        line.send_text(number, text, key)
