"""`first` takes the answer that comes first. A batch API may take up to 24 hours, so a branch that asks one hardly ever
wins against a branch that asks live, and its line is paid all the same. Ask all branches live, or combine their
answers in another way.

```flow bad
model cheap = "openai:gpt-5.4-mini" with batch: true
model quick = "anthropic:claude-haiku-4-5"

flow title(essay: text) {
  best = fanout {
    one = ask cheap "A title for this: {{ essay }}"
    two = ask quick "A title for this: {{ essay }}"
  } reduce first
  return best
}
```

```flow good
model cheap = "openai:gpt-5.4-mini"
model quick = "anthropic:claude-haiku-4-5"

flow title(essay: text) {
  best = fanout {
    one = ask cheap "A title for this: {{ essay }}"
    two = ask quick "A title for this: {{ essay }}"
  } reduce first
  return best
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from .idle_batch_option import batch_models, batch_of
from .lint import Lint
from .parts import blocks


def batch_race(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    models = batch_models(program)
    found = []
    for step, node in blocks(program):
        if node.reduce.ask is not None or node.reduce.rule.text != "first":
            continue
        for inner in step.steps:
            for one in inner.walk():
                ask, batch = one.line.node, batch_of(one.line.node, one.line.options, one.scope, models)
                if batch is not None and isinstance(ask, s.Ask):
                    found.append(_finding(ask.model, node, batch))
    return found


def _finding(model: s.Expr | None, node: s.Fanout | s.Map | s.Repeat, batch: s.Option) -> Diagnostic:
    return Diagnostic(
        "F0774",
        "a batch API takes up to 24 hours, and `first` takes the answer that comes first",
        batch.name.span if model is None else model.span,
        labels=(
            Label(node.reduce.rule.span, "the race"),
            Label(batch.name.span, "this model is asked through its batch API"),
        ),
        note="a line that loses the race is paid all the same",
        help="ask this model live in the race, or use another reducer",
    )


LINT = Lint("F0774", batch_race)
