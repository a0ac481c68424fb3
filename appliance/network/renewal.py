"""Certificates renewed over the sync link, long before they end.

The request carries the certificate it is to replace and is signed with that one's key, so the
hub need not believe the broker who asks; the site believes the answer because its hub's
authority signed it for the key that only it has.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.network.authority import Authority, key_pem, new_key, signing_request, site_name
from appliance.network.enrolment import NOT_IN_FORCE, Enrolment
from appliance.network.papers import KEY_MODE, Papers, write
from appliance.network.register import shut_out
from appliance.refused import Refused

if TYPE_CHECKING:
    from appliance.store.store import Store

ASK_MAX = 8 * 1024
"""Bytes of a request or an answer, at most."""
LABEL = b"hotline-box renewal 1"
_ECDSA = ec.ECDSA(hashes.SHA256())


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, array_like=True):
    """A site's request for the next certificate."""

    csr: bytes
    certificate: bytes
    """The one in force, DER."""
    signature: bytes


def due(papers: Papers, now_s: float) -> bool:
    """Tell whether half of the time of a box's certificate is over; not when it cannot be read."""
    try:
        mine = _mine(papers)
    except (OSError, ValueError):
        return False
    begun_s, until_s = mine.not_valid_before_utc.timestamp(), mine.not_valid_after_utc.timestamp()
    return now_s > (begun_s + until_s) / 2


def ends_s(papers: Papers) -> float:
    """When a box's certificate ends, in Unix seconds; 0 when it cannot be read."""
    try:
        return _mine(papers).not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return 0.0


def wish(papers: Papers) -> bytes:
    """Ask for the next certificate, for a key kept beside the one in force; raises OSError, ValueError."""
    waiting = _waiting(papers)
    if not waiting.exists():
        write(waiting, key_pem(new_key()), KEY_MODE)
    csr = signing_request(_key(waiting.read_bytes()))
    mine = _mine(papers).public_bytes(serialization.Encoding.DER)
    signature = _key(papers.key.read_bytes()).sign(LABEL + csr, _ECDSA)
    return msgspec.msgpack.encode(Wish(csr, mine, signature))


def grant(
    enrolment: Enrolment, authority: Authority, store: Store, site: int, asked: bytes, now_s: float
) -> bytes:
    """Certify a site's next key; return the certificate, PEM. Raises Refused for who may not ask."""
    try:
        wanted = msgspec.msgpack.decode(asked[:ASK_MAX], type=Wish)
        shown = x509.load_der_x509_certificate(wanted.certificate)
        shown.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate))
        key = shown.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey), "the authority certifies no other keys"
        key.verify(wanted.signature, LABEL + wanted.csr, _ECDSA)
    except (msgspec.DecodeError, ValueError, TypeError, InvalidSignature) as error:
        raise Refused("bad_request", "This is no signing request.") from error
    if _names(shown) != [site_name(site)] or not _in_force(shown, now_s):
        raise Refused("unknown_site", NOT_IN_FORCE)
    known = store.rows("SELECT name, revoked_s FROM certificate WHERE serial = ?", f"{shown.serial_number:x}")
    name, revoked_s = known[0] if known else (site_name(site), None)
    if revoked_s is not None or site in shut_out(store, now_s):
        raise Refused("unknown_site", NOT_IN_FORCE)
    issued = authority.box(site, wanted.csr, now_s)
    enrolment.note(issued, site, "box", name, "renewal")
    return issued.certificate


def take(papers: Papers, granted: bytes, site: int, now_s: float) -> bool:
    """Put a granted certificate in force if it is what was asked for; raises OSError."""
    waiting = _waiting(papers)
    try:
        key = _key(waiting.read_bytes())
        check(granted[:ASK_MAX], papers.ca.read_bytes(), key, site, now_s)
    except (OSError, ValueError, Refused):
        return False
    papers.keep(papers.ca.read_bytes(), granted, key_pem(key))
    waiting.unlink(missing_ok=True)
    return True


def check(
    certificate: bytes, ca: bytes, key: ec.EllipticCurvePrivateKey, site: int, now_s: float
) -> x509.Certificate:
    """Make sure that an authority certified a key as a site's, and from now on; raises Refused."""
    try:
        made = x509.load_pem_x509_certificate(certificate)
        made.verify_directly_issued_by(x509.load_pem_x509_certificate(ca))
    except (ValueError, TypeError, InvalidSignature) as error:
        raise Refused("bad_certificate", "What the hub sent is no certificate of its authority.") from error
    if (
        _names(made) != [site_name(site)]
        or made.public_key() != key.public_key()
        or not _in_force(made, now_s)
    ):
        raise Refused("bad_certificate", "What the hub sent is no certificate of its authority.")
    return made


def renew_hub(papers: Papers, authority: Authority, enrolment: Enrolment, now_s: float) -> None:
    """Certify the hub itself anew, whose authority is at hand; raises OSError, Refused."""
    key = new_key()
    issued = authority.box(0, signing_request(key), now_s)
    papers.keep(authority.certificate, issued.certificate, key_pem(key))
    enrolment.note(issued, 0, "box", "hub", "command")


def _names(certificate: x509.Certificate) -> list[str | bytes]:
    return [name.value for name in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]


def _in_force(certificate: x509.Certificate, now_s: float) -> bool:
    now = datetime.fromtimestamp(now_s, UTC)
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def _waiting(papers: Papers) -> Path:
    return papers.folder / "next.key"


def _mine(papers: Papers) -> x509.Certificate:
    return x509.load_pem_x509_certificate(papers.certificate.read_bytes())


def _key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key of ours")
    return key
