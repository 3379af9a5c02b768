"""A newcomer's first minutes at the command line."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from stories.conftest import Deskwatch, Sink, Target


async def test_init_writes_a_file_that_passes_check_and_is_not_overwritten(deskwatch: Deskwatch) -> None:
    code, output = await deskwatch.run("init", "first.yaml")
    assert code == 0, output
    code, output = await deskwatch.types("check", "first.yaml")
    assert (code, "no problems" in output) == (0, True), output
    code, output = await deskwatch.types("init", "first.yaml")
    assert code == 2
    assert "--force" in output


async def test_the_schema_accepts_the_site_and_refuses_a_misspelt_key(deskwatch: Deskwatch) -> None:
    schema = json.loads((await deskwatch.types("reference", "schema"))[1])
    site = yaml.safe_load(deskwatch.config.read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(site)
    site["booking"][0]["checks"][0]["intervall"] = "5s"
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(site)


@pytest.mark.parametrize(("status", "code", "verdict"), [(200, 0, "up"), (503, 1, "down")])
async def test_probe_prints_one_reading_as_json(
    deskwatch: Deskwatch, target: Target, status: int, code: int, verdict: str
) -> None:
    target.status = status
    ended, output = await deskwatch.types("probe", "internet.http", f"url=http://{target.address}/", "--json")
    reading = json.loads(output)
    assert (ended, reading["status"]) == (code, verdict)
    assert set(reading) == {"kind", "status", "reason", "detail", "took", "samples"}
    assert reading["reason"] == ("ok" if status == 200 else "wrong_status")
    sample = next(one for one in reading["samples"] if one["metric"] == "probe_http_status_code")
    assert sample == {"metric": "probe_http_status_code", "value": status, "unit": sample["unit"], "part": ""}


async def test_probe_explains_what_was_found_with_every_phase(deskwatch: Deskwatch, target: Target) -> None:
    code, output = await deskwatch.types("probe", "internet.http", f"url=http://{target.address}/", "--explain")
    assert code == 0
    for phase in ("resolve", "connect", "processing", "transfer"):
        assert f", phase {phase}: " in output
    assert output.startswith("It works: ")
    assert "What that means: everything asked for was found (ok)." in output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("internet.htp", "url=http://127.0.0.1/"), "internet.http"),
        (("internet.http", "url"), "key=value"),
        (("internet.http", "ur=http://127.0.0.1/"), "`ur`"),
        (("internet.tcp", "host=127.0.0.1", "port=99999"), "`port`"),
    ],
)
async def test_a_wrong_probe_command_says_what_is_wrong_and_exits_with_2(
    deskwatch: Deskwatch, words: tuple[str, ...], said: str
) -> None:
    code, output = await deskwatch.types("probe", *words)
    assert code == 2, output
    assert said in output
    assert "Traceback" not in output


async def test_notify_test_says_what_each_provider_answered(deskwatch: Deskwatch, sink: Sink) -> None:
    code, output = await deskwatch.types("notify-test", "--json")
    assert (code, json.loads(output)[0]["outcome"]) == (0, "accepted")
    assert sink.titles() == ["Test message to chat"]
    sink.status = 401
    code, output = await deskwatch.types("notify-test", "chat", "--json")
    assert (code, json.loads(output)[0]["outcome"]) == (1, "dead")
    assert "401" in output


async def test_a_missing_file_a_missing_secret_and_a_taken_port_are_said_in_one_line(
    deskwatch: Deskwatch, tmp_path: Path
) -> None:
    code, output = await deskwatch.types("run", "nowhere.yaml")
    assert (code, "nowhere.yaml" in output, "deskwatch init" in output) == (2, True, True)
    deskwatch.env.pop("CHAT")
    code, output = await deskwatch.types("run", "site.yaml")
    assert code == 1
    assert "CHAT" in output
    deskwatch.env["CHAT"] = "json://127.0.0.1/"
    await deskwatch.start()
    code, output = await deskwatch.run("run", "site.yaml")
    assert code == 2, output
    assert str(deskwatch.port) in output
