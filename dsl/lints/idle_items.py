"""Sample after sample of a panel takes the next item of its list, and begins again behind the last one. So `repeat 2`
takes two items, and the items behind them are never asked. Take at least as many samples as there are items, or
delete the other items. A panel that stops early may leave items out, too: that is no mistake, and the tally tells who
was asked.

```flow bad
model small = "openai:gpt-4o-mini"
model other = "openai:gpt-4.1-nano"
model third = "openai:gpt-4.1-mini"

flow label(mail: text) {
  spam = repeat 2 over m in [small, other, third] {
    ask m "Is this spam? {{ mail }}" -> yes | no
  } reduce majority(ties: first)
  return spam
}
```

```flow good
model small = "openai:gpt-4o-mini"
model other = "openai:gpt-4.1-nano"
model third = "openai:gpt-4.1-mini"

flow label(mail: text) {
  spam = repeat 3 over m in [small, other, third] {
    ask m "Is this spam? {{ mail }}" -> yes | no
  } reduce majority
  return spam
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.origins import origins
from ..checking.panels import items_of
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from .lint import Lint
from .parts import blocks


def idle_items(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for step, node in blocks(program):
        if not isinstance(node, s.Repeat) or node.over is None or node.most.unit:
            continue
        count, most = items_of(step, typed.folding), node.most.value
        if count is None or not count > most >= 1:
            continue
        left = count - int(most)
        found.append(
            Diagnostic(
                "F0764",
                f"{left} of these {count} items never {'gets' if left == 1 else 'get'} a sample",
                node.over.span,
                labels=(
                    Label(node.most.span, f"at most {most} {'sample' if most == 1 else 'samples'}"),
                    *origins(node.over, step.scope, typed.folding),
                ),
                note=f"sample after sample takes the next item, so {most} samples take the first {most} of {count}",
                help=f"write `repeat {_least(node)}{count}`, or delete items",
            )
        )
    return found


def _least(node: s.Repeat) -> str:
    return "" if node.least.digits == node.most.digits else f"{node.least.digits}.."


LINT = Lint("F0764", idle_items)
