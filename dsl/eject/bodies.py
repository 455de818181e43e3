"""The steps of a body: one after another if each needs the one before, or else side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from .. import plan as p
from .asks import Asks
from .expressions import Expressions
from .output import Output
from .problems import EjectError
from .scopes import Scope


class WritesBlocks(Protocol):
    """The writer of steps that hold others."""

    def write(self, step: p.Step, scope: Scope, variable: str) -> None:
        """Write the lines that give a variable the value of a block or of a call."""


class Bodies:
    """The writer of bodies. ``blocks`` writes the steps that hold others."""

    blocks: WritesBlocks

    def __init__(self, out: Output, models: Mapping[str, p.Model]) -> None:
        self.out = out
        self.expressions = Expressions(out)
        self.asks = Asks(out, self.expressions, models)

    def body(self, steps: Sequence[p.Step], scope: Scope) -> None:
        """Write the steps into a scope, which then sees their values."""
        ordered = in_order(steps)
        for step in steps:
            self.tallied(step, scope)
        if in_line(ordered):
            for step in ordered:
                variable = self.variable(step, scope)
                self._wait(step, scope)
                self.step(step, scope, variable)
                scope.values[step.name] = variable
            return
        tasks = []
        for step in ordered:
            variable = self.variable(step, scope)
            function, task = scope.flow.free(f"do_{variable}"), scope.flow.free(f"{variable}_task")
            inner = scope.inner()
            self._wait(step, inner)
            self.step(step, inner, variable)
            scope.lines += defined(f"async def {function}() -> Any:", [*inner.lines, f"return {variable}"])
            scope.lines.append(f"{task} = {self.out.use('start')}({function}())")
            scope.tasks[step.name] = (variable, task)
            tasks.append(task)
        scope.lines.append(f"await {self.out.use('ended')}([{', '.join(tasks)}])")

    def tallied(self, step: p.Step, scope: Scope) -> None:
        """Make the list for the vote of a step, if the flow reads the account of the vote."""
        if isinstance(step.node, p.Map | p.Repeat | p.Fanout) and step.node.reduce.tallied:
            scope.tallies[step.name] = name = scope.flow.free(f"{self.variable(step, scope)}_votes")
            scope.lines.append(f"{name}: list[Any] = []")
            if isinstance(step.node, p.Repeat) and (step.node.least < step.node.most or step.node.over is not None):
                # Its account also has what programs do not count: the samples that it stands against, or who said what.
                self.out.adaptive.add(name)

    def variable(self, step: p.Step, scope: Scope) -> str:
        """Return the Python variable of a step."""
        return scope.flow.free("answer") if step.name.startswith("#") else scope.flow.own(step.name)

    def _wait(self, step: p.Step, scope: Scope) -> None:
        for name in step.needs:
            scope.look(name)

    def step(self, step: p.Step, scope: Scope, variable: str) -> None:
        """Write the lines that give a variable the value of a step."""
        self.expressions.line = line = step.line or self.expressions.line
        try:
            self._written(step, scope, variable)
        except EjectError as error:
            error.line = error.line or line
            raise

    def _written(self, step: p.Step, scope: Scope, variable: str) -> None:
        if step.when is None:
            self._node(step, scope, variable)
            return
        condition = self.expressions.write(step.when, scope)
        inner = scope.inner()
        self._node(step, inner, variable)
        other = "None" if step.otherwise is None else self.expressions.write(step.otherwise, scope)
        scope.lines += [f"{variable} = {other}", *defined(f"if {condition}:", inner.lines)]

    def _node(self, step: p.Step, scope: Scope, variable: str) -> None:
        node = step.node
        if isinstance(node, p.Value):
            written = self.expressions.write(node.expr, scope)
        elif isinstance(node, p.Ask):
            written = self.asks.write(node, step.options, scope, variable)
        else:
            self.blocks.write(step, scope, variable)
            return
        scope.lines.append(f"{variable} = {written}")


def defined(head: str, lines: Sequence[str]) -> list[str]:
    """Return a statement with lines inside it."""
    return [head, *(f"    {line}" if line else line for line in (lines or ["pass"]))]


def in_order(steps: Sequence[p.Step]) -> list[p.Step]:
    """Return the steps of a body, each behind those that it needs, and otherwise in the order of the file."""
    by_name = {step.name: step for step in steps}
    done: dict[str, p.Step] = {}
    while len(done) < len(steps):
        ready = [one for one in steps if one.name not in done and all(need in done for need in needs(one, by_name))]
        done[ready[0].name] = ready[0]
    return list(done.values())


def needs(step: p.Step, by_name: Mapping[str, p.Step]) -> list[str]:
    """Return the steps of the same body that a step needs, also for the steps inside it."""
    found = list(step.needs)
    if step.block is not None:
        found += [name for one in p.walk_steps(step.block.steps) for name in one.needs]
        for one in (step, *p.walk_steps(step.block.steps)):
            if isinstance(one.node, p.Map | p.Repeat | p.Fanout):
                found += one.node.reduce.needs
    return [name for name in found if name in by_name and name != step.name]


def in_line(ordered: Sequence[p.Step]) -> bool:
    """Tell whether each step needs the one before it before it begins, so that none can run beside another."""
    reach: set[str] = set()
    for step in ordered:
        if reach and not reach <= set(step.needs) | _above(step, ordered):
            return False
        reach.add(step.name)
    return True


def _above(step: p.Step, ordered: Sequence[p.Step]) -> set[str]:
    by_name = {one.name: one for one in ordered}
    found: set[str] = set()
    todo = list(step.needs)
    while todo:
        name = todo.pop()
        if name in by_name and name not in found:
            found.add(name)
            todo += by_name[name].needs
    return found
