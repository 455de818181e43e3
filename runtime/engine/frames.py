"""Frames hold the values of steps while a flow runs.

The flow, each call of a flow and each body of a block has its frame.

A step is prepared once from the plan. All frames that run it share it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Protocol

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..plans.dependencies import first_needs, taken_from
from ..plans.reads import may_read
from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally
from .block_surroundings import Around
from .decisions import Failure, Group
from .streams import Feed, Key

Wake = Callable[[Failure | None], None]
"""A function that is called when the steps that it waits for are finished, with None, or when one failed, with it."""


class PreparedStep(ABC):
    """A step that can begin in a frame.

    ``source`` is the step whose elements a map takes as they arrive, None for any other step. ``needs`` are the steps
    that must be finished before this step begins, without the source. ``reads`` is True if its expressions may call
    functions that read files or cut long texts. ``called`` is the key of the flow that the step calls, "" for any other
    step.
    """

    def __init__(self, plan: p.Step) -> None:
        self.name = plan.name
        self.title = plan.title
        self.kind = plan.node.kind
        self.source = taken_from(plan)
        self.needs = tuple(name for name in first_needs(plan) if name != self.source)
        self.reads = may_read(plan)
        self.when = plan.when
        self.otherwise = plan.otherwise
        self.at_most = plan.node.at_most if isinstance(plan.node, p.Map) else None
        self.called = plan.node.flow if isinstance(plan.node, p.FlowCall) else ""

    @abstractmethod
    def begin(self, frame: Frame) -> None:
        """Begin the step in a frame. Raises FlowrunError if it cannot begin."""

    def may_take(self, feed: Feed) -> bool:
        """Tell whether a growing list is sure to keep the map's promise of `at most`."""
        return self.at_most is None or (feed.bound is not None and feed.bound <= self.at_most)


class FrameLayout:
    """The parts that all frames of a block or flow share: the prepared steps, and the place of each step by its name.

    ``result`` is the step whose value is the value of a body; None for a flow and for a fan-out. ``once`` is the number
    of steps that run once in each frame; the progress display needs it.
    """

    __slots__ = ("once", "places", "result", "steps")

    def __init__(self, steps: Iterable[PreparedStep] = (), result: str | None = None, once: int = 0) -> None:
        self.steps = tuple(steps)
        self.places: Mapping[str, int] = {step.name: place for place, step in enumerate(self.steps)}
        self.result = result
        self.once = once


NO_STEPS = FrameLayout()


class Droppable(Protocol):
    """The part of a frame's running blocks that can be cancelled with it."""

    def dropped(self, *, keep: bool) -> Iterable[Frame]:
        """Cancel what runs in the block itself. Return its bodies, for the caller to cancel."""

    def stopped(self) -> Iterable[Frame]:
        """Keep the account of a block that is under way when the run ends. Return its bodies."""


class Enclosing(Protocol):
    """The view that the frames of the bodies have of their block or call of a flow.

    ``frame`` is the frame in which the block runs. ``samples`` is the number of samples of a repeat, 0 for any other
    block, and ``items`` the number of items of a panel. If ``patient`` is True, the samples should be cheap rather than
    fast. If ``passes_on`` is True, the value of the last step is the value of the block. If ``counts_rounds`` is True,
    the bodies are rounds, one after another. ``longer`` is the growing list that joins the lists of the bodies and
    takes each item at once. ``to_come`` counts the bodies that are sure to be opened.
    """

    passes_on: bool
    counts_rounds: bool

    @property
    def step(self) -> PreparedStep: ...
    @property
    def frame(self) -> Frame: ...
    @property
    def around(self) -> Around: ...
    @property
    def samples(self) -> int: ...
    @property
    def items(self) -> int: ...
    @property
    def patient(self) -> bool: ...
    @property
    def longer(self) -> Feed | None: ...
    @property
    def to_come(self) -> int: ...

    def path_of(self, index: int) -> str:
        """Return the path of a body."""

    def make_room(self) -> None:
        """Open one more body, because a body waits for a person."""

    def makes(self, name: str) -> bool:
        """Tell whether the value of this step is the value of a body, or a part of that value."""

    def place_in(self, frame: Frame, name: str) -> int:
        """Return the place of a step's value among the results."""

    def key_of(self, place: int) -> Key:
        """Return the key of a result in the list that the block makes."""

    def step_done(self, frame: Frame, step: PreparedStep, value: Json) -> None:
        """Take the value of a step of a body."""

    def body_done(self, frame: Frame, value: Json) -> None:
        """Take the value of a body when all its steps are finished."""

    def body_failed(self, frame: Frame, failure: Failure) -> None:
        """Take the failure of a step of a body."""

    def dropped(self, *, keep: bool) -> Iterable[Frame]:
        """Cancel the calls, reads and timers of the block itself. Return its bodies, for the caller to cancel."""


@dataclass(eq=False, slots=True)
class StepWatch:
    """The steps of a frame that have no value yet or have failed, and the functions that wait for them.

    ``waiting`` holds the functions that wait for the end of a step. ``failed`` are the failures of steps. ``feeds`` are
    the growing lists, from which maps take elements one by one. ``takers`` holds the functions that wait for the
    beginning of such a list. Both are None until they are needed.
    """

    waiting: dict[str, list[Wake]] = field(default_factory=dict)
    failed: dict[str, Failure] = field(default_factory=dict)
    feeds: dict[str, Feed] | None = None
    takers: dict[str, list[Wake]] | None = None

    def woken(self, name: str) -> Sequence[Wake]:
        """Take away the functions that wait for the beginning of a step's list."""
        return () if self.takers is None else self.takers.pop(name, ())


@dataclass(eq=False, slots=True)
class Frame:
    """The frame of a flow or of one body of a block. It holds the values of the steps there.

    ``given`` holds the element, the inputs of a flow, or the names that a reducer sees. ``left`` counts the unfinished
    steps; it is below 0 when the frame has ended. A name that is not here is looked up in ``parent``. The frame of a
    called flow has no parent; its ``block`` tells where the flow was called. ``index`` is the number of the body in its
    block. ``calls`` and ``blocks`` are those under way. ``prefix`` is the path of the body with a dot at its end, None
    until it is worked out.
    """

    layout: FrameLayout
    parent: Frame | None
    block: Enclosing | None = None
    index: int = 0
    given: dict[str, Json] = field(default_factory=dict)
    values: dict[str, Json] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    calls: set[int] = field(default_factory=set)
    blocks: dict[Droppable, None] = field(default_factory=dict)
    left: int = 0
    prefix: str | None = None
    watched: StepWatch | None = None

    @property
    def over(self) -> bool:
        return self.left < 0

    @property
    def watch(self) -> StepWatch:
        if self.watched is None:
            self.watched = StepWatch()
        return self.watched

    def end(self) -> None:
        self.left = -1

    def failure(self, name: str) -> Failure | None:
        return None if self.watched is None else self.watched.failed.get(name)

    def feed(self, name: str) -> Feed | None:
        return None if self.watched is None or self.watched.feeds is None else self.watched.feeds.get(name)

    def home(self, name: str) -> Frame | None:
        """Find the frame whose steps include this name: this frame or one around it. None if there is no such frame."""
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
    def within(self) -> Enclosing | None:
        """The innermost block or called flow around this frame. None if there is none."""
        frame: Frame | None = self
        while frame is not None and frame.block is None:
            frame = frame.parent
        return None if frame is None else frame.block

    def make_room(self) -> None:
        """Let all blocks around this frame open one more body, because this one waits for a person."""
        block = self.within
        while block is not None:
            block.make_room()
            block = block.frame.within

    def path(self, title: str) -> str:
        """Return the path of a step: its title behind the blocks, elements and called flows around it.

        ``notes[3].draft`` is the step ``draft`` of element 3 of ``notes``, or of the flow that this element calls.
        """
        if self.prefix is None:
            self.prefix = "" if self.block is None else self.block.path_of(self.index) + "."
        return self.prefix + title


def steps_once(steps: Iterable[p.Step]) -> int:
    """Count the steps that run once each time the block runs, with the steps of fan-outs and chains inside it.

    The steps of a called flow are not counted. The flow reports them when it begins.
    """
    count = 0
    for step in steps:
        count += 1
        if isinstance(step.node, (p.Fanout, p.Chain)):
            count += steps_once(step.node.body.steps)
    return count


def sample_of(frame: Frame, step: str) -> tuple[Group | None, int] | None:
    """Return the group and the sample number of a call of this step. None outside of every repeat and of all rounds.

    If repeats are nested, each combination of their samples has its own number. The numbers of a round depend on no
    number of rounds. The samples of each item of a panel are a group.
    """
    within = frame.within
    if within is None or not within.around.sampled:
        return None
    serial, index, scale, patient, rounds = 0, 0, 1, True, 0
    around: Frame | None = frame
    while around is not None:
        block = around.block
        if block is not None and block.samples:
            step += f"[{around.index % block.items}]" if block.items and not serial else ""
            serial = serial or block.around.serial
            index += around.index * scale
            scale *= block.samples
            patient = patient and block.patient
        elif block is not None and block.counts_rounds:
            rounds = _paired(rounds, around.index)
        around = around.parent if block is None else block.frame
    return Group(serial, step, patient) if serial else None, index + rounds * scale


def _paired(inner: int, outer: int) -> int:
    """Return one number for two, which no other two have (G. Cantor's pairing)."""
    return (inner + outer) * (inner + outer + 1) // 2 + outer if outer else inner * (inner + 1) // 2
