"""SIP over TCP and TLS: messages found in the stream, connections used both ways, and what goes wrong."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from hardware.line import Answered, Cause, Cleared, Fault, Line, Ringing, Signal, Up
from hardware.sip.dialog import hop_of, via_value
from hardware.sip.digest import ha1
from hardware.sip.endpoint import SipAccount, SipEndpoint, SipSettings, SipTrunk
from hardware.sip.framer import BODY_MAX, HEAD_MAX, Framer, Unframed
from hardware.sip.message import Hop, parse, transport_of
from tests import phones
from tests.sip_endpoints import started
from tests.sipp.network import Network, request, requests, settings, statuses

Said = list[tuple[str, Signal]]

# The stream


@examples(deadline=None)
@given(
    st.lists(st.sampled_from(["", "x", "\r\n\r\n", "a" * 300]), max_size=4),
    st.lists(st.integers(1, 80), min_size=1, max_size=30),
)
def test_messages_are_found_however_the_stream_is_cut(bodies: list[str], cuts: list[int]) -> None:
    messages = [request("INFO", body=body, call_id=str(n)).encode() for n, body in enumerate(bodies)]
    stream = b"\r\n\r\n".join([b"", *messages, b""])
    framer, found, at = Framer(), list[bytes](), 0
    while at < len(stream):
        step = cuts[at % len(cuts)]
        found += framer.feed(stream[at : at + step])
        at += step
    assert found == messages
    assert not framer.waiting


def test_keep_alives_are_counted_and_single_line_ends_are_not() -> None:
    framer = Framer()
    assert framer.feed(b"\r\n\r\n\r\n\r\n") == []
    assert framer.pings == 2
    assert framer.feed(b"\r\n") == []
    assert framer.feed(request("OPTIONS").encode())
    assert framer.pings == 2


def test_a_short_form_of_the_length_will_do() -> None:
    text = request("INFO", body="abc").replace("Content-Length:", "l :")
    assert Framer().feed(text.encode()) == [text.encode()]


@pytest.mark.parametrize(
    "text",
    [
        request("OPTIONS").replace("Content-Length: 0\r\n", ""),
        request("OPTIONS").replace("Content-Length: 0", "Content-Length: -1"),
        request("OPTIONS").replace("Content-Length: 0", "Content-Length: 1\r\nl: 2"),
        request("OPTIONS").replace("Content-Length: 0", f"Content-Length: {BODY_MAX + 1}"),
        "x" * HEAD_MAX,
    ],
)
def test_a_stream_that_cannot_be_read_on_is_given_up(text: str) -> None:
    with pytest.raises(Unframed):
        Framer().feed(text.encode())


# Addresses


@pytest.mark.parametrize(
    ("uri", "transport", "port"),
    [
        ("sip:1@10.0.0.9", "UDP", 5060),
        ("sip:1@10.0.0.9;transport=TCP", "TCP", 5060),
        ("sip:1@10.0.0.9:5080;transport=tls", "TLS", 5080),
        ("sips:1@10.0.0.9", "TLS", 5061),
        ("sip:1@10.0.0.9;transport=sctp", "UDP", 5060),
    ],
)
def test_a_uri_says_how_it_is_reached(uri: str, transport: str, port: int) -> None:
    hop = hop_of(uri)
    assert hop == ("10.0.0.9", port)
    assert transport_of(hop) == transport
    assert f"SIP/2.0/{transport} " in via_value(hop)


def test_nothing_is_sent_again_over_a_stream_but_a_200() -> None:
    net = Network()
    box = net.add(settings())
    box.dial(0, "sip:8009@10.0.0.9:5062;transport=tcp", "12345", net.now)
    net.run(10)
    (invite,) = requests(net.inbox, "INVITE")
    assert invite.headers.get("contact") == ["<sip:10.0.0.1:5060;transport=tcp>"]
    assert "SIP/2.0/TCP" in invite.headers.get("via")[0]
    box.unreachable(Hop("10.0.0.9", 5062, "TCP"), net.now)
    net.run()
    assert net.signals() == [Cleared(Cause.NO_USER)]
    assert not box._clients


def test_who_called_over_a_connection_is_answered_and_ended_on_it() -> None:
    net = Network()
    box = net.add(settings())
    phone = Hop("192.0.2.7", 40001, "TCP")
    call = request("INVITE", contact="<sip:me@192.168.1.9:5060;transport=tcp>").replace("/UDP", "/TCP")
    assert 180 in statuses(net.send(call, source=phone))
    box.answer(0, net.now)
    box.hangup(0, Cause.NORMAL, net.now)
    (to, *others) = {to for _, to in box.outgoing}
    assert isinstance(to, Hop)
    assert to == phone
    assert not others


# Sockets


def run(test: Callable[[], Coroutine[None, None, None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await test()

    asyncio.run(limited())


@asynccontextmanager
async def endpoint(said: Said, **more: object) -> AsyncIterator[SipEndpoint]:
    given = SipSettings(
        *("127.0.0.1", 0, "127.0.0.1", 40000, 2, "box"),
        accounts=(SipAccount("8001", ha1("8001", "box", "pw")),),
        numbers=frozenset({"12345"}),
        **more,  # type: ignore[arg-type]  # any of the settings
    )
    made = await started(given)
    lines: list[Line] = [*made.lines, *made.trunks.values()]
    for line in lines:
        line.open(lambda signal, name=line.name: said.append((name, signal)))  # type: ignore[misc]  # default binds
    try:
        yield made
    finally:
        await made.stop()
        assert made.core.counts["bug"] == 0


async def cut_off(reader: asyncio.StreamReader) -> bool:
    """The other side closed the connection without another word."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


async def until(said: Said, kind: type[Signal], name: str = "") -> Signal:
    while True:
        for of, signal in said:
            if isinstance(signal, kind) and of.startswith(name):
                return signal
        await asyncio.sleep(0.005)


def test_two_boxes_talk_over_tcp() -> None:
    async def test() -> None:
        here: Said = []
        there: Said = []
        async with endpoint(there, tcp=True) as far, endpoint(here, tcp=True) as box:
            box.lines[0].dial(f"sip:12345@127.0.0.1:{far.port};transport=tcp", "13800138000")
            await until(there, Ringing)
            far.lines[0].answer()
            await until(here, Answered)
            await until(there, Answered)
            far.lines[0].hangup(Cause.NORMAL)
            await until(here, Cleared)

    run(test)


def test_nobody_there_is_found_out_at_once() -> None:
    async def test() -> None:
        said: Said = []
        async with endpoint(said) as box:
            box.lines[0].dial("sip:12345@127.0.0.1:9;transport=tcp", None)
            assert await until(said, Cleared) == Cleared(Cause.NO_USER)

    run(test)


def test_a_keep_alive_is_answered_and_nonsense_ends_the_connection() -> None:
    async def test() -> None:
        async with endpoint([], tcp=True) as box:
            reader, writer = await asyncio.open_connection("127.0.0.1", box.port)
            writer.write(b"\r\n\r\n")
            assert await reader.readexactly(2) == b"\r\n"
            writer.write(request("OPTIONS").replace("/UDP", "/TCP").encode())
            assert (await reader.readuntil(b"\r\n")).startswith(b"SIP/2.0 200")
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await cut_off(reader)
            writer.close()

    run(test)


def test_a_closed_box_takes_no_connection_of_a_stranger() -> None:
    async def test() -> None:
        async with endpoint([], tcp=True, closed=True, allow=("192.0.2.0/24",)) as box:
            reader, writer = await asyncio.open_connection("127.0.0.1", box.port)
            assert await cut_off(reader)
            writer.close()

    run(test)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return phones.certificate(tmp_path_factory.mktemp("tls"))


def test_a_tls_trunk_is_up_and_carries_a_call(certificate: Path) -> None:
    async def test() -> None:
        here: Said = []
        there: Said = []
        async with endpoint(there, certificate=str(certificate), tls_port=0) as far:
            trunk = SipTrunk("safe", "127.0.0.1", far.core.tls_port, transport="tls")
            async with endpoint(here, trunks=(trunk,), trust=str(certificate)) as box:
                await until(here, Up, "trunk/safe")
                box.lines[0].dial("12345", "13800138000")
                await until(there, Ringing)
                far.lines[0].answer()
                await until(here, Answered)
                box.lines[0].hangup(Cause.NORMAL)
                await until(there, Cleared)

    run(test)


def test_a_tls_trunk_whose_certificate_nobody_trusts_is_down(certificate: Path) -> None:
    async def test() -> None:
        here: Said = []
        async with endpoint([], certificate=str(certificate), tls_port=0) as far:
            trunk = SipTrunk("fake", "127.0.0.1", far.core.tls_port, transport="tls")
            async with endpoint(here, trunks=(trunk,)):
                assert "does not answer" in str(await until(here, Fault, "trunk/fake"))

    run(test)


def test_a_certificate_that_is_not_there_is_said_at_the_start() -> None:
    async def test() -> None:
        with pytest.raises(OSError, match="No such file"):
            async with endpoint([], certificate="/nowhere/box.pem", tls_port=0):
                pass

    run(test)


def test_a_taken_tcp_port_is_said_at_the_start_and_the_udp_port_given_back() -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            made = SipEndpoint(SipSettings("127.0.0.1", port, "127.0.0.1", 40000, 1, "box", tcp=True))
            with pytest.raises(OSError, match="in use"):
                await made.start()
            await asyncio.sleep(0.01)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.bind(("127.0.0.1", port))

    run(test)


def test_a_message_over_tcp_is_a_message() -> None:
    assert (
        parse(request("OPTIONS").replace("/UDP", "/TLS").encode())
        .headers.get("via")[0]
        .startswith("SIP/2.0/TLS")
    )
