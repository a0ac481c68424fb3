"""Entries that stand in a tree by their column `parent`; a circle made by two sites is shown as roots."""

from collections.abc import Mapping, Sequence

from appliance.dictionary.entry import Entry
from appliance.dictionary.kind import DEPTH_MAX


def walk(entries: Mapping[str, Entry]) -> list[tuple[Entry, int]]:
    """Return every entry once, each behind its parent, with its depth; brothers in their order."""
    children: dict[str, list[Entry]] = {}
    for entry in entries.values():
        parent = entry.text("parent")
        children.setdefault(parent if parent in entries and parent != entry.key else "", []).append(entry)
    found: dict[str, tuple[Entry, int]] = {}

    def visit(entry: Entry, depth: int) -> None:
        if entry.key in found:
            return
        found[entry.key] = (entry, depth)
        for child in children.get(entry.key, ()):
            visit(child, depth + 1)

    for root in children.get("", ()):
        visit(root, 0)
    for entry in entries.values():
        visit(entry, 0)
    return list(found.values())


def line(entries: Mapping[str, Entry], key: str) -> Sequence[Entry]:
    """Return an entry behind all that stand above it."""
    above: list[Entry] = []
    while key in entries and len(above) < DEPTH_MAX and all(entry.key != key for entry in above):
        above.insert(0, entries[key])
        key = entries[key].text("parent")
    return above


def below(entries: Mapping[str, Entry], key: str) -> set[str]:
    """Return the keys of all that stands below an entry, itself too."""
    found = {key}
    waiting = [key]
    while waiting:
        above = waiting.pop()
        fresh = {entry.key for entry in entries.values() if entry.text("parent") == above} - found
        found |= fresh
        waiting += fresh
    return found
