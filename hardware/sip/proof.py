"""A request of ours that was challenged, once more with the password (RFC 3261 §22.2, §22.3)."""

from collections.abc import Sequence
from typing import Protocol

from aiosipua.message import SipRequest, SipResponse

from hardware.sip.dialog import via_value
from hardware.sip.message import Addr, cseq_of

ASKED = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}
"""Where a challenge with this status stands, and where its answer."""


class Answers(Protocol):
    """What meets a challenge: `Credentials` or a `Login`."""

    def answer(self, challenge: str, method: str, uri: str) -> str | None: ...


def proved(request: SipRequest, response: SipResponse, logins: Sequence[Answers]) -> SipRequest | None:
    """The request with an answer to the challenge; None when it had one already, or we have no password."""
    asked, answered = ASKED[response.status_code]
    if request.headers.get(answered):
        return None
    for challenge in response.headers.get(asked):
        for login in logins:
            if answer := login.answer(challenge, request.method, request.uri):
                again = SipRequest(
                    headers=request.headers.copy(), body=request.body, method=request.method, uri=request.uri
                )
                again.headers.set_single(answered, answer)
                return again
    return None


def afresh(request: SipRequest, ours: Addr, seq: int | None = None) -> SipRequest:
    """Make it a new request: its own branch, the next sequence number."""
    seq = cseq_of(request).seq + 1 if seq is None else seq
    request.headers.set_single("Via", via_value(ours))
    request.headers.set_single("CSeq", f"{seq} {request.method}")
    return request
