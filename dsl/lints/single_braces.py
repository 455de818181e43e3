"""A template writes a value where its name is between two braces, `{{ mail }}`. In single braces, as in f-strings and
shells, the name itself is sent, and the model never sees the value. The warning needs a known value of that name. If
the braces are intended, silence the warning with a comment, or give the value another name. A text in an expression is
plain: it fills in nothing unless `text` stands before it, as in `text "Hello {{ name }}"`.

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
_DOUBLE = pattern(r"\{\{ *([A-Za-z_]\w*)[^{}]*\}\}")
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


def plain_braces(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    """Report plain texts that name a value between two braces."""
    return [
        _literal(string, found)
        for flow in program.flows
        for string, scope, step in _texts(flow, plain=True)
        for found in _DOUBLE.finditer(string.value)
        if _is_value(found[1], scope, step)
    ]


def _literal(string: s.String, found: re.Match[str]) -> Diagnostic:
    start = string.span.source.span(string.span.start, string.span.start)
    return Diagnostic(
        "F0726",
        f"`{found[0]}` stays as it is: this text is plain",
        string.place(*found.span()),
        note="a text in an expression fills in nothing",
        help='write `text` before it: `text "… {{ … }} …"`',
        fix=Fix("write `text` before it", (Edit(start, "text "),), safe=False),
    )


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


def _texts(flow: Flow, plain: bool = False) -> Iterator[tuple[s.String, Scope, Step | None]]:
    """Yield the templates of a flow, or its ``plain`` texts, each with its scope and its step."""
    for returned in flow.decl.returns:
        yield from _in(returned.value, flow.scope, None, plain)
    for step in walk(flow):
        node = step.line.node
        if isinstance(node, s.Repeat) and node.over is not None:
            yield from _in(node.over, step.scope, step, plain)
        if isinstance(node, (s.Fanout, s.Map, s.Repeat)):
            for ask in asks(node.reduce):
                yield from _in(ask, step.reduce_scope or step.scope, step, plain)
        elif isinstance(node, s.Match):
            yield from _in(node.value, step.scope, step, plain)
        elif isinstance(node, s.Rounds):
            for expr in node.ends:
                yield from _in(expr, step.until_scope or step.scope, step, plain)
        elif not isinstance(node, s.Chain | s.Cascade):
            yield from _in(node, step.scope, step, plain)
        if step.line.when and step.line.when.otherwise is not None:
            yield from _in(step.line.when.otherwise, step.scope, step, plain)


def _in(
    value: s.Expr | s.Ask, scope: Scope, step: Step | None, plain: bool
) -> Iterator[tuple[s.String, Scope, Step | None]]:
    match value:
        case s.Ask(_, messages):
            for message in messages if not plain else ():
                yield message.template, scope, step
        case s.Text(string) if plain:
            yield string, scope, step
        case s.Template(_, string):
            if not plain:
                yield string, scope, step
        case _:
            for child in children(value):
                yield from _in(child, scope, step, plain)


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


def braces(program: Program, typed: Typed, catalog: Catalog) -> list[Diagnostic]:
    return single_braces(program, typed, catalog) + plain_braces(program, typed, catalog)


LINT = Lint("F0726", braces)
