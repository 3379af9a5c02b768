"""What a host is: a number or a name, this machine or another."""

import pytest

from monitor.hosts import is_address, is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "10.0.0.1", "::", "localhost.example.org", "127.0.0.1.example.org"])
def test_every_other_host_is_not(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(("host", "number"), [("10.0.0.1", True), ("fe80::1", True), ("10.0.0", False), ("", False)])
def test_an_address_is_a_number_and_not_a_name(host: str, number: bool) -> None:
    assert is_address(host) is number
