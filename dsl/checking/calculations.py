"""The calculations in a file, with the conditions of each, and the report of those that fail in every run."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..diagnostics import Diagnostic
from ..records import dataclass
from ..syntax.children import children
from .folding import Folding
from .origins import origins
from .program import Flow, Program, Scope, Step
from .static_values import NoValue, StaticValue

Fact = tuple[s.Expr, bool]
"""A condition, and True if it holds or False if it does not."""
Facts = tuple[Fact, ...]
_Place = tuple[s.Expr | s.Ask, Scope, Facts]
_SIGNS = frozenset({"+", "-", "*", "/"})


@dataclass(frozen=True, slots=True)
class Calculation:
    """A ``+``, ``-``, ``*`` or ``/`` with its two operands, and the conditions that hold whenever it is worked out."""

    expr: s.Binary
    scope: Scope
    facts: Facts


def calculations(program: Program, folding: Folding) -> Iterator[Calculation]:
    """Yield all calculations of a file that a run can reach."""
    for expr, scope, facts in _places(program, folding):
        yield from _inside(expr, scope, facts, folding)


def no_values(program: Program, folding: Folding) -> Iterator[Diagnostic]:
    """Report the calculations that fail in every run that reaches them."""
    for one in calculations(program, folding):
        expr, scope = one.expr, one.scope
        found = folding.value(expr, scope)
        if not isinstance(found, NoValue) or found.span != expr.span:
            continue
        operands = [folding.value(side, scope) for side in (expr.left, expr.right)]
        if any(isinstance(side, StaticValue) and side.number is None for side in operands):
            # The operands have wrong types, and that is reported elsewhere.
            continue
        by_zero = expr.operator == "/" and isinstance(operands[1], StaticValue) and operands[1].number == 0
        place = expr.right if by_zero else expr
        yield Diagnostic(
            "F0363",
            found.reason,
            place.span,
            labels=origins(place, scope, folding),
            note="this step fails in every run",
            help="divide by another value, or delete the step" if by_zero else "calculate with smaller numbers",
        )


def _inside(expr: s.Expr | s.Ask, scope: Scope, facts: Facts, folding: Folding) -> Iterator[Calculation]:
    todo = [(expr, facts)]
    while todo:
        one, facts = todo.pop()
        match one:
            case s.Ask():
                continue
            case s.Binary(("and" | "or") as operator, left, right):
                goes_on = operator == "and"
                if folding.known(left, scope) is not (not goes_on):
                    todo.append((right, (*facts, (left, goes_on))))
                todo.append((left, facts))
            case s.Binary("??", left, right):
                if not isinstance(found := folding.value(left, scope), StaticValue) or found.value is None:
                    todo.append((right, facts))
                todo.append((left, facts))
            case _:
                if isinstance(one, s.Binary) and one.operator in _SIGNS:
                    yield Calculation(one, scope, facts)
                todo.extend((child, facts) for child in reversed(list(children(one))))


def _places(program: Program, folding: Folding) -> Iterator[_Place]:
    """Yield every expression of a file that is not inside another one, with its scope and the conditions there."""
    for model in program.file.models:
        yield from ((option.value, program.scope, ()) for option in model.options)
    for extern in program.file.externs:
        yield from _defaults(extern.params, program.scope)
    for decl in program.file.defaults:
        yield from ((option.value, program.scope, ()) for option in decl.options)
    for prompt in program.prompts:
        yield from _defaults(prompt.decl.params, program.scope)
    for flow in program.flows:
        yield from ((option.value, flow.scope, ()) for option in flow.decl.options)
        yield from _defaults(flow.decl.params, program.scope)
        yield from ((returned.value, flow.scope, ()) for returned in flow.decl.returns)
        yield from _of_steps(flow, folding)
    for test in program.file.scripts:
        own = program.flows if test.prefix is None else []
        scopes = (flow.scope for flow in own if flow.decl.name.text == test.flow.text)
        yield from _of_test(test, next(scopes, program.scope), program.scope)


def _defaults(params: tuple[s.Param, ...], scope: Scope) -> Iterator[_Place]:
    yield from ((param.default, scope, ()) for param in params if param.default is not None)


def _of_test(test: s.TestDecl | s.SetupDecl, inside: Scope, outside: Scope) -> Iterator[_Place]:
    for line in test.lines:
        scope = inside if isinstance(line, s.ExpectLine) else outside
        yield from ((value, scope, ()) for value in s.line_values(line))


def _of_steps(flow: Flow, folding: Folding) -> Iterator[_Place]:
    todo: list[tuple[Step, Facts]] = [(step, ()) for step in reversed(flow.steps)]
    while todo:
        step, facts = todo.pop()
        when = step.line.when
        held = None
        if when is not None:
            yield when.condition, step.scope, facts
            held = folding.known(when.condition, step.scope)
            if when.otherwise is not None and held is not True:
                yield when.otherwise, step.scope, (*facts, (when.condition, False))
            facts = (*facts, (when.condition, True))
        yield from ((option.value, step.scope, facts) for option in step.line.options)
        if held is False:
            continue
        yield from _of_node(step, facts)
        node = step.line.node
        if isinstance(node, s.Map) and node.where is not None:
            facts = (*facts, (node.where, True))
        todo.extend((inner, facts) for inner in reversed(step.steps))


def _of_node(step: Step, facts: Facts) -> Iterator[_Place]:
    node = step.line.node
    if step.check_scope is not None and step.asks is not None and (check := step.asks[0].check) is not None:
        yield check.condition, step.check_scope, facts
    if (source := s.source_of(node)) is not None:
        yield source, step.scope, facts
        if isinstance(node, s.Map) and node.where is not None:
            yield node.where, step.inner or step.scope, facts
    if isinstance(node, (s.Map, s.Repeat, s.Fanout)):
        reduce, scope = node.reduce, step.reduce_scope or step.scope
        yield from ((arg.value, scope, facts) for arg in reduce.args)
        yield from ((value, scope, facts) for value in _given(reduce.ask))
        yield from ((option.value, scope, facts) for option in reduce.options)
        if reduce.count is not None:
            yield reduce.count, scope, facts
    elif isinstance(node, s.Match):
        yield node.value, step.scope, facts
    elif isinstance(node, s.Rounds):
        yield from ((expr, step.until_scope or step.scope, facts) for expr in node.ends)
    elif isinstance(node, s.Ask):
        yield from ((value, step.scope, facts) for value in _given(node))
    elif not isinstance(node, s.Chain | s.Cascade):
        yield node, step.scope, facts


def _given(ask: s.Ask | None) -> Iterator[s.Expr | s.Ask]:
    """Yield the values that an ask gives to its prompt."""
    if ask is not None and ask.prompt is not None:
        yield from (arg.value for arg in ask.prompt.args)
