"""Limits: what is in force for each kind, urgency and step, beside the presets that may be taken over."""

from collections.abc import Mapping
from dataclasses import replace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from appliance.dictionary.dictionary import Dictionary
from appliance.refused import Refused
from appliance.tickets.clocks import Limit
from appliance.tickets.limits import PRESETS, Limits
from appliance.tickets.presets import take_over
from appliance.tickets.workflow import STATES
from web import shown
from web.context import box, me
from web.due_shown import limit_words
from web.pages import settings

EDITOR = "AD"

pages = Blueprint("limits", __name__, url_prefix="/settings/limits")


@pages.get("")
def page() -> str:
    """Show what is in force beside the presets."""
    return _show()


@pages.post("")
def take() -> Response | tuple[str, int]:
    """Take a preset over."""
    name = request.form.get("preset", "")[:40]
    try:
        changed = take_over(box().store, me(), name)
    except Refused as refused:
        return _show(shown.sentence(refused)), 422
    flash(
        gettext(
            "Taken over: %(count)s entries changed. It holds for what begins from now on.", count=changed
        ),
        "good",
    )
    return redirect(url_for("limits.page"))


def _show(fault: str = "") -> str:
    rules = box().tickets.dues.in_force
    dictionary = Dictionary(box().store)
    kinds = dictionary.names("ticket_kind")
    sets = {"": rules.limits, **PRESETS}
    return render_template(
        "limits.html",
        side=settings.side(),
        fault=fault,
        may_edit=me().has(EDITOR),
        sets=[
            (
                name,
                gettext("In force") if not name else shown.pick((limits.zh, limits.en)),
                _same(limits, rules.limits),
            )
            for name, limits in sets.items()
        ],
        groups=[
            (
                gettext("From acceptance to the answer"),
                _rows(kinds, [limits.handling for limits in sets.values()]),
            ),
            (
                gettext("Where it is urgent"),
                _rows(dictionary.names("urgency"), [limits.urgent for limits in sets.values()]),
            ),
            (
                gettext("In a state, at most"),
                _rows(_states(), [limits.steps for limits in sets.values()]),
            ),
            (
                gettext("Until acceptance, by channel"),
                _rows(dictionary.names("source"), [limits.intake for limits in sets.values()]),
            ),
            (
                gettext("In a state, at most, when urgent"),
                _rows(_states(), [limits.urgent_steps for limits in sets.values()]),
            ),
            (gettext("Extension and return"), _allowances(list(sets.values()))),
        ],
        categories=[
            (
                shown.pick(names),
                [
                    f"{shown.pick(kinds[kind])} {limit_words(limit)}"
                    for kind, limit in own.items()
                    if kind in kinds
                ],
            )
            for code, own in rules.categories.items()
            if (names := dictionary.names("category").get(code))
        ],
    )


def _states() -> Mapping[str, tuple[str, str]]:
    return {state.name: (state.zh, state.en) for state in STATES.values()}


def _rows(
    names: Mapping[str, tuple[str, str]], columns: list[Mapping[str, Limit]]
) -> list[tuple[str, list[str]]]:
    """One row a name that any of the columns limits."""
    return [
        (shown.pick(title), [limit_words(column[key]) if key in column else "—" for column in columns])
        for key, title in names.items()
        if any(key in column for column in columns)
    ]


def _allowances(columns: list[Limits]) -> list[tuple[str, list[str]]]:
    return [
        (gettext("Extensions of one ticket"), [str(limits.extension.most) for limits in columns]),
        (
            gettext("The first one at most"),
            [limit_words(Limit(limits.extension.first_most_wd)) for limits in columns],
        ),
        (
            gettext("All of them, of the original limit"),
            [f"{round(100 * limits.extension.share)} %" for limits in columns],
        ),
        (gettext("A unit may return it within"), [limit_words(limits.return_within) for limits in columns]),
    ]


def _same(one: Limits, other: Limits) -> bool:
    return replace(one, zh="", en="") == replace(other, zh="", en="")
