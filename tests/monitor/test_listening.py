"""The certificate of the pages, and when they must not listen."""

import asyncio
import contextlib
import shutil
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from peers.certificates import Authority, Issued, authority
from peers.people import account
from peers.ports import free_port
from peers.service import watching

from monitor.app import App
from monitor.config.model import Server, Tls
from monitor.listening import Certificate, objection
from monitor.store import Store

__all__ = ["authority"]

SITE = """
site: {{id: harbour, timezone: Europe/Berlin}}
server: {{listen: "{listen}"{more}}}
storage: {{url: "sqlite:///{folder}/state.db"}}
"""


@pytest.fixture
def tls(tmp_path: Path, authority: Authority) -> Tls:
    """The files of a certificate, with its key in the same file twice."""
    shutil.copy(authority.issue().file, tmp_path / "cert.pem")
    shutil.copy(tmp_path / "cert.pem", tmp_path / "key.pem")
    return Tls(tmp_path / "cert.pem", tmp_path / "key.pem")


def put(issued: Issued, tls: Tls) -> None:
    shutil.copy(issued.file, tls.certificate)
    shutil.copy(issued.file, tls.key)


@contextlib.asynccontextmanager
async def listening(certificate: Certificate) -> AsyncIterator[int]:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=certificate.context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def serial(authority: Authority, port: int) -> int:
    """Of the certificate that is shown there."""
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=ssl.create_default_context(cafile=str(authority.file))
    )
    found = x509.load_der_x509_certificate(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()
    return found.serial_number


@pytest.mark.parametrize(
    ("server", "has_users", "words"),
    [
        (Server(), False, ()),
        (Server(host="::1"), False, ()),
        (Server(host="localhost"), False, ()),
        (Server(host="0.0.0.0"), False, ("server.tls", "deskwatch user add", "server.insecure: true")),
        (Server(host="0.0.0.0"), True, ("server.tls", "server.insecure: true")),
        (Server(host="10.0.0.5", tls=Tls(Path("/c"), Path("/k"))), False, ("deskwatch user add",)),
        (Server(host="10.0.0.5", tls=Tls(Path("/c"), Path("/k"))), True, ()),
        (Server(host="::", insecure=True), False, ()),
    ],
)
def test_beyond_this_machine_there_must_be_tls_and_somebody_to_sign_in(
    server: Server, has_users: bool, words: tuple[str, ...]
) -> None:
    found = objection(server, has_users)
    assert bool(found) is bool(words)
    assert all(word in found for word in words)


async def test_a_new_certificate_is_shown_to_who_comes_next(authority: Authority, tls: Tls) -> None:
    certificate, new = Certificate(tls), authority.issue()
    async with listening(certificate) as port:
        assert await serial(authority, port) != new.certificate.serial_number
        put(new, tls)
        await certificate.look()
        assert await serial(authority, port) == new.certificate.serial_number


async def test_a_certificate_whose_key_is_not_there_yet_changes_nothing_until_it_is(
    authority: Authority, tls: Tls
) -> None:
    certificate, new = Certificate(tls), authority.issue()
    async with listening(certificate) as port:
        before = await serial(authority, port)
        shutil.copy(new.file, tls.certificate)
        await certificate.look()
        assert await serial(authority, port) == before
        with pytest.raises(ValueError, match="belong together"):
            certificate.read()
        shutil.copy(new.file, tls.key)
        await certificate.look()
        assert await serial(authority, port) == new.certificate.serial_number


async def test_old_protocols_are_refused(authority: Authority, tls: Tls) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(str(authority.file))
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with listening(Certificate(tls)) as port:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", port, ssl=old)


def test_files_that_are_no_certificate_are_named_with_the_remedy(tls: Tls) -> None:
    tls.key.write_text("nothing")
    with pytest.raises(ValueError, match=r"key\.pem cannot be used: .*; both must be PEM files"):
        Certificate(tls)
    tls.key.unlink()
    with pytest.raises(ValueError, match="No such file"):
        Certificate(tls)


async def test_the_service_refuses_to_be_open_to_everybody_and_serves_with_tls(
    tmp_path: Path, authority: Authority, tls: Tls
) -> None:
    path, port = tmp_path / "site.yaml", free_port()
    path.write_text(SITE.format(listen=f"0.0.0.0:{port}", more="", folder=tmp_path))
    with pytest.raises(ValueError, match=r"opens the pages on 0\.0\.0\.0 to other machines"):
        await App.open(path)
    files = f", tls: {{certificate: {tls.certificate}, key: {tls.key}}}"
    path.write_text(SITE.format(listen=f"0.0.0.0:{port}", more=files, folder=tmp_path))
    store = await Store.open(f"sqlite:///{tmp_path}/state.db")
    await account(store, "ana")
    await store.close()
    new = authority.issue()
    async with watching(path) as app:
        assert await serial(authority, port) != new.certificate.serial_number
        put(new, tls)
        assert (await app.reload()).ok
        assert await serial(authority, port) == new.certificate.serial_number
        tls.key.write_text("nothing")
        assert "cannot be used" in (await app.reload()).problems[0]
        assert await serial(authority, port) == new.certificate.serial_number
