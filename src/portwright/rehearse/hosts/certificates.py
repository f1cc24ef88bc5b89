"""The certificates of a lab: an authority that lives as long as the rehearsal, and one certificate for each server."""

import os
import ssl
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LASTS = timedelta(days=2)
_LONGEST_NAME = 64  # characters of a common name, RFC 5280, appendix A


class Authority:
    """Signs the certificates of one lab; its key never leaves the process."""

    def __init__(self, domain: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"rehearsal of {domain}")
        self.certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @cached_property
    def _as_client(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.pem)
        context.check_hostname = True
        return context

    @property
    def pem(self) -> str:
        """The authority's own certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")

    def client(self) -> ssl.SSLContext:
        """Whoever trusts this authority, and nobody else."""
        return self._as_client

    @cache  # noqa: B019 (an authority lives as long as its lab)
    def server(self, names: tuple[str, ...], addresses: tuple[str, ...]) -> ssl.SSLContext:
        """A server that is known by these names and addresses."""
        certificate, key = self.issue(names, addresses)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        # The library reads keys from files alone; this one lies in memory, so that no disk ever has the key.
        with open(os.memfd_create("certificate"), "wb") as file:  # noqa: PTH123 (it has no path)
            file.write(key + certificate)
            file.flush()
            context.load_cert_chain(Path(f"/proc/self/fd/{file.fileno()}"))
        return context

    def issue(self, names: tuple[str, ...], addresses: tuple[str, ...] = ()) -> tuple[bytes, bytes]:
        """A certificate with its chain, and its key, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        known_by = [*map(x509.DNSName, dict.fromkeys(names)), *(x509.IPAddress(ip_address(one)) for one in addresses)]
        made = (
            self._builder(_name(names[0]), key.public_key())
            .add_extension(x509.SubjectAlternativeName(known_by), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return made.public_bytes(serialization.Encoding.PEM) + self.pem.encode("ascii"), private

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + _LASTS)
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:_LONGEST_NAME])])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """RFC 5280, 4.2.1.3."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
