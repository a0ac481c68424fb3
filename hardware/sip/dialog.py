"""A dialog: what both ends must remember to talk within one call (RFC 3261 §12)."""

import re
from dataclasses import dataclass

from aiosipua.message import SipRequest, SipResponse

from hardware.sip.message import (
    COOKIE,
    Addr,
    Hop,
    cseq_of,
    literal,
    party,
    token,
    transport_of,
    uri_of,
)

DialogId = tuple[str, str, str]
"""Call-ID, our tag, their tag."""


@dataclass(slots=True)
class Dialog:
    """Peers' names, tags, sequence numbers, the route set and the remote target.

    `behind` is where the far end really is when NAT makes its Contact useless.
    """

    call_id: str
    local: str
    """From of our requests, with our tag."""
    remote: str
    """To of our requests, with their tag."""
    local_tag: str
    remote_tag: str
    target: str
    routes: tuple[str, ...]
    local_seq: int
    remote_seq: int
    source: Addr
    behind: Addr | None = None

    @classmethod
    def of_request(cls, invite: SipRequest, tag: str, source: Addr, behind: Addr | None) -> "Dialog":
        """The callee's view of an INVITE (§12.1.1)."""
        headers = invite.headers
        to = headers.get("to")[0]
        return cls(
            call_id=headers.get("call-id")[0],
            local=f"{to};tag={tag}",
            remote=headers.get("from")[0],
            local_tag=tag,
            remote_tag=party(headers.get("from")[0]).tag,
            target=_contact(invite) or party(headers.get("from")[0]).raw_uri,
            routes=tuple(headers.get("record-route")),
            local_seq=0,
            remote_seq=cseq_of(invite).seq,
            source=source,
            behind=behind,
        )

    @classmethod
    def of_response(
        cls, invite: SipRequest, response: SipResponse, source: Addr, behind: Addr | None
    ) -> "Dialog":
        """The caller's view of a response with a To tag (§12.1.2)."""
        to = response.headers.get("to")[0]
        mine = invite.headers.get("from")[0]
        return cls(
            call_id=invite.headers.get("call-id")[0],
            local=mine,
            remote=to,
            local_tag=party(mine).tag,
            remote_tag=party(to).tag,
            target=_contact(response) or invite.uri,
            routes=tuple(reversed(response.headers.get("record-route"))),
            local_seq=cseq_of(invite).seq,
            remote_seq=-1,
            source=source,
            behind=behind,
        )

    @property
    def id(self) -> DialogId:
        return self.call_id, self.local_tag, self.remote_tag

    def retarget(self, message: SipRequest | SipResponse) -> bool:
        """A re-INVITE or its answer may move the remote target (§12.2.1.2, §12.2.2); whether it did."""
        before = self.target
        self.target = _contact(message) or before
        return self.target != before

    def in_order(self, request: SipRequest) -> bool:
        """Whether a request within the dialog is newer than all before; remembers it if so (§12.2.2)."""
        seq = cseq_of(request).seq
        if seq <= self.remote_seq:
            return False
        self.remote_seq = seq
        return True

    def request(self, method: str, via: Addr, *, seq: int | None = None) -> SipRequest:
        """A new request within the dialog; an ACK or CANCEL gives the `seq` of its INVITE (§12.2.1.1)."""
        if seq is None:
            self.local_seq += 1
            seq = self.local_seq
        uri, routes = self.target, self.routes
        if routes and "lr" not in uri_of(party(routes[0]).raw_uri).params:
            # Strict router (RFC 2543): it wants itself in the request line, the target last.
            uri, routes = party(routes[0]).raw_uri, (*routes[1:], f"<{self.target}>")
        request = SipRequest(method=method, uri=uri)
        put = request.headers.append
        put("Via", via_value(via))
        put("Max-Forwards", "70")
        for route in routes:
            put("Route", route)
        put("From", self.local)
        put("To", self.remote)
        put("Call-ID", self.call_id)
        put("CSeq", f"{seq} {method}")
        return request

    def hop(self) -> Addr:
        """Where our requests go: the first route, else the target, else where the far end last was."""
        if self.routes:
            return hop_of(party(self.routes[0]).raw_uri) or self.source
        return self.behind or hop_of(self.target) or self.source


def via_value(via: Addr) -> str:
    """A Via header of ours with a fresh branch, asking for symmetric replies (RFC 3581)."""
    host = f"[{via[0]}]" if ":" in via[0] else via[0]
    return f"SIP/2.0/{transport_of(via)} {host}:{via[1]};branch={COOKIE}{token()};rport"


def hop_of(uri: str) -> Addr | None:
    """IP address and port of a URI, or None when its host is a name."""
    parsed = uri_of(uri)
    host = literal(parsed.host)
    secure = parsed.scheme == "sips" or (parsed.params.get("transport") or "").lower() == "tls"
    port = parsed.port if parsed.port is not None else 5061 if secure else 5060
    if not host or not 0 < port <= 65535:
        return None
    return Hop.by(host, port, "TLS" if secure else parsed.params.get("transport") or "UDP")


def _contact(message: SipRequest | SipResponse) -> str:
    contacts = message.headers.get("contact")
    uri = party(contacts[0]).raw_uri if contacts else ""
    return uri if uri.lower().startswith(("sip:", "sips:")) and not re.search(r"\s", uri) else ""
