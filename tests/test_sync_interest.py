"""Which box has what: tickets where they concern somebody, settings where they are used, nothing for ever."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.dictionary.dictionary import Dictionary
from appliance.events import Event, Fact, Stamp
from appliance.interest import of_ticket, with_above
from appliance.people import People
from appliance.refused import Refused
from appliance.store import concern, outbox
from appliance.store.digest import digest
from appliance.store.outbox import HUB, peer_name
from appliance.store.store import Store
from appliance.tickets.workflow import SHIPPED
from appliance.tickets.workflows import Workflows
from tests.sync_net import CHIEF, Net, dispatched, holds, moved, shows, ticket


@pytest.fixture
def net(tmp_path: Path) -> Net:
    return Net(tmp_path, 4)


def family(net: Net) -> None:
    """Site 1 is the city above county 2, above unit 3; site 4 stands for itself."""
    net.set(net.hub, "site", "1", name="市", level="city")
    net.set(net.hub, "site", "2", name="区", level="county", parent="1")
    net.set(net.hub, "site", "3", name="所", parent="2")


def test_the_sites_above_have_the_tickets_of_those_below(net: Net) -> None:
    family(net)
    created = ticket(net.hub)
    dispatched(net.hub, created.eid, 3)
    net.carry()
    assert [shows(net.sites[number], created.eid) for number in (1, 2, 3, 4)] == [True, True, True, False]


@given(above=st.dictionaries(st.integers(1, 9), st.integers(1, 9)), sites=st.sets(st.integers(1, 9)))
def test_any_tree_even_one_with_circles_leads_upwards_and_ends(
    above: dict[int, int], sites: set[int]
) -> None:
    found = with_above(above, sites)
    assert sites <= found
    assert all(above[site] in found for site in found if site in above)
    assert found == with_above(above, found)


def test_a_site_put_below_another_later_brings_its_tickets_along_and_takes_them_away_again(net: Net) -> None:
    family(net)
    created = ticket(net.sites[4])
    net.carry()
    net.set(net.hub, "site", "4", name="新站", parent="2")
    net.carry()
    assert shows(net.sites[1], created.eid)
    assert shows(net.sites[2], created.eid)
    net.set(net.hub, "site", "4", parent="1")
    net.carry()
    assert shows(net.sites[1], created.eid)
    assert not shows(net.sites[2], created.eid)


def test_of_many_tickets_the_newest_move_with_the_tree_and_the_rest_slice_by_slice(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concern, "LOOKED_AT_ONCE", 3)
    family(net)
    tickets = [ticket(net.sites[4]).eid for _ in range(8)]
    net.carry()
    net.set(net.hub, "site", "4", name="新站", parent="2")
    net.carry()
    assert [shows(net.sites[1], tid) for tid in tickets] == [False] * 5 + [True] * 3
    net.set(net.hub, "site", "4", parent="1")
    again = ticket(net.sites[4]).eid
    for _ in range(8):
        outbox.settle(net.hub)
    assert outbox.settle(net.hub) == 0
    net.carry()
    for tid in (*tickets, again):
        assert shows(net.sites[1], tid)
        assert not shows(net.sites[2], tid)
    assert digest(net.hub, "site-001") == digest(net.sites[1], HUB)


def test_a_ticket_dispatched_elsewhere_leaves_the_lists_of_who_wrote_nothing_of_it(net: Net) -> None:
    created = ticket(net.hub, title="路灯不亮", phone="10000000001")
    dispatched(net.hub, created.eid, 1)
    net.carry()
    assert net.sites[1].rows("SELECT tickets FROM ticket_count WHERE unit = '*'") == [(1,)]
    dispatched(net.hub, created.eid, 2, again=True)
    net.carry()
    gone = net.sites[1]
    assert not shows(gone, created.eid)
    assert shows(net.sites[2], created.eid)
    for table in ("ticket", "ticket_facet", "ticket_count", "likeness", "strand"):
        assert gone.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert holds(gone, created)


def test_what_a_site_wrote_of_stays_with_it(net: Net) -> None:
    created = ticket(net.hub)
    dispatched(net.hub, created.eid, 1)
    net.carry()
    moved(net.sites[1], created.eid, "sign", "DISPATCHED", "HANDLING")
    net.carry()
    moved(net.hub, created.eid, "redispatch", "HANDLING", "DISPATCHED", unit="w", unit_site=2)
    net.carry()
    assert shows(net.sites[1], created.eid)
    assert shows(net.sites[2], created.eid)


def test_what_a_site_wrote_while_it_was_cut_off_brings_the_ticket_back_to_it(net: Net) -> None:
    created = ticket(net.hub)
    dispatched(net.hub, created.eid, 1)
    net.carry()
    net.sites[1].record(Fact("ticket.noted", {"text": "已到现场", "by": "2001"}, created.eid))
    dispatched(net.hub, created.eid, 2, again=True)
    net.carry(2)
    net.carry()
    net.carry()
    assert shows(net.sites[1], created.eid)
    assert digest(net.hub, "site-001") == digest(net.sites[1], HUB)


def test_a_ticket_that_concerns_a_site_again_comes_back_whole(net: Net) -> None:
    created = ticket(net.hub, title="一")
    dispatched(net.hub, created.eid, 1)
    net.carry()
    dispatched(net.hub, created.eid, 2, again=True)
    net.carry()
    moved(net.sites[2], created.eid, "sign", "DISPATCHED", "HANDLING")
    net.sites[2].record(Fact("ticket.edited", {"fields": {"title": "二"}}, created.eid))
    net.carry()
    assert not shows(net.sites[1], created.eid)
    moved(net.hub, created.eid, "redispatch", "HANDLING", "DISPATCHED", unit="lamp", unit_site=1)
    net.carry()
    assert net.sites[1].rows("SELECT title, state, unit FROM ticket") == [("二", "DISPATCHED", "lamp")]
    for number in (1, 2):
        assert digest(net.hub, peer_name(number)) == digest(net.sites[number], HUB)
    held = digest(net.sites[1])
    net.sites[1].rebuild()
    assert digest(net.sites[1]) == held


def test_what_is_hidden_is_hidden_after_a_rebuild(net: Net) -> None:
    created = ticket(net.hub)
    dispatched(net.hub, created.eid, 1)
    net.carry()
    dispatched(net.hub, created.eid, 2, again=True)
    net.carry()
    held = digest(net.sites[1])
    net.sites[1].rebuild()
    assert digest(net.sites[1]) == held
    assert not shows(net.sites[1], created.eid)


def test_two_dispatches_that_knew_nothing_of_each_other_concern_both_sites(net: Net) -> None:
    created = ticket(net.sites[1])
    net.carry()
    dispatched(net.sites[1], created.eid, 2)
    dispatched(net.hub, created.eid, 3)
    net.carry()
    assert of_ticket(net.hub.history(created.eid)) == {1, 2, 3}
    assert shows(net.sites[2], created.eid)
    assert shows(net.sites[3], created.eid)


def test_a_sub_order_concerns_its_site_until_it_is_withdrawn(net: Net) -> None:
    created = ticket(net.hub)
    order = {"kind": "suborder", "step": "create", "from": "", "to": "SENT", "role": "DP", "unit_site": 2}
    (opened,) = net.hub.record(Fact("ticket.strand", order, created.eid))
    net.carry()
    assert shows(net.sites[2], created.eid)
    end = {"kind": "suborder", "step": "withdraw", "from": "SENT", "to": "WITHDRAWN", "role": "DP"}
    net.hub.record(Fact("ticket.strand", {**end, "strand": opened.eid.hex(), "ended": True}, created.eid))
    net.carry()
    assert not shows(net.sites[2], created.eid)
    assert net.sites[2].rows("SELECT count(*) FROM strand") == [(0,)]


def test_a_customer_goes_where_the_tickets_go_and_no_further(net: Net) -> None:
    (customer,) = net.hub.record(Fact("customer.created", {"fields": {"name": "王"}, "by": "1001"}))
    created = ticket(net.hub, customer=customer.eid.hex())
    dispatched(net.hub, created.eid, 1)
    net.carry()
    assert net.sites[1].rows("SELECT name FROM customer") == [("王",)]
    assert net.sites[2].rows("SELECT name FROM customer") == []
    net.hub.record(Fact("customer.edited", {"fields": {"name": "王芳"}}, customer.eid))
    net.carry()
    assert net.sites[1].rows("SELECT name FROM customer") == [("王芳",)]
    dispatched(net.hub, created.eid, 2, again=True)
    net.carry()
    assert net.sites[1].rows("SELECT name FROM customer") == []
    assert net.sites[2].rows("SELECT name FROM customer") == [("王芳",)]


def test_whoever_a_customer_is_merged_into_follows(net: Net) -> None:
    (one,) = net.hub.record(Fact("customer.created", {"fields": {"name": "王"}}))
    (other,) = net.hub.record(Fact("customer.created", {"fields": {"name": "王芳"}}))
    created = ticket(net.hub, customer=one.eid.hex())
    dispatched(net.hub, created.eid, 1)
    net.hub.record(Fact("customer.merged", {"into": other.eid.hex()}, one.eid))
    net.carry()
    assert sorted(net.sites[1].rows("SELECT name FROM customer")) == [("王",), ("王芳",)]


def test_settings_of_the_centre_reach_every_site_and_a_site_that_comes_later(
    tmp_path: Path, net: Net
) -> None:
    net.set(net.hub, "unit", "lamp", name="路灯管理所", site=2)
    net.set(net.hub, "category", "0101", name="路灯", unit="lamp")
    net.set(net.hub, "ticket_kind", "complaint", limit="5wd")
    net.set(net.hub, "parameter", "sign_wd", value=3)
    net.set(net.hub, "parameter", "letter_word", value="中心")
    net.set(net.hub, "calendar_day", "2027-02-01", work=False, name="休")
    net.set(net.hub, "dispatch_rule", "r1", name="路灯", unit="lamp", category=["0101"])
    Workflows(net.hub).publish(CHIEF, "main", SHIPPED.moves, (), "全市统一")
    net.carry()
    late = Store(tmp_path / "late.db", 9, bind=False)
    outbox.add_peer(net.hub, peer_name(9), 9)
    net.sites[9] = late
    outbox.add_peer(late, HUB, 0)
    net.carry()
    for site in net.sites.values():
        dictionary = Dictionary(site)
        assert dictionary.by_key("unit")["lamp"].text("name") == "路灯管理所"
        assert site.rows("SELECT site FROM unit WHERE code = 'lamp'") == [(2,)]
        assert dictionary.by_key("category")["0101"].text("unit") == "lamp"
        assert dictionary.by_key("ticket_kind")["complaint"].text("limit") == "5wd"
        assert dictionary.whole("sign_wd") == 3
        assert dictionary.parameter("letter_word") == "热线"
        assert dictionary.by_key("calendar_day")["2027-02-01"].text("name") == "休"
        assert dictionary.by_key("dispatch_rule")["r1"].text("unit") == "lamp"
        assert Workflows(site).current("complaint").id == "main@1"


def test_a_site_adds_units_of_its_own_and_they_are_known_everywhere(net: Net) -> None:
    net.set(net.sites[1], "unit", "1-well", name="供水站", site=1)
    net.set(net.sites[1], "script", "1-hello", name="话术", text="您好")
    net.carry()
    assert Dictionary(net.hub).by_key("unit")["1-well"].owner == 1
    assert "1-well" in Dictionary(net.sites[2]).by_key("unit")
    assert "1-hello" not in Dictionary(net.hub).by_key("script")


@pytest.mark.parametrize(
    ("kind", "key", "fields", "word"),
    [
        ("parameter", "sign_wd", {"value": 9}, "central"),
        ("ticket_kind", "consult", {"name": "询问"}, "central"),
        ("unit", "well", {"name": "供水站"}, "site_code"),
        ("unit", "lamp", {"phone": "1"}, "central"),
        ("tag", "danger", {"name": "危险"}, "central"),
    ],
)
def test_what_the_centre_keeps_is_changed_at_the_centre_only(
    net: Net, kind: str, key: str, fields: dict[str, object], word: str
) -> None:
    net.set(net.hub, "unit", "lamp", name="路灯管理所")
    net.carry()
    with pytest.raises(Refused) as refused:
        Dictionary(net.sites[1]).set(CHIEF, kind, key, fields)
    assert refused.value.word == word


def test_a_box_without_a_hub_keeps_everything_itself(tmp_path: Path) -> None:
    store = Store(tmp_path / "alone.db", 5, bind=False)
    Dictionary(store).set(CHIEF, "parameter", "sign_wd", {"value": 2})
    Dictionary(store).set(CHIEF, "unit", "well", {"name": "供水站"})
    assert Dictionary(store).whole("sign_wd") == 2


def test_workflows_are_published_at_the_centre(net: Net) -> None:
    with pytest.raises(Refused) as refused:
        Workflows(net.sites[1]).publish(CHIEF, "main", SHIPPED.moves, (), "自用")
    assert refused.value.word == "central"


def test_people_of_a_units_site_come_from_the_hub_and_leave_with_the_unit(net: Net) -> None:
    net.set(net.hub, "unit", "lamp", name="路灯管理所", site=1)
    People(net.hub).create_person("3001", "孙立", "one-time-code-1", ("U2",), unit="lamp")
    People(net.hub).create_person("9000", "管理员", "one-time-code-2", ("AD",))
    net.carry()
    here = "SELECT number, unit, active, secret FROM person"
    assert net.sites[1].rows(here) == [("3001", "lamp", 1, "")]
    assert net.sites[2].rows(here) == []
    net.set(net.hub, "unit", "lamp", site=2)
    net.carry()
    assert net.sites[1].rows(here) == [("3001", "lamp", 0, "")]
    assert net.sites[2].rows(here) == [("3001", "lamp", 1, "")]
    net.set(net.hub, "unit", "lamp", site=1)
    net.carry()
    assert net.sites[1].rows(here) == [("3001", "lamp", 1, "")]


def test_seals_of_units_are_known_everywhere_and_the_last_word_counts(net: Net) -> None:
    stamp = Stamp(0)
    words = [
        stamp.event(Fact("seal.set", {"owner": "lamp", "sha256": "a" * 64, "by": "1"}, b"")),
        stamp.event(Fact("seal.taken_back", {"owner": "lamp", "by": "1"}, b"")),
        stamp.event(Fact("seal.set", {"owner": "lamp", "sha256": "b" * 64, "by": "1"}, b"")),
        stamp.event(Fact("seal.set", {"owner": "", "sha256": "c" * 64, "by": "1"}, b"")),
    ]
    net.hub.take(list(reversed(words)))
    net.carry()
    assert net.sites[3].rows("SELECT owner, sha256 FROM seal") == [("lamp", "b" * 64)]


def test_a_hold_on_a_recording_by_the_centre_reaches_the_site_that_made_it(net: Net) -> None:
    (call,) = net.sites[1].record(Fact("call.ringing", {"line": "sip-1"}))
    (made,) = net.sites[1].record(
        Fact("recording.made", {"kind": "call", "path": "x.wav", "seconds": 3}, call.eid)
    )
    net.carry()
    net.hub.record(Fact("recording.held", {"rid": made.eid.hex(), "reason": "诉讼", "by": "1"}, made.subject))
    net.carry()
    assert net.sites[1].rows("SELECT held FROM recording") == [("诉讼",)]
    assert net.sites[2].rows("SELECT count(*) FROM call") == [(0,)]


def test_a_hub_restored_to_before_a_loss_hears_of_it_from_the_site_and_thinks_anew(
    tmp_path: Path, net: Net
) -> None:
    created = ticket(net.hub)
    sent = dispatched(net.hub, created.eid, 1)
    net.carry()
    dispatched(net.hub, created.eid, 2, again=True)
    net.carry()
    assert not shows(net.sites[1], created.eid)
    (word,) = net.sites[1].rows(
        "SELECT eid, subject, kind, ver, body FROM event WHERE kind = 'interest.lost'"
    )
    (tmp_path / "restored").mkdir()
    restored = Net(tmp_path / "restored", 2)
    restored.hub.take([created, sent])
    restored.hub.take([Event(*word)], via="site-001")
    restored.sites[1].take([created, sent, Event(*word)], via=HUB)
    assert not shows(restored.sites[1], created.eid)
    restored.carry()
    assert shows(restored.sites[1], created.eid)


def test_a_sample_of_the_centre_goes_to_the_sites_of_its_units_and_their_answers_come_back(net: Net) -> None:
    net.set(net.hub, "unit", "lamp", name="路灯管理所", site=2)
    created = ticket(net.hub)
    dispatched(net.hub, created.eid, 2)
    cases = [{"ticket": created.eid.hex(), "unit": "lamp"}]
    drawn = {"month": "2026-10", "seed": 1, "per_unit": 1, "cases": cases, "by": "1300", "name": "吴琳"}
    (sample,) = net.hub.record(Fact("sample.drawn", drawn))
    net.carry()
    assert [len(site.rows("SELECT 1 FROM sample")) for site in net.sites.values()] == [0, 1, 0, 0]
    asked = {
        "ticket": created.eid.hex(),
        "outcome": "satisfied",
        "contacted": "yes",
        "text": "",
        "by": "1300",
    }
    net.sites[2].record(Fact("sample.asked", asked, sample.eid))
    net.carry()
    assert net.hub.rows("SELECT outcome FROM sample_case") == [("satisfied",)]


def test_streams_begun_by_an_older_version_are_offered_anew_once(net: Net) -> None:
    net.set(net.hub, "unit", "lamp", name="路灯管理所")
    with net.hub.transaction():
        net.hub.execute("DELETE FROM outgoing")
        net.hub.execute("UPDATE peer SET interest = NULL, out_seq = 0, out_chain = ?", outbox.GENESIS)
    before = net.hub.rows("SELECT out_epoch FROM peer WHERE site = 1")
    outbox.add_peer(net.hub, "site-001", 1)
    after = net.hub.rows("SELECT out_epoch FROM peer WHERE site = 1")
    assert after > before
    assert net.hub.rows("SELECT count(*) FROM outgoing WHERE peer = 'site-001'") == [(1,)]
    outbox.add_peer(net.hub, "site-001", 1)
    assert net.hub.rows("SELECT out_epoch FROM peer WHERE site = 1") == after
