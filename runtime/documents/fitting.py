"""The fitting of values from outside to the types of the language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from pathlib import Path

from flowrun.dsl import did_you_mean, nearest, option_of, pattern, types

from ..files.files import read_plain_text
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from .rows import check_depth, is_unicode, parse_json

# The place of a value: a line, the field of a record, or the number of an item.
Place = tuple[str | types.Field | int, ...]
_INT = pattern(r"[+-]?[0-9]+")
_NUMBER = pattern(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# With three digits behind it, the comma may also separate thousands.
_DECIMAL_COMMA = pattern(r"[+-]?[0-9]+,(?:[0-9]{1,2}|[0-9]{4,})")
_BOOLS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_TOLD = 5


class Problems:
    """The values that do not fit. The first few are described, and all of them are counted."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.count = 0

    def add(self, place: Place, problem: str) -> None:
        self.count += 1
        if len(self.told) < _TOLD:
            self.told.append(": ".join(filter(None, (_written(place), problem))))

    def stop(self, where: str) -> None:
        """Raise InputError if any value did not fit."""
        if self.count == 1:
            raise InputError(f"{where}: {self.told[0]}")
        if self.count:
            more = [f"… and {self.count - len(self.told)} more"] if self.count > len(self.told) else []
            raise InputError("\n  ".join([f"{where}: {self.count} values do not fit:", *self.told, *more]))


def fit(value: Json, type_: types.Type, place: Place, problems: Problems, *, cells: bool = False) -> Json:
    """Return the value in the form of its type.

    A choice gets the spelling of the flow, a whole float becomes an int, and a missing field becomes None. Fields that
    a record's type does not have are left out. With ``cells``, texts are converted to the type, as in CSV. If a
    ``Path`` is given for a text, its file is read.
    """
    if cells and isinstance(value, str):
        value = from_text(value, type_)
    match type_:
        case types.Optional(item):
            return None if value is None else fit(value, item, place, problems, cells=cells)
        case types.ListOf(item) if isinstance(value, (list, tuple)):
            if item == types.TEXT and all(isinstance(one, str) and one.isascii() for one in value):
                return list(value)
            return [fit(one, item, (*place, number), problems) for number, one in enumerate(value, 1)]
        case types.Record(fields) if isinstance(value, Mapping):
            return {field.name: _field(value, field, place, problems, cells) for field in fields}
        case types.Choice(options) if isinstance(value, str):
            option = option_of(value, options, marks="")
            if option is None:
                near = nearest(value[:100].casefold(), [option.casefold() for option in options])
                guess = f"; did you mean {shown(option_of(near, options) or near)}?" if near else ""
                problems.add(place, _unfit(type_, value) + guess)
            return option
        case types.Simple("text" | "document") if isinstance(value, Path):
            from .reading import read_plain_document

            value = read_plain_text(value) if type_ == types.TEXT else read_plain_document(value)
    problem = _problem(value, type_)
    if problem:
        problems.add(place, problem)
        return None
    whole = type_ == types.INT or (isinstance(type_, types.Range) and type_.whole)
    return int(value) if whole else value


def from_text(text: str, type_: types.Type) -> Json:
    """Return the value of this type that a text stands for. Return the text itself if it stands for none."""
    inner = types.unwrapped(type_)
    stripped = text.strip()
    if not stripped and isinstance(type_, types.Optional):
        return None
    match inner:
        case types.Simple("int" | "number") | types.Range():
            return _number(stripped)
        case types.Simple("bool"):
            return _BOOLS.get(stripped.lower(), text)
        case types.ListOf() | types.Record() | types.Simple("json"):
            try:
                return parse_json(text)
            except ValueError:
                return text
    return text


def _number(text: str) -> Json:
    try:
        if _INT.fullmatch(text):
            return int(text)
        return float(text) if _NUMBER.fullmatch(text) else text
    except ValueError:
        # More digits than Python is willing to read.
        return text


def _field(record: Mapping[str, Json], field: types.Field, place: Place, problems: Problems, cells: bool) -> Json:
    if field.name in record:
        value = record[field.name]
        return (
            value
            if _fits_as_it_is(value, field.type)
            else fit(value, field.type, (*place, field), problems, cells=cells)
        )
    if not isinstance(field.type, types.Optional):
        guess = did_you_mean(field.name, [name for name in record if isinstance(name, str)])
        problems.add(place, f"the field {shown(field.name)} is missing" + (f"; {guess}" if guess else ""))
    return None


def _fits_as_it_is(value: Json, type_: types.Type) -> bool:
    """Tell quickly that a value needs no conversion, as most fields of a large file. False proves nothing."""
    if type(type_) is not types.Simple:
        return False
    kind = type(value)
    match type_.kind:
        case "text":
            return kind is str and value.isascii()
        case "int":
            return kind is int
        case "bool":
            return kind is bool
    return False


def _problem(value: Json, type_: types.Type) -> str | None:
    match type_:
        case types.Simple("json" | "unknown"):
            return _json_problem(value)
        case types.Simple("text" | "document" | "model"):
            if isinstance(value, str):
                return (
                    None
                    if is_unicode(value)
                    else f"{described(value)} has bytes that are not a character; write it in UTF-8"
                )
            fits = False
        case types.Simple("bool"):
            fits = isinstance(value, bool)
        case types.Simple("none"):
            fits = value is None
        case types.Simple("int"):
            fits = _is_whole(value)
        case types.Simple("number"):
            fits = _is_number(value)
        case types.Range(low, high):
            fits = (_is_whole(value) if type_.whole else _is_number(value)) and low <= value <= high
        case _:
            fits = False
    return None if fits else _unfit(type_, value)


def _json_problem(value: Json) -> str | None:
    try:
        check_depth(value)
    except ValueError as error:
        return str(error)
    todo = [value]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if isinstance(one, (Mapping, list, tuple)):
            if id(one) in seen:
                continue
            seen.add(id(one))
        if isinstance(one, Mapping):
            if not all(isinstance(name, str) and is_unicode(name) for name in one):
                return "expected json, found a record with a name that is not a text"
            todo.extend(one.values())
        elif isinstance(one, (list, tuple)):
            todo.extend(one)
        elif isinstance(one, str):
            if not is_unicode(one):
                return f"{described(one)} has bytes that are not a character; write it in UTF-8"
        elif not (one is None or isinstance(one, bool) or _is_number(one)):
            return f"expected json, found {described(one)}"
    return None


def _is_number(value: Json) -> bool:
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and (isinstance(value, int) or isfinite(value))
    )


def _is_whole(value: Json) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


def _unfit(type_: types.Type, value: Json) -> str:
    wanted = types.show(type_)
    if isinstance(type_, types.Record) and not type_.name:
        wanted = "a record"
    problem = f"expected {wanted}, found {described(value)}"
    if type_ == types.BOOL:
        return problem + "; write true or false"
    if types.is_number(type_) and isinstance(value, str):
        if _DECIMAL_COMMA.fullmatch(value.strip()):
            return f"{problem}; write it with a decimal point: {value.strip().replace(',', '.')}"
        plain = re.sub(r"[\s,_']", "", value)
        if plain != value and _NUMBER.fullmatch(plain):
            return f"{problem}; write it without separators"
    return problem


def described(value: object) -> str:
    """Describe a value for a message, such as "the number 5" or "a list"."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int():
            return f"the number {value}" if abs(value) < 10**20 else "a very large number"
        case float():
            return f"the number {value}"
        case str():
            return f"the text {shown(value, 60)}" if value else "an empty text"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "a record"
    return f"a Python {type(value).__name__}"


def _written(place: Place) -> str:
    words = []
    for part in place:
        match part:
            case int():
                words.append(f"item {part}")
            case types.Field(name):
                words.append(f"field {shown(name)}")
            case _:
                words.append(part)
    return ", ".join(words)
