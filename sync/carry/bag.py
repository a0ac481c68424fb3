"""The file on the stick: a cover anybody can read, frames only the other box can, a signature at the end.

``hotline-carry 1\\n | u32 length, cover (MessagePack) | u32 length, sealed frame … | u32 0 | signature``.
Each frame is sealed by ChaCha20-Poly1305 under a key of this file, its number is the nonce. The
signature covers all before it: nothing of a torn or changed file is believed. A recording or another
file travels in the same form, with a cover of its own (``hotline-files 1``).
"""

import errno
import hashlib
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Generic, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from msgspec import Meta

from appliance.blobs.wants import SIZE_MOST
from appliance.refused import Refused
from appliance.store.outbox import peer_name
from appliance.words import N_
from sync.carry.keys import SIGNATURE_BYTES, Keys, Public, shared, verified
from sync.frames import FRAME_WIRE_BYTES, Count, Site

COVER_BYTES = 1000
TAG_BYTES = 16
_LENGTH = struct.Struct(">I")

NO_BAG = N_("This is no file made by “hotline carry export”.")
OTHER_FORM = N_("This file was made by a newer release: upgrade this box first.")
TORN = N_("The file is cut short or damaged: copy it again.")
OTHER_BOX = N_("This file is for %(to)s, and this box is %(me)s.")
UNKNOWN = N_("The key of %(peer)s is not known here: bring its key file first.")
STRANGER = N_("This file was not made by the %(peer)s whose key is known here.")
OLD_KEY = N_("This file was sealed for an older key of this box: bring the new key file to %(peer)s.")
STICK_FULL = N_("The stick is full: nothing was written. Free some space, or set a smaller limit.")
NO_STICK = N_("The file cannot be written there (%(why)s).")

Key = Annotated[bytes, Meta(min_length=32, max_length=32)]


class Cover(msgspec.Struct, frozen=True, array_like=True):
    """What is on the outside: from whom, for whom, and which part of which stream is inside."""

    src: Site
    to: Site
    incarnation: Count
    epoch: Count
    made: Count
    """Grows with every file a box makes for a peer; Unix milliseconds."""
    first: Count
    last: Count
    """The places inside; `last` below `first` when there are only acknowledgements."""
    top: Count
    sign: Key
    read: Key
    """The reading key it is sealed for."""
    once: Key
    """The half of the file's own key."""


class FileCover(msgspec.Struct, frozen=True, array_like=True):
    """What is on the outside of a file that travels beside the stream."""

    src: Site
    to: Site
    made: Count
    """As on the cover of the stream it travels with."""
    sha: Key
    """SHA-256 of what is inside; all zero: the list of files the sender asks for."""
    size: Count
    sign: Key
    read: Key
    once: Key


Of = TypeVar("Of", Cover, FileCover)


@dataclass(frozen=True, slots=True)
class Form(Generic[Of]):
    """One kind of sealed file."""

    magic: bytes
    cover: type[Of]
    bytes_most: int
    """A larger file is not read."""


STREAM = Form(b"hotline-carry 1\n", Cover, 2 * 1024**3)
FILE = Form(b"hotline-files 1\n", FileCover, SIZE_MOST + 64 * 1024**2)
FORM_BYTES = 16
FAMILY_BYTES = 14


def write_bag(form: Form[Of], path: Path, cover: Of, keys: Keys, frames: Iterable[bytes]) -> int:
    """Write a file, whole or not at all; return its bytes. Raises Refused, and what `frames` raises."""
    once = X25519PrivateKey.generate()
    cover = msgspec.structs.replace(cover, once=once.public_key().public_bytes_raw())
    told = msgspec.msgpack.encode(cover)
    seal = ChaCha20Poly1305(shared(once, cover.read, told))
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            running = hashlib.sha256()

            def put(data: bytes) -> None:
                running.update(data)
                file.write(data)

            put(form.magic + _LENGTH.pack(len(told)) + told)
            for number, frame in enumerate(frames):
                sealed = seal.encrypt(_nonce(number), frame, told)
                put(_LENGTH.pack(len(sealed)) + sealed)
            put(_LENGTH.pack(0))
            file.write(keys.signing.sign(running.digest()))
            file.flush()
            os.fsync(file.fileno())
            length = file.tell()
        part.replace(path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Refused("stick_full", STICK_FULL) from error
        raise Refused("no_stick", NO_STICK, why=error.strerror or error) from error
    return length


def read_cover(form: Form[Of], file: BinaryIO) -> Of:
    """Read what is on the outside; raises Refused."""
    begins = file.read(FORM_BYTES)
    if begins != form.magic:
        if begins.startswith(form.magic[:FAMILY_BYTES]):
            raise Refused("other_form", OTHER_FORM)
        torn = begins and form.magic.startswith(begins)
        raise Refused("torn", TORN) if torn else Refused("no_bag", NO_BAG)
    try:
        return msgspec.msgpack.decode(_part(file, COVER_BYTES), type=form.cover)
    except msgspec.DecodeError as error:
        raise Refused("torn", TORN) from error


def check_bag(form: Form[Of], file: BinaryIO, me: Public, known: Public | None) -> Of:
    """Read the whole file once and judge it: for us, whole, and made by whom it says; raises Refused."""
    file.seek(0)
    cover = read_cover(form, file)
    peer = peer_name(cover.src)
    if cover.to != me.site or cover.src == me.site:
        raise Refused("other_box", OTHER_BOX, to=peer_name(cover.to), me=peer_name(me.site))
    if known is None:
        raise Refused("unknown", UNKNOWN, peer=peer)
    if cover.sign.hex() != known.sign:
        raise Refused("stranger", STRANGER, peer=peer)
    if not is_whole(form, file, cover.sign):
        raise Refused("torn", TORN)
    if cover.read.hex() != me.read:
        raise Refused("old_key", OLD_KEY, peer=peer)
    return cover


def is_whole(form: Form[Of], file: BinaryIO, sign: bytes) -> bool:
    """Tell whether all behind the cover is there, as the owner of a key signed it; raises Refused."""
    end = _end(file, form.bytes_most)
    return verified(sign, _signature(file, end), _digest(file, end))


def frames_in(form: Form[Of], file: BinaryIO, keys: Keys) -> Iterator[bytes]:
    """Open the frames of a file that was checked; raises Refused."""
    file.seek(0)
    cover = read_cover(form, file)
    told = msgspec.msgpack.encode(cover)
    seal = ChaCha20Poly1305(shared(keys.reading, cover.once, told))
    number = 0
    while sealed := _part(file, FRAME_WIRE_BYTES + TAG_BYTES):
        try:
            yield seal.decrypt(_nonce(number), sealed, told)
        except InvalidTag as error:
            raise Refused("torn", TORN) from error
        number += 1


def _end(file: BinaryIO, most: int) -> int:
    """Where the signature begins."""
    while _part(file, FRAME_WIRE_BYTES + TAG_BYTES):
        if file.tell() > most:
            raise Refused("torn", TORN)
    return file.tell()


def _signature(file: BinaryIO, end: int) -> bytes:
    file.seek(end)
    signature = file.read(SIGNATURE_BYTES + 1)
    if len(signature) != SIGNATURE_BYTES:
        raise Refused("torn", TORN)
    return signature


def _digest(file: BinaryIO, end: int) -> bytes:
    running = hashlib.sha256()
    file.seek(0)
    while file.tell() < end:
        running.update(file.read(min(1 << 20, end - file.tell())))
    return running.digest()


def _part(file: BinaryIO, limit: int) -> bytes:
    """The next part: its length, then its bytes; empty at the end."""
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise Refused("torn", TORN)
    (length,) = _LENGTH.unpack(head)
    if length > limit:
        raise Refused("torn", TORN)
    part = file.read(length)
    if len(part) < length:
        raise Refused("torn", TORN)
    return part


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")
