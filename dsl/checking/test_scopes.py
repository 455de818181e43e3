"""The names that the lines of a test can mention."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from .. import types as t
from ..source import Span
from ..syntax.children import children
from ..test_plan import FIGURES
from .program import Program, Scope, Step
from .test_expressions import DOLLARS, RESULT, ROW, TestExpressions
from .test_paths import PathNode
from .tested_flow import TestedFlow


def line_scope(expressions: TestExpressions, outer: Scope, span: Span, *, rows: bool) -> Scope:
    """Return the scope of inputs and answers: the models of the file, and perhaps ``row``."""
    scope = Scope(outer)
    if rows:
        expressions.declare(scope, ROW, t.UNKNOWN, span)
    return scope


def expect_scope(expressions: TestExpressions, tested: TestedFlow, lines: Scope, span: Span) -> Scope:
    """Return the scope of expectations: the flow's names, ``result``, the figures of a run, and what other lines see.

    ``lines`` is the scope of inputs and answers.
    """
    scope = Scope(tested.flow.scope)
    result = tested.unit.typed.nodes.results.get(tested.flow.decl.number, t.UNKNOWN)
    expressions.declare(scope, RESULT, result, span)
    for name in FIGURES:
        expressions.declare(scope, name, DOLLARS if name == "cost" else t.INT, span)
    return lines_seen(scope, lines)


def lines_seen(scope: Scope, lines: Scope) -> Scope:
    """Add the helper values and the row to a scope of the flow, whose own names hide them."""
    for name, symbol in lines.symbols.items():
        if scope.lookup(name) is None:
            scope.symbols[name] = symbol
    return scope


def mentioned(expr: s.Expr, program: Program) -> Iterator[tuple[str, s.Expr]]:
    """Yield the names that an expression mentions, with the part that does."""
    todo: list[s.Expr | s.Ask] = [expr]
    while todo:
        one = todo.pop()
        if isinstance(one, s.Ask):
            continue
        if isinstance(one, s.Name):
            yield one.word.text, one
        elif isinstance(one, s.Template):
            template = program.template(one.string)
            yield from ((mention.name, one) for mention in (template.mentions if template is not None else ()))
        todo.extend(reversed(list(children(one))))


def known_before(node: PathNode) -> set[Step]:
    """Return the steps that are done, in every run, before an ask is made."""
    todo = [need for one in node.step.walk() for need in _needs(one)] if node.reduces else _needs(node.step, "head")
    outer = node.step.parent
    while outer is not None:
        source = outer.line.node.source if isinstance(outer.line.node, s.Map) else None
        waits = {word.text for word in outer.line.after}
        # A map takes the elements of another block as they arrive, before that block is done.
        streamed = source.word.text if isinstance(source, s.Name) and source.word.text not in waits else ""
        todo += [need for need in _needs(outer, "head") if need.title != streamed]
        outer = outer.parent
    done: set[Step] = set()
    while todo:
        step = todo.pop()
        if step not in done:
            done.add(step)
            todo += [need for one in step.walk() for need in _needs(one)]
    return done


def _needs(step: Step, part: str = "") -> list[Step]:
    """Return the steps that a step mentions, in one part of it or in both."""
    symbols = [mention.symbol for mention in step.mentions if not part or mention.part == part]
    return [
        symbol.step
        for symbol in symbols
        if symbol is not None and symbol.kind in ("step", "branch") and symbol.step not in (None, step) and symbol.step
    ]
