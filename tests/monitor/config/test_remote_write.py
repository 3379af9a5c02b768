"""The section `remote_write`: what it becomes, and each mistake with its remedy."""

from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from monitor.config import ConfigError, load
from monitor.config.masked import shown
from monitor.config.model import RemoteWrite
from monitor.config.schema import schema

SITE = "site: {id: hub, timezone: Europe/Berlin}\n"
URL = "https://prometheus.example.org/api/v1/write"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes site.yaml; TOKEN is a secret."""
    monkeypatch.setenv("TOKEN", "hunter2")
    monkeypatch.setenv("TWO_LINES", "hunter2\r\nX-Evil: 1")

    def written(text: str) -> Path:
        file = tmp_path / "site.yaml"
        file.write_text(text)
        return file

    return written


def wanted(file: Path) -> RemoteWrite:
    found = load(file).remote_write
    assert found is not None
    return found


def test_an_address_is_enough(write: Write, tmp_path: Path) -> None:
    found = wanted(write(f"{SITE}remote_write: {{url: {URL}}}\n"))
    assert (found.url, found.interval, found.spool, found.keep) == (URL, 30, 256_000_000, 86_400)
    assert dict(found.labels) == {"job": "deskwatch", "instance": "hub"}
    assert found.folder == tmp_path / "var" / "remote-write"
    assert found.authorization is None


@pytest.mark.parametrize("rest", ["", "remote_write:\n"])
def test_without_the_section_nothing_is_sent(write: Write, rest: str) -> None:
    assert load(write(SITE + rest)).remote_write is None


def test_everything_can_be_said(write: Write, tmp_path: Path) -> None:
    settings = "interval: 1m, labels: {instance: desk-1, region: north}, spool: 1GB, keep: 2h, folder: waiting"
    given = f"{{url: {URL}, authorization: 'Bearer ${{env:TOKEN}}', {settings}}}"
    found = wanted(write(f"{SITE}remote_write: {given}\n"))
    assert (found.interval, found.spool, found.keep, found.folder) == (60, 10**9, 7200, tmp_path / "waiting")
    assert dict(found.labels) == {"job": "deskwatch", "instance": "desk-1", "region": "north"}
    assert found.authorization is not None
    assert found.authorization.get_secret_value() == "Bearer hunter2"


def test_a_user_and_a_password_become_basic_authentication(write: Write) -> None:
    file = write(f"{SITE}remote_write: {{url: {URL}, username: desk, password: '${{env:TOKEN}}'}}\n")
    found = wanted(file)
    assert found.authorization is not None
    assert found.authorization.get_secret_value() == "Basic ZGVzazpodW50ZXIy"
    assert "hunter2" not in repr(found)
    assert "ZGVz" not in str(shown(load(file)))


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("sqlite:////srv/desk/state.db", "/srv/desk/remote-write"),
        ("sqlite:///state.db", "remote-write"),
        ("postgresql://db/desk", "var/remote-write"),
    ],
)
def test_what_waits_lies_beside_the_database(write: Write, tmp_path: Path, url: str, folder: str) -> None:
    file = write(f"{SITE}remote_write: {{url: {URL}}}\nstorage: {{url: '{url}'}}\n")
    assert wanted(file).folder == tmp_path / folder


MISTAKES = [
    ("{}", "url: is missing: Where it takes samples, like https://prometheus.example.org/api/v1/write."),
    ("{url: 'https://me:hunter2@host/write'}", "url: must be the whole address, like "),
    (f"{{url: {URL}, authorization: hunter2}}", "authorization: secrets do not belong in the file; use ${env:NAME}"),
    (f"{{url: {URL}, authorization: '${{env:TWO_LINES}}'}}", "authorization: the secret has a line break"),
    (f"{{url: {URL}, username: desk}}", "`username` and `password` belong together; give both, or neither"),
    (f"{{url: {URL}, username: a:b, password: '${{env:TOKEN}}'}}", "username: must not have a colon"),
    (
        f"{{url: {URL}, username: a, password: '${{env:TOKEN}}', authorization: '${{env:TOKEN}}'}}",
        "signs in twice; give `authorization`, or `username` and `password`",
    ),
    (f"{{url: {URL}, labels: {{site: north}}}}", "labels.site: is a label that series of Deskwatch have already"),
    (f"{{url: {URL}, labels: {{__name__: x}}}}", "labels.__name__: must be letters, digits and underscores"),
    (f"{{url: {URL}, labels: {{region: ''}}}}", "labels.region: "),
    (f"{{url: {URL}, spool: 256}}", "spool: must be a size like `256MB` or `1GB` (it is 256)"),
    (f"{{url: {URL}, interval: 1s}}", "interval: must be a duration from `5s` to `1h` (it is '1s')"),
    (f"{{url: {URL}, intervall: 30s}}", "intervall: unknown key; did you mean `interval`?"),
]


@pytest.mark.parametrize(("given", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_remedy(write: Write, given: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(write(f"{SITE}remote_write: {given}\n"))
    (problem,) = map(str, refused.value.problems)
    assert problem.partition("remote_write")[2].lstrip(".: ").startswith(words)
    assert "hunter2" not in problem


def test_the_schema_knows_the_section() -> None:
    validator = Draft202012Validator(schema())
    site = {"id": "hub", "timezone": "UTC"}
    good = {"url": URL, "password": "${env:TOKEN}", "username": "desk", "spool": "1GB", "labels": {"region": "north"}}
    assert not list(validator.iter_errors({"site": site, "remote_write": good}))
    for wrong in ({}, {"url": URL, "spool": "1 GB"}, {"url": URL, "password": "hunter2"}):
        assert list(validator.iter_errors({"site": site, "remote_write": wrong}))
