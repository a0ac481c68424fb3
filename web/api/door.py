"""Who asks: by a token, or by the session of somebody's browser; from where, how often and how far."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, Response, current_app, g, jsonify, request
from flask_babel import gettext

from appliance.outside.tokens import Bearer, Tokens
from appliance.refused import Refused
from web.api.endpoint import BLUEPRINT
from web.api.rate import Rate
from web.context import COOKIE, actor, box

WRONG_A_MINUTE = 30
"""So often an address may come with a token that is not in force."""


@dataclass(frozen=True, slots=True)
class Door:
    """What the door keeps in mind."""

    tokens: Tokens
    asked: Rate
    wrong: Rate


class Unknown(Exception):
    """Nobody is known by this token, or none came: 401."""


class TooOften(Exception):
    """Asked too often: 429."""

    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.wait_s = wait_s


def install(app: Flask, protect: Callable[[], None]) -> None:
    """Have the door stand before the API; `protect` checks the form token of a page."""
    here = app.extensions["box"]
    app.extensions["door"] = Door(
        Tokens(here.store), Rate(here.configuration.api.per_minute), Rate(WRONG_A_MINUTE)
    )
    app.before_request(lambda: identify(protect))
    app.errorhandler(Unknown)(_unknown)
    app.errorhandler(TooOften)(_too_often)


def door() -> Door:
    """Return the door of this application."""
    found: Door = current_app.extensions["door"]
    return found


def identify(protect: Callable[[], None]) -> None:
    """Find out who asks the API: by token, or by session, which needs the page's form token to change."""
    if request.blueprint != BLUEPRINT:
        return
    g.bearer = None
    if "Authorization" in request.headers:
        g.actor = None
        box().store.database.connect(reuse_if_open=True)
        kind, _, secret = request.headers["Authorization"].partition(" ")
        if kind.lower() != "bearer":
            raise Unknown
        g.bearer = by_token(secret.strip())
        g.actor = g.bearer.actor
    elif COOKIE not in request.cookies:
        raise Unknown
    else:
        protect()
        person = actor()
        if person is not None:
            count(person.number)


def by_token(secret: str) -> Bearer:
    """Return who asks by this token; raises Unknown or TooOften."""
    here, address = door(), client_address()
    if here.wrong.empty(address):
        raise TooOften(60 / WRONG_A_MINUTE)
    found = here.tokens.bearer(secret, address)
    if found is None:
        here.wrong.wait_s(address)
        raise Unknown
    count(f"token {found.token.name}")
    return found


def count(who: str) -> None:
    """Count a request of somebody; raises TooOften."""
    wait_s = door().asked.wait_s(who)
    if wait_s:
        raise TooOften(wait_s)


def bearer() -> Bearer | None:
    """Return whose token it is; None when a session asks."""
    found: Bearer | None = g.get("bearer")
    return found


def check_scope(scope: str) -> None:
    """Refuse what a token is not good for."""
    asks = bearer()
    if asks is not None and not asks.may(scope):
        raise lacks(scope)


def lacks(scope: str) -> Refused:
    """The refusal of a token that does not reach so far."""
    return Refused("not_yours", "This token is not good for that: it lacks %(scope)s.", scope=scope)


def client_address() -> str:
    """Return the address of who asks; a proxy named in the settings is believed."""
    near = request.remote_addr or ""
    if near in box().configuration.api.proxies:
        told = request.headers.get("X-Forwarded-For", "").split(",")[-1].strip()
        return told[:64] or near
    return near


def _unknown(_: Unknown) -> Response:
    sentence = gettext("Send a token that is in force: Authorization: Bearer hlb_…")
    answer = jsonify(word="unknown", sentence=sentence, field="")
    answer.status_code = 401
    answer.headers["WWW-Authenticate"] = 'Bearer realm="hotline"'
    return answer


def _too_often(error: TooOften) -> Response:
    answer = jsonify(word="too_often", sentence=gettext("Asked too often. Wait a little."), field="")
    answer.status_code = 429
    answer.headers["Retry-After"] = str(max(1, round(error.wait_s + 0.5)))
    return answer
