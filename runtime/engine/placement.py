"""The placement of one running block: which of its bodies run elsewhere, and what they need to know there."""

from __future__ import annotations

from collections.abc import Sequence

from flowrun.dsl import plan as p

from ..plans.placing import outer_names
from ..vocabulary.json_value import Json
from .body_terms import BodyScope
from .elsewhere import Elsewhere
from .frames import Enclosing, Frame


class Placement:
    """The bodies of one running block whose bodies may run elsewhere.

    A body runs here while a step that the bodies mention is not finished: then its other steps need not wait.
    """

    def __init__(self, elsewhere: Elsewhere, block: Enclosing, step: p.Step) -> None:
        self._elsewhere = elsewhere
        self._block = block
        self._step = step
        self._names = outer_names(step)
        self._scope: BodyScope | None = None
        self._stays = False

    def launch(self, body: Frame, coming: int) -> bool:
        """Run a body elsewhere, with ``coming`` ones to come. Return False if it has to run here."""
        if self._scope is None:
            if self._stays or not self._ready():
                return False
            self._scope = self._made()
            if self._scope is None:
                self._stays = True
                return False
        self._elsewhere.launch(self._block, body, self._scope, coming)
        return True

    def _ready(self) -> bool:
        frame = self._block.frame
        places, values, given = frame.layout.places, frame.values, frame.given
        return all(name in values or name in given or name not in places for name in self._names)

    def _made(self) -> BodyScope | None:
        """Make the scope of the bodies. None if one of its values cannot be sent, such as the rows of a large file."""
        block, frame = self._block, self._block.frame
        known = {**frame.values, **frame.given}
        values = {name: known[name] for name in sorted(self._names) if name in known}
        if not all(map(_sent, values.values())):
            return None
        tallies = {name: tally for name, tally in frame.tallies.items() if name in self._names}
        flow = frame.block.step.called if frame.block is not None else ""
        number = self._elsewhere.next_scope()
        return BodyScope(number, self._step.name, values, tallies, flow, block.around.path, block.patient)


def stands_alone(frame: Frame) -> bool:
    """Tell whether a frame is that of the flow, or of a flow that is called once and has no budget of its own."""
    while frame.parent is None and frame.block is not None:
        if not frame.block.step.called or frame.block.around.ledgers:
            return False
        frame = frame.block.frame
    return frame.parent is None


def _sent(value: Json) -> bool:
    return isinstance(value, str | list | tuple | dict) or not isinstance(value, Sequence)
