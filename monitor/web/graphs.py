"""What an asset depends on and what depends on it, as a small picture."""

from collections.abc import Sequence
from typing import NamedTuple

from monitor.config.model import Asset
from monitor.web.views import AssetView, Verdict, World, asset_view
from monitor.web.words import short

MOST = 8
"""How many assets are drawn on one side; the list beside the picture has them all."""
BOX, ROW = 146, 34
"""The width and height of a box, in pixels."""

_ACROSS, _DOWN = 178, 44
"""From one column, and one row, to the next."""
_LETTERS = 15


class Related(NamedTuple):
    """The groups that an asset needs one of each, and what needs it."""

    groups: tuple[tuple[AssetView, ...], ...]
    children: tuple[AssetView, ...]


class Node(NamedTuple):
    """One asset: where its box begins, and how it is. `label` is as much of its name as fits."""

    asset: Asset
    verdict: Verdict
    label: str
    x: float
    y: float


class Graph(NamedTuple):
    """The boxes and what joins them: `edges` are paths, those of `either` lead to groups of which one is enough.

    `more` neighbours are not drawn.
    """

    nodes: tuple[Node, ...]
    edges: str
    either: str
    width: int
    height: int
    more: int


def related(asset: Asset, world: World) -> Related:
    """The neighbours of an asset; what the configuration no longer has is left out."""
    found = {one.id: one for one in world.config.assets}
    groups = ([found[id] for id in group if id in found] for group in asset.depends_on)
    return Related(
        tuple(tuple(asset_view(one, world) for one in group) for group in groups if group),
        tuple(asset_view(one, world) for one in world.config.assets if asset.id in one.parents),
    )


def graph(itself: AssetView, near: Related) -> Graph | None:
    """The picture of an asset with its neighbours, None for one that stands alone."""
    parents = tuple({one.asset.id: one for group in near.groups for one in group}.values())
    if not parents and not near.children:
        return None
    rows = max(min(max(len(parents), len(near.children)), MOST), 1)
    height = (rows - 1) * _DOWN + ROW + 2
    columns = [some for some in (parents, (itself,), near.children) if some]
    drawn = [_column(some, 1 + number * _ACROSS, height) for number, some in enumerate(columns)]
    (middle,) = drawn[1 if parents else 0]
    above = drawn[0] if parents else ()
    below = drawn[-1] if near.children else ()
    loose = {one.asset.id for group in near.groups if len(group) > 1 for one in group}
    firm = [_edge(node, middle) for node in above if node.asset.id not in loose]
    firm += [_edge(middle, node) for node in below]
    either = [_edge(node, middle) for node in above if node.asset.id in loose]
    more = len(parents) + len(near.children) - len(above) - len(below)
    return Graph(
        (*above, middle, *below), "".join(firm), "".join(either), 2 + BOX + (len(columns) - 1) * _ACROSS, height, more
    )


def _column(assets: Sequence[AssetView], x: float, height: int) -> tuple[Node, ...]:
    shown = assets[:MOST]
    top = (height - (len(shown) - 1) * _DOWN - ROW) / 2
    return tuple(
        Node(one.asset, one.verdict, short(one.asset.name, _LETTERS), x, top + number * _DOWN)
        for number, one in enumerate(shown)
    )


def _edge(left: Node, right: Node) -> str:
    start, end = left.x + BOX, right.x
    middle = (start + end) / 2
    one, other = left.y + ROW / 2, right.y + ROW / 2
    return f"M{start:g} {one:g}C{middle:g} {one:g} {middle:g} {other:g} {end:g} {other:g}"
