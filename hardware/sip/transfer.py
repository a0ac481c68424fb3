"""Transfer: what a phone's REFER asks for, and what the phone is told of it (RFC 3515, RFC 3891)."""

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

from aiosipua.message import SipRequest

from hardware.line import Alerting, Answered, Cleared
from hardware.sip.causes import STATUS_OF
from hardware.sip.message import REASONS, Refusal, commas, number_of, party, uri_of

REFER_S = 180.0
"""How long a phone waits for the end of the transfer it asked for."""
FRAGMENT = "message/sipfrag;version=2.0"

DialogName = tuple[str, str, str]
"""Call-ID, the tag of who is named in To, the tag of who is named in From."""


class Wish(NamedTuple):
    """A transfer asked for: to whom, in whose place, and whether the phone wants to be told."""

    target: str
    replaces: DialogName | None
    told: bool


@dataclass(slots=True)
class Referral:
    """A transfer that is under way."""

    until: float
    told: bool

    @property
    def at(self) -> float:
        return self.until


def asked(refer: SipRequest) -> Wish:
    """Read a REFER; raises `Refusal` when it does not name exactly one telephone number or name."""
    targets = refer.headers.get("refer-to") or refer.headers.get("r")
    if len(targets) != 1 or len(commas(targets[0])) != 1:
        raise Refusal(400)
    raw, _, hidden = party(targets[0]).raw_uri.partition("?")
    target = number_of(uri_of(raw))
    if target is None or not raw.lower().startswith(("sip:", "sips:", "tel:")) or len(target) > 64:
        raise Refusal(400)
    found = re.search(r"(?:^|&)replaces=([^&]*)", hidden, re.I)
    replaces = dialog_name(unquote(found[1])) if found else None
    told = (refer.headers.get_first("refer-sub") or "").strip().lower() != "false"
    return Wish(target, replaces, told)


def dialog_name(replaces: str) -> DialogName:
    """Read the value of Replaces (RFC 3891 §6.1); raises `Refusal`."""
    call_id, *rest = (part.strip() for part in replaces.split(";"))
    tags = dict(part.partition("=")[::2] for part in rest)
    if not call_id or "to-tag" not in tags or "from-tag" not in tags:
        raise Refusal(400)
    return call_id, tags["to-tag"], tags["from-tag"]


def status_of(outcome: Alerting | Answered | Cleared) -> int:
    """How a transfer goes, as the status of a response."""
    if isinstance(outcome, Cleared):
        return STATUS_OF[outcome.cause]
    return 180 if isinstance(outcome, Alerting) else 200


def notice(status: int, left_s: float) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of a NOTIFY: how the transfer goes, and for how long it may still go on."""
    state = f"active;expires={left_s:.0f}" if left_s > 0 else "terminated;reason=noresource"
    headers = [("Event", "refer"), ("Subscription-State", state), ("Content-Type", FRAGMENT)]
    return headers, f"SIP/2.0 {status} {REASONS.get(status, 'Failure')}\r\n".encode()
