"""A repeat of one asks once, and its reducer has one answer to choose from. The step says the same without the
block. For a vote take 3 or 5.

```flow bad
flow is_spam(email: text) {
  verdict = repeat 1 {
    ask "Is this spam? {{ email }}" -> YES | NO
  } reduce majority
  return verdict
}
```

```flow good
flow is_spam(email: text) {
  verdict = ask "Is this spam? {{ email }}" -> YES | NO
  return verdict
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


def single_repeat(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0706",
            "this repeat makes a single call",
            node.most.span,
            note="its reducer has a single answer to choose from",
            help="write the step without `repeat`, or ask 3 or 5 times",
        )
        for _, node in blocks(program)
        if isinstance(node, s.Repeat) and node.most.value == 1
    ]


LINT = Lint("F0706", single_repeat, near=True)
