"""Constant folding: the checker works out an expression if the file alone decides its value.

No other part of the checker works out values. A parameter never folds, even with a default, because the caller decides
its value. A step with a ``when`` never folds, because it may be skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .. import syntax as s
from ..catalog import FunctionSpec
from ..plain_data import Json
from ..syntax.children import children, dotted
from ..templates.read import Piece, template_pieces
from .node_tables import NodeTables
from .program import Program, Scope, Step
from .static_values import HEAVIEST, OPEN, FoldingAllowance, NoValue, OpenRecord, Outcome, StaticValue, scalar

WORDS = {"true": True, "false": False, "none": None}
"""The values that have a name in every flow."""
_LISTS = frozenset({"collect", "dedupe", "flatten", "rank"})
"""Reducers whose value is the empty list if there are no results."""


class Folding:
    """The constant values of one checked file. Each expression is worked out once.

    ``nodes`` has the names that stand for themselves or for the words of a type, and the callees of calls.
    """

    def __init__(
        self,
        program: Program,
        functions: Mapping[str, FunctionSpec],
        nodes: NodeTables,
    ) -> None:
        self._functions = functions
        self._words = nodes.words
        self._listed = nodes.listed
        self._callees = nodes.callees
        self._flows = {flow.decl.name.text: flow for flow in reversed(program.flows)}
        self._steps: dict[Step, Outcome] = {}
        self._composed: dict[int, Outcome] = {}
        self._allowance = FoldingAllowance()

    # The questions that callers ask

    def value(self, expr: s.Expr | s.Ask, scope: Scope) -> Outcome:
        if isinstance(expr, s.Ask):
            return None
        for step in named_steps(expr, scope):
            self._settle(step)
        return self._fold(expr, scope)

    def known(self, expr: s.Expr | s.Ask, scope: Scope) -> Json:
        """Return the value if the file decides all of it, and None otherwise. A known value may be None too."""
        found = self.value(expr, scope)
        return found.value if isinstance(found, StaticValue) and found.whole else None

    def number(self, expr: s.Expr | s.Ask, scope: Scope) -> int | float | None:
        """Return the value if it is a known number; None otherwise."""
        found = self.value(expr, scope)
        return found.number if isinstance(found, StaticValue) else None

    def step(self, step: Step) -> Outcome:
        self._settle(step)
        return self._steps.get(step)

    def result(self, flow: str) -> StaticValue | None:
        """Return the constant that a flow of this file returns for all inputs. None if its value depends on the run."""
        found = self._flows[flow]
        returned = found.decl.returns[0].value if found.decl.returns else None
        value = self.value(returned, found.scope) if returned is not None else None
        return value if isinstance(value, StaticValue) else None

    def elements(self, step: Step) -> tuple[int, int | None]:
        """Return the least and the greatest number of a map's elements. The greatest is None if the run decides it."""
        node = step.line.node
        assert isinstance(node, s.Map)
        self.value(node.source, step.scope)
        if node.where is not None:
            self.value(node.where, step.inner or step.scope)
        return self._elements(step, node)

    def _elements(self, step: Step, node: s.Map) -> tuple[int, int | None]:
        source = self._fold(node.source, step.scope)
        most = len(source.value) if isinstance(source, StaticValue) and isinstance(source.value, list) else None
        taken = self._fold(node.where, step.inner or step.scope) if node.where is not None else scalar(True)
        held = taken.value if isinstance(taken, StaticValue) else None
        return (most or 0) if held is True else 0, 0 if held is False else most

    # Steps, each after the steps that it mentions: a loop, so that a long row of steps does not exhaust the stack

    def _settle(self, step: Step) -> None:
        todo, begun = [step], set[Step]()
        while todo:
            one = todo[-1]
            if one in self._steps:
                todo.pop()
                continue
            if one not in begun:
                begun.add(one)
                todo.extend(need for need in self._needs(one) if need not in self._steps and need not in begun)
                continue
            self._steps[one] = self._of_step(one)
            todo.pop()

    def _needs(self, step: Step) -> Iterator[Step]:
        node = step.line.node
        if step.line.when is not None or isinstance(node, s.Ask):
            return
        for mention in step.mentions:
            symbol = mention.symbol
            if symbol is not None and symbol.step is not None and symbol.kind in ("step", "branch"):
                yield symbol.step
        if isinstance(node, (s.Chain, s.Fanout)):
            yield from step.steps
        called = self._called(node)
        if called is not None:
            yield from named_steps(called[0], called[1])

    def _called(self, node: s.Node) -> tuple[s.Expr, Scope] | None:
        """Return the expression that a called flow of this file returns, with its scope. None for any other node."""
        callee = self._callees.get(node.number) if isinstance(node, s.Call) else None
        flow = (
            self._flows.get(callee.name) if callee is not None and callee.kind == "flow" and not callee.path else None
        )
        return (flow.decl.returns[0].value, flow.scope) if flow is not None and flow.decl.returns else None

    def _of_step(self, step: Step) -> Outcome:
        node = step.line.node
        if step.line.when is not None or isinstance(node, s.Ask):
            return None
        match node:
            case s.Chain():
                return self._steps.get(step.steps[-1]) if step.steps else None
            case s.Rounds():
                return None
            case s.Fanout() | s.Map() | s.Repeat():
                return None if node.reduce.ask is not None else self._of_block(step, node, node.reduce.rule.text)
            case s.Match() | s.Cascade():
                return None
            case s.Call() if node.number in self._callees:
                called = self._called(node)
                return self._fold(*called) if called is not None else self._callees[node.number].value
        return self._fold(node, step.scope)

    def _of_block(self, step: Step, node: s.Fanout | s.Map | s.Repeat, rule: str) -> Outcome:
        if isinstance(node, s.Fanout):
            from .static_operators import record_of

            fields = [(branch.title, self._steps.get(branch)) for branch in step.steps]
            return record_of(fields, self._allowance) if rule == "collect" else None
        if isinstance(node, s.Repeat):
            least, most = int(node.least.value), int(node.most.value)
        else:
            least, counted = self._elements(step, node)
            most = -1 if counted is None else counted
        if most == 0 and rule in _LISTS:
            return StaticValue([])
        if rule != "collect" or least != most or step.line.options or most > HEAVIEST:
            return None
        from .static_operators import built

        return built(StaticValue([OPEN] * most, most == 0, 1 + most), self._allowance)

    # Expressions: by recursion, as deep as they are written

    def _fold(self, expr: s.Expr, scope: Scope) -> Outcome:
        if (words := self._listed.get(expr.number)) is not None:
            from .static_operators import list_of

            return list_of([scalar(word) for word in words.options], self._allowance)
        match expr:
            case s.Name(word):
                return scalar(word.text) if expr.number in self._words else self._name(word.text, scope)
            case s.Text(string):
                return scalar(string.value)
            case s.Number():
                return scalar(expr.amount)
            case s.Get() if expr.number in self._words:
                return scalar(dotted(expr))
        if expr.number not in self._composed:
            self._composed[expr.number] = self._compose(expr, scope)
        return self._composed[expr.number]

    def _name(self, word: str, scope: Scope) -> Outcome:
        symbol = scope.lookup(word)
        if symbol is None:
            return scalar(WORDS[word]) if word in WORDS else None
        if symbol.constant is not None:
            texts = symbol.constant
            if isinstance(texts, str):
                return scalar(texts)
            from .static_operators import record_of

            return record_of([(name, scalar(text)) for name, text in texts.items()], self._allowance)
        return self._steps.get(symbol.step) if symbol.step and symbol.kind in ("step", "branch") else None

    def _compose(self, expr: s.Expr, scope: Scope) -> Outcome:
        from .static_operators import binary, field_of, list_of, record_of, unary

        match expr:
            case s.Get(base, word):
                return field_of(self._fold(base, scope), word.text, expr.span, self._allowance)
            case s.Template(tag, string):
                pieces = template_pieces(string.value) if tag.text == "text" else None
                return None if pieces is None else self._text(expr, pieces, scope)
            case s.ListExpr(items):
                return list_of([self._fold(item, scope) for item in items], self._allowance)
            case s.RecordExpr(entries):
                fields = [
                    (entry.name.text if entry.name else None, self._fold(entry.value, scope)) for entry in entries
                ]
                return record_of(fields, self._allowance)
            case s.Call():
                return self._call(expr, scope)
            case s.Unary(_, operand):
                return unary(expr, self._fold(operand, scope))
            case s.Binary(_, left, right):
                return binary(expr, self._fold(left, scope), self._fold(right, scope), self._allowance)
        return None

    def _text(self, expr: s.Template, pieces: tuple[Piece, ...], scope: Scope) -> Outcome:
        from .static_operators import field_of, text_of

        found: list[Outcome] = []
        for piece in pieces:
            value: Outcome = scalar(piece) if isinstance(piece, str) else self._name(piece[0], scope)
            for field in () if isinstance(piece, str) else piece[1:]:
                value = field_of(value, field, expr.span, self._allowance)
            found.append(value)
        return text_of(found, self._allowance)

    def _call(self, call: s.Call, scope: Scope) -> Outcome:
        spec = self._functions.get(call.function.text) if call.prefix is None else None
        if spec is None or spec.known is None:
            return None
        given: dict[str, Json] = {}
        weight = 1
        for place, arg in enumerate(call.args):
            name = arg.name.text if arg.name else spec.params[place].name if place < len(spec.params) else ""
            found = None if isinstance(arg.value, s.Ask) else self._fold(arg.value, scope)
            if isinstance(found, NoValue):
                return found
            if found is not None and not self._allowance.take(found.weight):
                return None
            weight += 0 if found is None else found.weight
            given[name] = OPEN if found is None or isinstance(found.value, OpenRecord) else found.value
        value = spec.known(given)
        made = StaticValue(value, True, weight) if isinstance(value, (list, dict)) else scalar(value)
        if value is None:
            return None
        from .static_operators import built

        return built(made, self._allowance)


def named_steps(expr: s.Expr, scope: Scope) -> Iterator[Step]:
    """Yield the steps that an expression mentions."""
    todo: list[s.Expr | s.Ask] = [expr]
    while todo:
        one = todo.pop()
        names: list[str] = []
        if isinstance(one, s.Name):
            names = [one.word.text]
        elif isinstance(one, s.Template):
            names = [piece[0] for piece in template_pieces(one.string.value) or () if not isinstance(piece, str)]
        elif not isinstance(one, s.Ask):
            todo.extend(children(one))
        for name in names:
            symbol = scope.lookup(name)
            if symbol is not None and symbol.step is not None and symbol.kind in ("step", "branch"):
                yield symbol.step
