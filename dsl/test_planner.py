"""The planner of tests. It turns the tests of a checked file into plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from . import plan as p
from . import syntax as s
from . import test_plan as tp
from . import types as t
from .checked import Checked, units_of
from .checking.test_answers import Scripted, scripted
from .checking.test_expressions import STEP_FIGURE
from .checking.test_helpers import Helpers
from .checking.test_lines import TestedLine, setups_of, whole_lines
from .checking.test_paths import PathNode, written_path
from .checking.tested_flow import TestedFlow, TestedFlows
from .checking.units import Unit
from .expression_planner import ExpressionPlanner
from .marked_plan import make_plan, refuse_holes
from .source import Span
from .syntax.children import children
from .templates.read import template_names

_SIGNS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})


def make_tests(checked: Checked) -> tuple[tp.Test, ...]:
    """Return the tests of a checked file, in its order. Raises FlowError if it has tests and a `?`."""
    if checked.file.tests:
        refuse_holes(checked)
    flows = TestedFlows(Unit("", checked.program, checked.typed, checked.imported, units_of(checked.imports)))
    setups = setups_of(checked.program)
    planners: dict[TestedFlow, _TestPlanner] = {}
    made = []
    for decl in checked.file.tests:
        tested = flows.of(decl)
        assert tested is not None, "the checker refuses a test of an unknown flow"
        if tested not in planners:
            planners[tested] = _TestPlanner(checked, tested)
        made.append(planners[tested].test(decl, setups))
    return tuple(made)


def plan_of_test(checked: Checked, test: tp.Test) -> p.Plan:
    """Return the plan of the flow that a test of this file runs."""
    return make_plan(checked.imports[test.source] if test.source else checked, test.flow)


def place(span: Span) -> tp.Place:
    end = span.source.position(span.end)
    return tp.Place(span.source.name, span.line, span.column, *end, span.text)


class _TestPlanner(ExpressionPlanner):
    """The planner of the tests of one flow."""

    def __init__(self, checked: Checked, tested: TestedFlow) -> None:
        super().__init__(checked, "")
        self.tested = tested
        self.helpers: Mapping[str, s.Given] = {}
        self.figures = [name for name in tp.FIGURES if tested.flow.scope.lookup(name) is None]

    def test(self, decl: s.TestDecl, setups: Mapping[str, s.SetupDecl]) -> tp.Test:
        lines = whole_lines(decl, setups, self.tested)
        of = [one.line for one in lines]
        params = {param.name.text for param in self.tested.flow.decl.params}
        given = {line.name.text: line for line in of if isinstance(line, s.Given) and line.name.text in params}
        helpers = Helpers(of, self.tested.flow, self.checked.program)
        self.helpers = helpers.lines
        return tp.Test(
            decl.title.value,
            self.tested.name,
            place(decl.title.span),
            self.tested.unit.path,
            tp.Givens(
                {name: self.expr(line.value) for name, line in given.items()},
                tuple(
                    tp.Helper(name, self.expr(helpers.lines[name].value), place(helpers.lines[name].value.span))
                    for name in helpers.used
                ),
                {name: place(line.value.span) for name, line in given.items()} | _path_places(of),
            ),
            tuple(reply for one in lines for reply in self.replies(one)),
            tuple(reply for one in lines for reply in self.externs(one)),
            tuple(
                tp.FileReply(one.line.path.value, self.expr(one.line.value), place(one.line.span), one.own)
                for one in lines
                if isinstance(one.line, s.FileReply)
            ),
            next((line.path.value for line in of if isinstance(line, s.Cases)), None),
            next((line.path.value for line in of if isinstance(line, s.Cassette)), None),
            tuple(self.expect(line) for line in of if isinstance(line, s.ExpectLine)),
        )

    # Scripted answers

    def replies(self, one: TestedLine) -> Iterator[tp.Reply]:
        line = one.line
        if not isinstance(line, s.Reply):
            return
        asks = self.tested.asks(line.path)
        answers = [self.answer(scripted(answer)) for answer in line.answers]
        when = self.expr(line.when) if line.when is not None else None
        for number, ask in enumerate(asks):
            # Several answers of a fan-out are those of its branches.
            own = answers if len(asks) == 1 or len(answers) == 1 else answers[number : number + 1]
            yield tp.Reply(_parts(ask), ask.path, when, tuple(own), place(line.span), one.own)

    def externs(self, one: TestedLine) -> Iterator[tp.ExternReply]:
        line = one.line
        if not isinstance(line, s.ExternReply):
            return
        when = self.expr(line.when) if line.when is not None else None
        answers = tuple(self.answer(scripted(answer)) for answer in line.answers)
        for key, extern in self.tested.externs.items():
            if extern.callee.name == line.name.text:
                yield tp.ExternReply(key, when, answers, place(line.span), one.own)

    def answer(self, answer: Scripted) -> tp.Answer:
        value = self.expr(answer.value) if answer.value is not None else None
        seconds = float(answer.delay.amount) if answer.delay is not None else None
        return tp.Answer(answer.kind, value, seconds, place(answer.span))

    # Expectations

    def expect(self, line: s.ExpectLine) -> tp.Expect:
        at = place(line.span)
        match line:
            case s.Expect(condition):
                sides = condition if isinstance(condition, s.Binary) and condition.operator in _SIGNS else None
                return tp.Expect(
                    "holds",
                    at,
                    left=self.expr(sides.left if sides else condition),
                    operator=sides.operator if sides else "",
                    right=self.expr(sides.right) if sides else None,
                    names=self.names(condition),
                )
            case s.ExpectType(negated, left):
                wanted = t.planned(self.typed.nodes.matched[left.number])
                return tp.Expect("matches", at, negated, self.expr(left), type=wanted, names=self.names(left))
            case s.ExpectRelation(negated, left, relation, right, within):
                kind: Literal["contains", "about"] = "contains" if relation.text == "contains" else "about"
                return tp.Expect(
                    kind,
                    at,
                    negated,
                    self.expr(left),
                    right=self.expr(right),
                    within=self.expr(within) if within is not None else None,
                    names=self.names(left, right),
                )
            case s.ExpectEnd(negated, step, end, message):
                path = written_path(step) if step is not None else None
                found = self.tested.find(path) if path is not None else None
                node = found if isinstance(found, PathNode) else None
                return tp.Expect(
                    "failed" if end.text == "failed" else "skipped",
                    at,
                    negated,
                    right=p.Constant(message.value) if message is not None else None,
                    step=node.path if node is not None else "",
                    path=_parts(node) if node is not None else (),
                )
            case s.ExpectAsked(negated, asked, contains):
                node = next(iter(self.tested.asks(asked)))
                return tp.Expect(
                    "asked",
                    at,
                    negated,
                    right=self.expr(contains) if contains is not None else None,
                    step=node.path,
                    path=_parts(node),
                    names=self.names(*([contains] if contains is not None else [])),
                )

    def constant(self, name: str, field: str) -> str | None:
        """Return the text of a name in the tested flow's file, or else in the file of the test."""
        symbol = self.tested.flow.scope.lookup(name)
        return symbol.text(field) if symbol is not None else super().constant(name, field)

    def names(self, *exprs: s.Expr) -> tuple[str, ...]:
        """Return the names of the run that expressions mention."""
        found: dict[str, None] = {}
        todo: list[s.Expr | s.Ask] = [*reversed(exprs)]
        while todo:
            one = todo.pop()
            if isinstance(one, s.Ask):
                continue
            if (figure := self.figure(one)) is not None:
                found[figure] = None
                continue
            words: list[str] = []
            if isinstance(one, s.Name) and one.number not in self.typed.nodes.words:
                words = [one.word.text]
            elif isinstance(one, s.Template):
                words = sorted(template_names(one.string.value))
            known = [word for word in words if word in ("result", "row") or word in self.helpers]
            scope = self.tested.flow.scope
            seen = (word for word in words if (symbol := scope.lookup(word)) is not None and symbol.constant is None)
            found |= dict.fromkeys([*known, *seen])
            todo.extend(reversed(list(children(one))))
        return tuple(found)

    def figure(self, expr: s.Expr) -> str | None:
        """Return the name of the figure that an expression means."""
        if isinstance(expr, s.Name) and expr.word.text in self.figures and expr.number not in self.typed.nodes.words:
            if expr.word.text != STEP_FIGURE:
                return expr.word.text
            only = self.tested.only_ask
            return f"{STEP_FIGURE}({only.path})" if only is not None else None
        if isinstance(expr, s.Call) and expr.function.text == STEP_FIGURE and expr.prefix is None and expr.args:
            value = expr.args[0].value
            path = written_path(value) if not isinstance(value, s.Ask) else None
            asks = self.tested.asks(path) if path is not None else []
            return f"{STEP_FIGURE}({asks[0].path})" if asks else None
        return None

    def _expr(self, expr: s.Expr) -> p.Expr:
        figure = self.figure(expr)
        return super()._expr(expr) if figure is None else p.Ref(figure)


def _parts(node: PathNode) -> tuple[tp.PathPart, ...]:
    return tuple(tp.PathPart(one.name, *one.numbers) for one in node.chain)


def _path_places(lines: Iterable[s.TestLine]) -> dict[str, tp.Place]:
    """Return the places of the lines that name a table or a cassette."""
    keys = {s.Cases: tp.CASES, s.Cassette: tp.CASSETTE}
    return {keys[type(line)]: place(line.span) for line in lines if isinstance(line, s.Cases | s.Cassette)}
