"""A map names the place of its elements, `map part, i in …`, and nothing mentions this name. Mention it in the body or
in the `where`, or delete it.

```flow bad
flow label(mails: [text]) {
  labels = map mail, i in mails {
    ask "Is this spam? {{ mail }}" -> YES | NO
  } reduce collect
  return labels
}
```

```flow good
flow label(mails: [text]) {
  labels = map mail, i in mails {
    label = ask "Is this spam? {{ mail }}" -> YES | NO
    { number: i, label }
  } reduce collect
  return labels
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
from .parts import blocks, mentions


def unused_place(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    used = {
        mention.symbol.step
        for flow in program.flows
        for mention in mentions(flow)
        if mention.symbol and mention.symbol.kind == "index"
    }
    return [
        Diagnostic(
            "F0757",
            f"nothing mentions the place `{node.index.text}`",
            node.index.span,
            help=f"mention `{node.index.text}` in the body, or delete it: `map {node.element.text} in …`",
        )
        for step, node in blocks(program)
        if isinstance(node, s.Map) and node.index is not None and step not in used
    ]


LINT = Lint("F0757", unused_place, near=True)
