"""Codes of an authenticator app: RFC 6238 with SHA-1, six digits and 30 seconds, which is what all apps take."""

import base64
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

DIGITS = 6
STEP = 30
"""Seconds that a code is shown."""
_DRIFT = (0, -1, 1)
"""Steps that a phone's clock may be off."""


def new_secret() -> str:
    """160 random bits (RFC 4226, section 4), as apps take them: base32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code(secret: str, step: int) -> str:
    """The code of a step (RFC 4226, section 5.3)."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def matched(secret: str, given: str, used: int, now: datetime) -> int | None:
    """The step whose code it is, None if it is of none that may be used; those up to `used` were used before."""
    current = int(now.timestamp()) // STEP
    tried = "".join(given.split()).encode(errors="replace")
    found = [step for drift in _DRIFT if hmac.compare_digest(code(secret, step := current + drift).encode(), tried)]
    return next((step for step in found if step > used), None)


def address(secret: str, name: str, site: str) -> str:
    """What the QR code holds: whose codes they are, and the secret (the `otpauth` format that apps read)."""
    label = f"{quote(f'Deskwatch {site}')}:{quote(name)}"
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': f'Deskwatch {site}'}, quote_via=quote)}"
