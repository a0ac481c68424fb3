"""Ways through the workflow, written as people tell them, and doors to walk them through.

A story is a line of steps, `role step`, with a comma between: "AG accept, DP dispatch, U2 sign". A
second person of a role is `DP2`, one of another unit `U2@water`; `urge.send` is a step beside the
main line. Who walks a story (the desk itself, the pages, the API) is a Door.
"""

# ruff: noqa: E501 (stories read best one a line)
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from appliance.dictionary.dictionary import Dictionary
from appliance.people import BOX, CITIZEN, ROLES, Actor
from appliance.refused import Refused
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.strands import KINDS, Strand
from appliance.tickets.ticket import Ticket

DAY_S = 86_400.0
UNITS = ("lamp", "water", "lamp-east", "water-north")
OUTSIDE = Actor("", "上级平台", frozenset({"HB"}))
NOT_PEOPLE: Mapping[str, Actor] = {"C": CITIZEN, "SYS": BOX, "HB": OUTSIDE}
EVERYBODY = (*ROLES, *NOT_PEOPLE)
TOLD: Mapping[str, object] = {
    "kind": "complaint",
    "title": "路灯不亮",
    "content": "云河路三盏路灯不亮",
    "category": "0101",
    "phone": "10000000009",
}

WAYS: dict[str, str] = {
    "DRAFT": "AG create_by_phone",
    "REGISTERED": "C create_by_channel",
    "NEED_INFO": "REGISTERED, AG ask_info",
    "VERIFYING": "REGISTERED, AG request_verify",
    "REJECT_REVIEW": "REGISTERED, AG refuse",
    "REJECTED": "REJECT_REVIEW, TL confirm_refuse",
    "MERGED": "REGISTERED, AG merge",
    "WITHDRAWN": "REGISTERED, AG withdraw",
    "ACCEPTED": "REGISTERED, AG accept",
    "SELF_HANDLING": "ACCEPTED, AG self_handle",
    "DISPATCHED": "ACCEPTED, DP dispatch",
    "HANDLING": "DISPATCHED, U2 sign",
    "RETURN_REVIEW": "HANDLING, U2 request_return",
    "SUSPENDED": "HANDLING, DP approve_suspend",
    "TRANSFERRED": "ACCEPTED, DP transfer_out",
    "FEEDBACK": "HANDLING, U2 submit_result",
    "CHECKING": "FEEDBACK, DP request_check",
    "CALLBACK": "FEEDBACK, DP pass",
    "CALLBACK_NA": "DRAFT, AG answer_on_line",
    "DISSAT_REVIEW": "CALLBACK, CB dissatisfied",
    "CLOSE_REVIEW": "VERIFYING, IN verified_false",
    "CLOSED": "CALLBACK, CB satisfied",
    "UNDER_REVIEW": "CLOSED, AG apply_review",
    "REVIEWED": "UNDER_REVIEW, LD review_upheld",
    "UNDER_RECHECK": "REVIEWED, AG apply_recheck",
    "FINAL": "UNDER_RECHECK, LD recheck_upheld",
    "ARCHIVED": "CLOSED, SYS archive",
}
"""How a ticket comes into each state; a state named first is the way to it."""

STORIES: Mapping[str, tuple[str, str]] = {
    "000 main line": ("DRAFT, AG submit, AG accept, DP dispatch, U2 sign, U2 submit_result, DP pass, CB satisfied, SYS archive", "ARCHIVED"),
    "000 second dispatch": ("CALLBACK, CB dissatisfied, DP second_dispatch, DP dispatch, U2 sign, U2 submit_result, DP pass, CB satisfied, DP archive", "ARCHIVED"),
    "001 shortest consultation": ("AG create_by_phone, AG answer_on_line, C rate_or_timeout, SYS archive", "ARCHIVED"),
    "001 deferred answer": ("DRAFT, AG submit, AG accept, AG self_handle, AG reply, DP pass, CB satisfied, SYS archive", "ARCHIVED"),
    "return": ("DISPATCHED, U2 request_return, DP approve_return, DP dispatch_water, U2@water sign, U2@water request_return, TL refuse_return, U2@water submit_result, DP pass, C satisfied, SYS archive", "ARCHIVED"),
    "non-acceptance": ("REGISTERED, AG refuse, DP confirm_refuse, C citizen_objects, LD confirm_refuse, SYS archive", "ARCHIVED"),
    "review/recheck/final": ("CLOSED, C apply_review, LD review_upheld, C apply_recheck, LD recheck_upheld, SYS archive", "ARCHIVED"),
    "003 verify-check": ("REGISTERED, DP request_verify, IN verified_true, DP dispatch, U2 sign, U2 submit_result, DP request_check, IN check_pass, CB satisfied, SYS archive", "ARCHIVED"),
    "003 failed check": ("CHECKING, IN check_fail, DP dispatch_water, U2@water sign, U2@water submit_result, SYS request_check, SYS check_pass, SYS satisfied, SYS archive", "ARCHIVED"),
    "transfer out": ("ACCEPTED, DP transfer_out, HB external_return, LD transfer_out, HB external_result, DP pass, CB unreachable, SYS archive", "ARCHIVED"),
    "suspension": ("HANDLING, U2 suspension.ask, DP suspension.approve, SYS resume, U2 submit_result, DP pass, CB satisfied, SYS archive", "ARCHIVED"),
    "merge/unmerge": ("REGISTERED, AG merge, DP unmerge, AG accept, DP dispatch, U2 sign, U2 submit_result, DP pass, CB satisfied, SYS archive", "ARCHIVED"),
}  # fmt: skip
"""The stories workflow.md names, and where each ends."""

STRAND_WAYS: dict[str, dict[str, str]] = {
    "suborder": {
        "SENT": "HANDLING, DP suborder.create",
        "SIGNED": "SENT, U2@water suborder.sign",
        "RETURN_REQ": "SIGNED, U2@water suborder.request_return",
        "RETURNED": "RETURN_REQ, DP suborder.approve",
        "RECALLED": "SENT, DP suborder.recall",
        "ON_SITE": "SIGNED, U2@water suborder.arrive",
        "FORWARDED": "SIGNED, U2@water suborder.forward_third_level",
        "SUBMITTED": "SIGNED, U2@water suborder.submit",
        "DONE": "SUBMITTED, U2 suborder.lead_or_centre_accepts",
        "SUSPENDED": "SIGNED, DP suborder.suspend",
        "WAIVED": "SIGNED, DP suborder.waive",
    },
    "urge": {"SENT": "HANDLING, SV urge.send", "READ": "SENT, U2 urge.read", "ANSWERED": "READ, U2 urge.answer"},
    "reminder": {
        "WAITING": "HANDLING, AG reminder.set",
        "URGED": "WAITING, SYS reminder.urge",
        "CANCELLED": "WAITING, AG reminder.cancel",
    },
    "supervision": {
        "ISSUED": "HANDLING, SV supervision.issue",
        "ACCEPTED": "ISSUED, U2 supervision.accept",
        "REPLIED": "ACCEPTED, U2 supervision.reply",
        "RATED": "REPLIED, SV supervision.rate",
        "CANCELLED": "ISSUED, LD supervision.cancel",
    },
    "instruction": {
        "WRITTEN": "HANDLING, LD instruction.write",
        "ACKNOWLEDGED": "WRITTEN, DP instruction.acknowledge",
        "REPORTED": "ACKNOWLEDGED, DP instruction.report",
        "CLOSED": "REPORTED, LD instruction.close",
    },
    "extension": {
        "ASKED": "HANDLING, U2 extension.ask",
        "WITH_LEADER": "ASKED, DP extension.pass_up",
        "APPROVED": "ASKED, DP extension.approve",
        "REFUSED": "ASKED, DP extension.refuse",
    },
    "suspension": {
        "ASKED": "HANDLING, U2 suspension.ask",
        "APPROVED": "ASKED, DP suspension.approve",
        "REFUSED": "ASKED, DP suspension.refuse",
        "ENDED": "APPROVED, SYS resume",
    },
    "coordination": {
        "CALLED": "ACCEPTED, DP coordination.call",
        "DESIGNATED": "CALLED, LD coordination.designate",
        "CANCELLED": "CALLED, DP coordination.cancel",
    },
    "tag": {"SET": "HANDLING, DP tag.set", "CLEARED": "SET, DP tag.clear"},
    "appeal": {"FILED": "CLOSED, UL appeal.file", "KEPT": "FILED, SV appeal.keep", "REMOVED": "FILED, SV appeal.remove"},
}  # fmt: skip
"""How each kind of strand comes into each of its states."""


def given(name: str) -> dict[str, object]:
    """What somebody writes along with a move or a step, when nothing else is said."""
    later = time.time() + 5 * DAY_S
    known: Mapping[str, Mapping[str, object]] = {
        "answer_on_line": {"answer": "您好，路灯将于今日修复"},
        "verified_false": {"result": "现场路灯完好"},
        "dispatch": {"unit": "lamp"},
        "refuse": {"grounds": "outside_remit", "reason": "省属电力线路"},
        "reclassify_refuse": {"grounds": "lawsuit"},
        "redispatch": {"unit": "water", "reason": "管辖有误"},
        "approve_suspend": {"planned": later, "reason": "道路施工"},
        "transfer_out": {"outside": "云河市供电公司", "reason": "不属本级职责"},
        "submit_result": {"result": "已更换灯泡"},
        "reply": {"result": "已查明并答复"},
        "external_result": {"result": "外部已办结"},
        "pass": {"answer": "路灯已修复"},
        "pass_no_callback": {"answer": "感谢您的表扬", "reason": "表扬"},
        "satisfied": {"rating": "satisfied"},
        "dissatisfied": {"rating": "dissatisfied", "reason": "又坏了"},
        "suborder.create": {"unit": "water", "task": "协助排查"},
        "suborder.forward_third_level": {"third": "water-north"},
        "suborder.third_level_result": {"result": "三级已处理"},
        "suborder.submit": {"result": "已协助"},
        "suborder.suspend": {"planned": later, "reason": "待停水"},
        "reminder.set": {"at": later},
        "urge.answer": {"reply": "今日完成"},
        "supervision.issue": {"level": "general", "opinion": "请尽快办理"},
        "supervision.reply": {"reply": "已办"},
        "supervision.rate": {"rating": "satisfied"},
        "supervision.reissue": {"level": "key", "opinion": "仍未解决"},
        "instruction.write": {"instruction": "请路灯处今日答复"},
        "instruction.report": {"report": "已落实"},
        "extension.ask": {"days": "3", "reason": "待配件"},
        "suspension.ask": {"planned": later, "cause": "construction", "reason": "道路施工"},
        "coordination.designate": {"unit": "lamp", "reason": "职责所在"},
        "tag.set": {"tag": "media"},
    }
    return dict(known.get(name, {}))


@dataclass(frozen=True, slots=True)
class Told:
    """One step of a story, read."""

    who: Actor
    step: str
    fields: Mapping[str, object]


def person(name: str) -> Actor:
    """Who a story means: `DP`, `DP2`, `U2@water`; units' people are of the lamp unit unless said otherwise."""
    who, _, unit = name.partition("@")
    role = who if who in EVERYBODY else who[:-1]
    if role in NOT_PEOPLE:
        return NOT_PEOPLE[role]
    unit = unit or ("lamp" if role in ("U2", "UL", "U3") else "")
    return Actor(f"{who}{unit}".replace("-", ""), f"{ROLES[role][0]}{who[2:]}", frozenset({role}), unit)


def read(story: str, ways: Mapping[str, str] = WAYS) -> list[Told]:
    """Read a story; a state it begins with stands for the way to that state."""
    first, _, rest = story.partition(", ")
    if first in ways:
        return read(ways[first], {} if ways[first] in WAYS else ways) + (read(rest, {}) if rest else [])
    if first in WAYS:
        return read(WAYS[first]) + (read(rest, {}) if rest else [])
    told = []
    for words in filter(None, story.split(", ")):
        who, step = words.split()
        name, water, _ = step.partition("_water")
        told.append(Told(person(who), name, {"unit": "water"} if water else {}))
    return told


class Door(Protocol):
    """One way to the tickets of a box."""

    def create(self, who: Actor, source: str, fields: Mapping[str, object]) -> bytes:
        """Register a ticket."""

    def move(self, who: Actor, tid: bytes, name: str, fields: Mapping[str, object]) -> None:
        """Make a move; raises Refused."""

    def act(
        self, who: Actor, tid: bytes, which: str | bytes, step: str, fields: Mapping[str, object]
    ) -> None:
        """Make a step beside the main line; raises Refused."""


class DeskDoor:
    """Straight to the desk."""

    def __init__(self, desk: TicketDesk) -> None:
        self._desk = desk

    def create(self, who: Actor, source: str, fields: Mapping[str, object]) -> bytes:
        """Register a ticket."""
        return self._desk.create(who, source, fields).tid

    def move(self, who: Actor, tid: bytes, name: str, fields: Mapping[str, object]) -> None:
        """Make a move."""
        self._desk.move(who, tid, name, fields)

    def act(
        self, who: Actor, tid: bytes, which: str | bytes, step: str, fields: Mapping[str, object]
    ) -> None:
        """Make a step beside the main line."""
        self._desk.act(who, tid, which, step, fields)


class Teller:
    """Walks stories through a door; looks at what became of them in the store behind it."""

    def __init__(self, store: Store, door: Callable[[TicketDesk], Door] = DeskDoor) -> None:
        self.store = store
        self.desk = TicketDesk(store)
        self.door = door(self.desk)

    def tell(self, story: str, ways: Mapping[str, str] = WAYS) -> Ticket:
        """Walk a whole story; return the ticket as it is then."""
        steps = read(story, ways)
        tid = self.begin(steps[0])
        for step in steps[1:]:
            self.step(tid, step)
        return self.desk.get(tid)

    def begin(self, first: Told) -> bytes:
        """Register the ticket of a story."""
        assert first.step.startswith("create_by_")
        return self.door.create(first.who, "phone" if first.step == "create_by_phone" else "web", TOLD)

    def step(self, tid: bytes, step: Told) -> None:
        """Make one step of a story."""
        fields = {**self.needed(tid, step.step), **step.fields}
        kind, _, name = step.step.partition(".")
        if name:
            self.door.act(step.who, tid, self._which(tid, kind, name), name, fields)
        else:
            self.door.move(step.who, tid, step.step, fields)

    def needed(self, tid: bytes, step: str) -> dict[str, object]:
        """What the step asks for: the usual words, and a reason where one must be given."""
        fields = given(step)
        if step == "merge":
            fields["master"] = self.desk.create(CITIZEN, "web", TOLD).number
        kind, _, name = step.partition(".")
        ticket = self.desk.get(tid)
        if step == "unreachable" and ticket.state == "CALLBACK":
            self.desk.visit(person("CB"), tid, "no_answer")
        workflow = KINDS[kind].workflow if name else self.desk.workflows.of(ticket.workflow)
        for move in workflow.named.get(name or step, ()):
            if "reason" in move.needed:
                fields.setdefault("reason", "见附件说明")
        return fields

    def strand(self, tid: bytes, kind: str) -> Strand:
        """The newest strand of a kind."""
        return [strand for strand in self.desk.strands(tid) if strand.kind == kind][-1]

    def _which(self, tid: bytes, kind: str, name: str) -> str | bytes:
        begins = ("", name) in KINDS[kind].workflow.steps
        return kind if begins else self.strand(tid, kind).sid


def word_of(attempt: Callable[[], object]) -> str:
    """The word a request was refused with; empty when it was granted."""
    try:
        attempt()
    except Refused as refused:
        return refused.word
    return ""


def with_units(store: Store) -> Store:
    """Give a store the units stories speak of: two, with a part each."""
    dictionary = Dictionary(store)
    for name in ("callback_attempts", "callback_days"):
        dictionary.set(person("AD"), "parameter", name, {"value": 1})
    for at, code in enumerate(UNITS):
        fields = {"name": f"{code}单位", "name_en": f"{code} unit", "site": at % 2 + 1}
        parent = code.partition("-")[0]
        if dictionary.get("unit", code) is None:
            dictionary.set(
                person("AD"), "unit", code, fields | ({"parent": parent} if parent != code else {})
            )
    return store
