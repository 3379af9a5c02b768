"""Glewlwyd, a provider of OpenID Connect: people have accounts there, and Deskwatch may ask who they are."""

import contextlib
import http.client
import json
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from peers import require
from peers.canaries import canary
from peers.ports import free_port

CLIENT, SECRET = "deskwatch", canary("glewlwyd-secret")
PASSWORD = "a tram and four words"
SCOPES = ("openid", "email")
_ADMIN = ("admin", "password")  # as its first schema has it
_SCHEMA = Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
_SHARED = Path("/usr/share/glewlwyd")
_PATIENCE = 60.0


class Person(NamedTuple):
    """Somebody with an account there, whose e-mail address is NAME@example.org."""

    name: str
    group: str = "it"
    verified: bool = True


class Answer(NamedTuple):
    """What it said."""

    status: int
    location: str
    body: str


class Browser:
    """Somebody's browser at one server: keeps its cookies, and follows nothing."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies: SimpleCookie = SimpleCookie()

    def send(self, method: str, path: str, body: object = None) -> Answer:
        """One request; a body is sent as JSON."""
        headers = {"Content-Type": "application/json"} if body is not None else {}
        headers["Cookie"] = "; ".join(f"{name}={one.value}" for name, one in self._cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            for cookie in answer.headers.get_all("Set-Cookie", []):
                self._cookies.load(cookie)
            return Answer(answer.status, answer.headers.get("Location", ""), answer.read().decode())

    def does(self, method: str, path: str, body: object = None) -> None:
        """The same, for what must go well."""
        answer = self.send(method, f"/api/{path}", body)
        assert answer.status == 200, (method, path, answer)

    def signs_in(self, name: str, password: str) -> None:
        """Have a session from here on."""
        self.does("POST", "auth/", {"username": name, "password": password})


class Glewlwyd:
    """A running provider, which insists on PKCE."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.issuer = f"{self.url}/api/oidc"
        self._admin = Browser(port)

    def begin(self) -> None:
        """What its administrator sets up, once."""
        self._admin.signs_in(*_ADMIN)
        self._admin.does("PUT", "mod/user/database", {"display_name": "People", "parameters": _PEOPLE_HAVE})
        self._admin.does("PUT", "mod/user/database/reset/")
        self._admin.does("POST", "scope/", {"name": "email", "display_name": "E-mail", "password_max_age": 0})
        plugin = {"module": "oidc", "name": "oidc", "display_name": "OpenID Connect", "enabled": True}
        self._admin.does("POST", "mod/plugin/", {**plugin, "parameters": _PROTOCOL | _keys() | {"iss": self.issuer}})
        self._admin.does("POST", "client/", _client())

    def add(self, person: Person) -> None:
        """Give somebody an account."""
        account = {"username": person.name, "password": PASSWORD, "email": f"{person.name}@example.org"}
        told = {"groups": [person.group, "everybody"], "email_verified": "yes" if person.verified else "no"}
        self._admin.does("POST", "user/", {**account, **told, "scope": SCOPES, "enabled": True})

    def leads_back_to(self, deskwatch: str) -> None:
        """Know the address of the Deskwatch that asks, and no other."""
        self._admin.does("PUT", f"client/{CLIENT}", _client(f"{deskwatch}/sign-in/oidc/back"))

    def agree(self, address: str, name: str) -> str:
        """Somebody signs in at the address that they were sent to, and grants what is asked; where they are sent."""
        browser, asked = Browser(self.port), urlsplit(address)
        browser.signs_in(name, PASSWORD)
        browser.does("PUT", f"auth/grant/{CLIENT}", {"scope": " ".join(SCOPES)})
        # Its own page adds this word when somebody has pressed the button to go on.
        answer = browser.send("GET", f"{asked.path}?{asked.query}&{urlencode({'g_continue': ''})}")
        assert answer.status == 302, answer
        return answer.location


@contextlib.contextmanager
def glewlwyd(folder: Path, *people: Person) -> Iterator[Glewlwyd]:
    """A provider on 127.0.0.1 that knows Deskwatch and those people, and keeps what it has in `folder`."""
    program = require.program("glewlwyd")
    provider, log, database = Glewlwyd(free_port()), folder / "glewlwyd.log", folder / "glewlwyd.db"
    with contextlib.closing(sqlite3.connect(database)) as made:
        made.executescript(_SCHEMA.read_text())
    # It gives out no file that is a link to one of another package, and Debian's link to the settings is a wrong one.
    pages = shutil.copytree(_SHARED / "webapp", folder / "pages", ignore=shutil.ignore_patterns("config.json"))
    shutil.copy(_SHARED / "templates/config.json", pages)
    config = folder / "glewlwyd.conf"
    told = {"port": provider.port, "url": provider.url, "log": log, "database": database, "pages": pages}
    config.write_text(_CONFIG % told)
    with subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as process:
        try:
            _wait(provider, process, log)
            provider.begin()
            for person in people:
                provider.add(person)
            yield provider
        finally:
            process.terminate()


def _wait(provider: Glewlwyd, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            Browser(provider.port).send("GET", "/config")
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"glewlwyd does not answer:\n{log.read_text() if log.exists() else ''}")
            time.sleep(0.02)
        else:
            return


def _client(*redirects: str) -> dict[str, Any]:
    return {
        "client_id": CLIENT,
        "name": "Deskwatch",
        "confidential": True,
        "password": SECRET,
        "redirect_uri": redirects,
        "authorization_type": ["code"],
        "token_endpoint_auth_method": ["client_secret_basic"],
        "scope": [],
        "enabled": True,
    }


def _keys() -> dict[str, str]:
    """A pair of its own to sign with."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {"jwt-type": "ecdsa", "jwt-key-size": "256", "key": private.decode(), "cert": public.decode()}


_PEOPLE_HAVE = {
    "use-glewlwyd-connection": True,
    "pbkdf2-iterations": 1000,
    "data-format": {
        name: {"multiple": name == "groups", "read": True, "write": True} for name in ("groups", "email_verified")
    },
}
"""What is kept of people, with hashes that take no time."""

_PROTOCOL = {
    "code-duration": 600,
    "refresh-token-duration": 600,
    "access-token-duration": 600,
    "auth-type-code-enabled": True,
    "auth-type-refresh-enabled": True,
    "jwks-show": True,
    "pkce-allowed": True,
    "pkce-required": True,
    "pkce-method-plain-allowed": False,
    "subject-type": "public",
    "allowed-scope": SCOPES,
    "email-claim": "mandatory",
    "claims": [
        {"name": "groups", "user-property": "groups", "type": "string", "mandatory": True},
        {
            "name": "email_verified",
            "user-property": "email_verified",
            "type": "boolean",
            "boolean-value-true": "yes",
            "boolean-value-false": "no",
            "mandatory": True,
        },
    ],
}

_CONFIG = """\
port = %(port)d
bind_address = "127.0.0.1"
external_url = "%(url)s"
api_prefix = "api"
login_url = "login.html"
static_files_path = "%(pages)s/"
static_files_mime_types = (
  {extension = ".html", mime_type = "text/html"},
  {extension = ".css", mime_type = "text/css"},
  {extension = ".js", mime_type = "application/javascript"},
  {extension = ".json", mime_type = "application/json"}
)
log_mode = "file"
log_level = "WARNING"
log_file = "%(log)s"
cookie_secure = 0
session_key = "GLEWLWYD2_SESSION_ID"
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "/usr/lib/glewlwyd/user"
client_module_path = "/usr/lib/glewlwyd/client"
user_auth_scheme_module_path = "/usr/lib/glewlwyd/scheme"
plugin_module_path = "/usr/lib/glewlwyd/plugin"
hash_algorithm = "SHA512"
database = {type = "sqlite3", path = "%(database)s"}
"""
