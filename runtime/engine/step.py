"""A step, prepared once from the plan for all the frames that run it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from flowrun.dsl import plan as p

from ..plans.dependencies import first_needs, taken_from
from .frames import Frame
from .streams import Feed


class Step(ABC):
    """A step that can begin in a frame.

    ``source`` is the step whose elements a map takes as they come, None for any other step. ``needs`` are the steps
    that must be finished before this step begins, without the source. A ``silent`` step is finished as it begins, and
    tells nobody that it has begun.
    """

    silent = False

    def __init__(self, plan: p.Step) -> None:
        self.name = plan.name
        self.title = plan.title
        self.kind = plan.node.kind
        self.source = taken_from(plan)
        self.needs = tuple(name for name in first_needs(plan) if name != self.source)
        self.when = plan.when
        self.otherwise = plan.otherwise
        self.at_most = plan.node.at_most if isinstance(plan.node, p.Map) else None

    @abstractmethod
    def begin(self, frame: Frame) -> None:
        """Begin the step in a frame. Raises FlowrunError if it cannot begin."""

    def may_take(self, feed: Feed) -> bool:
        """Tell whether a list will keep the map's promise of `at most`, whatever elements come."""
        return self.at_most is None or (feed.bound is not None and feed.bound <= self.at_most)
