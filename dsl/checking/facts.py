"""The facts that hold in a part of a flow, because a `match`, a `when` or a `where` has looked at a value.

A fact is the path of a value that is there, or the words that the tag of a union is or is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from .. import types as t
from ..tag_facts import is_not, is_one_of, told_apart

Facts = frozenset[str]
NO_FACTS: Facts = frozenset()


def path_of(expr: s.Expr) -> str:
    """Return a name with its fields, written with dots; "" for any other expression."""
    match expr:
        case s.Name(word):
            return word.text
        case s.Get(base, word):
            outer = path_of(base)
            return f"{outer}.{word.text}" if outer else ""
    return ""


def written(expr: object) -> str:
    """Return a word that is written bare or in quotes; "" for any other value."""
    match expr:
        case s.Name(word):
            return word.text
        case s.Text(string):
            return string.value
    return ""


def facts_of_branches(node: s.Match) -> Iterator[Facts]:
    """Yield for each branch of a match what holds in it."""
    path = path_of(node.value)
    bare = [one.text if isinstance(one, s.Word) else None for one in node.classes]
    words = [one.text if isinstance(one, s.Word) else one.value for one in node.classes]
    for place, word in enumerate(words):
        if not path or bare[place] == "none":
            yield NO_FACTS
        elif bare[place] == "else":
            others = frozenset(is_not(path, one) for at, one in enumerate(words) if at != place)
            yield others | _there(path) if "none" in bare else others
        else:
            yield frozenset({is_one_of(path, [word])}) | _there(path)


def tags_told(condition: s.Expr) -> Facts:
    """Return what a condition says about words if it holds."""
    match condition:
        case s.Binary("and", left, right):
            return tags_told(left) | tags_told(right)
        case s.Unary("not", s.Binary("==" | "!=" as operator, left, right)):
            return tags_told(s.Binary("!=" if operator == "==" else "==", left, right, condition.span))
        case s.Binary("==" | "!=" | "in" as operator, left, right):
            return _compared(operator, left, right) | (
                NO_FACTS if operator == "in" else _compared(operator, right, left)
            )
    return NO_FACTS


def _compared(operator: str, value: s.Expr, other: s.Expr) -> Facts:
    path = path_of(value)
    if not path:
        return NO_FACTS
    if operator == "in":
        words = [written(item) for item in other.items] if isinstance(other, s.ListExpr) else []
        return frozenset({is_one_of(path, words)}) if words and all(words) else NO_FACTS
    word = written(other)
    if not word:
        return NO_FACTS
    return frozenset({is_one_of(path, [word]) if operator == "==" else is_not(path, word)})


def known_type(expr: s.Expr, type_: t.Type, facts: Facts) -> t.Type:
    """Return the type of a name or a field where some facts hold."""
    path = path_of(expr)
    if not facts or not path:
        return type_
    return told_apart(t.unwrapped(type_) if path in facts else type_, path, facts)


def _there(path: str) -> Facts:
    parts = path.split(".")
    return frozenset(".".join(parts[:number]) for number in range(1, len(parts) + 1))
