"""Units, categories and areas as forms offer them, read once a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import g

from web.context import box
from web.shown import pick

AREAS_LIMIT = 60
DEPTH = 8


@dataclass(frozen=True, slots=True)
class Leaf:
    """One node of the category tree with its names and its own unit."""

    code: str
    parent: str
    name: str
    name_en: str
    unit: str


def units() -> list[dict[str, str]]:
    """Return every unit with its name in the reader's language."""
    if "units" not in g:
        rows = box().store.rows("SELECT code, name, name_en FROM unit ORDER BY code")
        g.units = [{"code": code, "title": pick((zh, en or zh))} for code, zh, en in rows]
    found: list[dict[str, str]] = g.units
    return found


def unit_names() -> dict[str, str]:
    """Return unit codes with their names."""
    return {unit["code"]: unit["title"] for unit in units()}


def categories() -> list[dict[str, Any]]:
    """Return the leaves of the category tree with their whole path, ready to be searched."""
    if "categories" not in g:
        tree, names = _tree(), unit_names()
        parents = {leaf.parent for leaf in tree.values()}
        g.categories = [_offered(leaf, tree, names) for leaf in tree.values() if leaf.code not in parents]
    found: list[dict[str, Any]] = g.categories
    return found


def category_names() -> dict[str, str]:
    """Return category codes with their paths."""
    tree = _tree()
    return {code: _path(_line(leaf, tree)) for code, leaf in tree.items()}


def areas() -> list[str]:
    """Return the areas used so far, the most used first."""
    rows = box().store.rows(
        "SELECT area FROM ticket WHERE area <> '' GROUP BY area ORDER BY count(*) DESC LIMIT ?", AREAS_LIMIT
    )
    return [area for (area,) in rows]


def _tree() -> Mapping[str, Leaf]:
    if "category_tree" not in g:
        rows = box().store.rows("SELECT code, parent, name, name_en, unit FROM category ORDER BY code")
        g.category_tree = {row[0]: Leaf(*row) for row in rows}
    found: Mapping[str, Leaf] = g.category_tree
    return found


def _offered(leaf: Leaf, tree: Mapping[str, Leaf], names: Mapping[str, str]) -> dict[str, Any]:
    line = _line(leaf, tree)
    unit = next((node.unit for node in reversed(line) if node.unit), "")
    words = " ".join(f"{node.name} {node.name_en}" for node in line)
    search = f"{words} {leaf.code}".lower()
    return {
        "code": leaf.code,
        "path": _path(line),
        "unit": unit,
        "unit_name": names.get(unit, ""),
        "search": search,
    }


def _path(line: list[Leaf]) -> str:
    return " / ".join(pick((node.name, node.name_en or node.name)) for node in line)


def _line(leaf: Leaf, tree: Mapping[str, Leaf]) -> list[Leaf]:
    """Return a node behind all its parents."""
    line = [leaf]
    while line[0].parent in tree and len(line) < DEPTH:
        line.insert(0, tree[line[0].parent])
    return line
