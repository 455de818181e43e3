"""The names that the lines of a test can mention, and the types of their expressions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, replace

from .. import syntax as s
from .. import types as t
from ..diagnostics import did_you_mean
from ..fields import field_type
from ..parsing.tables import KEYWORDS
from ..records import dataclass
from ..source import Span
from ..syntax.children import children
from ..test_plan import FIGURES
from .expressions import Expressions
from .folding import Folding
from .program import Program, Scope, Step, Symbol
from .static_values import Outcome
from .test_paths import PathNode, own_asks, written_path
from .tested_flow import TestedFlow

DOLLARS = t.Quantity("$")
ROW = "row"
RESULT = "result"
STEP_FIGURE = "rounds"
"""The figure that belongs to one step."""


class NoFolding(Folding):
    """The constants of a flow of another file, of which a test knows none."""

    def value(self, expr: s.Expr | s.Ask, scope: Scope) -> Outcome:
        return None

    def step(self, step: Step) -> Outcome:
        return None


@dataclass(eq=False)
class TestExpressions(Expressions):
    """The type checker of the expressions in one test.

    ``made`` has the types of the names that only tests know. ``tested`` is the flow.
    """

    tested: TestedFlow | None = None
    made: dict[Symbol, t.Type] = field(default_factory=dict)

    def declare(self, scope: Scope, name: str, type_: t.Type, span: Span) -> None:
        """Add a name to a scope, unless the flow itself has it."""
        if scope.lookup(name) is None:
            symbol = scope.symbols[name] = Symbol(name, "param", span, scope)
            self.made[symbol] = type_

    def call(self, expr: s.Call, scope: Scope, *, alone: bool = False) -> t.Type:
        figure = scope.lookup(STEP_FIGURE)
        if expr.function.text != STEP_FIGURE or expr.prefix is not None or figure is None or figure not in self.made:
            return super().call(expr, scope, alone=alone)
        value = expr.args[0].value if len(expr.args) == 1 and expr.args[0].name is None else None
        path = written_path(value) if value is not None and not isinstance(value, s.Ask) else None
        if path is None or self.tested is None:
            self.report("F0303", "`rounds` takes the path of a step", expr.span, help="write `rounds(STEP)`")
            return t.INT
        found = self.tested.find(path)
        if not isinstance(found, PathNode):
            name = found.step.word
            flow = self.tested.name
            help = did_you_mean(name.text, found.known)
            self.report("F0201", f"the flow `{flow}` has no step `{name.text}`", name.span, help=help)
        elif len(own_asks(found)) != 1:
            self.report("F0303", f"`{found.path}` is not a single ask", path[0].span.to(path[-1].span))
        return t.INT

    def _name(self, expr: s.Name, scope: Scope, wanted: t.Type | None) -> t.Type:
        symbol = scope.lookup(expr.word.text)
        figure = symbol is not None and symbol in self.made and symbol.name == STEP_FIGURE
        if figure and self.tested is not None and self.tested.only_ask is None:
            if self.tested.first_asks:
                self.report("F0303", "several steps have rounds", expr.span, help="name the step: `rounds(STEP)`")
            else:
                self.report("F0303", "no step has rounds: the flow asks nothing", expr.span)
        return super()._name(expr, scope, wanted)

    def _binary(self, expr: s.Binary, scope: Scope, wanted: t.Type | None = None) -> t.Type:
        if expr.operator in ("==", "!=", "<", "<=", ">", ">="):
            sides = [self.figure(side, scope) for side in (expr.left, expr.right)]
            if DOLLARS in sides:
                for side in (expr.left, expr.right):
                    self.money(side, scope)
                return t.BOOL
        return super()._binary(expr, scope, wanted)

    def container(self, whole: s.Expr, part: s.Expr, scope: Scope) -> t.Type:
        """Return the type of a value that should contain another. The other may give its words their meaning."""
        beside = t.ListOf(self.infer(part, scope)) if self.bare(whole, scope) else None
        return self.infer(whole, scope, beside)

    def unknown_name(self, name: str, span: Span, scope: Scope, wanted: t.Type | None = None) -> None:
        if name == ROW:
            help = 'a test has rows if it has a table: write `cases "mails.jsonl"`'
            self.report("F0201", "the name `row` is unknown", span, help=help)
        elif (
            did_you_mean(name, scope.known()) or name in KEYWORDS or name in self.imported.paths or name in self.hidden
        ):
            super().unknown_name(name, span, scope, wanted)
        else:
            help = f'for the text write `"{name}"`'
            self.report("F0201", f"the name `{name}` is unknown", span, help=help)

    def _equal(self, expr: s.Binary, scope: Scope) -> t.Type:
        given = super()._equal(expr, scope)
        for word, beside in ((expr.left, expr.right), (expr.right, expr.left)):
            # The type of a row's column is not known, so it gives no word a meaning.
            if isinstance(word, s.Name) and self._of_row(beside, scope) and self.bare(word, scope):
                self.unknown_name(word.word.text, word.span, scope)
        return given

    def _of_row(self, expr: s.Expr, scope: Scope) -> bool:
        while isinstance(expr, s.Get):
            expr = expr.base
        return isinstance(expr, s.Name) and expr.word.text == ROW and self.figure(expr, scope) is not None

    def _record(self, expr: s.RecordExpr, scope: Scope, wanted: t.Type | None) -> t.Type:
        shape = t.form(wanted, t.Record) if wanted else None
        if isinstance(shape, t.Record):
            # A word beside a wrong name of a field has no meaning, so the name is the mistake.
            wrong = [
                entry.name
                for entry in expr.entries
                if entry.name is not None and shape.field(entry.name.text) is None and self.bare(entry.value, scope)
            ]
            for name in wrong:
                field_type(shape, name.text, name.span, self.problems)
            if wrong:
                return t.UNKNOWN
        return super()._record(expr, scope, wanted)

    def figure(self, expr: s.Expr, scope: Scope) -> t.Type | None:
        """Return the type of a name that only tests know."""
        symbol = scope.lookup(expr.word.text) if isinstance(expr, s.Name) else None
        return self.made.get(symbol) if symbol is not None else None

    def money(self, expr: s.Expr, scope: Scope) -> None:
        """Check an amount of money: in dollars, or a plain number."""
        given = self.infer(expr, scope)
        if given != DOLLARS and not t.is_number(given):
            self.report("F0301", f"expected an amount such as $0.01, found {t.show(given)}", expr.span)


def test_expressions(base: Expressions, tested: TestedFlow) -> TestExpressions:
    """Make the type checker for the tests of a flow. It adds its findings to those of ``base``."""
    made: dict[Symbol, t.Type] = {}
    unit = tested.unit

    def type_of(symbol: Symbol) -> t.Type:
        if symbol in made:
            return made[symbol]
        return t.MODEL if symbol.kind == "model" else unit.typed.type_of(symbol)

    typed = base.typed
    if unit.path:
        typed = replace(typed, folding=NoFolding(base.program, {}, set(), {}))
    hidden = {} if unit.path else base.hidden
    return TestExpressions(
        base.program,
        base.catalog,
        base.imported,
        type_of,
        base.read_type,
        hidden,
        typed,
        base.problems,
        tested=tested,
        made=made,
    )


def expect_scope(expressions: TestExpressions, tested: TestedFlow, span: Span, *, rows: bool) -> Scope:
    """Return the scope of expectations: the flow's names, ``result``, the figures of a run, and perhaps ``row``."""
    scope = Scope(tested.flow.scope)
    result = tested.unit.typed.nodes.results.get(tested.flow.decl.number, t.UNKNOWN)
    expressions.declare(scope, RESULT, result, span)
    for name in FIGURES:
        expressions.declare(scope, name, DOLLARS if name == "cost" else t.INT, span)
    return with_row(expressions, scope, span) if rows else scope


def with_row(expressions: TestExpressions, scope: Scope, span: Span) -> Scope:
    """Return a scope inside another one, which also has the row of a table."""
    inner = Scope(scope)
    expressions.declare(inner, ROW, t.UNKNOWN, span)
    return inner


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
