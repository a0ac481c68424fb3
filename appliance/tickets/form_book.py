"""The forms as they are maintained: the shipped tables, and before them what the dictionary says."""

from collections.abc import Mapping, Sequence

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.entry import Entry
from appliance.tickets.fields import Choices
from appliance.tickets.forms import EXTRAS, FORMS, Extra, Form


class FormBook:
    """What forms ask for, what agents say and begin with, by kind and category."""

    def __init__(self, dictionary: Dictionary) -> None:
        self._dictionary = dictionary

    def extras(self) -> Mapping[str, Extra]:
        """Every further field by its name; those taken out of use too, for tickets that have them."""
        own = self._dictionary.all("extra_field", retired=True)
        return {**EXTRAS, **{entry.key: _extra(entry) for entry in own}}

    def forms(self) -> Sequence[Form]:
        """Which fields belong where: those of the categories, then the shipped ones."""
        fields = {entry.key: entry for entry in self._dictionary.all("extra_field")}
        rows = []
        for category in self._dictionary.all("category"):
            names = tuple(name for name in category.words("extra") if name in fields)
            needed = tuple(name for name in names if fields[name].fields.get("required"))
            if names:
                rows.append(Form(names, categories=(category.key,), needed=needed))
        return (*rows, *FORMS)

    def script(self, kind: str, category: str) -> tuple[str, str]:
        """What the agent asks: the row that fits best, the one of a kind before that of a category."""
        fitting = [entry for entry in self._dictionary.all("script") if _fits(entry, kind, category)]
        if not fitting:
            return "", ""
        best = max(fitting, key=lambda entry: (2 * bool(entry.text("kind")), len(entry.text("category"))))
        return best.text("text"), best.text("text_en") or best.text("text")

    def texts(self, kind: str, category: str) -> list[tuple[str, str, str]]:
        """Texts to begin with: title, content, kind; none before a category is chosen."""
        rows = self._dictionary.all("quick_text") if category else ()
        return [
            (entry.names[0], entry.text("content"), entry.text("kind"))
            for entry in rows
            if category.startswith(entry.text("category"))
        ]


def _fits(entry: Entry, kind: str, category: str) -> bool:
    return entry.text("kind") in ("", kind) and category.startswith(entry.text("category"))


def _extra(entry: Entry) -> Extra:
    zh, en = entry.names
    type_ = entry.text("type") or "text"
    options: Choices | None = None
    if type_ == "choice":
        options = {word: (word, word) for word in entry.words("options")}
    elif type_ == "flag":
        type_, options = "choice", {"yes": ("是", "Yes"), "no": ("否", "No")}
    limit = entry.fields.get("limit")
    return Extra(zh, en, type_, limit if isinstance(limit, int) else 60, options)
