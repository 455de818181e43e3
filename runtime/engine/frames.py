"""Frames hold values while a flow runs: one for the flow, one for each call of a flow, one for each body of a block."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import floor
from typing import Any

from flowrun.dsl import holds_ballots
from flowrun.dsl import plan as p

from ..costs.budget import Ledger
from ..plans.dependencies import first_needs, taken_from
from ..reducers import Reducer
from ..vocabulary.tally import Tally
from ..vocabulary.usage import Usage
from .combining import Combining
from .decisions import Failure
from .streams import Feed, Key, Ranks

Json = Any
Wake = Callable[[Failure | None], None]
"""A function that is called when a value that was waited for is there (None), or when it has failed."""


@dataclass(eq=False)
class Layout:
    """The parts that all frames of a block or flow share: the steps, and the names that these define.

    ``result`` is the step that gives the block its value, None for a flow and for a fan-out. ``once`` is the number of
    steps that run once in each frame; the progress display needs it.
    """

    steps: tuple[p.Step, ...]
    result: str | None
    once: int = 0

    @cached_property
    def taken(self) -> dict[str, str]:
        """The maps that take their elements as they come, each with the step that makes its elements."""
        return {step.name: name for step in self.steps if (name := taken_from(step)) is not None}

    @cached_property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """The steps that each step waits for before it begins, without the one whose elements it takes as they come."""
        return {
            step.name: tuple(name for name in first_needs(step) if name != self.taken.get(step.name))
            for step in self.steps
        }

    @cached_property
    def places(self) -> dict[str, int]:
        """The names that the steps define, each with the place of its step."""
        return {step.name: place for place, step in enumerate(self.steps)}


@dataclass(eq=False, slots=True)
class Frame:
    """The frame of a flow or of one body of a block: it holds the values of the steps there.

    ``values`` holds the values of finished steps, ``failed`` the failures of steps. ``given`` holds the element, the
    inputs of a flow, or the names that a reducer sees. ``left`` counts the steps that are not finished. A frame that is
    ``over`` takes no more part. A name that is not here is looked up in ``parent``. The frame of a called flow has no
    parent; its ``run`` tells where it was called. ``label`` is the place of the body as paths show it, if that is not
    its ``index``. ``feeds`` are lists in the making, for maps that take their elements one by one; ``opening`` are the
    maps that wait for such a list. ``prefix`` is the path of the body with a dot, None until it is worked out.
    """

    layout: Layout
    parent: Frame | None
    run: BlockRun | None = None
    index: int = 0
    given: dict[str, Json] = field(default_factory=dict)
    values: dict[str, Json] = field(default_factory=dict)
    failed: dict[str, Failure] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    waiting: dict[str, list[Wake]] = field(default_factory=dict)
    feeds: dict[str, Feed] | None = None
    opening: dict[str, list[Wake]] | None = None
    calls: set[int] = field(default_factory=set)
    runs: dict[BlockRun, None] = field(default_factory=dict)
    left: int = 0
    over: bool = False
    label: str = ""
    prefix: str | None = None

    @property
    def place(self) -> str:
        return self.label or str(self.index)

    def home(self, name: str) -> Frame | None:
        """Find the frame whose steps define this name: this frame or one around it. None if there is none."""
        frame: Frame | None = self
        while frame is not None and name not in frame.layout.places:
            frame = frame.parent
        return frame

    def outward(self) -> Iterator[Frame]:
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.parent

    @property
    def within(self) -> BlockRun | None:
        """The innermost run of a block or called flow that this frame belongs to; None outside of all."""
        frame: Frame | None = self
        while frame is not None and frame.run is None:
            frame = frame.parent
        return None if frame is None else frame.run

    def enclosing(self) -> Iterator[Frame]:
        """Go through this frame and all frames around it, also those that called its flow."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.run.frame if frame.run is not None else frame.parent

    def used(self, model: str, usage: Usage) -> None:
        """Add the tokens of an answer to the votes around this frame."""
        within = self.within
        if within is None or not within.around.votes:
            return
        read, written = usage.input_tokens, usage.output_tokens
        for run in within.around.votes:
            before = run.used.get(model, (0, 0))
            known = None
            if before is not None and read is not None and written is not None:
                known = (before[0] + read, before[1] + written)
            run.used[model] = known

    @property
    def ledgers(self) -> tuple[Ledger, ...]:
        """The budgets of the called flows around this frame, from the inside out."""
        within = self.within
        return () if within is None else within.around.ledgers


@dataclass(eq=False, slots=True)
class BlockRun:
    """A block or a called flow that is running: its bodies, and the reducer that takes their results.

    ``body`` is the body of a fan-out or chain, also after it has closed. ``elements`` is None for a repeat. A map that
    takes its elements as they come has an ``intake``; it is ``whole`` when the last element has come. ``total`` is the
    number of elements known so far. ``feed`` is the list in the making for other maps. ``window`` is the number of
    bodies that may be open at once, None for all; ``spare`` is the number that may be lost. ``launch`` is how a repeat
    sends its samples. While more than ``refill`` bodies are open none are added, so that samples go out many at a time.
    ``used`` are the tokens in and out of a vote's answers by the address of the model, None if a server gave no counts.
    ``calls`` are the calls of the reducer itself. ``timer`` is the number of the time-out's timer, 0 for none. A run
    that is ``over`` takes no more results. ``on_done`` and ``on_failure`` are called when a body ends, ``on_step`` when
    a step of a body is finished.
    """

    serial: int
    step: p.Step
    frame: Frame
    layout: Layout
    reducer: Reducer
    total: int
    reduce: p.Reduce | None = None
    elements: Sequence[Json] | None = None
    intake: Intake | None = None
    whole: bool = True
    feed: Feed | None = None
    window: int | None = None
    refill: int | None = None
    launch: str = "cost"
    votes: bool = False
    spares: bool = False
    errors: str = "fail"
    spare: Spare | None = None
    lost: int = 0
    launched: int = 0
    finished: int = 0
    open: dict[int, Frame] = field(default_factory=dict)
    body: Frame | None = None
    admitting: bool = False
    over: bool = False
    merge: Combining | None = None
    last_loss: Failure | None = None
    timer: int = 0
    calls: set[int] = field(default_factory=set)
    used: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    around: Around = field(init=False)
    on_done: Callable[[Frame, Json], None] = field(init=False)
    on_failure: Callable[[Frame, Failure], None] = field(init=False)
    on_step: Callable[[Frame, p.Step, Json], None] | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """The surroundings of a run's bodies, worked out once for all of them.

    ``path`` is the path of the block, ``lane`` the serial number of the outermost block. ``ballot``: the answers of the
    bodies are ballots of a vote. ``sampled``: the bodies are in a repeat. ``votes`` are the runs that count ballots,
    and ``ledgers`` the budgets of called flows, both from the inside out.
    """

    path: str
    lane: int
    ballot: bool
    sampled: bool
    votes: tuple[BlockRun, ...]
    ledgers: tuple[Ledger, ...]

    @classmethod
    def of(cls, run: BlockRun, path: str, ledger: Ledger | None = None) -> Around:
        outer = run.frame.within
        node = run.step.node
        own = () if ledger is None else (ledger,)
        votes = (run,) if run.votes else ()
        ballot = holds_ballots(node, votes=run.votes, around=outer is not None and outer.around.ballot)
        if outer is None:
            return cls(path, run.serial, ballot, isinstance(node, p.Repeat), votes, own)
        around = outer.around
        sampled = around.sampled or isinstance(node, p.Repeat)
        return cls(path, around.lane, ballot, sampled, votes + around.votes, own + around.ledgers)


@dataclass(eq=False, slots=True)
class Intake:
    """The elements that a map has taken but not begun: ``ready`` holds the number and the value of each.

    If the place of an element in the list is not known from the beginning, ``keys`` has its key by its number, and
    ``ranks`` gives it a rank later. ``held`` has the results of elements that have no rank yet.
    """

    ready: deque[tuple[int, Json]] = field(default_factory=deque)
    ranks: Ranks | None = None
    keys: dict[int, Key] = field(default_factory=dict)
    held: dict[int, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spare:
    """The share of a map's elements that may fail, and the number of elements that this share makes."""

    share: float
    most: int

    @classmethod
    def of(cls, share: float, total: int) -> Spare:
        # 29% of 100 is 29, and as a binary fraction a little less.
        return cls(share, floor(total * share + 1e-9))
