"""The timeline of a ticket: what its events, its call and its recordings say, oldest first."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from appliance.calendar.hours import due_day, written
from appliance.dictionary.dictionary import Dictionary
from appliance.events import Event
from appliance.store.store import Store
from appliance.tickets import strands
from appliance.tickets.bodies import Body, Created, Due, Edited, Migrated, Moved, Noted, Visited, body_of
from appliance.tickets.fields import FIELDS, RATINGS, Choices
from appliance.tickets.forms import EXTRAS
from appliance.tickets.maintained import Maintained
from appliance.tickets.marks import Linked, Redacted, Repeated, Unmasked
from appliance.tickets.messages import NUMBER, TEXT
from appliance.tickets.process import Workflow
from appliance.tickets.redaction import readable
from appliance.tickets.ticket import Ticket, fold, lost_race
from appliance.tickets.workflow import STATES, STEPS, label
from appliance.tickets.workflows import Workflows

WORDS: Mapping[str, tuple[str, str]] = {
    "created": ("登记", "Registered"),
    "edited": ("修改", "Edited"),
    "noted": ("备注", "Note"),
    "repeated": ("重复反映", "Brought again"),
    "linked": ("关联工单", "Linked"),
    "unlinked": ("取消关联", "Link taken back"),
    "unmasked": ("查看保密信息", "Looked at what is confidential"),
    "redacted": ("隐去个人信息", "Personal data blanked"),
    "visited": ("回访", "Callback"),
    "migrated": ("更换流程版本", "Put on another version of the workflow"),
    "call": ("来电", "Call"),
    "call_out": ("外呼", "Call out"),
    "recording": ("录音", "Recording"),
    "texted": ("短信通知", "Short message"),
    "due": ("限期调整", "Due date changed"),
}
DUE: Mapping[str, tuple[str, str]] = {
    "case": ("案件限期", "Case due"),
    "unit": ("单位限期", "Unit due"),
    "step": ("下一步期限", "Next step by"),
    "why": ("依据", "Because"),
}
WHY: Mapping[str, tuple[str, str]] = {
    "calendar": ("工作日历更新", "the calendar changed"),
    "extension": ("延期批准", "an extension was granted"),
    "instruction": ("领导批示", "a leader ordered it"),
    "case": ("主单限期变化", "the case is due at another time"),
}
SHOWN = (
    *(
        "unit",
        "designated",
        "task",
        "outside",
        "basis",
        "suggested",
        "unfounded",
        "planned",
        "result",
        "answer",
    ),
    *("rating", "contacted", "solved", "why", "compensation", "closing", "grounds", "reason"),
)
"""What a move carries, as it is told."""
TEXTED: Mapping[str, tuple[str, str]] = {
    "waiting": ("（待发）", " (waiting)"),
    "sent": ("", ""),
    "failed": ("（未发出）", " (not sent)"),
}
"""What became of a short message."""
TALK: Mapping[str, tuple[str, str, str]] = {
    "call.transferred": ("转接", "Transferred", "to"),
    "call.consulted": ("咨询", "Consulted", "to"),
    "call.invited": ("三方通话", "Invited", "to"),
    "call.moved": ("班长移动来电", "Moved by a shift leader", "to"),
    "call.supervised": ("班长介入", "A shift leader came in", "how"),
    "call.released": ("强拆", "Ended by a shift leader", "reason"),
    "call.rated": ("来电者评价", "Rated by the caller", "agent"),
    "callback.asked": ("要求回拨", "Asked to be called back", "number"),
    "callback.done": ("已回拨", "Called back", "agent"),
    "callback.given_up": ("回拨未接通", "Not reached by callbacks", "number"),
    "callback.cancelled": ("班长取消回拨", "Callback taken out by a shift leader", "reason"),
}
"""What was done in the call: its name, and the fact that says more."""
HOW: Mapping[str, tuple[str, str]] = {
    "listen": ("监听", "Listened to"),
    "whisper": ("密语", "Whispered to"),
    "barge": ("强插", "Barged in"),
    "take_over": ("接管", "Taken over"),
}

PAPERS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "ticket.letter_issued": ("发文", "Letter issued", ("called", "number")),
    "ticket.letter_voided": ("公文作废", "Letter declared void", ("number", "reason")),
    "ticket.attached": ("附件", "File added", ("file", "text")),
    "ticket.settled": ("冲突已处理", "Conflict settled", ()),
    "ticket.packaged": ("成卷", "Case file made", ("sha256",)),
    "ticket.file_taken": ("调取卷宗", "Case file taken away", ()),
}
"""What was made of the ticket on paper: its name, and the facts that say more."""
PAPER = "paper"

CALL_ID = re.compile(r"(?:[0-9a-f]{2}){4,16}")


Words = Callable[[str], Choices | None]
"""The words of a field where people maintain them."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline."""

    at_s: float
    who: str
    """Number and name; empty for the box itself."""
    what: str
    """created, edited, noted, call, talk, recording, paper, or the name of a move."""
    zh: str
    en: str
    text: str
    lost_race: bool
    """A move that came too late: it changed nothing."""
    delivered: bool
    """False while a peer that is concerned has not confirmed it."""
    site: int
    """The site that wrote it."""
    ref: str = ""
    """Event id of the call, recording or strand, hex."""
    state: str = ""
    """The state it led to."""
    beside: bool = False
    """A step of a sub-order or overlay; `ref` is its id."""


def steps_of(store: Store, tid: bytes) -> list[Step]:
    """Tell a ticket's story."""
    events = sorted(readable(store.history(tid)), key=lambda event: (event.eid != event.subject, event.eid))
    waiting, workflows = _waiting(store, tid), Workflows(store)
    words = Maintained(Dictionary(store)).known
    steps: list[Step] = []
    ticket: Ticket | None = None
    beside: dict[bytes, strands.Strand] = {}
    for event in events:
        if event.kind == strands.DUE:
            steps += _redated(event, beside, event.eid not in waiting)
            continue
        if event.kind == strands.EVENT:
            steps += _beside(event, beside, event.eid not in waiting, words, workflows)
            continue
        if event.kind in PAPERS:
            steps.append(_paper(event, event.eid not in waiting))
            continue
        try:
            body = body_of(event)
            after = fold(ticket, event)
        except ValueError:
            continue
        if body is not None:
            lost = isinstance(body, Moved) and ticket is not None and lost_race(ticket, body)
            step = _step(event, body, ticket, lost, event.eid not in waiting, after.state, words)
            if isinstance(body, Moved):
                zh, en = _move_words(body, workflows.of(after.workflow))
                step = replace(step, zh=zh, en=en)
            steps.append(step)
        ticket = after
    calls = calls_of(store, ticket) if ticket else []
    heard = [step for call in calls for step in _sound(store, call)]
    # Sorting is stable: in one millisecond a call stands before what came of it, a message behind its cause.
    return sorted(heard + steps + _sent(store, tid), key=lambda step: step.at_s)


def calls_of(store: Store, ticket: Ticket) -> list[bytes]:
    """The call a ticket came by, and those made for it, oldest first."""
    noted = (event.facts for event in store.history(ticket.tid) if event.kind == "ticket.noted")
    named = (str(facts.get("call", "")) for facts in noted)
    made = [bytes.fromhex(call) for call in named if CALL_ID.fullmatch(call)]
    return list(dict.fromkeys([*([ticket.call] if ticket.call else []), *made]))


def _paper(event: Event, delivered: bool) -> Step:
    zh, en, says = PAPERS[event.kind]
    facts = event.facts
    text = " ".join(str(facts.get(name) or "") for name in says)
    who = " ".join(filter(None, (str(facts.get("by", "")), str(facts.get("name", "")))))
    what = "attached" if event.kind == "ticket.attached" else PAPER
    return Step(event.at_s, who, what, zh, en, text.strip(), False, delivered, event.site)


def _step_of(kind: str, colon: str, step: str) -> str:
    """Say what was done beside the case; "urge: urge" is said once."""
    return step if step == kind else f"{kind}{colon}{step}"


def _beside(
    event: Event, beside: dict[bytes, strands.Strand], delivered: bool, words: Words, workflows: Workflows
) -> list[Step]:
    """Tell a step of a sub-order or overlay; `beside` is how the ticket's strands stood before it."""
    try:
        body = strands.body_of(event)
        sid = bytes.fromhex(body.strand) or event.eid
        before = beside.get(sid)
        lost = strands.lost_race(before, event)
        beside[sid] = strands.fold(before, event)
    except ValueError:
        return []
    kind = strands.KINDS.get(body.kind)
    table = workflows.beside(kind.name, beside[sid].workflow) if kind else None
    move = table.steps.get((body.source, body.step)) if table else None
    zh = _step_of(kind.zh, "：", move.zh) if kind and move else body.step
    en = _step_of(kind.en, ": ", move.en) if kind and move else body.step
    given = {"unit": body.unit, "third": body.third, "due": body.due, **body.fields, "reason": body.reason}
    text = _changes({name: value for name, value in given.items() if value}, words)
    who = " ".join(filter(None, (body.by, body.name)))
    return [
        Step(event.at_s, who, body.kind, zh, en, text, lost, delivered, event.site, sid.hex(), beside=True)
    ]


def _redated(event: Event, beside: dict[bytes, strands.Strand], delivered: bool) -> list[Step]:
    """Tell that a sub-order is due at another time; of one that is over nothing changed."""
    try:
        body = strands.dated_of(event)
        before = beside.get(sid := bytes.fromhex(body.strand))
        beside[sid] = strands.fold(before, event)
    except ValueError:
        return []
    if before is None or not before.open:
        return []
    (kind_zh, kind_en), (zh, en) = _kind_words(before.kind), WORDS["due"]
    lines = [_redate(FIELDS["due"].zh, before.due_s, body.due)] if before.due_s else []
    text = "\n".join([*lines, f"{DUE['why'][0]}：{WHY[body.why][0]}"] if body.why in WHY else lines)
    who = " ".join(filter(None, (body.by, body.name)))
    words = (f"{kind_zh}：{zh}", f"{kind_en}: {en}", text)
    return [Step(event.at_s, who, "due", *words, False, delivered, event.site, sid.hex(), beside=True)]


def _kind_words(name: str) -> tuple[str, str]:
    kind = strands.KINDS.get(name)
    return (kind.zh, kind.en) if kind else (name, name)


def _redate(title: str, old_s: float, new_s: float) -> str:
    """A date before and after; one that only became sure says so."""
    old, new = written(old_s), written(new_s)
    return f"{title}：{new}（确定）" if old == new else f"{title}：{old} → {new}"


def _step(
    event: Event, body: Body, before: Ticket | None, lost: bool, delivered: bool, state: str, words: Words
) -> Step:
    who = " ".join(filter(None, (body.by, body.name)))
    match body:
        case Created():
            what, text = "created", body.number
        case Edited():
            what, text = "edited", _changes(body.fields, words)
        case Noted():
            what, text = "noted", body.text
        case Visited():
            told = FIELDS["outcome"].choices or {}
            what, text = "visited", " ".join(filter(None, (told.get(body.outcome, ("",))[0], body.text)))
        case Migrated():
            what, text = "migrated", " ".join(filter(None, (body.workflow, body.reason)))
        case Due():
            what, text = "due", _due(before, body)
        case Moved():
            what, text = body.move, _carried(body, words)
        case Repeated():
            what, text = "repeated", body.text
        case Linked():
            what, text = "unlinked" if body.off else "linked", body.number
        case Unmasked():
            what, text = "unmasked", _changes({"reason": body.reason}, words)
        case Redacted():
            blanked = "、".join(FIELDS[name].zh for name in FIELDS if name in body.fields)
            why = _changes({"reason": body.reason}, words)
            what, text = "redacted", "\n".join(filter(None, (blanked, why)))
    zh, en = WORDS.get(what, (what, what))
    return Step(event.at_s, who, what, zh, en, text, lost, delivered, event.site, state=state)


def _move_words(body: Moved, workflow: Workflow) -> tuple[str, str]:
    """What the ticket's own version calls the move; else what the shipped one calls it."""
    move = workflow.steps.get((body.source, body.move)) or STEPS.get((body.source, body.move))
    return (move.zh, move.en) if move else (label(body.move), label(body.move, "en"))


def _due(before: Ticket | None, body: Due) -> str:
    """The dates before and after, and why."""
    lines = []
    for name in ("case", "unit", "step"):
        old_s, clock = getattr(before, f"{name}_due_s", None), body.due.get(name)
        new_s = clock.get("due_s") if isinstance(clock, dict) else None
        new_s = body.due.get("step_s") if name == "step" else new_s
        if old_s and isinstance(new_s, int | float):
            lines.append(_redate(DUE[name][0], old_s, new_s))
    return "\n".join([*lines, f"{DUE['why'][0]}：{WHY[body.why][0]}"] if body.why in WHY else lines)


def _changes(fields: Mapping[str, object], words: Words) -> str:
    known = (name for name in FIELDS if name in fields and name != "extra")
    lines = [f"{FIELDS[name].zh}：{_shown(name, fields[name], words)}" for name in known]
    extra = fields.get("extra")
    for name, text in extra.items() if isinstance(extra, Mapping) else ():
        if name in EXTRAS:
            said = (EXTRAS[name].choices or {}).get(str(text), (str(text),))[0]
            lines.append(f"{EXTRAS[name].zh}：{said}")
        elif names := words(f"extra.{name}"):
            lines.append(f"{names[''][0]}：{text}")
    return "\n".join(lines)


def _carried(body: Moved, words: Words) -> str:
    given = {name: getattr(body, name) for name in SHOWN}
    return _changes({name: value for name, value in given.items() if value}, words)


def _shown(name: str, value: object, words: Words) -> str:
    field = FIELDS[name]
    if field.type == "flag":
        return "是" if value else "否"
    if field.type == "instant" and isinstance(value, int | float):
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(value))
    if field.type == "date" and isinstance(value, int | float):
        return due_day(value)
    if field.type == "days" and isinstance(value, int | float):
        return f"{value:.0f}"
    choices = words(name) or field.choices or {}
    return choices[str(value)][0] if str(value) in choices else str(value)


def _waiting(store: Store, tid: bytes) -> set[bytes]:
    rows = store.rows(
        "SELECT o.eid FROM event e JOIN outgoing o ON o.eid = e.eid JOIN peer p ON p.name = o.peer"
        " WHERE e.subject = ? AND o.seq > p.acked",
        tid,
    )
    return {bytes(eid) for (eid,) in rows}


def _sound(store: Store, call: bytes) -> list[Step]:
    steps: list[Step] = []
    for site, way, caller, outcome, started_s, asked_in in store.rows(
        "SELECT site, direction, caller, outcome, started_s, callback_of FROM call WHERE cid = ?", call
    ):
        if asked_in and bytes(asked_in) != call:
            steps += _sound(store, bytes(asked_in))
        text = " ".join(filter(None, (caller, outcome)))
        words = WORDS["call_out" if way == "out" else "call"]
        steps.append(Step(started_s, "", "call", *words, text, False, True, site, call.hex()))
    for rid, site, seconds, made_s in store.rows(
        "SELECT rid, site, seconds, made_s FROM recording WHERE call = ? ORDER BY made_s", call
    ):
        text = f"{seconds:.0f} s"
        steps.append(
            Step(made_s, "", "recording", *WORDS["recording"], text, False, True, site, bytes(rid).hex())
        )
    return steps + _talk(store, call)


def _sent(store: Store, tid: bytes) -> list[Step]:
    """The short messages that went out for a ticket, and whether they left."""
    rows = store.rows(
        f"SELECT mid, {NUMBER}, {TEXT}, at_s, state, reason FROM short_message"
        " WHERE ticket = ? AND direction = 'out' ORDER BY at_s",
        tid,
    )
    steps = []
    for mid, number, text, at_s, state, reason in rows:
        zh, en = WORDS["texted"]
        fate = TEXTED.get(state, ("", ""))
        said = f"{number}：{text}" + (f"（{reason}）" if state == "failed" and reason else "")
        words = (f"{zh}{fate[0]}", f"{en}{fate[1]}", said)
        steps.append(Step(at_s, "", "texted", *words, False, True, store.site, bytes(mid).hex()))
    return steps


def _talk(store: Store, call: bytes) -> list[Step]:
    """What agents and shift leaders did in the call."""
    done = [event for event in store.history(call) if event.kind in TALK]
    names = dict(store.rows("SELECT number, name FROM person")) if done else {}
    steps = []
    for event in done:
        zh, en, says = TALK[event.kind]
        by, text = str(event.facts.get("by", "")), str(event.facts.get(says, ""))
        text = text.partition(":")[2] if says == "to" else text
        if event.kind == "call.rated":
            zh, en = _rated(event)
        if text in HOW:
            (zh, en), text = HOW[text], str(event.facts.get("agent", ""))
        who = f"{by} {names.get(by, '')}".strip()
        steps.append(Step(event.at_s, who, "talk", zh, en, text, False, True, event.site))
    return steps


def _rated(event: Event) -> tuple[str, str]:
    """A rating of five levels in words, any other as it was given."""
    zh, en, _ = TALK[event.kind]
    value, of = int(event.facts["value"]), int(event.facts["of"])
    known = list(RATINGS.values())[::-1]
    names = known[value - 1] if of == len(known) and 0 < value <= of else (f"{value}/{of}",) * 2
    return f"{zh}：{names[0]}", f"{en}: {names[1]}"


assert all(name not in STATES for name in WORDS)
