"""What outlives the process: where phones are, and which calls its end would cut off.

Each note says how one thing stands and replaces what was noted of it before.
"""

from collections.abc import Iterable

import msgspec
from aiosipua.message import SipRequest

from hardware.line import RtpRoute
from hardware.sip.dialog import Dialog
from hardware.sip.message import Addr, Hop, transport_of
from hardware.sip.registrar import Binding
from hardware.sip.sdp import Local
from hardware.sip.session import Session

LEAP = 10_000
"""How far we count on: what was asked within the call after it was noted stays behind."""

Place = tuple[str, int, str]
"""IP address, port and transport."""
HEAD = ("via", "route", "from", "to", "call-id", "cseq")
"""What finds an INVITE's transaction again."""


class Phone(msgspec.Struct, frozen=True):
    """One binding of an extension, good for so many seconds more."""

    contact: str
    place: Place
    life_s: float
    call_id: str
    seq: int
    instance: str = ""


class Bound(msgspec.Struct, frozen=True, tag_field="is", tag="bound"):
    """An extension's phones, newest first; none is the end of the matter."""

    number: str
    phones: tuple[Phone, ...]

    @property
    def key(self) -> str:
        """What it is about."""
        return f"phones {self.number}"


class Asked(msgspec.Struct, frozen=True, tag_field="is", tag="asked"):
    """An INVITE without a final answer: `ours`, which rings there, or one that rings here under our `tag`."""

    uri: str
    head: tuple[tuple[str, str], ...]
    call_id: str
    tag: str
    place: Place
    ours: bool

    @property
    def key(self) -> str:
        """What it is about."""
        return f"call {self.call_id} {self.tag}"


class Agreed(msgspec.Struct, frozen=True):
    """What besides its dialog a leg needs to go on: of its session, its voice, and who it is.

    `timed` is the session timer: seconds between refreshes, whether they are ours to make, and in how
    many seconds from now the next is due and the call ends without one (RFC 4028).
    """

    port: int
    """Where we receive: it says which line this is."""
    ip: str
    session: int
    version: int
    route: RtpRoute | None
    held: bool
    timed: tuple[int, bool, float, float] | None
    updates: bool
    extension: str
    placed: bool
    seq: int
    """The highest CSeq of the far end."""
    behind: Place | None


class Talking(msgspec.Struct, frozen=True, tag_field="is", tag="talking"):
    """A call with all that a BYE needs (RFC 3261 §12); with `agreed`, all that it needs to go on.

    `source` is where the far end last was, `place` where our requests go.
    """

    call_id: str
    tag: str
    their_tag: str
    local: str
    remote: str
    target: str
    routes: tuple[str, ...]
    seq: int
    place: Place
    source: Place | None = None
    agreed: Agreed | None = None

    @property
    def ours(self) -> Local:
        """Our side of the session, of a call that can go on."""
        assert self.agreed is not None
        return Local(self.agreed.ip, self.agreed.port, self.agreed.session, self.agreed.version)

    @property
    def key(self) -> str:
        """What it is about."""
        return f"call {self.call_id} {self.tag}"


class Over(msgspec.Struct, frozen=True, tag_field="is", tag="over"):
    """The call with this Call-ID and tag of ours is over."""

    call_id: str
    tag: str

    @property
    def key(self) -> str:
        """What it is about."""
        return f"call {self.call_id} {self.tag}"


Note = Bound | Asked | Talking | Over


def ends(note: Note) -> bool:
    """Whether nothing is left to be remembered."""
    return isinstance(note, Over) or (isinstance(note, Bound) and not note.phones)


def bound(number: str, bindings: Iterable[Binding], now: float) -> Bound:
    """How an extension's phones stand."""
    phones = [
        Phone(b.contact, _place(b.source), b.expires_at - now, b.call_id, b.seq, b.instance) for b in bindings
    ]
    return Bound(number, tuple(phones))


def asked(invite: SipRequest, tag: str, place: Addr, *, ours: bool) -> Asked:
    """An INVITE that may ring for long, and the tag of our side."""
    head = tuple((name, value) for name in HEAD for value in invite.headers.get(name))
    return Asked(invite.uri, head, invite.headers.get("call-id")[0], tag, _place(place), ours)


def talking(dialog: Dialog, agreed: Agreed | None = None) -> Talking:
    """A call that is answered."""
    return Talking(
        dialog.call_id,
        dialog.local_tag,
        dialog.remote_tag,
        dialog.local,
        dialog.remote,
        dialog.target,
        dialog.routes,
        dialog.local_seq,
        _place(dialog.hop()),
        _place(dialog.source),
        agreed,
    )


def agreed(
    dialog: Dialog,
    local: Local,
    route: RtpRoute | None,
    session: Session | None,
    now: float,
    *,
    held: bool,
    updates: bool,
    extension: str,
    placed: bool,
) -> Agreed | None:
    """What a leg needs to go on; None for one that cannot: sealed voice, or by a connection."""
    if local.key or transport_of(dialog.hop()) != "UDP" or transport_of(dialog.source) != "UDP":
        return None
    timed = (session.interval_s, session.ours, session.at - now, session.ends_at - now) if session else None
    behind = _place(dialog.behind) if dialog.behind is not None else None
    return Agreed(
        local.port,
        local.ip,
        local.session,
        local.version,
        route,
        held,
        timed,
        updates,
        extension,
        placed,
        dialog.remote_seq,
        behind,
    )


def dialog_of(note: Talking, agreed: Agreed) -> Dialog:
    """The dialog as it stood; our next requests count on from far beyond what may have been asked since."""
    return Dialog(
        note.call_id,
        note.local,
        note.remote,
        note.tag,
        note.their_tag,
        note.target,
        note.routes,
        note.seq + LEAP,
        agreed.seq,
        Hop.by(*(note.source or note.place)),
        Hop.by(*agreed.behind) if agreed.behind else None,
    )


def session_of(agreed: Agreed, age_s: float, now: float) -> Session | None:
    """The session timer of a leg noted so many seconds ago."""
    if agreed.timed is None:
        return None
    interval_s, ours, refresh_s, ends_s = agreed.timed
    noted_at = now - max(0.0, age_s)
    return Session(interval_s, ours, noted_at + refresh_s, noted_at + ends_s)


def bindings_of(note: Bound, age_s: float, now: float, most_s: float) -> list[Binding]:
    """The bindings of a note so many seconds old that are still good, none for longer than `most_s`."""
    found = []
    for phone in note.phones:
        left_s = min(phone.life_s, most_s) - max(0.0, age_s)
        if left_s > 0:
            source = Hop.by(*phone.place)
            found.append(
                Binding(phone.contact, source, now + left_s, phone.call_id, phone.seq, phone.instance)
            )
    return found


def _place(address: Addr) -> Place:
    return address[0], address[1], transport_of(address)
