"""What a form asks besides, says and offers, for a kind and a category, as people maintain it."""

from collections.abc import Mapping
from dataclasses import replace

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.entry import Entry
from appliance.dictionary.tree import line
from appliance.tickets.forms import EXTRAS, Extra, extras_of


class Further:
    """Further fields, scripts and texts in force."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary

    def fields(self) -> Mapping[str, Extra]:
        """Return every further field there ever was."""
        return {key: _extra(entry) for key, entry in self._dictionary.by_key("extra_field").items()}

    def of(self, kind: str, category: str) -> dict[str, bool]:
        """Return the further fields of a matter, in the order of the form, and whether they are needed."""
        known = self._dictionary.by_key("extra_field")
        found = extras_of(kind, category)
        for node in line(self._dictionary.by_key("category"), category):
            for name in node.words("extra"):
                needed = name in known and bool(known[name].fields["required"])
                found[name] = found.get(name, False) or needed
        return {name: needed for name, needed in found.items() if name in known and not known[name].retired}

    def script(self, kind: str, category: str) -> tuple[str, str]:
        """Return what the agent asks, in both languages; the first row that fits."""
        for entry in self._dictionary.all("script"):
            if entry.text("kind") in ("", kind) and category.startswith(entry.text("category")):
                return entry.names
        return "", ""

    def texts(self, category: str) -> list[tuple[str, str, str]]:
        """Return texts to begin with: title, content, kind."""
        if not category:
            return []
        return [
            (entry.text("name"), entry.text("content"), entry.text("kind"))
            for entry in self._dictionary.all("phrase")
            if category.startswith(entry.text("category"))
        ]


def _extra(entry: Entry) -> Extra:
    zh, en = entry.names
    if entry.key in EXTRAS:
        return replace(EXTRAS[entry.key], zh=zh, en=en)
    limit = entry.fields["limit"]
    options = {word: (word, word) for word in entry.words("options")}
    size = limit if isinstance(limit, int) else 60
    return Extra(zh, en, entry.text("type"), size, options if entry.text("type") == "choice" else None)
