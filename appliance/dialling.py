"""The dial plan as an administrator writes it: phones, hunt groups, forwards, who may call where.

Groups, forwards, speed dials, accounts, kinds of numbers and classes of service are written as they
are published (`appliance.published`).
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from appliance.calls.directory import WHEN
from appliance.calls.numbers import CLASSES, EMERGENCY, NUMBER_KINDS, OTHER, SITE
from appliance.calls.targets import TARGET
from appliance.published import (
    Account,
    Dialplan,
    Forward,
    Group,
    NumberKind,
    ServiceClass,
    SpeedDial,
    Trunk,
)

STRATEGIES = ("in_turn", "rotate", "all")
TABLE_MAX = 1000
"""Rows of each table, at most."""
NUMBER = r"\+?[0-9]{1,32}"

Fault = tuple[list[str], str]
"""The keys that lead to what cannot work, and why."""


class ExtensionSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A phone of ours; a SIP phone needs a password."""

    number: str
    kind: str = "browser"
    """browser, or sip."""
    password: str = ""
    name: str = ""
    """Whose phone it is."""
    numbers: tuple[str, ...] = ()
    """Outside numbers that ring this phone too."""
    shown: str = ""
    """The number people outside see."""
    service: str = ""
    """Class of service; empty: national."""
    pin: str = ""
    """Keyed before restricted calls, 4 to 12 digits."""
    pickup: str = ""
    """Pick-up group."""
    follow: tuple[str, ...] = ()
    """Where its calls go when nobody picks up, in turn."""
    ring_s: float = 25.0
    waiting: bool = False
    """Whether a second call rings."""


class Tables(msgspec.Struct, frozen=True):
    """What belongs together in a dial plan."""

    extensions: Sequence[ExtensionSetting]
    groups: Sequence[Group]
    forwards: Sequence[Forward]
    speed_dials: Sequence[SpeedDial]
    accounts: Sequence[Account]
    kinds: Sequence[NumberKind]
    classes: Sequence[ServiceClass]
    trunks: Sequence[Trunk]
    dialplan: Dialplan

    def inside(self) -> list[str]:
        """Every number that is dialled inside."""
        return [e.number for e in self.extensions] + [g.number for g in self.groups]

    def kind_names(self) -> set[str]:
        """Every kind of number there is."""
        return {OTHER, SITE, *(kind.name for kind in (*NUMBER_KINDS, *self.kinds))}

    def class_names(self) -> set[str]:
        """Every class of service there is."""
        return {row.name for row in (*CLASSES, *self.classes)}

    def reaches(self, text: str) -> bool:
        """Whether a target, or a number as it is dialled, is one that can exist."""
        found = TARGET.match(text)
        if found is None:
            return text in self.inside() or re.fullmatch(NUMBER, text) is not None
        return found[1] not in ("ext", "group") or found[2] in self.inside()


def faults(tables: Tables) -> Iterator[tuple[int, list[str], str]]:
    """Name what cannot work: which table of its kind, the keys that lead there, and why."""
    for name, rows in (
        ("extension", tables.extensions),
        ("group", tables.groups),
        ("forward", tables.forwards),
        ("speed_dial", tables.speed_dials),
        ("account", tables.accounts),
    ):
        if len(rows) > TABLE_MAX:
            yield TABLE_MAX, [name], f"more than {TABLE_MAX} tables"
    for found in (
        [_extension_faults(row, tables) for row in tables.extensions],
        [_group_faults(row, tables) for row in tables.groups],
        [_forward_faults(row, tables) for row in tables.forwards],
        [_speed_faults(row) for row in tables.speed_dials],
        [_account_faults(row, tables) for row in tables.accounts],
        [_class_faults(row, tables) for row in tables.classes],
        [_through_faults(row, tables) for row in tables.trunks],
        [_plan_faults(tables)],
    ):
        yield from ((nth, keys, fault) for nth, one in enumerate(found) for keys, fault in one)


def _extension_faults(e: ExtensionSetting, tables: Tables) -> Iterator[Fault]:
    if e.kind not in ("browser", "sip"):
        yield ["extension", "kind"], f'kind "{e.kind}" is neither "browser" nor "sip"'
    if e.kind == "sip" and not e.password:
        yield ["extension", "number"], f"SIP extension {e.number} needs a password"
    if tables.inside().count(e.number) > 1:
        yield ["extension", "number"], f"number {e.number} is used twice"
    if e.service and e.service not in tables.class_names():
        yield ["extension", "service"], f'there is no class of service "{e.service}"'
    if e.pin and not re.fullmatch(r"[0-9]{4,12}", e.pin):
        yield ["extension", "pin"], "a PIN has 4 to 12 digits"
    if not 3 <= e.ring_s <= 300:
        yield ["extension", "ring_s"], f"ring_s is {e.ring_s:g}; between 3 and 300 are possible"
    for number in e.numbers:
        if not re.fullmatch(NUMBER, number):
            yield ["extension", "numbers"], f'"{number}" is no telephone number'
    for to in e.follow:
        if not tables.reaches(to):
            yield ["extension", "follow"], f'"{to}" is nobody that can be called'


def _group_faults(g: Group, tables: Tables) -> Iterator[Fault]:
    if not re.fullmatch(r"[0-9]{1,16}", g.number) or tables.inside().count(g.number) > 1:
        yield ["group", "number"], f'group number "{g.number}" is no number, or used twice'
    if g.strategy not in STRATEGIES:
        yield ["group", "strategy"], f'strategy "{g.strategy}" is none of {", ".join(STRATEGIES)}'
    if not 0 < len(g.members) <= 20:
        yield ["group", "members"], "a group has 1 to 20 members"
    for to in (*g.members, *([g.then] if g.then else [])):
        if not tables.reaches(to):
            key = "then" if to == g.then else "members"
            yield ["group", key], f'"{to}" is nobody that can be called'
    if not 3 <= g.ring_s <= 300:
        yield ["group", "ring_s"], f"ring_s is {g.ring_s:g}; between 3 and 300 are possible"


def _forward_faults(f: Forward, tables: Tables) -> Iterator[Fault]:
    if f.extension not in {e.number for e in tables.extensions}:
        yield ["forward", "extension"], f'there is no extension "{f.extension}"'
    if f.when not in WHEN:
        yield ["forward", "when"], f'when "{f.when}" is none of {", ".join(WHEN)}'
    if not tables.reaches(f.to):
        yield ["forward", "to"], f'"{f.to}" is nobody that can be called'


def _speed_faults(s: SpeedDial) -> Iterator[Fault]:
    if not re.fullmatch(r"[0-9]{1,4}", s.code):
        yield ["speed_dial", "code"], f'code "{s.code}" is not 1 to 4 digits'
    if not re.fullmatch(NUMBER, s.number):
        yield ["speed_dial", "number"], f'"{s.number}" is no telephone number'


def _account_faults(a: Account, tables: Tables) -> Iterator[Fault]:
    if not re.fullmatch(r"[0-9]{2,12}", a.code) or [x.code for x in tables.accounts].count(a.code) > 1:
        yield ["account", "code"], f'code "{a.code}" is not 2 to 12 digits, or used twice'


def _class_faults(c: ServiceClass, tables: Tables) -> Iterator[Fault]:
    for key in ("may", "with_pin", "account"):
        if unknown := set(getattr(c, key)) - tables.kind_names():
            yield ["service_class", key], f"there is no kind of number {', '.join(sorted(unknown))}"


def _through_faults(t: Trunk, tables: Tables) -> Iterator[Fault]:
    if unknown := set(t.through) - (tables.kind_names() - {EMERGENCY}):
        yield ["trunk", "through"], f"calls cannot go on to {', '.join(sorted(unknown))}"


def _plan_faults(tables: Tables) -> Iterator[Fault]:
    plan = tables.dialplan
    if not re.fullmatch(r"[0-9]{0,3}", plan.outside):
        yield ["dialplan", "outside"], f'"{plan.outside}" is not up to 3 digits'
    if plan.operator and not tables.reaches(plan.operator):
        yield ["dialplan", "operator"], f'"{plan.operator}" is nobody that can be called'
    if not re.fullmatch(r"(0[0-9]{2,3})?", plan.area):
        yield ["dialplan", "area"], f'"{plan.area}" is no area code like 020'
