"""The whole story of a case as facts and as a sheet: all fields, who did what when, letters, recordings."""

import time
from dataclasses import dataclass
from typing import Any

from appliance.letters.document import Block, Document, Grid, Paragraph, plain
from appliance.letters.facts import day, facts_of, minute
from appliance.letters.fields import PLACEHOLDERS, TICKET
from appliance.letters.register import Letter, select
from appliance.letters.template import Template
from appliance.store.store import Store
from appliance.tickets.fields import FIELDS
from appliance.tickets.ticket import Ticket
from appliance.tickets.timeline import calls_of, steps_of
from appliance.tickets.workflow import STATES

WHOLE = Template("case", "卷宗", "Case file", "slip", "卷宗", "-", "AD")
"""Facts are asked for as the centre reads them."""
LONG = ("content", "result", "answer")
KINDS = {"call": "通话", "message": "留言"}
BOX = "系统"


@dataclass(frozen=True, slots=True)
class Told:
    """One line of the story."""

    at: str
    what: str
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class Sound:
    """One recording of the case; `path` is where it lies below the recordings of its site, if any."""

    rid: str
    call: bytes
    at: str
    kind: str
    seconds: float
    sha256: str
    path: str
    removed: str
    site: int
    stored: str
    """The hash by which the hub keeps it, if it does."""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is told of a case."""

    ticket: Ticket
    state: str
    facts: tuple[tuple[str, str], ...]
    told: tuple[Told, ...]
    letters: tuple[Letter, ...]
    sounds: tuple[Sound, ...]


def story_of(store: Store, ticket: Ticket) -> Story:
    """Gather the story of a case."""
    facts = facts_of(store, ticket, WHOLE) | {"received_day": ""}
    named = [(PLACEHOLDERS[name].zh, facts[name]) for name in PLACEHOLDERS if facts.get(name)]
    state = STATES.get(ticket.state)
    return Story(
        ticket,
        state.zh if state else ticket.state,
        tuple((title, plain(text)) for title, text in named),
        tuple(_told(store, ticket)),
        tuple(select(store, "ticket = ? ORDER BY lid", ticket.tid)),
        tuple(sounds_of(store, ticket)),
    )


def sheet(story: Story, centre: str, made_s: float) -> Document:
    """Lay the story out as a document."""
    blocks: list[Block] = [Grid(tuple(_pairs(story)))]
    head = ("时间", "步骤", "人员", "内容")
    rows = tuple((told.at, told.what, told.who, told.text) for told in story.told)
    blocks += [Paragraph("办理过程", "heading"), Grid((head, *rows), labels=False)]
    if story.letters:
        rows = tuple(
            (one.number, minute(one.at_s), f"{one.by} {one.name}", _letter(one)) for one in story.letters
        )
        blocks += [
            Paragraph("公文", "heading"),
            Grid((("文号", "时间", "经办人", "标题"), *rows), labels=False),
        ]
    if story.sounds:
        rows = tuple((s.at, s.kind, f"{s.seconds:.0f} 秒", s.removed or s.sha256) for s in story.sounds)
        head = ("录音时间", "类别", "时长", "SHA-256")
        blocks += [Paragraph("录音", "heading"), Grid((head, *rows), labels=False)]
    blocks.append(Paragraph(f"成卷日期：{day(made_s)}", "small"))
    return Document("slip", f"{centre}工单卷宗".strip(), tuple(blocks), made_s=float(int(made_s)))


def sounds_of(store: Store, ticket: Ticket) -> list[Sound]:
    """Return the recordings of a case's calls and those linked to it, oldest first."""
    calls = calls_of(store, ticket)
    rows = store.rows(
        "SELECT rid, call, made_s, kind, seconds, sha256, path, removed_s, site,"
        " coalesce(stored, '') FROM recording"
        f" WHERE call IN ({','.join('?' * len(calls))}) OR ticket = ? ORDER BY made_s, rid",
        *(*calls, ticket.tid),
    )
    return [_sound(row) for row in rows]


def _pairs(story: Story) -> list[tuple[str, ...]]:
    """The facts two in a row, long ones in a row of their own."""
    long = {PLACEHOLDERS[name].zh for name in LONG}
    rows: list[tuple[str, ...]] = []
    waiting: tuple[str, str] | None = None
    for fact in story.facts:
        if fact[0] in long:
            continue
        rows, waiting = ([*rows, (*waiting, *fact)], None) if waiting else (rows, fact)
    rows += [waiting] if waiting else []
    return rows + [fact for fact in story.facts if fact[0] in long]


def _told(store: Store, ticket: Ticket) -> list[Told]:
    units = dict(store.rows("SELECT code, name FROM unit"))
    found = []
    for step in steps_of(store, ticket.tid):
        text = "\n".join(_named(line, units) for line in step.text.split("\n"))
        state = STATES.get(step.state)
        what = step.zh + (f" → {state.zh}" if state and step.what not in ("edited", "noted", "due") else "")
        what += "（迟到，未生效）" if step.lost_race else ""
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(step.at_s))
        found.append(Told(at, what, step.who or BOX, plain(text)))
    return found


def _named(line: str, units: dict[str, str]) -> str:
    """Write a unit's name where the log has its code."""
    label, mark, code = line.partition("：")
    return f"{label}{mark}{units.get(code, code)}" if label == FIELDS["unit"].zh else line


def _letter(letter: Letter) -> str:
    return letter.title + (f"（已作废：{letter.voided_why}）" if letter.voided_s is not None else "")


def _sound(row: Any) -> Sound:
    rid, call, made_s, kind, seconds, sha256, path, removed_s, site, stored = row
    return Sound(
        bytes(rid).hex(),
        bytes(call),
        minute(made_s),
        KINDS.get(kind, kind),
        float(seconds),
        str(sha256),
        "" if removed_s is not None else str(path),
        f"已于 {minute(removed_s)} 按规定删除" if removed_s is not None else "",
        int(site),
        str(stored),
    )


assert all(PLACEHOLDERS[name].source == TICKET for name in LONG)
