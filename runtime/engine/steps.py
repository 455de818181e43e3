"""The life of a step: it waits for the steps that it mentions, begins, and is finished or failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from flowrun.dsl import plan as p

from ..values.expressions import evaluate
from ..vocabulary import events as e
from ..vocabulary.errors import FlowrunError
from .calls import Calls
from .decisions import Failure
from .extern_calls import ExternCalls
from .frames import Frame, Wake
from .reads import Reads
from .samples import sample_of
from .scopes import Context, Scope, path_of
from .streams import Feed

Json = Any


class Steps:
    """The runner of steps. It puts all further work on ``work``, so that nothing here grows the stack.

    ``begin_block`` begins a block or a call of a flow; ``on_end`` is called when the last step of the flow is over.
    """

    def __init__(
        self, context: Context, calls: Calls, externs: ExternCalls, events: list[e.Event], reads: Reads
    ) -> None:
        self.context = context
        self.calls = calls
        self.externs = externs
        self.events = events
        self.reads = reads
        self.work = reads.work
        self.begin_block: Callable[[Frame, p.Step], None]
        self.on_end: Callable[[], None]
        self.failures: list[Failure] = []

    def open(self, frame: Frame) -> None:
        """Start the steps of a frame, each as soon as the steps that it needs are finished."""
        frame.left = len(frame.layout.steps)
        if not frame.left:
            self.work.append(partial(self._frame_done, frame))
        layout = frame.layout
        for step in layout.steps:
            if step.name in layout.taken:
                self.wait(frame, layout.needs[step.name], partial(self._take, frame, step, layout.taken[step.name]))
            else:
                self.wait(frame, layout.needs[step.name], partial(self._begin, frame, step))

    def wait(self, frame: Frame, needs: Iterable[str], then: Wake) -> None:
        """Call ``then`` once: with None when all needed steps are finished, or with the first failure among them."""
        homes: list[tuple[Frame, str]] = []
        for name in needs:
            home = frame.home(name)
            if home is None or name in home.values:
                continue
            if name in home.failed:
                self.work.append(partial(then, home.failed[name]))
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
            home.waiting.setdefault(name, []).append(woken)

    def _take(self, frame: Frame, step: p.Step, source: str, failure: Failure | None) -> None:
        """Begin a map that takes the results of a step as they come.

        Wait for the list in the making if it is not open yet, or for the whole list if the map cannot take from it.
        """
        home = frame.home(source)
        if failure is None and home is not None and source not in home.values:
            failure = home.failed.get(source)
            feed = (home.feeds or {}).get(source)
            if failure is None and feed is None:
                home.opening = home.opening or {}
                home.opening.setdefault(source, []).append(partial(self._take, frame, step, source))
                return
            if failure is None and feed is not None and not _promised(step, feed):
                self.wait(frame, (source,), partial(self._begin, frame, step))
                return
        self._begin(frame, step, failure)

    def _whole(self, frame: Frame, step: p.Step) -> bool:
        """Tell whether the list that a step takes its elements from is finished."""
        source = frame.layout.taken.get(step.name)
        home = frame.home(source) if source is not None else None
        return home is None or source in home.values

    def opened(self, frame: Frame, name: str, feed: Feed) -> None:
        """Open the list of a step, so that maps may take its elements as they come."""
        frame.feeds = {**(frame.feeds or {}), name: feed}
        self._wake_takers(frame, name)

    def _wake_takers(self, frame: Frame, name: str) -> None:
        if frame.opening is not None:
            for wake in frame.opening.pop(name, ()):
                self.work.append(partial(wake, None))

    def settle(self, frame: Frame, step: p.Step, value: Json, *, skipped: bool = False) -> None:
        """Give a step its value."""
        if frame.over:
            return
        frame.values[step.name] = value
        frame.left -= 1
        self.events.append(e.StepFinished(path_of(frame, step), step.node.kind, skipped))
        self._wake(frame, step.name, None)
        if frame.run is not None and frame.run.on_step is not None:
            frame.run.on_step(frame, step, value)
        if frame.left == 0:
            self.work.append(partial(self._frame_done, frame))

    def fail(self, frame: Frame, step: p.Step, failure: Failure) -> None:
        """Fail a step. A block around it decides about the failure; without one the steps that need it fail too."""
        if frame.over:
            return
        frame.failed[step.name] = failure
        frame.left -= 1
        path = path_of(frame, step)
        if failure.path == path:
            self.events.append(e.StepFailed(path, failure.reason))
        if frame.run is not None:
            frame.run.on_failure(frame, failure)
            return
        if all(known is not failure for known in self.failures):
            self.failures.append(failure)
        self._wake(frame, step.name, failure)
        if frame.left == 0:
            self.work.append(partial(self._frame_done, frame))

    def _wake(self, frame: Frame, name: str, failure: Failure | None) -> None:
        self._wake_takers(frame, name)
        for wake in frame.waiting.pop(name, ()):
            self.work.append(partial(wake, failure))

    def _frame_done(self, frame: Frame) -> None:
        if frame.over:
            return
        frame.over = True
        if frame.run is None:
            self.on_end()
        else:
            frame.run.on_done(frame, frame.values[frame.layout.result] if frame.layout.result else None)

    def _begin(self, frame: Frame, step: p.Step, failure: Failure | None) -> None:
        if frame.over:
            return
        if failure is not None:
            self.fail(frame, step, failure)
            return
        self.reads.attempt(frame, partial(self._begin_ready, frame, step))

    def _begin_ready(self, frame: Frame, step: p.Step) -> None:
        """Begin a step that has all that it waits for."""
        scope = Scope(self.context, frame)
        try:
            if step.when is not None and not evaluate(step.when, scope):
                if not self._whole(frame, step):
                    # If the list fails, this step fails with it, skipped or not.
                    self.wait(frame, (frame.layout.taken[step.name],), partial(self._begin, frame, step))
                    return
                other = None if step.otherwise is None else evaluate(step.otherwise, scope)
                self.settle(frame, step, other, skipped=True)
            elif isinstance(step.node, p.Value):
                self.settle(frame, step, evaluate(step.node.expr, scope))
            else:
                self.events.append(e.StepStarted(path_of(frame, step), step.node.kind))
                if isinstance(step.node, p.Ask):
                    self._begin_ask(frame, step, step.node)
                elif isinstance(step.node, p.ExternCall):
                    self._begin_extern(frame, step, step.node, scope)
                else:
                    self.begin_block(frame, step)
        except FlowrunError as error:
            self.fail(frame, step, Failure(path_of(frame, step), str(error), error))

    def _begin_ask(self, frame: Frame, step: p.Step, ask: p.Ask) -> None:
        self.calls.launch(
            frame,
            ask,
            step.options,
            path_of(frame, step),
            partial(self.settle, frame, step),
            partial(self.fail, frame, step),
            sample=sample_of(frame, step.name),
            ballot=frame.run is not None and frame.run.around.ballot,
        )

    def _begin_extern(self, frame: Frame, step: p.Step, node: p.ExternCall, scope: Scope) -> None:
        self.externs.launch(
            frame,
            node.extern,
            scope.options(node.args),
            path_of(frame, step),
            partial(self.settle, frame, step),
            partial(self.fail, frame, step),
        )


def _promised(step: p.Step, feed: Feed) -> bool:
    """Tell whether a list will keep the map's promise of `at most`, whatever elements come."""
    node = step.node
    if not isinstance(node, p.Map) or node.at_most is None:
        return True
    return feed.bound is not None and feed.bound <= node.at_most
