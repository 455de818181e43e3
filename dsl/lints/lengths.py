"""The search for lists whose length an answer of a model decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .. import syntax as s
from .. import types as t
from ..catalog import FunctionSpec
from ..checking.program import Scope, Step
from ..checking.typed import Typed
from ..syntax.children import children

DEEPEST = 60
"""The most steps to follow back. Behind more of them the lints claim nothing."""
_LISTS = frozenset({"collect", "dedupe", "rank"})
"""Rules whose value is a list with at most one element for each result.

Other rules give one of the results, or a value like it.
"""

_KEEPING = frozenset({"dedupe", "first", "group", "last", "rank", "reverse", "sort", "unique"})
"""Functions whose value is a list with no more elements than the list that they take."""

EACH = "*"
Path = tuple[str, ...]
CUT: Path = ("#",)
"""The path of fields to a part of a value. ``EACH`` leads from a list to its elements."""


class Lengths:
    """The search from a list back to its origin.

    Parameters and files are known before the first call, so only an answer can leave a length open. In a record, only
    the fields that an answer decides count.
    """

    def __init__(self, functions: Mapping[str, FunctionSpec], typed: Typed) -> None:
        self._functions = functions
        self._typed = typed
        self._long: dict[tuple[Step, Path], bool] = {}
        self._told: dict[tuple[Step, Path], bool] = {}
        self._depth = 0

    def open(self, expr: s.Expr | s.Ask, scope: Scope, path: Path = ()) -> bool:
        """Tell whether an answer decides the length of this list, or of the list at the end of the path."""
        match expr:
            case s.Name(word):
                return self._name(word.text, scope, path, self._long)
            case s.Get(base, field):
                return self.open(base, scope, (field.text, *path))
            case s.Binary("+" | "??", left, right):
                return self.open(left, scope, path) or self.open(right, scope, path)
            case s.RecordExpr():
                return any(self.open(value, scope, rest) for value, rest in self._parts(expr, path, scope))
            case s.ListExpr(items):
                return bool(path) and any(self.open(item, scope, path[1:]) for item in items)
            case s.Call():
                if (behind := behind_call(expr, path)) is not None:
                    return behind != CUT and self.open(expr.args[0].value, scope, behind)
                spec = self._functions.get(expr.function.text) if expr.prefix is None else None
                # The result of another flow or an extern may be as long as its argument, so the lint claims nothing.
                return spec is not None and not spec.reads and self._holds(expr, scope)
        return isinstance(expr, s.Ask)

    def _parts(self, expr: s.RecordExpr, path: Path, scope: Scope) -> list[tuple[s.Expr, Path]]:
        """Return the values from which a part of a record may come.

        Later entries override earlier ones. So the search goes backwards and stops at the first entry that certainly
        gives the field.
        """
        if not path:
            return [(entry.value, ()) for entry in expr.entries]
        found: list[tuple[s.Expr, Path]] = []
        for entry in reversed(expr.entries):
            if entry.name is None:
                found.append((entry.value, path))
                if self._has(entry.value, path[0], scope):
                    break
            elif entry.name.text == path[0]:
                found.append((entry.value, path[1:]))
                break
        return found

    def _has(self, value: s.Expr, field: str, scope: Scope) -> bool:
        """Tell whether a spread record certainly has a field."""
        symbol = scope.lookup(value.word.text) if isinstance(value, s.Name) else None
        if symbol is None:
            return False
        type_ = self._typed.type_of(symbol)
        there = type_.field(field) if isinstance(type_, t.Record) else None
        return there is not None and not isinstance(there.type, t.Optional)

    def _holds(self, expr: s.Expr | s.Ask, scope: Scope, path: Path = ()) -> bool:
        """Tell whether a value, or its part at the end of the path, contains an answer."""
        match expr:
            case s.Name(word):
                return self._name(word.text, scope, path, self._told)
            case s.Get(base, field):
                return self._holds(base, scope, (field.text, *path))
            case s.RecordExpr():
                return any(self._holds(value, scope, rest) for value, rest in self._parts(expr, path, scope))
            case s.ListExpr():
                return any(self._holds(child, scope, path[1:]) for child in children(expr))
            case s.Binary("+" | "??"):
                return any(self._holds(child, scope, path) for child in children(expr))
            case s.Ask():
                return True
        return any(self._holds(child, scope) for child in children(expr))

    def _name(self, name: str, scope: Scope, path: Path, known: dict[tuple[Step, Path], bool]) -> bool:
        symbol = scope.lookup(name)
        if symbol is None or symbol.step is None or symbol.kind == "index":
            return False
        if symbol.kind == "element":
            return self._asks(known)(*_source(symbol.step), (EACH, *path))
        return self._step(symbol.step, path, known)

    def _asks(self, known: dict[tuple[Step, Path], bool]) -> Callable[[s.Expr | s.Ask, Scope, Path], bool]:
        """Return the question about expressions whose answers about steps ``known`` has."""
        return self.open if known is self._long else self._holds

    def _step(self, step: Step, path: Path, known: dict[tuple[Step, Path], bool]) -> bool:
        """Answer a question about a step, and remember the result. ``known`` tells which of two questions is meant."""
        key = step, path
        if key in known:
            return known[key]
        if self._depth == DEEPEST:
            return False
        # Another pass refuses circles. This entry ends the recursion.
        known[key] = False
        self._depth += 1
        ask = self._asks(known)
        made = self._length(step, path) if known is self._long else self._content(step, path)
        otherwise = step.line.when.otherwise if step.line.when else None
        known[key] = made or (otherwise is not None and ask(otherwise, step.scope, path))
        self._depth -= 1
        return known[key]

    def _length(self, step: Step, path: Path) -> bool:
        node = step.line.node
        if isinstance(node, (s.Fanout, s.Map, s.Repeat)):
            if node.reduce.ask is not None:
                return True
            rule = node.reduce.rule.text
            if not path and any(arg.name is not None and arg.name.text == "top" for arg in node.reduce.args):
                return False
            source = node.source if isinstance(node, s.Map) and node.at_most is None else None
            if not path and source and rule in _LISTS | {"flatten"} and self.open(source, step.scope):
                return True
            if not path and rule in _LISTS:
                return False
        elif not isinstance(node, (s.Chain, s.Match, s.Rounds, s.Cascade)):
            return self.open(node, step.scope, path)
        return any(self._step(one, rest, self._long) for one, rest in _inside(step, path))

    def _content(self, step: Step, path: Path) -> bool:
        node = step.line.node
        if isinstance(node, (s.Fanout, s.Map, s.Repeat)):
            if node.reduce.ask is not None:
                return True
        elif not isinstance(node, (s.Chain, s.Match, s.Rounds, s.Cascade)):
            return self._holds(node, step.scope, path)
        return any(self._step(one, rest, self._told) for one, rest in _inside(step, path))


def behind_call(call: s.Call, path: Path) -> Path | None:
    """Return the path into the list that a function takes, from the path into its result.

    None for a function that makes no list of the elements, and CUT if a number in the file bounds the list.
    """
    if call.prefix is not None or not call.args or call.args[0].name is not None:
        return None
    name = call.function.text
    numbers = [arg for arg in call.args[1:] if arg.name is None or arg.name.text in ("n", "top")]
    if name in ("first", "last") and not numbers:
        return (EACH, *path)
    if name not in _KEEPING:
        return None
    if not path and name in ("first", "last", "rank") and any(isinstance(arg.value, s.Number) for arg in numbers):
        return CUT
    return path[2:] if name == "group" and path[:2] == (EACH, "items") else path


def _source(owner: Step) -> tuple[s.Expr, Scope]:
    """Return the list that a map or a panel runs over, with its scope."""
    source = s.source_of(owner.line.node)
    assert source is not None
    return source, owner.scope


def _inside(step: Step, path: Path) -> list[tuple[Step, Path]]:
    """Return the steps inside a block that make a part of its value, each with the path to that part."""
    node = step.line.node
    rule = node.reduce.rule.text if isinstance(node, (s.Fanout, s.Map, s.Repeat)) else ""
    if isinstance(node, s.Fanout):
        if path and rule == "collect":
            return [(branch, path[1:]) for branch in step.steps if branch.title == path[0]]
        return [(branch, path) for branch in step.steps]
    if isinstance(node, s.Match | s.Cascade):
        return [(branch, path) for branch in step.steps]
    rest = path[1:] if rule in _LISTS and path[:1] == (EACH,) else path
    return [(one, rest) for one in step.steps[-1:]]
