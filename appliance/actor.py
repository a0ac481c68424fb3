"""Who acts: roles, a signed-in person, the box itself, the citizen."""

from collections.abc import Mapping
from dataclasses import dataclass

ROLES: Mapping[str, tuple[str, str]] = {
    "AG": ("话务员", "Agent"),
    "TL": ("班长", "Shift leader"),
    "DP": ("派单审核员", "Dispatcher"),
    "U2": ("责任单位操作员", "Unit operator"),
    "UL": ("责任单位负责人", "Unit leader"),
    "U3": ("三级单位", "Third level"),
    "IN": ("监督员", "Inspector"),
    "CB": ("回访员", "Callback clerk"),
    "SV": ("督办员", "Supervision clerk"),
    "LD": ("领导", "Leader"),
    "AD": ("系统管理员", "Administrator"),
    "TE": ("技术员", "Technician"),
}
"""What people can be: Chinese and English name. C (citizen), SYS (the box) and HB (the hub) never sign in."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who acts: a signed-in person, or the box itself."""

    number: str
    name: str
    roles: frozenset[str]
    unit: str = ""
    language: str = ""
    extension: str = ""
    must_change: bool = False
    """An own password must be set before anything else."""

    def has(self, *roles: str) -> bool:
        """Tell whether any of these roles is held."""
        return not self.roles.isdisjoint(roles)


BOX = Actor("", "系统", frozenset({"SYS"}))
"""The box itself: rules and timers."""
CITIZEN = Actor("", "市民", frozenset({"C"}))
"""The citizen, by a message, a key or the public page."""
