"""The condition of a stage mentions nothing of the stage before. So the cascade goes on whatever the cheap stage said,
and where the condition holds, that stage is paid for nothing. Mention `agreement`, `margin` or `sure`, or the value of
the stage before, `last`. To choose between two stages before any of them runs write a `match`.

```flow bad
model cheap  = "openai:gpt-4o-mini"
model strong = "openai:gpt-4o"

flow label(mail: text, careful: bool) {
  kind = cascade {
    repeat 3 { ask cheap "Spam? {{ mail }}" -> spam | fine } reduce majority
    else ask strong "Spam? {{ mail }}" -> spam | fine when careful
  }
  return kind
}
```

```flow good
model cheap  = "openai:gpt-4o-mini"
model strong = "openai:gpt-4o"

flow label(mail: text, careful: bool) {
  kind = cascade {
    repeat 3 { ask cheap "Spam? {{ mail }}" -> spam | fine } reduce majority
    else ask strong "Spam? {{ mail }}" -> spam | fine when careful and agreement < 1
  }
  return kind
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.cascade_names import tells_of_before
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from .lint import Lint
from .parts import walk


def unrelated_stage(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0765",
            "this condition says nothing of the stage before",
            stage.line.when.condition.span,
            labels=(Label(before.line.node.span, "the stage before"),),
            note="where it holds, the stage before is paid for nothing",
            help="mention `agreement`, `margin`, `sure` or `last`; to choose a stage beforehand write a `match`",
        )
        for flow in program.flows
        for step in walk(flow)
        if isinstance(step.line.node, s.Cascade)
        for before, stage in zip(step.steps, step.steps[1:], strict=False)
        if stage.line.when is not None and not tells_of_before(stage)
    ]


LINT = Lint("F0765", unrelated_stage, near=True)
