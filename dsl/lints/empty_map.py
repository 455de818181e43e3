"""The file alone decides that this list is empty, so the body of the map never runs. Put something into the list, or
delete the map.

```flow bad
flow check(email: text) {
  questions = []
  answers = map question in questions {
    ask "{{ question }} {{ email }}"
  } reduce collect
  return answers
}
```

```flow good
flow check(email: text) {
  questions = ["Is it polite?", "Is it clear?"]
  answers = map question in questions {
    ask "{{ question }} {{ email }}"
  } reduce collect
  return answers
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
from .parts import blocks


def empty_map(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for step, node in blocks(program):
        if not isinstance(node, s.Map):
            continue
        source = typed.folding.value(node.source, step.scope)
        if isinstance(source, StaticValue) and source.value == []:
            found.append(
                Diagnostic(
                    "F0729",
                    "this list is empty in every run, so the map makes no calls",
                    node.source.span,
                    labels=origins(node.source, step.scope, typed.folding),
                    note="the value of the map is the reducer's value for an empty list",
                    help="put an element into the list, or delete the map",
                )
            )
    return found


LINT = Lint("F0729", empty_map)
