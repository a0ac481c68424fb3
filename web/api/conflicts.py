"""Conflicts over the API: what two boxes did at once, and settling it."""

from typing import Literal

from appliance.tickets import confidential
from web.api import sight
from web.api.endpoint import Answer, Strict
from web.conflict_views import ConflictView, SideView, conflict_views, office
from web.context import me


class SideTold(Answer, frozen=True):
    """What one side says; `at_s` is in Unix seconds, site 0 is the centre."""

    said: str
    by: str
    name: str
    site: int
    at_s: float


class ConflictTold(Answer, frozen=True):
    """One conflict: of a ticket (`number`) or of a setting (`entry_kind`, `entry_key`)."""

    key: str
    kind: str
    """move, dispatch, field, late or entry."""
    number: str
    entry_kind: str
    entry_key: str
    title: str
    what: str
    stands: SideTold
    lost: SideTold
    may_settle: bool


class Conflicts(Answer, frozen=True):
    """What waits, the newest first."""

    total: int
    conflicts: list[ConflictTold]


class Settled(Strict, frozen=True):
    """Leave what stands, or do what the other side wanted."""

    choice: Literal["keep", "take"]


def conflicts() -> Conflicts:
    """List what waits."""
    unseen = frozenset() if sight.knows_citizens() else frozenset(confidential.MASKED)
    return Conflicts(office().count(), [_told(view) for view in conflict_views(unseen)])


def settle(conflict: str, body: Settled) -> Conflicts:
    """Settle one."""
    office().settle(me(), conflict, body.choice)
    return conflicts()


def _told(view: ConflictView) -> ConflictTold:
    return ConflictTold(
        key=view.key,
        kind=view.kind,
        number=view.number,
        entry_kind=view.entry[0],
        entry_key=view.entry[1],
        title=view.title,
        what=view.what,
        stands=_side(view.stands),
        lost=_side(view.lost),
        may_settle=view.may_settle,
    )


def _side(side: SideView) -> SideTold:
    return SideTold(side.said, side.by, side.name, side.site, side.at_s)
