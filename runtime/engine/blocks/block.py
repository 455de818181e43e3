"""A block that is running, and the step that begins it. A call of a flow is a block of one body."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flowrun.dsl import holds_ballots
from flowrun.dsl import plan as p

from ...costs.budget import Ledger
from ...vocabulary.usage import Usage
from ..decisions import Failure
from ..frames import Frame, Layout
from ..machine import Machine
from ..scopes import Scope
from ..step import Step
from ..streams import Feed, Key

Json = Any


class TokenCount(dict[str, tuple[int, int] | None]):
    """The tokens in and out of a vote's answers by the address of the model, None if a server gave no counts."""

    def add(self, model: str, usage: Usage) -> None:
        before = self.get(model, (0, 0))
        read, written = usage.input_tokens, usage.output_tokens
        known = before is not None and read is not None and written is not None
        self[model] = (before[0] + read, before[1] + written) if known else None  # type: ignore[index,operator]


@dataclass(frozen=True, slots=True)
class Around:
    """The surroundings of a block's bodies, worked out once for all of them.

    ``path`` is the path of the block, ``serial`` its number, and ``lane`` the number of the outermost block.
    ``ballot``: the answers of the bodies are ballots of a vote. ``sampled``: the bodies are in a repeat. ``votes``
    count the tokens of ballots, and ``ledgers`` are the budgets of called flows, both from the inside out.
    """

    path: str
    serial: int
    lane: int
    ballot: bool
    sampled: bool
    votes: tuple[TokenCount, ...]
    ledgers: tuple[Ledger, ...]


@dataclass(eq=False)
class Block(ABC):
    """A block that is running. ``bodies`` are its open bodies by their numbers.

    ``timer`` is the number of the time-out's timer, 0 for none. A block that is ``over`` takes no more results.
    ``samples`` is the number of samples of a repeat, 0 for any other block; ``patient`` samples are rather cheap than
    fast. ``passes_on``: the value of the last step is the value of the block.
    """

    samples = 0
    patient = True
    passes_on = False

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
        """Take the value of a body whose steps are all finished."""

    def body_failed(self, frame: Frame, failure: Failure) -> None:
        """Take the failure of a step of a body."""
        if not self.over:
            self.give_up(failure)

    def step_done(self, frame: Frame, step: Step, value: Json) -> None:
        """Take the value of a step of a body. Only the branches of a fan-out are results by themselves."""
        return

    def path_of(self, index: int) -> str:
        """Name a body by its path."""
        return self.around.path

    def makes(self, name: str) -> bool:
        """Tell whether the value of a step is the value of a body, or a part of it."""
        return self.step.layout.result == name

    @property
    def longer(self) -> Feed | None:
        """The list in the making that takes the items of its bodies' lists at once, if there is one."""
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

    def open(self, body: Frame) -> None:
        self.bodies[body.index] = body
        self.machine.open(body)

    def end(self, value: Json) -> None:
        """End the block with its value, and cancel everything that still runs in it."""
        if not self.alive:
            return
        self._close(keep=False)
        self.machine.settle(self.frame, self.step, value)

    def give_up(self, failure: Failure) -> None:
        """Fail the block. Requests under way still get their answers, for these are paid."""
        if not self.alive:
            return
        self._close(keep=True)
        # Put first in line, not called from here: the failure may be nested deeper than Python's stack.
        self.machine.work.appendleft(partial(self.machine.fail, self.frame, self.step, failure))

    def timed_out(self, seconds: float) -> None:
        self.give_up(Failure(self.around.path, f"it did not finish within {seconds:g} s{self.progress}"))

    def dropped(self, *, keep: bool) -> Iterable[Frame]:
        """Cancel what runs in the block itself. Return its bodies, for what runs in them."""
        self.cancel(keep=keep)
        bodies = list(self.bodies.values())
        self.bodies.clear()
        return bodies

    def cancel(self, *, keep: bool) -> None:
        """Take no more results, and cancel what the block itself waits for."""
        self.over = True
        self.machine.timers.stop(self.timer)

    def drop_bodies(self, *, keep: bool) -> None:
        for body in self.bodies.values():
            self.machine.drop(body, keep=keep)
        self.bodies.clear()

    def _close(self, *, keep: bool) -> None:
        del self.frame.blocks[self]
        self.drop_bodies(keep=keep)
        self.cancel(keep=keep)


class BlockStep(Step):
    """A step that begins a block. All frames of the block share its ``layout``."""

    def __init__(self, plan: p.Step, machine: Machine, layout: Layout) -> None:
        super().__init__(plan)
        self.machine = machine
        self.layout = layout
        self.node: p.Node = plan.node
        self.options = plan.options

    @abstractmethod
    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> Block:
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
        self.machine.blocks_begun += 1
        serial, within = self.machine.blocks_begun, frame.within
        outer = None if within is None else within.around
        return Around(
            path,
            serial,
            serial if outer is None else outer.lane,
            holds_ballots(self.node, votes=votes, around=outer is not None and outer.ballot),
            isinstance(self.node, p.Repeat) or (outer is not None and outer.sampled),
            ((TokenCount(),) if votes else ()) + (() if outer is None else outer.votes),
            ((ledger,) if ledger is not None else ()) + (() if outer is None else outer.ledgers),
        )
