"""What conditions on tickets and their values are called, and what the form offers to choose."""

from collections.abc import Callable, Mapping, Sequence

from flask_babel import gettext

from appliance.tickets.fields import RATINGS, Choices
from appliance.tickets.finding import FLAGS
from appliance.tickets.forms import Extra, Form
from appliance.tickets.maintained import EXTRA
from appliance.tickets.workflow import LISTS, STATES
from web import due_shown, shown
from web.context import box
from web.dictionary import category_names, unit_names, units
from web.finding_form import NONE, ORDER, SET_LATE, TIMES, Asked
from web.maintained import CLOSINGS, KINDS, SOURCES, URGENCIES
from web.site_views import known_sites


def choices() -> dict[str, list[tuple[str, str]]]:
    """What may be chosen of everything that is counted off: word and name."""
    return {
        "state": [(state.name, shown.pick((state.zh, state.en))) for state in STATES.values()],
        "kind": shown.choices(_ever("ticket_kind")),
        "source": shown.choices(_ever("source")),
        "urgency": shown.choices(_ever("urgency")),
        "rating": [*shown.choices(RATINGS), (NONE, gettext("(none)"))],
        "closing": [*shown.choices(_ever("closing")), (NONE, gettext("(none)"))],
        "unit": [(unit["code"], unit["title"]) for unit in units()],
        "category": sorted(category_names().items()),
        "area": [(area, area) for area in box().districts.names()],
        "site": [(str(number), _site(number, names)) for number, names in known_sites(box().store).items()],
        "round": [("0", gettext("None")), ("1", "1"), ("2", "2")],
    }


def _ever(kind: str) -> Choices:
    """All words of a list, those taken out of use too: tickets have them still."""
    found: Choices = box().dictionary.names(kind)
    return found


def further(asked: Asked) -> dict[str, Extra]:
    """The further fields of the kinds and categories chosen, and those asked for already."""
    book, kinds, categories = (
        box().tickets.forms,
        asked.given.get("kind", ()),
        asked.given.get("category", ()),
    )
    offered = {name for form in book.forms() if _fits(form, kinds, categories) for name in form.fields}
    return {
        f"{EXTRA}{name}": field
        for name, field in book.extras().items()
        if name in offered or f"{EXTRA}{name}" in asked.given
    }


def _fits(form: Form, kinds: Sequence[str], categories: Sequence[str]) -> bool:
    """Whether tickets of these kinds or categories, or of what is below them, may have a form's fields."""
    by_kind = not form.kinds or not set(form.kinds).isdisjoint(kinds)
    by_category = not form.categories or any(
        chosen.startswith(code) or code.startswith(chosen)
        for chosen in categories
        for code in form.categories
    )
    return bool(kinds or categories) and by_kind and by_category


def _site(number: int, names: tuple[str, str]) -> str:
    return shown.pick(names) or str(gettext("Site %(number)s", number=number) if number else gettext("Hub"))


def title_of(name: str) -> str:
    """What a condition is called."""
    special: dict[str, str] = {
        "state": gettext("State"),
        "source": gettext("Source"),
        "agent": gettext("Agent"),
        "round": gettext("Second dispatches"),
        "site": gettext("Site"),
        "text": gettext("Number, text, address or phone"),
        "number": gettext("Number"),
        "list": gettext("List"),
        "due": gettext("Due"),
        "conflicts": gettext("Lost races only"),
        "paused": str(due_shown.CHOICES["paused"]),
        "provisional": str(due_shown.CHOICES["provisional"]),
    }
    if name.startswith(EXTRA):
        field = box().tickets.forms.extras().get(name.removeprefix(EXTRA))
        return shown.pick((field.zh, field.en)) if field else name
    return str(special.get(name) or shown.field_title(name))


def value_title(name: str, value: object) -> str:
    """What a value is called."""
    word = str(value)
    if not word or (word == NONE and name in SET_LATE):
        return str(gettext("(none)"))
    if name == "unit":
        return unit_names().get(word, word)
    if name == "category":
        return category_names().get(word, word)
    if name == "site" and word.isdigit():
        return _site(int(word), known_sites(box().store).get(int(word), ("", "")))
    if name.startswith(EXTRA):
        field = box().tickets.forms.extras().get(name.removeprefix(EXTRA))
        return shown.one_of(word, (field.choices if field else None) or {})
    return _NAMES[name](word) if name in _NAMES else word


def named(asked: Asked) -> list[tuple[str, str]]:
    """The conditions of a list in words, for whoever reads what came of it."""
    lines = []
    for name, values in asked.given.items():
        if name in ORDER or (name, values) == ("list", ("all",)):
            continue
        base, _, end = name.rpartition("_")
        if base in TIMES:
            sign = "≥" if end == "since" else "≤"
            lines.append((str(TIMES[base]), f"{sign} {values[0]}"))
        else:
            lines.append((title_of(name), "、".join(value_title(name, value) for value in values)))
    return lines


_NAMES: Mapping[str, Callable[[str], str]] = {
    "state": shown.state_title,
    "kind": lambda word: shown.one_of(word, KINDS),
    "source": lambda word: shown.one_of(word, SOURCES),
    "urgency": lambda word: shown.one_of(word, URGENCIES),
    "rating": lambda word: shown.one_of(word, RATINGS),
    "closing": lambda word: shown.one_of(word, CLOSINGS),
    "list": lambda word: shown.list_title(word) if word in LISTS else gettext("To do"),
    "due": lambda word: str(due_shown.CHOICES.get(word, word)),
    "conflicts": lambda word: gettext("yes"),
    **dict.fromkeys(FLAGS, lambda word: gettext("yes") if word == "yes" else gettext("no")),
}
"""How a word of each is shown; others as they are."""
