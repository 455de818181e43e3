"""The helper values of tests: values that a test or a setup names, and that its lines mention."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from .. import syntax as s
from ..graph import cycles, topological
from ..syntax.children import children
from ..test_plan import FIGURES
from .program import Flow, Program, Scope
from .test_scopes import mentioned
from .unknown_names import CONSTANTS

_WHAT = {"text": "a text of the file", "texts": "the prefix of a file"}
DEEPEST_VALUE = 100
"""The most levels of a helper value, counted through the helper values that it mentions."""
_KINDS = {"element": "an element", "index": "a place", "branch": "a branch", "step": "a step", "results": "a name"}


class Helpers:
    """The helper values among the lines of a test, by name: the given values that are no parameters of the flow."""

    def __init__(self, lines: Iterable[s.TestLine], flow: Flow, program: Program) -> None:
        params = {param.name.text for param in flow.decl.params}
        self._program = program
        self._others: list[s.Expr] = []
        self.lines: dict[str, s.Given] = {}
        for line in lines:
            if isinstance(line, s.Given) and line.name.text not in params:
                self.lines.setdefault(line.name.text, line)
            else:
                self._others += s.line_values(line)

    @cached_property
    def needs(self) -> Mapping[str, list[str]]:
        """The helper values that each one mentions."""
        return {name: self._in([line.value]) for name, line in self.lines.items()}

    @cached_property
    def used(self) -> list[str]:
        """The helper values that other lines mention, directly or through others, each after those that it mentions."""
        todo = self._in(self._others)
        found: set[str] = set()
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += self.needs[name]
        return topological({name: needs for name, needs in self.needs.items() if name in found})[0]

    @cached_property
    def mentioned(self) -> set[str]:
        """The names that some line mentions, in a helper value too."""
        return {*self._in(self._others), *(need for needs in self.needs.values() for need in needs)}

    def circles(self) -> list[list[str]]:
        """Return helper values that need each other."""
        return cycles(self.needs)

    def endless(self) -> set[str]:
        """Return the helper values that need each other, and those that need one of them."""
        return topological(self.needs)[1]

    def too_deep(self) -> list[str]:
        """Return the helper values that have too many levels."""
        heights: dict[str, int] = {}
        for name in topological(self.needs)[0]:
            below = max((heights[need] for need in self.needs[name]), default=0)
            heights[name] = below + _height(self.lines[name].value)
        return [name for name, height in heights.items() if height > DEEPEST_VALUE]

    def _in(self, exprs: Iterable[s.Expr]) -> list[str]:
        if not self.lines:
            return []
        names = (name for expr in exprs for name, _ in mentioned(expr, self._program))
        return list(dict.fromkeys(name for name in names if name in self.lines))


def taken(flow: Flow, models: Scope) -> dict[str, str]:
    """Return the names that a helper value of a flow cannot have, each with what it is."""
    found = dict.fromkeys(FIGURES, "a figure of the run")
    found |= {"result": "the result of the flow", "row": "the row of a table"}
    found |= dict.fromkeys(CONSTANTS, "a word of the language")
    scopes = [flow.scope, *(scope for step in flow.walk() for scope in (step.inner, step.reduce_scope) if scope)]
    for scope in scopes:
        for name, symbol in scope.symbols.items():
            found[name] = f"{_KINDS.get(symbol.kind, 'a parameter')} of the flow"
    return found | {name: _WHAT.get(symbol.kind, "a model") for name, symbol in models.symbols.items()}


def _height(expr: s.Expr) -> int:
    deepest = 0
    todo: list[tuple[s.Expr | s.Ask, int]] = [(expr, 1)]
    while todo:
        one, height = todo.pop()
        deepest = max(deepest, height)
        todo.extend((inner, height + 1) for inner in (children(one) if not isinstance(one, s.Ask) else ()))
    return deepest
