"""Units, categories and areas as forms offer them."""

from typing import Any

from appliance.store.schema import Category, Unit
from web.context import box
from web.shown import pick

AREAS_LIMIT = 60


def units() -> list[dict[str, str]]:
    """Return every unit with its name in the reader's language."""
    return [
        {"code": u.code, "title": pick((u.name, u.name_en or u.name))}
        for u in Unit.select().order_by(Unit.code)
    ]


def unit_names() -> dict[str, str]:
    """Return unit codes with their names."""
    return {unit["code"]: unit["title"] for unit in units()}


def categories() -> list[dict[str, Any]]:
    """Return the leaves of the category tree with their whole path, ready to be searched."""
    rows = {c.code: c for c in Category.select()}
    names = unit_names()
    parents = {c.parent for c in rows.values()}
    found = []
    for code, leaf in sorted(rows.items()):
        if code in parents:
            continue
        line = _line(leaf, rows)
        path = " / ".join(pick((c.name, c.name_en or c.name)) for c in line)
        both = " ".join(f"{c.name} {c.name_en}" for c in line)
        unit = next((c.unit for c in reversed(line) if c.unit), "")
        search = f"{both} {code}".lower()
        found.append(
            {"code": code, "path": path, "unit": unit, "unit_name": names.get(unit, ""), "search": search}
        )
    return found


def category_names() -> dict[str, str]:
    """Return category codes with their paths."""
    rows = {c.code: c for c in Category.select()}
    return {
        code: " / ".join(pick((c.name, c.name_en or c.name)) for c in _line(row, rows))
        for code, row in rows.items()
    }


def areas() -> list[str]:
    """Return the areas used so far, the most used first."""
    rows = box().store.rows(
        "SELECT area FROM ticket WHERE area <> '' GROUP BY area ORDER BY count(*) DESC LIMIT ?", AREAS_LIMIT
    )
    return [area for (area,) in rows]


def _line(leaf: Any, rows: dict[str, Any]) -> list[Any]:
    line = [leaf]
    while line[0].parent in rows and len(line) < 8:
        line.insert(0, rows[line[0].parent])
    return line
