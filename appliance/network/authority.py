"""The hub's certificate authority: one key that says who belongs to the network of boxes.

Keys are EC P-256. A box's certificate names its site as CN ("007", the hub "000"), which is also
its place in the broker's topics; it is good for a client only, a broker's for a server only,
so a stolen site cannot play broker. Times are Unix seconds.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.network.papers import KEY_MODE, PUBLIC_MODE, write
from appliance.refused import Refused

DAY_S = 86_400.0
AUTHORITY_DAYS = 20 * 365
BOX_DAYS = 2 * 365
BROKER_DAYS = 5 * 365
BEFORE = timedelta(days=1)
"""Certificates hold from a day ago: no clock is exact."""
NOT_BEFORE_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
"""A clock that says less has lost its time: this program is younger."""
NAMES_MOST = 20
ORGANISATION = "Hotline Box"


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate as it leaves the authority, in PEM form."""

    certificate: bytes
    serial: str
    """Hexadecimal."""
    until_s: float


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that counts no more."""

    serial: str
    at_s: float


def site_name(site: int) -> str:
    """The CN of a site's certificate, which is its place in topics too: 007; the hub is 000."""
    return f"{site:03d}"


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a private key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Write a private key as PEM, unsealed: the file's mode and the disk protect it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def signing_request(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Ask for a certificate for a key, as DER; whom it will name the authority decides."""
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


class Authority:
    """The key of a hub and what is signed with it, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._key_file, self._file = folder / "ca.key", folder / "ca.pem"
        self.crl = folder / "crl.pem"

    @property
    def made(self) -> bool:
        """Whether this hub has an authority."""
        return self._key_file.exists() and self._file.exists()

    def make(self, now_s: float) -> None:
        """Make the authority, once; raises Refused when the clock cannot be right."""
        check_clock(now_s)
        if self.made:
            return
        key, serial = new_key(), x509.random_serial_number()
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
                x509.NameAttribute(NameOID.COMMON_NAME, f"Hotline hub {serial:x}"[:40]),
            ]
        )
        certificate = (
            _begun(name, name, key.public_key(), serial, now_s, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_others=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        self._key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write(self._key_file, key_pem(key), KEY_MODE)
        write(self._file, certificate.public_bytes(serialization.Encoding.PEM), PUBLIC_MODE)
        self.publish((), now_s)

    @property
    def certificate(self) -> bytes:
        """The authority's own certificate, as PEM: whoever has it can tell who belongs here."""
        return self._file.read_bytes()

    def box(self, site: int, request: bytes, now_s: float) -> Issued:
        """Certify the key of a signing request (DER) as a site's; raises Refused."""
        try:
            asked = x509.load_der_x509_csr(request)
            key = asked.public_key()
            sound = asked.is_signature_valid
        except (ValueError, InvalidSignature, TypeError) as error:
            raise Refused("bad_request", "This is no signing request.") from error
        if not sound or not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
            raise Refused("bad_request", "This is no signing request.")
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
                x509.NameAttribute(NameOID.COMMON_NAME, site_name(site)),
            ]
        )
        return self._issue(name, key, now_s, BOX_DAYS, ExtendedKeyUsageOID.CLIENT_AUTH, ())

    def broker(self, names: Sequence[str], key: ec.EllipticCurvePrivateKey, now_s: float) -> Issued:
        """Certify a broker that is reached by these names and addresses; raises Refused."""
        if not 1 <= len(names) <= NAMES_MOST or not all(0 < len(name) <= 253 for name in names):
            raise Refused("bad_name", "Give the names and addresses by which sites reach the broker.")
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
                x509.NameAttribute(NameOID.COMMON_NAME, f"broker {names[0]}"[:64]),
            ]
        )
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        return self._issue(subject, key.public_key(), now_s, BROKER_DAYS, usage, names)

    def publish(self, revoked: Iterable[Revoked], now_s: float) -> None:
        """Write the list of revoked certificates anew.

        It holds as long as the authority: a broker whose list ran out would refuse everybody,
        and no hub may have to be there for sites to reach their broker. What stood on it stays, should
        the hub's database be an older copy that knows less.
        """
        authority, moment = self._loaded(), _moment(now_s)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(authority.subject)
            .last_update(moment - BEFORE)
            .next_update(authority.not_valid_after_utc)
            .add_extension(x509.CRLNumber(int(now_s * 1000)), critical=False)
            .add_extension(_issuer_key(authority), critical=False)
        )
        listed_s = self._listed_s() | {int(one.serial, 16): one.at_s for one in revoked}
        for serial, at_s in sorted(listed_s.items()):
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(_moment(at_s)).build()
            )
        listed = builder.sign(self._key(), hashes.SHA256())
        write(self.crl, listed.public_bytes(serialization.Encoding.PEM), PUBLIC_MODE)

    def _issue(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        now_s: float,
        days: int,
        usage: x509.ObjectIdentifier,
        names: Sequence[str],
    ) -> Issued:
        check_clock(now_s)
        authority, serial = self._loaded(), x509.random_serial_number()
        builder = (
            _begun(subject, authority.subject, key, serial, now_s, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_others=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(_issuer_key(authority), critical=False)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
            )
        certificate = builder.sign(self._key(), hashes.SHA256())
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        return Issued(pem, f"{serial:x}", certificate.not_valid_after_utc.timestamp())

    def _listed_s(self) -> dict[int, float]:
        if not self.crl.exists():
            return {}
        before = x509.load_pem_x509_crl(self.crl.read_bytes())
        return {one.serial_number: one.revocation_date_utc.timestamp() for one in before}

    def _loaded(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate)

    def _key(self) -> ec.EllipticCurvePrivateKey:
        key = serialization.load_pem_private_key(self._key_file.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey), "the authority makes no other keys"
        return key


def check_clock(now_s: float) -> None:
    """Refuse to certify anything while the clock has obviously lost its time."""
    if now_s < NOT_BEFORE_S:
        raise Refused(
            "clock",
            "This box's clock says %(time)s, which cannot be. Set it right first.",
            time=datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    serial: int,
    now_s: float,
    days: int,
) -> x509.CertificateBuilder:
    moment = _moment(now_s)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(moment - BEFORE)
        .not_valid_after(moment + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer_key(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC).replace(microsecond=0)
