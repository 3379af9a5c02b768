"""Writes and reads SNMP messages with pysnmp's message definitions, below its MIB machinery."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import constraint, namedtype, univ
from pysnmp.proto import rfc1905
from pysnmp.proto.api import v2c

from probes._engines.snmp.session import Malformed
from probes._engines.snmp.values import Value

Kind = Literal["get", "next", "bulk"]

_UNREADABLE = (PyAsn1Error, ValueError, OverflowError)  # huge integers and lengths, which pyasn1 does not expect
_VERSIONS = {"1": 0, "2c": 1}
_LARGEST_INTEGER = 2**64
_UNSIGNED = {
    v2c.Counter32.tagSet: 2**32,
    v2c.Gauge32.tagSet: 2**32,
    v2c.TimeTicks.tagSet: 2**32,
    v2c.Counter64.tagSet: 2**64,
}
_ABSENT = (rfc1905.NoSuchObject.tagSet, rfc1905.NoSuchInstance.tagSet, univ.Null.tagSet)


def lenient(definition: Any) -> Any:
    """The same definition without limits for integers.

    Devices send counters and gauges beyond 2**31 as if they were negative; that must not spoil the whole message.
    """
    if isinstance(definition, univ.Integer):
        return definition.clone(subtypeSpec=constraint.ConstraintsIntersection())
    if isinstance(definition, univ.SequenceOf):
        return definition.clone(componentType=lenient(definition.componentType))
    if isinstance(definition, univ.SequenceAndSetBase):
        parts = definition.componentType.namedTypes
        fields = (namedtype.NamedType(part.name, lenient(part.asn1Object)) for part in parts)
        return definition.clone(componentType=namedtype.NamedTypes(*fields))
    return definition


_MESSAGE = lenient(v2c.Message())


class Reply(NamedTuple):
    """What an agent answered: `rows` up to the end of its MIB view, None for what does not exist or is NULL.

    `status` is its error-status and that one's name, `binding` the one that it is about, from 1; 0 is none.
    """

    request: int
    status: tuple[int, str]
    binding: int
    rows: tuple[tuple[str, Value | None], ...]
    ended: bool
    report: bool


def request(kind: Kind, number: int, oids: Sequence[str], size: int = 0) -> Any:
    """A request; `size` is how many rows a "bulk" asks for. The version 1 forms of "get" and "next" are the same."""
    if kind == "bulk":
        pdu = v2c.GetBulkRequestPDU()
        v2c.apiBulkPDU.set_defaults(pdu)
        v2c.apiBulkPDU.set_max_repetitions(pdu, size)
        v2c.apiBulkPDU.set_request_id(pdu, number)
        v2c.apiBulkPDU.set_varbinds(pdu, [(oid, v2c.null) for oid in oids])
        return pdu
    pdu = v2c.GetRequestPDU() if kind == "get" else v2c.GetNextRequestPDU()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, number)
    v2c.apiPDU.set_varbinds(pdu, [(oid, v2c.null) for oid in oids])
    return pdu


def write(version: Literal["1", "2c"], community: str, pdu: Any) -> bytes:
    """A whole message of version 1 or 2c."""
    message = v2c.Message()
    v2c.apiMessage.set_defaults(message)
    message[0] = _VERSIONS[version]
    message[1] = community.encode()
    v2c.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def read(version: Literal["1", "2c"], data: bytes) -> Reply | None:
    """The reply in a message of that version, None when it is of another. Raises Malformed."""
    message = decode(data, _MESSAGE)
    if int(message[0]) != _VERSIONS[version]:
        return None
    return reply(v2c.apiMessage.get_pdu(message))


def decode(data: bytes, expected: Any) -> Any:
    """What the octets at the start of `data` hold, if it is as expected. Raises Malformed."""
    try:
        found, _ = decoder.decode(data, asn1Spec=expected)
    except _UNREADABLE as error:
        raise Malformed(_brief(error)) from error
    return found


def reply(pdu: Any) -> Reply | None:
    """What is in a response or report, None when it is something else. Raises Malformed."""
    if pdu.tagSet not in (v2c.ResponsePDU.tagSet, v2c.ReportPDU.tagSet):
        return None
    try:
        rows, ended = _rows(v2c.apiPDU.get_varbinds(pdu))
        status, binding = (int(pdu[1]), pdu[1].prettyPrint()), int(pdu[2])
    except _UNREADABLE as error:
        raise Malformed(_brief(error)) from error
    return Reply(int(pdu[0]), status, binding, rows, ended, pdu.tagSet == v2c.ReportPDU.tagSet)


def _rows(bindings: Sequence[tuple[Any, Any]]) -> tuple[tuple[tuple[str, Value | None], ...], bool]:
    rows: list[tuple[str, Value | None]] = []
    for oid, value in bindings:
        if value.tagSet == rfc1905.EndOfMibView.tagSet:
            return tuple(rows), True
        rows.append((str(oid), _value(value)))
    return tuple(rows), False


def _value(found: Any) -> Value | None:
    if found.tagSet in _ABSENT:
        return None
    if isinstance(found, univ.Integer):
        return _integer(found)
    if isinstance(found, v2c.IpAddress):
        return ".".join(map(str, found.asNumbers()))
    if isinstance(found, univ.OctetString):
        return bytes(found)
    return str(found)


def _integer(found: Any) -> int:
    given = int(found)
    if not -_LARGEST_INTEGER <= given < _LARGEST_INTEGER:
        raise Malformed("an integer of more than 64 bits")
    return given % _UNSIGNED[found.tagSet] if found.tagSet in _UNSIGNED else given


def _brief(error: Exception) -> str:
    """pyasn1's own words quote whole messages, which may carry a community."""
    return type(error).__name__
