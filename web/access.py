"""Who may open what: one table, and nothing opens that is not in it.

Roles are the codes of the workflow: AG agent, TL team leader, DP dispatcher, U2 unit
operator, UL unit leader, CB callback clerk, LD leader, AD administrator, TE technician.
"""

from collections.abc import Callable, Mapping
from typing import Final

from appliance.dictionary.rights_table import RIGHTS

ROLES: Final = frozenset({"AG", "TL", "DP", "U2", "UL", "U3", "IN", "CB", "SV", "LD", "AD", "TE"})
PUBLIC: Final[frozenset[str]] = frozenset({"*"})
"""Nobody needs to sign in."""
ANYONE: Final = ROLES
"""Everybody who has signed in."""
UNITS: Final = frozenset({"U2", "UL", "U3"})
CENTRE: Final = frozenset({"AG", "TL", "DP", "IN", "CB", "SV", "LD", "AD"})
CASEWORK: Final = CENTRE | UNITS
AGENTS: Final = frozenset({"AG", "TL"})
CALLERS: Final = AGENTS | {"CB"}
"""Who calls citizens, from the phone they sit at."""
CLERKS: Final = frozenset({"CB"})
"""Who sits at a phone without a desk: agents begin a shift there."""
INTAKE: Final = frozenset({"AG", "TL", "DP"})
"""Who fills in the form of a new ticket."""
FILERS: Final = frozenset({"AG", "TL", "DP", "CB", "SV", "AD"})
"""Who writes the customer file, and says that tickets belong together."""
REDACTORS: Final = frozenset({"LD", "AD"})
"""Who blanks personal data."""
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
VISITORS: Final = frozenset({"CB", "SV", "TL", "AD"})
"""Who asks citizens whether it was done."""
CAMPAIGNERS: Final = frozenset({"TL", "AD"})
"""Who has lists of people called and told something."""
EXPORTERS: Final = frozenset({"TL", "DP", "CB", "SV", "LD", "AD", "UL"})
"""Who takes tables of tickets away, of what they may see."""
BOX: Final = frozenset({"TE", "AD"})
OVERSEERS: Final = WATCHERS | BOX
"""Who sees how the other sites are."""
PHONES: Final = frozenset({"TL", "TE", "AD"})
"""Who sees every phone of the box and where its calls go, and sends them elsewhere."""
SEALERS: Final = frozenset({"LD", "AD"})
"""Who puts seals in force and sees their images."""
ARCHIVISTS: Final = frozenset({"TL", "DP", "SV", "LD", "AD"})
"""Who takes the whole file of a case away, and declares letters void."""
STATIONERS: Final = frozenset({"AD"})
"""Who edits the templates of letters."""
BILLS: Final = frozenset({"AD"})
ADMINISTRATORS: Final = frozenset({"AD"})
OUTSIDE: Final = frozenset({"C", "HB"})
"""As whom systems outside act by token; nobody signs in with these."""
PROGRAMS: Final = CASEWORK | OUTSIDE
"""Who works with tickets over the API; which tickets is decided one by one."""
PLANNERS: Final = frozenset({"DP", "LD", "AD"})
"""Who looks at the working calendar and the limits."""

PEOPLE: Final = frozenset({"AD", "UL"})
"""Who looks after people: administrators all of them, a unit's leader those of the unit."""
SETTERS: Final = frozenset({"AD", "TL", "DP"})
"""Who opens the settings; what each may change there stands with every list."""

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
    "intake.page": INTAKE,
    "intake.waiting": INTAKE,
    "intake.beside": INTAKE,
    "intake.file": INTAKE,
    "intake.repeat": INTAKE,
    "customers.page": CENTRE,
    "customers.create": FILERS,
    "customers.of_number": CENTRE,
    "customers.one": CENTRE,
    "customers.edit": FILERS,
    "customers.unmask": LISTENERS,
    "customers.merge": FILERS,
    "customers.split": FILERS,
    "customers.redact": REDACTORS,
    "desk.page": AGENTS,
    "desk.order": AGENTS,
    "desk.shift": AGENTS,
    "desk.sound": AGENTS,
    "desk.caller": AGENTS,
    "desk.today": AGENTS,
    "desk.talk": AGENTS,
    "desk.my_drafts": INTAKE,
    "desk.draft": INTAKE,
    "desk.save_draft": INTAKE,
    "desk.drop_draft": INTAKE,
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
    "files.add": CASEWORK,
    "files.one": CASEWORK,
    "files.way": CASEWORK,
    "tickets.call": CALLERS,
    "batch.page": frozenset({"AG", "TL", "DP", "SV", "U2", "UL"}),
    "dispatching.page": frozenset({"DP", "AD"}),
    "alike.repeat": FILERS,
    "alike.link": FILERS,
    "alike.unmask": LISTENERS,
    "alike.redact": REDACTORS,
    "visits.page": VISITORS,
    "visits.sit": CLERKS,
    "visits.tried": VISITORS,
    "visits.rated": frozenset({"CB"}),
    "visits.given_up": frozenset({"CB"}),
    "visits.sampled": VISITORS | {"LD"},
    "visits.draw": VISITORS,
    "visits.asked": VISITORS,
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
    "casefile.take": ARCHIVISTS,
    "casefile.frozen": ARCHIVISTS,
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
    "recordings.way": CASEWORK,
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
    "settings.page": SETTERS,
    "settings.entries": SETTERS,
    "settings.fresh": SETTERS,
    "settings.make": SETTERS,
    "settings.entry": SETTERS,
    "settings.save": SETTERS,
    "settings.retire": SETTERS,
    "settings.restore": SETTERS,
    "settings.export": SETTERS,
    "parameters.page": ADMINISTRATORS,
    "parameters.save": ADMINISTRATORS,
    "rights.page": ADMINISTRATORS,
    "rights.save": ADMINISTRATORS,
    "exchange.page": ADMINISTRATORS,
    "exchange.everything": ADMINISTRATORS,
    "exchange.upload": ADMINISTRATORS,
    "exchange.carry_files": ADMINISTRATORS,
    "people.page": PEOPLE,
    "people.fresh": PEOPLE,
    "people.make": PEOPLE,
    "people.one": PEOPLE,
    "people.save": PEOPLE,
    "people.activate": PEOPLE,
    "people.reset": PEOPLE,
    "contacts.page": CASEWORK,
    "rating.page": PUBLIC,
    "rating.rated": PUBLIC,
    "citizen.page": PUBLIC,
    "citizen.dial": PUBLIC,
    "citizen.key": PUBLIC,
    "citizen.hang_up": PUBLIC,
    "citizen.state": PUBLIC,
    "calendar.page": PLANNERS,
    "calendar.day": ADMINISTRATORS,
    "calendar.preview": ADMINISTRATORS,
    "calendar.load": ADMINISTRATORS,
    "limits.page": PLANNERS,
    "limits.take": ADMINISTRATORS,
    "sites.page": OVERSEERS,
    "conflicts.page": CONFIDENTIAL,
    "conflicts.settle": SETTERS,
    "box.page": BOX,
    "box.state": BOX,
    "box.unit": BOX,
    "carry.page": ADMINISTRATORS,
    "carry.key": ADMINISTRATORS,
    "carry.trust": ADMINISTRATORS,
    "carry.export": ADMINISTRATORS,
    "carry.take": ADMINISTRATORS,
    "quarantine.page": BOX,
    "quarantine.again": BOX,
    "enrolment.page": BOX,
    "enrolment.invite": BOX,
    "enrolment.withdraw": BOX,
    "enrolment.revoke": BOX,
    "enrolment.join_hub": BOX,
    "enrol.hello": PUBLIC,
    "enrol.certify": PUBLIC,
    "enrol.revoked": PUBLIC,
    "api.description": PUBLIC,
    "api.docs": PUBLIC,
    "open311.discovery": PUBLIC,
    "open311.service_list": PUBLIC,
    "open311.service": PUBLIC,
    "open311.report": PUBLIC,
    "open311.request_list": PUBLIC,
    "open311.one": PUBLIC,
    "open311.token": PUBLIC,
    "tokens.page": ADMINISTRATORS,
    "tokens.create": ADMINISTRATORS,
    "tokens.revoke": ADMINISTRATORS,
    "workflow.page": ADMINISTRATORS,
    "workflow.version": ADMINISTRATORS,
    "workflow.begin": ADMINISTRATORS,
    "workflow.draft": ADMINISTRATORS,
    "workflow.change": ADMINISTRATORS,
    "workflow.move": ADMINISTRATORS,
    "workflow.migrate": ADMINISTRATORS,
    "webhooks.page": ADMINISTRATORS,
    "webhooks.create": ADMINISTRATORS,
    "webhooks.one": ADMINISTRATORS,
    "webhooks.order": ADMINISTRATORS,
    "v1.tickets": PROGRAMS,
    "v1.ticket_sums": CASEWORK,
    "v1.ticket_create": PROGRAMS,
    "v1.ticket": PROGRAMS,
    "v1.ticket_edit": PROGRAMS,
    "v1.ticket_note": PROGRAMS,
    "v1.ticket_files": PROGRAMS,
    "v1.ticket_attach": PROGRAMS,
    "v1.ticket_file": PROGRAMS,
    "v1.ticket_story": PROGRAMS,
    "v1.ticket_moves": PROGRAMS,
    "v1.ticket_move": PROGRAMS,
    "v1.ticket_strands": PROGRAMS,
    "v1.strand_open": PROGRAMS,
    "v1.strand_step": PROGRAMS,
    "v1.ticket_alike": CENTRE,
    "v1.duplicates": CENTRE,
    "v1.ticket_repeat": FILERS,
    "v1.ticket_link": FILERS,
    "v1.ticket_unmask": LISTENERS,
    "v1.ticket_redact": REDACTORS,
    "v1.ticket_visit": VISITORS,
    "v1.promises": AGENTS,
    "v1.promise_make": AGENTS,
    "v1.promise_settle": AGENTS,
    "v1.customers": CENTRE,
    "v1.customer_create": FILERS,
    "v1.customer": CENTRE,
    "v1.customer_edit": FILERS,
    "v1.customer_merge": FILERS,
    "v1.customer_split": FILERS,
    "v1.customer_redact": REDACTORS,
    "v1.customer_unmask": LISTENERS,
    "v1.calendar": CASEWORK,
    "v1.calendar_day": ADMINISTRATORS,
    "v1.calendar_load": ADMINISTRATORS,
    "v1.ticket_letters": CASEWORK,
    "v1.letter_issue": CASEWORK,
    "v1.slip": CASEWORK,
    "v1.letter_sheet": CASEWORK,
    "v1.letter_void": ARCHIVISTS,
    "v1.me": ANYONE | OUTSIDE,
    "v1.kinds": ANYONE | OUTSIDE,
    "v1.entries": ANYONE | OUTSIDE,
    "v1.entry": ANYONE | OUTSIDE,
    "v1.entry_write": CASEWORK,
    "v1.entry_retire": CASEWORK,
    "v1.entry_restore": CASEWORK,
    "v1.entry_history": CASEWORK,
    "v1.calls": LISTENERS,
    "v1.call": LISTENERS,
    "v1.recordings": LISTENERS,
    "v1.recording": LISTENERS,
    "v1.recording_sound": CASEWORK,
    "v1.recording_history": AUDITORS,
    "v1.recording_hold": KEEPERS,
    "v1.recording_keep": KEEPERS,
    "v1.recording_note": LISTENERS,
    "v1.recording_link": LISTENERS,
    "v1.recording_remove": REMOVERS,
    "v1.people": ADMINISTRATORS,
    "v1.person_create": ADMINISTRATORS,
    "v1.person": ADMINISTRATORS,
    "v1.person_access": ADMINISTRATORS,
    "v1.person_password": ADMINISTRATORS,
    "v1.sites": OVERSEERS,
    "v1.conflicts": CONFIDENTIAL,
    "v1.conflict_settle": SETTERS,
    "v1.units": ANYONE | OUTSIDE,
    "v1.categories": ANYONE | OUTSIDE,
    "v1.fields": ANYONE | OUTSIDE,
    "v1.workflows": ANYONE | OUTSIDE,
    "v1.workflow": ANYONE | OUTSIDE,
}


PAGE_OF: Final[Mapping[str, str]] = {
    "desk": "desk",
    "desk.my_drafts": "",
    "desk.draft": "",
    "desk.save_draft": "",
    "desk.drop_draft": "",
    "intake": "intake",
    "customers": "customers",
    "visits": "visits",
    "letters": "letters",
    "casefile": "casefile",
    "alike.unmask": "unmask",
    "customers.unmask": "unmask",
    "board": "board",
    "tickets": "tickets",
    "strands": "tickets",
    "calls": "calls",
    "recordings": "recordings",
    "recordings.sound": "sound",
    "recordings.wave": "sound",
    "recordings.way": "sound",
    "recordings.history": "keeping",
    "recordings.hold": "keeping",
    "recordings.keep": "keeping",
    "recordings.remove": "keeping",
    "recordings.export": "keeping",
    "phones": "phones",
    "phones.bill": "bill",
    "phones.bill_csv": "bill",
    "campaigns": "campaigns",
    "deferrals": "later",
    "lookup": "lookup",
    "box": "box",
    "quarantine": "box",
    "enrolment": "box",
    "people": "people",
    "settings": "settings",
    "contacts": "contacts",
    "v1.promises": "later",
    "v1.promise_make": "later",
    "v1.promise_settle": "later",
    "v1.calls": "calls",
    "v1.call": "calls",
    "v1.recordings": "recordings",
    "v1.recording": "recordings",
    "v1.recording_sound": "sound",
    "v1.recording_history": "keeping",
    "v1.recording_hold": "keeping",
    "v1.recording_keep": "keeping",
    "v1.recording_remove": "keeping",
}
"""Which right of the matrix an endpoint, or all of a blueprint, needs besides; empty or not here: none."""

OF_CALLS: Final = frozenset({"desk", "board", "phones", "campaigns", "deferrals", "citizen"})
"""Blueprints that are about the lines and desks of a box that takes calls itself; a hub takes none."""
OF_CALLS_TOO: Final = frozenset({"tickets.call", "visits.sit"})
OF_FORMS: Final = frozenset({"desk.my_drafts", "desk.draft", "desk.save_draft", "desk.drop_draft"})
"""In the desk's blueprint, but the form of a new ticket keeps its drafts there wherever it is filled in."""


def takes_calls(endpoint: str) -> bool:
    """Tell whether an endpoint is of use only where calls are taken."""
    return endpoint in OF_CALLS_TOO or (endpoint.split(".")[0] in OF_CALLS and endpoint not in OF_FORMS)


def allowed(endpoint: str, roles: frozenset[str] | None) -> bool:
    """Tell whether somebody with these roles (None: nobody) may open an endpoint; unlisted is closed."""
    needed = TABLE.get(endpoint, frozenset())
    return needed == PUBLIC or (roles is not None and bool(needed & roles))


def opens(endpoint: str, roles: frozenset[str] | None, rights: Callable[[str], frozenset[str]]) -> bool:
    """Tell the same with the matrix of rights: it narrows the table, or grants within its bounds."""
    name = PAGE_OF.get(endpoint, PAGE_OF.get(endpoint.partition(".")[0], ""))
    needed = TABLE.get(endpoint, frozenset())
    if not name or roles is None or needed == PUBLIC or not needed:
        return allowed(endpoint, roles)
    right = RIGHTS[f"page.{name}"]
    return bool(roles & rights(name) & (needed | (right.most - right.default)))
