"""The arguments that name a step: a vote, whose tally a function reads, or an ask, whose answer a function judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .. import syntax as s
from .. import types as t
from ..catalog import Catalog, FunctionSpec
from ..source import Span
from .program import Scope, Step, Symbol
from .reducer_arguments import is_same
from .typed import Typed


class Checker(Protocol):
    """The part of the type checker that step arguments need."""

    catalog: Catalog
    typed: Typed

    @property
    def type_of(self) -> Callable[[Symbol], t.Type]: ...

    def report(self, code: str, message: str, span: Span, *, help: str = "") -> None: ...

    def infer(self, expr: s.Expr, scope: Scope) -> t.Type: ...

    def unknown_name(self, name: str, span: Span, scope: Scope) -> None: ...

    def withheld(self, name: str, span: Span, scope: Scope) -> bool: ...


def step_argument(checker: Checker, function: FunctionSpec, value: s.Expr, scope: Scope) -> t.Type:
    """Check the argument of a function that takes a step, and return the type of the step's value."""
    if isinstance(value, s.Name) and checker.withheld(value.word.text, value.span, scope):
        return t.UNKNOWN
    symbol = scope.lookup(value.word.text) if isinstance(value, s.Name) else None
    step = _step(symbol)
    if isinstance(value, s.Name) and symbol is None:
        checker.unknown_name(value.word.text, value.span, scope)
        return t.UNKNOWN
    if step is None or symbol is None:
        return _refused(checker, function, value)
    if function.of_ask:
        checker.infer(value, scope)  # the mention of the answer is a need of the step
        return _asked(checker, function, value, step, checker.type_of(symbol))
    node = step.line.node
    block = node if isinstance(node, (s.Repeat, s.Map, s.Fanout)) else None
    rule = checker.catalog.reducers.get(block.reduce.rule.text) if block else None
    if rule is None or not rule.votes:
        return _refused(checker, function, value, step)
    checker.typed.tallied.add(step)
    return checker.type_of(symbol)


def _step(symbol: Symbol | None) -> Step | None:
    """Return the step that a symbol names: a step, a branch, or the stage of a cascade before this one."""
    if symbol is None or symbol.step is None:
        return None
    named = symbol.kind in ("step", "branch") or (symbol.kind == "last" and symbol.step.branch)
    return symbol.step if named else None


def item_type(checker: Checker, value: s.Expr | s.Ask, scope: Scope) -> t.Type | None:
    """Return the type of the items of the panel that an argument names. None if it names no panel."""
    symbol = scope.lookup(value.word.text) if isinstance(value, s.Name) else None
    step = _step(symbol)
    if step is None or not isinstance(step.line.node, s.Repeat) or step.line.node.over is None:
        return None
    return checker.typed.elements.get(step, t.UNKNOWN)


def compares(value: s.Expr | s.Ask, scope: Scope) -> bool:
    """Tell whether an argument names a vote that compares its answers."""
    symbol = scope.lookup(value.word.text) if isinstance(value, s.Name) else None
    step = _step(symbol)
    node = step.line.node if step is not None else None
    return isinstance(node, s.Repeat | s.Map | s.Fanout) and any(map(is_same, node.reduce.args))


def _asked(checker: Checker, function: FunctionSpec, value: s.Expr, step: Step, type_: t.Type) -> t.Type:
    node = step.line.node
    if not isinstance(node, s.Ask) or node.number in checker.typed.nodes.people:
        return _refused(checker, function, value, step)
    if step.branch and type_ != t.UNKNOWN and not isinstance(t.unwrapped(type_), t.Choice):
        return _refused(checker, function, value, step)
    if type_ != t.UNKNOWN and not isinstance(t.unwrapped(type_), t.Choice):
        checker.report(
            "F0303",
            f"`{function.name}` takes the answer of an ask for a choice, and this is {t.show(type_)}",
            value.span,
            help="ask for words, as in `-> yes | no`",
        )
        return t.UNKNOWN
    checker.typed.tallied.add(step)
    return type_


def _refused(checker: Checker, function: FunctionSpec, value: s.Expr, step: Step | None = None) -> t.Type:
    if step is not None and step.branch:
        from .cascade_types import untold

        checker.typed.problems.append(untold(function, value, step))
        return t.UNKNOWN
    if function.of_ask:
        what, help = "an ask", 'an ask for a choice is `label = ask "…" -> yes | no`'
    else:
        what, help = "a vote", "a vote is a block with a voting reducer, such as `reduce majority`"
    checker.report("F0303", f"`{function.name}` takes the name of {what}", value.span, help=help)
    return t.UNKNOWN
