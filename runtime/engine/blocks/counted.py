"""The base of blocks with numbered bodies: maps and repeats. A block opens as many bodies as its window allows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ...vocabulary import events as e
from ...vocabulary.errors import FlowrunError, InputError
from ...vocabulary.json_value import Json
from ..combiners.combiner import SKIPPED
from ..decisions import Failure
from ..frames import Frame, FrameLayout
from ..machine import Machine
from ..pipelines import Pipelines
from ..reductions import Reduction
from .reduced import ReducedRun, ReducedStep

if TYPE_CHECKING:
    from ..needs import Needs
    from ..placement import Placement


@dataclass(eq=False, slots=True)
class Window:
    """The number of bodies that a block may have open at once. Blocks without `concurrency` share one, which grows."""

    size: int


@dataclass(eq=False, slots=True)
class LaunchPace:
    """The pace at which a block opens its bodies. At most as many are open at once as the ``window`` has places.

    ``total`` is the number of elements known so far. ``whole`` is True if no more elements will come. With
    ``together``, the block opens more bodies only when at most half of the window is open. So samples go out many at a
    time. ``held`` is the window while the block has a body to open, and the flow's `concurrency` forbids it; else 0.
    """

    window: Window
    total: int
    whole: bool = True
    together: bool = False
    launched: int = 0
    finished: int = 0
    opening: bool = False
    held: int = 0

    def narrow(self, number: int) -> None:
        """Leave only the body with this number to be opened. The block then never comes to its end."""
        self.launched, self.total, self.whole = number, min(self.total, number + 1), False


@dataclass(eq=False)
class CountedRun(ReducedRun):
    """A running block with numbered bodies: a map or a repeat. ``placement`` is set if its bodies may run elsewhere."""

    step: CountedStep
    pace: LaunchPace
    placement: Placement | None = field(init=False, default=None)
    weight: float = field(init=False, default=1.0)

    @property
    def needs(self) -> Needs | None:
        """The spending of the budget by need, if the run has it."""
        return self.machine.calls.needs

    @property
    def total(self) -> int:
        return self.pace.total

    @property
    def launched(self) -> int:
        return self.pace.launched

    @property
    def whole(self) -> bool:
        return self.pace.whole

    @property
    def progress(self) -> str:
        return f"; {self.pace.finished} of {self.pace.total} were done"

    def path_of(self, index: int) -> str:
        return f"{self.around.path}[{index}]"

    @property
    def available(self) -> int:
        """The number of bodies that can be opened and that the combiner wants."""
        return min(self.combiner.wanted(self.pace.launched), self.pace.total - self.pace.launched)

    @property
    def waiting(self) -> bool:
        """True if the block may still have bodies to open."""
        return self.pace.launched < self.pace.total

    @property
    def exhausted(self) -> bool:
        """True if the combiner wants no more bodies."""
        return not self.combiner.wanted(self.pace.launched)

    @abstractmethod
    def next(self) -> Frame:
        """Make the frame for the next body. Raises FlowrunError if the frame cannot be made."""

    def start(self) -> None:
        pace, wide = self.pace, self.step.wide
        if self.needs is not None:
            self.needs.begin(self, self.weight)
        if wide is not None:
            self._place(wide)
        self.open_list(listed=self.step.reduction.gathers)
        self.opened(pace.total)
        if (only := self.machine.context.watcher.only.get(self.around.path)) is not None:
            pace.narrow(only)
        self.machine.work.append(self.combine if pace.whole and not pace.total else self.open_bodies)

    def _place(self, wide: Window) -> None:
        """Let the bodies run elsewhere, if the frame stands alone."""
        from ..placement import Placement, stands_alone  # few runs have workers

        if stands_alone(self.frame):
            self.placement = Placement(self.machine, self, self.step.plan)
            self.pace.window = self.pace.window if self.step.limited else wide

    def make_room(self) -> None:
        if not self.step.limited:
            self.pace.window.size += 1
            self.more()

    def more(self) -> None:
        """Queue the opening of more bodies. It happens after the work that is already in the queue."""
        if not self.pace.opening:
            self.pace.opening = True
            self.machine.work.append(self.open_bodies)

    def open_bodies(self) -> None:
        """Open as many bodies as the combiner wants and the window allows."""
        pace = self.pace
        pace.opening = False
        if self.over or (pace.together and len(self.bodies) > pace.window.size // 2):
            return
        if not self.bodies and self.exhausted:
            if not self.combiner.judging:
                self.conclude()
            return
        for _ in range(min(self.available, pace.window.size - len(self.bodies))):
            try:
                body = self.next()
            except FlowrunError as error:
                self.give_up(Failure(self.around.path, str(error), error))
                return
            pace.launched += 1
            self.open(body)
        if self.step.limited:
            self._hold(held=not self.over and len(self.bodies) >= pace.window.size and self.available > 0)

    def open(self, body: Frame) -> None:
        if self.placement is None:
            super().open(body)
            return
        # The bodies that fit into the window are opened together with this one.
        free = self.pace.window.size - len(self.bodies) - 1
        if self.placement.launch(body, max(0, self.to_come - free)):
            self.bodies[body.index] = body
        else:
            super().open(body)

    def _hold(self, *, held: bool) -> None:
        """Record whether the block's own `concurrency` keeps a body back."""
        if held is not bool(self.pace.held):
            window = self.pace.held or self.pace.window.size
            self.pace.held = window if held else 0
            self.machine.calls.withheld.block(self.around.path, window, 1 if held else -1)

    def combine(self) -> None:
        self.closed()
        if self.needs is not None:
            self.needs.close(self)
        super().combine()

    def cancel(self, *, keep: bool) -> None:
        self.closed()
        if self.needs is not None:
            self.needs.close(self)
        self._hold(held=False)
        super().cancel(keep=keep)

    def body_done(self, frame: Frame, value: Json) -> None:
        if self.over:
            return
        del self.bodies[frame.index]
        context = self.machine.context
        if e.ElementFinished not in context.unheard:
            self.machine.events.append(e.ElementFinished(frame.path("")[:-1], at=context.now()))
        self.list_up(frame.index, value)
        self.result(frame.index, value)
        self.counted(frame.index)

    def body_failed(self, frame: Frame, failure: Failure) -> None:
        if self.over:
            return
        losses, spares = self.losses, self.spares
        if self.inherits(failure) or not (spares or losses.policy in ("skip", "none")):
            self.give_up(failure)
            return
        self.machine.drop(frame, keep=True)
        del self.bodies[frame.index]
        self.lost(failure, frame.path("")[:-1])
        if self.pace.whole and self.too_many():
            return
        empty = losses.policy == "none" and not spares
        self.list_up(frame.index, None if empty else SKIPPED)
        other = None if empty and not self.combiner.eager else SKIPPED
        self.result(frame.index, failure if self.votes and not failure.abstains else other)
        self.counted(frame.index)

    def result(self, number: int, result: Json) -> None:
        """Give the result of a body to the combiner."""
        self.give(number, result)

    def too_many(self) -> bool:
        """Fail the block if it has lost more elements than the flow allows. Return True if it failed."""
        if (failure := self.losses.too_many(self.pace.total)) is None:
            return False
        self.give_up(Failure(self.around.path, failure.reason, failure.error))
        return True

    def conclude(self) -> None:
        self.drop_bodies(keep=False)
        self.closed((self.pace.total - self.pace.finished) * self.step.layout.once)
        self.combine()

    def lose_open(self) -> None:
        for index in self.bodies:
            self.combiner.lose(index, sent=True)

    def heard(self) -> None:
        if self.pace.whole or not self.combiner.decided:
            self.judged()

    def judged(self) -> None:
        if self.over:
            return
        if self.combiner.decided:
            self.conclude()
        elif self.waiting:
            self.more()

    def counted(self, index: int) -> None:
        """Count a body as finished. Then end the block, or open the next body."""
        pace = self.pace
        if self.needs is not None:
            self.needs.body_over(self, index)
        pace.finished += 1
        if self.over:
            return
        if pace.whole and (pace.finished == pace.total or self.combiner.decided):
            self.conclude()
        elif self.waiting:
            self.more()


class CountedStep(ReducedStep):
    """A step that begins a map or a repeat. ``usual`` is the window if the flow sets no `concurrency`.

    ``limited`` is True if the flow sets it. ``hands_on`` is True if the result of each body is the element of the map.
    ``wide`` is the usual window if the bodies run elsewhere, None if they run here.
    """

    hands_on = False

    def __init__(
        self,
        plan: p.Step,
        machine: Machine,
        layout: FrameLayout,
        reduction: Reduction,
        pipelines: Pipelines,
        usual: Window,
    ) -> None:
        super().__init__(plan, machine, layout, reduction, pipelines)
        self.plan = plan
        self.usual = usual
        self.wide: Window | None = None
        self.limited = "concurrency" in plan.options

    def window(self, options: Mapping[str, Json]) -> Window:
        """Return the window of a block. Raises InputError if it has no place."""
        window = options.get("concurrency")
        if window is None:
            return self.usual
        if window < 1:
            raise InputError(f"`concurrency` is 1 or more, and this is {window}")
        return Window(int(window))
