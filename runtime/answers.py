"""What a model said, made into a value of the type that was asked for."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, Literal

from flowrun.dsl import option_of, types

from .errors import AnswerError
from .reducers.judging import Order

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Json = Any
_FENCE = re.compile(r"\A\s*```[A-Za-z0-9]*\n(.*?)\n?```\s*\Z", re.DOTALL)
DEEPEST = 64
"""How many levels of lists and records an answer may have."""
_HALF = re.compile("[\ud800-\udfff]")


def read_answer(text: str, type_: types.Type) -> Json:
    """The value of an answer. Raises AnswerError, whose message tells the model's words and what was expected."""
    if not text.strip():
        raise AnswerError("the answer is empty", text=text)
    if type_ == types.TEXT:
        return text.strip()
    if isinstance(type_, types.Choice):
        return _choice(text, type_)
    value = _data(text, type_)
    if isinstance(type_, Order) and (problem := type_.lacks(value)):
        wanted = f"each number of {types.show(type_.item)} once"
        raise AnswerError(f"expected {wanted}, and the answer {problem}: {_quoted(text)}", text=text)
    return value


def _choice(text: str, type_: types.Choice) -> str:
    option = option_of(text, type_.options)
    if option is not None:
        return option
    raise AnswerError(f"expected {types.show(type_)}, and the answer is {_quoted(text)}", text=text)


def _data(text: str, type_: types.Type) -> Json:
    from pydantic import ValidationError

    fenced = _FENCE.match(text)
    body = fenced[1] if fenced else text
    try:
        try:
            value = json.loads(body)
        except ValueError:
            value = _repaired(body)
    except (ValueError, RecursionError):
        raise AnswerError(f"expected {types.show(type_)}, and the answer is nested too deep", text=text) from None
    if problem := _problem(value):
        raise AnswerError(f"expected {types.show(type_)}, and the answer {problem}", text=text)
    try:
        return _validator(type_).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AnswerError(
            f"expected {types.show(type_)}, and the answer is {_quoted(text)}"
            + (f" (at `{place}`: {first['msg'].lower()})" if place else f" ({first['msg'].lower()})"),
            text=text,
        ) from None


def _repaired(text: str) -> Json:
    """The value of JSON that is nearly right: a quote or a brace forgotten, words around it."""
    from json_repair import repair_json

    value = repair_json(text, return_objects=True)
    # Text without any JSON in it comes back as an empty one.
    return text.strip() if value == "" else value


def _problem(value: Json) -> str:
    """What makes a value none that JSON text can carry on."""
    todo = [(value, 0)]
    while todo:
        one, depth = todo.pop()
        match one:
            case float() if not isfinite(one):
                return f"holds the number {one}, which JSON does not have"
            case str() if _HALF.search(one):
                return "holds half a character"
            case dict() | list() if depth == DEEPEST:
                return f"is nested deeper than {DEEPEST} levels"
            case dict():
                todo.extend((part, depth + 1) for pair in one.items() for part in pair)
            case list():
                todo.extend((part, depth + 1) for part in one)
    return ""


@lru_cache(maxsize=512)
def _validator(type_: types.Type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(_python_type(type_))


def _python_type(type_: types.Type) -> Any:
    from typing import NotRequired

    from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt
    from typing_extensions import TypedDict

    match type_:
        case types.Simple("text" | "document"):
            return str
        case types.Simple("int"):
            return Annotated[StrictInt, BeforeValidator(_whole)]
        case types.Simple("number"):
            return StrictInt | StrictFloat
        case types.Simple("bool"):
            return StrictBool
        case types.Range(low, high):
            inner = Annotated[StrictInt, BeforeValidator(_whole)] if type_.whole else StrictInt | StrictFloat
            return Annotated[inner, Field(ge=low, le=high)]
        case types.Choice(options):
            return Annotated[Literal[options], BeforeValidator(_speller(options))]
        case types.ListOf(item):
            return list.__class_getitem__(_python_type(item))
        case types.Optional(item):
            return _python_type(item) | None
        case types.Record(fields, name):
            shape = {
                field.name: NotRequired[_python_type(field.type)]
                if isinstance(field.type, types.Optional)
                else _python_type(field.type)
                for field in fields
            }
            optional = [field.name for field in fields if isinstance(field.type, types.Optional)]
            record = TypedDict(name or "Record", shape)  # type: ignore[misc]
            return Annotated[record, BeforeValidator(_filler(optional))]
    return Any


def _whole(value: Json) -> Json:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _speller(options: tuple[str, ...]) -> Any:
    def spelled(value: Json) -> Json:
        return (option_of(value, options) or value) if isinstance(value, str) else value

    return spelled


def _filler(optional: list[str]) -> Any:
    """Fields that may be missing are there all the same, with nothing in them."""
    return lambda value: {**dict.fromkeys(optional), **value} if isinstance(value, dict) else value


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= 80 else f'"{line[:79]}…"'
