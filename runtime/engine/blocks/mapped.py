"""The base of running maps. A map whose body is its element hands its elements on and opens no bodies."""

from __future__ import annotations

from abc import abstractmethod

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ...vocabulary import events as e
from ...vocabulary.errors import FlowrunError
from ...vocabulary.json_value import Json
from ..decisions import Failure
from .counted import CountedRun


def hands_on(step: p.Step) -> bool:
    """Tell whether the result of each body of a map is the element itself."""
    node = step.node
    if not isinstance(node, p.Map) or len(node.body.steps) != 1:
        return False
    [line] = node.body.steps
    return line.node == p.Value(p.Ref(node.element)) and line.when is None


def named(node: p.Map, value: Json, place: int) -> dict[str, Json]:
    """Return the values of the names that a map gives to its body. ``place`` counts from 0, the index from 1."""
    return {node.element: value} if node.index is None else {node.element: value, node.index: place + 1}


@dataclass(eq=False)
class MappedRun(CountedRun):
    """A running map. A map that only hands its elements on may have a million of them."""

    node: p.Map

    @abstractmethod
    def element(self) -> tuple[int, Json]:
        """Take the next element, with its number. Raises FlowrunError if it cannot be read."""

    def open_bodies(self) -> None:
        if self.step.hands_on:
            self._hand_on()
        else:
            super().open_bodies()

    def _hand_on(self) -> None:
        """Give the elements that are there to the combiner, as if each were the value of a body."""
        pace, context = self.pace, self.machine.context
        pace.opening = False
        heard = e.ElementFinished not in context.unheard
        while not self.over and self.available > 0:
            try:
                number, value = self.element()
            except FlowrunError as error:
                self.give_up(Failure(self.around.path, str(error), error))
                return
            pace.launched += 1
            if heard:
                self.machine.events.append(e.ElementFinished(self.path_of(number), at=context.now()))
            self.list_up(number, value)
            self.result(number, value)
            self.counted(number)
        if not self.over and self.exhausted and not self.combiner.judging:
            self.conclude()
