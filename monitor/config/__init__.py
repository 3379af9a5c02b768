"""From YAML to a validated, frozen configuration; every error at once, with file, line and remedy."""

from pathlib import Path

from monitor.config.build import build
from monitor.config.model import Config
from monitor.config.problems import ConfigError, Findings, Problem
from monitor.config.source import read

__all__ = ["Config", "ConfigError", "Problem", "load"]


def load(path: Path) -> Config:
    """The configuration in a file, or in all `*.yaml` and `*.yml` files of a directory together.

    Raises ConfigError with everything that is wrong.
    """
    source = read(path)
    findings = Findings(source.problems)
    config = build(source.documents, path, findings) if source.complete else None
    if config is None:
        raise ConfigError(findings.problems)
    return config
