"""The base of blocks that combine the results of their bodies into one value."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from functools import partial

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ...reducers import ReduceError, UndecidedError
from ...vocabulary import events as e
from ...vocabulary.errors import DiskError, FlowrunError
from ...vocabulary.json_value import Json
from ..block_surroundings import TokenCount
from ..combiners.combiner import SKIPPED, Asked, Combiner, UnheardError
from ..decisions import Failure
from ..frames import NO_STEPS, Frame, FrameLayout, sample_of
from ..machine import Machine
from ..pipelines import Pipelines
from ..reductions import Reduction
from ..scopes import Scope
from ..streams import Feed
from .block import BlockRun, BlockStep
from .losses import Losses


@dataclass(eq=False)
class ReducedRun(BlockRun):
    """A running block with a combiner. ``feed`` is the growing list of its results, for maps that take them at once.

    ``calls`` holds the numbers of the calls that the reducer makes. ``losses`` are the results that it goes on without.
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
        """True if the reducer can make a value although some results have failed."""
        return self.step.reduction.rule.spec.spares

    @property
    def total(self) -> int:
        """The number of results known so far."""
        return len(self.step.layout.steps)

    @property
    def launched(self) -> int:
        """The number of samples that have begun. 0 for a fan-out, whose branches all begin at once."""
        return 0

    @property
    def body(self) -> Frame | None:
        """The body whose branches the reducer's asks may mention. None for all blocks but a fan-out."""
        return None

    @abstractmethod
    def lose_open(self) -> None:
        """Count the ballots that have not arrived yet as lost."""

    @property
    def orderly(self) -> bool:
        """True if the block knows a result's place in the list when the body begins."""
        return True

    @property
    def whole(self) -> bool:
        """True if the number of results is known."""
        return True

    @property
    def longer(self) -> Feed | None:
        """The growing list of the block, if the block joins lists.

        The block must have the policy ``errors: fail``. With any other policy it might have to take items back.
        """
        feed = self.feed
        return feed if feed is not None and feed.flat and self.losses.policy == "fail" else None

    def open_list(self, *, listed: bool) -> None:
        """Open the growing list of the block's results, if a map takes elements from it."""
        flat = self.step.reduction.joins
        if (flat or listed) and self.step.pipelines.wanted(self.frame, self.step):
            bound = self.total if self.whole and not flat else None
            exact = bound is not None and self.losses.policy != "skip"
            self.feed = Feed(bound, exact=exact, flat=flat)
            self.step.pipelines.open(self.frame, self.step, self.feed)

    def list_up(self, place: int, value: Json) -> None:
        """Add the result of a body to the growing list. SKIPPED adds nothing."""
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
        """Give a result to the combiner. SKIPPED stands for no result. A failure stands for a lost ballot."""
        if isinstance(result, Failure):
            self.ask(self.combiner.lose(place, sent=result.sent))
        elif result is SKIPPED:
            self.ask(self.combiner.skip(place))
        else:
            self.ask(self.combiner.add(place, result))

    def lost(self, failure: Failure, element: str) -> None:
        """Record the failure of a body or branch, whose path is ``element``. The block goes on without it."""
        self.losses.enter(failure)
        self.machine.context.watcher.lost(self.step.reduction.plan)
        self.machine.losses.append(replace(failure, ballot=self.votes))
        at = self.machine.context.now()
        self.machine.events.append(e.ElementLost(failure.path, failure.reason, element, failure.error, at=at))

    def inherits(self, failure: Failure) -> bool:
        """Tell whether the failure happened outside of the block. Such a failure is not the fault of an element."""
        return any(known is failure for known in self.machine.failures)

    # The end

    def conclude(self) -> None:
        """Combine the results, because no other result can count. Cancel the bodies that still run."""
        self.drop_bodies(keep=False)
        self.combine()

    def combine(self) -> None:
        self.over = True
        self.ask(self.combiner.conclude())

    def ask(self, questions: Sequence[Asked]) -> None:
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
        except UnheardError as unheard:
            self.give_up(unheard.failure)
        else:
            self.end(value)

    def _fail(self, error: ReduceError) -> None:
        """Fail a block whose results make no value.

        If a lost result may be the cause, the error says that the value is undecided, as a vote does by itself.
        """
        last = self.losses.last
        nothing = self.votes and not self.total
        reason = "the vote has no ballots: the list is empty" if nothing else str(error)
        if not self.votes and last is not None and not last.abstains:
            error = UndecidedError(str(error))
        if isinstance(error, UndecidedError):
            error.leads_on = self.losses.leads_on
        self.give_up(Failure(self.around.path, reason + (f"; the last: {last.reason}" if last else ""), error))

    def _tell(self, *, ended: bool = True) -> None:
        """Publish the tally of a vote, for the flow and for people.

        If it has not ``ended``, the tally is not settled.
        """
        tally = self.combiner.tally(self.launched)
        if tally is not None:
            path, machine = self.around.path, self.machine
            tally = machine.tallies[path] = tally if ended else replace(tally, settled=False)
            if tally.ballots:
                self.frame.tallies[self.step.name] = tally
            used = self.around.votes[0] if self.votes or self.step.reduction.plan.searches else TokenCount()
            machine.events.append(e.VoteCounted(path, tally, dict(used), used.calls, at=machine.context.now()))

    # Questions

    def _await(self, question: Asked) -> None:
        """Answer a question of the combiner by a call, as soon as the steps that the reducer mentions are finished."""
        ready = partial(self._ready, question)
        needs, body = self.step.reduction.plan.needs, self.body
        if body is None or not self.combiner.eager:
            self.machine.wait(self.frame, needs, ready)
        else:
            # Some branches are still running. The reducer waits for the branches that it mentions by name.
            self.machine.wait(body, (*needs, *self.step.reduction.branches), ready)

    def _ready(self, question: Asked, failure: Failure | None) -> None:
        if not self.alive:
            return
        if failure is not None:
            self.give_up(failure)
            return
        self.machine.reads.attempt(self, partial(self._try, question))

    def _try(self, question: Asked) -> None:
        path = f"{self.around.path}.reduce"
        try:
            self._call(question, path)
        except DiskError:
            raise
        except FlowrunError as error:
            self._unanswered(question, Failure(path, str(error), error))

    def _call(self, question: Asked, path: str) -> None:
        machine, reduction = self.machine, self.step.reduction
        ask = reduction.asking(question)
        answered, failed = partial(self._answered, question), partial(self._unanswered, question)
        if ask is None:
            reduce, args = reduction.plan, question.given
            if reduce.passing is not None:
                args = Scope(machine.context, self._frame(args)).options(reduce.passing.args)
            elif reduce.extern is not None:
                args = {**Scope(machine.context, self.frame).options(reduce.args), **args}
            assert reduce.called is not None
            machine.externs.launch(self, reduce.called, args, path + question.suffix, answered, failed)
            return
        frame = self._frame(question.given)
        sample = sample_of(frame, f"{self.step.name}.reduce")
        machine.calls.launch(frame, ask, path, answered, failed, sample=sample, place=question.suffix)

    def _answered(self, question: Asked, value: Json) -> None:
        judging = self.combiner.judging
        self.ask(self.combiner.answered(question.place, value))
        if question.spare:
            self.heard()
        elif judging:
            self.judged()

    def _unanswered(self, question: Asked, failure: Failure) -> None:
        """Go on without the answer to a question if the combiner can, else fail the block."""
        if question.verdict and not failure.abstains:
            self.ask(question.verdict(question.place[0], failure))
        elif question.verdict or question.spare:
            # A question of the reducer is no element of the block, nor of a block around it.
            self.lost(replace(failure, path=f"{self.around.path}.reduce{question.suffix}"), "")
            self.ask(self.combiner.missed(question.place, sent=failure.sent))
            (self.judged if question.verdict else self.heard)()
        else:
            self.give_up(failure)

    def heard(self) -> None:
        """Go on after a question about ballots, which may have decided the vote."""
        if self.alive and not self.over and self.combiner.decided:
            self.conclude()

    def judged(self) -> None:
        """Go on after an answer on which the number of further bodies depends. The branches of a fan-out all run."""

    def _frame(self, given: Mapping[str, Json]) -> Frame:
        """Make the frame for an ask of the reducer. The ask sees the ``given`` values, and branches by name.

        The value of a lost branch is None. The calls of this frame belong to the block and are cancelled with it.
        """
        body = self.body
        branches = {} if body is None else {step.name: body.values.get(step.name) for step in body.layout.steps}
        tallies = {} if body is None else body.tallies
        return Frame(NO_STEPS, self.frame, given={**branches, **given}, tallies=tallies, calls=self.calls)


class ReducedStep(BlockStep):
    """A step that begins a block with a reducer."""

    def __init__(
        self, plan: p.Step, machine: Machine, layout: FrameLayout, reduction: Reduction, pipelines: Pipelines
    ) -> None:
        super().__init__(plan, machine, layout)
        self.reduction = reduction
        self.pipelines = pipelines
