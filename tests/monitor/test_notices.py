"""Who hears that somebody cannot be reached, and in which words."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from alerting.channels import NoticeKind
from alerting.hours import OpeningHours
from alerting.oncall import Contact, Person
from alerting.routes import Route, Step
from alerting.rules import Severity
from monitor.config.model import Config, Server, Site, Storage
from monitor.notices import hearers, trial, unreached

NOW = datetime(2026, 8, 3, 7, 55, tzinfo=UTC)
CRITICAL = frozenset({Severity.CRITICAL})
SITE = Site("harbour", "Harbour Street", OpeningHours(ZoneInfo("Europe/Lisbon"), ((),) * 7), 120)
ANA = Person("ana", "Ana", (Contact("ana/phone", CRITICAL), Contact("ana/mail", frozenset({Severity.WARNING}))))


def config(*routes: Route, url: str = "") -> Config:
    urls = dict.fromkeys(("chat", "digest", "ana/phone", "ana/mail"), SecretStr(""))
    return Config(SITE, (), routes, urls, Server(url=url), Storage(SecretStr("")), people=(ANA,))


CHAT = Route("chat", steps=(Step(0, ("chat",)), Step(600, ("ana",))))
DIGEST = Route("digest", frozenset({Severity.WARNING}), steps=(Step(0, ("digest",)),))


def test_whoever_a_critical_fault_reaches_in_any_step_hears_of_it() -> None:
    assert hearers(config(CHAT, DIGEST), "chat", (), (), NOW) == ("ana/phone",)
    assert hearers(config(CHAT, DIGEST), "ana/phone", (), (), NOW) == ("chat",)


def test_if_no_route_reaches_another_all_others_hear_of_it() -> None:
    alone = Route("chat", steps=(Step(0, ("chat",)),))
    assert hearers(config(alone, DIGEST), "chat", (), (), NOW) == ("digest", "ana/phone", "ana/mail")


def test_who_fails_as_well_is_left_out_unless_nobody_else_is_there() -> None:
    routes = (CHAT, Route("digest", steps=(Step(0, ("digest",)),)))
    assert hearers(config(*routes), "chat", {"digest"}, (), NOW) == ("ana/phone",)
    assert hearers(config(*routes), "chat", {"digest", "ana/phone"}, (), NOW) == ("digest", "ana/phone")


def test_the_alarm_says_who_why_what_and_what_to_do() -> None:
    where = config(CHAT, url="https://desk.example.org/")
    (alarm,) = unreached(where, "chat", ["Critical: Door is down", "Warning: slow"], "error=401", ["mail"], NOW)
    assert (alarm.key.kind, alarm.key.destination, alarm.severity) == (NoticeKind.ALARM, "mail", Severity.CRITICAL)
    assert alarm.title == "Deskwatch could not reach chat (Harbour Street)"
    assert alarm.body.splitlines() == [
        "Deskwatch could not reach chat: error=401",
        "The message was: Critical: Door is down (and 1 more)",
        "What to do: tell whom it was for, and look at the address of this destination. "
        "`deskwatch notify-test chat` tries it.",
        "https://desk.example.org/deliveries",
    ]


def test_a_trial_says_that_it_is_one_and_is_never_the_same_message() -> None:
    one, other = (trial(config(CHAT), "chat", NOW) for _ in range(2))
    assert one.title == "Test message to chat"
    assert "Harbour Street, sent Mon 3 Aug, 08:55" in one.body
    assert one.key != other.key
