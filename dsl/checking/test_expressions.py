"""The types of the expressions in a test."""

from __future__ import annotations

from dataclasses import field, replace

from .. import syntax as s
from .. import types as t
from ..diagnostics import did_you_mean
from ..fields import field_type
from ..parsing.tables import KEYWORDS
from ..records import dataclass
from ..source import Span
from ..syntax.children import children
from .expressions import Expressions
from .folding import Folding
from .program import Scope, Step, Symbol
from .static_values import Outcome
from .test_answers import SLOW, WORDS
from .test_paths import PathNode, own_asks, written_path
from .tested_flow import TestedFlow
from .unknown_names import CONSTANTS

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


@dataclass(eq=False, slots=True)
class HelperValue:
    """A helper value of a test. It is typed at each place that mentions it, as if it were written there.

    ``types`` has its type for each type that such a place wants, None for a place that takes any.
    """

    value: s.Expr
    scope: Scope
    types: dict[t.Type | None, t.Type] = field(default_factory=dict)


@dataclass(eq=False)
class TestExpressions(Expressions):
    """The type checker of the expressions in one test.

    ``made`` has the types of the names that only tests know, and ``helpers`` the helper values. ``meaningless`` are the
    words in helper values to which some place gave no meaning. ``tested`` is the flow.
    """

    tested: TestedFlow | None = None
    made: dict[Symbol, t.Type] = field(default_factory=dict)
    helpers: dict[Symbol, HelperValue] = field(default_factory=dict)
    meaningless: list[s.Name] = field(default_factory=list)
    _within: int = 0

    def declare(self, scope: Scope, name: str, type_: t.Type, span: Span, *, hides: bool = False) -> None:
        """Add a name to a scope, unless the flow itself has it. With ``hides`` it hides other names."""
        if hides or scope.lookup(name) is None:
            symbol = scope.symbols[name] = Symbol(name, "param", span, scope)
            self.made[symbol] = type_

    def declare_helper(self, scope: Scope, line: s.Given) -> None:
        """Add a helper value to the scope of all lines."""
        symbol = scope.symbols[line.name.text] = Symbol(line.name.text, "param", line.name.span, scope)
        self.helpers[symbol] = HelperValue(line.value, scope)

    def helper(self, symbol: Symbol, wanted: t.Type | None = None) -> t.Type:
        """Return the type of a helper value at a place that wants a type."""
        helper = self.helpers[symbol]
        if wanted not in helper.types:
            self._within += 1
            helper.types[wanted] = self.infer(helper.value, helper.scope, wanted)
            self._within -= 1
        return helper.types[wanted]

    def forget(self) -> None:
        """Forget the types of the helper values, so that the lines can be read again."""
        self.checked_templates.clear()
        self.meaningless.clear()
        for helper in self.helpers.values():
            helper.types.clear()

    def call(self, expr: s.Call, scope: Scope, *, alone: bool = False) -> t.Type:
        word = expr.function.text
        if self._within and (word in WORDS or word == SLOW) and expr.prefix is None:
            said = f"`{word}` is an answer, and a helper value is a plain value"
            self.report("F0414", said, expr.function.span, help=f"write `reply STEP: {word}(…)`")
            return t.UNKNOWN
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
        choice = t.form(wanted, t.Choice) if wanted else None
        if isinstance(choice, t.WORDS) and expr.word.text in choice.options:
            return super()._name(expr, scope, wanted)
        if symbol is not None and symbol in self.helpers:
            return self.helper(symbol, wanted)
        if symbol is None and self._elsewhere(expr.word.text):
            self.unknown_name(expr.word.text, expr.span, scope)
            return t.UNKNOWN
        if self._within and symbol is None and expr.word.text not in CONSTANTS and not isinstance(choice, t.WORDS):
            if expr.number in self.typed.nodes.words:
                return t.Choice((expr.word.text,))
            self.meaningless.append(expr)
            return t.UNKNOWN
        return super()._name(expr, scope, wanted)

    def written(self, expr: s.Expr, scope: Scope) -> s.Expr:
        """Return the expression that stands for itself behind the name of a helper value, or behind a field of one."""
        seen: set[int] = set()
        while expr.number not in seen:
            seen.add(expr.number)
            if isinstance(expr, s.Name) and (symbol := scope.lookup(expr.word.text)) in self.helpers:
                assert symbol is not None
                expr = self.helpers[symbol].value
            elif isinstance(expr, s.Get) and _from_name(expr):
                record = self.written(expr.base, scope)
                entries = record.entries if isinstance(record, s.RecordExpr) else ()
                found = [
                    entry.value for entry in entries if entry.name is not None and entry.name.text == expr.field.text
                ]
                if len(found) != 1 or any(entry.name is None for entry in entries):
                    break
                expr = found[0]
        return expr

    def _infer(self, expr: s.Expr, scope: Scope, wanted: t.Type | None) -> t.Type:
        if isinstance(expr, s.Get) and wanted is not None and self.helpers:
            field_value = self.written(expr, scope)
            if field_value is not expr and self.bare(field_value, scope):
                self._within += 1
                given = self.infer(field_value, next(iter(self.helpers)).scope, wanted)
                self._within -= 1
                return given
        return super()._infer(expr, scope, wanted)

    def literal(self, expr: s.Expr, scope: Scope) -> bool:
        return super().literal(self.written(expr, scope), scope)

    def _turned(self, first: s.Expr, second: s.Expr, scope: Scope) -> bool:
        return super()._turned(self.written(first, scope), self.written(second, scope), scope)

    def _meaning(self, expr: s.Expr, beside: t.Type) -> t.Type | None:
        return beside if self.helpers and _from_name(expr) else super()._meaning(expr, beside)

    def bare(self, expr: s.Expr, scope: Scope) -> bool:
        todo: list[s.Expr | s.Ask] = [expr]
        seen: set[Symbol] = set()
        while todo:
            one = todo.pop()
            symbol = scope.lookup(one.word.text) if isinstance(one, s.Name) else None
            if symbol is not None and symbol in self.helpers and symbol not in seen:
                seen.add(symbol)
                todo.append(self.helpers[symbol].value)
            elif isinstance(one, s.Name) and symbol is None and one.word.text not in CONSTANTS:
                return True
            todo.extend(children(one) if not isinstance(one, s.Ask) else ())
        return False

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
        elif scope.lookup(name) is None and self._elsewhere(name):
            help = "inputs, answers and helper values mention no parameters and no steps of the flow"
            self.report("F0201", f"the name `{name}` is not known here", span, help=help)
        elif (
            did_you_mean(name, scope.known()) or name in KEYWORDS or name in self.imported.paths or name in self.hidden
        ):
            super().unknown_name(name, span, scope, wanted)
        else:
            help = f'for the text write `"{name}"`'
            self.report("F0201", f"the name `{name}` is unknown", span, help=help)

    def _elsewhere(self, name: str) -> bool:
        """Tell whether a name is one of the flow."""
        return self.tested is not None and name in self.tested.flow.scope.symbols

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


def _from_name(expr: s.Expr) -> bool:
    while isinstance(expr, s.Get):
        expr = expr.base
    return isinstance(expr, s.Name)


def test_expressions(base: Expressions, tested: TestedFlow) -> TestExpressions:
    """Make the type checker for the tests of a flow. It adds its findings to those of ``base``."""
    made: dict[Symbol, t.Type] = {}
    unit = tested.unit

    def type_of(symbol: Symbol) -> t.Type:
        if symbol in made:
            return made[symbol]
        if symbol in checker.helpers:
            return checker.helper(symbol)
        return t.MODEL if symbol.kind == "model" else unit.typed.type_of(symbol)

    typed = base.typed
    if unit.path:
        typed = replace(typed, folding=NoFolding(base.program, {}, typed.nodes))
    hidden = {} if unit.path else base.hidden
    checker = TestExpressions(
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
    return checker
