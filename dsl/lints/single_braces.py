"""A template writes a value where its name is between two braces, `{{ mail }}`. In single braces, as in f-strings and
shells, the name itself is sent, and the model never sees the value. The warning needs a known value of that name. If
the braces are intended, silence the warning with a comment, or give the value another name.

```flow bad
flow label(mail: text) {
  kind = ask "Is this spam? {mail} Answer for {{ mail }}" -> YES | NO
  return kind
}
```

```flow good
flow label(mail: text) {
  kind = ask "Is this spam? {{ mail }}" -> YES | NO
  return kind
}
```
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import syntax as s
from ..catalog import Catalog
from ..checking.program import Flow, Program, Scope, Step
from ..checking.typed import Typed
from ..diagnostics import Diagnostic, Edit, Fix
from ..patterns import pattern
from ..syntax.children import children
from .lint import Lint
from .parts import asks, walk

_SINGLE = pattern(r"(?<![\w{\\}])\$?\{ *([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*) *\}(?!\})")
"""Single braces around a name. Behind a letter or a backslash they belong to a formula instead: `\\frac{x}{y}`."""
_FILLED_IN = pattern(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def single_braces(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return [
        _finding(string, found)
        for string, scope, step in [
            *((prompt.string, prompt.scope, None) for prompt in program.prompts),
            *(one for flow in program.flows for one in _texts(flow)),
        ]
        for found in _SINGLE.finditer(_FILLED_IN.sub(lambda part: " " * len(part[0]), string.value))
        if _is_value(found[1].partition(".")[0], scope, step)
    ]


def _is_value(name: str, scope: Scope, step: Step | None) -> bool:
    """Tell whether a template may use a name here: no model, no other branch, and no step around the template."""
    symbol = scope.lookup(name)
    if symbol is None or symbol.kind == "model" or (symbol.kind == "branch" and _holds(scope, symbol.scope)):
        return False
    while step is not None and (step is not symbol.step or symbol.kind in ("element", "index", "results", "last")):
        step = step.parent
    return step is None


def _holds(scope: Scope | None, outer: Scope) -> bool:
    while scope is not None and scope is not outer:
        scope = scope.parent
    return scope is not None


def _texts(flow: Flow) -> Iterator[tuple[s.String, Scope, Step | None]]:
    """Yield the templates of a flow, each with its scope and its step."""
    for returned in flow.decl.returns:
        yield from _in(returned.value, flow.scope, None)
    for step in walk(flow):
        node = step.line.node
        if isinstance(node, (s.Fanout, s.Map, s.Repeat)):
            for ask in asks(node.reduce):
                yield from _in(ask, step.reduce_scope or step.scope, step)
        elif isinstance(node, s.Match):
            yield from _in(node.value, step.scope, step)
        elif isinstance(node, s.Rounds):
            for expr in node.ends:
                yield from _in(expr, step.until_scope or step.scope, step)
        elif not isinstance(node, s.Chain):
            yield from _in(node, step.scope, step)
        if step.line.when and step.line.when.otherwise is not None:
            yield from _in(step.line.when.otherwise, step.scope, step)


def _in(value: s.Expr | s.Ask, scope: Scope, step: Step | None) -> Iterator[tuple[s.String, Scope, Step | None]]:
    match value:
        case s.Ask(_, messages):
            for message in messages:
                yield message.template, scope, step
        case s.Template(_, string):
            yield string, scope, step
        case _:
            for child in children(value):
                yield from _in(child, scope, step)


def _finding(string: s.String, found: re.Match[str]) -> Diagnostic:
    span = string.place(*found.span())
    better = f"{{{{ {found[1]} }}}}"
    return Diagnostic(
        "F0726",
        f"`{found[0]}` is sent literally, although `{found[1].partition('.')[0]}` is a value here",
        span,
        note="only two braces insert a value",
        help=f"write `{better}`; if you mean the braces themselves, give the value another name",
        fix=Fix(f"write `{better}`", (Edit(span, better),), safe=False),
    )


LINT = Lint("F0726", single_braces)
