"""The demo's certificates: an authority that exists for one run, and what it signs."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_JUST_NOW, _A_YEAR = -timedelta(hours=1), timedelta(days=365)


class Authority:
    """Signs server certificates; its key never leaves this process."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        self._certificate = (
            _builder("Harbour Street demo authority", self._key, now - timedelta(days=400), now + timedelta(days=400))
            .issuer_name(_subject("Harbour Street demo authority"))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_signs_only(), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def write(self, path: Path) -> None:
        """Write the authority's own certificate, for those who shall trust it, as PEM."""
        path.write_bytes(self._certificate.public_bytes(Encoding.PEM))

    def server(self, name: str, begins: timedelta = _JUST_NOW, ends: timedelta = _A_YEAR) -> ssl.SSLContext:
        """A server's context with a certificate for a name or an address, valid between two times relative to now."""
        now = datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(name, key, now + begins, now + ends)
            .issuer_name(self._certificate.subject)
            .add_extension(x509.SubjectAlternativeName([_called(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            # `ssl` takes a key from a file alone. The folder is private and gone a moment later.
            pem = Path(folder, "server.pem")
            private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            pem.write_bytes(private + certificate.public_bytes(Encoding.PEM))
            context.load_cert_chain(pem)
        return context


def _builder(name: str, key: ec.EllipticCurvePrivateKey, begins: datetime, ends: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _called(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _signs_only() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
