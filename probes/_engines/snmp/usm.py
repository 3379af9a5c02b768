"""SNMP version 3 messages: signed and encrypted by the user-based security model (RFC 3414, 3826, 7860)."""

import hashlib
import hmac
import time
from typing import Any, NamedTuple

from pyasn1.codec.ber import encoder
from pyasn1.type import univ
from pysnmp.proto.error import StatusInformation
from pysnmp.proto.mpmod.rfc3412 import ScopedPDU, SNMPv3Message
from pysnmp.proto.secmod.rfc3414.localkey import hash_passphrase, localize_key

# The ciphers by way of the module that uses them: imported first, they find themselves half-made in a circle.
from pysnmp.proto.secmod.rfc3414.service import (
    UsmSecurityParameters,
    aes,
    aes192,
    aes256,
    des,
    hmacmd5,
    hmacsha,
    hmacsha2,
)

from probes._engines.snmp.credentials import Credentials
from probes._engines.snmp.messages import Reply, decode, lenient, reply
from probes._engines.snmp.session import Malformed

_AUTHENTICATED, _ENCRYPTED, _REPORTABLE = 1, 2, 4
_USM = 3
_LARGEST_MESSAGE = 65507

_MESSAGE, _SCOPED = lenient(SNMPv3Message()), lenient(ScopedPDU())
_HASHES = {
    # name: its hash, octets of it that a message carries, how pysnmp names it
    "MD5": (hashlib.md5, 12, hmacmd5.HmacMd5.SERVICE_ID),
    "SHA": (hashlib.sha1, 12, hmacsha.HmacSha.SERVICE_ID),
    "SHA-224": (hashlib.sha224, 16, hmacsha2.HmacSha2.SHA224_SERVICE_ID),
    "SHA-256": (hashlib.sha256, 24, hmacsha2.HmacSha2.SHA256_SERVICE_ID),
    "SHA-384": (hashlib.sha384, 32, hmacsha2.HmacSha2.SAH384_SERVICE_ID),
    "SHA-512": (hashlib.sha512, 48, hmacsha2.HmacSha2.SHA512_SERVICE_ID),
}
_CIPHERS = {
    "DES": des.Des,
    "AES": aes.Aes,
    "AES-192": aes192.AesBlumenthal192,
    "AES-256": aes256.AesBlumenthal256,
    "AES-192-cisco": aes192.Aes192,
    "AES-256-cisco": aes256.Aes256,
}


class Authority(NamedTuple):
    """What a device said of itself: the identity that keys are made for, and its clock as of `at`, our steady one."""

    engine_id: bytes
    boots: int
    time: int
    at: float


class Opened(NamedTuple):
    """A message that came in: the number that its request had, its reply, and whether the sender proved who it is."""

    number: int
    reply: Reply
    authority: Authority
    proven: bool


DISCOVERY = Authority(b"", 0, 0, 0.0)
"""The authority to send to before we know one."""


class Seal:
    """One user's keys for one device."""

    def __init__(self, credentials: Credentials, engine_id: bytes) -> None:
        """Takes some milliseconds: a passphrase becomes a key by hashing a megabyte of it."""
        self._user = credentials.user.encode()
        self._context = credentials.context.encode()
        self._flags = 0
        if credentials.authentication_passphrase is not None:
            self._flags |= _AUTHENTICATED
            self._hash, self._length, service = _HASHES[credentials.authentication]
            master = hash_passphrase(_octets(credentials.authentication_passphrase), self._hash)
            self._key = bytes(localize_key(master, univ.OctetString(engine_id), self._hash))
        if credentials.privacy_passphrase is not None:
            self._flags |= _ENCRYPTED
            self._cipher = _CIPHERS[credentials.privacy]()
            master = self._cipher.hash_passphrase(service, _octets(credentials.privacy_passphrase))
            self._secret = self._cipher.localize_key(service, master, univ.OctetString(engine_id))

    def write(self, number: int, to: Authority, pdu: Any) -> bytes:
        """A whole message: signed, encrypted, as the user's keys allow."""
        now = to.time + int(time.monotonic() - to.at) if to.engine_id else 0
        scoped = ScopedPDU()
        scoped[0], scoped[1] = to.engine_id, self._context
        scoped[2].setComponentByType(pdu.tagSet, pdu, verifyConstraints=False)
        security = UsmSecurityParameters()
        security[0], security[1], security[2], security[3] = to.engine_id, to.boots, now, self._user
        security[4], security[5] = b"\0" * self._length if self._flags & _AUTHENTICATED else b"", b""
        content: Any = scoped
        if self._flags & _ENCRYPTED:
            content, security[5] = self._cipher.encrypt_data(
                self._secret, (to.boots, now, None), encoder.encode(scoped)
            )
        return self._signed(_message(number, self._flags, security, content), security, content)

    def _signed(self, message: bytes, security: Any, content: Any) -> bytes:
        """With the hash in its place, counted from the end: a run of zeros may be in an engine's identity too."""
        if not self._flags & _AUTHENTICATED:
            return message
        end = len(message) - len(encoder.encode(content)) - len(encoder.encode(security[5]))
        start = end - self._length
        return message[:start] + self._hash_of(message) + message[end:]

    def _hash_of(self, message: bytes) -> bytes:
        return hmac.new(self._key, message, self._hash).digest()[: self._length]

    def read(self, data: bytes) -> Opened | None:
        """A message that came in, None when it can't be for this user.

        A response must be signed and encrypted as our requests are; a report may come without, and proves nothing then.
        Raises Malformed.
        """
        message = decode(data, _MESSAGE)
        if int(message[0]) != 3 or int(message[1][3]) != _USM:
            return None
        flags = message[1][2].asNumbers()[0] & ~_REPORTABLE
        security = decode(bytes(message[2]), UsmSecurityParameters())
        proven = bool(flags & self._flags & _AUTHENTICATED) and self._is_signed(data, bytes(message[2]), security)
        if flags & _AUTHENTICATED and not proven:
            return None
        found = self._opened(message[3], security)
        if found is None or not (found.report or flags == self._flags):
            return None
        authority = Authority(bytes(security[0]), int(security[1]), int(security[2]), time.monotonic())
        return Opened(int(message[1][0]), found, authority, proven)

    def _is_signed(self, data: bytes, security: bytes, fields: Any) -> bool:
        given = bytes(fields[4])
        if len(given) != self._length:
            return False
        start = data.find(security) + security.rfind(given)
        blank = data[:start] + b"\0" * self._length + data[start + self._length :]
        return hmac.compare_digest(given, self._hash_of(blank))

    def _opened(self, content: Any, security: Any) -> Reply | None:
        """The reply within, decrypted if need be."""
        if content.getName() == "plaintext":
            scoped = content["plaintext"]
        elif self._flags & _ENCRYPTED:
            scoped = decode(self._decrypted(content["encryptedPDU"], security), _SCOPED)
        else:
            return None
        return reply(scoped[2].getComponent())

    def _decrypted(self, content: Any, security: Any) -> bytes:
        try:
            parameters = (int(security[1]), int(security[2]), security[5])
            return bytes(self._cipher.decrypt_data(self._secret, parameters, content))
        except StatusInformation as error:
            raise Malformed("not encrypted as agreed") from error


def _octets(secret: Any) -> bytes:
    return bytes(secret.get_secret_value().encode())


def _message(number: int, flags: int, security: Any, content: Any) -> bytes:
    message = SNMPv3Message()
    message[0] = 3
    header = message[1]
    header[0], header[1], header[2], header[3] = number, _LARGEST_MESSAGE, bytes([flags | _REPORTABLE]), _USM
    message[2] = encoder.encode(security)
    message[3][1 if flags & _ENCRYPTED else 0] = content
    return bytes(encoder.encode(message))
