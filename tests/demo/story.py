"""The story: every step does one thing and returns what was seen; what did not happen raises."""

import time
import wave
from collections.abc import Callable
from pathlib import Path

from appliance.calls import wire
from tests.box import PHONES
from tests.demo.city import City
from tests.demo.month import play as play_month
from tests.phones import Baresip, tone_level, until

CITIZEN_HZ, AGENT_HZ, MOBILE_HZ = 700.0, 1000.0, 440.0
CITIZEN = "13800005678"
MOBILE = "13900001234"
LOUD = 0.02
"""Amplitude of a tone that is there, full scale 1."""
SYNC_S = 30.0


class Story:
    """What the steps hand on to one another."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.citizen: Baresip
        self.desk_phone: Baresip
        self.cid = ""
        self.number = ""
        self.away = ""
        """A ticket made at the centre while the broker was cut."""

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Title and step, in order."""
        return [
            ("A hub, a centre and a branch run, with a real broker between them", self.start),
            ("A desk phone registers and agent 1001 is ready at it", self.agent_ready),
            ("A citizen calls 12345, is welcomed and presses 1 for a person", self.citizen_calls),
            ("The agent's phone rings, the desk shows the caller, both hear each other", self.talk),
            ("web and store are killed during the call; the call goes on", self.kill_web_and_store),
            ("The citizen hangs up; call and recording are there", self.recorded),
            ("The agent registers, classifies and dispatches a ticket", self.file_ticket),
            ("The ticket reaches the branch's own database", self.reaches_branch),
            ("The broker is cut; the branch signs and answers, the centre works on", self.both_alone),
            ("sync is killed at both ends; the broker comes back; all agree", self.heal),
            ("The centre reviews, calls back and closes", self.close_ticket),
            ("The citizen keys the ticket number and hears how it stands", self.hear_state),
            ("A mobile calls through the GSM modem, is answered, and both hear each other", self.gsm_call),
            ("An SMS becomes a ticket and is answered by SMS", self.sms),
            ("A caller leaves a message; it becomes a ticket with its sound", self.voicemail),
            ("Every box folds its log anew to the same tickets, nothing lost or doubled", self.agree),
            ("On a simulated clock a branch is alone for 30 days; then all tickets are the same", self.month),
        ]

    def start(self) -> str:
        self.city.start()
        ports = [f"{name} {box.web}" for name, box in self.city.boxes.items()]
        return ", ".join(ports)

    def agent_ready(self) -> str:
        city = self.city
        self.desk_phone = city.phone("8101", PHONES["8101"], AGENT_HZ, answers=True)
        desk = city.person("centre", "1001")
        desk.order("/desk/shift", extension="8101")
        city.centre.wait_for(lambda: city.centre.seat("1001").phone == "up", name="phone 8101")
        desk.order("/desk/order", do="ready")
        seat = city.centre.wait_state("1001", "ready")
        return f"{seat.name} at {seat.extension}: {seat.state}"

    def citizen_calls(self) -> str:
        self.citizen = self.city.phone(CITIZEN, tone_hz=CITIZEN_HZ)
        self.citizen.dial("12345")
        self.citizen.wait("CALL_ESTABLISHED")
        view = until(self._call, 5, "the call on the board")
        self.cid = view.cid
        level = until(self._welcome, 10, "the welcome on the recording")
        self.citizen.keys("1")
        return f"call {self.cid[:12]} from {view.caller}, the welcome is heard (rms {level:.2f})"

    def talk(self) -> str:
        box = self.city.centre
        seat = box.wait_state("1001", "busy", 30)
        assert seat.call is not None
        assert seat.call.caller == CITIZEN, seat.call.caller
        history = self.city.person("centre", "1001").data(f"/desk/caller/{CITIZEN}")
        both = self._both_heard(self.citizen, CITIZEN_HZ)
        return f"caller {seat.call.caller}, {len(history['tickets'])} earlier tickets; {both}"

    def kill_web_and_store(self) -> str:
        box = self.city.centre
        pids = {unit: box.kill(unit) for unit in ("web", "store")}
        until(lambda: all(box.pid(u) != p for u, p in pids.items()) or None, 15, "web and store to be back")
        assert box.seat("1001").state == "busy", "the call did not outlive web and store"
        both = self._both_heard(self.citizen, CITIZEN_HZ)
        until(lambda: self._signed_in() or None, 30, "the pages to be back")
        return f"web and store have new processes; still {both}"

    def recorded(self) -> str:
        city = self.city
        self.citizen.hang_up()
        city.centre.wait_state("1001", "wrap_up")
        call = until(lambda: self._row("calls", "cid", self.cid, "outcome"), 15, "the call's record")
        sound = until(lambda: self._row("recordings", "call", self.cid, "sha256"), 15, "the recording")
        path = city.centre.places.recordings / str(sound["path"])
        left, right = tone_level(path, CITIZEN_HZ, 0), tone_level(path, AGENT_HZ, 1)
        assert min(left, right) > LOUD, f"left {left:.3f}, right {right:.3f}"
        ended = f"{call['outcome']} by {call['agent']}, {sound['seconds']} s"
        return f"{ended}, caller left {left:.2f}, agent right {right:.2f}"

    def file_ticket(self) -> str:
        agent = self.city.person("centre", "1001")
        filed = agent.order(
            "/desk/file",
            then="save",
            call=self.cid,
            kind="repair",
            title="云河东路路灯不亮",
            content="云河东路 12 号门前三盏路灯自上周三起不亮，夜间出行不便。",
            category=self._category(),
            citizen="王女士",
            phone=CITIZEN,
            address="云河东路 12 号",
        )
        self.number = str(filed["number"])
        agent.order("/desk/order", do="ready")
        dispatcher = self.city.person("centre", "1200")
        dispatcher.move(self.number, "accept")
        dispatcher.move(self.number, "dispatch", unit="lamp")
        ticket = self.city.ticket("centre", self.number)
        assert ticket is not None
        assert ticket["state"] == "DISPATCHED", ticket
        return f"{self.number} {ticket['title']}: {ticket['state']} to {ticket['unit']}"

    def reaches_branch(self) -> str:
        began = time.monotonic()
        self._wait_ticket("branch", self.number, "DISPATCHED")
        return f"at the branch after {time.monotonic() - began:.1f} s, by the hub"

    def both_alone(self) -> str:
        city = self.city
        city.broker.cut()
        unit = city.person("branch", "2001")
        unit.move(self.number, "sign")
        unit.move(self.number, "submit_result", result="已更换三盏路灯，现场恢复照明。")
        city.person("centre", "1200").submit(f"/tickets/{self.number}/note", text="市民来电补充：共三盏。")
        filed = city.person("centre", "1001").order(
            "/desk/file",
            then="save",
            kind="consult",
            title="咨询办证时间",
            content="几点上班？",
            phone=CITIZEN,
        )
        self.away = str(filed["number"])
        here, there = city.ticket("centre", self.number), city.ticket("branch", self.number)
        assert here is not None
        assert there is not None
        assert (here["state"], there["state"]) == ("DISPATCHED", "FEEDBACK"), (here["state"], there["state"])
        return f"centre {here['state']}, branch {there['state']}; new at the centre: {self.away}"

    def heal(self) -> str:
        city = self.city
        killed = {name: city.boxes[name].kill("sync") for name in ("branch", "hub")}
        city.broker.start()
        began = time.monotonic()
        for name in city.boxes:
            self._wait_ticket(name, self.number, "FEEDBACK")
        self._wait_ticket("hub", self.away, "REGISTERED")
        stories = [city.story(name, self.number) for name in city.boxes]
        assert stories[0] == stories[1] == stories[2], stories
        after = f"after {time.monotonic() - began:.1f} s"
        return f"killed {len(killed)} sync processes; the same {len(stories[0])} events everywhere {after}"

    def close_ticket(self) -> str:
        city = self.city
        city.person("centre", "1200").move(self.number, "pass", answer="路灯已修复，感谢您的来电。")
        city.person("centre", "1300").move(self.number, "satisfied", rating="satisfied")
        for name in city.boxes:
            self._wait_ticket(name, self.number, "CLOSED")
        return "CLOSED at centre, hub and branch"

    def hear_state(self) -> str:
        self.citizen.dial("12345")
        self.citizen.wait("CALL_ESTABLISHED", 2)
        cid = until(self._call, 5, "the call on the board").cid
        time.sleep(1)
        self.citizen.keys("2")
        time.sleep(1)
        self.citizen.keys("3")
        time.sleep(1)
        self.citizen.keys(self.number + "#")
        path = until(lambda: self._sound(cid), 5, "the recording")
        spoken_from = time.monotonic()
        until(lambda: _right_seconds(path) > 8 or None, 40, "the state of the ticket to be read out")
        self.citizen.hang_up()
        call = until(lambda: self._row("calls", "cid", cid, "outcome"), 15, "the call's record")
        return f"{call['outcome']}: read out for {time.monotonic() - spoken_from:.0f} s"

    def gsm_call(self) -> str:
        city = self.city
        heard = city.folder / "mobile.wav"
        city.modem(do="call", **{"from": MOBILE}, tone=MOBILE_HZ, record=str(heard))
        view = until(self._call, 15, "the mobile's call")
        time.sleep(2)
        city.modem(do="press", key="1")
        city.centre.wait_state("1001", "busy", 30)
        until(lambda: _tone(self.desk_phone.heard, MOBILE_HZ), 20, "the agent to hear the mobile")
        until(lambda: _tone(lambda: self._sound(view.cid), AGENT_HZ, 1), 20, "the agent on the recording")
        time.sleep(1)
        city.modem(do="hangup")
        city.centre.wait_state("1001", "wrap_up", 15)
        level = until(lambda: _tone(lambda: heard, AGENT_HZ), 10, "the mobile to have heard the agent")
        city.person("centre", "1001").order("/desk/order", do="ready")
        return f"{view.caller} on {view.line}; the mobile heard the agent ({level:.2f})"

    def sms(self) -> str:
        city = self.city
        city.modem(do="sms", **{"from": MOBILE}, text="柳林街垃圾桶满了三天没人清，请处理。")

        def answers() -> list[dict[str, object]] | None:
            """Besides them notices of acceptance go out, to other citizens."""
            return [sms for sms in city.modem(do="sent")["sent"] if "已登记" in str(sms.get("text"))] or None

        sent = until(answers, 30, "the answer by SMS")
        ticket = next(
            row for row in city.rows("centre", "tickets") if row["source"] == "sms" and row["phone"] == MOBILE
        )
        text = str(sent[0].get("text", ""))
        assert ticket["number"] in text.replace(" ", ""), text
        return f"ticket {ticket['number']}; answered: {text[:40]}"

    def voicemail(self) -> str:
        self.citizen.dial("12345")
        self.citizen.wait("CALL_ESTABLISHED", 3)
        cid = until(self._call, 5, "the call").cid
        time.sleep(1)
        self.citizen.keys("2")
        time.sleep(1)
        self.citizen.keys("1")
        until(lambda: any((self.city.centre.places.recordings).rglob("*-m1.wav")) or None, 30, "the beep")
        time.sleep(4)
        self.citizen.keys("#")
        sound = until(lambda: self._message(cid), 20, "the message")
        self.citizen.hang_up()
        made = until(lambda: self._voicemail_ticket(cid), 15, "the message's ticket")
        return f"ticket {made}, {sound['seconds']} s of sound"

    def agree(self) -> str:
        city = self.city
        until(lambda: self._drained() or None, SYNC_S, "every stream to be drained")
        before = {name: city.rows(name, "tickets") for name in city.boxes}
        logs = {name: self._ticket_events(name) for name in city.boxes}
        for name in city.boxes:
            city.command(name, "rebuild")
            assert city.rows(name, "tickets") == before[name], f"{name} folds its log to other tickets"
        for number in (self.number, self.away):
            tid = next(row["tid"] for row in before["hub"] if row["number"] == number)
            assert logs["centre"][tid] == logs["hub"][tid], number
        for tid, events in logs["centre"].items():
            assert events == logs["hub"].get(tid), f"ticket {tid} differs between centre and hub"
        branch = {tid: events for tid, events in logs["branch"].items() if tid in logs["centre"]}
        assert all(events == logs["hub"][tid] for tid, events in branch.items())
        return f"{len(logs['centre'])} tickets of the centre stand at the hub event for event, backlog 0"

    def month(self) -> str:
        met = play_month(self.city.folder)
        return (
            f"{met.alone} events here and {met.elsewhere} elsewhere on {met.both} tickets of both sides; over"
            f" 256 kbit/s all agreed after {met.seconds:.0f} s and {met.carried / 1000:.0f} kB"
        )

    # Looking

    def _call(self) -> wire.CallView | None:
        calls = self.city.centre.calls()
        return calls[0] if calls else None

    def _welcome(self) -> float | None:
        path = self._sound(self.cid)
        level = _rms(path, 1) if path else 0.0
        return level if level > 0.01 else None

    def _sound(self, cid: str) -> Path | None:
        found = sorted(self.city.centre.places.recordings.rglob(f"*-{cid[:12]}.wav"))
        return found[0] if found else None

    def _both_heard(self, caller: Baresip, hz: float) -> str:
        caller_hears = until(lambda: _tone(caller.heard, AGENT_HZ), 20, "the citizen to hear the agent")
        agent_hears = until(lambda: _tone(self.desk_phone.heard, hz), 20, "the agent to hear the citizen")
        citizen = f"citizen hears {AGENT_HZ:.0f} Hz ({caller_hears:.2f})"
        return f"{citizen}, agent hears {hz:.0f} Hz ({agent_hears:.2f})"

    def _row(self, command: str, key: str, value: str, ready: str) -> dict[str, object] | None:
        rows = self.city.rows("centre", command)
        return next((r for r in rows if str(r[key]).lower() == value.lower() and r[ready]), None)

    def _message(self, cid: str) -> dict[str, object] | None:
        rows = self.city.rows("centre", "recordings")
        return next((r for r in rows if r["call"].lower() == cid and r["kind"] == "message"), None)

    def _voicemail_ticket(self, cid: str) -> str | None:
        rows = self.city.rows("centre", "tickets")
        return next(
            (r["number"] for r in rows if r["call"].lower() == cid and r["source"] == "voicemail"), None
        )

    def _signed_in(self) -> bool:
        try:
            self.city.person("centre", "1001").data("/desk/drafts")
        except (OSError, ValueError):
            return False
        return True

    def _wait_ticket(self, box: str, number: str, state: str) -> None:
        def there() -> bool | None:
            ticket = self.city.ticket(box, number)
            return (ticket is not None and ticket["state"] == state) or None

        until(there, SYNC_S, f"{number} to be {state} at the {box}")

    def _drained(self) -> bool:
        return all(peer["backlog"] == 0 for name in self.city.boxes for peer in self.city.rows(name, "peers"))

    def _ticket_events(self, box: str) -> dict[str, list[str]]:
        """The events of every ticket at a box, in the total order, by ticket."""
        found: dict[str, list[str]] = {}
        events = self.city.rows(box, "events", "--limit", "10000")
        for event in sorted(events, key=lambda event: str(event["eid"])):
            if event["kind"].startswith("ticket."):
                found.setdefault(event["subject"], []).append(event["eid"])
        assert all(len(set(eids)) == len(eids) for eids in found.values()), "an event stands twice"
        return found

    def _category(self) -> str:
        rows = self.city.centre.places.database
        import sqlite3

        with sqlite3.connect(rows) as base:
            found = base.execute("SELECT code FROM category WHERE unit = 'lamp' AND parent != '' LIMIT 1")
            return str(found.fetchone()[0])


def _tone(path: Callable[[], Path | None], hz: float, channel: int = 0) -> float | None:
    try:
        found = path()
        level = tone_level(found, hz, channel) if found else 0.0
    except (OSError, ValueError, EOFError, wave.Error):
        return None
    return level if level > LOUD else None


def _rms(path: Path, channel: int) -> float:
    from tests.phones import read_wav

    samples = read_wav(path, channel)
    return float((samples**2).mean() ** 0.5) if len(samples) else 0.0


def _right_seconds(path: Path) -> float:
    """How many seconds of sound the caller has heard in a recording."""
    from tests.phones import read_wav

    samples = read_wav(path, 1)
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    return float(((frames**2).mean(axis=1) > 1e-5).sum() * 0.02)
