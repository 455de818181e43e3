"""A match: the class of a value chooses one branch, and only this branch runs. It gives the value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ...values.expressions import evaluate
from ...vocabulary import events as e
from ...vocabulary.errors import InputError
from ...vocabulary.json_value import Json
from ...vocabulary.quoting import shown
from ..frames import NO_STEPS, Frame, FrameLayout
from ..machine import Machine
from ..scopes import Scope
from .block import BlockRun, BlockStep


@dataclass(eq=False)
class MatchRun(BlockRun):
    """A match whose branch runs. ``branch`` holds the one step of this branch."""

    passes_on = True

    branch: FrameLayout

    def start(self) -> None:
        machine = self.machine
        machine.events.append(e.BlockOpened(self.around.path, 1, self.branch.once, at=machine.context.now()))
        self.open(Frame(self.branch, self.frame, self))

    def body_done(self, frame: Frame, value: Json) -> None:
        self.end(value)

    def makes(self, name: str) -> bool:
        return self.branch.result == name

    def dropped(self, *, keep: bool) -> list[Frame]:
        self.closed(self.branch.once)
        return [*super().dropped(keep=keep)]

    def cancel(self, *, keep: bool) -> None:
        self.closed()
        super().cancel(keep=keep)


class MatchStep(BlockStep):
    """A step that chooses a branch. ``branches`` has the prepared step of each branch."""

    node: p.Match

    def __init__(self, plan: p.Step, machine: Machine, branches: Sequence[FrameLayout]) -> None:
        super().__init__(plan, machine, NO_STEPS)
        self.branches = tuple(branches)

    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> MatchRun:
        place = self._place(evaluate(self.node.value, scope))
        self.machine.context.watcher.chosen(self.node, place)
        return MatchRun(self, frame, self.around(frame, frame.path(self.title)), self.branches[place])

    def _place(self, value: Json) -> int:
        rest: int | None = None
        for place, one in enumerate(self.node.classes):
            if one.rest:
                rest = place
            elif type(one.value) is type(value) and one.value == value:
                return place
        if rest is None:
            raise InputError(f"the match `{self.title}` has no branch for {shown(value)}")
        return rest
