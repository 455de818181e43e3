"""The comparisons of values with written words, in the expressions and the templates of a flow."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..checking.program import Scope, Step
from ..checking.reducer_arguments import condition_of
from ..records import dataclass
from ..syntax.children import children
from ..templates import nodes as n
from ..templates.read import Template
from .home import Home

NONE = "none"
TRUTH = ("true", "false")
_EQUAL = frozenset({"==", "!=", "in"})
_WRITTEN = frozenset({NONE, *TRUTH})


@dataclass(frozen=True, slots=True)
class TemplateValue:
    """A value in a template: a name, and the last field that is read from it, "" without one.

    ``place`` is its offset in the template.
    """

    name: str
    field: str
    place: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A value that a flow compares with words, on a line. A condition compares with ``true`` and ``false``."""

    value: s.Expr | TemplateValue
    scope: Scope
    words: tuple[str, ...]
    line: int


class Comparisons:
    """The comparisons of one file."""

    def __init__(self, home: Home) -> None:
        self._program = home.checked.program
        self._words = home.checked.typed.nodes.words
        self._home = home

    def __iter__(self) -> Iterator[Compared]:
        for flow in self._program.flows:
            for returned in flow.decl.returns:
                yield from self._in(returned.value, flow.scope)
        for step in self._home.steps:
            yield from self._of_step(step)

    def _of_step(self, step: Step) -> Iterator[Compared]:
        line, scope = step.line, step.scope
        inner = step.inner or scope
        if line.when is not None:
            yield from self._in(line.when.condition, scope, truth=True)
            if line.when.otherwise is not None:
                yield from self._in(line.when.otherwise, scope)
        for option in line.options:
            yield from self._in(option.value, scope)
        node = line.node
        match node:
            case s.Map():
                yield from self._in(node.source, scope)
                if node.where is not None:
                    yield from self._in(node.where, inner, truth=True)
            case s.Match(value):
                classes = tuple(one.text if isinstance(one, s.Word) else one.value for one in node.classes)
                yield Compared(value, scope, tuple(one for one in classes if one != "else"), line.span.line)
                yield from self._in(value, scope)
            case s.Repeat():
                if node.over is not None:
                    yield from self._in(node.over, scope)
            case s.Fanout() | s.Chain() | s.Cascade():
                pass
            case s.Rounds():
                for expr in node.ends:
                    yield from self._in(expr, step.until_scope or scope, truth=expr is node.until)
            case _:
                yield from self._in(node, scope)
        if isinstance(node, s.Map | s.Repeat | s.Fanout):
            asking = step.reduce_scope or scope
            if node.reduce.ask is not None:
                yield from self._in(node.reduce.ask, asking)
            for arg in node.reduce.args:
                judges = arg is condition_of(node.reduce)
                of = asking if judges or isinstance(arg.value, s.Ask) else step.argument_scope or scope
                yield from self._in(arg.value, of, truth=judges and not isinstance(arg.value, s.Ask))

    def _in(self, expr: s.Expr | s.Ask, scope: Scope, *, truth: bool = False) -> Iterator[Compared]:
        """Yield the comparisons in an expression. With ``truth``, the expression is a condition."""
        match expr:
            case s.Ask(_, messages):
                for message in messages:
                    yield from self._in_template(message.template, scope)
                for arg in expr.prompt.args if expr.prompt is not None else ():
                    yield from self._in(arg.value, scope)
                return
            case s.Template(_, string):
                yield from self._in_template(string, scope)
            case s.Binary(operator, left, right) if operator in _EQUAL:
                for value, other in ((left, right), (right, left)):
                    if words := self._written(other):
                        yield Compared(value, scope, words, expr.span.line)
            case s.Binary("??", left, _):
                yield Compared(left, scope, (NONE,), expr.span.line)
            case s.Name() | s.Get() if truth and self._written(expr) == ():
                yield Compared(expr, scope, TRUTH, expr.span.line)
        truth = isinstance(expr, s.Unary | s.Binary) and expr.operator in ("not", "and", "or")
        for inner in children(expr):
            yield from self._in(inner, scope, truth=truth)

    def _written(self, expr: s.Expr) -> tuple[str, ...]:
        """Return the words that an expression writes down: one, or those of a list."""
        match expr:
            case s.Name(word) if expr.number in self._words or word.text in _WRITTEN:
                return (word.text,)
            case s.Text(string):
                return (string.value,)
            case s.ListExpr(items):
                return tuple(word for item in items for word in self._written(item))
        return ()

    # Templates

    def _in_template(self, string: s.String, scope: Scope) -> Iterator[Compared]:
        template = self._program.template(string)
        if isinstance(template, Template) and not template.plain:
            for node in template.body:
                for value, words in _compared(node, {}):
                    yield Compared(value, scope, words, string.place(value.place, value.place).line)


_Loops = dict[str, TemplateValue]
"""The names of loops in a template, with the lists whose elements they are."""


def _compared(node: n.Node, loops: _Loops) -> Iterator[tuple[TemplateValue, tuple[str, ...]]]:
    match node:
        case n.Compare(expr=expr, ops=ops):
            for operand in ops if len(ops) == 1 else ():
                if operand.op not in ("eq", "ne", "in", "notin"):
                    continue
                for side, other in ((expr, operand.expr), (operand.expr, expr)):
                    value, words = _value(side, loops), _constants(other)
                    if value is not None and words:
                        yield value, words
        case n.Filter(node=inner, name="default") | n.Test(node=inner, name="none" | "defined"):
            if (value := _value(inner, loops)) is not None:
                yield value, (NONE,)
        case n.If(test=test) | n.CondExpr(test=test):
            yield from _truths(test, loops)
        case n.For(target=target, iter=source, test=condition):
            if (over := _value(source, loops)) is not None:
                loops = {**loops, target.name: over}
            if condition is not None:
                yield from _truths(condition, loops)
    for child in node.children():
        yield from _compared(child, loops)


def _truths(node: n.Node, loops: _Loops) -> Iterator[tuple[TemplateValue, tuple[str, ...]]]:
    """Yield the values that a condition takes for themselves."""
    if isinstance(node, n.And | n.Or | n.Not):
        for child in node.children():
            yield from _truths(child, loops)
    elif (value := _value(node, loops)) is not None:
        yield value, TRUTH


def _value(node: n.Node, loops: _Loops) -> TemplateValue | None:
    field, place = "", node.start
    while isinstance(node, n.Getattr):
        field, node = field or node.attr, node.node
    if not isinstance(node, n.Name):
        return None
    over = loops.get(node.name)
    if over is None:
        return TemplateValue(node.name, field, place)
    return TemplateValue(over.name, field or over.field, place)


def _constants(node: n.Node) -> tuple[str, ...]:
    match node:
        case n.Const(value=bool() as truth):
            return (TRUTH[0] if truth else TRUTH[1],)
        case n.Const(value=None):
            return (NONE,)
        case n.Const(value=str() as word):
            return (word,)
        case n.List(items=items):
            return tuple(word for item in items for word in _constants(item))
    return ()
