"""The words `agreement`, `margin` and `sure` in the condition of a stage. They tell of the stage before.

The tree has the calls that they stand for, so that no later pass needs to know the words: `agreement` is
`agreement(last)`, `margin` is `votes(last).margin`, and `sure` is `sure(last) ?? 0`, since an answer without a
probability is not sure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .nodes import Arg, Binary, Call, Entry, Expr, Get, ListExpr, Name, Number, RecordExpr, Unary
from .words import Word

LAST = "last"


def told(expr: Expr, number: Callable[[], int]) -> Expr:
    """Return a condition with calls in the place of the words. ``number`` numbers the nodes that are made."""

    def call(function: str, word: Word) -> Call:
        last = Name(Word(LAST, word.span), word.span, number=number())
        return Call(Word(function, word.span), (Arg(None, last, word.span),), word.span, number=number())

    def meant(one: Expr) -> Expr:
        match one:
            case Name(Word("agreement") as word):
                return call("agreement", word)
            case Name(Word("margin") as word):
                return Get(call("votes", word), word, word.span, number=number())
            case Name(Word("sure") as word):
                nothing = Number("0", "", word.span, number=number())
                return Binary("??", call("sure", word), nothing, word.span, number=number())
        return one

    return _changed(expr, meant)


def as_written(expr: Expr) -> Expr:
    """Return a condition with the words in the place of the calls that they stand for."""

    def word(one: Expr) -> Expr:
        match one:
            case Call(Word("agreement") as name) if _of_last(one):
                return Name(name, one.span)
            case Get(Call(Word("votes")) as votes, Word("margin") as name) if _of_last(votes):
                return Name(name, one.span)
            case Binary("??", Call(Word("sure") as name) as sure, Number("0", "")) if _of_last(sure):
                return Name(name, one.span)
        return one

    return _changed(expr, word)


def bare_words(expr: Expr) -> list[Word]:
    """Return the words of a condition that stand for calls, as they are written in the file."""
    found: list[Word] = []

    def seen(one: Expr) -> Expr:
        if isinstance(one, Call) and _of_last(one) and one.args[0].span == one.function.span:
            span = one.function.span
            found.append(Word("margin" if one.function.text == "votes" else one.function.text, span))
        return one

    _changed(expr, seen)
    return found


def _of_last(call: Call) -> bool:
    match call:
        case Call(_, (Arg(None, Name(Word("last"))),), prefix=None, label=None):
            return True
    return False


def _changed(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """Return an expression in which each part is changed. A part that is changed is not read again."""
    made = change(expr)
    if made is not expr:
        return made
    match expr:
        case Get(base):
            return _with(expr, base=_changed(base, change))
        case ListExpr(items):
            return _with(expr, items=tuple(_changed(one, change) for one in items))
        case RecordExpr(entries):
            return _with(expr, entries=tuple(_entry(one, change) for one in entries))
        case Call(_, args):
            return _with(expr, args=tuple(_arg(one, change) for one in args))
        case Unary(_, operand):
            return _with(expr, operand=_changed(operand, change))
        case Binary(_, left, right):
            return _with(expr, left=_changed(left, change), right=_changed(right, change))
    return expr


def _with(expr: Expr, **parts: object) -> Expr:
    same = all(_same(getattr(expr, name), part) for name, part in parts.items())
    return expr if same else replace(expr, **parts)  # type: ignore[arg-type]


def _same(one: object, other: object) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
    return one is other


def _entry(entry: Entry, change: Callable[[Expr], Expr]) -> Entry:
    value = _changed(entry.value, change)
    return entry if value is entry.value else replace(entry, value=value, short=False)


def _arg(arg: Arg, change: Callable[[Expr], Expr]) -> Arg:
    if not isinstance(arg.value, Expr):
        return arg
    value = _changed(arg.value, change)
    return arg if value is arg.value else replace(arg, value=value)
