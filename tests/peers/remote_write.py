"""A receiver of remote write that reads requests with other people's libraries, and misbehaves on demand."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import cramjam
from aiohttp import web
from aiohttp.test_utils import TestServer
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

STALE = "stale"
"""The value of a series that has ended."""

_Field = descriptor_pb2.FieldDescriptorProto
_TYPES = {"string": _Field.TYPE_STRING, "double": _Field.TYPE_DOUBLE, "int64": _Field.TYPE_INT64}
_MESSAGES = {
    "Label": {"name": "string", "value": "string"},
    "Sample": {"value": "double", "timestamp": "int64"},
    "TimeSeries": {"labels": "Label", "samples": "Sample"},
    "WriteRequest": {"timeseries": "TimeSeries"},
}
_STALE_BITS = struct.pack(">Q", 0x7FF0000000000002)


def _write_request() -> type:
    """The protobuf library's class, made from the messages as they are specified."""
    file = descriptor_pb2.FileDescriptorProto(name="remote.proto", package="write", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (key, kind) in enumerate(fields.items(), 1):
            made = message.field.add(name=key, number=number, label=_Field.LABEL_OPTIONAL)
            if kind in _TYPES:
                made.type = _TYPES[kind]
            else:
                made.type, made.type_name, made.label = _Field.TYPE_MESSAGE, f".write.{kind}", _Field.LABEL_REPEATED
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("write.WriteRequest"))


WRITE_REQUEST = _write_request()


class Got(NamedTuple):
    """One sample: its labels in the order they came, its value or STALE, and its time in milliseconds."""

    labels: tuple[tuple[str, str], ...]
    value: float | str
    at: int


def unpacked(body: bytes) -> list[Got]:
    """The samples of a request."""
    found = []
    for series in WRITE_REQUEST.FromString(bytes(cramjam.snappy.decompress_raw(body))).timeseries:
        labels = tuple((label.name, label.value) for label in series.labels)
        for sample in series.samples:
            is_stale = struct.pack(">d", sample.value) == _STALE_BITS
            found.append(Got(labels, STALE if is_stale else sample.value, sample.timestamp))
    return found


@dataclass
class Receiver:
    """What it took, in order, and how it answers: by default it takes everything."""

    url: str = ""
    samples: list[Got] = field(default_factory=list)
    requests: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    answer: Callable[[web.Request], web.StreamResponse | None] = lambda _: None
    at_once: int = 0
    most_at_once: int = 0

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Take a request unless `answer` says otherwise."""
        self.requests += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.headers = dict(request.headers)
            body = await request.read()
            refusal = self.answer(request)
            if refusal is None:
                self.samples += unpacked(body)
            return refusal or web.Response(status=204)
        finally:
            self.at_once -= 1

    def values(self, name: str) -> list[float | str]:
        """What the series of that name had, in order of arrival."""
        return [one.value for one in self.samples if dict(one.labels)["__name__"] == name]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until it is true."""
        async with asyncio.timeout(60):
            while not condition():
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def receiver(port: int | None = None) -> AsyncIterator[Receiver]:
    """A receiver on loopback."""
    made = Receiver()
    app = web.Application(client_max_size=10_000_000)
    app.router.add_route("*", "/{rest:.*}", made.take)
    async with TestServer(app, port=port) as server:
        made.url = str(server.make_url("/api/v1/write"))
        yield made
