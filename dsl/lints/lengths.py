"""Which lists are as long as a model writes them."""

from __future__ import annotations

from collections.abc import Mapping

from .. import syntax as s
from ..catalog import FunctionSpec
from ..checking.names import Scope, Step, children

DEEPEST = 60
"""Steps that are followed back. Behind more of them nothing is claimed."""


class Lengths:
    """Looks back from a list to what made it. Parameters and files are there before the first call, answers are not."""

    def __init__(self, functions: Mapping[str, FunctionSpec]) -> None:
        self._functions = functions
        self._long: dict[Step, bool] = {}
        self._told: dict[Step, bool] = {}
        self._depth = 0

    def open(self, expr: s.Expr | s.Ask, scope: Scope) -> bool:
        """Whether an answer decides how long this list is."""
        match expr:
            case s.Name(word):
                symbol = scope.lookup(word.text)
                if symbol is None or symbol.step is None:
                    return False
                if symbol.kind == "element":
                    return self._element(symbol.step)
                return self._step(symbol.step, self._long)
            case s.Get(base, field):
                made = self._field(base, field.text, scope)
                return made if made is not None else self._holds(base, scope)
            case s.Binary("+" | "??", left, right):
                return self.open(left, scope) or self.open(right, scope)
            case s.Call():
                spec = self._functions.get(expr.function.text) if expr.prefix is None else None
                # What another flow or an extern gives may be as long as what it was given: nothing is claimed.
                return spec is not None and not spec.reads and self._holds(expr, scope)
        return isinstance(expr, s.Ask)

    def _field(self, base: s.Expr, name: str, scope: Scope) -> bool | None:
        """The same of one field of a record that a step puts together; None where it does not."""
        symbol = scope.lookup(base.word.text) if isinstance(base, s.Name) else None
        if symbol is None or symbol.step is None or symbol.kind == "element":
            return None
        step = symbol.step
        if isinstance(step.line.node, s.Fanout) and step.line.node.reduce.ask is None:
            return next((self._step(one, self._long) for one in step.steps if one.title == name), None)
        if isinstance(step.line.node, s.RecordExpr):
            for entry in step.line.node.entries:
                if entry.name is not None and entry.name.text == name:
                    return self.open(entry.value, step.scope)
        return None

    def _holds(self, expr: s.Expr | s.Ask, scope: Scope) -> bool:
        """Whether an answer stands anywhere in a value."""
        match expr:
            case s.Name(word):
                symbol = scope.lookup(word.text)
                if symbol is None or symbol.step is None:
                    return False
                return self._element(symbol.step) if symbol.kind == "element" else self._step(symbol.step, self._told)
            case s.Ask():
                return True
        return any(self._holds(child, scope) for child in children(expr))

    def _element(self, owner: Step) -> bool:
        node = owner.line.node
        return isinstance(node, s.Map) and self._holds(node.source, owner.scope)

    def _step(self, step: Step, known: dict[Step, bool]) -> bool:
        """One of the two questions about a step; the answer is kept."""
        if step in known:
            return known[step]
        if self._depth == DEEPEST:
            return False
        # A circle is refused elsewhere, and ends here.
        known[step] = False
        self._depth += 1
        ask = self.open if known is self._long else self._holds
        made = self._length(step) if known is self._long else self._content(step)
        otherwise = step.line.when.otherwise if step.line.when else None
        known[step] = made or (otherwise is not None and ask(otherwise, step.scope))
        self._depth -= 1
        return known[step]

    def _length(self, step: Step) -> bool:
        node = step.line.node
        last = step.steps[-1:]
        match node:
            case s.Map() if node.reduce.ask is None:
                if node.at_most is not None and node.reduce.rule.text == "collect":
                    return False
                own = node.at_most is None and self.open(node.source, step.scope)
                return own or (node.reduce.rule.text != "collect" and self._content(step))
            case s.Repeat() | s.Fanout() if node.reduce.ask is None:
                return node.reduce.rule.text != "collect" and self._content(step)
            case s.Fanout() | s.Map() | s.Repeat():
                return True
            case s.Chain():
                return any(self._step(one, self._long) for one in last)
        return self.open(node, step.scope)

    def _content(self, step: Step) -> bool:
        node = step.line.node
        match node:
            case s.Fanout():
                return node.reduce.ask is not None or any(self._step(one, self._told) for one in step.steps)
            case s.Map() | s.Repeat() if node.reduce.ask is not None:
                return True
            case s.Map() | s.Repeat() | s.Chain():
                return any(self._step(one, self._told) for one in step.steps[-1:])
        return self._holds(node, step.scope)
