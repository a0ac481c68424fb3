"""The templates in force: entries of the dictionary, the shipped ones under whatever was changed."""

from collections.abc import Mapping, Sequence

from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.entry import Change
from appliance.letters.kind import NAME, fields_of, template_of
from appliance.letters.shipped import shipped
from appliance.letters.template import Template
from appliance.people import Actor
from appliance.refused import Refused
from appliance.store.store import Store


class Shelf:
    """Templates by key."""

    def __init__(self, store: Store) -> None:
        self._dictionary = Dictionary(store)

    def get(self, key: str) -> Template:
        """Return a template as it is in force; raises Refused."""
        found = self.all().get(key)
        if found is None:
            raise Refused("unknown_ticket", "There is no such template.")
        return found

    def all(self) -> Mapping[str, Template]:
        """Return every template in the order of the menu."""
        entries = self._dictionary.all(NAME)
        return {entry.key: template_of(entry.key, entry.fields) for entry in entries}

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

    def history(self, key: str) -> Sequence[Change]:
        """Return what was done to a template, newest first."""
        return self._dictionary.history(NAME, key)[::-1]
