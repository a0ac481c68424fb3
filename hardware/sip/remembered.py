"""What outlives the process: where phones are, and which calls its end would cut off.

Each note says how one thing stands and replaces what was noted of it before.
"""

from collections.abc import Iterable

import msgspec
from aiosipua.message import SipRequest

from hardware.sip.dialog import Dialog
from hardware.sip.message import Addr, Hop, transport_of
from hardware.sip.registrar import Binding

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


class Talking(msgspec.Struct, frozen=True, tag_field="is", tag="talking"):
    """A call with all that a BYE needs (RFC 3261 §12)."""

    call_id: str
    tag: str
    their_tag: str
    local: str
    remote: str
    target: str
    routes: tuple[str, ...]
    seq: int
    place: Place

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


def talking(dialog: Dialog) -> Talking:
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
    )


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
