"""The templates in force: entries of the dictionary, the shipped ones under whatever was changed."""

from collections.abc import Mapping, Sequence

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.entry import Change, Entry
from appliance.letters.kind import NAME, fields_of, template_of
from appliance.letters.shipped import shipped
from appliance.letters.template import Template
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store

COPIES_MOST = 1000


class Shelf:
    """Templates by key."""

    def __init__(self, store: Store) -> None:
        self._dictionary = Dictionary(store)

    def get(self, key: str) -> Template:
        """Return a template, also one out of use; raises Refused."""
        entry = self._dictionary.get(NAME, key)
        if entry is None:
            raise Refused("unknown_ticket", "There is no such template.")
        return template_of(key, entry.fields)

    def in_use(self, key: str) -> bool:
        """Tell whether a template may be printed."""
        return key in self.all()

    def all(self) -> Mapping[str, Template]:
        """Return every template in use in the order of the menu."""
        return _templates(self._dictionary.all(NAME))

    def everything(self) -> Mapping[str, Template]:
        """Return every template there is."""
        return _templates(self._dictionary.all(NAME, retired=True))

    def changed(self, key: str) -> bool:
        """Tell whether a template is not as it was shipped."""
        return self.get(key) != shipped().get(key)

    def publish(self, actor: Actor, template: Template) -> None:
        """Put a changed template in force from the next letter on; raises Refused with what is wrong."""
        before = self.get(template.key)
        self._dictionary.set(actor, NAME, template.key, fields_of(template))
        if self.get(template.key) == before:
            raise Refused("changed", "This is what is written there already.")

    def restore(self, actor: Actor, key: str) -> None:
        """Take the shipped template again."""
        if key not in shipped() or not self.changed(key):
            raise Refused("changed", "This is what is written there already.")
        self._dictionary.set(actor, NAME, key, fields_of(shipped()[key]))

    def copy(self, actor: Actor, key: str) -> str:
        """Make a further template, the same but for its name; return its key."""
        source, known = self.get(key), self.everything()
        new = next(name for nth in range(2, COPIES_MOST) if (name := f"{key[:24]}_{nth}") not in known)
        fields = fields_of(source) | {"name": f"{source.name[:36]}（副本）", "place": 10 * (len(known) + 1)}
        self._dictionary.add(actor, NAME, new, fields)
        return new

    def use(self, actor: Actor, key: str, used: bool) -> None:
        """Take a template out of use, or into use again; letters of it stay as they are."""
        self.get(key)
        change = self._dictionary.restore if used else self._dictionary.retire
        change(actor, NAME, key)

    def history(self, key: str) -> Sequence[Change]:
        """Return what was done to a template, newest first."""
        return self._dictionary.history(NAME, key)[::-1]


def _templates(entries: Sequence[Entry]) -> dict[str, Template]:
    return {entry.key: template_of(entry.key, entry.fields) for entry in entries}
