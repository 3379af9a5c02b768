"""What messages can be about: every rule of every check, as silences and planned work see it."""

from collections.abc import Iterator

from alerting.gates import Subject
from alerting.rules import Rule, Severity
from monitor.config.model import Asset, Config


def subject(config: Config, asset: Asset, kind: str, rule: Rule, severity: Severity) -> Subject:
    """What a message would be about that a rule's episode of that severity, on a check of that kind, leads to."""
    return Subject(config.site.id, asset.section, asset.id, rule.check, kind, rule.id, severity, asset.tags)


def subjects(config: Config) -> Iterator[Subject]:
    """Everything that somebody could be told of, in the order of the configuration: rules once for each severity that
    they can have."""
    for asset in config.assets:
        for check in asset.checks:
            for rule in check.rules:
                for severity in dict.fromkeys((rule.severity, rule.closed or rule.severity)):
                    if severity.pages:
                        yield subject(config, asset, check.kind, rule, severity)
