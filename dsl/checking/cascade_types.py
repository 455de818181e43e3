"""The types of a cascade: its stages, the value of the stage before, and the conditions for going on."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from ..catalog import FunctionSpec
from ..diagnostics import Diagnostic, Edit, Fix, Label
from ..syntax.children import children
from .people import HUMAN
from .program import Step

_MOST = {"agreement": 1.0, "sure": 1.0}
"""The greatest values of the words in a condition. The least of each is 0, and a margin has no greatest value."""
_ABOVE = 2.0
"""A number above every share: a condition that always holds, as `flowrun tune` tries it."""
_Comparison = tuple[s.Word, str, float, s.Binary]
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def may_fail(stage: Step) -> bool:
    """Tell whether a stage can fail, so that the next one has no value of the stage before."""
    node = stage.line.node
    if isinstance(node, s.Chain | s.Match | s.Cascade):
        return any(may_fail(one) for one in stage.steps)
    return isinstance(node, s.Ask | s.Map | s.Repeat | s.Fanout | s.Rounds | s.Call)


def untold(function: FunctionSpec, value: s.Expr, before: Step) -> Diagnostic:
    """Return the report of a word, or of its function, that tells nothing of the stage before."""
    word = {"votes": "margin"}.get(function.name, function.name) if value.span.text != "last" else function.name
    what = "an ask for a choice" if function.of_ask else "a vote"
    help = (
        "make the stage before an ask for words, `ask … -> yes | no`"
        if function.of_ask
        else "make the stage before a vote, such as `repeat 3 { … } reduce majority`"
    )
    return Diagnostic(
        "F0687",
        f"`{word}` tells of {what}, and the stage before is {_unlike(function, before)}",
        value.span,
        labels=(Label(before.line.node.span, "the stage before"),),
        help=help + "; or compare its value, `when last == …`",
    )


def _unlike(function: FunctionSpec, before: Step) -> str:
    if not function.of_ask:
        return "no vote"
    node = before.line.node
    model = node.model if isinstance(node, s.Ask) else None
    return "a question to a person" if isinstance(model, s.Name) and model.word.text == HUMAN else "no such ask"


def range_problems(condition: s.Expr) -> Iterator[Diagnostic]:
    """Report a word that is compared with a number that it never reaches."""
    for word, operator, number, one in _compared(condition):
        most = _MOST.get(word.text)
        if number >= 0 and (most is None or number <= most or number == _ABOVE):
            continue
        range_ = "from 0 to 1" if most is not None else "0 or more"
        often = "never" if _never(operator, number) else "always"
        percent = f"{number / 100:g}" if most is not None and 1 < number <= 100 else ""
        yield Diagnostic(
            "F0628",
            f"`{word.text}` is {range_}, so it is {often} {operator} {number:g}",
            one.span,
            help=f"write a number that `{word.text}` can have"
            + (f"; for {number:g} percent write `{percent}`" if percent else ""),
            fix=_in_percent(one, percent) if percent else None,
        )


def _in_percent(compared: s.Binary, written: str) -> Fix:
    number = next(one for one in (compared.left, compared.right) if _number(one) is not None)
    return Fix(f"write `{written}`", (Edit(number.span, written),), safe=False)


def constant_reason(condition: s.Expr) -> str:
    """Return what a comparison with the end of a range says of all values; "" for any other condition."""
    match _alone(condition):
        case None:
            return ""
        case word, operator, number, _:
            most = _MOST.get(word.text)
            if number == 0 and operator in ("<", ">="):
                return f"`{word.text}` is {'never' if operator == '<' else 'always'} {operator} 0"
            if number == most and operator in (">", "<="):
                return f"`{word.text}` is {'never' if operator == '>' else 'always'} {operator} {number:g}"
            if number == _ABOVE and most is not None and operator not in ("==", "!="):
                return f"`{word.text}` is {'never' if operator in ('>', '>=') else 'always'} {operator} 2"
    return ""


def ties_go_up(condition: s.Expr) -> bool:
    """Tell whether a condition for going on holds for a tie, in which no answer has more than half of the votes."""
    return any(
        operator in ("<", "<=") and (number > 0.5 if word.text == "agreement" else number > 0 or operator == "<=")
        for word, operator, number, _ in _compared(condition)
        if word.text in ("agreement", "margin")
    )


def _never(operator: str, number: float) -> bool:
    return operator in (("<", "<=", "==") if number < 0 else (">", ">=", "=="))


def _alone(condition: s.Expr) -> _Comparison | None:
    found = list(_compared(condition))
    return found[0] if len(found) == 1 and isinstance(condition, s.Binary) and condition.operator in _TURNED else None


def _compared(condition: s.Expr) -> Iterator[_Comparison]:
    """Yield each comparison of a word with a number."""
    todo: list[s.Expr | s.Ask] = [condition]
    while todo:
        one = todo.pop()
        if isinstance(one, s.Ask):
            continue
        if isinstance(one, s.Binary) and one.operator in _TURNED:
            for word, number, operator in (
                (_word(one.left), _number(one.right), one.operator),
                (_word(one.right), _number(one.left), _TURNED[one.operator]),
            ):
                if word is not None and number is not None:
                    yield word, operator, number, one
        todo.extend(children(one))


def _word(expr: s.Expr) -> s.Word | None:
    from ..syntax.stage_words import as_written

    match as_written(expr):
        case s.Name(s.Word("agreement" | "margin" | "sure") as word):
            return word
    return None


def _number(expr: s.Expr) -> float | None:
    match expr:
        case s.Number():
            return float(expr.amount)
        case s.Unary("-", s.Number() as number):
            return -float(number.amount)
    return None
