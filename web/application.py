"""The web application: everything a request passes before and after its page."""

import secrets
import urllib.parse

from flask import Flask, Response, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from appliance.blobs.storage import opened
from appliance.configuration import Configuration
from appliance.customers.file import CustomerFile
from appliance.letters.office import Desk, LetterOffice
from appliance.letters.seals import BYTES_MOST
from appliance.people import People
from appliance.places import Places
from appliance.processes import SUPERVISOR, Processes
from appliance.refused import Refused
from appliance.store.opening import open_store
from appliance.store.store import Store
from appliance.supervisor import units
from appliance.tickets.desk import TicketDesk
from appliance.tickets.districts import Districts
from appliance.tickets.intake import Intake
from web import access, attaching, context, language, maintained, shown
from web.api import door, serving
from web.api.table import TABLE
from web.conflict_views import office
from web.context import Box, actor, wants_json
from web.hub import hub_sign
from web.link import Away, Link
from web.live import Full, Live, StoreWatch
from web.pages import BLUEPRINTS, campaigns, carry, enrolment, exchange, open311
from web.screens import Screens
from web.today import Today
from web.uploads import UploadRequest

BODY_LIMIT = 256 * 1024
FORM_PARTS = 200
STATIC_SECONDS = 300
SECRET = "web_secret"
UPLOADS = {
    "exchange.upload": exchange.UPLOAD_MAX,
    "carry.take": carry.UPLOAD_MAX,
    "campaigns.create": campaigns.UPLOAD_MAX,
    "files.add": attaching.UPLOAD_MAX,
    "tickets.move": attaching.UPLOAD_MAX,
    "v1.ticket_attach": attaching.UPLOAD_MAX,
    "campaigns.listen": campaigns.UPLOAD_MAX,
    "stationery.put_seal": 2 * BYTES_MOST,
}
"""Addresses that take more than `BODY_LIMIT`, and how much."""
CONFLICTS = {"changed", "not_now", "fetching"}
"""Refusals that mean the world moved on: 409; all others mean what was asked is not allowed or not right."""
FORBIDDEN = {"not_yours", "other_unit", "frozen"}
MISSING = {
    "no_calls",
    "unknown_customer",
    "unknown_ticket",
    "unknown_file",
    "unknown_strand",
    "unknown_person",
    "unknown_token",
    "unknown_webhook",
    "unknown_kind",
    "unknown_entry",
    "unknown_site",
    "unknown_code",
}
UNREADABLE = {"not_json"}
HTTP_SENTENCES = {
    400: lazy_gettext("The request was not understood. Go back and try again."),
    404: lazy_gettext("This page does not exist. Check the address, or begin again at the first page."),
    405: lazy_gettext("This cannot be opened directly. Begin again at the first page."),
    413: lazy_gettext("What was sent is too large."),
    429: lazy_gettext("Asked too often. Wait a little."),
    415: lazy_gettext("Send it as application/json."),
    500: lazy_gettext(
        "Something went wrong in the box. It has been written down;"
        " try again, and tell your technician if it stays."
    ),
}
PAGES = (
    ("desk.page", lazy_gettext("Desk")),
    ("intake.page", lazy_gettext("Intake")),
    ("board.page", lazy_gettext("Board")),
    ("tickets.page", lazy_gettext("Tickets")),
    ("strands.page", lazy_gettext("Orders")),
    ("visits.page", lazy_gettext("Callbacks")),
    ("letters.page", lazy_gettext("Letters")),
    ("customers.page", lazy_gettext("Customers")),
    ("calls.page", lazy_gettext("Calls")),
    ("recordings.page", lazy_gettext("Recordings")),
    ("phones.page", lazy_gettext("Phones")),
    ("deferrals.page", lazy_gettext("Answer later")),
    ("campaigns.page", lazy_gettext("Notifications")),
    ("contacts.page", lazy_gettext("Address book")),
    ("people.page", lazy_gettext("People")),
    ("settings.page", lazy_gettext("Settings")),
    ("workflow.page", lazy_gettext("Workflow")),
    ("tokens.page", lazy_gettext("Interfaces")),
    ("calendar.page", lazy_gettext("Work calendar")),
    ("conflicts.page", lazy_gettext("Conflicts")),
    ("sites.page", lazy_gettext("Sites")),
    ("box.page", lazy_gettext("Box")),
)
SETTINGS = frozenset(
    {
        *("settings", "parameters", "rights", "exchange", "people", "contacts", "tokens", "calendar"),
        *("limits", "workflow", "dispatching"),
    }
)
"""Blueprints that are one area for people."""
BELOW_SETTINGS = frozenset({"contacts.page", "people.page", "tokens.page", "calendar.page", "workflow.page"})
"""Not in the bar for who finds them in the settings."""
OF_THE_HUB = frozenset({"sites.page"})
"""Not in the bar of a site, which has only its hub; the sign at the foot leads there."""
FIRST_SIGN_IN = frozenset(
    {
        "door.password",
        "door.sign_out",
        "door.choose_language",
        "static",
        "live.now",
        "live.stream",
        "live.here",
    }
)
"""What somebody may open who must set an own password first."""


def create_app(places: Places, configuration: Configuration, running: bool = True) -> Flask:
    """Make the application over the box's data folder; `running` starts its threads."""
    app = Flask("web")
    app.request_class = UploadRequest
    store = open_store(places, configuration)
    tickets = TicketDesk(store)
    site = configuration.site
    letterhead = Desk(site.name, site.numbers[0] if site.numbers else "12345")
    live = Live()
    customers, districts = CustomerFile(store), Districts(store, tickets.dictionary)
    box = Box(
        places=places,
        configuration=configuration,
        store=store,
        people=People(store, demo=configuration.demo),
        tickets=tickets,
        live=live,
        calls=Link(places.socket("calls"), live.tell),
        watch=StoreWatch(store, live.tell),
        today=Today(store),
        screens=Screens(),
        processes=Processes(places.socket(SUPERVISOR), [u.name for u in units(places, configuration)]),
        letters=LetterOffice(store, tickets, letterhead, places.seals),
        customers=customers,
        districts=districts,
        intake=Intake(store, tickets, customers, districts),
        blobs=opened(configuration.storage, places),
    )
    app.extensions["box"] = box
    app.config.update(
        SECRET_KEY=_secret(store),
        SESSION_COOKIE_NAME="form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        MAX_CONTENT_LENGTH=BODY_LIMIT,
        MAX_FORM_PARTS=FORM_PARTS,
        SEND_FILE_MAX_AGE_DEFAULT=STATIC_SECONDS,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # Flask's provider has it, its base class has not
    language.install(app, places.data / "locale", configuration.site.language)
    shown.install(app)
    app.jinja_env.globals.update(
        KINDS=maintained.KINDS,
        SOURCES=maintained.SOURCES,
        URGENCIES=maintained.URGENCIES,
        CLOSINGS=maintained.CLOSINGS,
    )
    app.before_request(_make_room)
    csrf = CSRFProtect()
    door.install(app, csrf.protect)
    csrf.init_app(app)
    v1 = serving.blueprint(TABLE)
    csrf.exempt(v1)
    csrf.exempt(open311.pages)
    csrf.exempt(enrolment.public)
    app.before_request(_admit)
    app.after_request(_guard)
    app.teardown_appcontext(lambda _: _leave(store))
    app.context_processor(lambda: _everywhere(box))
    for blueprint in (*BLUEPRINTS, v1):
        app.register_blueprint(blueprint)
    _errors(app)
    if running:
        box.calls.start()
        box.watch.start()
    return app


def _leave(store: Store) -> None:
    """Give the connection of this request's thread back."""
    if not store.database.is_closed():
        store.database.close()


def _secret(store: Store) -> str:
    """The key that signs form tokens, made once for this box."""
    with store.transaction():
        fresh = secrets.token_urlsafe(32)
        store.execute("INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", SECRET, fresh)
        return str(store.rows("SELECT value FROM setting WHERE name = ?", SECRET)[0][0])


def _make_room() -> None:
    """Let those who may bring lists and recordings bring them, before anybody looks into the form."""
    most = UPLOADS.get(request.endpoint or "")
    person = actor() if most else None
    if person is not None and access.opens(request.endpoint or "", person.roles, context.box().rights.page):
        request.max_content_length = request.max_form_memory_size = most


def _admit() -> AnyResponse | None:
    """Let nobody into a page the access table does not open to them."""
    endpoint = request.endpoint or ""
    if not endpoint:
        return None
    if endpoint != "static":
        context.box().store.database.connect(reuse_if_open=True)
    person = actor() if access.TABLE.get(endpoint) != access.PUBLIC else None
    roles = person.roles if person else None
    if not access.opens(endpoint, roles, context.box().rights.page):
        if person is not None:
            raise Refused("not_yours", "Your role does not open this page.")
        if wants_json():
            return _json_error(401, gettext("You have been signed out. Sign in again."))
        return redirect(url_for("door.sign_in", next=_here()))
    if not context.has(endpoint):
        raise Refused("no_calls", "This box is a hub and takes no calls. Open this page at a site.")
    if person is not None and person.must_change and endpoint not in FIRST_SIGN_IN:
        return redirect(url_for("door.password"))
    return None


def _here() -> str | None:
    return request.full_path.rstrip("?") if request.method == "GET" and request.path != "/" else None


def _guard(response: Response) -> Response:
    """Say to the browser what the page may load, and keep people's pages out of caches."""
    host = urllib.parse.urlsplit(f"//{request.host}").hostname or "127.0.0.1"
    if ":" in host:
        host = f"[{host}]"
    port = context.box().configuration.browser.port
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
        f"connect-src 'self' ws://{host}:{port} wss://{host}:{port}; worker-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(self)"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def _everywhere(box: Box) -> dict[str, object]:
    """What every template may show."""
    person = actor() if request.endpoint else None
    numbers = box.configuration.site.numbers
    return {
        "me": person,
        "demo": box.demo,
        "hotline": numbers[0] if numbers else "12345",
        "site_name": box.configuration.site.name,
        "site_number": box.configuration.site.number,
        "hub": hub_sign(box) if person else None,
        "navigation": lambda: _navigation() if person else [],
        "stands_in": _stands_in,
        "opens": context.may_open,
        "words_for_scripts": language.words_for_scripts,
    }


def _navigation() -> list[tuple[str, object, int]]:
    """The pages in the bar: endpoint, title, and how much waits there; conflicts only when there are any."""
    below = BELOW_SETTINGS if context.may_open("settings.page") else frozenset()
    if not context.box().is_hub:
        below |= OF_THE_HUB
    waiting = {"conflicts.page": office().count()} if context.may_open("conflicts.page") else {}
    return [
        (endpoint, title, waiting.get(endpoint, 0))
        for endpoint, title in PAGES
        if endpoint not in below
        and context.may_open(endpoint)
        and (waiting.get(endpoint, 1) or request.endpoint == endpoint)
    ]


def _stands_in(endpoint: str) -> bool:
    """Whether the reader is in the part of the pages that begins at this endpoint."""
    here = (request.endpoint or "").partition(".")[0]
    if here in SETTINGS and context.may_open("settings.page"):
        here = "settings"
    elif here == "enrolment":
        here = "box"
    return endpoint.partition(".")[0] == here


def _errors(app: Flask) -> None:
    """Answer what goes wrong in the reader's language, as a page or as JSON."""

    @app.errorhandler(Refused)
    def refused(error: Refused) -> tuple[str | Response, int]:
        return _answer(_status(error), shown.sentence(error), error.word, error.at)

    @app.errorhandler(Away)
    def away(_: Away) -> tuple[str | Response, int]:
        return _answer(
            503, gettext("The call process cannot be reached. Try again in a few seconds."), "away"
        )

    @app.errorhandler(Full)
    def full(_: Full) -> tuple[Response, int, dict[str, str]]:
        words = gettext("Too many pages are open at once. Try again soon.")
        return jsonify(sentence=words, word="full"), 503, {"Retry-After": "5"}

    @app.errorhandler(CSRFError)
    def stale(_: CSRFError) -> tuple[str | Response, int]:
        return _answer(400, gettext("This page has been open too long. Load it again and repeat."), "stale")

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> tuple[str | Response, int]:
        return _answer(error.code or 500, _http_sentence(error.code or 500), "http")

    @app.errorhandler(Exception)
    def bug(error: Exception) -> tuple[str | Response, int]:
        app.logger.exception("%s %s", request.method, request.path)
        return _answer(500, _http_sentence(500), "bug")


def _status(error: Refused) -> int:
    if error.word in CONFLICTS:
        return 409
    if error.word in UNREADABLE:
        return 400
    return 403 if error.word in FORBIDDEN else 404 if error.word in MISSING else 422


def _http_sentence(code: int) -> str:
    return str(HTTP_SENTENCES.get(code) or HTTP_SENTENCES[400 if code < 500 else 500])


def _answer(code: int, sentence: str, word: str, field: str = "") -> tuple[str | Response, int]:
    if wants_json():
        return _json_error(code, sentence, word, field), code
    return render_template("error.html", code=code, sentence=sentence), code


def _json_error(code: int, sentence: str, word: str = "", field: str = "") -> Response:
    response = jsonify(sentence=sentence, word=word, field=field)
    response.status_code = code
    return response
