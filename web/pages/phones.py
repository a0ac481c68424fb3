"""Phones: who is where, where calls go, groups and short numbers, routes and their tester, and the bill."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask_babel import gettext
from werkzeug.exceptions import BadRequest

from appliance.calls import wire
from appliance.calls.route_table import trunks_in_order
from appliance.events import Event
from appliance.published import Extension, Published
from appliance.refused import Refused
from appliance.store import bill as bills
from appliance.words import N_
from web import orders
from web import phones as words
from web.context import box, me
from web.directory import handed_over
from web.period import asked_for
from web.route_words import answer

CHANGES = 12
CHANGES_SPAN = 200_000
"""How many entries of the log are looked through for the last changes of forwards."""
DIALLED_MAX = 40
LATEST = 50

pages = Blueprint("phones", __name__, url_prefix="/phones")


@pages.get("")
def page() -> str:
    """Show every extension, and where its calls go."""
    published = _published()
    views = words.views()
    names, people = words.Names(published), words.people()
    return render_template(
        "phones/extensions.html",
        rows=[_row(e, views, published, names, people) for e in words.phones(published)],
        whens=words.WHENS,
        goals=list(words.goals(published)),
        changes=[_change(event, names, people) for event in _changes()],
    )


@pages.get("/now")
def now() -> dict[str, Any]:
    """Tell how phones and trunks are just now."""
    published = _published()
    views = words.views()
    names, people = words.Names(published), words.people()
    phones = {
        e.number: found
        for e in words.phones(published)
        if (found := _now(e, views, published, names, people)) != _AWAY
    }
    return {"up": views is not None, "phones": phones, "trunks": words.trunk_states()}


@pages.post("/forward")
def forward() -> dict[str, Any]:
    """Send a phone's calls elsewhere; an empty `to` takes that back."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise BadRequest
    asked = orders.Asked(body)
    to = words.as_typed(asked.word("to"))
    try:
        orders.carry_out(wire.Forward(asked.word("extension"), asked.word("when"), to, me().number))
    except Refused as refused:
        sentence = _REFUSALS.get(refused.word)
        raise Refused(refused.word, sentence) if sentence else refused from None
    return {"ok": True}


@pages.get("/groups")
def groups() -> str:
    """Show hunt groups with their members, speed dials and account codes."""
    published = _published()
    views = words.views()
    names = words.Names(published)
    shown = [
        {
            "group": group,
            "strategy": words.STRATEGIES.get(group.strategy, group.strategy),
            "then": names.target(group.then) if group.then else "",
            "members": [_member(text, views, names) for text in group.members],
        }
        for group in published.groups
    ]
    return render_template(
        "phones/groups.html",
        groups=shown,
        speed_dials=sorted(published.speed_dials, key=lambda s: (s.code, s.extension)),
        accounts=sorted(published.accounts, key=lambda a: a.code),
        names=names,
    )


@pages.get("/routes")
def routes() -> str:
    """Show the route table and the classes of service, and tell what a number means."""
    published = _published()
    number, extension = (request.args.get(name, "").strip()[:DIALLED_MAX] for name in ("number", "from"))
    states = words.trunk_states()
    return render_template(
        "phones/routes.html",
        trunks=[_trunk(nth, t, states) for nth, t in enumerate(trunks_in_order(published), 1)],
        kinds=words.kind_names(published),
        kind_title=words.kind_title,
        classes=words.class_table(published),
        phones=words.phones(published),
        number=number,
        extension=extension,
        answer=answer(published, words.as_typed(number), extension, states) if number else None,
        costs=words.COSTS,
        site_numbers=published.numbers,
    )


@pages.get("/bill")
def bill() -> str:
    """Show what calls of a period were, by account and by extension."""
    published = _published()
    period = asked_for()
    accounts = {a.code: a.name for a in published.accounts}
    whose = {e.number: e.name for e in published.extensions} | {g.number: g.name for g in published.groups}
    found = {by: bills.sums(box().store, by, *period.span) for by in ("account", "extension")}
    known = ("emergency", "site", *words.kind_names(published))
    there = {kind for rows in found.values() for row in rows.values() for kind in row.kinds}
    kinds = [*(kind for kind in known if kind in there), *sorted(there.difference(known))]
    return render_template(
        "phones/bill.html",
        period=period,
        tables=found,
        names={"account": accounts, "extension": whose},
        kinds=kinds,
        kind_title=words.kind_title,
        totals={by: _total(rows) for by, rows in found.items()},
        calls=bills.latest(box().store, *period.span, LATEST),
        people=words.people(),
    )


@pages.get("/bill.csv")
def bill_csv() -> Response:
    """Send every call of a period as a table for spreadsheets."""
    published = _published()
    period = asked_for()
    heads = [
        gettext("Dialled at"),
        gettext("Extension"),
        gettext("Agent"),
        gettext("Telephone number"),
        gettext("Kind of number"),
        gettext("Account"),
        gettext("Account holder"),
        gettext("Answered at"),
        gettext("Seconds"),
        gettext("Begun minutes"),
    ]
    kinds = {kind: words.kind_title(kind) for kind in (*words.kind_names(published), "site", "emergency")}
    accounts = {a.code: a.name for a in published.accounts}
    pieces = bills.as_csv(bills.each(box().store, *period.span), heads, kinds, accounts)
    answer = Response(pieces, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="bill-{period.since}-{period.until}.csv"'
    return answer


_REFUSALS = {
    "barred": N_("This phone's class of service does not let its calls go to that number."),
    "bad_target": N_("Nobody can be reached by that. Enter an extension, a group, or a number outside."),
}
_AWAY: Mapping[str, Any] = {"state": "away", "agent": "", "forwards": []}


def _published() -> Published:
    found = handed_over()
    if found is None:
        raise Refused("not_published", "Nothing has been published yet. Start the call process.")
    return found


def _now(
    e: Extension,
    views: Mapping[str, wire.ExtensionView] | None,
    published: Published,
    names: words.Names,
    people: Mapping[str, str],
) -> dict[str, Any]:
    view = None if views is None else views.get(e.number, wire.ExtensionView(e.number, e.name, "away"))
    forwards = words.forwards(e, view, published, names)
    return {
        "state": view.state if view else "",
        "agent": names.agent(view.agent) if view and view.agent else "",
        "forwards": [
            {
                **asdict(found),
                "when_title": str(words.WHENS[found.when]),
                "origin_title": words.origin_title(found, people),
            }
            for found in forwards
        ],
    }


def _row(
    e: Extension,
    views: Mapping[str, wire.ExtensionView] | None,
    published: Published,
    names: words.Names,
    people: Mapping[str, str],
) -> dict[str, Any]:
    found = _now(e, views, published, names, people)
    follow = [names.target(text) for text in e.follow]
    search = " ".join((e.number, e.name, e.pickup, *e.numbers, *follow))
    return {
        **found,
        "e": e,
        "state_title": words.STATES[found["state"]],
        "colour": words.COLOURS[found["state"]],
        "service": words.class_title(e.service),
        "follow": follow,
        "search": search.lower(),
    }


def _member(text: str, views: Mapping[str, wire.ExtensionView] | None, names: words.Names) -> dict[str, str]:
    number = text.removeprefix("ext:")
    view = (views or {}).get(number)
    return {
        "title": names.target(text),
        "phone": number if view else "",
        "state": view.state if view else "",
        "state_title": str(words.STATES[view.state]) if view else gettext("outside"),
    }


def _trunk(nth: int, trunk: Any, states: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    state = states.get(trunk.name, {"state": "", "reason": ""})
    return {"nth": nth, "trunk": trunk, **state}


def _changes() -> list[Event]:
    rows = box().store.rows(
        "SELECT eid, subject, kind, ver, body FROM event"
        " WHERE pos > (SELECT coalesce(max(pos), 0) FROM event) - ? AND kind = 'extension.forwarded'"
        " ORDER BY pos DESC LIMIT ?",
        *(CHANGES_SPAN, CHANGES),
    )
    return [Event(bytes(e), bytes(s), kind, ver, bytes(body)) for e, s, kind, ver, body in rows]


def _change(event: Event, names: words.Names, people: Mapping[str, str]) -> dict[str, Any]:
    facts = event.facts
    to, when = str(facts.get("to", "")), str(facts.get("when", ""))
    by = str(facts.get("by", ""))
    origin = str(facts.get("origin", "phone" if by == facts.get("extension") else "page"))
    return {
        "at_s": event.at_s,
        "extension": names.target(str(facts.get("extension", ""))),
        "when": words.WHENS.get(when, when),
        "to": names.target(to) if to else "",
        "origin": words.origin_title(words.Forwarded(when, to, "", origin, by), people),
    }


def _total(rows: Mapping[str, bills.Row]) -> bills.Row:
    total = bills.Row()
    for row in rows.values():
        for kind, found in row.kinds.items():
            total.kinds[kind] = total.kinds.get(kind, bills.Sum()) + found
    return total
