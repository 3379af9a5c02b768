"""Two sites, each with a Deskwatch of its own, on the page of one of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from peers.ports import free_port
from stories.conftest import Deskwatch, until

from monitor.people import accounts
from monitor.people.accounts import By
from monitor.people.roles import Role
from monitor.store import Store

EAST = """\
site: {id: east, name: Harbour East, timezone: Europe/Berlin}
server: {listen: "127.0.0.1:PORT"}
storage: {url: "sqlite:///east.db"}
equipment:
  - id: gate
    name: East gate
    affects: Nobody gets in.
    remedy: Open it with the key in the safe.
    checks: [{name: tcp, kind: internet.tcp, host: 127.0.0.1, port: CLOSED, interval: 1s, timeout: 500ms}]
"""


async def a_token(database: Path, site: str) -> str:
    """One with which a program may look."""
    store = await Store.open(f"sqlite:///{database}")
    try:
        async with store.begin() as conn:
            by = By("a test", "here", datetime.now(UTC))
            secret, _ = await accounts.issue(conn, by, "all sites", Role.VIEWER, timedelta(days=1), site)
        return secret
    finally:
        await store.close()


async def test_one_page_shows_both_sites_and_says_so_when_one_is_not_heard_of(
    deskwatch: Deskwatch, tmp_path_factory
) -> None:
    folder = tmp_path_factory.mktemp("east")
    east = Deskwatch(folder, deskwatch.env)
    east.write(EAST.replace("CLOSED", str(free_port())))
    try:
        await east.start()
        deskwatch.env["EAST_TOKEN"] = await a_token(folder / "east.db", "east")
        other = f'other_sites:\n  - {{id: east, url: "{east.url}", token: "${{env:EAST_TOKEN}}"}}\n'
        deskwatch.config.write_text(deskwatch.config.read_text() + other)
        await deskwatch.start()
        (database,) = deskwatch.folder.rglob("*.db")
        headers = {"Authorization": f"Bearer {await a_token(database, 'harbour')}"}

        async with aiohttp.ClientSession(headers=headers) as client:

            async def heard() -> dict[str, Any]:
                async with client.get(f"{deskwatch.url}/api/v1/sites") as answer:
                    return (await answer.json())["items"][1]

            async def broken() -> list[dict[str, Any]]:
                board = (await heard())["board"]
                return board["things"] if board is not None and board["waiting"] == 1 else []

            (thing,) = await until(broken, "the fault of the other site", every=0.5)
            assert (thing["verdict"], thing["affects"]) == ("down", "Nobody gets in.")

            async def page() -> str:
                async with client.get(f"{deskwatch.url}/sites", headers={"Accept": "text/html"}) as answer:
                    text = await answer.text()
                return text if "Open it with the key in the safe." in text else ""

            assert deskwatch.env["EAST_TOKEN"] not in await until(page, "the fault on the page", every=0.5)

            await east.end()

            async def silent() -> bool:
                return (await heard())["trouble"] == "no_connection"

            await until(silent, "the word that it cannot be asked", every=0.5)
    finally:
        await east.end()
