"""The sandbox of jinja2 that prompts are rendered in: its fields, filters and tests. Importing it loads jinja2."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from jinja2 import Environment, StrictUndefined, Undefined, pass_context, pass_environment
from jinja2.filters import do_round
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flowrun.dsl import plan as p

from .candidates import Candidates
from .model_values import ModelValue, name_of
from .prompt_text import FENCES, METER, absent, measure, shown

WIDEST_INDENT = 80
MOST_PLACES = 12
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


@pass_environment
def _unique(environment: Environment, values: Any, case_sensitive: bool = False, attribute: Any = None) -> list[Any]:
    # The result of jinja2's own filter can be read only once, and it treats an optional field as an error.
    seen: dict[Any, Any] = {}
    for value in values:
        key = value
        for field in str(attribute).split(".") if attribute is not None else ():
            key = environment.getattr(key, field)
        seen.setdefault(key.lower() if isinstance(key, str) and not case_sensitive else key, value)
    return list(seen.values())


def _rounded(value: Any, precision: int = 0, method: Any = "common") -> Any:
    if not 0 <= precision <= MOST_PLACES:
        raise ValueError(f"`precision` takes a number from 0 to {MOST_PLACES}")
    return do_round(value, precision, method)


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


@pass_context
def _indent(context: Context, text: str, width: int = 4, first: bool = False) -> str:
    pad = " " * min(width, WIDEST_INDENT)
    lines = text.split("\n")
    context.resolve(METER).grow(len(text) + len(pad) * len(lines))
    return "\n".join(pad + line if line and (first or number) else line for number, line in enumerate(lines))


def _place(values: Any, index: int) -> str:
    return f"{index}. " if isinstance(values, Candidates) else ""


def _told_apart(values: Any) -> Any:
    if not isinstance(values, Candidates):
        return values
    return [item if isinstance(one, str) else one for one, item in zip(values, values.texts(), strict=True)]


@pass_context
def _fenced(context: Context, value: Any) -> str:
    fences: Any = context.resolve(FENCES)
    return str(fences.write(shown(_there(value))))


def _finalized(value: Any) -> Any:
    return value if isinstance(value, Undefined) else shown(value)


ENVIRONMENT = _Prompts(undefined=StrictUndefined, keep_trailing_newline=True, finalize=_finalized)
ENVIRONMENT.filters.update(
    default=_default,
    counted=_counted,
    fenced=_fenced,
    place=_place,
    told_apart=_told_apart,
    join=_join,
    indent=_indent,
    first=lambda values: next(iter(values), None),
    last=lambda values: values[-1] if values else None,
    unique=_unique,
    round=_rounded,
    json=_as_json,
)
# A value of none counts as missing, as in the checker.
ENVIRONMENT.tests.update(none=_is_none, defined=lambda value: not _is_none(value))
