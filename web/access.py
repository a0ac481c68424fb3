"""Who may open what: one table, and nothing opens that is not in it.

Roles are the codes of the workflow: AG agent, TL team leader, DP dispatcher, U2 unit
operator, UL unit leader, CB callback clerk, LD leader, AD administrator, TE technician.
"""

from collections.abc import Mapping
from typing import Final

ROLES: Final = frozenset({"AG", "TL", "DP", "U2", "UL", "U3", "IN", "CB", "SV", "LD", "AD", "TE"})
PUBLIC: Final[frozenset[str]] = frozenset({"*"})
"""Nobody needs to sign in."""
ANYONE: Final = ROLES
"""Everybody who has signed in."""
UNITS: Final = frozenset({"U2", "UL", "U3"})
CENTRE: Final = frozenset({"AG", "TL", "DP", "IN", "CB", "SV", "LD", "AD"})
CASEWORK: Final = CENTRE | UNITS
AGENTS: Final = frozenset({"AG", "TL"})
LISTENERS: Final = frozenset({"AG", "TL", "DP", "CB", "SV", "LD", "AD"})
"""Who may look up calls and listen to recordings of the whole centre."""
LEADERS: Final = frozenset({"TL"})
"""Shift leaders, who come into talks."""
WATCHERS: Final = frozenset({"TL", "LD", "AD"})
"""Who sees the board."""
KEEPERS: Final = frozenset({"TL", "LD", "AD"})
"""Who may put recordings under legal hold, and take a day of them away."""
REMOVERS: Final = frozenset({"AD"})
"""Who may remove a recording before its time."""
AUDITORS: Final = KEEPERS | {"SV"}
"""Who sees what became of a recording, and who heard it."""
CONFIDENTIAL: Final = frozenset({"TL", "DP", "SV", "LD", "AD"})
"""Who hears the calls of confidential tickets; besides them only who answered the call."""
CAMPAIGNERS: Final = frozenset({"TL", "AD"})
"""Who has lists of people called and told something."""
EXPORTERS: Final = frozenset({"TL", "DP", "CB", "SV", "LD", "AD", "UL"})
"""Who takes tables of tickets away, of what they may see."""
BOX: Final = frozenset({"TE", "AD"})
PHONES: Final = frozenset({"TL", "TE", "AD"})
"""Who sees every phone of the box and where its calls go, and sends them elsewhere."""
SEALERS: Final = frozenset({"LD", "AD"})
"""Who puts seals in force and sees their images."""
ARCHIVISTS: Final = frozenset({"TL", "DP", "SV", "LD", "AD"})
"""Who takes the whole file of a case away, and declares letters void."""
STATIONERS: Final = frozenset({"AD"})
"""Who edits the templates of letters."""
BILLS: Final = frozenset({"AD"})

TABLE: Final[Mapping[str, frozenset[str]]] = {
    "static": PUBLIC,
    "api.health": PUBLIC,
    "door.sign_in": PUBLIC,
    "door.sign_out": PUBLIC,
    "door.choose_language": PUBLIC,
    "door.home": ANYONE,
    "door.password": ANYONE,
    "live.stream": ANYONE,
    "live.now": ANYONE,
    "live.here": ANYONE,
    "lookup.page": CENTRE,
    "desk.page": AGENTS,
    "desk.order": AGENTS,
    "desk.shift": AGENTS,
    "desk.sound": AGENTS,
    "desk.caller": AGENTS,
    "desk.today": AGENTS,
    "desk.talk": AGENTS,
    "desk.my_drafts": AGENTS,
    "desk.draft": AGENTS,
    "desk.save_draft": AGENTS,
    "desk.drop_draft": AGENTS,
    "desk.file": AGENTS,
    "board.page": WATCHERS,
    "board.facts": WATCHERS,
    "board.order": LEADERS,
    "board.screen": LEADERS,
    "board.screen_left": LEADERS,
    "tickets.page": CASEWORK,
    "tickets.one": CASEWORK,
    "tickets.move": CASEWORK,
    "tickets.edit": CASEWORK,
    "tickets.note": CASEWORK,
    "tickets.call": AGENTS,
    "strands.page": CASEWORK,
    "strands.opened": CASEWORK,
    "strands.stepped": CASEWORK,
    "letters.page": CENTRE,
    "letters.slip": CASEWORK,
    "letters.compose": CASEWORK,
    "letters.written": CASEWORK,
    "letters.one": CASEWORK,
    "letters.file": CASEWORK,
    "letters.void": ARCHIVISTS,
    "stationery.templates": STATIONERS,
    "stationery.template": STATIONERS,
    "stationery.publish": STATIONERS,
    "stationery.seals": SEALERS,
    "stationery.put_seal": SEALERS,
    "stationery.seal_image": SEALERS,
    "calls.page": LISTENERS,
    "recordings.page": LISTENERS,
    "recordings.sound": CASEWORK,
    "recordings.wave": CASEWORK,
    "recordings.history": AUDITORS,
    "recordings.hold": KEEPERS,
    "recordings.keep": KEEPERS,
    "recordings.note": LISTENERS,
    "recordings.link_ticket": LISTENERS,
    "recordings.remove": REMOVERS,
    "recordings.export": KEEPERS,
    "phones.page": PHONES,
    "phones.now": PHONES,
    "phones.forward": PHONES,
    "phones.groups": PHONES,
    "phones.routes": PHONES,
    "phones.bill": BILLS,
    "phones.bill_csv": BILLS,
    "finding.save_view": CASEWORK,
    "finding.remove_view": CASEWORK,
    "finding.sums": CASEWORK,
    "finding.export": EXPORTERS,
    "campaigns.page": CAMPAIGNERS,
    "campaigns.new": CAMPAIGNERS,
    "campaigns.create": CAMPAIGNERS,
    "campaigns.listen": CAMPAIGNERS,
    "campaigns.draft": CAMPAIGNERS,
    "campaigns.one": CAMPAIGNERS,
    "campaigns.order": CAMPAIGNERS,
    "campaigns.sound": CAMPAIGNERS,
    "campaigns.export": CAMPAIGNERS,
    "deferrals.page": AGENTS,
    "deferrals.add": AGENTS,
    "deferrals.call": AGENTS,
    "deferrals.settle": AGENTS,
    "citizen.page": PUBLIC,
    "citizen.dial": PUBLIC,
    "citizen.key": PUBLIC,
    "citizen.hang_up": PUBLIC,
    "citizen.state": PUBLIC,
    "box.page": BOX,
    "box.state": BOX,
    "box.unit": BOX,
}


def allowed(endpoint: str, roles: frozenset[str] | None) -> bool:
    """Tell whether somebody with these roles (None: nobody) may open an endpoint; unlisted is closed."""
    needed = TABLE.get(endpoint, frozenset())
    return needed == PUBLIC or (roles is not None and bool(needed & roles))
