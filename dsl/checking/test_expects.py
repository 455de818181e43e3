"""The check of expectations."""

from __future__ import annotations

from collections.abc import Callable

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, did_you_mean
from ..syntax.children import children
from .program import Scope
from .test_expressions import DOLLARS, RESULT, STEP_FIGURE, TestExpressions
from .test_path_checks import Paths
from .test_paths import PathNode, written_path
from .test_scopes import mentioned
from .tested_flow import TestedFlow


class Expects(Paths):
    """The check of the expectations in one test.

    ``scope`` has the names that they can mention. ``read`` reads a written type. ``fails`` says that the test expects
    the flow to fail.
    """

    def __init__(
        self,
        tested: TestedFlow,
        expressions: TestExpressions,
        scope: Scope,
        read: Callable[[s.TypeExpr], t.Type],
        problems: list[Diagnostic],
        fails: bool,
    ) -> None:
        super().__init__(tested, problems)
        self.expressions = expressions
        self.scope = scope
        self.read = read
        self.fails = fails

    def expect(self, line: s.ExpectLine) -> None:
        match line:
            case s.Expect(condition):
                self.expressions.expect(condition, self.scope, t.BOOL, "`expect`")
                self.looks(line, condition)
            case s.ExpectType(_, left):
                self.matches(line, left)
                self.looks(line, left)
            case s.ExpectRelation(_, left, relation, right):
                if relation.text == "contains":
                    self.contains(line, left, right)
                else:
                    self.about(line, left, right)
                self.looks(line, left, right)
            case s.ExpectEnd():
                self.end(line)
            case s.ExpectAsked():
                self.asked(line)

    def looks(self, line: s.ExpectLine, *exprs: s.Expr) -> None:
        """Report an expectation that mentions nothing of the flow, or the result of a flow that fails."""
        names = [(name, part) for expr in exprs for name, part in mentioned(expr, self.expressions.program)]
        found = [(name, part, symbol) for name, part in names if (symbol := self.scope.lookup(name)) is not None]
        rounds = any(_is_rounds(expr) for expr in exprs)
        if not rounds and all(symbol.kind == "model" or symbol in self.expressions.helpers for _, _, symbol in found):
            # A name that is unknown has a report of its own.
            unknown = any(self.scope.lookup(name) is None and not _is_word(name) for name, _ in names)
            if not unknown or all(part.number in self.expressions.typed.nodes.words for _, part in names):
                span = exprs[0].span.to(exprs[-1].span)
                said = f"`expect {span.text}` does not test the flow"
                self.report("F0409", said, span, "compare a step or the `result` with the expected value")
        for name, part, symbol in found:
            if self.fails and name == RESULT and symbol in self.expressions.made:
                said = "a flow that fails has no result"
                self.report("F0415", said, part.span, "delete this line, or the line `expect failed`")

    def matches(self, line: s.ExpectType, left: s.Expr) -> None:
        given = self.expressions.infer(left, self.scope)
        wanted = t.without_quotes(self.read(line.type))
        self.expressions.typed.nodes.matched[left.number] = wanted
        if t.NONE not in (given, wanted) and not t.comparable(given, wanted):
            said = f"{t.show(given)} never matches {t.show(wanted)}"
            self.report("F0415", said, line.span, "write the type that the value should have")

    def contains(self, line: s.ExpectRelation, left: s.Expr, right: s.Expr) -> None:
        given = t.unwrapped(self.expressions.container(left, right, self.scope))
        match t.as_record(given) or given:
            case t.ListOf(item):
                part = self.expressions.infer(right, self.scope, item)
                if t.NONE not in (part, item) and not t.comparable(part, item):
                    self.report("F0415", f"{t.show(part)} is never in {t.show(given)}", right.span)
            case t.Record(fields):
                self.expressions.expect(right, self.scope, t.TEXT, "the name of a field")
                names = [field.name for field in fields]
                if isinstance(right, s.Text) and right.string.value not in names:
                    said = f"{t.show(given)} has no field `{right.string.value}`"
                    self.report("F0415", said, right.span, did_you_mean(right.string.value, names))
            case _ if t.is_text(given) and given != t.UNKNOWN:
                self.expressions.expect(right, self.scope, t.TEXT, "`contains`")
            case _:
                self.expressions.infer(right, self.scope)
                if given not in (t.UNKNOWN, t.JSON) and not isinstance(given, t.Mixed):
                    said = f"`contains` looks into a text, a list or a record, not into {t.show(given)}"
                    self.report("F0301", said, left.span)

    def about(self, line: s.ExpectRelation, left: s.Expr, right: s.Expr) -> None:
        money = self.expressions.figure(left, self.scope) == DOLLARS
        for side in (left, right, *([line.within] if line.within is not None else [])):
            given = t.unwrapped(self.expressions.infer(side, self.scope))
            if not t.is_number(given) and given != t.JSON and not (money and given == DOLLARS):
                word = "within" if side is line.within else "about"
                help = "write the distance as a number: `within 0.05`" if word == "within" else ""
                self.report("F0301", f"`{word}` needs a number, not {t.show(given)}", side.span, help)

    def end(self, line: s.ExpectEnd) -> None:
        failed = line.end.text == "failed"
        if line.step is None:
            if (step := self.tested.flow.scope.lookup("failed")) is not None and step.kind in ("step", "param"):
                said = "`failed` could mean the step or the failure of the flow"
                self.report("F0421", said, line.end.span, "for the step write `expect (failed)` or a comparison")
            return
        path = written_path(line.step)
        if path is None:
            said = f"`{line.end.text}` must follow the path of a step"
            self.report("F0410", said, line.step.span, f"write `expect STEP {line.end.text}`")
            return
        node = self.node(path)
        if node is None or failed:
            return
        if not any(one.step.line.when is not None or one.step.branch for one in node.chain):
            said = f"`{node.path}` has no `when`, so it is never skipped"
            self.report("F0415", said, line.step.span, "delete this line, or write `when` in the step")

    def asked(self, line: s.ExpectAsked) -> None:
        span = line.path[0].span.to(line.path[-1].span)
        if line.contains is not None:
            self.expressions.expect(line.contains, self.scope, t.TEXT, "`contains`")
        node = self.node(line.path)
        asks: list[PathNode] = self.tested.asks(line.path) if node is not None else []
        if node is not None and node.unknown:
            return
        if node is not None and not asks:
            help = "name a step with an `ask` or a call"
            self.report("F0409", f"`{span.text}` makes no call, so nothing is asked", span, help)
        elif node is not None and self.outside(node, asks, span):
            return
        elif len(asks) > 1:
            paths = ", ".join(f"`{ask.path}`" for ask in asks[:4])
            self.report("F0409", f"`{span.text}` has {len(asks)} asks", span, f"name one of them: {paths}")


def _is_rounds(expr: s.Expr) -> bool:
    todo: list[s.Expr | s.Ask] = [expr]
    while todo:
        one = todo.pop()
        if isinstance(one, s.Call) and one.function.text == STEP_FIGURE and one.prefix is None:
            return True
        todo.extend(children(one) if not isinstance(one, s.Ask) else ())
    return False


def _is_word(name: str) -> bool:
    return name in ("true", "false", "none")
