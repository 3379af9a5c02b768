"""What alerts of other programs are to Deskwatch: episodes of rules that it does not run itself."""

from dataclasses import replace

from alerting.inbound import OUTSIDE, about
from alerting.rules import Episode, Rule
from language import gettext
from monitor.config.model import Asset, Config
from monitor.response import Turn
from probes import Status

KIND = "outside"
"""What silences know such alerts by, as if it were the kind of a check."""


def turn(config: Config, episode: Episode) -> Turn:
    """The turn of an episode from outside: what its asset and its rule are is told from the episode itself."""
    name = about(episode.check)
    says = episode.detail.partition("\n")[0]
    asset = config.asset(name)
    if asset is None:
        # It has an id that no asset of ours can have, so that nothing of ours is confused with it.
        asset = Asset(f"{OUTSIDE}{name}", "services", name, 0, (), "", "", ())
    words = gettext("has an alert: {alert}", alert=says or episode.rule)
    # Not DOWN: that somebody has an alert about an asset does not explain what depends on it.
    rule = Rule(episode.check, episode.rule, words, episode.severity, status=Status.UNKNOWN)
    return Turn(replace(asset, checks=()), rule, episode, KIND)
