"""`weight` says how blocks share a budget that may not reach for all their votes. It needs a vote over the samples of a
`repeat`, in the block or in a flow that it calls. Other calls are made as they come, whatever they weigh. Leave the
weight out.

```flow bad
flow notes(mails: [text]) budget 100 calls {
  notes = map mail in mails {
    ask "Sum up: {{ mail }}"
  } reduce collect with weight: 2
  return notes
}
```

```flow good
flow labels(mails: [text]) budget 100 calls {
  labels = map mail in mails {
    repeat 1..9 { ask "Is this spam? {{ mail }}" -> YES | NO } reduce ahead(2, undecided: first)
  } reduce collect with weight: 2
  return labels
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lint import Lint
from .parts import blocks, option, rule_of


def idle_weight(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for step, _ in blocks(program):
        weight = option(step.line.options, "weight")
        if weight is not None and not _votes(step, catalog):
            found.append(
                Diagnostic(
                    "F0766",
                    "`weight` has no effect here: this block has no vote over samples",
                    weight.span,
                    note="only votes over the samples of a `repeat` share a budget by their weights",
                    help="delete `weight`",
                )
            )
    return found


def _votes(step: Step, catalog: Catalog) -> bool:
    """Tell whether a step is or has a vote over samples. A call of a flow may have one."""
    todo = [step]
    while todo:
        one = todo.pop()
        node = one.line.node
        if isinstance(node, s.Repeat) and (rule := rule_of(node, catalog)) is not None and rule.votes:
            return True
        if isinstance(node, s.Call):
            return True
        todo.extend(one.steps)
    return False


LINT = Lint("F0766", idle_weight)
