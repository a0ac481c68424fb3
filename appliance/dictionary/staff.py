"""People and groups as kinds of the dictionary: who somebody is; secrets stay with `appliance/people.py`."""

from appliance.actor import ROLES
from appliance.dictionary.kind import Column, Kind, Wish, named
from appliance.refused import Refused

UNIT_ROLES = frozenset({"U2", "UL", "U3"})
"""All that a unit's leader may give, and only to people of the own unit."""


def _check_person(wish: Wish) -> None:
    """Nobody takes the last administrator away, nor oneself; a unit's leader stays within the own unit."""
    actor, before, after = wish.actor, wish.before, wish.after
    administered = before is not None and not before.retired and "AD" in before.words("roles")
    administers = not after.retired and "AD" in after.words("roles")
    if administered and not administers:
        if actor.number == after.key:
            raise Refused("own_rights", "You cannot take the administrator's rights from yourself.")
        if not any("AD" in person.words("roles") for person in wish.others.values() if not person.retired):
            raise Refused("last_administrator", "There must be one administrator left.")
    if actor.has("AD", "SYS"):
        return
    for person in (before, after):
        if person is not None and (not actor.unit or person.text("unit") != actor.unit):
            raise Refused("not_yours", "You look after the people of your own unit only.")
        if person is not None and not set(person.words("roles")) <= UNIT_ROLES:
            raise Refused("not_yours", "A unit gives only roles of units.")
    if after.key == actor.number and (
        after.retired or before is None or after.words("roles") != before.words("roles")
    ):
        raise Refused("not_yours", "Nobody changes their own roles.")


PERSON = Kind(
    "person",
    "人员",
    "People",
    "people",
    (
        Column("name", "姓名", "Name of person", required=True),
        Column("roles", "角色", "Roles", "choices", limit=2, choices=ROLES, required=True),
        Column("unit", "责任单位", "Unit", "entry", limit=32, refers="unit"),
        Column("extension", "常用分机", "Usual phone", limit=16),
        Column("groups", "班组", "Groups", "entries", limit=32, refers="group"),
        Column("mobile", "手机", "Mobile", limit=32),
        Column("note", "说明", "Note", limit=200),
    ),
    editors=frozenset({"AD", "UL"}),
    ordered=False,
    key_pattern="[0-9A-Za-z]{1,16}",
    check=_check_person,
    hidden=True,
    authority="own",
)
GROUP = Kind(
    "group",
    "班组",
    "Groups",
    "people",
    (
        *named(),
        Column("leader", "班长", "Leader of group", "entry", limit=16, refers="person"),
        Column("note", "说明", "Note", limit=200),
    ),
    authority="own",
)
