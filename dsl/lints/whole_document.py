"""A text is cut into pieces so that each call reads one piece. But the whole text is sent along with each piece. A text
of forty pieces is then paid forty times. If every piece needs some knowledge of the whole, sum it up once in a step
before the map, and mention that step. If each call really needs the whole text, write `ignore[F0722]` in a comment on
this line.

```flow bad
flow review(contract: document) {
  notes = map clause in split(contract, by: heading) {
    ask "Is this clause fair? {{ clause }} It is from this contract: {{ contract }}"
  } reduce collect
  return notes
}
```

```flow good
flow review(contract: document) {
  outline = ask "Sum up this contract in five lines: {{ contract }}"
  notes = map clause in split(contract, by: heading) {
    ask "Is this clause fair? {{ clause }} It is from this contract: {{ outline }}"
  } reduce collect
  return notes
}
```
"""

from __future__ import annotations

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Program, Scope, Step, Symbol
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Label
from .lint import Lint
from .parts import blocks


def whole_document(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    found = []
    for block, node in blocks(program):
        cut = _cut(node.source, block.scope) if isinstance(node, s.Map) else None
        if cut is None:
            continue
        inside = [step for inner in block.steps for step in inner.walk()]
        asks = [step for step in inside if isinstance(step.line.node, s.Ask)]
        whole = next((m for step in asks for m in step.mentions if m.symbol is cut), None)
        if whole is not None and isinstance(node, s.Map):
            found.append(
                Diagnostic(
                    "F0722",
                    f"each piece of `{cut.name}` is sent together with the whole text",
                    node.source.span,
                    labels=(Label(whole.span, "each prompt contains the whole text"),),
                    note="the flow pays for the tokens of the whole text once for each piece",
                    help=f"mention only `{node.element.text}`; if each piece needs the context, write a "
                    "summary once before the map",
                )
            )
    return found


def _cut(source: s.Expr, scope: Scope) -> Symbol | None:
    """Return the text from which a list of pieces is cut, by this expression or by the step that it names.

    None if the list is not cut from a text.
    """
    if isinstance(source, s.Name):
        pieces = scope.lookup(source.word.text)
        step: Step | None = pieces.step if pieces is not None and pieces.kind == "step" else None
        if step is None or not isinstance(step.line.node, s.Call):
            return None
        source, scope = step.line.node, step.scope
    if not isinstance(source, s.Call) or source.prefix is not None or source.function.text != "split":
        return None
    text = source.args[0].value if source.args else None
    return scope.lookup(text.word.text) if isinstance(text, s.Name) else None


LINT = Lint("F0722", whole_document)
