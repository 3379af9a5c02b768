"""What the demo's devices that speak SNMP have in common: an agent of version 2c."""

import asyncio
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pysnmp.proto.api import v2c

from monitor.demo.peers.peer import Peer

Oid = tuple[int, ...]
Value = int | str | bytes | Oid
Rows = Mapping[Oid, Value]
"""Values by their object and index."""

_MOST_REPETITIONS = 50
_NOT_WRITABLE = 17  # error-status, RFC 3416 section 3
_NO_INSTANCE, _END = v2c.NoSuchInstance(""), v2c.EndOfMibView("")
_SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)


class SnmpAgent(Peer, asyncio.DatagramProtocol):
    """A device that tells what is in `rows` to whoever knows its community."""

    def __init__(self, address: str, community: str) -> None:
        super().__init__(address)
        self._community = community.encode()
        self._transport: asyncio.DatagramTransport | None = None

    @abstractmethod
    def rows(self) -> Rows:
        """All that it has to tell now."""

    async def start(self) -> None:
        """Listen on a free port."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, (self.address, self.port))
        self.port = self._transport.get_extra_info("sockname")[1]

    async def stop(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer one request; a stranger, and what is no request, gets no answer."""
        try:
            message, _ = decoder.decode(data, asn1Spec=v2c.Message())
        except (PyAsn1Error, ValueError):
            return
        if bytes(message[1]) == self._community and self._transport is not None:
            self._transport.sendto(encoder.encode(self._answer(message)), addr)

    def _answer(self, message: Any) -> Any:
        response = v2c.apiMessage.get_response(message)
        asked, said = v2c.apiMessage.get_pdu(message), v2c.apiMessage.get_pdu(response)
        oids = [tuple(oid) for oid, _ in v2c.apiPDU.get_varbinds(asked)]
        if asked.tagSet == v2c.SetRequestPDU.tagSet:
            self.orders.append(f"set {'.'.join(map(str, oids[0]))}" if oids else "set")
            v2c.apiPDU.set_error_status(said, _NOT_WRITABLE)
            v2c.apiPDU.set_error_index(said, 1)
        else:
            v2c.apiPDU.set_varbinds(said, list(self._found(asked, oids)))
        return response

    def _found(self, asked: Any, oids: Iterable[Oid]) -> Iterator[tuple[Oid, Any]]:
        """The bindings that answer a get, a next or a bulk."""
        rows = self.rows()
        if asked.tagSet == v2c.GetRequestPDU.tagSet:
            yield from ((oid, _typed(rows[oid]) if oid in rows else _NO_INSTANCE) for oid in oids)
            return
        bulk = asked.tagSet == v2c.GetBulkRequestPDU.tagSet
        most = min(int(v2c.apiBulkPDU.get_max_repetitions(asked)), _MOST_REPETITIONS) if bulk else 1
        for oid in oids:
            after = [row for row in sorted(rows) if row > oid]
            yield from ((row, _typed(rows[row])) for row in islice(after, most))
            if len(after) < most:
                yield (after[-1] if after else oid), _END


def system(description: str, object_id: Oid, name: str) -> Rows:
    """What every device says of itself."""
    return {(*_SYSTEM, 1, 0): description, (*_SYSTEM, 2, 0): object_id, (*_SYSTEM, 5, 0): name}


def column(table: Oid, cells: Mapping[Oid, Value]) -> dict[Oid, Value]:
    """A column of a table, by index."""
    return {(*table, *index): value for index, value in cells.items()}


def _typed(value: Value) -> Any:
    if isinstance(value, int):
        return v2c.Integer32(value)
    return v2c.ObjectIdentifier(value) if isinstance(value, tuple) else v2c.OctetString(value)
