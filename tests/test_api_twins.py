"""What people do on the pages, programs do over the API: every route has its twin, or a reason why not."""

from collections.abc import Mapping

from web.access import TABLE as ROUTES
from web.api.table import TABLE

SOUND = "needs somebody's own phone, headset or browser: a program has none"
SCREEN = "what one person's screen needs to draw itself, made of what other endpoints tell"
DOOR = "signing in, and what belongs to a session: a program has a token instead"
FORM = "an empty form; the API describes its fields in the document"
OUTSIDE = "whoever holds a token must not make tokens, nor have events sent elsewhere, nor read their secrets"
BOX = "the box itself is run by its technicians, on the pages and the command line"
PHONES = "phones and lines are looked after on the pages; they are no tickets"
CAMPAIGNS = "notifications need somebody who listens to them first, on the page"
STATIONERY = "templates and seals are put in force by somebody who has looked at the sheet"
FILES = "a whole list or all settings as files: the page and `hotline settings`; entry by entry over the API"
RIGHTS = "who may what is decided by a person at the page, who sees what would be locked out"
VIEWS = "somebody's own saved searches; a program keeps its own"
DRAWN = "a workflow is put in force by somebody who has looked at its drawing and its faults"
DEMO = "the citizen's phone of demonstrations"

TWINS: Mapping[str, str] = {
    "tickets.page": "tickets",
    "tickets.one": "ticket",
    "tickets.move": "ticket_move",
    "tickets.edit": "ticket_edit",
    "tickets.note": "ticket_note",
    "files.add": "ticket_attach",
    "files.one": "ticket_file",
    "strands.page": "tickets",
    "strands.opened": "strand_open",
    "strands.stepped": "strand_step",
    "desk.file": "ticket_create",
    "intake.waiting": "tickets",
    "intake.file": "ticket_create",
    "intake.beside": "duplicates",
    "intake.repeat": "ticket_repeat",
    "alike.repeat": "ticket_repeat",
    "alike.link": "ticket_link",
    "alike.unmask": "ticket_unmask",
    "alike.redact": "ticket_redact",
    "visits.page": "tickets",
    "visits.tried": "ticket_visit",
    "visits.rated": "ticket_move",
    "visits.given_up": "ticket_move",
    "customers.page": "customers",
    "customers.create": "customer_create",
    "customers.of_number": "customers",
    "customers.one": "customer",
    "customers.edit": "customer_edit",
    "customers.merge": "customer_merge",
    "customers.split": "customer_split",
    "customers.redact": "customer_redact",
    "customers.unmask": "customer_unmask",
    "desk.caller": "customers",
    "letters.page": "ticket_letters",
    "letters.compose": "ticket_letters",
    "letters.slip": "slip",
    "letters.written": "letter_issue",
    "letters.one": "ticket_letters",
    "letters.file": "letter_sheet",
    "letters.void": "letter_void",
    "finding.sums": "ticket_sums",
    "finding.export": "tickets",
    "dispatching.page": "entries",
    "workflow.page": "workflows",
    "workflow.version": "workflow",
    "deferrals.page": "promises",
    "deferrals.add": "promise_make",
    "deferrals.settle": "promise_settle",
    "calls.page": "calls",
    "recordings.page": "recordings",
    "recordings.sound": "recording_sound",
    "recordings.history": "recording_history",
    "recordings.hold": "recording_hold",
    "recordings.keep": "recording_keep",
    "recordings.note": "recording_note",
    "recordings.link_ticket": "recording_link",
    "recordings.remove": "recording_remove",
    "settings.page": "kinds",
    "settings.entries": "entries",
    "settings.make": "entry_write",
    "settings.entry": "entry",
    "settings.save": "entry_write",
    "settings.retire": "entry_retire",
    "settings.restore": "entry_restore",
    "parameters.page": "entries",
    "parameters.save": "entry_write",
    "contacts.page": "entries",
    "people.page": "people",
    "people.make": "person_create",
    "people.one": "person",
    "people.save": "entry_write",
    "people.activate": "person_access",
    "people.reset": "person_password",
    "sites.page": "sites",
    "conflicts.page": "conflicts",
    "conflicts.settle": "conflict_settle",
    "calendar.page": "calendar",
    "calendar.day": "calendar_day",
    "calendar.preview": "calendar_load",
    "calendar.load": "calendar_load",
    "limits.page": "entries",
    "limits.take": "entry_write",
}
"""Route of a page, and the endpoint by which a program does the same."""

NO_TWIN: Mapping[str, str] = {
    "static": SCREEN,
    "api.": "it is the API already",
    "door.": DOOR,
    "rating.": "for citizens without a token; systems outside make the move as C",
    "live.": SCREEN,
    "lookup.page": "tables every program can have by itself; nothing of the box",
    "intake.page": SCREEN,
    "desk.page": SCREEN,
    "desk.today": SCREEN,
    "desk.talk": SCREEN,
    "desk.my_drafts": DOOR,
    "desk.draft": DOOR,
    "desk.save_draft": DOOR,
    "desk.drop_draft": DOOR,
    "desk.order": SOUND,
    "desk.shift": SOUND,
    "desk.sound": SOUND,
    "tickets.call": SOUND,
    "board.": SOUND,
    "visits.sit": SOUND,
    "visits.sampled": "the monthly sample is drawn and asked by people, so that nobody chooses whom to ask",
    "visits.draw": "the monthly sample is drawn and asked by people, so that nobody chooses whom to ask",
    "visits.asked": "the monthly sample is drawn and asked by people, so that nobody chooses whom to ask",
    "batch.": "a program makes one step after another, and may repeat each",
    "finding.": "views and sums are how people look at lists; programs search and page through all",
    "workflow.": "a workflow is changed by people who see its drawing; the command reads and publishes files",
    "dispatching.": SCREEN,
    "casefile.": "the whole file of a case leaves the box only in the hands of somebody who answers for it",
    "stationery.": STATIONERY,
    "recordings.wave": SCREEN,
    "recordings.way": SCREEN,
    "files.way": SCREEN,
    "recordings.export": "recordings leave the box in bulk only in the hands of somebody who answers for it",
    "finding.save_view": VIEWS,
    "finding.remove_view": VIEWS,
    "workflow.begin": DRAWN,
    "workflow.draft": DRAWN,
    "workflow.change": DRAWN,
    "workflow.move": DRAWN,
    "workflow.migrate": DRAWN,
    "phones.": PHONES,
    "campaigns.": CAMPAIGNS,
    "deferrals.call": SOUND,
    "settings.fresh": FORM,
    "settings.export": FILES,
    "people.fresh": FORM,
    "exchange.": FILES,
    "carry.": "a file on a stick is carried by somebody who answers for it; the command does it too",
    "quarantine.": BOX,
    "rights.": RIGHTS,
    "citizen.": DEMO,
    "box.": BOX,
    "enrolment.": BOX,
    "enrol.": "it is spoken by boxes that join, and proves itself by a code",
    "tokens.": OUTSIDE,
    "webhooks.": OUTSIDE,
    "open311.": "it is an API already",
}
"""Route, or the beginning of routes with a point, and why no program does it."""


def pages() -> set[str]:
    return {route for route in ROUTES if not route.startswith("v1.")}


def reason(route: str) -> str:
    return NO_TWIN.get(route) or NO_TWIN.get(route.partition(".")[0] + ".", "")


def test_every_route_of_a_page_has_its_endpoint_or_a_reason_why_not() -> None:
    assert {route for route in pages() if route not in TWINS and not reason(route)} == set()


def test_no_route_has_both_and_none_is_made_up() -> None:
    assert set(TWINS) <= pages()
    assert {route for route in TWINS if route in NO_TWIN} == set()
    named = {name for name in NO_TWIN if not name.endswith(".")}
    assert named <= pages()
    beginnings = {name for name in NO_TWIN if name.endswith(".")} - {"open311."}
    assert {b for b in beginnings if not any(route.startswith(b) for route in pages())} == set()


def test_every_twin_is_in_the_table() -> None:
    assert set(TWINS.values()) <= {endpoint.name for endpoint in TABLE}


def test_a_twin_opens_to_nobody_its_page_does_not_open_to() -> None:
    """Systems outside aside, who have no pages; and people's own files, where the API is narrower."""
    wider = {
        route: sorted(ROUTES[f"v1.{twin}"] - ROUTES[route] - {"C", "HB"})
        for route, twin in TWINS.items()
        if ROUTES[f"v1.{twin}"] - ROUTES[route] - {"C", "HB"}
    }
    assert set(wider) <= DECIDED_INSIDE, wider


DECIDED_INSIDE = {
    "strands.page",
    "visits.page",
    "visits.rated",
    "visits.given_up",
    "desk.file",
    "desk.caller",
    "intake.waiting",
    "intake.file",
    "intake.beside",
    "intake.repeat",
    "letters.page",
    "settings.page",
    "settings.entries",
    "settings.make",
    "settings.entry",
    "settings.save",
    "settings.retire",
    "settings.restore",
    "parameters.page",
    "parameters.save",
    "contacts.page",
    "people.save",
    "limits.page",
    "limits.take",
    "calendar.page",
    "finding.export",
    "dispatching.page",
    "workflow.page",
    "workflow.version",
}
"""Routes whose twin serves others too, and looks itself at who may do this: moves and lists have rights."""
