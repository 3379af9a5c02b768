"""What ends soon and can be replaced in time: certificates, lamps, supplies, batteries, reviews."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from incidents.messages import duration, plain
from language import N_, gettext, ngettext
from monitor.config.model import Asset, Check
from monitor.reports.document import Item, Mark
from probes import Reading, Sample, Status

_DAY = 86_400.0


class Ending(NamedTuple):
    """A metric that tells of an end: from `limit` on, downwards or `upwards`, somebody should act.

    `says` is a sentence about the `{asset}`, with `{part}` and `{left}` as people read them: what is left, or used
    up, in time, per cent or people. Where `says` does not name the part the worst one counts; `part` restricts it to
    one.
    """

    metric: str
    limit: float
    says: str
    todo: str
    upwards: bool = False
    part: str = ""
    link: str = ""

    def has_come(self, value: float) -> bool:
        """Whether it is time to act."""
        return value >= self.limit if self.upwards else value <= self.limit


ENDINGS = (
    Ending(
        "deskwatch_certificate_remaining_seconds",
        14 * _DAY,
        N_("{asset} has a certificate that ends in {left}"),
        N_("Renew the certificate, or ask whoever looks after this service to."),
    ),
    Ending(
        "deskwatch_display_lamp_used_ratio",
        0.9,
        N_("{asset} has a lamp with {left} of its life behind it"),
        N_("Order a lamp now; it can fail in the middle of a meeting."),
        upwards=True,
    ),
    Ending(
        "deskwatch_printer_supply_ratio",
        0.1,
        N_("{asset} has {left} of its {part} left"),
        N_("Put a new one beside the device, and order another."),
    ),
    Ending(
        "deskwatch_door_battery_ratio",
        0.2,
        N_("{asset} has a lock with {left} of its battery left: {part}"),
        N_("Change the batteries of this lock; when they are empty the door stays shut."),
    ),
    Ending(
        "deskwatch_sensor_battery_ratio",
        0.15,
        N_("{asset} has a sensor with {left} of its battery left: {part}"),
        N_("Change the battery of this sensor."),
    ),
    Ending(
        "deskwatch_ups_replace_battery",
        1,
        N_("{asset} needs a new battery"),
        N_("Order the battery for this model; until then the next power cut is felt at once."),
        upwards=True,
    ),
    Ending(
        "deskwatch_device_storage_used_ratio",
        0.9,
        N_("{asset} has a storage that is {left} full: {part}"),
        N_("Ask whoever looks after this device to make room."),
        upwards=True,
    ),
    Ending(
        "deskwatch_review_remaining_seconds",
        14 * _DAY,
        N_("{asset} has to be done within {left}"),
        N_("Do it, or find somebody who does, and sign it off."),
        link="/reviews",
    ),
    Ending(
        "deskwatch_credentials",
        1,
        N_("{asset} lets {left} in who should not have a key any more"),
        N_("Look through who can enter, and switch off what has no contract."),
        upwards=True,
        part="orphaned",
        link="/audits/credentials",
    ),
    Ending(
        "deskwatch_credentials",
        1,
        N_("{asset} keeps {left} out who should have a key"),
        N_("Look through who can enter, and give the keys that are missing."),
        upwards=True,
        part="missing",
        link="/audits/credentials",
    ),
)
"""All that is looked for. Limits are earlier than those of alerts: here is time to order something."""


def endings(asset: Asset, check: Check, reading: Reading, firing: Collection[tuple[str, str]]) -> Iterator[Item]:
    """What of a check ends soon.

    What a rule in `firing` tells already, by check and rule, is left out, and so is all of a check that is down.
    """
    if reading.status is not Status.UP:
        return
    told = {rule.metric for rule in check.rules if (check.id, rule.id) in firing and rule.severity.pages}
    for ending in ENDINGS:
        if ending.metric not in told:
            for sample in _come(ending, reading):
                yield _item(asset, check, ending, sample)


def _come(ending: Ending, reading: Reading) -> list[Sample]:
    """The samples whose time has come: all parts, or the worst where parts do not matter."""
    found = [
        sample
        for sample in reading.samples
        if sample.metric == ending.metric and ending.part in ("", sample.part) and ending.has_come(sample.value)
    ]
    if "{part}" in ending.says or not found:
        return found
    return [max(found, key=lambda one: one.value if ending.upwards else -one.value)]


def _item(asset: Asset, check: Check, ending: Ending, sample: Sample) -> Item:
    name, rest = plain(asset.name), left(ending.metric, sample.value)
    part = sample.part if "{part}" in ending.says else ending.part
    return Item(
        key=f"{check.id}/{ending.metric}/{part}",
        title=gettext(ending.says, asset=name, part=plain(sample.part), left=rest),
        todo=gettext(ending.todo),
        link=ending.link or f"/assets/{asset.id}",
        mark=Mark.WATCH,
    )


def left(metric: str, value: float) -> str:
    """A rest as people read it: "9 days", "8 %", "2 people"."""
    if metric.endswith("_seconds"):
        days = int(value // _DAY)
        return duration(max(value, 0)) if days < 2 else ngettext("{number} day", "{number} days", days)
    if metric.endswith("_ratio"):
        return f"{value * 100:.0f} %"
    return ngettext("{number} person", "{number} people", round(value))
