"""The argument `same` of a vote: an ask, or an extern, that tells whether two answers say the same."""

from __future__ import annotations

from collections.abc import Iterator

from .. import syntax as s
from .. import types as t
from ..catalog import ParamSpec, ReducerSpec
from ..diagnostics import Diagnostic, Edit, Fix, did_you_mean
from ..path_names import COMPARED, SAME
from ..texts import text_key
from .bodies import word_of
from .callees import Callee
from .program import Step
from .reducer_arguments import is_same, named
from .typed import Typed

_NO = frozenset({"no", "false", "not", "different", "differ", "other", "unequal", "distinct"})
"""The words that say that two answers differ."""


def compared(reduce: s.Reduce, params: tuple[ParamSpec, ...], item: t.Type) -> t.Type:
    """Return the type of the answers that a vote compares: the results, or a field of them."""
    item, fields = t.unwrapped(item), dict(named(params, reduce.args))
    # In a weighted vote `by` is the weight, and `of` the answer.
    weighs = any(param.name == "of" for param in params)
    word = word_of(fields.get("of" if weighs else "by"))
    if weighs and not word and isinstance(item, t.Record | t.Union):
        others = [one.name for one in item.fields if one.name != word_of(fields.get("by"))]
        word = others[0] if len(others) == 1 else ""
    if not word or not isinstance(item, t.Record | t.Union):
        return item
    field = item.field(word)
    return t.unwrapped(field.type) if field is not None else t.UNKNOWN


def comparison(step: Step, reduce: s.Reduce, spec: ReducerSpec, item: t.Type, typed: Typed) -> Iterator[Diagnostic]:
    """Check the argument `same` of a vote."""
    value = next((value for name, value in named(spec.params, reduce.args) if name == SAME), None)
    if not isinstance(value, s.Ask | s.Name):
        return
    others = [arg for arg in reduce.args if isinstance(arg.value, s.Ask) and not is_same(arg) and arg.name is not None]
    for other in others:
        said = f"a vote asks one thing: here `{SAME}`, and so `{other.name.text if other.name else ''}` cannot ask"
        yield Diagnostic("F0303", said, other.value.span, help="write `ties: first` or `ties: error`")
    if others:
        return
    if isinstance(value, s.Ask):
        yield from _ask(step, value, typed)
    else:
        yield from _extern(step, value, compared(reduce, spec.params, item), typed)


def _ask(step: Step, ask: s.Ask, typed: Typed) -> Iterator[Diagnostic]:
    if ask.number in typed.nodes.people:
        said = "a person would be asked for each pair of answers"
        yield Diagnostic("F0689", said, ask.span, help="name a model: a vote may ask many such questions")
        return
    results = [one for one in step.mentions if one.symbol is not None and one.symbol.kind == "results"]
    read = {one.name for one in results if one.symbol is not None and one.symbol.step is step}
    lacking = [f"`{name}`" for name in COMPARED if name not in read]
    if lacking:
        yield Diagnostic(
            "F0689",
            f"this question compares two answers, and does not mention {' and '.join(lacking)}",
            ask.messages[-1].span if ask.messages else ask.span,
            help='write both answers into the prompt: `"Do these say the same? {{ a }} {{ b }}"`',
        )
    yield from _type(ask, typed)


def _type(ask: s.Ask, typed: Typed) -> Iterator[Diagnostic]:
    """Check the type of the answer: yes or no, or two words of which the first says that the answers are the same."""
    if ask.answer is None:
        at = (ask.messages[-1].span if ask.messages else ask.span).end
        place = ask.span.source.span(at, at)
        help = "write `-> yes | no` behind the prompt: the first word says that they are the same"
        fix = Fix("write `-> yes | no`", (Edit(place, " -> yes | no"),))
        yield Diagnostic("F0689", "this question has two answers, and says not which", ask.span, help=help, fix=fix)
        return
    type_ = typed.nodes.answers.get(ask.number, t.UNKNOWN)
    if type_ in (t.BOOL, t.UNKNOWN):
        return
    if not isinstance(type_, t.Choice) or len(type_.options) != 2:
        said = f"two answers are the same or not, and the answer to this question is {t.show(type_)}"
        yield Diagnostic("F0689", said, ask.answer.span, help="write two words, `yes | no`, or `bool`")
        return
    first, second = type_.options
    if text_key(first) in _NO:
        said = f"the first word says that two answers are the same, and here it is `{first}`"
        help = f"write `{second} | {first}`"
        edit = Edit(ask.answer.span, f"{second} | {first}")
        swapped = Fix(help, (edit,)) if "|" in ask.answer.span.text else None
        yield Diagnostic("F0689", said, ask.answer.span, help=help, fix=swapped)


def _extern(step: Step, name: s.Name, answers: t.Type, typed: Typed) -> Iterator[Diagnostic]:
    word = name.word.text
    extern = typed.own.get(word)
    if extern is None or extern.kind != "extern" or step.scope.lookup(word) is not None:
        externs = [one for one, callee in typed.own.items() if callee.kind == "extern"]
        help = did_you_mean(word, externs) or f"declare one: {_declared(word, 'text')}"
        yield Diagnostic("F0208", f"no extern is called `{word}`", name.span, help=help)
        return
    typed.nodes.callees[name.number] = extern
    if said := _unfit(extern, answers):
        shown = t.show(answers) if answers != t.UNKNOWN else "text"
        help = f"an extern that compares is declared as {_declared(word, shown)}"
        yield Diagnostic("F0689", said, name.span, help=help)


def _declared(word: str, answers: str) -> str:
    return f'`extern {word}(a: {answers}, b: {answers}) -> bool from "MODULE:FUNCTION"`'


def _unfit(extern: Callee, answers: t.Type) -> str:
    """Say why an extern cannot compare two answers of a type. "" if it can."""
    name, params = extern.name, extern.params
    if len(params) < 2 or any(param.required for param in params[2:]):
        return f"`{name}` must take two answers, and it has {len(params)} parameter{'' if len(params) == 1 else 's'}"
    for param in params[:2]:
        if not t.fits(answers, param.type):
            return f"`{name}` takes {t.show(param.type)} for `{param.name}`, and these answers are {t.show(answers)}"
    if extern.result not in (t.BOOL, t.UNKNOWN):
        return f"`{name}` must return a bool, and returns {t.show(extern.result)}"
    return ""
