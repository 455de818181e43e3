"""The placement of one running block: which of its bodies run elsewhere, and what they need to know there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from flowrun.dsl import plan as p

from ..plans.placing import first_needed, outer_names
from ..vocabulary.json_value import Json
from .body_terms import BodyScope
from .decisions import Failure
from .frames import Enclosing, Frame
from .machine import Machine


class Placement:
    """The bodies of one running block whose bodies may run elsewhere.

    A body goes there when all steps around it that it mentions are finished. Until then it waits if it could not begin
    anyway. If some of its steps can begin, it runs here.
    """

    def __init__(self, machine: Machine, block: Enclosing, step: p.Step) -> None:
        self._machine = machine
        self._block = block
        self._step = step
        self._names = outer_names(step)
        self._scope: BodyScope | None = None
        self._stays = False
        self._waiting: set[Frame] = set()

    def launch(self, body: Frame, coming: int) -> bool:
        """Run a body elsewhere, with ``coming`` ones to come. Return False if it has to run here."""
        if self._scope is None:
            if self._stays:
                return False
            missing = self._missing()
            if missing:
                return self._wait(body, coming, first_needed(self._step, missing))
            self._scope = self._made()
            if self._scope is None:
                self._stays = True
                return False
        if self._machine.context.stays(body.path("")[:-1]):
            return False
        self._machine.elsewhere.launch(self._block, body, self._scope, coming)
        return True

    def _missing(self) -> set[str]:
        """Find the names of unfinished steps that the bodies mention."""
        frame = self._block.frame
        places, values, given = frame.layout.places, frame.values, frame.given
        return {name for name in self._names if name in places and name not in values and name not in given}

    def _wait(self, body: Frame, coming: int, names: frozenset[str]) -> bool:
        """Let a body wait until one of these steps ends. Return False if there is none to wait for."""
        if names:
            self._waiting.add(body)
            for name in sorted(names):
                self._machine.wait(self._block.frame, (name,), partial(self._again, body, coming))
        return bool(names)

    def _again(self, body: Frame, coming: int, failure: Failure | None) -> None:
        if body not in self._waiting:
            return
        self._waiting.discard(body)
        # If the step has failed, the body fails here as it always does.
        if not body.over and (failure is not None or not self.launch(body, coming)):
            self._machine.open(body)

    def _made(self) -> BodyScope | None:
        """Make the scope of the bodies. None if one of its values cannot be sent, such as the rows of a large file."""
        block, frame = self._block, self._block.frame
        known = {**frame.values, **frame.given}
        values = {name: known[name] for name in sorted(self._names) if name in known}
        if not all(map(_sent, values.values())):
            return None
        tallies = {name: tally for name, tally in frame.tallies.items() if name in self._names}
        flow = frame.block.step.called if frame.block is not None else ""
        number = self._machine.elsewhere.next_scope()
        return BodyScope(number, self._step.name, values, tallies, flow, block.around.path, block.patient, block.items)


def stands_alone(frame: Frame) -> bool:
    """Tell whether a frame is that of the flow, or of a flow that is called once and has no budget of its own."""
    while frame.parent is None and frame.block is not None:
        if not frame.block.step.called or frame.block.around.ledgers:
            return False
        frame = frame.block.frame
    return frame.parent is None


def _sent(value: Json) -> bool:
    return isinstance(value, str | list | tuple | dict) or not isinstance(value, Sequence)
