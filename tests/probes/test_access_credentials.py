"""access.credentials over real files and emulators of the documented APIs."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from peers import brivo, canaries, cobot, kisi, nexudus, officernd, salto_ks, unifi_access
from peers.certificates import Authority, authority
from peers.outages import OUTAGES, Outage, shut
from peers.tcp import serving
from peers.web_api import Reply, WebApi
from pydantic import ValidationError

from probes import Failed, Measured, Sample, Unmeasured
from probes._engines import Engines
from probes._engines.credentials import Audit
from probes.access.credentials import Credentials, CredentialsParams

__all__ = ["authority"]

CHECK = "doors/credentials"
DAY = timedelta(days=1)
LOCKS = "name,email,card,enabled,last_used,PIN\n"
MEMBERS = "name,email,since,until,plan,Bank account\n"
PIN, CARD = canaries.canary("pin"), canaries.canary("card")


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Any:
    for name, secret in {
        "UNIFI": unifi_access.TOKEN, "KISI": kisi.KEY, "NEXUDUS": nexudus.PASSWORD, "OFFICERND": officernd.SECRET,
        "COBOT": cobot.TOKEN, "BRIVO_KEY": brivo.API_KEY, "BRIVO_SECRET": brivo.SECRET, "BRIVO": brivo.PASSWORD,
        "SALTO_SECRET": salto_ks.SECRET, "SALTO": salto_ks.PASSWORD,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, secret)
    caplog.set_level("DEBUG")
    yield
    assert "canary-" not in caplog.text


@pytest.fixture
def engines() -> Any:
    engines = Engines()
    yield engines
    engines.close()


def now() -> datetime:
    """Of the test: when it was collected it may have been yesterday."""
    return datetime.now(UTC)


class Lists:
    """Two files, and what one run makes of them."""

    def __init__(self, folder: Path, engines: Engines) -> None:
        self.locks, self.members = folder / "locks.csv", folder / "members.csv"
        self.engines = engines
        self.has("Ana", "Ben")
        self.may("Ana", "Ben")

    def has(self, *names: str, **more: str) -> None:
        lines = [f"{name},{name.lower()}@example.com,{more.get(name, '')},yes,,{PIN}" for name in names]
        self.locks.write_text(LOCKS + "\n".join(lines))

    def may(self, *names: str, since: str = "", plan: str = "") -> None:
        lines = [f"{name},{name.lower()}@example.com,{since},,{plan},{PIN}" for name in names]
        self.members.write_text(MEMBERS + "\n".join(lines))

    def settings(self, **more: Any) -> dict[str, Any]:
        given = {"locks": {"source": "csv", "file": str(self.locks)}, **more}
        return {"members": {"source": "csv", "file": str(self.members)}, **given}

    async def compared(self, **more: Any) -> Measured:
        return await run(self.engines, self.settings(**more))

    async def fails(self, **more: Any) -> Failed:
        with pytest.raises(Failed) as failed:
            await self.compared(**more)
        return failed.value

    async def doubts(self, **more: Any) -> str:
        with pytest.raises(Unmeasured) as unmeasured:
            await self.compared(**more)
        assert unmeasured.value.reason == "no_source"
        return unmeasured.value.detail

    @property
    def audit(self) -> Audit:
        found = self.engines.audits.of(CHECK)
        assert found is not None
        return found


async def run(engines: Engines, settings: Mapping[str, Any], timeout: float = 60) -> Measured:
    probe = Credentials(CredentialsParams.model_validate(settings), engines)
    probe.check = CHECK
    try:
        found = await probe.measure(timeout)
    except (Failed, Unmeasured) as error:
        says_nobody(f"{error!r} {error.detail} {getattr(error, 'samples', '')}")
        raise
    finally:
        says_nobody(repr(engines.memory.recall(CHECK)))
    says_nobody(repr(found))
    assert {sample.metric for sample in found.samples} <= {metric.name for metric in Credentials.metrics}
    return found


def says_nobody(text: str) -> None:
    assert not any(word in text for word in ("canary-", "Ana", "Ben", "Cleo", "example.com")), text


def values(samples: tuple[Sample, ...]) -> dict[str, float]:
    return {f"{s.metric.removeprefix('deskwatch_credentials')}/{s.part}".strip("_/"): s.value for s in samples}


@pytest.fixture
def lists(tmp_path: Path, engines: Engines) -> Lists:
    return Lists(tmp_path, engines)


async def test_lists_that_agree_are_up(lists: Lists) -> None:
    found = await lists.compared()
    assert found.detail == "2 members may enter, 2 credentials are on"
    told = values(found.samples)
    assert 0 <= told.pop("list_age_seconds/locks") < 60
    assert 0 <= told.pop("list_age_seconds/members") < 60
    assert told == {
        "orphaned": 0, "missing": 0, "duplicate": 0, "over_privileged": 0, "stale": 0, "within_grace": 0,
        "enabled": 2, "entitled_members": 2, "late/activated": 0, "late/deactivated": 0,
    }  # fmt: skip


async def test_whoever_can_enter_without_a_contract_is_down(lists: Lists) -> None:
    lists.has("Ana", "Ben", "Cleo")
    failed = await lists.fails(orphaned_after=0)
    assert failed.reason == "orphaned"
    assert failed.detail == "1 person can enter without a contract; 2 members may enter, 3 credentials are on"
    assert values(failed.samples)["orphaned"] == 1
    assert lists.audit.findings[0].names == ("Cleo",)


async def test_within_the_grace_it_is_up_and_counted(lists: Lists) -> None:
    lists.has("Ana", "Ben", "Cleo")
    found = await lists.compared()
    assert found.detail.startswith("1 within the time that is allowed for it")
    assert values(found.samples)["within_grace"] == 1


async def test_how_long_the_longest_has_been_on_is_told(lists: Lists) -> None:
    ended = f"{now() - 12 * DAY:%Y-%m-%d}"
    lists.has("Ana", "Ben", "Cleo")
    lists.members.write_text(f"{MEMBERS}Ana,ana@example.com\nBen,ben@example.com\nCleo,cleo@example.com,,{ended}\n")
    assert "without a contract, the longest for 12 days" in (await lists.fails()).detail


async def test_a_member_who_is_locked_out_is_down(lists: Lists) -> None:
    lists.may("Ana", "Ben", "Cleo", since=f"{now() - DAY:%Y-%m-%dT%H:%M}")
    failed = await lists.fails()
    assert (failed.reason, failed.detail.partition(";")[0]) == ("missing", "1 member has a contract and cannot enter")


async def test_what_makes_it_down_is_a_matter_of_settings(lists: Lists) -> None:
    lists.has("Ana", "Ben", "Cleo")
    found = await lists.compared(orphaned_after=0, down_on=["missing"])
    assert "1 person can enter without a contract" in found.detail
    assert values(found.samples)["orphaned"] == 1


@pytest.mark.parametrize(
    ("reason", "locks", "members", "settings"),
    [
        ("duplicate", "Ana,ana@example.com,{card},yes\nBen,ben@example.com,{card},yes", "", {}),
        ("duplicate", "Ana,ana@example.com,1,yes\nAna,ana@example.com,2,yes\nBen,ben@example.com", "", {"twice": True}),
        ("stale", "Ana,ana@example.com,,yes,2020-01-31\nBen,ben@example.com", "", {}),
        ("over_privileged", "Ana,ana@example.com,,yes,,,yes\nBen,ben@example.com", "Flex", {}),
    ],
)
async def test_everything_else_can_make_it_down_too(
    lists: Lists, reason: str, locks: str, members: str, settings: dict[str, Any]
) -> None:
    lists.locks.write_text(LOCKS.strip() + ",around_the_clock\n" + locks.format(card=CARD))
    lists.may("Ana", "Ben", plan=members)
    failed = await lists.fails(down_on=[reason], plans_around_the_clock=["Always"], **settings)
    assert failed.reason == reason


async def test_an_old_file_is_down_and_what_follows_from_it_is_still_told(lists: Lists) -> None:
    lists.has("Ana", "Ben", "Cleo")
    os.utime(lists.members, (now().timestamp() - 9 * 86_400,) * 2)
    failed = await lists.fails()
    assert failed.reason == "list_old"
    assert failed.detail.startswith("a list was not written anew for too long; 1 within")
    assert values(failed.samples)["list_age_seconds/members"] > 8 * 86_400


async def test_staff_and_plans_without_a_key_are_left_alone(lists: Lists) -> None:
    lists.has("Ana", "Ben", "Cleo")
    lists.members.write_text(MEMBERS + "Ana,ana@example.com\nBen,ben@example.com\nDan,dan@example.com,,,Virtual Office")
    more = {"allow": ["CLEO@example.com"], "plans_without_access": ["virtual office"], "missing_after": 0}
    assert (await lists.compared(orphaned_after=0, **more)).detail == "2 members may enter, 3 credentials are on"


async def test_tags_are_no_part_of_an_address_if_that_is_asked_for(lists: Lists) -> None:
    lists.locks.write_text(f"{LOCKS}Ana,ana+door@example.com\nBen,ben@example.com")
    assert (await lists.fails(orphaned_after=0)).reason == "orphaned"
    await lists.compared(orphaned_after=0, strip_tags=True)


@pytest.mark.parametrize("side", ["locks", "members"])
async def test_nothing_is_concluded_from_an_empty_list(lists: Lists, side: str) -> None:
    getattr(lists, side).write_text(LOCKS if side == "locks" else MEMBERS)
    assert "is empty: nothing is concluded from that" in await lists.doubts()


async def test_nothing_is_concluded_from_a_list_that_has_shrunk_until_somebody_believes_it(lists: Lists) -> None:
    everybody = [f"Person{number}" for number in range(10)]
    lists.has(*everybody)
    lists.may(*everybody)
    await lists.compared(orphaned_after=0)
    lists.may(*everybody[:6])
    assert "the list of members has shrunk from 10 to 6, by more than 30%" in await lists.doubts(orphaned_after=0)
    assert lists.audit.counts.entitled == 10, "the last audit that came to a conclusion stays"
    failed = await lists.fails(orphaned_after=0, shrink_limit=1)
    assert values(failed.samples)["orphaned"] == 4
    await lists.fails(orphaned_after=0)


async def test_a_short_list_that_stays_so_is_believed(lists: Lists) -> None:
    lists.has("Ana", "Ben", "Cleo")
    lists.may("Ana", "Ben", "Cleo")
    await lists.compared()
    lists.may("Ana")
    await lists.doubts()
    await lists.compared(shrink_believed_after=0)


@pytest.mark.parametrize(
    "written",
    [
        "name;email\nÄnne;ana@example.com\nBen;BEN@example.com\n".encode("cp1252"),
        "\ufeffName\tE-mail\nÄnne\tana@example.com\n\nBen\tben@example.com".replace("E-mail", "email").encode(),
        'name|email\r\nÄnne|ana@example.com\r\n"Ben"|" ben@example.com"\r\n'.encode("utf-16"),
        "email,name\nana@example.com,Änne\n'ben@example.com,'=Ben\n".encode(),
    ],
    ids=["Excel in western Europe", "UTF-8 with a mark and tabs", "UTF-16", "guarded against formulas"],
)
async def test_files_are_read_as_spreadsheets_write_them(lists: Lists, written: bytes) -> None:
    lists.locks.write_bytes(written)
    assert (await lists.compared()).detail == "2 members may enter, 2 credentials are on"


async def test_columns_may_have_other_names(lists: Lists) -> None:
    lists.locks.write_text("Who,Mail address,State\nAna,ana@example.com,aktiv\n")
    columns = {"name": "who", "email": "Mail Address"}
    locks = {"source": "csv", "file": str(lists.locks), "columns": columns}
    lists.may("Ana")
    await lists.compared(locks=locks)
    detail = await lists.doubts(locks={**locks, "columns": {**columns, "enabled": "State"}})
    assert detail == f"{lists.locks}: line 2, column enabled: write yes or no"


@pytest.mark.parametrize(
    ("date", "read"),
    [
        ("2026-03-05", datetime(2026, 3, 4, 23, tzinfo=UTC)),
        ("05.03.2026", datetime(2026, 3, 4, 23, tzinfo=UTC)),
        ("2026-03-05T12:00:00+02:00", datetime(2026, 3, 5, 10, tzinfo=UTC)),
        ("2026-03-05 12:00", datetime(2026, 3, 5, 11, tzinfo=UTC)),
    ],
)
async def test_dates_are_of_the_zone_that_is_set(lists: Lists, date: str, read: datetime) -> None:
    members = {"source": "csv", "file": str(lists.members), "timezone": "Europe/Berlin"}
    lists.may("Ana", "Ben", "Cleo", since=date)
    await lists.fails(members=members)
    assert lists.audit.findings[0].since == read


@pytest.mark.parametrize(("since", "until"), [("0001-01-01", "9999-12-31"), ("0001-01-01T00:00:00", "0001-01-01")])
async def test_what_programs_write_for_never_and_for_ever_is_no_date(lists: Lists, since: str, until: str) -> None:
    lists.members.write_text(f"{MEMBERS}Ana,ana@example.com,{since},{until}\nBen,ben@example.com\n")
    zone = {"source": "csv", "file": str(lists.members), "timezone": "Asia/Tokyo"}
    assert (await lists.compared(members=zone, orphaned_after=0)).detail.startswith("2 members may enter")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"first,last\n{PIN},b\n", "has none of the columns id, email, card"),
        (f"email,since\nana@example.com,{PIN}\n", "line 2, column since: write a date like 2026-11-30"),
        (f'email\n"{PIN}', "is no CSV"),
        ("email\n" + "x" * 140_000, "is no CSV"),
        ("email\n" + "a@b\n" * 20_001, "more than 20,000 lines"),
        ("email\n" + "x" * 17_000_000, "larger than 16 MB"),
    ],
    ids=["no column of ours", "no date", "an open quotation mark", "a value far too long", "long", "large"],
)
async def test_a_file_that_cannot_be_used_says_so_and_nothing_of_what_is_in_it(
    lists: Lists, content: str, words: str
) -> None:
    lists.members.write_text(content)
    assert words in await lists.doubts()


async def test_a_file_that_is_missing_or_none_is_no_source(lists: Lists, tmp_path: Path) -> None:
    for path, words in ((tmp_path / "gone.csv", "No such file"), (tmp_path, "that is no file")):
        assert words in await lists.doubts(locks={"source": "csv", "file": str(path)})
    os.mkfifo(tmp_path / "pipe")
    assert "that is no file" in await lists.doubts(locks={"source": "csv", "file": str(tmp_path / "pipe")})


def test_strange_settings_are_refused() -> None:
    for locks in ({"source": "gallagher"}, {"file": "a"}, {"source": "csv", "file": "a", "columns": {"pin": "PIN"}}):
        with pytest.raises(ValidationError):
            CredentialsParams.model_validate({"locks": locks, "members": {"source": "csv", "file": "a"}})


@contextlib.asynccontextmanager
async def asked(api: WebApi, **settings: Any) -> AsyncIterator[dict[str, Any]]:
    """Settings of a source, with its address where `{url}` stands."""
    async with serving(api.talk) as port:
        url = f"http://127.0.0.1:{port}"
        yield {name: value.replace("{url}", url) for name, value in {"url": "{url}", **settings}.items()}


KISI = {"source": "kisi", "key": "${env:KISI}"}
BRIVO = {
    "source": "brivo", "url": "{url}/v1/api", "sign_in_url": "{url}/oauth/token", "api_key": "${env:BRIVO_KEY}",
    "client_id": "client", "client_secret": "${env:BRIVO_SECRET}", "username": "desk", "password": "${env:BRIVO}",
}  # fmt: skip
SALTO = {
    "source": "salto_ks", "url": "{url}/v1.2", "sign_in_url": "{url}/connect/token", "site": salto_ks.SITE,
    "client_id": "client", "client_secret": "${env:SALTO_SECRET}", "username": "desk@example.com",
    "password": "${env:SALTO}",
}  # fmt: skip
NEXUDUS = {"source": "nexudus", "username": "deskwatch@example.com", "password": "${env:NEXUDUS}"}
OFFICERND = {
    "source": "officernd", "identity_url": "{url}", "organization": "example", "client_id": "app",
    "client_secret": "${env:OFFICERND}",
}  # fmt: skip
COBOT = {"source": "cobot", "space": cobot.SPACE, "token": "${env:COBOT}"}


def kisi_user(number: int, **changed: Any) -> dict[str, Any]:
    user = {"id": number, "name": f"User {number}", "email": f"user{number}@example.com", "access_enabled": True}
    return {**user, "last_accessed_at": f"{now() - DAY:%Y-%m-%dT%H:%M:%S.000Z}", "otp_secret": PIN, **changed}


def write(lists: Lists, *emails: str) -> None:
    lists.members.write_text("email\n" + "\n".join(emails))


async def test_kisi_is_read_page_by_page(lists: Lists) -> None:
    api, users = kisi.account(), [kisi_user(number) for number in range(230)]
    users[7] = kisi_user(7, access_enabled=False)
    users[8] = kisi_user(8, last_accessed_at="2020-01-01T00:00:00Z")
    api.answers[kisi.USERS] = kisi.pages(*users)
    write(lists, *(f"USER{number}@example.com" for number in range(229) if number != 7))
    async with asked(api, **KISI) as locks:
        found = await lists.compared(locks=locks)
    told = values(found.samples)
    assert (told["enabled"], told["within_grace"], told["stale"]) == (229, 1, 1)
    assert api.paths == ["GET /users"] * 3
    assert [one.names for one in lists.audit.findings] == [("User 229",), ("User 8",)]


async def test_a_list_that_ends_before_its_end_is_no_source(lists: Lists) -> None:
    api = kisi.account()
    api.answers[kisi.USERS] = kisi.pages(kisi_user(1), total=143)
    async with asked(api, **KISI) as locks:
        assert await lists.doubts(locks=locks) == "Kisi gave 1 of 143 users; an audit needs all of them"
    api.answers[kisi.USERS] = [kisi_user(number) for number in range(100)]
    async with asked(api, **KISI) as locks:
        assert "does not tell how many users there are" in await lists.doubts(locks=locks)
    api.answers[kisi.USERS] = kisi.pages(kisi_user(1), total=20_001)
    async with asked(api, **KISI) as locks:
        assert "more than 20,000 are not compared" in await lists.doubts(locks=locks)


async def test_brivo_is_asked_for_users_that_are_not_suspended_and_within_their_dates(lists: Lists) -> None:
    api = brivo.account()
    user = {"firstName": "A", "lastName": "B", "suspended": False, "pin": PIN}
    api.answers[brivo.USERS] = brivo.pages(
        {**user, "id": 1, "externalId": "m-1"},
        {**user, "id": 2, "externalId": "m-2", "suspended": True},
        {**user, "id": 3, "externalId": "m-3", "effectiveTo": "2020-01-01T00:00:00Z"},
        {**user, "id": 4, "externalId": "m-4", "effectiveFrom": "2020-01-01T00:00:00Z"},
    )
    lists.members.write_text("id\nm-1\n")
    async with asked(api, **BRIVO) as locks:
        failed = await lists.fails(locks=locks, orphaned_after=0)
    assert (values(failed.samples)["enabled"], values(failed.samples)["orphaned"]) == (2, 1)
    assert lists.audit.findings[0].names == ("A B",)


async def test_salto_is_asked_for_users_that_are_not_blocked(lists: Lists) -> None:
    api = salto_ks.site()
    users = [{"id": f"u{number}", "email": f"user{number}@example.com", "pin": PIN} for number in range(4)]
    users[3] = {**users[3], "blocked": True}  # type: ignore[dict-item]
    api.answers[salto_ks.USERS] = {"items": users, "total_count": 4}
    write(lists, "user0@example.com", "user1@example.com")
    async with asked(api, **SALTO) as locks:
        failed = await lists.fails(locks=locks, orphaned_after=0)
    assert (values(failed.samples)["enabled"], values(failed.samples)["orphaned"]) == (3, 1)
    api.answers[salto_ks.USERS] = {"items": users, "total_count": 143}
    async with asked(api, **SALTO) as locks:
        assert "gave 4 of 143 users" in await lists.doubts(locks=locks)


async def test_unifi_access_is_asked_for_active_users_and_their_cards(lists: Lists, authority: Authority) -> None:
    def user(number: int, **changed: Any) -> dict[str, Any]:
        base = {"id": f"u{number}", "first_name": "User", "last_name": str(number), "status": "ACTIVE"}
        base |= {"employee_number": f"m-{number}", "nfc_cards": [], "pin_code": {"token": PIN}}
        return {**base, **changed}

    shared = [{"id": CARD, "token": PIN, "type": "ua_card"}]
    users = [
        user(1, nfc_cards=shared),
        user(2, nfc_cards=shared),
        user(3, status="DEACTIVATED"),
        user(4, access_policy_ids=[]),
    ]
    api = unifi_access.console()
    api.answers[unifi_access.USERS] = lambda asked: Reply(
        unifi_access.said(
            users[(int(asked.one("page_num")) - 1) * 3 :][:3], pagination={"page_num": 1, "page_size": 3, "total": 4}
        )
    )
    lists.members.write_text("id\nm-1\nm-2\n")
    async with serving(api.talk, tls=authority.issue().context()) as port:
        locks = {"source": "unifi_access", "host": "127.0.0.1", "port": port, "token": "${env:UNIFI}"}
        failed = await lists.fails(locks={**locks, "ca_file": str(authority.file)}, down_on=["duplicate"])
    assert values(failed.samples)["enabled"] == 2
    assert lists.audit.findings[0].names == ("User 1", "User 2")
    assert CARD not in repr(lists.engines.memory.recall(CHECK))


def contract(number: int, **changed: Any) -> dict[str, Any]:
    base = {"CoworkerId": number, "CoworkerFullName": f"User {number}", "CoworkerEmail": f"user{number}@example.com"}
    return {**base, "StartDate": "2020-01-01T00:00:00Z", "Active": True, "TariffName": "Flex", **changed}


def write_locks(lists: Lists, *numbers: int) -> None:
    lists.locks.write_text("email\n" + "\n".join(f"user{number}@example.com" for number in numbers))


async def test_nexudus_lets_enter_whoever_has_a_contract_that_runs(lists: Lists) -> None:
    ended, paused = {"CancellationDate": f"{now() - 3 * DAY:%Y-%m-%dT%H:%M:%SZ}"}, {"InPausedPeriod": True}
    contracts = [contract(1), contract(2, **ended), contract(3, TariffIsVirtualOffice=True), contract(4, Active=False)]
    contracts[0]["CancellationDate"] = "0001-01-01T00:00:00"
    contracts += [contract(5, **paused), contract(2, StartDate="2019-01-01T00:00:00Z", **ended)]
    platform = nexudus.Nexudus({"billing/coworkercontracts": contracts}, longest_page=2)
    write_locks(lists, 1, 2)
    async with asked(platform.api(), **NEXUDUS) as members:
        failed = await lists.fails(members=members)
    told = values(failed.samples)
    assert (failed.reason, told["orphaned"], told["missing"], told["entitled_members"]) == ("orphaned", 1, 0, 1)
    assert told["failed_pushes"] == 0


async def test_nexudus_lets_enter_every_active_customer_where_that_is_set(lists: Lists) -> None:
    customers = [
        {"Id": n, "FullName": f"User {n}", "Email": f"user{n}@example.com", "Active": n < 3} for n in (1, 2, 3)
    ]
    write_locks(lists, 1, 2)
    async with asked(nexudus.Nexudus({"spaces/coworkers": customers}).api(), **NEXUDUS) as members:
        found = await lists.compared(members={**members, "entitled_by": "active"})
    assert values(found.samples)["entitled_members"] == 2


async def test_what_nexudus_could_not_hand_on_to_the_locks_is_down(lists: Lists) -> None:
    pushes = [
        {"IsProblem": problem, "CreatedOn": f"{now() - age:%Y-%m-%dT%H:%M:%SZ}", "Description": PIN}
        for problem, age in ((True, DAY / 2), (False, DAY / 2), (True, 2 * DAY))
    ]
    records = {"billing/coworkercontracts": [contract(1)], "spaces/coworkeraccesscontrolaudits": pushes}
    write_locks(lists, 1)
    async with asked(nexudus.Nexudus(records).api(), **NEXUDUS) as members:
        failed = await lists.fails(members=members)
    assert failed.reason == "push_failed"
    assert failed.detail.startswith("1 change was not handed on to the locks")


async def test_without_the_right_to_see_pushes_nothing_is_said_of_them(lists: Lists) -> None:
    api = nexudus.Nexudus({"billing/coworkercontracts": [contract(1)]}).api()
    api.answers["GET /api/spaces/coworkeraccesscontrolaudits"] = Reply({}, 403)
    write_locks(lists, 1)
    async with asked(api, **NEXUDUS) as members:
        assert "failed_pushes" not in values((await lists.compared(members=members)).samples)


async def test_a_list_of_nexudus_that_ends_before_its_end_is_no_source(lists: Lists) -> None:
    api = nexudus.Nexudus().api()
    answer = {"Records": [contract(1)], "TotalItems": 9, "HasNextPage": False}
    api.answers["GET /api/billing/coworkercontracts"] = answer
    async with asked(api, **NEXUDUS) as members:
        assert "gave 1 of 9 records" in await lists.doubts(members=members)


async def test_officernd_lets_enter_whoever_is_active(lists: Lists) -> None:
    people = [
        {"_id": str(number), "name": f"User {number}", "email": f"user{number}@example.com", "status": status,
         "startDate": "2020-01-01T00:00:00.000Z"}
        for number, status in enumerate(["active", "active", "former", "active"], 1)
    ]  # fmt: skip
    write_locks(lists, 1, 2, 3)
    async with asked(officernd.Officernd(people=people, page=2).api(), **OFFICERND) as members:
        failed = await lists.fails(members=members, orphaned_after=0)
    told = values(failed.samples)
    assert (told["entitled_members"], told["orphaned"], told["missing"]) == (3, 1, 1)


async def test_cobot_lets_enter_whoever_is_confirmed_and_not_cancelled(lists: Lists) -> None:
    confirmed = {"confirmedAt": "2020-01-01T00:00:00Z", "canceledAt": None}
    memberships = [
        {"name": "User 1", "email": "user1@example.com", **confirmed},
        {"name": "User 2", "email": "user2@example.com", "confirmedAt": None},
        {"name": "User 3", "email": "user3@example.com", **confirmed, "canceledAt": f"{now() - 5 * DAY:%Y-%m-%d}"},
    ]
    write_locks(lists, 1, 3)
    async with asked(cobot.Cobot(memberships).api(), **COBOT) as members:
        failed = await lists.fails(members=members)
    assert failed.detail.startswith("1 person can enter without a contract, the longest for 5 days")
    assert values(failed.samples)["entitled_members"] == 1


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: f"{outage.reason}-{outage.reply.status}")
@pytest.mark.parametrize("side", ["locks", "members"])
async def test_a_source_that_is_out_says_nothing_about_anybodys_credential(
    lists: Lists, outage: Outage, side: str
) -> None:
    api = kisi.account() if side == "locks" else officernd.Officernd().api()
    spared = ("/oauth/token",)
    async with asked(shut(api, outage.reply, spared), **(KISI if side == "locks" else OFFICERND)) as source:
        with pytest.raises(Unmeasured) as unmeasured:
            await lists.compared(**{side: source})
    assert unmeasured.value.reason in ("no_source", "no_permission", "throttled")


async def test_silence_is_no_source_either(lists: Lists) -> None:
    api = kisi.account()
    api.first = [None]
    async with asked(api, **KISI) as locks:
        with pytest.raises(Unmeasured, match="the list of credentials") as unmeasured:
            await run(lists.engines, lists.settings(locks=locks), 2)
    assert unmeasured.value.reason == "no_source"


async def test_it_only_reads(lists: Lists) -> None:
    api = brivo.account()
    async with asked(api, **BRIVO) as locks:
        with contextlib.suppress(Failed, Unmeasured):
            await lists.compared(locks=locks)
    assert [path for path in api.paths if not path.startswith("GET ")] == ["POST /oauth/token"]


async def test_on_demand_nothing_is_remembered_and_no_name_is_kept(lists: Lists) -> None:
    await Credentials(CredentialsParams.model_validate(lists.settings()), lists.engines).measure(60)
    assert lists.engines.audits.of("") is None
    assert lists.engines.memory.take_changed() == {}
    assert not Credentials.on_demand


async def test_a_file_is_read_beside_the_event_loop(lists: Lists) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    lists.has(*(f"Person{number}" for number in range(5000)))
    counting = asyncio.create_task(count())
    with contextlib.suppress(Failed, Unmeasured):
        await lists.compared()
    counting.cancel()
    assert turns > 10
