"""The calls behind a prompt: the paths of the steps whose results it reads, by the dependencies of the plan."""

from __future__ import annotations

from functools import cached_property

from flowrun.dsl import REDUCE
from flowrun.dsl import plan as p

from ..plans.step_paths import PathNames
from .places import parts_of, step_named

Scopes = list[tuple[str, tuple[p.Step, ...]]]
"""The steps that a step sees, from the outermost block inwards, each with the path before its steps."""


class Inputs:
    """The inputs of the calls of a plan.

    A path that it returns stands for all calls at it and below it: ``notes`` for ``notes[3].draft``. Paths are those of
    the journal; ``names`` has their printed forms.
    """

    def __init__(self, plan: p.Plan) -> None:
        self._plan = plan
        self.names = PathNames(plan)

    def of(self, path: str) -> list[str]:
        """Return the paths of the steps that a call's prompt reads, those in its own element first."""
        found: list[str] = []
        steps: tuple[p.Step, ...] = self._plan.steps
        scopes: Scopes = [("", steps)]
        parts = parts_of(path)
        for depth, (name, numbers) in enumerate(parts):
            here = scopes[-1][0] + name
            last = depth == len(parts) - 1
            if name == REDUCE and last and depth:
                # The ask of a reducer reads the results of its block.
                return list(dict.fromkeys([scopes[-1][0].rstrip("."), *found]))
            step = step_named(steps, name)
            if step is None:
                return found
            if last:
                return list(dict.fromkeys([*_needed(step, scopes), *found]))
            found = [*self._of_block(step, scopes, numbers), *found]
            if step.block is not None:
                steps = step.block.steps
            elif isinstance(step.node, p.FlowCall) and step.node.flow in self._plan.flows:
                steps = self._plan.flows[step.node.flow].steps
                # A called flow sees only its own steps, and its arguments.
                scopes = []
            scopes.append((f"{here}{numbers}.", steps))
        return found

    def _of_block(self, step: p.Step, scopes: Scopes, numbers: str) -> list[str]:
        """Return the paths behind the elements of a map, or behind the arguments of a called flow."""
        paths = _needed(step, scopes)
        node = step.node
        if isinstance(node, p.Map) and node.where is None and isinstance(node.source, p.Ref):
            source = _path(node.source.name, scopes)
            if source in self._lists:
                # Both maps have one element for each element of the first list.
                paths = [f"{path}{numbers}" if path == source else path for path in paths]
        return paths

    @cached_property
    def _lists(self) -> frozenset[str]:
        """The outer maps that collect one result of each element."""
        return frozenset(
            step.title
            for step in self._plan.steps
            if isinstance(step.node, p.Map) and step.node.where is None and step.node.reduce.rule == "collect"
        )


def _needed(step: p.Step, scopes: Scopes) -> list[str]:
    return [path for name in step.needs if (path := _path(name, scopes))]


def _path(name: str, scopes: Scopes) -> str:
    """Return the path of a step that is seen from the innermost scope. "" for a parameter or an element."""
    for prefix, steps in reversed(scopes):
        for step in steps:
            if step.name == name:
                return f"{prefix}{step.title}"
    return ""
