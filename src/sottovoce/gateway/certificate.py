"""Certificates: what one says of itself, and a self-signed one for a network without names of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=397)
"""The longest that browsers take."""

BACKDATED = timedelta(days=1)
"""Clocks of a network differ."""

PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class Certificate:
    """`names` are those that it is good for; `fingerprint` is its SHA-256 as browsers show it."""

    pem: bytes
    names: frozenset[str]
    expires: datetime
    fingerprint: str

    @classmethod
    def first_of(cls, pem: bytes) -> Certificate:
        """The server's own, which stands first in a chain. Raises `ValueError` where there is none."""
        own = x509.load_pem_x509_certificates(pem)[0]
        return cls(own.public_bytes(PEM), _names(own), own.not_valid_after_utc, _fingerprint(own))


def self_signed(names: Sequence[str], now: datetime) -> bytes:
    """A new private key and its certificate, PEM in that order."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Sottovoce")])
    public = key.public_key()
    builder = (
        x509.CertificateBuilder(issuer_name=subject, subject_name=subject, public_key=public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME - BACKDATED)
    )
    for extension, is_critical in _extensions(public, names):
        builder = builder.add_extension(extension, is_critical)
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private + builder.sign(key, hashes.SHA256()).public_bytes(PEM)


def _extensions(
    public: ec.EllipticCurvePublicKey, names: Sequence[str]
) -> list[tuple[x509.ExtensionType, bool]]:
    """It may name this server and vouch for no other: trusting it risks nothing else."""
    usage = dict.fromkeys(KEY_USAGES, False) | {"digital_signature": True}
    return [
        (x509.SubjectAlternativeName([_general(name) for name in names]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.KeyUsage(**usage), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False),
    ]


KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(certificate: x509.Certificate) -> frozenset[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = found.get_values_for_type(x509.IPAddress)
    return frozenset({*found.get_values_for_type(x509.DNSName), *map(str, addresses)})


def _fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()
