"""Where a caller, or a question, is to go: ``agent:1002``, ``ext:8102``, ``group:8500``, ``tel:10086``, …"""

import re
from dataclasses import dataclass

from appliance.refused import Refused

PHONES = frozenset({"agent", "ext", "group", "tel"})
"""Kinds of target that ring somewhere."""
TARGET = re.compile(r"(agent|ext|group|tel|queue|node):([0-9A-Za-z_.+*#-]{1,64})$")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a caller, or a question, is to go."""

    kind: str
    """agent, ext, group, tel, queue or node."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


def target(text: str) -> Target:
    """Read a target such as agent:1002; raises Refused."""
    found = TARGET.match(text)
    if found is None:
        raise Refused("bad_target")
    return Target(found[1], found[2])
