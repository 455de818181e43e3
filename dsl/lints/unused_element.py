"""A `map` runs its body once for each element, but this body never mentions the element. So every call asks the same,
and no answer depends on its element. Mention the element in the prompt. To ask the same question several times, write
`repeat`. The body of a panel, `repeat N over item in LIST`, must mention its item, too.

```flow bad
flow label(mails: [text], rules: text) {
  labels = map mail in mails {
    ask "Is this spam by these rules? {{ rules }}" -> YES | NO
  } reduce collect
  return labels
}
```

```flow good
flow label(mails: [text], rules: text) {
  labels = map mail in mails {
    ask "Is this spam by these rules? {{ rules }} {{ mail }}" -> YES | NO
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
from ..diagnostics import Diagnostic, Edit, Fix
from ..source import Span
from .lint import Lint
from .parts import Costs, blocks, mentions


def unused_element(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    # A `where` is no part of the body: its mentions are the map's own.
    used = {
        mention.symbol.step
        for flow in program.flows
        for mention in mentions(flow)
        if mention.symbol and mention.symbol.kind in ("element", "index") and mention.step is not mention.symbol.step
    }
    costs = Costs(program, catalog)
    found = []
    for step, node in blocks(program):
        if isinstance(node, s.Map) and step.steps and step not in used:
            name = node.element.text
            pays = any(costs.pays(inner) for inner in step.steps)
            found.append(
                Diagnostic(
                    "F0702",
                    f"the body never mentions `{name}`: each {'call' if pays else 'value'} is the same",
                    node.element.span,
                    note="the flow pays for the same prompt once for each element" if pays else "",
                    help=f"insert it in the prompt, `{{{{ {name} }}}}`; to send the same prompt N times write "
                    f"`repeat N`"
                    if pays
                    else f"mention `{name}` in the body",
                )
            )
        elif isinstance(node, s.Repeat) and node.element is not None and step.steps and step not in used:
            found.append(_of_panel(node, node.element))
    return found


def _of_panel(node: s.Repeat, element: s.Word) -> Diagnostic:
    end = node.most.span.end
    clause = Span(node.span.source, end, node.over.span.end if node.over is not None else end)
    return Diagnostic(
        "F0702",
        f"the body never mentions `{element.text}`: each item of the panel gives the same sample",
        element.span,
        note="a panel asks different models, or asks in different words",
        help=f"mention `{element.text}` in the body, or delete `{' '.join(clause.text.split())}`",
        fix=Fix(f"delete `over {element.text} in …`", (Edit(clause, ""),), safe=False),
    )


LINT = Lint("F0702", unused_element, near=True)
