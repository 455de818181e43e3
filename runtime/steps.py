"""The life of a step: it waits for what it mentions, begins, and is finished or failed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from flowrun.dsl import plan as p

from . import events as e
from .calls import Calls, sample_of
from .decisions import Failure
from .errors import FlowrunError
from .extern_calls import ExternCalls
from .frames import Frame, Wake
from .scopes import Context, Scope, path_of
from .values import evaluate

Json = Any


class Steps:
    """Runs the steps of frames. What comes next is put on ``work``, so nothing here grows the stack.

    ``begin_block`` is told of a block or a flow call that may begin; ``on_end`` when the last step of the flow is over.
    """

    def __init__(self, context: Context, calls: Calls, externs: ExternCalls, events: list[e.Event]) -> None:
        self.context = context
        self.calls = calls
        self.externs = externs
        self.events = events
        self.work: deque[Callable[[], None]] = deque()
        self.begin_block: Callable[[Frame, p.Step], None]
        self.on_end: Callable[[], None]
        self.failures: list[Failure] = []

    def open(self, frame: Frame) -> None:
        """Start the steps of a frame, each as soon as what it needs is there."""
        frame.left = len(frame.layout.steps)
        if not frame.left:
            self.work.append(partial(self._frame_done, frame))
        for step in frame.layout.steps:
            self.wait(frame, _first_needs(step), partial(self._begin, frame, step))

    def wait(self, frame: Frame, needs: Iterable[str], then: Wake) -> None:
        """Call ``then`` once: when all the needed steps are finished, or with the first failure among them."""
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

    def settle(self, frame: Frame, step: p.Step, value: Json, *, skipped: bool = False) -> None:
        """A step has its value."""
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
        """A step will have no value. A block around it decides what that means; else its dependants fail too."""
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
        scope = Scope(self.context, frame)
        try:
            if step.when is not None and not evaluate(step.when, scope):
                other = None if step.otherwise is None else evaluate(step.otherwise, scope)
                self.settle(frame, step, other, skipped=True)
            elif isinstance(step.node, p.Value):
                self.settle(frame, step, evaluate(step.node.expr, scope))
            else:
                self.events.append(e.StepStarted(path_of(frame, step), step.node.kind))
                if isinstance(step.node, p.Ask):
                    self._begin_ask(frame, step, step.node, scope)
                elif isinstance(step.node, p.ExternCall):
                    self._begin_extern(frame, step, step.node, scope)
                else:
                    self.begin_block(frame, step)
        except FlowrunError as error:
            self.fail(frame, step, Failure(path_of(frame, step), str(error), error))

    def _begin_ask(self, frame: Frame, step: p.Step, ask: p.Ask, scope: Scope) -> None:
        self.calls.launch(
            frame,
            ask,
            scope.options(step.options),
            path_of(frame, step),
            partial(self.settle, frame, step),
            partial(self.fail, frame, step),
            sample=sample_of(frame, step.name),
            ballot=_in_vote(frame),
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


def _first_needs(step: p.Step) -> tuple[str, ...]:
    """What a step waits for before it begins, a rule's arguments too: an ask or extern that reduces waits by itself."""
    node = step.node
    if not isinstance(node, (p.Map, p.Repeat, p.Fanout)):
        return step.needs
    if node.reduce.ask is not None or node.reduce.extern is not None:
        return step.needs
    return (*step.needs, *node.reduce.needs)


def _in_vote(frame: Frame) -> bool:
    """Whether a call of this frame is a ballot, also as a part of a chain.

    One inside a called flow is not: a flow promises an answer of its type wherever it is called, so it asks again for
    a malformed one, and what it returns is the ballot. One that fails all the same is discarded.
    """
    run = frame.run
    while run is not None and isinstance(run.step.node, p.Chain):
        run = run.frame.run
    return run is not None and run.votes
