"""Signed links: only what we signed, only for whom we signed it, only for a while."""

from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulid import ULID

from alerting.links import LENGTH, Expired, Link, LinkError, Purpose, Signer, digest, read, sign

SECRET, OLDER, OTHER = b"a" * 32, b"b" * 32, b"c" * 32
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LINK = Link(Purpose.INCIDENT, str(ULID()), str(ULID()), "ana", NOW, NOW + timedelta(hours=24))
PEOPLE = ("ana", "ben/phone", "chat")

ulids = st.binary(min_size=16, max_size=16).map(lambda raw: str(ULID.from_bytes(raw)))
moments = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
names = st.text(min_size=1, max_size=127)


@given(ulids, ulids, names, moments, st.integers(1, 10**8))
def test_what_was_signed_is_read_again(incident: str, episode: str, name: str, made: datetime, life: int) -> None:
    link = Link(Purpose.INCIDENT, incident, episode, name, made, made + timedelta(seconds=life))
    token = sign(SECRET, link)
    assert len(token) == LENGTH
    assert token.replace("-", "a").replace("_", "a").isalnum()
    assert read([SECRET], token, [*PEOPLE, name], made) == link


@given(st.integers(0, LENGTH * 6 - 1))
def test_any_bit_flipped_is_refused(bit: int) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    token = sign(SECRET, LINK)
    at, flip = bit // 6, 1 << bit % 6
    forged = token[:at] + alphabet[alphabet.index(token[at]) ^ flip] + token[at + 1 :]
    with pytest.raises(LinkError, match="not complete, or it was withdrawn"):
        read([SECRET], forged, PEOPLE, NOW)


@given(st.text(max_size=200))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(LinkError):
        read([SECRET], text, PEOPLE, NOW)


@given(st.binary(min_size=63, max_size=63))
def test_bytes_of_the_right_length_are_refused_like_any_other(raw: bytes) -> None:
    with pytest.raises(LinkError):
        read([SECRET, OLDER], urlsafe_b64encode(raw).decode(), PEOPLE, NOW)


@pytest.mark.parametrize("spelling", ["{}=", " {}", "{}\n", "{}?", "{}A", "\u00e9{}"])
def test_a_token_has_one_spelling(spelling: str) -> None:
    with pytest.raises(LinkError):
        read([SECRET], spelling.format(sign(SECRET, LINK)), PEOPLE, NOW)


def test_plus_and_slash_are_no_other_spelling_of_a_token() -> None:
    tokens = (sign(SECRET, replace(LINK, episode=str(ULID()))) for _ in range(1000))
    token = next(one for one in tokens if "-" in one or "_" in one)
    with pytest.raises(LinkError):
        read([SECRET], token.replace("-", "+").replace("_", "/"), PEOPLE, NOW)


def test_a_link_runs_out_at_its_very_second() -> None:
    token = sign(SECRET, LINK)
    assert read([SECRET], token, PEOPLE, LINK.expires - timedelta(microseconds=1)) == LINK
    with pytest.raises(Expired, match="has run out"):
        read([SECRET], token, PEOPLE, LINK.expires)


def test_who_forges_an_expired_link_learns_nothing() -> None:
    forged = sign(OTHER, LINK)
    with pytest.raises(LinkError) as caught:
        read([SECRET], forged, PEOPLE, LINK.expires)
    assert not isinstance(caught.value, Expired)


def test_the_link_of_somebody_who_is_no_longer_configured_opens_nothing() -> None:
    with pytest.raises(LinkError):
        read([SECRET], sign(SECRET, LINK), ["ben/phone", "chat"], NOW)


def test_a_link_cannot_be_passed_off_as_anothers() -> None:
    mine, hers = sign(SECRET, replace(LINK, destination="ben/phone")), sign(SECRET, LINK)
    assert read([SECRET], mine, PEOPLE, NOW).destination == "ben/phone"
    assert read([SECRET], hers, PEOPLE, NOW).destination == "ana"
    with pytest.raises(LinkError):
        read([SECRET], mine[:20] + hers[20:], PEOPLE, NOW)


def test_an_older_key_still_opens_and_a_strange_one_does_not() -> None:
    assert read([SECRET, OLDER], sign(OLDER, LINK), PEOPLE, NOW) == LINK
    with pytest.raises(LinkError):
        read([SECRET, OLDER], sign(OTHER, LINK), PEOPLE, NOW)
    with pytest.raises(LinkError):
        read([], sign(SECRET, LINK), PEOPLE, NOW)


def test_a_drill_is_named_after_its_day() -> None:
    drill = replace(LINK, purpose=Purpose.DRILL, incident="", episode="drill/2026-03-02")
    assert read([SECRET], sign(SECRET, drill), PEOPLE, NOW) == drill
    with pytest.raises(ValueError, match="16 characters"):
        sign(SECRET, replace(drill, episode="drill/later"))


def test_the_signer_makes_short_addresses_that_last_as_long_as_configured() -> None:
    signer = Signer(SECRET, "https://watch.example/", 3600)
    address = signer.incident(LINK.incident, LINK.episode, "ana", NOW + timedelta(milliseconds=300))
    base, _, token = address.rpartition("/")
    assert base == "https://watch.example/act"
    assert read([SECRET], token, PEOPLE, NOW) == replace(LINK, expires=NOW + timedelta(hours=1))
    confirm = signer.drill("drill/2026-03-02", "ana", NOW).rpartition("/")[2]
    assert read([SECRET], confirm, PEOPLE, NOW).purpose is Purpose.DRILL


def test_without_an_address_of_our_own_there_is_no_link() -> None:
    assert Signer(SECRET, "", 3600).incident(LINK.incident, LINK.episode, "ana", NOW) == ""


def test_the_digest_does_not_betray_the_token() -> None:
    token = sign(SECRET, LINK)
    assert len(digest(token)) == 32
    assert token.encode() not in digest(token)
