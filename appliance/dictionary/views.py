"""Saved views: conditions for lists of tickets that somebody keeps, alone or for the own groups."""

from appliance.actor import ROLES
from appliance.dictionary.kind import Column, Kind, Wish, named
from appliance.refused import Refused

MOST = 50
"""Views one person may keep."""


def _check(wish: Wish) -> None:
    """Everybody looks after the own views; what groups share is seen by them and changed by its owner."""
    actor = wish.actor
    for view in (wish.before, wish.after):
        if view is not None and view.text("owner") != actor.number and not actor.has("AD"):
            raise Refused("not_yours", "This view belongs to somebody else. Save one of your own.")
    own = [v for v in wish.others.values() if not v.retired and v.text("owner") == actor.number]
    if wish.before is None and len(own) > MOST:
        raise Refused("too_many", "You keep %(most)s views already; remove one first.", most=MOST)


VIEW = Kind(
    "view",
    "查询视图",
    "Saved views",
    "lists",
    (
        *named(),
        Column("owner", "所有者", "Owner", limit=16, required=True),
        Column("group", "共享班组", "Shared with", "entry", limit=32, refers="group"),
        Column("conditions", "条件", "Conditions", limit=2000, required=True),
    ),
    editors=frozenset(ROLES),
    check=_check,
    hidden=True,
    authority="local",
)
