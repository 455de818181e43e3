"""The sandbox of jinja2 that prompts are rendered in: its fields, filters and tests. Importing it loads jinja2."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jinja2 import StrictUndefined, Undefined, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flowrun.dsl import VALUE_FUNCTIONS, ImageValue, NoValueError, ValueFunction
from flowrun.dsl import plan as p

from .candidates import Candidates
from .image_values import is_shown
from .model_values import ModelValue, name_of
from .prompt_cuts import CUTS
from .prompt_text import FENCES, IMAGES, METER, PromptError, absent, measure, shown

LOOP_FIELDS = frozenset({"index", "index0", "first", "last", "length", "revindex"})


class _Absent(Undefined):
    """A missing field.

    It counts as none wherever it is looked at, and raises an error if it is placed by itself.
    """

    __slots__ = ()
    __str__ = __iter__ = __len__ = __contains__ = Undefined._fail_with_undefined_error

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Undefined)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(None)


class _Prompts(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        for kind in (str, list):
            if isinstance(left, kind) and isinstance(right, kind):
                context.resolve(METER).grow(len(left) + len(right))
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        # A field is data. Python's attributes are out of reach, also where a field is called `items`.
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, Undefined):
            return obj
        if attribute == "name" and isinstance(obj, ModelValue | p.Model):
            return name_of(obj)
        if isinstance(obj, LoopContext) and attribute in LOOP_FIELDS:
            return getattr(obj, attribute)
        return _Absent(hint=f"this value has no field `{attribute}`")

    def getitem(self, obj: Any, argument: Any) -> Any:
        # The field that a filter goes by must be there.
        found = self.getattr(obj, str(argument))
        return self.undefined(hint=found._undefined_hint) if isinstance(found, _Absent) else found


def _there(value: Any) -> Any:
    return value._fail_with_undefined_error() if isinstance(value, Undefined) else value


def _default(value: Any, other: Any = "") -> Any:
    return other if value is None or isinstance(value, Undefined) else value


def _is_none(value: Any) -> bool:
    return value is None or isinstance(value, Undefined)


_LETTERS = frozenset({"trim", "lower", "upper", "capitalize", "title"})


def _filter(function: ValueFunction) -> Callable[..., Any]:
    """Make the filter of a function. It takes its arguments by place, by name, or by jinja2's word."""
    names = [arg.name for arg in function.args]
    words = {arg.also: arg.name for arg in function.args if arg.also}

    @pass_context
    def call(context: Context, value: Any, *places: Any, **named: Any) -> Any:
        args = dict(zip(names, places, strict=False)) | {words.get(name, name): one for name, one in named.items()}
        # A number of an unknown shape is written out first, as any value that a template places.
        if function.name != "last":
            _there(value)
        given = str(value) if function.name in _LETTERS and not isinstance(value, str) else value
        if function.grown is not None:
            context.resolve(METER).grow(function.grown(given, args))
        try:
            return function.call(given, args)
        except NoValueError as error:
            raise PromptError(f"the template cannot be filled in: {error}") from None

    return call


def _as_json(value: Any) -> str:
    measure(value)
    return json.dumps(value, ensure_ascii=False, default=absent)


@pass_context
def _counted(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    meter: Any = context.resolve(METER)
    return iter(meter.count(values))


@pass_context
def _join(context: Context, values: Iterable[Any], separator: str = "") -> str:
    texts = values.lines() if isinstance(values, Candidates) else [shown(_there(value)) for value in values]
    context.resolve(METER).grow(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _place(values: Any, index: int) -> str:
    return f"{index}. " if isinstance(values, Candidates) else ""


def _told_apart(values: Any) -> Any:
    if not isinstance(values, Candidates):
        return values
    return [item if isinstance(one, str) else one for one, item in zip(values, values.texts(), strict=True)]


def _written(context: Context, value: Any) -> str:
    images: Any = context.resolve(IMAGES)
    return shown(value) if images is None or isinstance(images, Undefined) else str(images.write(value))


@pass_context
def _fenced(context: Context, value: Any) -> str:
    if ImageValue.made and is_shown(value):
        return _written(context, value)
    fences: Any = context.resolve(FENCES)
    return str(fences.write(shown(_there(value))))


@pass_context
def _cut(context: Context, value: str) -> str:
    cuts: Any = context.resolve(CUTS)
    return str(cuts.note())


@pass_context
def _finalized(context: Context, value: Any) -> Any:
    if ImageValue.made and is_shown(value):
        return _written(context, value)
    return value if isinstance(value, Undefined) else shown(value)


ENVIRONMENT = _Prompts(undefined=StrictUndefined, keep_trailing_newline=True, finalize=_finalized)
ENVIRONMENT.filters.update({name: _filter(function) for name, function in VALUE_FUNCTIONS.items()})
# The values of a template may be missing fields, candidates of a judge, and lists whose parts are one object.
ENVIRONMENT.filters.update(
    default=_default,
    counted=_counted,
    cut=_cut,
    fenced=_fenced,
    place=_place,
    told_apart=_told_apart,
    join=_join,
    json=_as_json,
)
# A value of none counts as missing, as in the checker.
ENVIRONMENT.tests.update(none=_is_none, defined=lambda value: not _is_none(value))
