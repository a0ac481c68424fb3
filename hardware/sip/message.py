"""SIP messages on the wire (RFC 3261 §7): read tolerantly, written plainly.

Messages are `SipRequest` and `SipResponse` of aiosipua, whose value types and codecs
for URIs are used throughout. Reading is stricter and more tolerant than aiosipua's own
in the places that field equipment gets wrong: GBK headers, folded lines, bare LF,
``tel:`` URIs, blanks inside Via, commas and brackets inside quoted names.
"""

import ipaddress
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote

from aiosipua.header_codec import parse_params, parse_uri
from aiosipua.headers import (
    MULTI_INSTANCE_HEADERS,
    CSeq,
    SipUri,
    Via,
    expand_compact_header,
    prettify_header_name,
)
from aiosipua.message import MAX_HEADERS, SipRequest, SipResponse

Message = SipRequest | SipResponse
Addr = tuple[str, int]
"""IP address and port; over UDP unless it is a `Hop`."""


class Hop(tuple[str, int]):
    """An address that is reached over a stream."""

    transport: str
    """TCP or TLS."""

    def __new__(cls, ip: str, port: int, transport: str) -> "Hop":
        hop = super().__new__(cls, (ip, port))
        hop.transport = transport
        return hop

    @classmethod
    def by(cls, ip: str, port: int, transport: str) -> Addr:
        """An address by the name of its transport, in any case; UDP is a plain pair."""
        name = transport.upper()
        return cls(ip, port, name) if name in ("TCP", "TLS") else (ip, port)


def transport_of(address: Addr) -> str:
    """UDP, TCP or TLS."""
    return address.transport if isinstance(address, Hop) else "UDP"


MAX_BYTES = 65535
MAX_LINE = 8192
COOKIE = "z9hG4bK"
SINGLE = ("from", "to", "call-id", "cseq")
ONCE = (*SINGLE, "content-length")

REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    603: "Decline",
}


class Malformed(ValueError):
    """A datagram that is no usable SIP message; `request` is set when `status` can be sent in reply.

    Without readable Via and CSeq no reply would find its way.
    """

    def __init__(self, reason: str, status: int = 400, request: SipRequest | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.request = request


class Refusal(Exception):
    """A request that is read but not followed: the status to send, and headers."""

    def __init__(self, status: int, *headers: tuple[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


class WrongPassword(Refusal):
    """Credentials that are wrong, or of nobody."""

    def __init__(self) -> None:
        super().__init__(403)


_START = re.compile(r"([!-~]+) ([!-~]+) SIP/(\d+\.\d+)\s*$")
_STATUS = re.compile(r"SIP/2\.0 ([1-6]\d\d)(?: (.*))?$")
_VIA = re.compile(
    r"SIP\s*/\s*2\.0\s*/\s*(\w+)\s+(\[[0-9A-Fa-f:.]+\]|[^\s;:,]+)\s*(?::\s*(\d{1,5}))?\s*(?:;(.*))?$", re.I
)
_CSEQ = re.compile(r"(\d{1,10})\s+([!-~]+)$")
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"?|<[^>]*>?|[^",<]+|,')
_CLOSED = re.compile(r'(?:[^"\\]|\\.|"(?:[^"\\]|\\.)*")*$')
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_LENGTH = re.compile(r"\d{1,6}$")
_HEAD_END = re.compile(rb"\r?\n\r?\n")


def parse(data: bytes) -> Message:
    """Read one datagram.

    Raises `Malformed` for anything that lacks Via, From, To, Call-ID or CSeq, repeats one
    that must be single, announces more body than it has (RFC 3261 §18.3), or is otherwise
    what RFC 4475 §3.1.2 wants refused.
    """
    if len(data) > MAX_BYTES:
        raise Malformed("longer than 64 KB", 513)
    data = data.lstrip(b"\r\n")
    end = _HEAD_END.search(data)
    head = _decoded(data[: end.start()] if end else data)
    start, *lines = _unfolded(head)
    message = _started(start)
    if len(lines) > MAX_HEADERS:
        raise Malformed("too many headers")
    got: dict[str, list[str]] = {}
    hollow = False
    put = message.headers.append
    for line in lines:
        if len(line) > MAX_LINE:
            raise Malformed("header line too long")
        name, colon, value = line.partition(":")
        name = name.strip()
        if not colon or not name:
            continue
        if len(name) == 1:
            name = expand_compact_header(name)
        value = value.strip()
        key = name.lower()
        got.setdefault(key, []).append(value)
        if "," in value and key in MULTI_INSTANCE_HEADERS:
            hollow = hollow or value[-1] == "," or ",," in value.replace(" ", "")
            for part in commas(value):
                put(name, part)
        else:
            put(name, value)
    request = message if isinstance(message, SipRequest) else None
    for name in ("via", *SINGLE):
        if name not in got or not got[name][0]:
            raise Malformed(f"no {name} header")
    via_of(message)
    if (wrong := _wrong(got)) or hollow:
        raise Malformed(wrong or "an empty element in a list", request=request)
    if request is not None:
        if cseq_of(message).method != request.method:
            raise Malformed("CSeq names another method", request=request)
        if "?" in request.uri or not _SCHEME.match(request.uri):
            raise Malformed("a request URI that is none, or brings headers", request=request)
        if (version := start.rsplit("/", 1)[1].strip()) != "2.0":
            raise Malformed(f"SIP version {version}", 505, request)
    body = data[end.end() :] if end else b""
    if "content-length" in got:
        length = got["content-length"][0]
        if not _LENGTH.match(length) or int(length) > len(body):
            raise Malformed("Content-Length does not fit the body", request=request)
        body = body[: int(length)]
    message.body = body
    return message


def _wrong(got: Mapping[str, Sequence[str]]) -> str:
    """What is wrong with the headers of a message that can still be answered."""
    found = _CSEQ.match(got["cseq"][0])
    if not found or int(found[1]) >= 2**31:
        return "CSeq cannot be read"
    for name in ONCE:
        if name in got and len(got[name]) > 1:
            return f"more than one {name} header"
    for name in ("from", "to", "contact"):
        for value in got.get(name, ()):
            if '"' in value and not _CLOSED.match(value):
                return f"a quote in {name} is never closed"
    for value in got.get("max-forwards", ()):
        if not value.isdecimal() or int(value[:9]) > 255:
            return "Max-Forwards is no number up to 255"
    return ""


def _decoded(head: bytes) -> str:
    for encoding in ("utf-8", "gb18030"):
        try:
            return head.decode(encoding)
        except UnicodeDecodeError:
            continue
    return head.decode("utf-8", errors="replace")


def _unfolded(head: str) -> list[str]:
    lines: list[str] = []
    for line in head.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if lines and line[:1] in (" ", "\t"):
            lines[-1] += " " + line.strip()
        elif line or not lines:
            lines.append(line)
    return lines


def _started(line: str) -> Message:
    if status := _STATUS.match(line):
        return SipResponse(status_code=int(status[1]), reason_phrase=(status[2] or "").strip())
    if start := _START.match(line):
        return SipRequest(method=start[1], uri=start[2])
    raise Malformed("neither a SIP request nor a response")


def written(message: Message) -> bytes:
    """The message as it goes on the wire, with the length of its body."""
    if isinstance(message, SipRequest):
        lines = [f"{message.method} {message.uri} SIP/2.0"]
    else:
        lines = [f"SIP/2.0 {message.status_code} {message.reason_phrase}"]
    for name, values in message.headers.items():
        shown = _shown(name)
        lines += [f"{shown}: {value}" for value in values if shown != "Content-Length"]
    lines.append(f"Content-Length: {len(message.body)}\r\n\r\n")
    return "\r\n".join(lines).encode() + message.body


@lru_cache(maxsize=256)
def _shown(name: str) -> str:
    """A header name in its customary letters, for peers that mind them."""
    return {"rack": "RAck", "rseq": "RSeq", "min-se": "Min-SE"}.get(name.lower()) or prettify_header_name(
        name
    )


def commas(value: str) -> list[str]:
    """Split a list header at its commas, not at those inside quotes or angle brackets."""
    parts = [""]
    for piece in _PIECE.findall(value):
        if piece == ",":
            parts.append("")
        else:
            parts[-1] += piece
    return [part.strip() for part in parts if part.strip()]


def via_of(message: Message) -> Via:
    """The topmost Via, shared: do not change it; raises `Malformed`."""
    return _via(message.headers.get("via")[0])


@lru_cache(maxsize=256)
def _via(value: str) -> Via:
    found = _VIA.match(value.strip())
    if not found or (found[3] and int(found[3]) > 65535):
        raise Malformed("Via cannot be read")
    return Via(
        transport=found[1].upper(),
        host=found[2],
        port=int(found[3]) if found[3] else None,
        params=parse_params(found[4] or ""),
    )


def cseq_of(message: Message) -> CSeq:
    """The CSeq; raises `Malformed`."""
    found = _CSEQ.match(message.headers.get("cseq")[0])
    if not found or int(found[1]) >= 2**31:
        raise Malformed("CSeq cannot be read")
    return CSeq(int(found[1]), found[2])


def uri_of(text: str) -> SipUri:
    """Read a ``sip:``, ``sips:`` or ``tel:`` URI (RFC 3261 §19.1, RFC 3966); the user part stays escaped."""
    scheme, colon, rest = text.strip().partition(":")
    if colon and scheme.lower() == "tel":
        return SipUri(scheme="tel", user=rest.partition(";")[0])
    before, at, after = rest.partition("@")
    if not at:
        return parse_uri(text)
    uri = parse_uri(f"{scheme}:{after}")
    uri.user = before.partition(";")[0].partition(":")[0]
    return uri


def number_of(uri: SipUri) -> str | None:
    """The number or name in a URI, unescaped, without visual separators when it is a number."""
    if not uri.user:
        return None
    user = unquote(uri.user)
    plain = re.sub(r"[-.() ]", "", user)
    return plain if re.fullmatch(r"\+?[0-9*#]+", plain) else user


class Party(NamedTuple):
    """A From, To, Contact or asserted identity: who, under what name, with which header parameters."""

    display: str
    uri: SipUri
    raw_uri: str
    params: dict[str, str | None]

    @property
    def number(self) -> str | None:
        return number_of(self.uri)

    @property
    def tag(self) -> str:
        return self.params.get("tag") or ""


_QUOTED = re.compile(r'\s*"((?:[^"\\]|\\.)*)"')


@lru_cache(maxsize=256)
def party(value: str) -> Party:
    """Read a name-addr or addr-spec (RFC 3261 §20.10), shared: do not change it; never raises."""
    display, rest = "", value
    if quoted := _QUOTED.match(value):
        display, rest = re.sub(r"\\(.)", r"\1", quoted[1]), value[quoted.end() :]
    before, bracket, after = rest.partition("<")
    if bracket:
        raw, _, tail = after.partition(">")
        display = display or before.strip()
    else:
        raw, _, tail = rest.partition(";")
    raw = raw.strip()
    return Party(display, uri_of(raw), raw, parse_params(tail))


def tag_of(message: Message, name: str) -> str:
    """The tag of From or To, empty when there is none."""
    return party(message.headers.get(name)[0]).tag


@lru_cache(maxsize=256)
def literal(host: str) -> str | None:
    """The IP address a URI's host is, without brackets, or None when it is a name."""
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return None


def sip_uri(number: str, host: str, port: int | None = None) -> str:
    """Build ``sip:number@host:port``, escaping what a user part may not hold."""
    where = f"[{host}]" if ":" in host else host
    return f"sip:{quote(number, safe='+*-_.!~()&=$,')}@{where}" + (f":{port}" if port else "")


def quoted(name: str) -> str:
    """A display name as a quoted string, or nothing when empty."""
    clean = re.sub(r"[\x00-\x1f]", " ", name)[:100].replace("\\", "\\\\").replace('"', '\\"')
    return f'"{clean}" ' if clean else ""


def token() -> str:
    """A fresh random tag, branch tail or Call-ID."""
    return secrets.token_hex(8)


def where_to_reply(via: Via, source: Addr) -> Addr:
    """Where a response goes (RFC 3261 §18.2.2, RFC 3581).

    To the source when it is a stream, asked for that (rport) or its Via shows it to be behind NAT;
    else to the port it named, since some gateways send from a port they do not listen on.
    """
    if isinstance(source, Hop) or "rport" in via.params or literal(via.host) != source[0]:
        return source
    return source[0], via.port or 5060


def reply(
    request: SipRequest,
    status: int,
    source: Addr,
    *,
    to_tag: str = "",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> SipResponse:
    """Build the response to a request that came from `source` (RFC 3261 §8.2.6)."""
    response = SipResponse(status_code=status, reason_phrase=REASONS.get(status, "Failure"))
    put = response.headers.append
    vias = list(request.headers.get("via"))
    via = via_of(request)
    if "rport" in via.params:
        vias[0] = re.sub(r";\s*rport\b(?:\s*=\s*\d*)?", f";rport={source[1]}", vias[0], count=1, flags=re.I)
    if "rport" in via.params or literal(via.host) != source[0]:
        vias[0] += f";received={source[0]}"
    for value in vias:
        put("Via", value)
    if 100 < status < 300:
        for value in request.headers.get("record-route"):
            put("Record-Route", value)
    put("From", request.headers.get("from")[0])
    to = request.headers.get("to")[0]
    put("To", f"{to};tag={to_tag}" if to_tag and status > 100 and not party(to).tag else to)
    put("Call-ID", request.headers.get("call-id")[0])
    put("CSeq", request.headers.get("cseq")[0])
    for name, value in headers:
        put(name, value)
    response.body = body
    return response


def caller_of(request: SipRequest, *, trusted: bool) -> tuple[str | None, str]:
    """The caller's number and name; the network's assertion (RFC 3325) only where it is `trusted`.

    The number is None when withheld: ``anonymous``, or Privacy with ``id``.
    """
    asserted = request.headers.get("p-asserted-identity") if trusted else []
    who = party(
        commas(asserted[0])[0] if asserted and commas(asserted[0]) else request.headers.get("from")[0]
    )
    private = "id" in (request.headers.get_first("privacy") or "").lower().replace(" ", "").split(";")
    number = who.number
    withheld = (number or "").lower() in ("", "anonymous", "unknown") or who.uri.host.endswith(".invalid")
    if private or withheld:
        return None, ""
    return number, who.display
