"""What voice is agreed on: offer and answer (RFC 3264) over SDP (RFC 4566).

The box speaks G.711 A-law (8) and mu-law (0), 20 ms, with telephone-event/8000 (RFC 4733).
"""

from dataclasses import dataclass, replace

from aiosipua.sdp import MediaDescription, SdpMessage, parse_sdp

from hardware.line import RtpRoute, SrtpKeys
from hardware.sip.message import literal
from hardware.sip.sdes import SAVP, SUITES, Crypto, chosen

TYPE = "application/sdp"
CODECS = {8: "PCMA", 0: "PCMU"}
"""Ours by static payload type, the one we would rather have first."""
EVENT = 101
AVP = ("RTP/AVP", "RTP/AVPF")
OFFERED = (1, SUITES[0])
"""The one crypto line we offer: its tag and suite."""
MAX_MEDIA = 16
ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


class BadSdp(ValueError):
    """The body is not a session description."""


class NothingCommon(ValueError):
    """No audio both sides can speak: 488."""


@dataclass(frozen=True, slots=True)
class Local:
    """Our side of a session: where we receive, and the version that every change raises."""

    ip: str
    port: int
    session: int
    version: int = 1
    key: str = ""
    """Our SRTP key; empty where voice goes in clear."""
    sealed: bool = False
    """Voice in clear will not do: sealed voice was agreed on, or is required."""

    def next(self) -> "Local":
        """The same with the next version."""
        return replace(self, version=self.version + 1)

    def agreed(self, voice: "Voice") -> "Local":
        """The same once it is agreed whether voice is sealed: that does not change within a call."""
        sealed = voice.crypto is not None
        return replace(self, sealed=sealed, key=self.key if sealed else "")

    def in_clear(self) -> "Local":
        """The same without a key."""
        return replace(self.next(), key="", sealed=False)


@dataclass(frozen=True, slots=True)
class Voice:
    """The far end's side of a session as agreed: `route` is None while it holds us."""

    route: RtpRoute | None
    direction: str
    payload: int
    event: int | None
    index: int
    """Which media line of the description this is."""
    crypto: Crypto | None = None
    """How the far end seals what it sends."""


def read(body: bytes, key: str = "", *, sealed: bool = False) -> tuple[SdpMessage, Voice]:
    """Read a description; of its audio, the first with a codec of ours, taken in its own order.

    With a `key` of ours sealed audio can be met too, and is preferred (RFC 4568); `sealed`
    takes no other. Raises `BadSdp` or `NothingCommon`.
    """
    try:
        said = parse_sdp(body.decode("utf-8", errors="replace"))
    except ValueError as wrong:
        raise BadSdp(f"cannot be read: {wrong}") from wrong
    if not said.media:
        raise BadSdp("no media line")
    if len(said.media) > MAX_MEDIA:
        raise BadSdp("too many media lines")
    protocols = ((SAVP,) if sealed else (SAVP, AVP)) if key else (AVP,)
    for wanted in protocols:
        for index, media in enumerate(said.media):
            if media.proto in wanted and (voice := _voice(said, media, index, key)):
                return said, voice
    raise NothingCommon("no PCMA or PCMU audio over RTP/AVP at an IP address")


def _voice(said: SdpMessage, media: MediaDescription, index: int, key: str) -> Voice | None:
    if media.media != "audio" or not 0 < media.port <= 65535:
        return None
    crypto = chosen(media.attributes.get("crypto", ())) if media.proto in SAVP else None
    if media.proto in SAVP and crypto is None:
        return None
    payload = next((c.payload_type for c in media.codecs if _is_ours(c.payload_type, c.encoding_name)), None)
    connection = media.connection or said.connection
    ip = literal(connection.address.partition("/")[0]) if connection else None
    if payload is None or ip is None:
        return None
    event = next(
        (
            c.payload_type
            for c in media.codecs
            if c.encoding_name.lower() == "telephone-event"
            and c.clock_rate == 8000
            and 0 <= c.payload_type < 128
        ),
        None,
    )
    direction = _direction(said, media)
    if ip in ("0.0.0.0", "::"):
        direction = "inactive" if direction == "inactive" else "sendonly"
    sends = direction in ("sendrecv", "recvonly")
    sealed = SrtpKeys(crypto.suite, key, crypto.key) if crypto else None
    route = RtpRoute(ip, media.port, payload, event, sealed) if sends else None
    return Voice(route, direction, payload, event, index, crypto)


def _is_ours(payload: int, name: str) -> bool:
    return payload in CODECS and name.upper() == CODECS[payload]


def _direction(said: SdpMessage, media: MediaDescription) -> str:
    for attributes in (media.attributes, said.attributes):
        for direction in ANSWERS:
            if direction in attributes:
                return direction
    return "sendrecv"


def read_offer(body: bytes, local: Local) -> tuple[SdpMessage, Voice]:
    """Read an offer of the far end; raises as `read`."""
    return read(body, local.key, sealed=local.sealed)


def read_answer(body: bytes, local: Local) -> Voice:
    """Read an answer to an offer of ours: sealed if that was; raises as `read`."""
    voice = read(body, local.key, sealed=bool(local.key))[1]
    if voice.crypto is not None and (voice.crypto.tag, voice.crypto.suite) != OFFERED:
        raise NothingCommon("an answer by keys that were not offered")
    return voice


def offer(local: Local) -> bytes:
    """Everything we can speak, PCMA first; sealed where we have a key."""
    crypto = Crypto(*OFFERED, local.key) if local.key else None
    proto = SAVP[0] if crypto else AVP[0]
    return _written(local, [_audio(local.port, proto, tuple(CODECS), EVENT, "sendrecv", crypto)])


def answer(offered: SdpMessage, voice: Voice, local: Local) -> bytes:
    """Our answer: one codec, the offer's event payload, its direction mirrored, all other media refused."""
    theirs = voice.crypto
    crypto = Crypto(theirs.tag, theirs.suite, local.key) if theirs else None
    media = [
        _audio(local.port, m.proto, (voice.payload,), voice.event, ANSWERS[voice.direction], crypto)
        if index == voice.index
        else [f"m={m.media or 'audio'} 0 {m.proto} {' '.join(m.formats) or '0'}"]
        for index, m in enumerate(offered.media)
    ]
    return _written(local, media)


def _audio(
    port: int,
    proto: str,
    payloads: tuple[int, ...],
    event: int | None,
    direction: str,
    crypto: Crypto | None,
) -> list[str]:
    formats = [str(p) for p in payloads] + ([str(event)] if event is not None else [])
    lines = [f"m=audio {port} {proto} {' '.join(formats)}"]
    lines += [f"a=rtpmap:{p} {CODECS[p]}/8000" for p in payloads]
    if event is not None:
        lines += [f"a=rtpmap:{event} telephone-event/8000", f"a=fmtp:{event} 0-15"]
    if crypto is not None:
        lines.append(crypto.line())
    return [*lines, "a=ptime:20", f"a={direction}"]


def _written(local: Local, media: list[list[str]]) -> bytes:
    family = "IP6" if ":" in local.ip else "IP4"
    lines = [
        "v=0",
        f"o=- {local.session} {local.version} IN {family} {local.ip}",
        "s=-",
        f"c=IN {family} {local.ip}",
        "t=0 0",
    ]
    for section in media:
        lines += section
    return ("\r\n".join(lines) + "\r\n").encode()
