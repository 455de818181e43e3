"""Line ends mean nothing. So a `-` or a `(` that begins a line goes on with the line before it: `a` and then `- b` is
`a - b`. If a value of its own was meant, give it a name. If the two lines are one value, write the sign at the end of
the first line, or indent the second.

```flow bad
flow losses(prices: [int]) {
  found = map price in prices {
    double = price * 2
    -price
  } reduce collect
  return found
}
```

```flow good
flow losses(prices: [int]) {
  found = map price in prices {
    double = price * 2
    loss = -price
  } reduce collect
  return found
}
```
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Flow, Program
from ..checking.typed import Typed
from ..diagnostics import Diagnostic
from ..source import Span
from ..syntax.children import children
from .lint import Lint
from .parts import walk


def broken_line(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        Diagnostic(
            "F0753",
            f"this `{sign.text}` goes on with the line before it",
            sign,
            note="line ends mean nothing, so the two lines are one value",
            help=f"for a value of its own write `name = {sign.text}…`; otherwise indent this line",
        )
        for flow in program.flows
        for node, line in _values(flow)
        for sign in _signs(node)
        if sign.column == line.column and sign.line > line.line
    ]


def _values(flow: Flow) -> Iterator[tuple[s.Node, Span]]:
    """Yield the nodes of a flow's lines and its returned values, each with its line."""
    yield from ((step.line.node, step.line.span) for step in walk(flow))
    yield from ((returned.value, returned.span) for returned in flow.decl.returns)


def _signs(node: s.Node) -> Iterator[Span]:
    """Yield the signs in a value that can also begin a value."""
    if isinstance(node, s.Ask | s.Fanout | s.Map | s.Repeat | s.Chain | s.Rounds | s.Match | s.Cascade):
        return
    todo: list[s.Expr | s.Ask] = [node]
    while todo:
        expr = todo.pop()
        if isinstance(expr, s.Ask):
            continue
        source = expr.span.source
        if isinstance(expr, s.Binary) and expr.operator == "-":
            at = source.text.rfind("-", expr.left.span.end, expr.right.span.start)
            yield source.span(at, at + 1)
        elif isinstance(expr, s.Call):
            at = source.text.find("(", expr.function.span.end, expr.span.end)
            yield source.span(at, at + 1)
        todo.extend(children(expr))


LINT = Lint("F0753", broken_line, near=True)
