"""internet.tls against servers with good and bad certificates and protocols."""

import asyncio
import ssl
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from peers.certificates import Authority, authority
from peers.ports import free_port
from peers.tcp import serving, trickling

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.certificates import chain, from_der, from_pem
from probes.internet.tls import Tls, TlsParams

__all__ = ["authority"]


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """A service that never says anything of itself."""
    await reader.read()


async def measure(engines: Engines, port: int, timeout: float = 60, **settings: Any) -> Measured:
    return await Tls(TlsParams.model_validate({"host": "127.0.0.1", "port": port, **settings}), engines).measure(
        timeout
    )


async def failure(engines: Engines, port: int, timeout: float = 60, **settings: Any) -> Failed:
    with pytest.raises(Failed) as raised:
        await measure(engines, port, timeout, **settings)
    assert raised.value.reason in {"timeout", *Tls.reasons}
    return raised.value


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    return {f"{sample.metric}/{sample.part}".removesuffix("/"): sample.value for sample in samples}


def only(version: ssl.TLSVersion, context: ssl.SSLContext) -> ssl.SSLContext:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


async def test_a_good_certificate_is_up_with_its_dates(engines: Engines, authority: Authority) -> None:
    issued = authority.issue(ends=timedelta(days=30))
    async with serving(silent, tls=issued.context()) as port:
        measured = await measure(engines, port, ca_file=str(authority.file))
    found = values(measured.samples)
    expires = issued.certificate.not_valid_after_utc
    assert found["probe_ssl_earliest_cert_expiry"] == expires.timestamp()
    assert 29.9 * 86400 < found["deskwatch_certificate_remaining_seconds/leaf"] < 30 * 86400
    assert found["probe_tls_version_info/TLS 1.3"] == 1
    assert any(name.startswith("probe_tls_cipher_info/TLS_") for name in found)
    assert found["deskwatch_tls_duration_seconds/tls"] > 0
    assert (
        measured.detail
        == f"TLSv1.3, certificate for localhost, 127.0.0.1, ::1, valid until {expires:%Y-%m-%d %H:%M} UTC"
    )


async def test_an_issuer_that_expires_before_the_leaf_counts(engines: Engines, authority: Authority) -> None:
    async with serving(silent, tls=authority.issue(ends=timedelta(days=500)).context()) as port:
        found = values((await measure(engines, port, ca_file=str(authority.file))).samples)
    assert found["deskwatch_certificate_remaining_seconds/leaf"] > 499 * 86400
    assert found["deskwatch_certificate_remaining_seconds/chain"] < 365 * 86400


async def test_it_talks_ipv6(engines: Engines, authority: Authority) -> None:
    async with serving(silent, "::1", tls=authority.issue().context()) as port:
        await measure(engines, port, host="::1", ca_file=str(authority.file))


async def test_the_name_asked_for_can_differ_from_the_host(engines: Engines, authority: Authority) -> None:
    asked: list[str | None] = []
    context = authority.issue(["doors.test"]).context()
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with serving(silent, tls=context) as port:
        await measure(engines, port, server_name="doors.test", ca_file=str(authority.file))
        failed = await failure(engines, port, ca_file=str(authority.file))
    assert asked[0] == "doors.test"
    assert failed.reason == "certificate_wrong_name"
    assert "certificate for doors.test" in failed.detail


@pytest.mark.parametrize(
    ("issued", "trusted", "reason"),
    [
        ({"ends": -timedelta(days=1), "begins": -timedelta(days=30)}, True, "certificate_expired"),
        ({"names": ["elsewhere.test"]}, True, "certificate_wrong_name"),
        ({}, False, "certificate_untrusted"),
    ],
)
async def test_a_bad_certificate_is_down_with_its_dates(
    engines: Engines, authority: Authority, issued: dict[str, Any], trusted: bool, reason: str
) -> None:
    certificate = authority.issue(**issued)
    expires = certificate.certificate.not_valid_after_utc
    async with serving(silent, tls=certificate.context()) as port:
        failed = await failure(engines, port, ca_file=str(authority.file) if trusted else "")
        accepted = await measure(engines, port, tls_verify=False)
    assert failed.reason == reason
    assert f"valid until {expires:%Y-%m-%d %H:%M} UTC" in failed.detail
    assert values(failed.samples)["probe_ssl_earliest_cert_expiry"] == expires.timestamp()
    assert values(accepted.samples)["probe_ssl_earliest_cert_expiry"] == expires.timestamp()


@pytest.mark.parametrize(
    ("spoken", "minimum"), [(ssl.TLSVersion.TLSv1_1, "TLSv1.2"), (ssl.TLSVersion.TLSv1_2, "TLSv1.3")]
)
async def test_a_protocol_that_is_too_old_is_down_with_the_dates(
    engines: Engines, authority: Authority, spoken: ssl.TLSVersion, minimum: str
) -> None:
    context = only(spoken, authority.issue().context())
    async with serving(silent, tls=context) as port:
        for verify in (True, False):
            failed = await failure(engines, port, ca_file=str(authority.file), minimum=minimum, tls_verify=verify)
            assert failed.reason == "protocol_too_old"
            assert values(failed.samples)["deskwatch_certificate_remaining_seconds/leaf"] > 0


async def test_an_older_protocol_than_the_newest_is_good_enough(engines: Engines, authority: Authority) -> None:
    context = only(ssl.TLSVersion.TLSv1_2, authority.issue().context())
    async with serving(silent, tls=context) as port:
        found = values((await measure(engines, port, ca_file=str(authority.file))).samples)
    assert found["probe_tls_version_info/TLS 1.2"] == 1


async def test_what_is_no_tls_is_down(engines: Engines) -> None:
    async def greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP\r\n")
        await reader.read()

    async with serving(greeting) as port:
        assert (await failure(engines, port)).reason == "tls_failed"


async def test_a_handshake_that_does_not_end_is_a_timeout(engines: Engines) -> None:
    async with serving(silent) as port:
        failed = await failure(engines, port, 2)
    assert (failed.reason, failed.detail) == ("timeout", "connected, but the TLS handshake did not end")


async def test_a_handshake_at_a_byte_a_second_does_not_stretch_the_deadline(engines: Engines) -> None:
    async with serving(trickling(b"\x16\x03\x03\x40\x00" + bytes(90))) as port, asyncio.timeout(60):
        failed = await failure(engines, port, 3)
    assert (failed.reason, failed.detail) == ("timeout", "connected, but the TLS handshake did not end")


async def test_a_server_that_hangs_up_is_down(engines: Engines) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with serving(hang_up) as port:
        assert (await failure(engines, port)).reason in ("reset", "tls_failed")


async def test_a_closed_port_is_refused(engines: Engines) -> None:
    assert (await failure(engines, free_port())).reason == "refused"


async def test_a_name_without_an_address_is_unresolved_or_our_resolver_fails(engines: Engines) -> None:
    with pytest.raises((Failed, Unmeasured)) as raised:
        await measure(engines, 443, host="none.invalid")
    assert raised.value.reason in ("unresolved", "no_network")


async def test_an_unreadable_file_of_issuers_is_our_own_failure(
    engines: Engines, authority: Authority, tmp_path: Path
) -> None:
    async with serving(silent, tls=authority.issue().context()) as port:
        with pytest.raises(Unmeasured) as raised:
            await measure(engines, port, ca_file=str(tmp_path / "none.pem"))
    assert "none.pem" in raised.value.detail


@pytest.mark.parametrize(
    ("target", "host", "port"),
    [
        ("a.test", "a.test", 443),
        ("a.test:993", "a.test", 993),
        ("[2001:db8::1]:993", "2001:db8::1", 993),
        ("2001:db8::1", "2001:db8::1", 443),
        ("[2001:db8::1]", "2001:db8::1", 443),
    ],
)
def test_a_bare_target_is_a_host_and_perhaps_a_port(target: str, host: str, port: int) -> None:
    params = TlsParams.model_validate(TlsParams.of_target(target))
    assert (params.host, params.port) == (host, port)


def test_names_in_certificates_are_bounded_and_printable(authority: Authority) -> None:
    issued = authority.issue(["evil\x1b[31m" + "x" * 50, *(f"n{number}.test" for number in range(80))])
    parsed = from_pem(issued.file.read_bytes())
    assert len(parsed.names) == 50
    assert parsed.subject.isprintable()
    assert parsed.names[0].startswith("evil\\x1b[31m")


def test_a_malformed_certificate_is_left_out_of_a_chain(authority: Authority) -> None:
    good = authority.issue().file.read_bytes()
    assert len(chain([b"junk", good])) == 1
    with pytest.raises(ValueError, match="asn1"):
        from_der(b"junk")
