"""A block that combines the results of its bodies to one value."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from flowrun.dsl import plan as p

from ...reducers import ReduceError, UndecidedError
from ...vocabulary import events as e
from ...vocabulary.errors import FlowrunError
from ..combiners.combiner import SKIPPED, Combiner, Question
from ..decisions import Failure, Group
from ..frames import NO_STEPS, Frame, Layout
from ..machine import Machine
from ..pipelines import Pipelines
from ..reductions import Reduction
from ..scopes import Scope
from ..streams import Feed
from .block import Block, BlockStep
from .losses import Losses

Json = Any


@dataclass(eq=False)
class ReducedBlock(Block):
    """A block with a combiner. ``feed`` is its list in the making for maps; ``calls`` are those of the reducer itself.

    ``launch`` is the way in which a repeat sends its samples.
    """

    step: ReducedStep
    combiner: Combiner
    losses: Losses
    feed: Feed | None = field(init=False, default=None)
    calls: set[int] = field(init=False, default_factory=set)

    @property
    def votes(self) -> bool:
        return self.step.reduction.rule.spec.votes

    @property
    def spares(self) -> bool:
        """True if the rule does without failed results."""
        return self.step.reduction.rule.spec.spares

    @property
    def total(self) -> int:
        """The number of results known so far."""
        return len(self.step.layout.steps)

    @property
    def launched(self) -> int:
        """The number of samples that were begun; 0 where all branches begin at once."""
        return 0

    @property
    def body(self) -> Frame | None:
        """The body whose branches the reducer's asks may mention."""
        return None

    @abstractmethod
    def lose_open(self) -> None:
        """Count the ballots that are still out as lost."""

    @property
    def orderly(self) -> bool:
        """True if the place of each result in the list is known as soon as its body begins."""
        return True

    @property
    def whole(self) -> bool:
        """True if the number of results is known."""
        return True

    @property
    def longer(self) -> Feed | None:
        """The list that the block makes, if it joins lists.

        The block must have the policy ``errors: fail``: with any other, items that it passed on might have to be taken
        back.
        """
        feed = self.feed
        return feed if feed is not None and feed.flat and self.losses.policy == "fail" else None

    def open_list(self, *, listed: bool) -> None:
        """Open the list in the making, if the block makes a list that anything takes from."""
        flat = self.step.reduction.joins
        if (flat or listed) and self.step.pipelines.wanted(self.frame, self.step):
            bound = self.total if self.whole and not flat else None
            exact = bound is not None and self.losses.policy != "skip"
            self.feed = Feed(bound, exact=exact, flat=flat)
            self.step.pipelines.open(self.frame, self.step, self.feed)

    def list_up(self, place: int, value: Json) -> None:
        """Add the result of a body to the list in the making. SKIPPED adds nothing."""
        feed = self.feed
        if feed is None:
            return
        key = self.key_of(place)
        if not feed.flat:
            if value is not SKIPPED:
                feed.put(key, value)
        elif place in feed.nested:
            feed.nested.discard(place)
        elif value is not SKIPPED:
            for at, item in enumerate(value or ()):
                feed.put((key, at), item)
        if self.orderly:
            feed.settle(place)

    # Results

    def give(self, place: int, result: Json) -> None:
        """Give a result to the combiner. SKIPPED is no result, a failure a lost ballot."""
        if isinstance(result, Failure):
            self.ask(self.combiner.lose(place, sent=result.sent))
        elif result is SKIPPED:
            self.ask(self.combiner.skip(place))
        else:
            self.ask(self.combiner.add(place, result))

    def lost(self, failure: Failure) -> None:
        """Enter the failure of a body that the block goes on without."""
        self.losses.enter(failure)
        self.machine.losses.append(replace(failure, ballot=self.votes))
        self.machine.events.append(e.ElementLost(failure.path, failure.reason))

    def inherits(self, failure: Failure) -> bool:
        """Tell whether a failure comes from outside the block: then no element is to blame."""
        return any(known is failure for known in self.machine.failures)

    # The end

    def conclude(self) -> None:
        """Combine the results of a block that has all that count, and cancel its other bodies."""
        self.drop_bodies(keep=False)
        self.combine()

    def combine(self) -> None:
        self.over = True
        self.ask(self.combiner.conclude())

    def ask(self, questions: Sequence[Question]) -> None:
        """Ask the combiner's questions, and end the block if it is done."""
        for question in questions:
            self._await(question)
        if self.combiner.done and self.alive:
            self._finish()

    def give_up(self, failure: Failure) -> None:
        if self.votes and self.around.path not in self.machine.tallies:
            self.lose_open()
            self._tell(ended=False)
        super().give_up(failure)

    def cancel(self, *, keep: bool) -> None:
        super().cancel(keep=keep)
        self.machine.calls.cancel(self.calls, keep=keep)
        self.machine.externs.cancel(self)

    def _finish(self) -> None:
        try:
            self._tell()
            value = self.combiner.value()
        except ReduceError as error:
            self._fail(error)
        else:
            self.end(value)

    def _fail(self, error: ReduceError) -> None:
        """Fail a block whose results make no value.

        If a loss may be to blame, the error says that the value is undecided; a vote decides that itself.
        """
        last = self.losses.last
        nothing = self.votes and not self.total
        reason = "the vote has no ballots: the list is empty" if nothing else str(error)
        if not self.votes and last is not None and not last.abstains:
            error = UndecidedError(str(error))
        self.give_up(Failure(self.around.path, reason + (f"; the last: {last.reason}" if last else ""), error))

    def _tell(self, *, ended: bool = True) -> None:
        """Publish the tally of a vote, for the flow and for people. A vote that has not ``ended`` is not settled."""
        tally = self.combiner.tally(self.launched)
        if tally is not None:
            tally = tally if ended else replace(tally, settled=False)
            path = self.around.path
            self.machine.tallies[path] = self.frame.tallies[self.step.name] = tally
            self.machine.events.append(e.VoteCounted(path, tally, dict(self.around.votes[0]) if self.votes else {}))

    # Questions

    def _await(self, question: Question) -> None:
        """Make a call of the reducer as soon as the steps that it mentions are finished."""
        ready = partial(self._ready, question)
        needs, body = self.step.reduction.plan.needs, self.body
        if body is None or not self.combiner.eager:
            self.machine.wait(self.frame, needs, ready)
        else:
            # Branches are still out: the reducer waits for those that it mentions by name.
            self.machine.wait(body, (*needs, *self.step.reduction.branches), ready)

    def _ready(self, question: Question, failure: Failure | None) -> None:
        if not self.alive:
            return
        if failure is not None:
            self.give_up(failure)
            return
        path = f"{self.around.path}.reduce"
        try:
            self._call(question, path)
        except FlowrunError as error:
            self.give_up(Failure(path, str(error), error))

    def _call(self, question: Question, path: str) -> None:
        machine, reduction = self.machine, self.step.reduction
        ask = reduction.asking(question)
        if ask is None:
            extern = reduction.plan.extern
            assert extern is not None
            args = {**Scope(machine.context, self.frame).options(reduction.plan.args), **question.given}
            machine.externs.launch(self, extern, args, path, partial(self._answered, question.place), self.give_up)
            return
        frame = self._frame(question.given)
        sample = sample_of(frame, f"{self.step.name}.reduce")
        place = f"[{'.'.join(map(str, question.place))}]" if question.place else ""
        answered = partial(self._answered, question.place)
        machine.calls.launch(frame, ask, path, answered, self.give_up, sample=sample, place=place)

    def _answered(self, place: tuple[int, ...], value: Json) -> None:
        self.ask(self.combiner.answered(place, value))

    def _frame(self, given: Mapping[str, Json]) -> Frame:
        """Make the frame of a reducer's ask: it sees the values given to it, and the branches of a fan-out by name.

        A branch that was lost is None. The calls of this frame are the block's own, and are cancelled with the block.
        """
        body = self.body
        branches = {} if body is None else {step.name: body.values.get(step.name) for step in body.layout.steps}
        tallies = {} if body is None else body.tallies
        return Frame(NO_STEPS, self.frame, given={**branches, **given}, tallies=tallies, calls=self.calls)


class ReducedStep(BlockStep):
    """A step that begins a block with a reducer."""

    def __init__(
        self, plan: p.Step, machine: Machine, layout: Layout, reduction: Reduction, pipelines: Pipelines
    ) -> None:
        super().__init__(plan, machine, layout)
        self.reduction = reduction
        self.pipelines = pipelines


def sample_of(frame: Frame, step: str) -> tuple[Group, int] | None:
    """Work out the sample that a call of this step is, in its group; None outside of every repeat.

    If repeats are nested, every sample of all of them has its own number.
    """
    within = frame.within
    if within is None or not within.around.sampled:
        return None
    serial, index, scale, patient = 0, 0, 1, True
    around: Frame | None = frame
    while around is not None:
        block = around.block
        if block is not None and block.samples:
            serial = serial or block.around.serial
            index += around.index * scale
            scale *= block.samples
            patient = patient and block.patient
        around = around.parent if block is None else block.frame
    return (Group(serial, step, patient), index) if serial else None
