"""What two boxes did at once: found alike everywhere, shown with both sides, settled once for all."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.actor import Actor
from appliance.causal import HEARD, heard
from appliance.conflicts.clash import Clash, of_entry, of_ticket
from appliance.conflicts.office import ConflictOffice
from appliance.dictionary.dictionary import Dictionary
from appliance.events import Event, Fact, Stamp
from appliance.people import CITIZEN
from appliance.refused import Refused
from appliance.store.digest import digest
from appliance.store.outbox import HUB, peer_name
from appliance.store.store import Store
from appliance.tickets import redaction
from appliance.tickets.desk import TicketDesk
from appliance.tickets.ticket import Ticket
from tests.sync_net import CHIEF, Net
from tests.ticket_desk import AGENT, DISPATCHER, LAMP, TOLD

T0_MS = 1_795_000_000_000


@pytest.fixture
def net(tmp_path: Path) -> Net:
    net = Net(tmp_path, 3)
    for code, site in (("lamp", 2), ("water", 3), ("road", 1)):
        net.set(net.hub, "unit", code, name=f"{code}单位", site=site)
    net.carry()
    return net


def accepted(net: Net) -> Ticket:
    """A ticket of site 1 that everybody concerned knows is accepted."""
    desk = TicketDesk(net.sites[1])
    ticket = desk.move(AGENT, desk.create(CITIZEN, "web", dict(TOLD)).tid, "accept")
    net.carry()
    return ticket


def office(store: Store) -> ConflictOffice:
    return ConflictOffice(store, TicketDesk(store))


def listed(store: Store) -> list[Clash]:
    return office(store).listed()


def agree(net: Net) -> None:
    """Hub and sites hold the same of what they share."""
    for number, site in net.sites.items():
        assert digest(net.hub, peer_name(number)) == digest(site, HUB)


def test_a_field_edited_on_both_sides_is_listed_at_both_with_both_values(net: Net) -> None:
    ticket = accepted(net)
    TicketDesk(net.sites[1]).edit(AGENT, ticket.tid, {"title": "路灯全灭", "address": "东街1号"})
    TicketDesk(net.hub).edit(DISPATCHER, ticket.tid, {"title": "东街路灯"})
    net.carry()
    for store in (net.hub, net.sites[1]):
        (clash,) = listed(store)
        assert (clash.kind, clash.what) == ("field", "title")
        assert (clash.stands.value, clash.lost.value) == ("东街路灯", "路灯全灭")
        assert (clash.stands.event.site, clash.lost.event.site) == (0, 1)
        assert office(store).count() == 1
    assert TicketDesk(net.hub).get(ticket.tid).address == "东街1号"
    agree(net)


def test_the_same_value_or_another_field_is_no_conflict(net: Net) -> None:
    ticket = accepted(net)
    TicketDesk(net.sites[1]).edit(AGENT, ticket.tid, {"title": "路灯全灭", "area": "云东区"} | {"area": ""})
    TicketDesk(net.hub).edit(DISPATCHER, ticket.tid, {"title": "路灯全灭", "address": "西街"})
    net.carry()
    assert listed(net.hub) == listed(net.sites[1]) == []


def test_an_edit_after_hearing_of_the_other_is_no_conflict(net: Net) -> None:
    ticket = accepted(net)
    TicketDesk(net.sites[1]).edit(AGENT, ticket.tid, {"title": "路灯全灭"})
    net.carry()
    TicketDesk(net.hub).edit(DISPATCHER, ticket.tid, {"title": "东街路灯"})
    net.carry()
    assert listed(net.hub) == listed(net.sites[1]) == []


def test_taking_the_other_is_an_edit_and_empties_the_list_everywhere(net: Net) -> None:
    ticket = accepted(net)
    TicketDesk(net.sites[1]).edit(AGENT, ticket.tid, {"title": "路灯全灭"})
    TicketDesk(net.hub).edit(DISPATCHER, ticket.tid, {"title": "东街路灯"})
    net.carry()
    (clash,) = listed(net.sites[1])
    office(net.sites[1]).settle(DISPATCHER, clash.key, "take")
    net.carry()
    for store in (net.hub, net.sites[1]):
        assert TicketDesk(store).get(ticket.tid).title == "路灯全灭"
        assert listed(store) == []
        assert office(store).count() == 0
    agree(net)


def test_leaving_it_as_it_is_changes_nothing_and_empties_the_list_everywhere(net: Net) -> None:
    ticket = accepted(net)
    TicketDesk(net.sites[1]).edit(AGENT, ticket.tid, {"title": "路灯全灭"})
    TicketDesk(net.hub).edit(DISPATCHER, ticket.tid, {"title": "东街路灯"})
    net.carry()
    (clash,) = listed(net.hub)
    office(net.hub).settle(DISPATCHER, clash.key, "keep")
    net.carry()
    assert [TicketDesk(s).get(ticket.tid).title for s in (net.hub, net.sites[1])] == ["东街路灯"] * 2
    assert listed(net.hub) == listed(net.sites[1]) == []
    with pytest.raises(Refused) as refused:
        office(net.sites[1]).settle(DISPATCHER, clash.key, "take")
    assert refused.value.word == "changed"


def test_settled_apart_on_both_boxes_it_stays_settled(net: Net) -> None:
    ticket = accepted(net)
    TicketDesk(net.sites[1]).edit(AGENT, ticket.tid, {"title": "路灯全灭"})
    TicketDesk(net.hub).edit(DISPATCHER, ticket.tid, {"title": "东街路灯"})
    net.carry()
    (clash,) = listed(net.hub)
    office(net.hub).settle(DISPATCHER, clash.key, "keep")
    office(net.sites[1]).settle(DISPATCHER, clash.key, "take")
    net.carry()
    assert TicketDesk(net.hub).get(ticket.tid).title == "路灯全灭"
    assert listed(net.hub) == listed(net.sites[1]) == []
    agree(net)


def twice(net: Net) -> Ticket:
    """Dispatched to the lamp office here and to the water works there."""
    ticket = accepted(net)
    TicketDesk(net.sites[1]).move(DISPATCHER, ticket.tid, "dispatch", {"unit": "lamp"})
    TicketDesk(net.hub).move(DISPATCHER, ticket.tid, "dispatch", {"unit": "water"})
    net.carry()
    return ticket


def test_a_double_dispatch_names_both_units_and_the_other_gets_it_by_one_click(net: Net) -> None:
    ticket = twice(net)
    for store in net.stores():
        (clash,) = listed(store)
        assert clash.kind == "dispatch"
        assert (clash.stands.event.facts["unit"], clash.lost.event.facts["unit"]) == ("lamp", "water")
    (clash,) = listed(net.hub)
    office(net.hub).settle(DISPATCHER, clash.key, "take")
    net.carry()
    for store in (net.hub, net.sites[1], net.sites[3]):
        assert listed(store) == []
        assert TicketDesk(store).get(ticket.tid).unit == "water"
    assert TicketDesk(net.sites[2]).find(ticket.tid) is None
    agree(net)


def test_a_double_dispatch_left_as_it_is_leaves_the_other_site(net: Net) -> None:
    ticket = twice(net)
    (clash,) = listed(net.sites[1])
    office(net.sites[1]).settle(DISPATCHER, clash.key, "keep")
    net.carry()
    assert listed(net.hub) == []
    assert TicketDesk(net.sites[2]).get(ticket.tid).unit == "lamp"
    assert TicketDesk(net.sites[3]).find(ticket.tid) is None


def test_dispatched_twice_to_the_same_unit_is_no_conflict(net: Net) -> None:
    ticket = accepted(net)
    for store in (net.sites[1], net.hub):
        TicketDesk(store).move(DISPATCHER, ticket.tid, "dispatch", {"unit": "lamp"})
    net.carry()
    assert listed(net.hub) == listed(net.sites[1]) == []


def test_a_step_that_came_too_late_is_listed_and_can_be_made_if_the_ticket_still_allows_it(net: Net) -> None:
    ticket = accepted(net)
    TicketDesk(net.sites[1]).move(DISPATCHER, ticket.tid, "dispatch", {"unit": "lamp"})
    net.carry()
    TicketDesk(net.sites[2]).move(LAMP, ticket.tid, "sign")
    TicketDesk(net.hub).move(DISPATCHER, ticket.tid, "recall", {"reason": "派错"})
    net.carry()
    for store in (net.hub, net.sites[1], net.sites[2]):
        (clash,) = listed(store)
        assert (clash.kind, clash.what) == ("move", "recall")
    (clash,) = listed(net.hub)
    with pytest.raises(Refused) as refused:
        office(net.hub).settle(DISPATCHER, clash.key, "take")
    assert refused.value.word == "not_now"
    office(net.hub).settle(DISPATCHER, clash.key, "keep")
    net.carry()
    assert [listed(store) for store in net.stores()] == [[]] * 4


def test_a_setting_changed_on_both_sides_is_settled_by_who_may_change_it(net: Net) -> None:
    net.set(net.sites[1], "unit", "1-well", name="供水站", phone="1")
    net.carry()
    net.set(net.sites[1], "unit", "1-well", phone="2")
    net.set(net.hub, "unit", "1-well", phone="3")
    net.carry()
    for store in net.stores():
        (clash,) = listed(store)
        assert (clash.kind, clash.what, clash.lost.value) == ("entry", "phone", "2")
    with pytest.raises(Refused):
        office(net.hub).settle(DISPATCHER, clash.key, "take")
    office(net.hub).settle(CHIEF, clash.key, "take")
    net.carry()
    for store in net.stores():
        assert Dictionary(store).by_key("unit")["1-well"].text("phone") == "2"
        assert listed(store) == []


def test_what_only_the_centre_decides_never_clashes(net: Net) -> None:
    system = Actor("", "系统", frozenset({"SYS"}))
    for store, limit in ((net.hub, "5wd"), (net.sites[1], "9wd")):
        Dictionary(store).set(system, "ticket_kind", "complaint", {"limit": limit})
    net.carry()
    assert Dictionary(net.sites[1]).by_key("ticket_kind")["complaint"].text("limit") == "5wd"
    assert listed(net.sites[1]) == listed(net.hub) == []


def test_who_has_no_say_settles_nothing(net: Net) -> None:
    twice(net)
    (clash,) = listed(net.hub)
    for actor in (AGENT, LAMP):
        with pytest.raises(Refused) as refused:
            office(net.hub).settle(actor, clash.key, "keep")
        assert refused.value.word == "not_yours"
    with pytest.raises(Refused):
        office(net.hub).settle(DISPATCHER, clash.key, "perhaps")


def test_a_blanked_field_is_not_shown_by_its_conflict(net: Net) -> None:
    ticket = accepted(net)
    TicketDesk(net.sites[1]).edit(AGENT, ticket.tid, {"phone": "10000000001"})
    TicketDesk(net.hub).edit(DISPATCHER, ticket.tid, {"phone": "10000000002"})
    net.carry()
    redaction.redact(net.hub, CHIEF, ticket.tid, {"phone": ""}, "依申请")
    (clash,) = listed(net.hub)
    assert clash.stands.value == clash.lost.value == redaction.BLANK


def test_the_list_is_the_same_after_a_rebuild(net: Net) -> None:
    twice(net)
    held = digest(net.hub)
    assert held.projections["conflict"].rows == 1
    net.hub.rebuild()
    assert digest(net.hub) == held


def test_a_box_without_a_hub_ends_what_it_was_told_of_by_writing_anew(net: Net, tmp_path: Path) -> None:
    ticket = accepted(net)
    TicketDesk(net.sites[1]).edit(AGENT, ticket.tid, {"title": "路灯全灭"})
    TicketDesk(net.hub).edit(DISPATCHER, ticket.tid, {"title": "东街路灯"})
    net.carry()
    alone = Store(tmp_path / "alone.db", 1, bind=False)
    alone.take(net.hub.history(ticket.tid))
    assert office(alone).count() == 1
    alone.record(Fact("ticket.edited", {"fields": {"title": "南街路灯"}}, ticket.tid))
    told = digest(alone)
    assert told.projections["conflict"].rows == 0
    alone.rebuild()
    assert digest(alone) == told


edits = st.tuples(st.integers(0, 2), st.sampled_from(("title", "area")), st.sampled_from("abc"))


@settings(max_examples=60, deadline=None)
@given(
    script=st.lists(st.one_of(edits, st.integers(1, 2)), max_size=12),
    chance=st.randoms(use_true_random=False),
)
def test_any_events_in_any_order_give_the_same_clashes_and_a_word_by_who_knew_all_ends_them(
    script: Sequence[Any], chance: random.Random
) -> None:
    ms = [T0_MS]
    stamps = [Stamp(site, lambda: ms[0]) for site in (0, 1, 2)]
    created = stamps[1].event(Fact("ticket.created", {"number": "1", "source": "web"}))
    logs = [{created.eid: created} for _ in range(3)]
    for act in script:
        if isinstance(act, int):
            both = logs[0] | logs[act]
            logs[0], logs[act] = dict(both), dict(both)
            continue
        box, name, value = act
        ms[0] += 1000
        facts = {"fields": {name: value}, HEARD: heard(logs[box], box)}
        event = stamps[box].event(Fact("ticket.edited", facts, created.eid))
        logs[box][event.eid] = event
    events = list((logs[0] | logs[1] | logs[2]).values())
    found = of_ticket(events)
    assert of_ticket(chance.sample(events, len(events))) == found
    for clash in found:
        newest = [e for e in events if clash.what in e.facts.get("fields", {})]
        assert clash.stands.event == max(newest, key=lambda e: e.eid)
        assert clash.lost.value != clash.stands.value
    ms[0] += 1000
    said = {"fields": {"title": "z", "area": "z"}, HEARD: heard([e.eid for e in events], 0)}
    assert of_ticket([*events, stamps[0].event(Fact("ticket.edited", said, created.eid))]) == []


def test_events_of_older_versions_clash_only_where_it_is_certain() -> None:
    stamps = [Stamp(site, lambda: T0_MS) for site in (0, 1)]
    created = stamps[1].event(Fact("ticket.created", {"number": "1", "source": "web"}))
    one, other = (
        stamp.event(Fact("ticket.edited", {"fields": {"title": title}}, created.eid))
        for stamp, title in zip(stamps, "ab", strict=True)
    )
    assert of_ticket([created, one, other]) == []
    assert of_entry([Event(one.eid, one.subject, "dictionary.set", 1, b"{}")]) == []
