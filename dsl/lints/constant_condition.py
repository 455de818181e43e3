"""This condition has the same value in every run. So the step always runs and is always paid, or it never runs.
Compare a parameter or the value of a step, or delete the condition. To switch a step off for a while, delete it too, or
put it in a comment.

```flow bad
flow reply(email: text) {
  mood = ask "Is the writer angry? {{ email }}" -> bool
  calm = ask "Write a calming reply: {{ email }}" when true
  return { mood, calm }
}
```

```flow good
flow reply(email: text) {
  mood = ask "Is the writer angry? {{ email }}" -> bool
  calm = ask "Write a calming reply: {{ email }}" when mood
  return { mood, calm }
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.origins import origins
from ..checking.program import Program, Scope
from ..checking.static_values import StaticValue
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import walk


def constant_condition(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    for flow in program.flows:
        for step in walk(flow):
            if step.line.when:
                found += _finding(step.line.when.condition, step.scope, typed, "when", "the step")
            node = step.line.node
            if isinstance(node, s.Map) and node.where is not None:
                found += _finding(node.where, step.inner or step.scope, typed, "where", "each element")
    return found


def _finding(condition: s.Expr, scope: Scope, typed: Typed, clause: str, what: str) -> list[Diagnostic]:
    value = typed.folding.value(condition, scope)
    if not isinstance(value, StaticValue):
        return []
    told = f"{what} is always taken" if value.value else f"{what} is never taken"
    return [
        Diagnostic(
            "F0713",
            f"this `{clause}` is the same every time",
            condition.span,
            labels=origins(condition, scope, typed.folding),
            note=f"{told}, and what hangs on it is paid for, or missing, in every run",
            help="compare something that a step or a parameter says, or delete the condition"
            + ("" if value.value else " together with what it keeps from running"),
        )
    ]


LINT = Lint("F0713", constant_condition, near=True)
