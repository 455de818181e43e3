"""The types of the language, as plain data.

Each type is a frozen dataclass with a ``kind``, so that a plan can hold it as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import field
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, TypeAlias, get_args

from .plain_data import OMITTED
from .records import dataclass


@dataclass(frozen=True, slots=True)
class Simple:
    """A type without parts. ``none`` is the type of a skipped step's value.

    ``unknown`` follows an error and fits every type.
    """

    kind: Literal["text", "int", "number", "bool", "json", "document", "image", "model", "none", "unknown"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit, for options: percent, money, or seconds."""

    unit: Literal["%", "$", "s"]
    kind: Literal["quantity"] = "quantity"


@dataclass(frozen=True, slots=True)
class Range:
    """The whole numbers from ``low`` to ``high``. If a bound has a decimal point, all numbers between them."""

    low: int | float
    high: int | float
    kind: Literal["range"] = "range"

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple[str, ...]
    kind: Literal["choice"] = "choice"


@dataclass(frozen=True, slots=True)
class OpenChoice:
    """The words that a person is offered, or any other text: ``yes | no | text``. Only an answer of a person has it."""

    options: tuple[str, ...]
    kind: Literal["open"] = "open"


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a source, which an answer must copy. ``source`` is a name, perhaps with fields: ``mail.body``.

    Only the answer of an ask has this type. The value of a quote is a text.
    """

    source: str
    kind: Literal["quote"] = "quote"


@dataclass(frozen=True, slots=True)
class SizedText:
    """A text of ``least`` to ``most`` characters; without ``most`` it has no upper limit."""

    least: int
    most: int | None
    kind: Literal["sized_text"] = "sized_text"


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of ``least`` to ``most`` items; without ``most`` it has no upper limit."""

    item: Type
    kind: Literal["list"] = "list"
    least: int = field(default=0, metadata={OMITTED: 0})
    most: int | None = field(default=None, metadata={OMITTED: None})

    @property
    def sized(self) -> bool:
        return bool(self.least) or self.most is not None


@dataclass(frozen=True, slots=True)
class Optional:
    item: Type
    kind: Literal["optional"] = "optional"


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    type: Type
    description: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A record with named fields.

    ``name`` is the name of the declared type. Only messages use it, because the name does not matter for whether types
    fit.
    """

    fields: tuple[Field, ...]
    name: str = ""
    kind: Literal["record"] = "record"

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)


@dataclass(frozen=True, slots=True)
class Union:
    """A record of one of several types. The word in the field ``tag`` tells which one it is.

    ``name`` is the name of the declared type, and only messages use it.
    """

    members: tuple[Record, ...]
    tag: str
    name: str = ""
    kind: Literal["union"] = "union"

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the tag, one for each member."""
        return tuple(tag_word(member, self.tag) for member in self.members)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that all members have, with the same type. They can be read of any member."""
        first, *others = self.members
        return tuple(
            Field(one.name, Choice(self.words)) if one.name == self.tag else one
            for one in first.fields
            if one.name == self.tag or all(_has(other, one) for other in others)
        )

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)

    def member(self, word: object) -> Record | None:
        """Return the member with this word in its tag."""
        return next((one for one, own in zip(self.members, self.words, strict=True) if own == word), None)

    def among(self, words: Container[str]) -> Union | Record:
        """Return the type of the values whose tag has one of these words."""
        left = tuple(one for one, word in zip(self.members, self.words, strict=True) if word in words)
        return self if not left else left[0] if len(left) == 1 else Union(left, self.tag)


def tag_word(record: Record, tag: str) -> str:
    """Return the only word of a field; "" if the field is missing or can have other values."""
    field = record.field(tag)
    return field.type.options[0] if field and isinstance(field.type, Choice) and len(field.type.options) == 1 else ""


def _has(record: Record, field: Field) -> bool:
    found = record.field(field.name)
    return found is not None and found.type == field.type


@dataclass(frozen=True, slots=True)
class Mixed:
    """The type of values of several types that have nothing in common. A flow cannot write it, and no plan has it."""

    options: tuple[Type, ...]
    kind: Literal["mixed"] = "mixed"


class ByKind:
    """The instruction to pydantic to read a union by its ``kind``.

    Without it, each level of nesting multiplies the work.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        from pydantic import Field as PydanticField

        # A plan has no Mixed type.
        members: Any = reduce(or_, (one for one in get_args(source) if one is not Mixed))
        return handler(Annotated[members, PydanticField(discriminator="kind")])


Type: TypeAlias = Annotated[
    Simple | Quantity | Range | Choice | OpenChoice | Quote | SizedText | ListOf | Optional | Record | Union | Mixed,
    ByKind(),
]

TEXT = Simple("text")
INT = Simple("int")
NUMBER = Simple("number")
BOOL = Simple("bool")
JSON = Simple("json")
DOCUMENT = Simple("document")
IMAGE = Simple("image")
MODEL = Simple("model")
NONE = Simple("none")
UNKNOWN = Simple("unknown")

WORDS = (Choice, OpenChoice)
"""The types whose words a flow may write without quotes."""

NAMED: dict[str, Type] = {one.kind: one for one in (TEXT, INT, NUMBER, BOOL, JSON, DOCUMENT, IMAGE, MODEL)}
YIELDING = frozenset({"image"})
"""The types of the language that give way to a type of the file with this name."""


def unwrapped(type_: Type) -> Type:
    return type_.item if isinstance(type_, Optional) else type_


def form(type_: Type, kind: type[Type]) -> Type:
    """Return the type of the values that are there. Of a mixed type it is the option of a kind, if just one has it."""
    type_ = unwrapped(type_)
    if not isinstance(type_, Mixed):
        return type_
    fitting = [option for option in type_.options if isinstance(option, kind)]
    return fitting[0] if len(fitting) == 1 else type_


def optional(type_: Type) -> Type:
    """Return the type of a value that may also be missing."""
    return type_ if isinstance(type_, Optional) or type_ in (NONE, UNKNOWN) else Optional(type_)


def is_number(type_: Type) -> bool:
    return type_ in (INT, NUMBER, UNKNOWN) or isinstance(type_, Range)


def is_whole(type_: Type) -> bool:
    """Return True if all numbers of a type are whole."""
    return type_ == INT or (isinstance(type_, Range) and type_.whole)


def is_text(type_: Type) -> bool:
    return type_ in (TEXT, DOCUMENT, UNKNOWN) or isinstance(type_, (Choice, SizedText, OpenChoice))


def lengths(type_: Type) -> tuple[int, int | None]:
    """Return the least and the greatest length of a text or a list. Without an upper limit, the greatest is None."""
    inner = unwrapped(type_)
    if isinstance(inner, (SizedText, ListOf)):
        return inner.least, inner.most
    if isinstance(inner, (Choice, OpenChoice)) and inner.options:
        sizes = [len(option) for option in inner.options]
        return min(sizes), max(sizes)
    return 0, None


def may_be_empty(type_: Type) -> bool:
    """Return True if a text or a list of this type may be empty."""
    return (plain(type_) == TEXT or isinstance(type_, ListOf)) and not lengths(type_)[0]


def plain(type_: Type) -> Type:
    """Return the type without its own limits of length: a text of a limited length is a text."""
    match type_:
        case SizedText():
            return TEXT
        case Optional(item):
            return Optional(plain(item))
        case ListOf() if type_.sized:
            return ListOf(type_.item)
    return type_


def any_part(type_: Type, fits: Callable[[Type], bool]) -> bool:
    """Tell whether one of the types fits that a type is made of. Types such as lists and records have parts."""
    match type_:
        case ListOf(item) | Optional(item):
            return any_part(item, fits)
        case Record(fields):
            return any(any_part(field.type, fits) for field in fields)
        case Mixed(parts) | Union(parts):
            return any(any_part(part, fits) for part in parts)
    return fits(type_)


def holds_model(type_: Type) -> bool:
    """Return True if values of this type may contain a model. A model is not data and cannot leave the flow."""
    return any_part(type_, lambda part: part == MODEL)
