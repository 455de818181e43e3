"""`same` tells which answers of a vote say the same. Answers of a few words, numbers, and `true` and `false` need no
model for that: a vote counts equal ones as one. The questions only cost money, and may give a wrong answer. Leave
`same` out.

```flow bad
flow is_spam(email: text) {
  verdict = repeat 5 {
    ask "Is this spam? {{ email }}" -> YES | NO
  } reduce majority(same: ask "Do these say the same? {{ a }} {{ b }}" -> yes | no)
  return verdict
}
```

```flow good
flow is_spam(email: text) {
  verdict = repeat 5 {
    ask "Is this spam? {{ email }}" -> YES | NO
  } reduce majority
  return verdict
}
```
"""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..checking.comparing import compared
from ..checking.program import Program
from ..checking.reducer_arguments import is_same
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import votes


def idle_same(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for step, node in votes(program, catalog):
        same = next(filter(is_same, node.reduce.args), None)
        if same is None or same.name is None:
            continue
        results = step.steps if isinstance(node, s.Fanout) else step.steps[-1:]
        item = t.join(typed.steps.get(one, t.UNKNOWN) for one in results)
        type_ = compared(node.reduce, catalog.reducers[node.reduce.rule.text].params, item)
        if isinstance(type_, t.Choice | t.Range) or type_ in (t.BOOL, t.INT, t.NUMBER):
            said = f"these answers are {t.show(type_)}, and a vote counts equal ones as one without a question"
            note = "each question costs money, and may get a wrong answer"
            found.append(
                Diagnostic(
                    "F0768",
                    said,
                    same.name.span,
                    note=note,
                    help="delete `same`",
                )
            )
    return found


LINT = Lint("F0768", idle_same, near=True)
