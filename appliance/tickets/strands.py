"""Strands (支线): what runs beside the main line of a ticket with a life of its own.

Sub-orders (A01 to A23) and overlays (urging, supervision, instructions, extensions, suspensions …)
are each a small table of the same form as the workflow itself; none of them changes the state of the
ticket by itself. One kind of event, one fold and one desk serve them all: a further overlay is one more table.
"""

# ruff: noqa: E501 (the tables read best one row a line)
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec.structs import replace

from appliance.events import Event
from appliance.tickets.process import START, Move, State, Workflow
from appliance.tickets.workflow import LISTS, STATES

EVENT = "ticket.strand"
DUE = "ticket.strand_due"


class Strand(msgspec.Struct, frozen=True):
    """A strand as its events tell it; the fields are the columns of its table."""

    sid: bytes
    """The event that opened it."""
    tid: bytes
    kind: str
    state: str
    unit: str
    """Whom it is addressed to; empty: the unit that leads the ticket."""
    unit_site: int
    last_eid: bytes
    state_eid: bytes
    opened_s: float
    state_s: float
    opened_by: str
    moved_by: str
    third: str
    """The unit inside that unit which works on it."""
    optional: bool
    """A sub-order the case need not wait for."""
    due_s: float | None
    conflicts: int
    fields: dict[str, Any]
    """Everything else that was given, the last word for each field."""
    open: bool
    ahead_wd: int | None = None
    """A sub-order whose due date follows its case: so many working days before it."""
    provisional: bool = False
    """Its due date rests on days that are only estimated."""
    warn_s: float | None = None
    """From when on it is due soon."""
    workflow: str = ""
    """The version of its table it began with; empty: the one shipped."""


class Stepped(msgspec.Struct, frozen=True, rename={"source": "from", "target": "to"}):
    """Body of ticket.strand: one step of a strand; `strand` is empty in the step that opens it."""

    kind: str
    step: str
    source: str
    target: str
    role: str
    strand: str = ""
    ended: bool = False
    """It is over with this step."""
    by: str = ""
    name: str = ""
    unit: str | None = None
    unit_site: int | None = None
    third: str | None = None
    optional: bool | None = None
    due: float | None = None
    ahead: int | None = None
    """Nobody said when it is due: so many working days before its case."""
    provisional: bool = False
    warn: float | None = None
    """From when on it is due soon; a day before, where nothing is said."""
    workflow: str = ""
    """In the step that opens it: the version of its table."""
    reason: str = ""
    fields: dict[str, Any] = {}


class Dated(msgspec.Struct, frozen=True):
    """Body of ticket.strand_due: a strand is due at another time, because its case or the calendar changed."""

    strand: str
    due: float
    provisional: bool = False
    warn: float | None = None
    why: str = ""
    by: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of strand: its names, its table, and when one may be opened."""

    name: str
    zh: str
    en: str
    workflow: Workflow
    opens_in: frozenset[str]
    """States of the ticket."""
    once: bool = False
    """At most one of it is open on a ticket."""
    red: bool = False
    """Shown in red on the ticket while it is open."""


WORKED_ON = ("SENT", "SIGNED", "ON_SITE", "FORWARDED", "RETURN_REQ")
"""States of a sub-order whose unit has still to hand something in."""
DAY_S = 86_400.0
COLUMNS = ("unit", "unit_site", "third", "optional")
"""What a step may set besides its fields and its due date."""
_decode = msgspec.json.Decoder(Stepped).decode
_dated = msgspec.json.Decoder(Dated).decode
_RUNNING = frozenset(
    {
        "ACCEPTED",
        "SELF_HANDLING",
        "DISPATCHED",
        "HANDLING",
        "RETURN_REVIEW",
        "TRANSFERRED",
        "FEEDBACK",
        "CHECKING",
    }
)
_AT_A_UNIT = frozenset({"DISPATCHED", "HANDLING", "RETURN_REVIEW"})
_UNARCHIVED = frozenset(STATES) - {"ARCHIVED", "DRAFT"}


def _who(roles: str) -> frozenset[str]:
    return frozenset(roles.split())


def _states(*rows: tuple[str, str, str]) -> Mapping[str, State]:
    return {name: State(name, zh, en) for name, zh, en in rows}


_SUBORDER = Workflow("suborder", 0, _states(
    ("SENT", "已发", "Sent"), ("SIGNED", "已签收", "Signed for"), ("RETURN_REQ", "申请退回", "Return asked for"),
    ("RETURNED", "已退回", "Returned"), ("RECALLED", "已撤回", "Recalled"), ("ON_SITE", "已到场", "On site"),
    ("FORWARDED", "已转三级", "With the third level"), ("SUBMITTED", "已反馈", "Handed in"), ("DONE", "完成", "Done"),
    ("SUSPENDED", "挂起", "Suspended"), ("WAIVED", "免办", "Waived"),
), (
    Move("A01", "create", START, "SENT", _who("DP SYS U2 UL"), "加派协办", "Send a sub-order", needs=("unit", "task"),
         takes=("optional", "due"), guards=("unit_in_service", "not_the_lead", "own_third_level")),
    Move("A02", "sign", "SENT", "SIGNED", _who("U2 U3 UL"), "签收", "Sign for it"),
    Move("A03", "request_return", "SENT", "RETURN_REQ", _who("U2 UL"), "申请退回", "Ask to return it", takes=("suggested",), reason=True),
    Move("A04", "recall", "SENT", "RECALLED", _who("DP"), "撤回", "Recall", reason=True),
    Move("A05", "arrive", "SIGNED", "ON_SITE", _who("U2 U3"), "到场", "Arrived on site", takes=("arrived",)),
    Move("A06", "forward_third_level", "SIGNED", "FORWARDED", _who("U2 UL"), "转三级单位", "Pass to the third level", needs=("third",),
         guards=("own_third_level",)),
    Move("A07", "third_level_result", "FORWARDED", "SIGNED", _who("U3"), "三级反馈", "Result of the third level", needs=("result",)),
    Move("A08", "take_back", "FORWARDED", "SIGNED", _who("U2 UL"), "收回", "Take back"),
    Move("A09", "request_return", "SIGNED", "RETURN_REQ", _who("U2 UL"), "申请退回", "Ask to return it", takes=("suggested",), reason=True),
    Move("A10", "approve", "RETURN_REQ", "RETURNED", _who("DP TL"), "同意退回", "Approve the return"),
    Move("A11", "refuse", "RETURN_REQ", "SIGNED", _who("DP TL"), "驳回退回", "Refuse the return", reason=True),
    Move("A12", "submit", "SIGNED", "SUBMITTED", _who("U2 U3 UL"), "反馈结果", "Hand in the result", needs=("result",)),
    Move("A13", "submit", "ON_SITE", "SUBMITTED", _who("U2 U3 UL"), "反馈结果", "Hand in the result", needs=("result",)),
    Move("A14", "lead_or_centre_accepts", "SUBMITTED", "DONE", _who("U2 DP"), "认可", "Accept the result", by_lead=True),
    Move("A15", "rework", "SUBMITTED", "SIGNED", _who("DP U2"), "打回", "Send back", reason=True, by_lead=True),
    Move("A16", "suspend", "SIGNED", "SUSPENDED", _who("DP LD"), "挂起", "Suspend", needs=("planned",), reason=True, guards=("planned_ahead",)),
    Move("A17", "resume", "SUSPENDED", "SIGNED", _who("DP U2 SYS"), "恢复", "Resume"),
    *(Move(code, "waive", source, "WAIVED", _who("DP SYS"), "免办", "Waive", reason=True)
      for code, source in (("A18", "SIGNED"), ("A19", "ON_SITE"), ("A20", "SENT"), ("A21", "SUSPENDED"))),
    Move("A22", "reopen_by_case_rework", "DONE", "SIGNED", _who("DP SYS"), "随主单重办", "Reopen for rework", reason=True),
    Move("A23", "waive", "FORWARDED", "WAIVED", _who("DP SYS"), "免办", "Waive", reason=True),
), frozenset({"DONE", "RETURNED", "RECALLED", "WAIVED"}))  # fmt: skip

_URGE = Workflow("urge", 0, _states(("SENT", "已催", "Sent"), ("READ", "已阅", "Read"), ("ANSWERED", "已回复", "Answered")), (
    Move("O01", "send", START, "SENT", _who("AG TL DP SV SYS C"), "催办", "Urge", takes=("text", "unit")),
    Move("O02", "read", "SENT", "READ", _who("U2 UL"), "已阅", "Read"),
    Move("O03", "answer", "SENT", "ANSWERED", _who("U2 UL"), "回复", "Answer", needs=("reply",)),
    Move("O04", "answer", "READ", "ANSWERED", _who("U2 UL"), "回复", "Answer", needs=("reply",)),
), frozenset({"ANSWERED"}))  # fmt: skip

_SUPERVISION = Workflow("supervision", 0, _states(
    ("ISSUED", "已下达", "Issued"), ("ACCEPTED", "已接收", "Accepted"), ("REPLIED", "已回复", "Replied"),
    ("RATED", "已评价", "Rated"), ("CANCELLED", "已撤销", "Cancelled"),
), (
    Move("O11", "issue", START, "ISSUED", _who("SV LD SYS"), "督办", "Supervise", needs=("level", "opinion"), takes=("due", "unit"),
         guards=("due_ahead",)),
    Move("O12", "accept", "ISSUED", "ACCEPTED", _who("U2 UL DP"), "接收督办", "Accept it"),
    Move("O13", "reply", "ISSUED", "REPLIED", _who("U2 UL DP"), "回复督办", "Reply", needs=("reply",)),
    Move("O14", "reply", "ACCEPTED", "REPLIED", _who("U2 UL DP"), "回复督办", "Reply", needs=("reply",)),
    Move("O15", "rate", "REPLIED", "RATED", _who("SV LD"), "评价督办", "Rate the reply", needs=("rating",)),
    Move("O16", "reissue", "REPLIED", "ISSUED", _who("SV LD"), "升级再督办", "Issue again, a level up", needs=("level", "opinion"), takes=("due",)),
    *(Move(code, "cancel", source, "CANCELLED", _who("SV LD"), "撤销督办", "Cancel", reason=True)
      for code, source in (("O17", "ISSUED"), ("O18", "ACCEPTED"))),
), frozenset({"RATED", "CANCELLED"}))  # fmt: skip

_INSTRUCTION = Workflow("instruction", 0, _states(
    ("WRITTEN", "已批示", "Written"), ("ACKNOWLEDGED", "已阅办", "Acknowledged"), ("REPORTED", "已报告", "Reported"),
    ("CLOSED", "已落实", "Carried out"),
), (
    Move("O21", "write", START, "WRITTEN", _who("LD"), "领导批示", "Instruct", needs=("instruction",), takes=("due", "unit"), guards=("due_ahead",)),
    Move("O22", "acknowledge", "WRITTEN", "ACKNOWLEDGED", _who("DP U2 UL SV"), "阅办", "Acknowledge"),
    Move("O23", "report", "ACKNOWLEDGED", "REPORTED", _who("DP U2 UL SV"), "报告落实", "Report", needs=("report",)),
    Move("O24", "close", "REPORTED", "CLOSED", _who("LD SV"), "办结批示", "Close"),
    Move("O25", "return", "REPORTED", "ACKNOWLEDGED", _who("LD"), "退回再办", "Send back", reason=True),
), frozenset({"CLOSED"}))  # fmt: skip

_EXTENSION = Workflow("extension", 0, _states(
    ("ASKED", "已申请", "Asked for"), ("WITH_LEADER", "待领导审批", "Before the leader"), ("APPROVED", "已批准", "Approved"),
    ("REFUSED", "未批准", "Refused"),
), (
    Move("O31", "ask", START, "ASKED", _who("U2 UL DP"), "申请延期", "Ask for more time", needs=("days",), reason=True,
         guards=("before_due", "extensions_left")),
    Move("O32", "approve", "ASKED", "APPROVED", _who("DP"), "批准延期", "Approve", guards=("first_extension", "another_person")),
    Move("O33", "pass_up", "ASKED", "WITH_LEADER", _who("DP"), "报领导审批", "Put before the leader"),
    Move("O34", "approve", "WITH_LEADER", "APPROVED", _who("LD"), "批准延期", "Approve"),
    *(Move(code, "refuse", source, "REFUSED", _who(who), "不予延期", "Refuse", reason=True)
      for code, source, who in (("O35", "ASKED", "DP"), ("O36", "WITH_LEADER", "LD"))),
), frozenset({"APPROVED", "REFUSED"}))  # fmt: skip

_SUSPENSION = Workflow("suspension", 0, _states(
    ("ASKED", "已申请", "Asked for"), ("APPROVED", "已批准", "Approved"), ("REFUSED", "未批准", "Refused"), ("ENDED", "已恢复", "Ended"),
), (
    Move("O41", "ask", START, "ASKED", _who("U2 UL"), "申请挂账", "Ask for suspension", needs=("planned", "cause"), reason=True,
         guards=("planned_ahead",)),
    Move("O42", "approve", "ASKED", "APPROVED", _who("DP LD"), "批准挂账", "Approve", guards=("leader_for_long",)),
    Move("O43", "refuse", "ASKED", "REFUSED", _who("DP LD"), "不予挂账", "Refuse", reason=True),
    Move("O44", "end", "APPROVED", "ENDED", _who("SYS DP"), "结束挂账", "End"),
), frozenset({"REFUSED", "ENDED"}))  # fmt: skip

_COORDINATION = Workflow("coordination", 0, _states(
    ("CALLED", "已吹哨", "Called"), ("DESIGNATED", "已指定", "Designated"), ("CANCELLED", "已取消", "Cancelled"),
), (
    Move("O51", "call", START, "CALLED", _who("DP"), "吹哨协调", "Call for co-ordination", takes=("text",), reason=True),
    Move("O52", "designate", "CALLED", "DESIGNATED", _who("LD"), "指定责任单位", "Designate the unit", needs=("unit",), reason=True,
         guards=("unit_in_service",)),
    Move("O53", "cancel", "CALLED", "CANCELLED", _who("DP LD"), "取消协调", "Cancel", reason=True),
), frozenset({"DESIGNATED", "CANCELLED"}))  # fmt: skip

_TAG = Workflow("tag", 0, _states(("SET", "有效", "Set"), ("CLEARED", "已取消", "Cleared")), (
    Move("O61", "set", START, "SET", _who("DP LD TL SV SYS"), "加标记", "Mark", needs=("tag",), takes=("text",)),
    Move("O62", "clear", "SET", "CLEARED", _who("DP LD SV"), "取消标记", "Clear the mark", reason=True),
), frozenset({"CLEARED"}))  # fmt: skip

_APPEAL = Workflow("appeal", 0, _states(
    ("FILED", "已申诉", "Filed"), ("KEPT", "维持评价", "Rating kept"), ("REMOVED", "剔除评价", "Rating removed"),
), (
    Move("O71", "file", START, "FILED", _who("UL"), "申诉评价", "Appeal against the rating", reason=True, guards=("appeal_in_time",)),
    Move("O72", "keep", "FILED", "KEPT", _who("SV"), "维持评价", "Keep the rating", reason=True),
    Move("O73", "remove", "FILED", "REMOVED", _who("SV"), "剔除评价", "Leave the rating out", reason=True),
), frozenset({"KEPT", "REMOVED"}))  # fmt: skip

_REMINDER = Workflow("reminder", 0, _states(
    ("WAITING", "待催办", "Waiting"), ("URGED", "已催办", "Urged"), ("CANCELLED", "已取消", "Cancelled"),
), (
    Move("O81", "set", START, "WAITING", _who("AG TL DP SV"), "定时催办", "Urge later", needs=("at",), takes=("text",),
         guards=("at_ahead",)),
    Move("O82", "urge", "WAITING", "URGED", _who("SYS"), "到时催办", "Urge now"),
    Move("O83", "cancel", "WAITING", "CANCELLED", _who("AG TL DP SV"), "取消定时催办", "Cancel"),
), frozenset({"URGED", "CANCELLED"}))  # fmt: skip

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("suborder", "协办单", "Sub-order", _SUBORDER, frozenset({"DISPATCHED", "HANDLING", "FEEDBACK"})),
        Kind("urge", "催办", "Urging", _URGE, _RUNNING | {"REGISTERED", "SUSPENDED", "CALLBACK"}),
        Kind("reminder", "定时催办", "Urging later", _REMINDER, _RUNNING | {"REGISTERED", "SUSPENDED"}),
        Kind(
            "supervision",
            "督办",
            "Supervision",
            _SUPERVISION,
            _RUNNING | {"SUSPENDED", "DISSAT_REVIEW", "CALLBACK"},
            once=True,
            red=True,
        ),
        Kind("instruction", "领导批示", "Leader's instruction", _INSTRUCTION, _UNARCHIVED, red=True),
        Kind("extension", "延期", "Extension", _EXTENSION, _AT_A_UNIT - {"RETURN_REVIEW"}, once=True),
        Kind("suspension", "挂账申请", "Suspension", _SUSPENSION, frozenset({"HANDLING"}), once=True),
        Kind("coordination", "吹哨协调", "Co-ordination", _COORDINATION, frozenset({"ACCEPTED"}), once=True),
        Kind("tag", "标记", "Mark", _TAG, _UNARCHIVED, red=True),
        Kind("appeal", "评价申诉", "Appeal", _APPEAL, frozenset({"CLOSED", "DISSAT_REVIEW"}), once=True),
    )
}
"""Every kind of strand by its name, in the order pages show them."""


def body_of(event: Event) -> Stepped:
    """Read the body of a strand's event; raises ValueError when it is malformed or opens what is not known."""
    body = _decode(event.body)
    bytes.fromhex(body.strand)
    if not body.strand and (body.kind not in KINDS or body.target not in KINDS[body.kind].workflow.states):
        raise ValueError(f"{body.kind} in state {body.target} is not known here")
    return body


def dated_of(event: Event) -> Dated:
    """Read the body of a strand's new due date; raises ValueError when it is malformed."""
    body = _dated(event.body)
    if not bytes.fromhex(body.strand):
        raise ValueError("a due date of no strand")
    return body


def strand_of(event: Event) -> bytes | None:
    """Return the strand a step or a due date belongs to; None when it is malformed."""
    try:
        if event.kind == DUE:
            return bytes.fromhex(dated_of(event).strand)
        return bytes.fromhex(body_of(event).strand) or event.eid
    except ValueError:
        return None


def fold(strand: Strand | None, event: Event) -> Strand:
    """Fold in one step that sorts behind all folded before; raises ValueError when it is malformed."""
    if event.kind == DUE:
        return _redated(strand, event)
    body = body_of(event)
    if strand is None:
        if body.strand:
            raise ValueError("a step of a strand before the one that opened it")
        return Strand(
            event.eid, event.subject, body.kind, body.target, body.unit or "", body.unit_site or 0,
            event.eid, event.eid, event.at_s, event.at_s, body.by, body.by, body.third or "",
            bool(body.optional), body.due, 0,
            _given(body), not body.ended, body.ahead, body.provisional, _warn_s(body),
            body.workflow,
        )  # fmt: skip
    if _too_late(strand, body):
        return replace(strand, last_eid=event.eid, conflicts=strand.conflicts + 1)
    changes: dict[str, Any] = {name: value for name in COLUMNS if (value := getattr(body, name)) is not None}
    return replace(
        strand,
        **changes,
        state=body.target,
        last_eid=event.eid,
        state_eid=event.eid,
        state_s=event.at_s,
        moved_by=body.by,
        **({} if body.due is None else {"due_s": body.due, "ahead_wd": None, "provisional": False}),
        warn_s=strand.warn_s if body.due is None else _warn_s(body),
        fields={**strand.fields, **_decided(strand, _given(body))},
        open=not body.ended,
    )


def _redated(strand: Strand | None, event: Event) -> Strand:
    """What is over keeps its date: no calendar makes it late."""
    body = dated_of(event)
    if strand is None:
        raise ValueError("a due date of a strand before the one that opened it")
    dates = {"due_s": body.due, "warn_s": _warn_s(body), "provisional": body.provisional}
    return replace(strand, last_eid=event.eid, **(dates if strand.open else {}))


def _warn_s(body: Stepped | Dated) -> float | None:
    return body.due - DAY_S if body.due is not None and body.warn is None else body.warn


def replay(events: Iterable[Event]) -> Strand | None:
    """Fold all steps of one strand in whatever order they come; None when its beginning is missing."""
    strand: Strand | None = None
    for event in sorted(events, key=lambda event: event.eid):
        try:
            strand = fold(strand, event)
        except ValueError:
            continue
    return strand


def lost_race(strand: Strand | None, event: Event) -> bool:
    """Tell whether a step came too late."""
    return strand is not None and _too_late(strand, body_of(event))


def _too_late(strand: Strand, body: Stepped) -> bool:
    """Another step was quicker; or it is one of another kind, or leads where this version knows no state."""
    known = KINDS[strand.kind].workflow.states
    return (body.kind, body.source) != (strand.kind, strand.state) or body.target not in known


def _decided(strand: Strand, given: dict[str, Any]) -> dict[str, Any]:
    """What is asked for keeps its reason; the reason of whoever decides stands beside it."""
    asked = strand.kind in ("extension", "suspension", "coordination", "appeal")
    if not asked or "reason" not in strand.fields:
        return given
    return {"decision" if name == "reason" else name: value for name, value in given.items()}


def _given(body: Stepped) -> dict[str, Any]:
    return {**body.fields, **({"reason": body.reason} if body.reason else {})}


assert all(kind.opens_in <= set(STATES) for kind in KINDS.values())
assert not set(KINDS) & set(LISTS)
