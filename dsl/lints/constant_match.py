"""The value of a `match` is the same in every run, so one branch always runs and the others never do. Match a value
that comes from a step or a parameter, or write only the step of this branch.

```flow bad
flow support(mail: text) {
  urgent = false
  reply = match urgent {
    true = ask "Answer at once: {{ mail }}"
    false = ask "Answer when there is time: {{ mail }}"
  }
  return reply
}
```

```flow good
flow support(mail: text, urgent: bool) {
  reply = match urgent {
    true = ask "Answer at once: {{ mail }}"
    false = ask "Answer when there is time: {{ mail }}"
  }
  return reply
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.origins import origins
from ..checking.program import Program
from ..checking.static_values import StaticValue
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import walk


def constant_match(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0750",
            "this match takes the same branch in every run",
            node.value.span,
            labels=origins(node.value, step.scope, typed.folding),
            note="the other branches never run",
            help="match a value that comes from a step or a parameter, or write only the step of this branch",
        )
        for flow in program.flows
        for step in walk(flow)
        if isinstance(node := step.line.node, s.Match)
        and isinstance(typed.folding.value(node.value, step.scope), StaticValue)
    ]


LINT = Lint("F0750", constant_match, near=True)
