"""The life of a step. It waits for the steps that it mentions, begins, and then finishes or fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..values.expressions import evaluate
from ..vocabulary import events as e
from ..vocabulary.errors import DiskError, FlowrunError
from ..vocabulary.json_value import Json
from ..vocabulary.tally import Tally
from .calls import Calls
from .decisions import Decision, Failure
from .elsewhere import Elsewhere
from .extern_calls import ExternCalls
from .frames import Frame, PreparedStep, Wake
from .reads import Reads
from .scopes import Context, Scope
from .streams import Feed
from .timers import Timers

if TYPE_CHECKING:
    from ..vocabulary.cascade_tally import CascadeTally


@dataclass(eq=False, slots=True)
class Counts:
    """The number of calls of ``flows`` under way, and of all ``blocks`` that have begun."""

    flows: int = 0
    blocks: int = 0


class Machine:
    """The parts that all steps of one run share. Steps put further work on ``work``, so that the stack does not grow.

    ``failures`` are failures of the flow's own steps. ``losses`` are failures of elements and samples that blocks go on
    without. ``tallies`` are the votes by the path of their step. ``elsewhere`` has the bodies that run elsewhere.
    """

    def __init__(self, context: Context, externs: Mapping[str, p.Extern]) -> None:
        self.events: list[e.Event] = []
        self.decisions: list[Decision] = []
        self.reads = Reads(context.functions, self.decisions, self.events)
        self.context = context = replace(context, functions=self.reads.call)
        self.calls = Calls(context, self.decisions, self.events)
        self.externs = ExternCalls(context, externs, self.decisions)
        self.timers = Timers(self.decisions)
        self.failures: list[Failure] = []
        self.losses: list[Failure] = []
        self.tallies: dict[str, Tally] = {}
        self.elsewhere = Elsewhere(self.decisions, self.tallies, self.losses)
        self.counts = Counts()

    @property
    def work(self) -> deque[Callable[[], None]]:
        return self.reads.work

    @property
    def cascades(self) -> dict[str, CascadeTally]:
        """The accounts of cascades by the path of their step, here and elsewhere."""
        return self.elsewhere.cascades

    def open(self, frame: Frame) -> None:
        """Start the steps of a frame, each as soon as the steps that it needs are finished."""
        frame.left = len(frame.layout.steps)
        if not frame.left:
            self.work.append(partial(self._finish, frame))
        for step in frame.layout.steps:
            begin = self._begin if step.source is None else self._take
            self.wait(frame, step.needs, partial(begin, frame, step))

    def wait(self, frame: Frame, needs: Iterable[str], then: Wake) -> None:
        """Call ``then`` once: with None when all needed steps are finished, or with the first failure among them."""
        homes: list[tuple[Frame, str]] = []
        for name in needs:
            home = frame.home(name)
            if home is None or name in home.values:
                continue
            failure = home.failure(name)
            if failure is not None:
                self.work.append(partial(then, failure))
                return
            homes.append((home, name))
        if not homes:
            self.work.append(partial(then, None))
            return
        missing = len(homes)

        def woken(failure: Failure | None) -> None:
            nonlocal missing
            if missing <= 0:
                return
            missing = 0 if failure is not None else missing - 1
            if missing == 0:
                then(failure)

        for home, name in homes:
            home.watch.waiting.setdefault(name, []).append(woken)

    def opened(self, frame: Frame, name: str, feed: Feed) -> None:
        """Open the growing list of a step, so that maps may take its elements as they arrive."""
        watch = frame.watch
        watch.feeds = {**(watch.feeds or {}), name: feed}
        for wake in watch.woken(name):
            self.work.append(partial(wake, None))

    def settle(self, frame: Frame, step: PreparedStep, value: Json, *, skipped: bool = False) -> None:
        """Give a step its value."""
        if frame.over:
            return
        frame.values[step.name] = value
        frame.left -= 1
        self.events.append(e.StepFinished(frame.path(step.title), step.kind, skipped, at=self.context.now()))
        self._wake(frame, step.name, None)
        if frame.block is not None:
            frame.block.step_done(frame, step, value)
        # The block may have ended with this step.
        if frame.left == 0:
            self.work.append(partial(self._finish, frame))

    def fail(self, frame: Frame, step: PreparedStep, failure: Failure) -> None:
        """Fail a step. The block around it decides about the failure.

        Without a block, the steps that need it fail too.
        """
        if frame.over:
            return
        frame.watch.failed[step.name] = failure
        frame.left -= 1
        path = frame.path(step.title)
        if failure.path == path:
            self.events.append(e.StepFailed(path, failure.reason, failure.error, at=self.context.now()))
        if frame.block is not None:
            frame.block.body_failed(frame, failure)
            return
        if all(known is not failure for known in self.failures):
            self.failures.append(failure)
        self._wake(frame, step.name, failure)

    def spare(self, frame: Frame, name: str) -> None:
        """Give a failed step the value None. The block around it goes on, and so do the steps that wait for it."""
        del frame.watch.failed[name]
        frame.values[name] = None
        self._wake(frame, name, None)

    def drop(self, frame: Frame, *, keep: bool) -> None:
        """Cancel everything that runs in a frame, at any depth.

        With ``keep``, requests that are under way may finish, because their answers are paid.
        """
        todo = [frame]
        while todo:
            one = todo.pop()
            one.end()
            self.calls.cancel(one.calls, keep=keep)
            self.externs.cancel(one)
            self.reads.cancel(one)
            for block in one.blocks:
                todo.extend(block.dropped(keep=keep))
            one.blocks.clear()

    def stopped(self, frame: Frame) -> None:
        """Keep the accounts of the blocks that are under way in a frame, at any depth."""
        todo = [frame]
        for one in todo:
            for block in one.blocks:
                todo.extend(block.stopped())

    def _wake(self, frame: Frame, name: str, failure: Failure | None) -> None:
        watch = frame.watched
        if watch is not None:
            work = self.reads.work
            for wake in watch.woken(name):
                work.append(partial(wake, None))
            for wake in watch.waiting.pop(name, ()):
                work.append(partial(wake, failure))

    def _finish(self, frame: Frame) -> None:
        if not frame.over and frame.block is not None:
            frame.end()
            result = frame.layout.result
            frame.block.body_done(frame, frame.values[result] if result else None)

    def _take(self, frame: Frame, step: PreparedStep, failure: Failure | None) -> None:
        """Begin a map that takes the results of a step as they arrive.

        If the growing list is not open yet, wait for it. If the map may not take from it, wait for the whole list.
        """
        source = step.source
        home = frame.home(source) if source is not None else None
        if source is not None and failure is None and home is not None and source not in home.values:
            failure, feed = home.failure(source), home.feed(source)
            if failure is None and feed is None:
                watch = home.watch
                watch.takers = watch.takers or {}
                watch.takers.setdefault(source, []).append(partial(self._take, frame, step))
                return
            if failure is None and feed is not None and not step.may_take(feed):
                self.wait(frame, (source,), partial(self._begin, frame, step))
                return
        self._begin(frame, step, failure)

    def _begin(self, frame: Frame, step: PreparedStep, failure: Failure | None) -> None:
        if frame.over:
            return
        if failure is not None:
            self.fail(frame, step, failure)
        elif step.reads:
            self.reads.attempt(frame, partial(self._begin_now, frame, step))
        else:
            self._begin_now(frame, step)

    def _begin_now(self, frame: Frame, step: PreparedStep) -> None:
        """Begin a step when everything that it waits for is there."""
        started = False
        try:
            wanted = step.when is None or evaluate(step.when, Scope(self.context, frame))
            # If the list fails, this step fails too, even when it is skipped.
            if not wanted and self._waits_for_source(frame, step):
                return
            if step.when is not None:
                self.context.watcher.decided(step.when, holds=bool(wanted))
            started = self._start(frame, step)
            if wanted:
                step.begin(frame)
            else:
                self._skip(frame, step)
        except DiskError:
            # A damaged journal ends the run: an element that goes without its answer would hide the damage.
            raise
        except FlowrunError as error:
            if not started:
                self._start(frame, step)
            self.fail(frame, step, Failure(frame.path(step.title), str(error), error))

    def _start(self, frame: Frame, step: PreparedStep) -> bool:
        """Publish that a step has begun. Return True."""
        if e.StepStarted not in self.context.unheard:
            self.events.append(e.StepStarted(frame.path(step.title), step.kind, at=self.context.now()))
        return True

    def _skip(self, frame: Frame, step: PreparedStep) -> None:
        """Give a step whose `when` is false the value of its `else`, or None."""
        other = None if step.otherwise is None else evaluate(step.otherwise, Scope(self.context, frame))
        self.settle(frame, step, other, skipped=True)

    def _waits_for_source(self, frame: Frame, step: PreparedStep) -> bool:
        """Let a step wait until the list that it takes its elements from is finished. Return False if it is."""
        home = frame.home(step.source) if step.source is not None else None
        if step.source is None or home is None or step.source in home.values:
            return False
        self.wait(frame, (step.source,), partial(self._begin, frame, step))
        return True
