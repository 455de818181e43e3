"""Pipelines: blocks make lists, and maps take the elements of these lists as they come."""

from __future__ import annotations

from collections.abc import Iterator

from flowrun.dsl import plan as p

from ..plans.dependencies import taken_from
from .frames import Frame, Step
from .machine import Machine
from .streams import Feed, Nested


class Pipelines:
    """The connections between the maps of one run and the blocks that make their lists."""

    def __init__(self, machine: Machine, plan: p.Plan) -> None:
        self.machine = machine
        self._fed = {name for step in plan.walk() if (name := taken_from(step)) is not None}

    def wanted(self, frame: Frame, step: Step) -> bool:
        """Tell whether anything takes from a step's list: a map, or a block or flow that passes the list on."""
        return any(one.name in self._fed or _longer(at, one) is not None for at, one in _outward(frame, step))

    def open(self, frame: Frame, step: Step, feed: Feed) -> None:
        """Open a step's list in the making for all that take from it."""
        for at, one in _outward(frame, step):
            if one.name in self._fed:
                self.machine.opened(at, one.name, feed)
            longer = _longer(at, one)
            if longer is not None and at.block is not None:
                place = at.block.place_in(at, one.name)
                longer.nested.add(place)
                feed.tell(Nested(longer, at.block.key_of(place)))


def _outward(frame: Frame, step: Step) -> Iterator[tuple[Frame, Step]]:
    """Go through a step, and the chains and called flows around it that have the same value."""
    yield frame, step
    while (block := frame.block) is not None and block.passes_on and block.makes(step.name):
        frame, step = block.frame, block.step
        yield frame, step


def _longer(frame: Frame, step: Step) -> Feed | None:
    """Find the longer list that takes the items of this step's list at once."""
    block = frame.block
    return block.longer if block is not None and block.makes(step.name) else None
