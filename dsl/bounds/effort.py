"""The effort of a survey: the work that it has done, and whether it can afford to be exact."""

from __future__ import annotations

from .. import plan as p
from ..identity import Identity

EXACT_WORK = 40_000
"""The most steps that are worked out one element at a time; beyond it one body stands for all elements of a map."""


class Effort:
    """The work of a survey. ``spent`` counts the steps worked out, ``depth`` the bodies around the current step."""

    def __init__(self) -> None:
        self.spent = 0
        self.depth = 0
        self._weights: dict[Identity, tuple[int, bool]] = {}

    def affords(self, block: p.Block, elements: int, *, spent: int = 0) -> bool:
        """Tell whether the survey may work out this many bodies one by one. ``spent`` is the work for the last body.

        Called flows do not count, because the survey works them out for only a few different arguments.
        """
        key = Identity(block)
        if key not in self._weights:
            inner = list(p.walk_steps(block.steps))
            self._weights[key] = len(inner), any(isinstance(step.node, p.FlowCall) for step in inner)
        steps, calls = self._weights[key]
        weight = steps if calls else max(steps, spent)
        affords = self.spent + weight * elements <= EXACT_WORK
        if not affords:
            # Remember the weight, so that the block is not tried again inside another block.
            self._weights[key] = weight, calls
        return affords
