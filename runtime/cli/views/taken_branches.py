"""The branches of a match that a run took, as far as its calls tell."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flowrun.dsl import plan as p

from ...plans.step_paths import Naming, StepNode


def taken_branches(
    nodes: Sequence[StepNode], reached: Collection[str], taken: bool | None, *, many: bool
) -> dict[str, bool | None]:
    """Tell for each branch of a match whether a run that is complete took it. None if its calls do not tell.

    ``reached`` are the branches with calls. ``taken`` tells the same of the match itself. ``many``: the match is inside
    a map, a repeat or rounds, so it may have taken several branches.
    """
    names = [one.name for one in nodes]
    if taken is False:
        return dict.fromkeys(names, False)
    if many:
        return {name: True if name in reached else None for name in names}
    if reached:
        return {name: name in reached for name in names}
    without_calls = [one.name for one in nodes if not _asks(one)]
    if taken and len(without_calls) == 1:
        return {name: name in without_calls for name in names}
    return {one.name: False if taken and _asks(one) else None for one in nodes}


def quiet(node: StepNode, above: tuple[str, ...], naming: Naming) -> bool:
    """Return True if a step makes no calls, nor does any step inside it."""
    if node.silent:
        return True
    if node.step is None or not isinstance(node.step.node, p.Chain):
        return False
    steps = (*above, node.name)
    return all(quiet(one, steps, naming) for one in naming.inside(steps))


def _asks(node: StepNode) -> bool:
    """Return True if a branch makes a call whenever it is taken."""
    return node.step is not None and isinstance(node.step.node, p.Ask)
