"""The types of the language, as plain data.

Each type is a frozen dataclass with a ``kind``, so a plan can carry it as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Simple:
    """A type without parts. ``none`` is the value of a skipped step; ``unknown`` follows an error and fits all."""

    kind: Literal["text", "int", "number", "bool", "json", "document", "model", "none", "unknown"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit, as options take it: percent, money, or seconds."""

    unit: Literal["%", "$", "s"]
    kind: Literal["quantity"] = "quantity"


@dataclass(frozen=True, slots=True)
class Range:
    """Whole numbers from ``low`` to ``high``, or any number between them where a bound has a point."""

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
class ListOf:
    item: Type
    kind: Literal["list"] = "list"


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
    """Named fields. ``name`` is the declared type's, for messages; it plays no part in what fits."""

    fields: tuple[Field, ...]
    name: str = ""
    kind: Literal["record"] = "record"

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)


class ByKind:
    """Tells pydantic to read a union by the ``kind`` of its members; without it each level of nesting multiplies."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        from pydantic import Field as PydanticField

        return handler(Annotated[source, PydanticField(discriminator="kind")])


Type: TypeAlias = Annotated[Simple | Quantity | Range | Choice | ListOf | Optional | Record, ByKind()]

TEXT = Simple("text")
INT = Simple("int")
NUMBER = Simple("number")
BOOL = Simple("bool")
JSON = Simple("json")
DOCUMENT = Simple("document")
MODEL = Simple("model")
NONE = Simple("none")
UNKNOWN = Simple("unknown")

NAMED: dict[str, Type] = {
    "text": TEXT,
    "int": INT,
    "number": NUMBER,
    "bool": BOOL,
    "json": JSON,
    "document": DOCUMENT,
    "model": MODEL,
}


MOST_PARTS = 20_000
MOST_LEVELS = 120


class Extents:
    """How much each type is when it is written out, with all that its names stand for.

    A type that others share is measured once, so that doubling it again and again costs arithmetic alone.
    """

    def __init__(self) -> None:
        # The type stands beside its measure: an id is sure only as long as its owner lives.
        self._measured: dict[int, tuple[Type, int, int]] = {}

    def parts(self, type_: Type) -> int:
        return self._measure(type_)[1]

    def levels(self, type_: Type) -> int:
        return self._measure(type_)[2]

    def too_much(self, type_: Type) -> str | None:
        """What of it is beyond the limits, as the end of a sentence."""
        if self.parts(type_) > MOST_PARTS:
            return f"has more than {MOST_PARTS:,} parts"
        return f"is nested deeper than {MOST_LEVELS} levels" if self.levels(type_) > MOST_LEVELS else None

    def _measure(self, type_: Type) -> tuple[Type, int, int]:
        found = self._measured.get(id(type_))
        if found is not None:
            return found
        parts, levels = 1, 1
        match type_:
            case ListOf(item) | Optional(item):
                _, parts, levels = self._measure(item)
                parts, levels = parts + 1, levels + 1
            case Choice(options):
                parts = 1 + len(options)
            case Record(fields):
                inner = [self._measure(field.type) for field in fields]
                parts = 1 + sum(one[1] for one in inner)
                levels = 1 + max((one[2] for one in inner), default=0)
        self._measured[id(type_)] = type_, parts, levels
        return self._measured[id(type_)]


def fits(given: Type, wanted: Type) -> bool:
    """Whether a value of one type may stand where the other is wanted."""
    if UNKNOWN in (given, wanted) or given == wanted:
        return True
    if isinstance(wanted, Optional):
        return given == NONE or fits(given.item if isinstance(given, Optional) else given, wanted.item)
    if isinstance(given, Optional):
        return False
    if wanted == JSON:
        return given not in (MODEL, NONE) and not isinstance(given, Quantity)
    if given == JSON:
        return False
    if wanted == TEXT:
        return isinstance(given, Choice) or given == DOCUMENT
    if wanted == DOCUMENT:
        return given == TEXT
    if isinstance(wanted, Choice):
        return isinstance(given, Choice) and set(given.options) <= set(wanted.options)
    if wanted == NUMBER:
        return given == INT or isinstance(given, Range)
    if wanted == INT:
        return isinstance(given, Range) and given.whole
    if isinstance(wanted, Range) and isinstance(given, Range):
        return wanted.low <= given.low and given.high <= wanted.high and (given.whole or not wanted.whole)
    if isinstance(wanted, ListOf) and isinstance(given, ListOf):
        return fits(given.item, wanted.item)
    if isinstance(wanted, Record) and isinstance(given, Record):
        return all(_field_fits(given, field) for field in wanted.fields)
    return False


def _field_fits(given: Record, wanted: Field) -> bool:
    field = given.field(wanted.name)
    if field is None:
        return isinstance(wanted.type, Optional)
    return fits(field.type, wanted.type)


def join(types: Iterable[Type]) -> Type:
    """The narrowest type that all fit; ``json`` where they have nothing in common."""
    result: Type | None = None
    for type_ in types:
        result = type_ if result is None else _join(result, type_)
    return UNKNOWN if result is None else result


def _join(a: Type, b: Type) -> Type:
    if fits(a, b):
        return b
    if fits(b, a):
        return a
    if NONE in (a, b):
        other = b if a == NONE else a
        return other if isinstance(other, Optional) else Optional(other)
    if isinstance(a, Optional) or isinstance(b, Optional):
        inner = _join(unwrapped(a), unwrapped(b))
        return inner if isinstance(inner, Optional) else Optional(inner)
    if isinstance(a, Choice) and isinstance(b, Choice):
        return Choice(tuple(dict.fromkeys((*a.options, *b.options))))
    if _is_number(a) and _is_number(b):
        return INT if all(x == INT or (isinstance(x, Range) and x.whole) for x in (a, b)) else NUMBER
    if isinstance(a, ListOf) and isinstance(b, ListOf):
        return ListOf(_join(a.item, b.item))
    return JSON


def comparable(a: Type, b: Type) -> bool:
    """Whether a value of one type can ever equal one of the other."""
    a, b = unwrapped(a), unwrapped(b)
    if isinstance(a, Choice) and isinstance(b, Choice):
        return bool(set(a.options) & set(b.options))
    if isinstance(a, Range) and isinstance(b, Range):
        return a.low <= b.high and b.low <= a.high
    return fits(a, b) or fits(b, a) or (is_number(a) and is_number(b))


def unwrapped(type_: Type) -> Type:
    return type_.item if isinstance(type_, Optional) else type_


def _is_number(type_: Type) -> bool:
    return type_ in (INT, NUMBER) or isinstance(type_, Range)


def is_number(type_: Type) -> bool:
    return type_ == UNKNOWN or _is_number(type_)


def holds_model(type_: Type) -> bool:
    """Whether a model stands anywhere in a value of this type: it is no data, and cannot leave the flow."""
    match type_:
        case ListOf(item) | Optional(item):
            return holds_model(item)
        case Record(fields):
            return any(holds_model(field.type) for field in fields)
    return type_ == MODEL


def is_text(type_: Type) -> bool:
    return type_ in (TEXT, DOCUMENT, UNKNOWN) or isinstance(type_, Choice)


def show(type_: Type) -> str:
    """A type as it is written in a flow."""
    match type_:
        case Simple(kind):
            return kind
        case Quantity(unit):
            return {"%": "a percentage such as 5%", "$": "an amount such as $2.50", "s": "a duration such as 30s"}[unit]
        case Range(low, high):
            return f"{low}..{high}" if low != high else f"{low}"
        case Choice(options):
            return " | ".join(word if word.isidentifier() else f'"{word}"' for word in options)
        case ListOf(item):
            return f"[{show(item)}]"
        case Optional(item):
            return f"{show(item)}?"
        case Record(fields, name):
            return name or "{ " + ", ".join(f"{field.name}: {show(field.type)}" for field in fields) + " }"


def json_schema(type_: Type) -> dict[str, Any]:
    """The JSON Schema (2020-12) that an answer of this type satisfies."""
    match type_:
        case Simple("int"):
            return {"type": "integer"}
        case Simple("number"):
            return {"type": "number"}
        case Simple("bool"):
            return {"type": "boolean"}
        case Simple("none"):
            return {"type": "null"}
        case Simple("json" | "unknown"):
            return {}
        case Range(low, high):
            return {"type": "integer" if type_.whole else "number", "minimum": low, "maximum": high}
        case Choice(options):
            return {"type": "string", "enum": list(options)}
        case ListOf(item):
            return {"type": "array", "items": json_schema(item)}
        case Optional(item):
            return {"anyOf": [json_schema(item), {"type": "null"}]}
        case Record(fields):
            properties = {}
            for field in fields:
                schema = json_schema(field.type)
                properties[field.name] = {**schema, "description": field.description} if field.description else schema
            required = [field.name for field in fields if not isinstance(field.type, Optional)]
            return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "string"}
