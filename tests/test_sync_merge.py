"""Two boxes write of one thing at once: both keep what they wrote apart, all show the same of the rest."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.causal import HEARD, concurrent, heard, knew
from appliance.customers import table as customers
from appliance.dictionary.authority import is_central
from appliance.dictionary.dictionary import Dictionary
from appliance.dictionary.entry import Stored, replay, subject_of
from appliance.events import Event, Fact, Stamp
from appliance.store.digest import digest
from appliance.store.outbox import HUB, peer_name
from appliance.store.store import Store
from tests.sync_net import CHIEF, Net, ticket

T0_MS = 1_795_000_000_000
KEYS = (("category", "0101"), ("unit", "lamp"), ("ticket_kind", "complaint"))


class Boxes:
    """A hub and two sites that write entries, and hear of each other now and then."""

    def __init__(self) -> None:
        self.ms = T0_MS
        self.logs: list[dict[bytes, Event]] = [{}, {}, {}]
        self.stamps = [Stamp(site, lambda: self.ms) for site in (0, 1, 2)]

    def write(self, box: int, which: int, what: str, fields: dict[str, Any], word: str) -> None:
        """Write as the draft does: a list with what came and what went."""
        kind, key = KEYS[which]
        subject = subject_of(kind, key)
        told = [event for event in self.logs[box].values() if event.subject == subject]
        before = replay(told, is_central(kind, key))
        facts: dict[str, Any] = {"entry_kind": kind, "key": key, HEARD: heard([e.eid for e in told], box)}
        if what == "dictionary.set":
            there = _words(before)
            after = [w for w in there if w != word] if word in there else [*there, word]
            change = {
                "added": [w for w in after if w not in there],
                "removed": [w for w in there if w not in after],
            }
            facts |= {"fields": {**fields, "keywords": after}, "lists": {"keywords": change}}
        self.ms += 1000
        self.stamps[box].follow(max(self.logs[box], default=b""))
        event = self.stamps[box].event(Fact(what, facts, subject))
        self.logs[box][event.eid] = event

    def meet(self, box: int) -> None:
        """A site and the hub tell each other everything."""
        both = {**self.logs[0], **self.logs[box]}
        self.logs[0], self.logs[box] = dict(both), dict(both)


def _words(stored: Stored | None) -> list[str]:
    value = stored.fields.get("keywords", []) if stored else []
    assert isinstance(value, list)
    return [str(word) for word in value]


acts = st.one_of(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 2),
        st.sampled_from(("dictionary.set", "dictionary.set", "dictionary.retired", "dictionary.restored")),
        st.dictionaries(st.sampled_from(("name", "note")), st.sampled_from("abc"), max_size=2),
        st.sampled_from("xyz"),
    ),
    st.integers(1, 2),
)


def played(script: Sequence[Any]) -> Boxes:
    boxes = Boxes()
    for act in script:
        if isinstance(act, int):
            boxes.meet(act)
        else:
            boxes.write(*act)
    return boxes


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> list[Store]:
    folder = tmp_path_factory.mktemp("merge")
    return [Store(folder / f"{site}.db", site, bind=False) for site in (0, 1, 2)]


def emptied(store: Store) -> Store:
    with store.transaction():
        store.execute("DELETE FROM event")
        store.rebuild()
    return store


@settings(max_examples=20, deadline=None)
@given(script=st.lists(acts, max_size=12), chance=st.randoms(use_true_random=False), size=st.integers(1, 4))
def test_any_order_and_repetition_of_the_same_settings_gives_the_same_dictionary_at_hub_and_sites(
    replicas: list[Store], script: Sequence[Any], chance: random.Random, size: int
) -> None:
    boxes = played(script)
    events = list({eid: event for log in boxes.logs for eid, event in log.items()}.values())
    for store in replicas:
        emptied(store)
        order = events + chance.choices(events, k=len(events) // 2) if events else []
        order = chance.sample(order, len(order))
        for at in range(0, len(order), size):
            store.take(order[at : at + size])
    held = [digest(store) for store in replicas]
    assert held[0] == held[1] == held[2]
    for store in replicas:
        store.rebuild()
    assert [digest(store) for store in replicas] == held


@given(script=st.lists(acts, max_size=14))
def test_any_word_added_to_a_list_is_there_unless_who_knew_of_it_took_it_out(script: Sequence[Any]) -> None:
    boxes = played(script)
    events = sorted({e.eid: e for log in boxes.logs for e in log.values()}.values(), key=lambda e: e.eid)
    for kind, key in KEYS[:2]:
        told = [e for e in events if e.subject == subject_of(kind, key) and "lists" in e.facts]
        there = set(_words(replay(told)))
        for event in told:
            for word in event.facts["lists"]["keywords"]["added"]:
                gone = any(
                    word in other.facts["lists"]["keywords"]["removed"] and knew(other, event)
                    for other in told
                    if other.eid > event.eid
                )
                assert gone or word in there


def test_of_a_field_the_last_writer_stands_and_the_centre_before_all_where_it_decides_alone() -> None:
    boxes = Boxes()
    for which in range(3):
        boxes.write(0, which, "dictionary.set", {"name": "hub"}, "x")
        boxes.write(1, which, "dictionary.set", {"name": "site", "note": "site"}, "y")
    events = [*boxes.logs[0].values(), *boxes.logs[1].values()]
    shared, central = (replay(_of(events, which), is_central(*KEYS[which])) for which in (0, 2))
    assert shared is not None
    assert central is not None
    assert (shared.fields["name"], shared.fields["note"]) == ("site", "site")
    assert shared.fields["keywords"] == ["y", "x"]
    assert (central.fields["name"], central.fields["note"]) == ("hub", "site")


def _of(events: Sequence[Event], which: int) -> list[Event]:
    return [event for event in events if event.subject == subject_of(*KEYS[which])]


def test_an_event_says_up_to_where_its_box_had_heard_the_others(tmp_path: Path) -> None:
    net = Net(tmp_path, 1)
    created = ticket(net.sites[1])
    (alone,) = net.sites[1].record(Fact("ticket.noted", {"text": "a"}, created.eid))
    net.carry()
    (noted,) = net.hub.record(Fact("ticket.noted", {"text": "b"}, created.eid))
    (meanwhile,) = net.sites[1].record(Fact("ticket.noted", {"text": "c"}, created.eid))
    net.carry()
    (last,) = net.sites[1].record(Fact("ticket.noted", {"text": "d"}, created.eid))
    assert alone.facts[HEARD] == {}
    assert noted.facts[HEARD] == {"1": alone.eid[:8].hex()}
    assert concurrent(noted, meanwhile)
    assert last.facts[HEARD] == {"0": noted.eid[:8].hex()}
    assert not concurrent(noted, last)
    assert knew(last, meanwhile)


def test_a_number_added_to_a_customer_survives_that_another_box_takes_it_out_unseen(tmp_path: Path) -> None:
    net = Net(tmp_path, 1)
    (made,) = net.sites[1].record(
        Fact("customer.created", {"fields": {"name": "王"}, "added": {"numbers": ["1"]}})
    )
    net.carry()
    net.sites[1].record(Fact("customer.edited", {"added": {"numbers": ["2"]}}, made.eid))
    net.hub.record(Fact("customer.edited", {"removed": {"numbers": ["1", "2"]}}, made.eid))
    net.carry()
    for store in net.stores():
        assert [one.numbers for one in customers.select(store, "1 = 1")] == [("2",)]


def test_hub_and_sites_hold_the_same_after_both_edited_a_unit_of_the_site(tmp_path: Path) -> None:
    net = Net(tmp_path, 2)
    net.set(net.sites[1], "unit", "1-well", name="供水站", phone="1", site=1)
    net.set(net.sites[1], "category", "1-water", name="供水", keywords=["漏水"])
    net.carry()
    net.set(net.sites[1], "unit", "1-well", phone="2")
    net.set(net.sites[1], "category", "1-water", keywords=["漏水", "停水"])
    net.set(net.hub, "unit", "1-well", address="东街", phone="3")
    net.set(net.hub, "category", "1-water", keywords=["漏水", "水质"])
    net.carry()
    for store in net.stores():
        unit = Dictionary(store).by_key("unit")["1-well"]
        assert (unit.text("phone"), unit.text("address"), unit.owner) == ("3", "东街", 0)
        words = Dictionary(store).by_key("category")["1-water"].words("keywords")
        assert sorted(words) == ["停水", "水质", "漏水"]
    for number, site in net.sites.items():
        assert digest(net.hub, peer_name(number)) == digest(site, HUB)


def test_the_history_of_a_field_tells_who_when_where_before_and_after(tmp_path: Path) -> None:
    net = Net(tmp_path, 1)
    net.set(net.sites[1], "unit", "1-well", name="供水站", phone="1")
    net.carry()
    net.set(net.hub, "unit", "1-well", phone="2")
    net.carry()
    changes = Dictionary(net.sites[1]).history("unit", "1-well")
    assert [(change.site, change.by, change.what) for change in changes] == [
        (1, CHIEF.number, "made"),
        (0, CHIEF.number, "set"),
    ]
    assert changes[1].fields == {"phone": ("1", "2")}
