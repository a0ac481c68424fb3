"""Units, categories and areas as forms offer them, read once a request."""

from collections.abc import Mapping
from typing import Any

from flask import g

from appliance.dictionary.entry import Entry
from appliance.dictionary.tree import line, walk
from web.context import box
from web.shown import pick


def units() -> list[dict[str, str]]:
    """Return every unit that can be chosen, with its name in the reader's language, below its parent."""
    if "units" not in g:
        tree = walk(box().dictionary.by_key("unit"))
        g.units = [{"code": unit.key, "title": pick(unit.names)} for unit, _ in tree if not unit.retired]
    found: list[dict[str, str]] = g.units
    return found


def unit_names() -> dict[str, str]:
    """Return unit codes with their names, those of dissolved units too."""
    return {key: pick(names) for key, names in box().dictionary.names("unit").items()}


def categories() -> list[dict[str, Any]]:
    """Return the leaves of the category tree with their whole path, ready to be searched."""
    if "categories" not in g:
        tree, names = box().dictionary.by_key("category"), unit_names()
        used = [entry for entry, _ in walk(tree) if not entry.retired]
        parents = {entry.text("parent") for entry in used}
        g.categories = [_offered(leaf, tree, names) for leaf in used if leaf.key not in parents]
    found: list[dict[str, Any]] = g.categories
    return found


def category_names() -> dict[str, str]:
    """Return category codes with their paths."""
    tree = box().dictionary.by_key("category")
    return {code: _path(tree, code) for code in tree}


def _offered(leaf: Entry, tree: Mapping[str, Entry], names: Mapping[str, str]) -> dict[str, Any]:
    above = line(tree, leaf.key)
    unit = next((node.text("unit") for node in reversed(above) if node.text("unit")), "")
    words = " ".join((*(" ".join(node.names) for node in above), *leaf.words("keywords"), leaf.key))
    return {
        "code": leaf.key,
        "path": _path(tree, leaf.key),
        "unit": unit,
        "unit_name": names.get(unit, ""),
        "search": words.lower(),
    }


def _path(tree: Mapping[str, Entry], code: str) -> str:
    return " / ".join(pick(node.names) for node in line(tree, code))
