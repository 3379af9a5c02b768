"""Codes of authenticator apps, against the RFC."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.people.totp import STEP, address, code, matched, new_secret

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
NOW = datetime(2026, 3, 2, 9, 0, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037"),
     (20000000000, "353130")],
)  # fmt: skip
def test_the_codes_are_those_of_rfc_6238_appendix_b(seconds: int, shown: str) -> None:
    assert code(SECRET, seconds // STEP) == shown


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_half_a_minute_off(steps: int, taken: bool) -> None:
    current = int(NOW.timestamp()) // STEP
    found = matched(SECRET, code(SECRET, current + steps), 0, NOW)
    assert found == (current + steps if taken else None)


def test_a_code_counts_once_and_then_only_newer_ones_do() -> None:
    current = int(NOW.timestamp()) // STEP
    assert matched(SECRET, code(SECRET, current), current, NOW) is None
    assert matched(SECRET, code(SECRET, current - 1), current, NOW) is None
    assert matched(SECRET, code(SECRET, current + 1), current, NOW) == current + 1


def test_a_code_may_be_typed_with_spaces() -> None:
    shown = code(SECRET, int(NOW.timestamp()) // STEP)
    assert matched(SECRET, f" {shown[:3]} {shown[3:]}\n", 0, NOW) is not None


@given(st.text(max_size=12))
def test_nothing_else_is_a_code(typed: str) -> None:
    shown = {code(SECRET, int((NOW + timedelta(seconds=off)).timestamp()) // STEP) for off in (-STEP, 0, STEP)}
    assert (matched(SECRET, typed, 0, NOW) is not None) is ("".join(typed.split()) in shown)


def test_a_secret_has_160_bits_and_is_never_the_same() -> None:
    assert len(new_secret()) == 32
    assert new_secret() != new_secret()


def test_apps_read_whose_codes_they_are() -> None:
    found = urlsplit(address(SECRET, "ana@example.org", "Harbour Hall"))
    assert (found.scheme, found.netloc) == ("otpauth", "totp")
    assert found.path == "/Deskwatch%20Harbour%20Hall:ana%40example.org"
    assert parse_qs(found.query) == {"secret": [SECRET], "issuer": ["Deskwatch Harbour Hall"]}
