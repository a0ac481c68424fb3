"""Busy lamps: phones of ours are told which extensions ring or talk (RFC 6665, RFC 4235).

What a lamp says of a ringing call is what a phone names in Replaces to pick it up.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from aiosipua.message import SipRequest, SipResponse

from hardware.sip.admission import Admission
from hardware.sip.dialog import Dialog
from hardware.sip.layer import TransactionLayer
from hardware.sip.leg import Leg
from hardware.sip.message import Addr, Hop, Refusal, number_of, party, reply, token, uri_of
from hardware.sip.transaction import Transaction
from hardware.sip.usage import contact_of

EVENT = "dialog"
TYPE = "application/dialog-info+xml"
ALLOW_EVENTS = ("Allow-Events", EVENT)
MIN_S, MAX_S = 60, 3600
WATCHES_MAX = 2000
OF_ONE_MAX = 100
"""Lamps of one extension's phones."""


class Lit(NamedTuple):
    """One call at an extension, as its phone sees it."""

    call_id: str
    their_tag: str
    our_tag: str
    called: bool
    """We called the phone; else the phone called us."""
    talking: bool
    other: str
    """The URI of who is at the other end."""


Lamp = tuple[Lit, ...]


def lamps(legs: Iterable[Leg]) -> Mapping[str, Lamp]:
    """What rings or talks, by extension."""
    found: dict[str, list[Lit]] = {}
    for leg in legs:
        for dialog in leg.dialogs if leg.extension else ():
            of = party(dialog.local)
            lit = Lit(
                dialog.call_id, dialog.remote_tag, dialog.local_tag, leg.placed, leg.confirmed, of.raw_uri
            )
            found.setdefault(leg.extension, []).append(lit)
    return {extension: tuple(sorted(set(lit))) for extension, lit in found.items()}


class Watch:
    """One lamp of one phone. At most one NOTIFY is under way; what changes meanwhile is said in the next."""

    def __init__(self, watcher: str, number: str, dialog: Dialog, until: float) -> None:
        self.watcher, self.number = watcher, number
        self.dialog = dialog
        self.until = until
        self.waiting: Transaction | None = None
        self.told: Lamp | None = None
        self.version = 0


class Lamps:
    """All lamps. `stir` when calls may have changed; `legs` gives those there are."""

    def __init__(
        self, wire: TransactionLayer, admission: Admission, legs: Callable[[], Iterable[Leg]]
    ) -> None:
        self._wire = wire
        self._admission = admission
        self._legs = legs
        self._watches: dict[tuple[str, str], Watch] = {}
        self._stirred = False

    def stir(self) -> None:
        """Calls may have changed: look soon."""
        if self._watches and not self._stirred:
            self._stirred = True
            self._wire.arm(self)

    def subscribe(self, request: SipRequest, source: Addr, now: float) -> None:
        """A phone wants a lamp for an extension; raises `Refusal`, as for who does not know the password."""
        if (request.headers.get_first("event") or "").partition(";")[0].strip().lower() != EVENT:
            raise Refusal(489, ALLOW_EVENTS)
        watcher = party(request.headers.get("from")[0]).number or ""
        self._admission.prove(request, 401, now, watcher)
        number = number_of(uri_of(request.uri)) or ""
        if self._admission.accounts.get(number) is None:
            raise Refusal(404)
        life_s = _life_s(request)
        mine = sum(watch.watcher == watcher for watch in self._watches.values())
        if mine >= OF_ONE_MAX or len(self._watches) >= WATCHES_MAX:
            raise Refusal(503, ("Retry-After", "60"))
        behind = source if isinstance(source, Hop) or len(request.headers.get("via")) == 1 else None
        dialog = Dialog.of_request(request, token(), source, behind)
        watch = Watch(watcher, number, dialog, now + life_s)
        self._watches[dialog.call_id, dialog.local_tag] = watch
        self._granted(watch, request, source, life_s, now)

    def within(self, request: SipRequest, tag: str, source: Addr, now: float) -> bool:
        """A request that may belong to a lamp we keep: refreshed or given back; False when it does not."""
        watch = self._watches.get((request.headers.get("call-id")[0], tag))
        if watch is None or party(request.headers.get("from")[0]).tag != watch.dialog.remote_tag:
            return False
        if request.method != "SUBSCRIBE" or not watch.dialog.in_order(request):
            self._wire.refuse(request, 500 if request.method == "SUBSCRIBE" else 405, source)
            return True
        try:
            life_s = _life_s(request)
        except Refusal as refusal:
            self._wire.refuse(request, refusal.status, source, *refusal.headers)
            return True
        watch.dialog.retarget(request)
        watch.until = now + life_s
        self._granted(watch, request, source, life_s, now)
        return True

    # What phones answer

    def on_response(self, transaction: Transaction, response: SipResponse, source: Addr, now: float) -> None:
        """A phone that knows nothing of its lamp has none."""
        watch = self._of(transaction)
        if watch is None or response.status_code < 200:
            return
        watch.waiting = None
        if response.status_code >= 300:
            self._drop(watch)
        else:
            self.stir()

    def on_failure(self, transaction: Transaction, now: float) -> None:
        """The phone is gone."""
        if (watch := self._of(transaction)) is not None:
            self._drop(watch)

    # Time

    def timer(self) -> float | None:
        if self._stirred:
            return 0.0
        return min((watch.until for watch in self._watches.values()), default=None)

    def on_timer(self, now: float) -> None:
        """Say what changed; end what nobody refreshed."""
        self._stirred = False
        now_lit = lamps(self._legs())
        for watch in list(self._watches.values()):
            if now >= watch.until:
                self._notify(watch, now_lit.get(watch.number, ()), now)
                self._drop(watch)
            elif watch.waiting is None and watch.told != now_lit.get(watch.number, ()):
                self._notify(watch, now_lit.get(watch.number, ()), now)

    # Within

    def _granted(self, watch: Watch, request: SipRequest, source: Addr, life_s: int, now: float) -> None:
        head = [("Expires", str(life_s)), contact_of(self._wire.ours(source)), ALLOW_EVENTS]
        response = reply(request, 200, source, to_tag=watch.dialog.local_tag, headers=head)
        self._wire.respond(self._wire.serve(request, source, now), response, now)
        watch.told = None  # whoever asks is told at once how it stands (RFC 6665 §4.2.1.2)
        self._stirred = True
        self._wire.arm(self)

    def _notify(self, watch: Watch, lit: Lamp, now: float) -> None:
        hop = watch.dialog.hop()
        notify = watch.dialog.request("NOTIFY", self._wire.ours(hop))
        left_s = watch.until - now
        put = notify.headers.append
        put("Event", EVENT)
        state = f"active;expires={left_s:.0f}" if left_s > 0 else "terminated;reason=timeout"
        put("Subscription-State", state)
        put(*contact_of(self._wire.ours(hop)))
        put("Content-Type", TYPE)
        notify.body = written(party(watch.dialog.local).raw_uri, watch.version, lit)
        watch.version += 1
        watch.told = lit
        watch.waiting = self._wire.start(notify, hop, self, now)

    def _of(self, transaction: Transaction) -> Watch | None:
        return next((watch for watch in self._watches.values() if watch.waiting is transaction), None)

    def _drop(self, watch: Watch) -> None:
        self._watches.pop((watch.dialog.call_id, watch.dialog.local_tag), None)


def written(entity: str, version: int, lit: Sequence[Lit]) -> bytes:
    """The whole state of a lamp (RFC 4235 §4)."""
    lines = [
        '<?xml version="1.0"?>',
        f'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="full" '
        f"entity={_attribute(entity)}>",
    ]
    for number, one in enumerate(lit):
        direction = "recipient" if one.called else "initiator"
        lines += [
            f'<dialog id="{number}" call-id={_attribute(one.call_id)} local-tag={_attribute(one.their_tag)} '
            f'remote-tag={_attribute(one.our_tag)} direction="{direction}">',
            f"<state>{'confirmed' if one.talking else 'early'}</state>",
            f"<remote><target uri={_attribute(one.other)}/></remote></dialog>",
        ]
    return "\n".join([*lines, "</dialog-info>", ""]).encode()


def _life_s(request: SipRequest) -> int:
    told = (request.headers.get_first("expires") or str(MAX_S)).strip()
    life_s = min(int(told), MAX_S) if told.isdecimal() and len(told) < 11 else MAX_S
    if 0 < life_s < MIN_S:
        raise Refusal(423, ("Min-Expires", str(MIN_S)))
    return life_s


_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
)


def _attribute(value: str) -> str:
    """An XML attribute's value, in quotes; xml.sax.saxutils would load an HTTP client for it."""
    return f'"{value.translate(_ESCAPES)}"'
