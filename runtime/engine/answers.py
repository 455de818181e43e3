"""Read the answer of a model as a value of the type that the flow asks for."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Annotated, Any, Literal

from flowrun.dsl import option_of, types

from ..reducers.order import Order
from ..vocabulary.errors import AnswerError, MalformedError
from ..vocabulary.json_text import DEEPEST, JsonError, read_json, unfenced
from ..vocabulary.json_value import Json

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["DEEPEST", "read_answer"]

_PLACE = 80
"""A message shows at most this many characters of a place in an answer. A model may write field names of any length."""


def read_answer(text: str, type_: types.Type) -> Json:
    """Read the value of an answer. Raises AnswerError; its message quotes the answer and names the expected form."""
    if not text.strip():
        raise AnswerError("the answer is empty", text=text)
    if isinstance(type_, types.Simple) and type_.kind == "text":
        return text.strip()
    if isinstance(type_, types.Choice):
        found = text if text in type_.options else option_of(unfenced(text), type_.options)
        if found is None:
            raise _malformed(text, type_, "")
        return found
    if isinstance(type_, types.OpenChoice):
        return option_of(unfenced(text), type_.options) or text.strip()
    if isinstance(type_, types.Quote):
        return _bare(text)
    if isinstance(type_, types.SizedText):
        found = _bare(text).strip()
        if not type_.least <= len(found) <= (len(found) if type_.most is None else type_.most):
            raise _malformed(text, type_, f"has {len(found)} characters")
        return found
    value = _data(text, type_)
    if isinstance(type_, Order) and (problem := type_.lacks(value)):
        wanted = f"each number of {types.show(type_.item)} once"
        said = f"expected {wanted}, and the answer {problem}: {_quoted(text)}"
        raise MalformedError(said, text=text, why=f"{problem}; it must have {wanted}")
    return value


def _bare(text: str) -> str:
    """Read a quote that is a whole answer: the text of a JSON string, or else the words themselves."""
    try:
        found = read_json(text)
    except JsonError:
        found = None
    return found if isinstance(found, str) else text


def _data(text: str, type_: types.Type) -> Json:
    try:
        from pydantic import ValidationError
    except ModuleNotFoundError:
        return _data_without_pydantic(text, type_)
    try:
        return _validator(type_).validate_python(read_json(text))
    except JsonError as error:
        raise _malformed(text, type_, str(error)) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _misfit(text, type_, first["loc"], first["msg"]) from None


def _data_without_pydantic(text: str, type_: types.Type) -> Json:
    """Return the same value as ``_data``, or raise the same error."""
    from .plain_answers import MisfitError, fit

    try:
        return fit(read_json(text), type_, _opened)
    except JsonError as error:
        raise _malformed(text, type_, str(error)) from None
    except MisfitError as error:
        raise _misfit(text, type_, error.place, error.message) from None


def _misfit(text: str, type_: types.Type, loc: tuple[int | str, ...], message: str) -> MalformedError:
    place = ".".join(str(part) for part in loc)
    place = "".join(char if char.isprintable() else "\ufffd" for char in place[:_PLACE])
    where = f" at `{place}`" if place else ""
    return _malformed(text, type_, f"does not fit{where}: {message.lower()}")


def _malformed(text: str, type_: types.Type, why: str) -> MalformedError:
    said = f"is {_quoted(text)}" + (f", which {why}" if why else "")
    return MalformedError(f"expected {types.show(type_)}, and the answer {said}", text=text, why=why)


@lru_cache(maxsize=512)
def _validator(type_: types.Type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(_python_type(type_))


def _python_type(type_: types.Type) -> Any:
    from typing import NotRequired

    from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, with_config
    from typing_extensions import TypedDict

    match type_:
        case types.Simple("text" | "document") | types.Quote():
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
        case types.SizedText(least, most):
            return Annotated[str, Field(min_length=least, max_length=most)]
        case types.Choice(options):
            return Annotated[Literal[options], BeforeValidator(_speller(options))]
        case types.OpenChoice():
            return str
        case types.ListOf(item):
            limits = Field(min_length=type_.least or None, max_length=type_.most)
            return Annotated[list.__class_getitem__(_python_type(item)), BeforeValidator(_opened), limits]
        case types.Optional(item):
            return _python_type(item) | None
        case types.Union():
            return _union_type(type_)
        case types.Record(fields, name):
            shape = {
                field.name: NotRequired[_python_type(field.type)]
                if isinstance(field.type, types.Optional)
                else _python_type(field.type)
                for field in fields
            }
            optional = [field.name for field in fields if isinstance(field.type, types.Optional)]
            # An unknown field is an error. Otherwise the record would lose it silently.
            record: Any = TypedDict(name or "Record", shape)  # type: ignore[misc]
            return Annotated[with_config(ConfigDict(extra="forbid"))(record), BeforeValidator(_filler(optional))]
    return Any


def _union_type(union: types.Union) -> Any:
    """Return the Python type of a union. Its tag chooses the member, in whatever case and marks the model writes it."""
    from operator import or_

    from pydantic import BeforeValidator, Discriminator, Tag

    def tag_of(value: Json) -> str | None:
        said = value.get(union.tag) if isinstance(value, dict) else None
        return option_of(said, union.words) if isinstance(said, str) else None

    members = [
        Annotated[_python_type(member), Tag(word)] for member, word in zip(union.members, union.words, strict=True)
    ]
    words = " or ".join(f"`{word}`" for word in union.words)
    chosen = Discriminator(tag_of, custom_error_type="tag", custom_error_message=f"`{union.tag}` must be {words}")
    return Annotated[reduce(or_, members), chosen, BeforeValidator(_opened)]


def _whole(value: Json) -> Json:
    # From 2**53 on, one float stands for several whole numbers.
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _opened(value: Json) -> Json:
    """Read a list or record that the model wrote as JSON text inside a string. Return any other value as it is."""
    if not isinstance(value, str):
        return value
    try:
        inner = read_json(value)
    except JsonError:
        return value
    return inner if isinstance(inner, list | dict) else value


def _speller(options: tuple[str, ...]) -> Any:
    return lambda value: (option_of(value, options) or value) if isinstance(value, str) else value


def _filler(optional: list[str]) -> Any:
    """Make a function that sets each of the ``optional`` fields to None if a record lacks it."""

    def fill(value: Json) -> Json:
        found = _opened(value)
        return {**dict.fromkeys(optional), **found} if isinstance(found, dict) else found

    return fill


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= 80 else f'"{line[:79]}…"'
