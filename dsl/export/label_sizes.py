"""The space in pixels that the words of nodes and clusters take."""

from __future__ import annotations

from .picture import Cluster, Node
from .text_widths import text_width

TITLE_SIZE = 13.0
LINE_SIZE = 11.0
TITLE_HEIGHT = 18.0
LINE_HEIGHT = 15.0
PADDING = 10.0
TITLE_GAP = 8.0
_NARROWEST = 48.0
_FIGURES = 164.0
"""The width of a box with the figures of a run."""


def title_width(cluster: Cluster) -> float:
    gap = TITLE_GAP if cluster.name else 0.0
    return text_width(cluster.name, TITLE_SIZE, bold=True) + gap + text_width(cluster.what, LINE_SIZE)


def node_size(node: Node) -> tuple[float, float]:
    """Return the width and height of a node's box."""
    widths = [text_width(line, LINE_SIZE) for line in node.lines]
    widths += [text_width(node.title, TITLE_SIZE, bold=True)] if node.title else []
    lines = len(node.lines) + node.room
    height = lines * LINE_HEIGHT + (TITLE_HEIGHT if node.title else 0.0) + PADDING
    least = _FIGURES if node.room else _NARROWEST
    return max([least, *(width + 2 * PADDING + 4 for width in widths)]), max(height, 28.0)
