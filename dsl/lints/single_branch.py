"""A fan-out is for different questions side by side, and this one has only one branch. Nothing runs beside it,
so the block and its reducer only make the flow longer to read. Write the step alone, or add the branches that
are missing.

```flow bad
flow weigh(plan: text) {
  views = fanout {
    pro = ask "What speaks for this? {{ plan }}"
  } reduce collect
  return views.pro
}
```

```flow good
flow weigh(plan: text) {
  pro = ask "What speaks for this? {{ plan }}"
  return pro
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import blocks


def single_branch(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0703",
            "a fanout of one branch runs nothing side by side",
            step.steps[0].span,
            note="the reducer has a single result to combine: an ask as a reducer is an extra call"
            if node.reduce.ask is not None
            else "",
            help="write the step without the fanout, or add the other branches",
        )
        for step, node in blocks(program)
        if isinstance(node, s.Fanout) and len(step.steps) == 1
    ]


LINT = Lint("F0703", single_branch, near=True)
