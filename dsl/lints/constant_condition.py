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

_NOTES = {
    ("when", True): "the step always runs, and its calls are paid for in every run",
    ("when", False): "the step never runs, and its value is missing in every run",
    ("where", True): "every element passes in every run",
    ("where", False): "no element passes in any run",
}


def constant_condition(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    for flow in program.flows:
        for step in walk(flow):
            if step.line.when:
                found += _finding(step.line.when.condition, step.scope, typed, "when")
            node = step.line.node
            if isinstance(node, s.Map) and node.where is not None:
                found += _finding(node.where, step.inner or step.scope, typed, "where")
    return found


def _finding(condition: s.Expr, scope: Scope, typed: Typed, clause: str) -> list[Diagnostic]:
    value = typed.folding.value(condition, scope)
    if not isinstance(value, StaticValue):
        return []
    return [
        Diagnostic(
            "F0713",
            f"this `{clause}` has the same value in every run",
            condition.span,
            labels=origins(condition, scope, typed.folding),
            note=_NOTES[clause, bool(value.value)],
            help="compare a value that comes from a step or a parameter, or delete the condition"
            + ("" if value.value else " together with its step"),
        )
    ]


LINT = Lint("F0713", constant_condition, near=True)
