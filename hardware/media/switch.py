"""The switch of the box: orders in, one tick of all sound, reports out. It knows no clock and no call."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hardware.line import TICK_S
from hardware.media import wire
from hardware.media.browser_bank import BrowserBank
from hardware.media.disk import Disk
from hardware.media.dtmf import DtmfBank, digit_tone
from hardware.media.matrix import Matrix
from hardware.media.pcm_bank import PcmBank
from hardware.media.player import Keys, Player, Submit
from hardware.media.recorder import Recorder
from hardware.media.reel import Reel
from hardware.media.rtp import MOST_QUEUED
from hardware.media.rtp_bank import RtpBank

SECOND_TICKS = round(1 / TICK_S)
SILENT_S = (5, 15, 30)
SILENT_AGAIN_S = 60
KEY_GAP = np.zeros(round(0.060 / TICK_S) * 160, np.int16)

Bank = RtpBank | PcmBank | BrowserBank


@dataclass(frozen=True, slots=True)
class Place:
    """Where the media process listens and keeps its marks."""

    rtp_ip: str = "127.0.0.1"
    rtp_base: int = 20000
    browser: tuple[str, int] | None = None
    marks: Path | None = None


class Switch:
    """All lines' sound: banks, matrix, keys, prompts, recordings."""

    def __init__(self, place: Place, submit: Submit | None = None) -> None:
        self._place = place
        self._loader = ThreadPoolExecutor(1, "prompts")
        self._matrix = Matrix()
        rows = self._matrix.size
        self._reel = Reel(rows)
        self._rtp, self._pcm = RtpBank(rows), PcmBank()
        self._browsers = BrowserBank(rows, place.browser)
        self._banks: tuple[Bank, ...] = (self._rtp, self._pcm, self._browsers)
        self._bank_of: dict[int, Bank] = {}
        self._name_of: dict[int, str] = {}
        self._dtmf = DtmfBank(self._reel)
        self._listened: NDArray[np.intp] = np.zeros(0, np.intp)
        self._stale = False
        self._player = Player(submit or self._loader.submit, self._reel, self._matrix.tell)
        self._keys = Keys()
        self._disk = Disk(place.marks)
        self._recorder = Recorder(self._disk, self._reel)
        self._reports: list[wire.Report] = []
        self._tick = 0
        self._verbs: dict[type[wire.Order], Callable[[Any], None]] = {
            wire.Open: self._open,
            wire.Close: self._close,
            wire.Hear: self._hear,
            wire.Play: self._play,
            wire.Stop: self._stop,
            wire.Record: self._record,
            wire.Mask: self._mask,
            wire.Finish: self._finish,
            wire.Send: self._send,
        }

    @property
    def size(self) -> int:
        """Lines open."""
        return len(self._bank_of)

    @property
    def lost(self) -> int:
        """RTP frames concealed since start."""
        return self._rtp.lost

    @property
    def browser_port(self) -> int:
        """The TCP port browsers connect to."""
        return self._browsers.port

    def do(self, order: wire.Order) -> None:
        """Carry out one order; what cannot be done becomes a `Trouble` report."""
        try:
            self._verbs[type(order)](order)
        except (OSError, ValueError) as error:
            self._reports.append(wire.Trouble(getattr(order, "line", ""), str(error)))

    def reset(self) -> None:
        """Start afresh: recordings are finished, every line is silent and closed, nothing is remembered."""
        self._recorder.finish_all()
        for row in self._name_of:
            self._shut(row)
        self._player.ended()
        self._browsers.changed.clear()
        self._reports = [report for report in self._reports if isinstance(report, wire.Recorded)]

    def keep(self, order: wire.Keep, gap_s: float) -> None:
        """These lines and recordings go on for a new call process; all else ends, as by `reset`."""
        wanted = set(order.lines)
        sounding = set(self._browsers.rows)
        kept = {
            row
            for row, bank in self._bank_of.items()
            if self._name_of[row] in wanted and (bank is not self._browsers or row in sounding)
        }
        self._recorder.finish_all(but=frozenset(order.recordings))
        for row in self._name_of.keys() - kept:
            self._shut(row)
        self._player.ended()
        self._browsers.changed.clear()
        self._reports = [report for report in self._reports if isinstance(report, wire.Recorded)]
        lines = [self._name_of[row] for row in sorted(kept)]
        running = [name for name in order.recordings if name in self._recorder]
        self._reports.append(wire.Kept(lines, running, round(gap_s, 3)))

    def tick(self) -> None:
        """20 ms of all sound."""
        self._tick += 1
        self._reel.turn()
        if self._bank_of or self._player.busy or len(self._recorder):
            self._pass_on()
        else:
            self._browsers.read(self._reel.said)  # somebody may be at the door
        self._collect()
        if self._tick % SECOND_TICKS == 0:
            self._look_for_silence()
        # Last: this wakes other threads, which would hold up the sending.
        self._player.fetch()
        self._recorder.hand_over()

    def _pass_on(self) -> None:
        """What every line says, to who hears it."""
        said, heard = self._reel.said, self._reel.heard
        for bank in self._banks:
            bank.read(said)
        self._listen()
        self._player.stage()
        self._matrix.mix(self._reel.sources, heard)
        self._player.told()
        self._keys.put(heard)
        for bank in self._banks:
            bank.write(heard)
        self._recorder.tap()

    def reports(self) -> list[wire.Report]:
        """What there is to tell since this was last asked."""
        reports, self._reports = self._reports, []
        return reports

    def shut(self) -> None:
        """Finish every recording, wait for the disk, give all ports back; `reports` has the last news."""
        self._recorder.finish_all()
        self._disk.close()
        self._collect()
        for bank in self._banks:
            bank.shut()
        self._loader.shutdown(cancel_futures=True)

    def _row(self, line: str) -> int:
        row = self._matrix.row(line)
        self._name_of[row] = line
        rows = self._matrix.size
        if rows != self._reel.rows:
            self._reel.grow(rows)
            self._rtp.grow(rows)
            self._browsers.grow(rows)
        return row

    def _open(self, order: wire.Open) -> None:
        routes = (order.rtp, order.pcm, order.token)
        if sum(route is not None for route in routes) != 1:
            raise ValueError("exactly one of rtp, pcm and token opens a line")
        row = self._row(order.line)
        bank = self._rtp if order.rtp else self._pcm if order.pcm else self._browsers
        former = self._bank_of.get(row)
        if former is not None and former is not bank:
            self._unplug(row)
        if order.rtp is not None:
            self._rtp.open(row, order.rtp, (self._place.rtp_ip, self._rtp_port(order.line)))
        elif order.pcm is not None:
            self._pcm.open(row, order.pcm)
        elif order.token is not None:
            self._browsers.open(row, order.token)
        self._bank_of[row] = bank
        self._stale = True

    def _rtp_port(self, line: str) -> int:
        number = line.rpartition("/")[2]
        port = self._place.rtp_base + 2 * int(number) if number.isascii() and number.isdigit() else 65536
        if port > 65535:
            raise ValueError(f"{line} has no RTP port: its name must end in a small number")
        return port

    def _close(self, order: wire.Close) -> None:
        self._shut(self._row(order.line))

    def _shut(self, row: int) -> None:
        self._player.drop(row)
        self._keys.stop(row)
        self._recorder.finish_row(row)
        self._matrix.forget(row)
        self._unplug(row)

    def _unplug(self, row: int) -> None:
        """The row has no voice; what it hears, and who hears it, stays."""
        bank = self._bank_of.pop(row, None)
        if bank is not None:
            bank.close(row)
            self._dtmf.forget(row)
            self._stale = True

    def _settle(self) -> None:
        self._stale = False
        self._listened = np.array([row for row in self._bank_of if not self._tells_keys(row)], np.intp)

    def _tells_keys(self, row: int) -> bool:
        """Whether the row's keys come by another way than its sound."""
        bank = self._bank_of[row]
        return bank is self._browsers or (bank is self._rtp and self._rtp.by_events(row))

    def _hear(self, order: wire.Hear) -> None:
        self._matrix.hear(self._row(order.line), {self._row(name): gain for name, gain in order.of.items()})

    def _play(self, order: wire.Play) -> None:
        self._player.play(self._row(order.line), order.id, order.items, order.loop, order.skip_s)

    def _stop(self, order: wire.Stop) -> None:
        self._player.stop(self._row(order.line))

    def _record(self, order: wire.Record) -> None:
        self._recorder.start(self._row(order.line), order.line, order.id, order.path)

    def _mask(self, order: wire.Mask) -> None:
        self._recorder.mask(order.id, order.on)

    def _finish(self, order: wire.Finish) -> None:
        self._recorder.finish(order.id)

    def _send(self, order: wire.Send) -> None:
        row = self._row(order.line)
        if len(order.digits) > MOST_QUEUED:
            raise ValueError(f"{len(order.digits)} keys at once")
        tones = [np.concatenate([digit_tone(key), KEY_GAP]) for key in order.digits]
        if self._rtp.sends_events(row):
            self._rtp.send_keys(row, order.digits)
            return
        for tone in tones:
            self._keys.say(row, tone)

    def _listen(self) -> None:
        for row, key in self._rtp.keys:
            self._reports.append(wire.Pressed(self._name_of[row], key, "event"))
            self._stale |= row in self._listened
        if self._stale:
            self._settle()
        for row, key in self._dtmf.hear(self._listened):
            if self._bank_of[row] is not self._rtp or self._rtp.tone(row, key):
                self._reports.append(wire.Pressed(self._name_of[row], key, "tone"))

    def _collect(self) -> None:
        told = self._reports
        for ended in self._player.ended():
            line = self._name_of[ended.row]
            told.append(wire.Played(line, ended.id, ended.outcome))
            if ended.fault:
                told.append(wire.Trouble(line, ended.fault))
        for finished in self._recorder.finished():
            told.append(wire.Recorded(finished.id, finished.path, finished.seconds, finished.reason))
            if finished.reason:
                told.append(wire.Trouble(finished.line, f"recording {finished.path}: {finished.reason}"))
        for row, up in self._browsers.changed:
            told.append(wire.Browser(self._name_of[row], up))
        self._browsers.changed.clear()
        for row, reason in self._pcm.failed:
            told.append(wire.Trouble(self._name_of[row], reason))
            self._unplug(row)
        self._pcm.failed.clear()
        for row, reason in self._rtp.troubles:
            told.append(wire.Trouble(self._name_of[row], reason))
        self._rtp.troubles.clear()

    def _look_for_silence(self) -> None:
        for bank in self._banks:
            for row in bank.rows:
                seconds = bank.silent_ticks(row) // SECOND_TICKS
                if seconds in SILENT_S or (seconds and seconds % SILENT_AGAIN_S == 0):
                    self._reports.append(wire.Silent(self._name_of[row], float(seconds)))
