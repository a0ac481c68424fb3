"""What every page works with: the box, and who is asking."""

from dataclasses import dataclass

from flask import current_app, g, request

from appliance.blobs.keeping import BlobStore
from appliance.configuration import Configuration
from appliance.customers.file import CustomerFile
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.rights import Rights
from appliance.letters.office import LetterOffice
from appliance.people import Actor, People
from appliance.places import Places
from appliance.processes import Processes
from appliance.store.store import Store
from appliance.tickets.desk import TicketDesk
from appliance.tickets.districts import Districts
from appliance.tickets.intake import Intake
from web import access
from web.link import Link
from web.live import Live, StoreWatch
from web.screens import Screens
from web.today import Today

COOKIE = "hotline"


@dataclass(frozen=True, slots=True)
class Box:
    """The parts of the box that pages use."""

    places: Places
    configuration: Configuration
    store: Store
    people: People
    tickets: TicketDesk
    live: Live
    calls: Link
    watch: StoreWatch
    today: Today
    screens: Screens
    processes: Processes
    letters: LetterOffice
    customers: CustomerFile
    districts: Districts
    intake: Intake
    blobs: BlobStore
    """Files kept by their hash: attachments, and recordings of other sites."""

    @property
    def is_hub(self) -> bool:
        """Whether this box is the hub of others; a hub takes no calls."""
        return self.configuration.site.role == "hub"

    @property
    def calls_there(self) -> bool:
        """Whether calls are taken as they should be; of a hub nobody expects it."""
        return self.is_hub or self.calls.up

    @property
    def dictionary(self) -> Dictionary:
        """What people maintain."""
        return Dictionary(self.store)

    @property
    def rights(self) -> Rights:
        """The matrix of rights in force."""
        return Rights(self.dictionary)

    @property
    def demo(self) -> bool:
        """Whether this is a demonstration, with the citizen phone and open logins."""
        return self.configuration.demo


def box() -> Box:
    """Return the box of this application."""
    found: Box = current_app.extensions["box"]
    return found


def actor() -> Actor | None:
    """Return who is signed in, looked up once a request."""
    if "actor" not in g:
        token = request.cookies.get(COOKIE, "")
        g.actor = box().people.actor_for(token) if token else None
    found: Actor | None = g.actor
    return found


def me() -> Actor:
    """Return who is signed in, on pages that nobody else reaches."""
    found = actor()
    assert found is not None, "the access table lets nobody in here who is not signed in"
    return found


def has(endpoint: str) -> bool:
    """Tell whether this box has a page at all: a hub has none of what belongs to lines and desks."""
    return not (box().is_hub and access.takes_calls(endpoint))


def may_open(endpoint: str) -> bool:
    """Tell whether who is signed in opens an endpoint, by the access table and the matrix of rights."""
    person = actor()
    return has(endpoint) and access.opens(endpoint, person.roles if person else None, box().rights.page)


def wants_json() -> bool:
    """Tell whether a script asks, which wants a sentence as JSON, or a person, who wants a page."""
    return request.path.startswith("/api/") or request.headers.get("Accept", "").startswith(
        "application/json"
    )
