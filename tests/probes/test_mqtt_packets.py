"""The bytes of MQTT: ours against those that paho writes, and whatever a broker may send."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from probes._engines.mqtt_packets import (
    KEEP_ALIVE,
    MOST_KEPT,
    Kind,
    Malformed,
    Packet,
    Publication,
    connect,
    connected,
    ping,
    published,
    read,
    subscribe,
    subscribed,
)


async def packet(data: bytes) -> Packet:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return await read(reader)


class Paho(paho.Client):
    """A client that writes into memory."""

    def __init__(self, name: str) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, name)
        self.written = b""

    def _packet_queue(self, command: int, packet: bytes, *_: object) -> paho.MQTTErrorCode:  # type: ignore[override]
        self.written += bytes(packet)
        return paho.MQTTErrorCode.MQTT_ERR_SUCCESS


@pytest.mark.parametrize(("username", "password"), [("", None), ("ana", None), ("ana", "pässword")])
def test_a_greeting_is_the_one_that_paho_writes(username: str, password: str | None) -> None:
    client = Paho("deskwatch1")
    if username:
        client.username_pw_set(username, password)
    client._send_connect(KEEP_ALIVE)
    assert connect("deskwatch1", username, password) == client.written


def test_a_subscription_and_a_ping_are_those_that_paho_writes() -> None:
    client = Paho("x")
    client._send_subscribe(False, [(f"sensors/{'x' * 200}/+".encode(), 0)])
    client._send_pingreq()
    assert subscribe(1, f"sensors/{'x' * 200}/+") + ping() == client.written


async def test_a_message_is_read() -> None:
    body = b"\0\x03a/b" + b"21.5"
    assert published(await packet(bytes((0x31, len(body))) + body)) == Publication("a/b", b"21.5", True)
    numbered = b"\0\x03a/b\0\x07" + b"21.5"
    assert published(await packet(bytes((0x32, len(numbered))) + numbered)) == Publication("a/b", b"21.5", False)


async def test_what_is_too_large_is_cut_and_the_rest_skipped() -> None:
    body = b"\0\x01t" + b"x" * 300_000
    reader = asyncio.StreamReader()
    reader.feed_data(b"\x30" + bytes((0x80 | len(body) & 0x7F, 0x80 | len(body) >> 7 & 0x7F, len(body) >> 14)))
    reader.feed_data(body + b"\xd0\0")
    large, after = await read(reader), await read(reader)
    assert (len(large.body), large.cut) == (MOST_KEPT, True)
    assert after == Packet(Kind.PINGRESP, 0, b"")


@given(st.binary(max_size=300))
async def test_any_bytes_are_packets_the_end_or_malformed(data: bytes) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    for _ in range(301):
        try:
            found = await read(reader)
        except (asyncio.IncompleteReadError, Malformed):
            return
        for parse in (connected, subscribed, published):
            try:
                parse(found)  # type: ignore[operator]
            except Malformed:
                continue
    raise AssertionError("more packets than bytes")
