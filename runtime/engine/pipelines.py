"""Pipelines. A block makes a list, and maps take the elements of the list before it is complete."""

from __future__ import annotations

from collections.abc import Iterator

from flowrun.dsl import plan as p

from ..plans.dependencies import taken_from
from .frames import Frame, PreparedStep
from .machine import Machine
from .streams import Feed, Nested


class Pipelines:
    """The connections in one run between blocks that make lists and maps that take their elements."""

    def __init__(self, machine: Machine, plan: p.Plan) -> None:
        self.machine = machine
        self._fed = {name for step in plan.walk() if (name := taken_from(step)) is not None}

    def wanted(self, frame: Frame, step: PreparedStep) -> bool:
        """Tell whether anything takes elements from a step's list: a map, or a longer list around the step."""
        return any(one.name in self._fed or _longer(at, one) is not None for at, one in _outward(frame, step))

    def open(self, frame: Frame, step: PreparedStep, feed: Feed) -> None:
        """Open the growing list of a step for everything that takes elements from it."""
        for at, one in _outward(frame, step):
            if one.name in self._fed:
                self.machine.opened(at, one.name, feed)
            longer = _longer(at, one)
            if longer is not None and at.block is not None:
                place = at.block.place_in(at, one.name)
                longer.nested.add(place)
                feed.tell(Nested(longer, at.block.key_of(place)))


def _outward(frame: Frame, step: PreparedStep) -> Iterator[tuple[Frame, PreparedStep]]:
    """Yield a step with its frame, and then the chains and called flows around it that have the same value."""
    yield frame, step
    while (block := frame.block) is not None and block.passes_on and block.makes(step.name):
        frame, step = block.frame, block.step
        yield frame, step


def _longer(frame: Frame, step: PreparedStep) -> Feed | None:
    """Find the longer list that joins this step's list and takes its items at once. None if there is none."""
    block = frame.block
    return block.longer if block is not None and block.makes(step.name) else None
