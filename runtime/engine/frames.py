"""Where values live while a flow runs: a frame for it, for each call of a flow, and for each body of a block."""

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
"""Told when what was waited for is there (None), or that it will never be."""


@dataclass(eq=False)
class Layout:
    """What is the same for every frame of a block or flow: its steps and the names that they define.

    ``result`` is the step whose value is the block's, None for a flow and for a fan-out. ``once`` is how many steps run
    once each time, for progress.
    """

    steps: tuple[p.Step, ...]
    result: str | None
    once: int = 0

    @cached_property
    def taken(self) -> dict[str, str]:
        """The maps that take their elements as they come, each with the step that makes them."""
        return {step.name: name for step in self.steps if (name := taken_from(step)) is not None}

    @cached_property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """What each step waits for before it begins, but for what it takes as it comes."""
        return {
            step.name: tuple(name for name in first_needs(step) if name != self.taken.get(step.name))
            for step in self.steps
        }

    @cached_property
    def places(self) -> dict[str, int]:
        """The names that the steps define, with each one's place."""
        return {step.name: place for place, step in enumerate(self.steps)}


@dataclass(eq=False, slots=True)
class Frame:
    """One run of a block's steps, or of a flow's.

    ``values`` holds finished steps, ``failed`` those that never will be; ``given`` the element, a flow's inputs,
    or what a reducer sees. ``left`` counts steps not finished. A frame that is ``over`` takes no more part.
    Names are looked for in ``parent`` next; that of a called flow has none, and knows by ``run`` who called it.
    ``label`` is the place of the body as paths show it, where that is not its ``index``.
    ``feeds`` are lists in the making, for maps which take them one by one, and ``opening`` has who waits for one.
    ``prefix`` is the path of the body with a dot, once it is known.
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
        """The frame whose steps define this name."""
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
        """The innermost run that this frame is a part of; a called flow is one."""
        frame: Frame | None = self
        while frame is not None and frame.run is None:
            frame = frame.parent
        return None if frame is None else frame.run

    def enclosing(self) -> Iterator[Frame]:
        """This frame and all that it runs inside of, those that called its flow included."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.run.frame if frame.run is not None else frame.parent

    def used(self, model: str, usage: Usage) -> None:
        """Tell the votes around of the tokens of an answer."""
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
        """The budgets of the flows that this frame runs inside of, from the inside out."""
        within = self.within
        return () if within is None else within.around.ledgers


@dataclass(eq=False, slots=True)
class BlockRun:
    """A block or a called flow that is running: its bodies, and what becomes of their values.

    ``body`` is the one of a fan-out or chain, also when it is not open any more.
    ``elements`` is None for a repeat. A map that takes them as they come has an ``intake``, and they are not ``whole``
    until the last one has come; ``total`` are those that are known. ``feed`` is what the run makes for other maps.
    ``window`` is how many bodies may be open at once, None for all; ``spare`` says
    how many may be lost. ``launch`` is how a repeat sends its samples. Above ``refill`` open bodies none are added, so
    that samples go out many at a time.
    ``used`` are the tokens in and out of a vote's answers, by the model's address, None where a server did not say.
    ``calls`` are the reducer's own, ``timer`` is that of its time-out, 0 for none. A run that is ``over`` takes no more
    results. ``on_done`` and ``on_failure`` are
    told how each body ended, ``on_step`` of every step that finishes in one.
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
    """What is around the bodies of a run, worked out once for all of them.

    ``path`` is that of the block, ``lane`` the serial of the outermost one. ``ballot``: what the bodies ask is a ballot
    of a vote; ``sampled``: a repeat is around them. ``votes`` are the runs that count ballots, and ``ledgers`` the
    budgets of called flows, both from the inside out.
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
    """What a map has taken and not begun yet: the number of each element, and its value.

    Where its place in the list is not known from the beginning an element has one of ``keys`` by its number, and a rank
    once that is known; ``held`` has the results that came before that.
    """

    ready: deque[tuple[int, Json]] = field(default_factory=deque)
    ranks: Ranks | None = None
    keys: dict[int, Key] = field(default_factory=dict)
    held: dict[int, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spare:
    """The part of a map's elements that may fail, and how many of them that is."""

    share: float
    most: int

    @classmethod
    def of(cls, share: float, total: int) -> Spare:
        # 29% of 100 is 29, and as a binary fraction a little less.
        return cls(share, floor(total * share + 1e-9))
