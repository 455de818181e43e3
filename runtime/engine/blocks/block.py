"""The base of all running blocks, and of the steps that begin them. A call of a flow is a block with one body."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import partial

from flowrun.dsl import dataclass, holds_ballots
from flowrun.dsl import plan as p

from ...costs.budget import Ledger
from ...vocabulary import events as e
from ...vocabulary.json_value import Json
from ..block_surroundings import Around, TokenCount
from ..decisions import Failure
from ..frames import Frame, FrameLayout, PreparedStep
from ..machine import Machine
from ..scopes import Scope
from ..streams import Feed, Key


@dataclass(eq=False)
class BlockRun(ABC):
    """A block that is running. ``bodies`` holds its open bodies by their numbers.

    ``timer`` is the number of the timer for the block's time-out, 0 if it has none. If ``over`` is True, the block
    takes no more results. ``samples`` is the number of samples of a repeat, 0 for any other block. ``items`` is the
    number of items that the samples of a panel take in turn, 0 for any other block. If ``patient`` is True, the samples
    should be cheap rather than fast. If ``passes_on`` is True, the value of the last step is the
    value of the block. If ``counts_rounds`` is True, the bodies are rounds, one after another.
    """

    samples = 0
    items = 0
    patient = True
    passes_on = False
    counts_rounds = False

    step: BlockStep
    frame: Frame
    around: Around
    bodies: dict[int, Frame] = field(init=False, default_factory=dict)
    timer: int = field(init=False, default=0)
    over: bool = field(init=False, default=False)

    @property
    def machine(self) -> Machine:
        return self.step.machine

    @property
    def alive(self) -> bool:
        """False once the block has its value, has failed, or was cancelled."""
        return self in self.frame.blocks

    @abstractmethod
    def start(self) -> None:
        """Open the first bodies."""

    @abstractmethod
    def body_done(self, frame: Frame, value: Json) -> None:
        """Take the value of a body when all its steps are finished."""

    def body_failed(self, frame: Frame, failure: Failure) -> None:
        """Take the failure of a step of a body."""
        if not self.over:
            self.give_up(failure)

    def step_done(self, frame: Frame, step: PreparedStep, value: Json) -> None:
        """Take the value of a step of a body. Only a fan-out uses it, because each of its branches is a result."""
        return

    def path_of(self, index: int) -> str:
        """Return the path of a body."""
        return self.around.path

    def make_room(self) -> None:
        """Open one more body, because a body waits for a person. Only maps and repeats open bodies one by one."""
        return

    def makes(self, name: str) -> bool:
        """Tell whether the value of this step is the value of a body, or a part of that value."""
        return self.step.layout.result == name

    @property
    def to_come(self) -> int:
        """The number of bodies that are sure to be opened after those that are open; 0 if it is not known."""
        return 0

    @property
    def longer(self) -> Feed | None:
        """The growing list that joins the lists of the bodies and takes each item at once. None without such a list."""
        return None

    def place_in(self, frame: Frame, name: str) -> int:
        """Return the place of a step's value among the results."""
        return frame.index

    def key_of(self, place: int) -> Key:
        """Return the key of a result in the list that the block makes."""
        return place

    @property
    def progress(self) -> str:
        """The number of elements that are done, for the message of a time-out."""
        return ""

    def opened(self, elements: int) -> None:
        """Publish that the block begins with so many bodies."""
        machine = self.machine
        machine.events.append(
            e.BlockOpened(self.around.path, elements, self.step.layout.once, at=machine.context.now())
        )

    def closed(self, spared: int = 0) -> None:
        """Publish that the block takes no more results, if it took any until now. ``spared`` steps need not run."""
        if not self.over:
            self.over = True
            machine = self.machine
            machine.events.append(e.BlockClosed(self.around.path, spared, at=machine.context.now()))

    def open(self, body: Frame) -> None:
        self.bodies[body.index] = body
        self.machine.open(body)

    def end(self, value: Json) -> None:
        """End the block with its value. Cancel everything that still runs in it."""
        if not self.alive:
            return
        self._close(keep=False)
        self.machine.settle(self.frame, self.step, value)

    def give_up(self, failure: Failure) -> None:
        """Fail the block. Requests that are under way may finish, because their answers are paid."""
        if not self.alive:
            return
        self._close(keep=True)
        # The failure is queued, not passed on by a call: blocks may be nested deeper than Python's stack.
        self.machine.work.appendleft(partial(self.machine.fail, self.frame, self.step, failure))

    def timed_out(self, seconds: float) -> None:
        self.give_up(Failure(self.around.path, f"it did not finish within {seconds:g} s{self.progress}"))

    def dropped(self, *, keep: bool) -> Iterable[Frame]:
        """Cancel the calls, reads and timers of the block itself. Return its bodies, for the caller to cancel."""
        self.cancel(keep=keep)
        bodies = list(self.bodies.values())
        self.bodies.clear()
        return bodies

    def cancel(self, *, keep: bool) -> None:
        """Take no more results. Cancel the calls, reads and timers of the block itself."""
        self.over = True
        self.machine.timers.stop(self.timer)
        self.machine.reads.cancel(self)

    def stopped(self) -> Iterable[Frame]:
        """Keep the account of a block that is under way when the run ends, if it has one. Return its bodies."""
        return self.bodies.values()

    def drop_bodies(self, *, keep: bool) -> None:
        for body in self.bodies.values():
            self.machine.drop(body, keep=keep)
        self.bodies.clear()

    def _close(self, *, keep: bool) -> None:
        del self.frame.blocks[self]
        self.drop_bodies(keep=keep)
        self.cancel(keep=keep)


class BlockStep(PreparedStep):
    """A step that begins a block. ``layout`` holds the steps of its bodies."""

    def __init__(self, plan: p.Step, machine: Machine, layout: FrameLayout) -> None:
        super().__init__(plan)
        self.machine = machine
        self.layout = layout
        self.node: p.Node = plan.node
        self.options = plan.options

    @abstractmethod
    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> BlockRun:
        """Make the block in a frame, with the values of its options. Raises FlowrunError if it cannot begin."""

    def begin(self, frame: Frame) -> None:
        scope = Scope(self.machine.context, frame)
        options = scope.options(self.options)
        block = self.make(frame, scope, options)
        seconds = options.get("timeout")
        if seconds is not None:
            block.timer = self.machine.timers.start(float(seconds), partial(block.timed_out, float(seconds)))
        frame.blocks[block] = None
        block.start()

    def around(self, frame: Frame, path: str, *, votes: bool = False, ledger: Ledger | None = None) -> Around:
        self.machine.counts.blocks += 1
        serial, within = self.machine.counts.blocks, frame.within
        outer = None if within is None else within.around
        counts = votes or (isinstance(self.node, p.Repeat | p.Map | p.Fanout) and self.node.reduce.searches)
        return Around(
            path,
            serial,
            serial if outer is None else outer.lane,
            holds_ballots(self.node, votes=votes, around=outer is not None and outer.ballot),
            isinstance(self.node, p.Repeat | p.Rounds) or (outer is not None and outer.sampled),
            ((TokenCount(),) if counts else ()) + (() if outer is None else outer.votes),
            ((ledger,) if ledger is not None else ()) + (() if outer is None else outer.ledgers),
        )
