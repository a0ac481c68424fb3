"""Busy lamps: what phones are told of other extensions, and calls picked up by it."""

import asyncio
from pathlib import Path
from xml.etree import ElementTree

import pytest
from aiosipua.message import SipRequest

from hardware.line import Cause, Ringing
from hardware.sip.core import SipCore
from hardware.sip.message import Addr, tag_of
from tests.sipp.network import PHONE, SDP, Network, request, requests, respond, settings, statuses
from tests.test_sip_interop import box as real_box
from tests.test_sip_interop import sipp, users
from tests.test_sip_transfer import calling, proof, registered, replacing

WATCHER: Addr = ("10.0.0.7", 5060)
SPACE = "{urn:ietf:params:xml:ns:dialog-info}"


def asked(seq: int = 1, number: str = "8001", **more: str) -> str:
    """The phone of 8002 asks for a lamp."""
    given = {"event": "dialog", "expires": "600", "contact": "<sip:8002@10.0.0.7:5060>"} | more
    return request("SUBSCRIBE", number, frm="8002", seq=seq, call_id="lamp", **given)


def watching(net: Network, **more: str) -> str:
    """The phone of 8002 has a lamp for 8001; our tag."""
    challenged = net.send(asked(1, **more), WATCHER)
    assert statuses(challenged) == [401]
    told = proof(challenged, "SUBSCRIBE", "sip:8001@10.0.0.1", "8002")
    granted = net.send(asked(2, authorization=told, **more), WATCHER)
    assert statuses(granted) == [200]
    return tag_of(granted[0], "to")


class Lamp:
    """What NOTIFYs said, each answered as it comes."""

    def __init__(self, net: Network) -> None:
        self.net = net
        self.version = -1
        self.state = ""

    def shows(self, status: int = 200) -> list[tuple[str, str]]:
        """Direction and state of each call, as said last; the version rises with every NOTIFY."""
        found: list[tuple[str, str]] | None = None
        while fresh := self._fresh():
            for notify in fresh:
                tree = ElementTree.fromstring(notify.body)
                if (version := int(tree.attrib["version"])) == self.version:
                    continue  # sent again
                assert version == self.version + 1
                self.version = version
                self.state = notify.headers.get("subscription-state")[0].partition(";")[0]
                calls = tree.findall(f"{SPACE}dialog")
                found = [(c.attrib["direction"], c.findtext(f"{SPACE}state") or "") for c in calls]
                self.dialogs = [c.attrib for c in calls]
                self.others = [t.attrib["uri"] for t in tree.iter(f"{SPACE}target")]
                self.net.send(respond(notify, status), WATCHER)
        assert found is not None, "nothing was said"
        return found

    def _fresh(self) -> list[SipRequest]:
        self.net.run()
        found = list(requests(self.net.inbox, "NOTIFY"))
        self.net.inbox[:] = [m for m in self.net.inbox if m not in found]
        return found


def quiet(net: Network) -> bool:
    net.run(1)
    return not list(requests(net.inbox, "NOTIFY"))


@pytest.fixture
def net() -> Network:
    return Network()


@pytest.fixture
def box(net: Network) -> SipCore:
    return net.add(settings())


def rung(net: Network, box: SipCore) -> SipRequest:
    """The phone of 8001 rings; the INVITE it got."""
    registered(net)
    net.inbox.clear()
    box.dial(0, "8001", "13800138000", net.now)
    net.run()
    (invite,) = requests(net.inbox, "INVITE")
    net.inbox.clear()
    net.cores["10.0.0.1"].receive(respond(invite, 180).encode(), PHONE, net.now)
    return invite


def test_a_lamp_shows_a_call_from_ringing_to_its_end(net: Network, box: SipCore) -> None:
    watching(net)
    lamp = Lamp(net)
    assert lamp.shows() == []
    invite = rung(net, box)
    assert lamp.shows() == [("recipient", "early")]
    assert lamp.others == ["sip:13800138000@10.0.0.1:5060"]
    box.receive(respond(invite, 200, SDP).encode(), PHONE, net.now)
    assert lamp.shows() == [("recipient", "confirmed")]
    box.hangup(0, Cause.NORMAL, net.now)
    assert lamp.shows() == []
    assert quiet(net)


def test_a_lamp_shows_calls_a_phone_makes(net: Network, box: SipCore) -> None:
    watching(net)
    lamp = Lamp(net)
    lamp.shows()
    calling(net, box, "mine")
    net.run(5)
    assert lamp.shows() == [("initiator", "confirmed")]


def test_what_a_lamp_says_picks_the_call_up(net: Network, box: SipCore) -> None:
    watching(net)
    lamp = Lamp(net)
    lamp.shows()
    rung(net, box)
    lamp.shows()
    (lit,) = lamp.dialogs
    net.signals()
    replacing(net, f"{lit['call-id']};to-tag={lit['remote-tag']};from-tag={lit['local-tag']};early-only")
    assert net.signals() == [Ringing("8002", "9999", "台席8002", replaces="sip/0")]


def test_a_lamp_costs_the_password_of_the_watching_phone(net: Network, box: SipCore) -> None:
    challenged = net.send(asked(), WATCHER)
    wrong = proof(challenged, "SUBSCRIBE", "sip:8001@10.0.0.1", "8001")
    assert statuses(net.send(asked(2, authorization=wrong), WATCHER)) == [403]
    assert quiet(net)


def test_there_are_lamps_for_extensions_only(net: Network, box: SipCore) -> None:
    challenged = net.send(asked(number="12345"), WATCHER)
    told = proof(challenged, "SUBSCRIBE", "sip:12345@10.0.0.1", "8002")
    assert statuses(net.send(asked(2, "12345", authorization=told), WATCHER)) == [404]


def test_a_lamp_is_refreshed_given_back_and_goes_out_by_itself(net: Network, box: SipCore) -> None:
    tag = watching(net)
    lamp = Lamp(net)
    lamp.shows()
    net.run(500)
    assert statuses(net.send(asked(3, tag=tag), WATCHER)) == [200]
    assert (lamp.shows(), lamp.state) == ([], "active"), "who asks is told"
    net.run(500)
    assert statuses(net.send(asked(4, tag=tag, expires="0"), WATCHER)) == [200]
    assert (lamp.shows(), lamp.state) == ([], "terminated")
    assert statuses(net.send(asked(5, tag=tag), WATCHER)) == [481]
    watching(net)
    again = Lamp(net)
    again.shows()
    net.run(601)
    assert (again.shows(), again.state) == ([], "terminated"), "nobody refreshed it"


def test_too_often_is_refused(net: Network, box: SipCore) -> None:
    tag = watching(net)
    Lamp(net).shows()
    answer = net.send(asked(3, tag=tag, expires="5"), WATCHER)
    assert statuses(answer) == [423]
    assert answer[0].headers.get("min-expires") == ["60"]


def test_a_phone_that_knows_nothing_of_its_lamp_is_told_no_more(net: Network, box: SipCore) -> None:
    watching(net)
    Lamp(net).shows(status=481)
    rung(net, box)
    assert quiet(net)


def test_a_phone_that_is_gone_is_told_no_more(net: Network, box: SipCore) -> None:
    watching(net)
    net.run(40)
    net.inbox.clear()
    rung(net, box)
    assert quiet(net)
    assert not box._lamps._watches


def test_many_changes_while_a_phone_is_slow_are_said_in_one(net: Network, box: SipCore) -> None:
    watching(net)
    net.run()
    (first,) = requests(net.inbox, "NOTIFY")
    net.inbox.clear()
    for _ in range(5):
        invite = rung(net, box)
        box.receive(respond(invite, 486).encode(), PHONE, net.now)
        net.run()
    rung(net, box)
    assert len({n.headers.get("cseq")[0] for n in requests(net.inbox, "NOTIFY")}) <= 1
    net.inbox.clear()
    lamp = Lamp(net)
    lamp.version = 0
    net.send(respond(first, 200), WATCHER)
    assert lamp.shows() == [("recipient", "early")]


def test_a_real_phone_s_lamp(tmp_path: Path) -> None:
    async def run() -> None:
        async with real_box() as ours:
            await sipp(ours.endpoint, "lamp", *users(tmp_path), "-m", "1", where=tmp_path)

    asyncio.run(run())
