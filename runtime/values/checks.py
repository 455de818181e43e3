"""The checks of answers: whether the condition holds, and the sentence that tells a model why it does not.

The sentence has texts of the answer alone, quoted and cut. Of other values it has numbers and truths: a text of
another step never enters a prompt this way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p

from ..vocabulary.errors import FlowrunError
from ..vocabulary.json_value import Json
from .expressions import Names, evaluate
from .functions import FUNCTIONS

if TYPE_CHECKING:
    from flowrun.dsl import ExpressionWriter

_CONDITION = 200
"""The most characters of a condition in the sentence."""
_VALUE = 40
_MOST = 3
"""The most values that the sentence tells."""
_COMPARED = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})


@cache
def _words() -> ExpressionWriter:
    """Return the writer of conditions. It loads the drawings, and few runs have an answer that fails a check."""
    from flowrun.dsl import ExpressionWriter

    return ExpressionWriter({name: one.spec for name, one in FUNCTIONS.items()})


@dataclass(frozen=True, slots=True)
class CheckedNames(Names):
    """The names that a check may mention. ``own`` are those of the answer, whose value is ``answer``."""

    outer: Names
    own: tuple[str, ...]
    answer: Json

    def value(self, name: str) -> Json:
        return self.answer if name in self.own else self.outer.value(name)

    def call(self, function: str, args: Mapping[str, Json]) -> Json:
        return self.outer.call(function, args)


def fault(check: p.Check, answer: Json, names: Names) -> str:
    """Return the reason why a check does not hold for an answer. Return "" if it holds.

    The reason continues a sentence that begins with "the answer".
    """
    why = failing(check.condition, check.names, answer, names)
    if not why:
        return ""
    message = f"{check.message.rstrip(' .')} ({why})" if check.message else why
    return f"fails a check: {message}"


def failing(condition: p.Expr, own: tuple[str, ...], value: Json, names: Names) -> str:
    """Return the reason why a condition does not hold for a value with these names. Return "" if it holds."""
    seen = CheckedNames(names, own, value)
    try:
        if evaluate(condition, seen):
            return ""
        part = next(one for one in _joined(condition) if not evaluate(one, seen))
        said = f"{_code(part)} does not hold"
        values = [*_values(part, seen)]
        return f"{said}: {' and '.join(values)}" if values else said
    except FlowrunError:
        # The error may quote a text of another step.
        return f"{_code(condition)} has no value, as behind a division by zero"


def _joined(condition: p.Expr) -> Iterator[p.Expr]:
    """Yield the conditions that `and` joins, in the order of reading."""
    todo = [condition]
    while todo:
        one = todo.pop()
        if isinstance(one, p.Apply) and one.operator == "and":
            todo.extend(reversed(one.operands))
        else:
            yield one


def _values(part: p.Expr, names: CheckedNames) -> Iterator[str]:
    """Yield the values of the sides of a condition, as far as a model may read them."""
    sides = part.operands if isinstance(part, p.Apply) and part.operator in _COMPARED else (part,)
    told = 0
    for side in sides:
        if told == _MOST or isinstance(side, p.Constant) or (side is part and not isinstance(side, p.Apply)):
            continue
        value = evaluate(side, names)
        if side is part or isinstance(value, list | dict):
            continue
        if isinstance(value, str) and not _of_answer(side, names.own):
            continue
        told += 1
        yield f"{_code(side)} is {_shown(value)}"


def _of_answer(expr: p.Expr, own: tuple[str, ...]) -> bool:
    """Return True if an expression is the answer or a field of it."""
    while isinstance(expr, p.FieldOf):
        expr = expr.base
    return isinstance(expr, p.Ref) and expr.name in own


def _shown(value: Json) -> str:
    if isinstance(value, str):
        line = " ".join("".join(char if char.isprintable() else " " for char in value).split())
        value = line if len(line) <= _VALUE else f"{line[:_VALUE]}…"
    return json.dumps(value, ensure_ascii=False)


def _code(expr: p.Expr) -> str:
    written = _words().expr(expr)
    return f"`{written if len(written) <= _CONDITION else written[:_CONDITION] + '…'}`"
