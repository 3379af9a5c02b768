"""One cause, one incident: which open incident a new fault belongs to."""

from collections.abc import Collection, Mapping, Sequence

Needs = Mapping[str, Sequence[Collection[str]]]
"""What each asset depends on: on every group, and on a group as long as one of its assets works."""


def cause(asset: str, needs: Needs, dead: Collection[str]) -> str | None:
    """The asset whose outage explains a fault of `asset`, None if nothing does.

    `dead` holds the assets that are known not to work. The asset itself comes first, then the nearest one among what
    it depends on, however indirectly; of a group in which nothing works any more, the first.
    """
    return _cause(asset, needs, dead, frozenset())


def depth(asset: str, needs: Needs) -> int:
    """On how many others an asset depends, however indirectly: less than whatever depends on it."""
    found: set[str] = set()
    ring = {asset}
    while ring:
        ring = {one for name in ring for group in needs.get(name, ()) for one in group} - found
        found |= ring
    return len(found)


def _cause(asset: str, needs: Needs, dead: Collection[str], seen: frozenset[str]) -> str | None:
    if asset in dead:
        return asset
    if asset in seen:
        return None
    seen |= {asset}
    groups = needs.get(asset, ())
    for group in groups:
        if group and all(member in dead for member in group):
            return next(iter(group))
    for group in groups:
        found = [_cause(member, needs, dead, seen) for member in group]
        if found and None not in found:
            return found[0]
    return None
