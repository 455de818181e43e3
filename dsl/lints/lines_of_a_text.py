"""`lines(path)` reads the file at a path, and here the path is the text of a document, or the answer of a model. For
the lines of a text write `lines_of(text)`, or the filter `lines` in a template. If the answer really is a path, write
`ignore[F0759]` in a comment on this line.

```flow bad
flow first_words(letter: document) {
  said = map line in lines(letter) { ask "Who speaks here? {{ line }}" } reduce collect
  return said
}
```

```flow good
flow first_words(letter: document) {
  said = map line in lines_of(letter) { ask "Who speaks here? {{ line }}" } reduce collect
  return said
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog
from ..checking.program import Flow, Program, Scope
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Edit, Fix
from ..syntax.children import children
from .lint import Lint
from .parts import walk


def lines_of_a_text(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    if "lines_of" not in catalog.functions:
        return []
    found = []
    for flow in program.flows:
        for expr, scope in _values(flow):
            for call in _calls(expr):
                text = call.args[0].value if call.args else None
                if isinstance(text, s.Name) and (what := _text(text, scope, typed)):
                    found.append(_finding(call, text, what))
    return found


def _values(flow: Flow) -> Iterator[tuple[s.Expr, Scope]]:
    """Yield the values in a flow that are lists to map over, or steps of their own, with their scopes."""
    yield from ((returned.value, flow.scope) for returned in flow.decl.returns)
    for step in walk(flow):
        node = step.line.node
        source = s.source_of(node)
        if source is not None:
            yield source, step.scope
        elif not isinstance(node, (s.Ask, s.Map, s.Repeat, s.Fanout, s.Chain, s.Match, s.Rounds, s.Cascade)):
            yield node, step.scope


def _calls(expr: s.Expr) -> Iterator[s.Call]:
    todo: list[s.Expr | s.Ask] = [expr]
    while todo:
        one = todo.pop()
        if isinstance(one, s.Ask):
            continue
        if isinstance(one, s.Call) and one.prefix is None and one.function.text == "lines":
            yield one
        todo.extend(children(one))


def _text(name: s.Name, scope: Scope, typed: Typed) -> str:
    """Tell what text a name has: "a document" or "an answer". "" if it may be a path."""
    symbol = scope.lookup(name.word.text)
    if symbol is None:
        return ""
    step = symbol.step if symbol.kind in ("step", "branch") else None
    if step is not None and isinstance(step.line.node, s.Ask):
        return "an answer"
    return "a document" if t.unwrapped(typed.type_of(symbol)) == t.DOCUMENT else ""


def _finding(call: s.Call, text: s.Name, what: str) -> Diagnostic:
    change = Fix("write `lines_of`", (Edit(call.function.span, "lines_of"),), safe=False)
    return Diagnostic(
        "F0759",
        f"`lines` reads a file, and `{text.word.text}` is the text of {what}",
        text.span,
        note="the text is taken for the path of a file, and the step fails if there is none",
        help=f"for the lines of the text write `lines_of({text.word.text})`",
        fix=change if call.args[0].name is None else None,
    )


LINT = Lint("F0759", lines_of_a_text)
