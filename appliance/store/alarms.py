"""Alarms: sentences a person must read, kept in the settings table until what caused them is over."""

import sys

from peewee import DatabaseError

from appliance.store.store import Store

PREFIX = "alarm."
_RAISE = (
    "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)


def alarms(store: Store) -> list[str]:
    """Return what people must know now."""
    rows = store.rows("SELECT value FROM setting WHERE name LIKE 'alarm.%' ORDER BY name")
    return [str(value) for (value,) in rows]


class Alarm:
    """Says a sentence on stderr when it changes, and keeps it in the store as soon as the store can write.

    An empty sentence ends the alarm.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._name = PREFIX + name
        self._said = ""
        self._kept: str | None = None

    def say(self, sentence: str) -> None:
        """Raise, change or end the alarm; a store that cannot write is tried again with the next call."""
        if sentence != self._said:
            print(sentence or f"{self._name} is over.", file=sys.stderr, flush=True)
            self._said = sentence
        if self._kept == sentence:
            return
        try:
            with self._store.transaction():
                if sentence:
                    self._store.execute(_RAISE, self._name, sentence)
                else:
                    self._store.execute("DELETE FROM setting WHERE name = ?", self._name)
        except (DatabaseError, OSError):
            return
        self._kept = sentence
