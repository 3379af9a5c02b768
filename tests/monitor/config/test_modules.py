"""Modules: probes on demand under names of their own, read as strictly as checks are."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from monitor.config import Config, ConfigError, load
from monitor.config.document import MarkedDict
from monitor.config.masked import shown
from monitor.config.schema import schema
from monitor.config.source import parse

SITE = "site: {id: hub, timezone: UTC}\n"


def loaded(folder: Path, modules: str) -> Config:
    path = folder / "site.yaml"
    path.write_text(f"{SITE}modules: {modules}\n")
    return load(path)


def problem(folder: Path, modules: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, modules)
    (found,) = caught.value.problems
    return str(found).partition(": ")[2]


def data(modules: str) -> MarkedDict:
    document, _ = parse(Path("site.yaml"), f"{SITE}modules: {modules}\n")
    return document.data


def test_a_module_has_a_kind_settings_and_a_longest_time(tmp_path: Path) -> None:
    config = loaded(
        tmp_path, "{http_2xx: {kind: internet.http, timeout: 3s, method: HEAD}, icmp: {kind: internet.ping}}"
    )
    assert list(config.modules) == ["http_2xx", "icmp"]
    module = config.modules["http_2xx"]
    assert (module.kind, module.timeout, dict(module.settings)) == ("internet.http", 3, {"method": "HEAD"})
    assert config.modules["icmp"].timeout is None


def test_a_site_without_modules_has_none(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").modules == {}


@pytest.mark.parametrize("kind", ["internet.tcp", "internet.tls", "internet.dns, query_name: a.example"])
def test_a_module_needs_no_target_of_its_own(tmp_path: Path, kind: str) -> None:
    assert loaded(tmp_path, f"{{one: {{kind: {kind}}}}}").modules["one"].kind == kind.partition(",")[0]


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("{kind: internet.htp}", "modules.one.kind: there is no kind `internet.htp`; did you mean `internet.http`?"),
        ("{kind: internet.http, metod: GET}", "modules.one.metod: unknown key; did you mean `method`?"),
        ("{kind: internet.http, method: 7}", "modules.one.method: must be text; put it in quotes (it is 7)"),
        ("{kind: internet.http, url: 'http://a.example'}", "modules.one.url: comes from the target that is asked for"),
        ("{kind: passive.plugin}", "modules.one.kind: `passive.plugin` runs only as a check of the configuration"),
        ("{kind: internet.dns}", "modules.one.query_name: is missing: name to ask for"),
        ("{kind: internet.ping, timeout: soon}", "modules.one.timeout: must be a duration like"),
        ("{kind: internet.http, bearer: '${env:NOT_THERE}'}", "modules.one.bearer: "),
        ("{method: GET}", "modules.one.kind: is missing: What is measured"),
        ("7", "modules.one"),
    ],
)
def test_what_is_wrong_with_a_module_is_said_where_it_is(tmp_path: Path, module: str, said: str) -> None:
    assert problem(tmp_path, f"{{one: {module}}}").startswith(said)


@pytest.mark.parametrize("name", ["internet.http", "a b", "'a/b'", "'${env:A}'"])
def test_a_name_is_no_kind_and_fits_into_a_url(tmp_path: Path, name: str) -> None:
    assert "must have a name of letters" in problem(tmp_path, f"{{{name}: {{kind: internet.http}}}}")


def test_modules_are_a_mapping(tmp_path: Path) -> None:
    assert "must hold a module by its name" in problem(tmp_path, "[http_2xx]")


def test_the_schema_knows_modules() -> None:
    validator = Draft202012Validator(schema())
    good, *bad = "{a: {kind: internet.http, timeout: 3s, method: HEAD}}", "{a: {kind: internet.htp}}", "{a: {}}", "[a]"
    assert validator.is_valid(data(good))
    assert not [wrong for wrong in bad if validator.is_valid(data(wrong))]


def test_a_secret_of_a_module_is_only_referred_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOOR_CODE", "4711-4711")
    config = loaded(tmp_path, "{api: {kind: internet.http, bearer: '${env:DOOR_CODE}'}}")
    assert "4711" not in repr(config) + str(shown(config))
