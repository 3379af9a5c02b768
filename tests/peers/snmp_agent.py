"""An SNMP agent whose every answer a test decides."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c

NULL = v2c.Null("")
END = v2c.EndOfMibView("")


class Request(NamedTuple):
    """What was asked, and from which address; `size` is a bulk's max-repetitions, else 1."""

    kind: Literal["get", "next", "bulk"]
    oids: tuple[str, ...]
    size: int
    message: Any
    asker: tuple[str, int]

    def answer(
        self,
        rows: Iterable[tuple[str, Any]],
        status: int = 0,
        binding: int = 0,
        number: int | None = None,
    ) -> bytes:
        """A response with those bindings: an int is an INTEGER, bytes an OCTET STRING, else a value of pysnmp's."""
        response = v2c.apiMessage.get_response(self.message)
        pdu = v2c.apiMessage.get_pdu(response)
        v2c.apiPDU.set_varbinds(pdu, [(oid, _value(value)) for oid, value in rows])
        v2c.apiPDU.set_error_status(pdu, status)
        v2c.apiPDU.set_error_index(pdu, binding)
        if number is not None:
            v2c.apiPDU.set_request_id(pdu, number)
        return bytes(encoder.encode(response))

    def refusal(self, status: int, binding: int = 0) -> bytes:
        """An error-status, with the bindings as they were asked."""
        return self.answer([(oid, NULL) for oid in self.oids], status, binding)


Behaviour = Callable[[Request], Sequence[bytes]]


@asynccontextmanager
async def snmp_agent(behave: Behaviour) -> AsyncIterator[int]:
    """Answers each request with the datagrams that `behave` returns; yields the port on 127.0.0.1."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Agent(behave), local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()


def serving(rows: Mapping[str, Any]) -> Behaviour:
    """An agent with those instances; what a test changes in them shows at once."""

    def arcs(oid: str) -> list[int]:
        return [int(arc) for arc in oid.split(".")]

    def following(oid: str) -> list[tuple[str, Any]]:
        return [(each, rows[each]) for each in sorted(rows, key=arcs) if arcs(each) > arcs(oid)]

    def behave(request: Request) -> list[bytes]:
        if request.kind == "get":
            return [request.answer([(oid, rows.get(oid, v2c.NoSuchInstance(""))) for oid in request.oids])]
        found = following(request.oids[0])[: request.size]
        return [request.answer(found if len(found) == request.size else [*found, ("2.99", END)])]

    return behave


class _Agent(asyncio.DatagramProtocol):
    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        for answer in self._behave(_parse(data, address)):
            self._transport.sendto(answer, address)


def _parse(data: bytes, asker: tuple[str, int]) -> Request:
    message, _ = decoder.decode(data, asn1Spec=v2c.Message())
    pdu = v2c.apiMessage.get_pdu(message)
    oids = tuple(str(oid) for oid, _ in v2c.apiPDU.get_varbinds(pdu))
    if pdu.tagSet == v2c.GetBulkRequestPDU.tagSet:
        return Request("bulk", oids, int(v2c.apiBulkPDU.get_max_repetitions(pdu)), message, asker)
    return Request("get" if pdu.tagSet == v2c.GetRequestPDU.tagSet else "next", oids, 1, message, asker)


def _value(given: Any) -> Any:
    if isinstance(given, int):
        return v2c.Integer32(given)
    return v2c.OctetString(given) if isinstance(given, bytes) else given
