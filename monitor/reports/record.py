"""The parts of a memo about incidents: what happened, why, what it cost, who was told too often, what is left to do."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from alerting.rules import Episode
from incidents.incident import Incident, Origin
from incidents.messages import duration
from incidents.recovery import Mean
from incidents.review import Action, Category
from language import N_, gettext, local, month, ngettext, weekday
from language import figures as written
from monitor.reports.document import Block, Figure, Item, Items, Mark, Paragraph, Section, Table, columns
from monitor.reports.facts import Facts

MOST = 15
"""Rows that a table shows; the rest is counted."""
NOISY = 5
"""From how many messages of one rule a week on somebody should look at it."""
SHORT = timedelta(minutes=5)
"""What lasts less may be over before anybody can act."""

CAUSES = {
    Category.UNSAID: N_("not said yet"),
    Category.ISP: N_("internet provider"),
    Category.POWER: N_("power"),
    Category.HARDWARE: N_("hardware"),
    Category.CONFIGURATION: N_("configuration"),
    Category.VENDOR: N_("vendor's platform"),
    Category.CREDENTIAL: N_("credential"),
    Category.HUMAN: N_("human"),
    Category.UNKNOWN: N_("could not be found"),
}
"""What the categories of causes are called."""


class Noise(NamedTuple):
    """How often people were told of one rule, and what may be done about it."""

    check: str
    rule: str
    messages: int
    episodes: int
    advice: str


def own(facts: Facts) -> tuple[Incident, ...]:
    """The incidents of the time, without those that others tell of."""
    return tuple(one for one in facts.incidents if one.merged_into is None)


def begun(facts: Facts) -> tuple[Incident, ...]:
    """Those of them that began in it."""
    return tuple(one for one in own(facts) if facts.start <= one.opened < facts.end)


def lost(facts: Facts) -> float:
    """The member-minutes that the incidents cost which ended in it."""
    ended = (one for one in own(facts) if one.resolved is not None and facts.start <= one.resolved < facts.end)
    return sum(one.member_minutes or 0 for one in ended)


def reported(facts: Facts) -> int:
    """How many of those that began were reported by people."""
    return sum(one.origin is Origin.REPORTED for one in begun(facts))


def figures(facts: Facts, earlier: Facts) -> tuple[Figure, ...]:
    """How many there were and what they cost, beside the time before."""
    count, before = len(begun(facts)), len(begun(earlier))
    minutes, minutes_before = lost(facts), lost(earlier)
    return (
        Figure(
            gettext("Incidents"),
            str(count),
            count,
            "",
            trend=gettext("{value} before", value=before),
            mark=Mark.GOOD if not count else Mark.NEUTRAL,
        ),
        Figure(
            gettext("Member-minutes lost"),
            written(f"{minutes:,.0f}"),
            minutes * 60,
            "seconds",
            trend=gettext("{value} before", value=written(f"{minutes_before:,.0f}")),
            note=gettext("open hours x people"),
            mark=Mark.GOOD if minutes < 1 else Mark.BAD if minutes > 2 * minutes_before + 60 else Mark.NEUTRAL,
        ),
    )


def section(facts: Facts) -> Section:
    """What happened, and why."""
    found = own(facts)
    blocks: tuple[Block, ...] = (
        (_by_cause(found), _table(facts, found)) if found else (Paragraph(gettext("There was none.")),)
    )
    return Section(gettext("Incidents"), blocks)


def noise(facts: Facts) -> tuple[Noise, ...]:
    """The rules that people were told of most, the loudest first, from `NOISY` messages a week on."""
    weeks = max((facts.end - facts.start) / timedelta(days=7), 1 / 7)
    by_rule = defaultdict[tuple[str, str], list[Episode]](list)
    for episode in facts.episodes:
        by_rule[episode.check, episode.rule].append(episode)
    loud = {key: count for key, count in facts.told.items() if count >= NOISY * max(weeks, 1)}
    found = (Noise(*key, count, len(by_rule[key]), advice(by_rule[key])) for key, count in loud.items())
    return tuple(sorted(found, key=lambda one: (-one.messages, one.check, one.rule)))


def advice(episodes: Sequence[Episode]) -> str:
    """What may be done about a rule that fires as often as this, "" if it deserves to."""
    lengths = [one.closed - one.fired for one in episodes if one.closed is not None and one.fired is not None]
    short = sum(length < SHORT for length in lengths)
    if len(lengths) >= 3 and short > len(lengths) / 2:
        return gettext(
            "{short} of {all} were over within 5 minutes: let it wait longer, with `for`", short=short, all=len(lengths)
        )
    if any(one.turns for one in episodes):
        return gettext("it comes and goes: give `clear` some distance from the limit, or `keep_firing_for`")
    if len(episodes) < NOISY:
        return ""
    return gettext("it fires this often for a reason: find the cause, or raise its limit")


def noise_section(facts: Facts) -> Section | None:
    """Who was told too often, None if nobody was."""
    found = noise(facts)
    if not found:
        return None
    rows = tuple((one.check, one.rule, one.messages, one.episodes, one.advice or "-") for one in found[:MOST])
    names = columns(gettext("check | rule | messages | times | what may help"))
    return Section(gettext("Alert noise"), (Table(names, rows),))


def actions(facts: Facts, today: date) -> Section | None:
    """What is left to do so that it does not happen again, the most urgent first; None if nothing is."""
    left = sorted((one for one in facts.actions if one.done is None), key=lambda one: (one.due, one.id))
    done = sum(one.done is not None and facts.start <= one.done < facts.end for one in facts.actions)
    if not left and not done:
        return None
    rows = tuple((one.text, one.owner, one.due.isoformat(), _urgency(one, today)) for one in left[:MOST])
    table = (Table(columns(gettext("what | who | by |")), rows),) if rows else ()
    said = (Paragraph(gettext("Done in this time: {number}.", number=done)),) if done else ()
    return Section(gettext("Actions"), (*table, *said))


def items(facts: Facts, today: date) -> tuple[Item, ...]:
    """What of the record needs somebody: faults that last, actions that are late, reviews that nobody has written."""
    return (*_lasting(facts), *_late(facts, today), *_unwritten(facts))


def attention(found: Iterable[Item]) -> Section | None:
    """A section of items, None if there is none."""
    some = tuple(found)
    return Section(gettext("What needs you"), (Items(some),)) if some else None


def mean(name: str, found: Mean | None, earlier: Mean | None) -> Figure:
    """How long something took on average, beside the time before."""
    trend = gettext("{value} before", value=duration(earlier.length.total_seconds())) if earlier else ""
    if found is None:
        return Figure(name, gettext("no case"), trend=trend, mark=Mark.UNKNOWN)
    seconds = found.length.total_seconds()
    return Figure(name, duration(seconds), seconds, "seconds", trend=trend)


def _lasting(facts: Facts) -> Iterator[Item]:
    for one in own(facts):
        if one.stage.live:
            who = one.acknowledged_by
            holder = gettext("{who} has it", who=who) if who else gettext("Nobody has it yet.")
            since = gettext("Since {when}.", when=local(one.opened, facts.zone))
            yield Item(f"incident/{one.id}", one.title, since, holder=holder, link=f"/incidents/{one.id}")


def _late(facts: Facts, today: date) -> Iterator[Item]:
    for action in facts.actions:
        if action.done is None and action.due < today:
            late = gettext(
                "It was due on {weekday} {day} {month}.",
                weekday=weekday(action.due),
                day=action.due.day,
                month=month(action.due),
            )
            todo, link = gettext("Do it, or give it a new date."), f"/incidents/{action.incident}"
            yield Item(f"action/{action.id}", action.text, late, todo, action.owner, link=link)


def _unwritten(facts: Facts) -> Iterator[Item]:
    left = [one for one in own(facts) if not one.stage.live and one.unwritten]
    if left:
        names = "; ".join(one.title for one in sorted(left, key=lambda one: -(one.member_minutes or 0))[:3])
        title = ngettext(
            "{number} incident without a finished review", "{number} incidents without a finished review", len(left)
        )
        hits = gettext("Among them: {names}.", names=names)
        todo = gettext("Open each incident and write down what was done and why it happened: it may return.")
        yield Item("reviews", title, hits, todo, link="/incidents", mark=Mark.WATCH)


def _by_cause(found: Iterable[Incident]) -> Table:
    count, minutes = Counter[Category](), Counter[Category]()
    for one in found:
        count[one.category] += 1
        minutes[one.category] += round(one.member_minutes or 0)
    rows = tuple((gettext(CAUSES[cause]), times, minutes[cause]) for cause, times in count.most_common())
    return Table(columns(gettext("cause | incidents | member-minutes")), rows, gettext("By cause"))


def _table(facts: Facts, found: Sequence[Incident]) -> Table:
    """All of them, what cost most first."""
    worst = sorted(found, key=lambda one: (-(one.member_minutes or 0), one.id))
    rows = tuple(_row(facts, one) for one in worst[:MOST])
    names = columns(gettext("what | began | lasted | member-minutes | cause | what was done"))
    more = len(found) - MOST
    title = gettext("What cost most; {number} more cost less", number=more) if more > 0 else gettext("All incidents")
    return Table(names, rows, title)


def _row(facts: Facts, one: Incident) -> tuple[str | int | None, ...]:
    lasted = gettext("still lasts") if one.resolved is None else duration((one.resolved - one.opened).total_seconds())
    minutes = None if one.member_minutes is None else round(one.member_minutes)
    return (
        one.title,
        local(one.opened, facts.zone),
        lasted,
        minutes,
        gettext(CAUSES[one.category]),
        one.resolution or "-",
    )


def _urgency(action: Action, today: date) -> str:
    days = (today - action.due).days
    if days > 0:
        return gettext("{number} d late", number=days)
    return gettext("today") if days == 0 else gettext("in {number} d", number=-days)
