"""Whether a box is in company: a box that is alone need not ask about others with every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from appliance.store.store import Store

_KEY = "company"
_READ = "SELECT EXISTS (SELECT 1 FROM peer), EXISTS (SELECT 1 FROM conflict), EXISTS (SELECT 1 FROM lost)"


class Company(NamedTuple):
    """What there is of other boxes."""

    linked: bool
    """It exchanges events with others; a linked site belongs to a hub."""
    contested: bool
    """A conflict is open."""
    hiding: bool
    """Something concerns it no longer."""


def company(store: Store) -> Company:
    """Return what the box has of others."""
    return store.once(_KEY, lambda: Company(*map(bool, store.rows(_READ)[0])))


def changed(store: Store) -> None:
    """Say that one of the three tables was written: they are read again."""
    store.forget(_KEY)
