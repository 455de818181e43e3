"""The guards in a template: conditions which prove that a value is not missing.

A path is a name with its fields, written with dots. A ``?`` after it says that the value is also true. A list that is
true has elements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..tag_facts import is_not, is_one_of
from . import nodes
from .places import NOTHING, Paths


def when_true(test: nodes.Node) -> Paths:
    """Return the paths whose values are present if a test holds."""
    match test:
        case nodes.Name() | nodes.Getattr():
            path = test.path()
            return _there(test) | ({path + "?"} if path else NOTHING)
        case nodes.And():
            return when_true(test.left) | when_true(test.right)
        case nodes.Or():
            return when_true(test.left) & when_true(test.right)
        case nodes.Not():
            return when_false(test.node)
        case nodes.Test(name="defined"):
            return _there(test.node)
        case nodes.Compare():
            return _compared(test, "ne", ("eq", "in")) | _told(test, "eq", "ne")
        case nodes.Filter(name="length"):
            return _nonempty(test)
    return NOTHING


def when_false(test: nodes.Node) -> Paths:
    """Return the paths whose values are present if a test does not hold."""
    match test:
        case nodes.Test(name="none"):
            return _there(test.node)
        case nodes.Compare():
            return _compared(test, "eq", ("ne", "notin")) | _told(test, "ne", "eq")
        case nodes.Not():
            return when_true(test.node)
        case nodes.Or():
            return when_false(test.left) | when_false(test.right)
        case nodes.And():
            return when_false(test.left) & when_false(test.right)
    return NOTHING


def forgotten(paths: Paths, names: Iterable[str]) -> Paths:
    """Return the paths that are still valid after these names got new values."""
    gone = set(names)
    return frozenset(path for path in paths if path.split(".")[0].rstrip("?") not in gone)


def assigned(node: nodes.Node) -> Iterator[str]:
    """Yield the names that a statement sets for the statements behind it."""
    if isinstance(node, nodes.Assign):
        yield node.target.name
    elif isinstance(node, nodes.If):
        for inner in (*node.body, *node.elif_, *node.else_):
            yield from assigned(inner)


def _there(node: nodes.Node) -> Paths:
    """Return a path and its beginnings. If the value of a path is present, those of its beginnings are too."""
    parts = node.path().split(".")
    return frozenset(".".join(parts[:number]) for number in range(1, len(parts) + 1) if parts[0])


def _compared(test: nodes.Compare, with_none: str, with_value: tuple[str, ...]) -> Paths:
    """Return the paths whose values are present if a comparison holds.

    ``with_none`` is the operator that proves this for a comparison with `none`. ``with_value`` are the operators that
    prove it for a comparison with a written value.
    """
    if len(test.ops) != 1:
        return _numbers(test) if "eq" in with_value else NOTHING
    left, operator, right = test.expr, test.ops[0].op, test.ops[0].expr
    if isinstance(left, nodes.Const) and operator in ("eq", "ne"):
        left, right = right, left
    if isinstance(right, nodes.Const):
        fitting = operator == with_none if right.value is None else operator in with_value
        return _there(left) if fitting else _numbers(test) if "eq" in with_value else NOTHING
    if isinstance(right, nodes.List) and operator in with_value:
        plain = all(isinstance(item, nodes.Const) and item.value is not None for item in right.items)
        return _there(left) if plain else NOTHING
    return NOTHING


def _told(test: nodes.Compare, same: str, other: str) -> Paths:
    """Return the fact that a value is a word, or is not, because a comparison of both holds."""
    if len(test.ops) != 1:
        return NOTHING
    left, operator, right = test.expr, test.ops[0].op, test.ops[0].expr
    if isinstance(left, nodes.Const):
        left, right = right, left
    path = left.path()
    if path and operator == ("in" if same == "eq" else "notin") and isinstance(right, nodes.List):
        words = [item.value for item in right.items if isinstance(item, nodes.Const) and isinstance(item.value, str)]
        return frozenset({is_one_of(path, words)}) if len(words) == len(right.items) else NOTHING
    if not path or not isinstance(right, nodes.Const) or not isinstance(right.value, str):
        return NOTHING
    if operator == same:
        return frozenset({is_one_of(path, [right.value])})
    return frozenset({is_not(path, right.value)}) if operator == other else NOTHING


def _numbers(test: nodes.Compare) -> Paths:
    """Return the paths of lists that have elements because a comparison such as `xs | length > 0` holds."""
    operator, right = test.ops[0].op, test.ops[0].expr
    least = {"gt": 0, "gteq": 1}.get(operator)
    if len(test.ops) == 1 and least is not None and isinstance(right, nodes.Const) and isinstance(right.value, int):
        return _nonempty(test.expr) if right.value >= least else NOTHING
    return NOTHING


def _nonempty(counted: nodes.Node) -> Paths:
    if isinstance(counted, nodes.Filter) and counted.name == "length":
        path = counted.node.path()
        return frozenset({path + "?"}) if path else NOTHING
    return NOTHING
