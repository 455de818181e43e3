"""The figures of a run that a test may expect, such as ``calls``."""

from __future__ import annotations

from .program import Flow
from .test_paths import PathNode, path_nodes
from .units import Unit

STEP_FIGURE = "rounds"
"""The figure that belongs to one step."""


def only_asking(unit: Unit, flow: Flow) -> PathNode | None:
    """Return the only ask of a flow. None if it has several, or none."""
    found: list[PathNode] = []
    for node in path_nodes(unit, flow.steps):
        for one in (node, *node.walk()):
            if one.ask is not None:
                found.append(one)
            if len(found) > 1:
                return None
    return found[0] if found else None
