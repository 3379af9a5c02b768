"""Reads the X.509 certificates that a peer sent, bounded and printable, and tells how long they are valid."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from probes._base import DefaultRule, Metric, Sample

if TYPE_CHECKING:
    from cryptography import x509

LONGEST_TEXT = 200
"""The most characters kept of a name."""

MOST_NAMES = 50
"""The most alternative names kept of a certificate."""

LONGEST_CHAIN = 10
"""The most certificates looked at of a chain."""

_DAY = 24 * 3600

METRICS = (
    Metric(
        "deskwatch_certificate_remaining_seconds",
        "Time until the server's certificate, and until the first of those it sent, expires; negative once it has",
        "seconds",
        "certificate",
        ("leaf", "chain"),
    ),
    Metric(
        "probe_ssl_earliest_cert_expiry",
        "Unix time at which the first of the certificates that the server sent expires",
        "seconds",
    ),
)
"""What `expiry` measures."""

RULES = (
    DefaultRule(
        "certificate-expires",
        "deskwatch_certificate_remaining_seconds",
        "has a certificate that expires within 14 days",
        below=14 * _DAY,
    ),
    DefaultRule(
        "certificate-expires-now",
        "deskwatch_certificate_remaining_seconds",
        "has a certificate that expires within 3 days",
        severity="critical",
        below=3 * _DAY,
    ),
)
"""The rules of every kind that measures METRICS."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What matters of a certificate. Times are aware UTC; `names` are its DNS names and addresses, lower case."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    serial: str
    not_before: datetime
    not_after: datetime
    fingerprint: str


def prepare() -> None:
    """Import what reads certificates: a check that needs it had better spend 7 MB and a tenth of a second before its
    first run, and one that does not never."""
    from cryptography import x509  # noqa: F401


@lru_cache(maxsize=1024)
def from_pem(pem: bytes) -> Certificate:
    """Parse one PEM certificate; a server shows the same one each time. Raises ValueError when it is malformed."""
    from cryptography import x509

    return _certificate(x509.load_pem_x509_certificate(pem))


def from_der(der: bytes) -> Certificate:
    """Parse one DER certificate. Raises ValueError when it is malformed."""
    from cryptography import x509

    return _certificate(x509.load_der_x509_certificate(der))


def chain(pems: Sequence[bytes]) -> tuple[Certificate, ...]:
    """The certificates of a chain, leaf first. Malformed ones are left out."""
    found = []
    for pem in pems[:LONGEST_CHAIN]:
        try:
            found.append(from_pem(pem))
        except ValueError:
            continue
    return tuple(found)


def expiry(chain: Sequence[Certificate], now: datetime) -> tuple[Sample, ...]:
    """The samples of METRICS for a chain, leaf first; none for an empty one."""
    if not chain:
        return ()
    earliest = min(certificate.not_after for certificate in chain)
    return (
        Sample("deskwatch_certificate_remaining_seconds", (chain[0].not_after - now).total_seconds(), "leaf"),
        Sample("deskwatch_certificate_remaining_seconds", (earliest - now).total_seconds(), "chain"),
        Sample("probe_ssl_earliest_cert_expiry", earliest.timestamp()),
    )


def _certificate(parsed: "x509.Certificate") -> Certificate:
    from cryptography.hazmat.primitives import hashes

    return Certificate(
        subject=_name(parsed.subject),
        issuer=_name(parsed.issuer),
        names=_alternative_names(parsed),
        serial=f"{parsed.serial_number:x}"[:LONGEST_TEXT],
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        fingerprint=parsed.fingerprint(hashes.SHA256()).hex(),
    )


def _name(name: "x509.Name") -> str:
    return _printable(name.rfc4514_string())


def _alternative_names(parsed: "x509.Certificate") -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return ()
    kept = [name for name in names if isinstance(name, x509.DNSName | x509.IPAddress)][:MOST_NAMES]
    return tuple(_printable(str(name.value)).lower() for name in kept)


def _printable(text: str) -> str:
    """The text with everything escaped that could disturb a terminal or a log."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:LONGEST_TEXT])
