"""The asks that a value comes from, as far as one file tells."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..checking.program import Flow, Scope, Step, Symbol
from ..records import dataclass
from ..syntax.children import children
from .home import Home, asks_in


@dataclass(frozen=True, slots=True)
class Origin:
    """An ask as the origin of a value. ``field`` is the field of its answer that the value is, "" for the answer."""

    step: Step
    part: str
    ask: s.Ask
    field: str


class Origins:
    """The origins of values in a file.

    A value is followed through steps, blocks, elements, and calls of flows of the same file. The other operands of an
    expression are followed, too, so more asks than those that make the value may be found, but not fewer.
    """

    def __init__(self, home: Home) -> None:
        self._flows = {flow.decl.name.text: flow for flow in home.checked.program.flows}
        self._callees = home.checked.typed.nodes.callees

    def of_name(self, name: str, field: str, scope: Scope) -> list[Origin]:
        """Return the origins of a name, or of a field of its value."""
        return list(self._of_symbol(scope.lookup(name), field, set()))

    def of(self, expr: s.Expr, scope: Scope) -> list[Origin]:
        """Return the origins of an expression."""
        return list(self._of(expr, "", scope, set()))

    def _of(self, expr: s.Expr | s.Ask, field: str, scope: Scope, seen: set[object]) -> Iterator[Origin]:
        match expr:
            case s.Name(word):
                yield from self._of_symbol(scope.lookup(word.text), field, seen)
            case s.Get(base, word):
                yield from self._of(base, field or word.text, scope, seen)
            case s.RecordExpr(entries) if field:
                named = [entry for entry in entries if entry.name is not None and entry.name.text == field]
                for entry in named or [entry for entry in entries if entry.name is None]:
                    yield from self._of(entry.value, "" if named else field, scope, seen)
            case s.Call() if (called := self._called(expr)) is not None:
                yield from self._of_flow(called, field, seen)
            case s.Ask():
                return
            case _:
                for inner in children(expr):
                    yield from self._of(inner, field, scope, seen)

    def _called(self, call: s.Call) -> Flow | None:
        callee = self._callees.get(call.number)
        return (
            self._flows.get(callee.name) if callee is not None and callee.kind == "flow" and not callee.path else None
        )

    def _of_flow(self, flow: Flow, field: str, seen: set[object]) -> Iterator[Origin]:
        yield from self._of(flow.decl.returns[0].value, field, flow.scope, seen)

    def _of_symbol(self, symbol: Symbol | None, field: str, seen: set[object]) -> Iterator[Origin]:
        if symbol is None or symbol.step is None or (symbol.kind, symbol.step, field) in seen:
            return
        if symbol.kind == "index":
            return
        seen.add((symbol.kind, symbol.step, field))
        step = symbol.step
        if symbol.kind == "element" and (source := s.source_of(step.line.node)) is not None:
            yield from self._of(source, field, step.scope, seen)
        elif symbol.kind == "results" or (symbol.kind == "last" and not step.branch):
            yield from self._of_body(step, field, seen)
        else:
            yield from self._of_step(step, field, seen)

    def _of_step(self, step: Step, field: str, seen: set[object]) -> Iterator[Origin]:
        node, when = step.line.node, step.line.when
        if when is not None and when.otherwise is not None:
            yield from self._of(when.otherwise, field, step.scope, seen)
        for part, ask in asks_in(step):
            # An ask that decides only chooses among the results.
            if part != "decide":
                yield Origin(step, part, ask, field)
        match node:
            case s.Ask():
                return
            case s.Map() | s.Repeat() | s.Fanout() | s.Chain() | s.Match() | s.Rounds() | s.Cascade():
                if isinstance(node, s.Chain | s.Match | s.Rounds | s.Cascade) or node.reduce.ask is None:
                    yield from self._of_body(step, field, seen)
            case _:
                yield from self._of(node, field, step.scope, seen)

    def _of_body(self, step: Step, field: str, seen: set[object]) -> Iterator[Origin]:
        if not isinstance(step.line.node, s.Fanout):
            for inner in step.gives:
                yield from self._of_step(inner, field, seen)
            return
        # With `collect` the branches are the fields of the value; any other reducer takes the results alike.
        named = [inner for inner in step.steps if field and inner.title == field]
        for inner in named or step.steps:
            yield from self._of_step(inner, "" if named else field, seen)
