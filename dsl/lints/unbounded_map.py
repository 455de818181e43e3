"""A model wrote the list of this map, each element costs a call, and nothing limits their number. A model that lists
five findings today may list five hundred tomorrow. Write the most elements that you would pay for,
`map … at most 50`, or in the type of the answer, `-> [text](0..50)`, or give the flow a budget, `budget 400 calls`.
More elements are then an error before any of these calls is made. A list that exists before the first call is no
problem, such as a parameter, a file, or the pieces that `split` cuts from one of them: `flowrun plan` reads it and
counts the calls.

```flow bad
flow review(contract: document) {
  findings = ask "Which clauses are risky? {{ contract }}" -> [text]
  advice = map finding in findings {
    ask "How would you soften this? {{ finding }}"
  } reduce collect
  return advice
}
```

```flow good
flow review(contract: document) {
  findings = ask "Which clauses are risky? {{ contract }}" -> [text]
  advice = map finding in findings at most 50 {
    ask "How would you soften this? {{ finding }}"
  } reduce collect
  return advice
}
```
"""

from __future__ import annotations

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..checking.intervals import Intervals
from ..checking.program import Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from .lengths import Lengths
from .lint import Lint
from .parts import Costs, walk


def unbounded_map(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    costs = Costs(program, catalog)
    types = Intervals(typed.folding, typed.type_of)
    lengths = Lengths(catalog.functions, typed)
    found = []
    for flow in program.flows:
        for step in walk(flow) if flow.decl.budget is None else ():
            node = step.line.node
            if not isinstance(node, s.Map) or node.at_most is not None:
                continue
            pays = node.reduce.count is not None or any(costs.pays(inner) for inner in step.steps)
            limited = t.lengths(types.type_of(node.source, step.scope))[1] is not None
            if pays and not limited and lengths.open(node.source, step.scope):
                found.append(_finding(node))
    return found


def _finding(node: s.Map) -> Diagnostic:
    return Diagnostic(
        "F0710",
        "an answer of a model decides how many calls this map makes",
        node.source.span,
        note="the model decides the length of the list, and each element costs money",
        help=f"write the greatest number that you want to pay for, `map {node.element.text} in … at most 50 {{ … }}`, "
        "give the list a greatest length, `-> [text](1..50)`, or give the flow a budget, `budget 400 calls`",
    )


LINT = Lint("F0710", unbounded_map)
