"""Where devices fail that try to join a Wi-Fi network: it tells of broken RADIUS or DHCP before members do."""

from collections.abc import Iterator, Mapping

from probes._base import DefaultRule, Metric, Sample

STAGES = ("association", "authentication", "dhcp", "dns")
"""How far a device came, in the order in which it passes them."""

LEAST = 20
"""Attempts of which shares are told, unless none failed: of a handful, one phone with an old password is a quarter."""

FAILURES = Metric(
    "deskwatch_wifi_join_failures", "Attempts to join a network lately that failed at this stage", "", "stage", STAGES
)
JOINS = Metric("deskwatch_wifi_joins", "Attempts to join a network lately that succeeded")
SHARE = Metric(
    "deskwatch_wifi_join_failure_ratio",
    f"Share of the attempts to join a network lately that failed at this stage; told from {LEAST} attempts on",
    "ratio",
    "stage",
    STAGES,
)
METRICS = (FAILURES, JOINS, SHARE)

RULES = tuple(
    DefaultRule(f"{stage}-fails", SHARE.name, says, part=stage, above=above, clear=above / 2, hold=600)
    for stage, above, says in (
        ("authentication", 0.3, "turns away many of the devices that try to join: RADIUS, or a changed password"),
        ("dhcp", 0.1, "leaves devices without an address: DHCP"),
        ("dns", 0.2, "lets devices in that then find no names: DNS"),
    )
)
"""What every kind proposes that knows the attempts that succeeded as well."""


def samples(failures: Mapping[str, int], joins: int) -> Iterator[Sample]:
    """The figures of a stretch of time, with the failures at each stage."""
    yield from (Sample(FAILURES.name, failures[stage], stage) for stage in STAGES)
    yield Sample(JOINS.name, joins)
    attempts = joins + sum(failures.values())
    for stage in STAGES:
        if attempts >= LEAST or (attempts and not failures[stage]):
            yield Sample(SHARE.name, failures[stage] / attempts, stage)


def complaints(failures: Mapping[str, int], joins: int) -> Iterator[str]:
    """What a community manager should know of them."""
    attempts = joins + sum(failures.values())
    for rule in RULES:
        failed = failures[rule.part]
        if attempts >= LEAST and rule.above is not None and failed / attempts > rule.above:
            yield f"{failed} of {attempts} attempts to join failed lately at {_WORDS[rule.part]}"


_WORDS = {"authentication": "the sign-in", "dhcp": "getting an address (DHCP)", "dns": "looking up names (DNS)"}
