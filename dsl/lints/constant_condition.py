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
from ..checking.round_names import blind, mentions_until
from ..checking.static_values import StaticValue
from ..checking.typed import Typed
from ..checking.verdicts import Verdicts
from ..diagnostics import Diagnostic
from ..syntax.children import children
from .lint import Lint
from .parts import walk

_NOTES = {
    ("when", True): "the step always runs, and its calls are paid for in every run",
    ("when", False): "the step never runs, and its value is missing in every run",
    ("where", True): "every element passes in every run",
    ("where", False): "no element passes in any run",
    ("until", True): "the first round is always good enough, so there is never a second one",
    ("until", False): "no round is ever good enough, so all of them are paid for in every run",
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
            elif isinstance(node, s.Rounds) and blind(step, node, mentions_until(step, node)) is None:
                scope = step.until_scope or step.scope
                found += _constant(node.until, scope, typed, "until", Verdicts(typed).of(node.until, scope))
    return found


def _finding(condition: s.Expr, scope: Scope, typed: Typed, clause: str) -> list[Diagnostic]:
    found = typed.folding.value(condition, scope)
    value = bool(found.value) if isinstance(found, StaticValue) else _of_lengths(condition, scope, typed)
    return _constant(condition, scope, typed, clause, value)


def _constant(condition: s.Expr, scope: Scope, typed: Typed, clause: str, value: bool | None) -> list[Diagnostic]:
    if value is None:
        return []
    return [
        Diagnostic(
            "F0713",
            f"this `{clause}` has the same value in every run",
            condition.span,
            labels=origins(condition, scope, typed.folding),
            note=_NOTES[clause, value],
            help="compare a value that comes from a step or a parameter, or delete the condition"
            + ("" if value or clause == "until" else " together with its step"),
        )
    ]


def _of_lengths(condition: s.Expr, scope: Scope, typed: Typed) -> bool | None:
    """Return the value of a condition on lengths that the limits of types decide. None for any other condition."""
    todo: list[s.Expr | s.Ask] = [condition]
    while todo:
        one = todo.pop()
        if isinstance(one, s.Call) and one.function.text == "length":
            return Verdicts(typed).of(condition, scope)
        todo += [] if isinstance(one, s.Ask) else children(one)
    return None


LINT = Lint("F0713", constant_condition, near=True)
