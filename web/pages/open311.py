"""Open311 GeoReport v2 at /open311/v2, as JSON and XML; who reports comes with a token as api_key."""

from typing import Any

from flask import Blueprint, Response, g, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import HTTPException, NotFound

from appliance.refused import Refused
from web import shown
from web.api.door import TooOften, Unknown, by_token, client_address, count
from web.context import box
from web.open311 import requests, services
from web.open311.paper import FORMATS, Fault, fault, written

SCOPE = "open311"
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
CHANGESET = "2027-01-01 00:00"
STATUSES = {"not_yours": 403, "other_unit": 403, "unknown_ticket": 404, "changed": 409}
"""What refusals of the desk are; all others are 400."""

pages = Blueprint("open311", __name__, url_prefix="/open311/v2")


@pages.before_request
def identify() -> None:
    """Look at the format and the city asked for; count who comes without a key."""
    if (request.view_args or {}).get("form") not in FORMATS:
        raise NotFound
    box().store.database.connect(reuse_if_open=True)
    g.actor = g.bearer = None
    city, asked = box().configuration.api.jurisdiction, request.values.get("jurisdiction_id", "")
    if city and asked and asked != city:
        raise Fault(404, "jurisdiction_id provided was not found")
    count(f"open311 {client_address()}")


@pages.get("/discovery.<form>")
def discovery(form: str) -> Response:
    """Tell where the service is, and in which formats it speaks."""
    here = {
        "specification": SPECIFICATION,
        "url": url_for("open311.discovery", form=form, _external=True).rsplit("/", 1)[0],
        "changeset": CHANGESET,
        "type": "test" if box().demo else "production",
        "formats": [f"{kind}" for kind in FORMATS.values()],
    }
    found = {
        "changeset": CHANGESET,
        "contact": box().configuration.site.name,
        "key_service": gettext("The administrator of the box makes the key."),
        "endpoints": [here],
    }
    return written(form, found, "discovery")


@pages.get("/services.<form>")
def service_list(form: str) -> Response:
    """List the services."""
    return written(form, services.services(), "services", "service")


@pages.get("/services/<code>.<form>")
def service(code: str, form: str) -> Response:
    """Define a service: what may be written about it."""
    return written(form, services.definition(code), "service_definition")


@pages.post("/requests.<form>")
def report(form: str) -> Response:
    """Report a matter."""
    _key(request.form.get("api_key", ""))
    ticket = requests.report(request.form)
    told = [
        {
            "service_request_id": ticket.number,
            "service_notice": gettext("Registered. Ask for it by this number."),
            "account_id": None,
        }
    ]
    return written(form, told, "service_requests", "request", 201)


@pages.get("/requests.<form>")
def request_list(form: str) -> Response:
    """List what this system reported."""
    _key(request.args.get("api_key", ""))
    found = [requests.told(ticket) for ticket in requests.found(request.args)]
    return written(form, found, "service_requests", "request")


@pages.get("/requests/<number>.<form>")
def one(number: str, form: str) -> Response:
    """Tell how one matter stands."""
    _key(request.args.get("api_key", ""))
    return written(form, [requests.told(requests.one(number))], "service_requests", "request")


@pages.get("/tokens/<token>.<form>")
def token(token: str, form: str) -> Response:
    """Tell the number of a matter by its token: numbers are given at once, so they are the tokens too."""
    _key(request.args.get("api_key", ""))
    number = requests.one(token).number
    return written(form, [{"service_request_id": number, "token": token}], "service_requests", "request")


@pages.errorhandler(Fault)
def _fault(error: Fault) -> Response:
    return fault(_form(), error)


@pages.errorhandler(Refused)
def _refused(error: Refused) -> Response:
    return fault(_form(), Fault(STATUSES.get(error.word, 400), shown.sentence(error)))


@pages.errorhandler(TooOften)
def _too_often(error: TooOften) -> Response:
    answer = fault(_form(), Fault(429, gettext("Asked too often. Wait a little.")))
    answer.headers["Retry-After"] = str(max(1, round(error.wait_s + 0.5)))
    return answer


@pages.errorhandler(HTTPException)
def _http(error: HTTPException) -> Response:
    return fault(_form(), Fault(error.code or 500, error.name))


def _form() -> str:
    """The format asked for; JSON when there is none."""
    form: Any = (request.view_args or {}).get("form")
    return form if form in FORMATS else "json"


def _key(key: str) -> None:
    """Let in who has a key that reaches here; raises Fault."""
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    try:
        g.bearer = by_token(key or bearer)
    except Unknown:
        raise Fault(403, "Missing or Invalid API Key") from None
    if not g.bearer.may(SCOPE):
        raise Fault(403, "This API key is not good for Open311")
    g.actor = g.bearer.actor
