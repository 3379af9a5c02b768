"""One cause, one incident: which open incident a new fault belongs to."""

from collections.abc import Collection, Mapping


def cause(asset: str, parents: Mapping[str, Collection[str]], troubled: Collection[str]) -> str | None:
    """The asset whose open incident explains a fault of `asset`, None if nothing open does.

    `parents` holds what each asset depends on, `troubled` the assets with an open incident. The asset's own incident
    comes first, then the nearest one among what it depends on, however indirectly.
    """
    ring, seen = [asset], {asset}
    while ring:
        for one in ring:
            if one in troubled:
                return one
        ring = [parent for one in ring for parent in parents.get(one, ()) if parent not in seen]
        seen.update(ring)
    return None
