"""Searches: reducers with a condition that judges each result by itself, as in `first(if: result.score > 0.8)`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from .. import syntax as s
from .. import types as t
from ..diagnostics import Diagnostic, Edit, Fix
from ..path_names import RESULT
from ..syntax.children import children
from ..templates.read import read_template
from .origins import origins
from .program import Scope
from .reducer_arguments import IF, condition_of
from .typed import Typed

if TYPE_CHECKING:
    from .expressions import Expressions

PASSES = t.Choice(("yes", "no"))
"""The answer of an ask that judges a result. It passes with the first word."""


def check_search(reduce: s.Reduce, scope: Scope, typed: Typed, expressions: Expressions) -> s.Reduce:
    """Check the condition of a search, and return its reducer without it. An ask stays: the caller checks asks."""
    arg = condition_of(reduce)
    assert arg is not None
    for one in reduce.args:
        if one is not arg and one.name is not None and one.name.text == IF:
            twice = Diagnostic("F0303", f"`{IF}` is given twice", one.span, help="keep only one of the two")
            typed.problems.append(twice)
    if isinstance(arg.value, s.Ask):
        if not _mentions(arg.value, scope):
            typed.problems.append(_nothing(arg.value))
        return reduce
    told = len(expressions.problems) + len(typed.problems)
    _check(arg.value, scope, typed, expressions)
    if told == len(expressions.problems) + len(typed.problems):
        if not _mentions(arg.value, scope):
            typed.problems.append(_nothing(arg.value))
        else:
            typed.problems.extend(_always(arg.value, scope, typed))
    return replace(reduce, args=tuple(one for one in reduce.args if one.name is None or one.name.text != IF))


_KINDS = {"flow": "a flow", "extern": "an extern"}


def _check(value: s.Expr, scope: Scope, typed: Typed, expressions: Expressions) -> None:
    functions = expressions.catalog.functions
    for one in _parts(value):
        name = one.function.text if isinstance(one, s.Call) and one.prefix is None else ""
        called = typed.own.get(name) if name not in functions else None
        if called is None or not isinstance(one, s.Call) or (one is value and called.kind == "extern"):
            continue
        where = "the condition of a search" if called.kind == "flow" else "an expression"
        typed.problems.append(
            Diagnostic(
                "F0408",
                f"`{name}` is {_KINDS[called.kind]}, and {where} cannot call it",
                one.function.span,
                note=f"a call of {_KINDS[called.kind]} is a step of its own, so its cost and its order are visible",
                help=f"call it in the body, `ok = {name}(…)`, end the body with a record that has `ok`, and "
                f"write `{IF}: {RESULT}.ok`",
            )
        )
        return
    if isinstance(value, s.Call) and value.prefix is None and value.function.text not in functions:
        given = expressions.call(value, scope, alone=True)
        if not t.fits(given, t.BOOL) and given != t.UNKNOWN:
            help = f"declare it with `-> bool`, or call it in the body and compare there: `{IF}: {RESULT}.score > 0.8`"
            said = f"`{IF}`: expected bool, found {t.show(given)}"
            typed.problems.append(Diagnostic("F0301", said, value.span, help=help))
        return
    expressions.expect(value, scope, t.BOOL, f"`{IF}`")
    for one in _parts(value):
        spec = expressions.catalog.functions.get(one.function.text) if isinstance(one, s.Call) else None
        if spec is not None and spec.reads:
            help = f"read the file in a step before the block, `source = {spec.name}(…)`, and mention the step here"
            said = f"`{spec.name}` reads a file, and the condition of a search only calculates"
            typed.problems.append(Diagnostic("F0769", said, one.span, help=help))


def judges(ask: s.Ask, typed: Typed, problems: list[Diagnostic], read: t.Type | None) -> None:
    """Record the type of the answer of an ask that judges. It is `yes | no`, which the flow may write or leave out."""
    typed.nodes.answers[ask.number] = PASSES
    if ask.answer is not None and not (isinstance(read, t.Choice) and {*read.options} == {*PASSES.options}):
        fix = Fix("write `yes | no`", (Edit(ask.answer.span, "yes | no"),), safe=False)
        said = f"the ask behind `{IF}` answers `yes | no`: a result passes with `yes`"
        help = "write `-> yes | no`, or leave the type out"
        problems.append(Diagnostic("F0303", said, ask.answer.span, help=help, fix=fix))


def _mentions(value: s.Expr | s.Ask, scope: Scope) -> bool:
    return any((symbol := scope.lookup(name)) is not None and symbol.name == RESULT for name in _names(value))


def _names(value: s.Expr | s.Ask) -> Iterator[str]:
    for one in _parts(value):
        if isinstance(one, s.Name):
            yield one.word.text
        strings = [one.string] if isinstance(one, s.Template) else []
        if isinstance(one, s.Ask):
            strings = [message.template for message in one.messages]
        for string in strings:
            if not isinstance(template := read_template(string), list):
                yield from (mention.name for mention in template.mentions)


def _parts(value: s.Expr | s.Ask) -> Iterator[s.Expr | s.Ask]:
    todo: list[s.Expr | s.Ask] = [value]
    while todo:
        one = todo.pop()
        yield one
        if isinstance(one, s.Ask):
            todo.extend(arg.value for arg in (one.prompt.args if one.prompt is not None else ()))
        else:
            todo.extend(children(one))


def _nothing(value: s.Expr | s.Ask) -> Diagnostic:
    shown = f"write `{{{{ {RESULT} }}}}` into the prompt" if isinstance(value, s.Ask) else f"`{IF}: {RESULT} != none`"
    return Diagnostic(
        "F0769",
        "this condition mentions nothing of the result",
        value.span,
        note="it would say the same of every result: the first would pass, or none",
        help=f"mention `{RESULT}`, the result of one run of the body: {shown}",
    )


def _always(value: s.Expr, scope: Scope, typed: Typed) -> Iterator[Diagnostic]:
    from .verdicts import Verdicts

    found = Verdicts(typed).of(value, scope)
    if found is None:
        return
    yield Diagnostic(
        "F0769",
        "each result passes this condition" if found else "no result can pass this condition",
        value.span,
        labels=origins(value, scope, typed.folding),
        note="the block would take its first result" if found else "the block would pay for all its samples, and fail",
        help=f"compare `{RESULT}` with a value that its type allows, and that not each result has",
    )
