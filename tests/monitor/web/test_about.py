"""The pages about Deskwatch itself, its configuration, and the board for a wall."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from peers.people import account, browser, sign_in, token
from pydantic import SecretStr

from monitor.config import load
from monitor.people.roles import Role
from monitor.store import audit_log
from monitor.watchdog import Signs
from monitor.web.about import packages
from monitor.web.wallboard import size_of
from probes import Status

FormKey = Callable[[], Awaitable[str]]
HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"
SITE = "site: {id: hub, timezone: UTC}\nrooms:\n  - {id: a, checks: [{kind: internet.ping, host: a}]}\n"


async def read(client: TestClient, path: str) -> str:
    answer = await client.get(path)
    html = await answer.text()
    assert answer.status == 200, html
    return html


@pytest.fixture
def file(space, tmp_path: Path) -> Path:
    """The file that the service has loaded."""
    made = tmp_path / "site.yaml"
    made.write_text(SITE)
    space.config = replace(load(made), storage=space.config.storage)
    return made


async def test_the_configuration_is_shown_with_its_secrets_masked(space, person: TestClient, file: Path) -> None:
    space.serve(token=SecretStr("s3cret-of-mine"))
    html = await read(person, "/configuration")
    assert "s3cret-of-mine" not in html
    assert str(space.config.storage.url.get_secret_value()) not in html
    assert "token: &#39;**********&#39;" in html
    assert "id: hub" in html


async def test_what_a_reload_would_change_is_said_before(space, person: TestClient, file: Path) -> None:
    space.config = replace(load(file), source=file)
    assert "Nothing: the file says what is in use." in await read(person, "/configuration")
    file.write_text(
        f"{SITE}  - {{id: b, checks: [{{kind: internet.ping, host: b}}]}}\nserver: {{listen: '127.0.0.1:1'}}\n"
    )
    html = await read(person, "/configuration")
    assert "<code>b/ping</code>" in html
    assert "Server changed: a reload is refused until Deskwatch is restarted." in html
    file.write_text("site: {id: hub, timezone: Mars}\n")
    assert "The file has mistakes now" in await read(person, "/configuration")
    file.unlink()
    assert "The file has mistakes now" in await read(person, "/configuration")


async def test_an_administrator_reloads_and_the_audit_log_says_so(space, person: TestClient, form_key: FormKey) -> None:
    form = {"form_key": await form_key()}
    answer = await person.post("/configuration/reload", data=form, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/configuration")
    async with space.store.connect() as conn:
        newest, *_ = await audit_log.page(conn, 1)
    assert newest.what == "configuration reloaded"
    space.after_reload = space.reloads._replace(ok=False, problems=(HOSTILE,))
    answer = await person.post("/configuration/reload", data=form)
    html = await answer.text()
    assert answer.status == 400
    assert "was refused" in html
    assert not set(html) & {"\x1b", "\u202e"}
    assert "<script>alert" not in html


async def test_the_configuration_is_for_administrators_and_a_run_for_operators(harbour, stranger: TestClient) -> None:
    await account(harbour.store, "ana", Role.VIEWER)
    viewer = {"Authorization": f"Bearer {await token(harbour.store, Role.VIEWER)}"}
    assert (await stranger.get("/configuration", headers=viewer)).status == 403
    assert (await stranger.post("/checks/lte/ping/run", headers=viewer)).status == 403
    async with browser(stranger.server) as person:
        await sign_in(person, "ana")
        for path in ("/about", "/wallboard", "/checks/lte/ping"):
            html = await read(person, path)
            assert "Run now" not in html
            assert 'href="/configuration"' not in html


async def test_the_about_page_says_what_runs_and_how_it_does(harbour, person: TestClient) -> None:
    html = await read(person, "/about")
    for part in ("SQLite", "CPython", "15 checks", "aiohttp", "Apache License 2.0", "docs/operations/web.md"):
        assert part in html
    harbour.signs = Signs(schedule=12, store="the disk is full")
    html = await read(person, "/about")
    assert "Not all is well" in html
    assert "No: the disk is full" in html


def test_every_package_that_is_needed_is_named_with_a_licence() -> None:
    found = {one.name.lower(): one for one in packages()}
    assert {"aiohttp", "sqlalchemy", "multidict"} <= found.keys(), "also what others need"
    assert not {"pytest", "ruff", "deskwatch"} & found.keys()
    assert all(one.version for one in found.values())
    assert [name for name, one in found.items() if not one.licence] == ["pysnmp"]


@pytest.mark.usefixtures("stopped")
async def test_the_wallboard_has_everything_and_words_only_for_what_is_wrong(harbour, person: TestClient) -> None:
    html = await read(person, "/wallboard")
    assert "<nav" not in html
    assert html.count('class="tile ') == 15
    assert "1 thing needs you" in html
    assert "Nordnet fibre is down" in html
    assert "answered in 12 ms" not in html
    fragment = await read(person, "/fragment/wallboard")
    assert fragment.strip() in html


async def test_of_many_things_that_are_wrong_the_wallboard_names_the_worst(
    space, person: TestClient, make_asset
) -> None:
    for number in range(9):
        lift = make_asset(f"lift-{number}", HOSTILE)
        space.add(lift)
        await space.fails(lift, "stuck")
    html = await read(person, "/wallboard")
    assert "and 3 more things" in html
    assert not set(html) & {"\x1b", "\u202e"}
    assert "<script>alert" not in html
    await space.reads(lift, Status.UNKNOWN, "…")


def test_more_assets_make_smaller_tiles() -> None:
    assert [size_of(number) for number in (1, 24, 25, 200, 1000)] == ["few", "few", "some", "many", "all"]
