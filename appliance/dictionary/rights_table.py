"""The rights there are, with defaults and bounds; one row each, moves and steps from their own tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from appliance.actor import ROLES
from appliance.dictionary.kind import Choices, Column, Kind, Wish
from appliance.refused import Refused
from appliance.tickets.process import Move
from appliance.tickets.strands import KINDS
from appliance.tickets.workflow import SHIPPED

SUBJECTS: Choices = {
    "page": ("页面", "Pages"),
    "move": ("工单流转", "Moves of tickets"),
    "step": ("协办、催办、督办等", "Sub-orders, urging, supervision and the like"),
    "field": ("字段", "Fields"),
}

_UNITS = "U2 UL U3"
_CENTRE = "AG TL DP IN CB SV LD AD"
_CASEWORK = f"{_CENTRE} {_UNITS}"
_LISTENERS = "AG TL DP CB SV LD AD"


@dataclass(frozen=True, slots=True)
class Right:
    """One right."""

    name: str
    zh: str
    en: str
    default: frozenset[str]
    most: frozenset[str]
    """Who may have it at most."""
    least: frozenset[str]
    """Who always has it."""
    needed: bool = False
    """Somebody must have it."""


def _row(
    name: str, zh: str, en: str, default: str, more: str = "", least: str = "", needed: bool = False
) -> Right:
    roles = frozenset(default.split())
    return Right(name, zh, en, roles, roles | frozenset(more.split()), frozenset(least.split()), needed)


# fmt: off
_PAGES = (
    _row("page.desk", "话务台", "Desk", "AG TL", needed=True),
    _row("page.board", "班长台", "Board", "TL LD AD", "SV DP", needed=True),
    _row("page.tickets", "工单", "Tickets", _CASEWORK, least="AD"),
    _row("page.intake", "受理登记", "Intake", "AG TL DP", "CB", needed=True),
    _row("page.customers", "市民档案", "Customers", _CENTRE),
    _row("page.unmask", "查看保密信息", "Looking at what is confidential", _LISTENERS, needed=True),
    _row("page.visits", "回访", "Return visits", "TL CB SV LD AD", "DP"),
    _row("page.letters", "公文与单据", "Letters and slips", _CASEWORK),
    _row("page.casefile", "案卷", "Case files", "TL DP SV LD AD"),
    _row("page.calls", "通话", "Calls", _LISTENERS, "IN"),
    _row("page.recordings", "录音查询", "Recordings", _LISTENERS, "IN"),
    _row("page.sound", "录音收听", "Listening to recordings", _CASEWORK),
    _row("page.keeping", "录音保全与导出", "Keeping and exporting recordings", "TL SV LD AD", least="AD"),
    _row("page.phones", "电话", "Phones", "TL TE AD"),
    _row("page.bill", "话费", "Bill", "AD", "LD TE"),
    _row("page.campaigns", "语音通知", "Notifications", "TL AD", "DP SV"),
    _row("page.later", "稍后答复", "Answer later", "AG TL", "CB"),
    _row("page.lookup", "查询助手", "Look-ups", _CENTRE, _UNITS),
    _row("page.contacts", "通讯录", "Address book", _CASEWORK),
    _row("page.box", "设备", "Box", "TE AD", least="AD"),
    _row("page.people", "人员管理", "People", "AD UL", least="AD"),
    _row("page.settings", "设置", "Settings", "AD TL DP", least="AD"),
)
_FIELDS = (
    _row("field.citizen", "市民姓名与电话", "Citizen's name and phone", _CASEWORK, needed=True),
    _row("field.id_number", "身份证号", "Identity number", _CENTRE, _UNITS),
    _row("field.address", "地址", "Address", _CASEWORK, needed=True),
    _row("field.recording", "录音", "Recordings", _CASEWORK),
)
# fmt: on


def _moves() -> Iterator[Right]:
    for name, moves in SHIPPED.named.items():
        yield from _by_people(f"move.{name}", moves)


def _steps() -> Iterator[Right]:
    for kind in KINDS.values():
        for name, moves in kind.workflow.named.items():
            yield from _by_people(f"step.{kind.name}.{name}", moves, f"{kind.zh}：", f"{kind.en}: ")


def _by_people(name: str, moves: Sequence[Move], zh: str = "", en: str = "") -> Iterator[Right]:
    """The right to make some moves of one name; none where people have no part in them."""
    people = frozenset(role for move in moves for role in move.who) & ROLES.keys()
    if people:
        needed = all(move.who <= ROLES.keys() for move in moves)
        yield Right(name, zh + moves[0].zh, en + moves[0].en, people, people, frozenset(), needed)


FIELDS_OF: Mapping[str, frozenset[str]] = {
    "field.citizen": frozenset({"citizen", "phone", "behalf"}),
    "field.id_number": frozenset({"identity"}),
    "field.address": frozenset({"address", "home"}),
}
"""Which fields of a ticket a right shows; recordings are no field."""
RIGHTS: Mapping[str, Right] = {right.name: right for right in (*_PAGES, *_moves(), *_steps(), *_FIELDS)}


def _check(wish: Wish) -> None:
    right = RIGHTS[wish.after.key]
    roles = frozenset(wish.after.words("roles"))
    if not roles <= right.most:
        raise Refused(
            "beyond", "%(role)s cannot be given this right.", role=", ".join(sorted(roles - right.most))
        )
    if not right.least <= roles:
        raise Refused(
            "locked_in", "%(role)s always has this right.", role=", ".join(sorted(right.least - roles))
        )
    if right.needed and not roles:
        raise Refused("nobody_left", "Somebody must have this right.")


RIGHT = Kind(
    "right",
    "权限",
    "Rights",
    "people",
    (Column("roles", "角色", "Roles", "choices", limit=2, choices=ROLES),),
    ordered=False,
    shipped={
        name: {"roles": [role for role in ROLES if role in right.default]} for name, right in RIGHTS.items()
    },
    closed=True,
    check=_check,
    hidden=True,
)
