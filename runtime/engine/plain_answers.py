"""The fit of an answer's data to a type without pydantic, whose core is not there in a web page.

``answers`` uses it only where pydantic is not installed. Values and messages are the same: a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable

from flowrun.dsl import option_of, types

from ..vocabulary.json_value import Json

Open = Callable[[Json], Json]
"""A function that reads a list or record that stands as JSON in a text."""


class MisfitError(Exception):
    """A fault of the data: its place, from the outside to the inside, and what pydantic says of it."""

    def __init__(self, message: str, *place: str) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


def fit(value: Json, type_: types.Type, opened: Open) -> Json:
    """Return the data as a value of the type. Raises MisfitError for the first fault."""
    match type_:
        case types.Simple("text" | "document") | types.Quote() | types.OpenChoice() | types.SizedText():
            return _text(value, type_)
        case types.Simple("int" | "number" | "bool") | types.Range():
            return _plain(value, type_)
        case types.Choice(options):
            found = (option_of(value, options) or value) if isinstance(value, str) else value
            return found if found in options else _fail(f"Input should be {_one_of(options)}")
        case types.ListOf():
            return _list(value, type_, opened)
        case types.Optional(item):
            return None if value is None else fit(value, item, opened)
        case types.Union():
            return _union(value, type_, opened)
        case types.Record():
            return _record(opened(value), type_, opened)
    return value


def _fail(message: str, *place: str) -> Json:
    raise MisfitError(message, *place)


def _inside(value: Json, type_: types.Type, opened: Open, place: str) -> Json:
    try:
        return fit(value, type_, opened)
    except MisfitError as error:
        raise MisfitError(error.message, place, *error.place) from None


def _text(value: Json, type_: types.Type) -> Json:
    if not isinstance(value, str):
        return _fail("Input should be a valid string")
    if isinstance(type_, types.SizedText):
        if len(value) < type_.least:
            return _fail(f"String should have at least {_counted(type_.least, 'character')}")
        if type_.most is not None and len(value) > type_.most:
            return _fail(f"String should have at most {_counted(type_.most, 'character')}")
    return value


def _plain(value: Json, type_: types.Type) -> Json:
    if type_ == types.BOOL:
        return value if isinstance(value, bool) else _fail("Input should be a valid boolean")
    whole = type_.whole if isinstance(type_, types.Range) else type_ == types.INT
    if whole and isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return _fail("Input should be a valid integer", *([] if whole else ["int"]))
    if isinstance(type_, types.Range):
        if not value >= type_.low:
            return _fail(f"Input should be greater than or equal to {type_.low}")
        if not value <= type_.high:
            return _fail(f"Input should be less than or equal to {type_.high}")
    return value


def _list(value: Json, type_: types.ListOf, opened: Open) -> Json:
    value = opened(value)
    if not isinstance(value, list):
        return _fail("Input should be a valid list")
    found = [_inside(one, type_.item, opened, str(number)) for number, one in enumerate(value)]
    if len(found) < type_.least:
        return _fail(f"Value should have at least {_counted(type_.least, 'item')} after validation, not {len(value)}")
    if type_.most is not None and len(found) > type_.most:
        return _fail(f"Value should have at most {_counted(type_.most, 'item')} after validation, not {len(value)}")
    return found


def _record(value: Json, type_: types.Record, opened: Open) -> Json:
    if not isinstance(value, dict):
        return _fail("Input should be a valid dictionary")
    found = {}
    for field in type_.fields:
        if field.name in value:
            found[field.name] = _inside(value[field.name], field.type, opened, field.name)
        elif isinstance(field.type, types.Optional):
            found[field.name] = None
        else:
            return _fail("Field required", field.name)
    others = [name for name in value if name not in found]
    return _fail("Extra inputs are not permitted", others[0]) if others else found


def _union(value: Json, type_: types.Union, opened: Open) -> Json:
    value = opened(value)
    said = value.get(type_.tag) if isinstance(value, dict) else None
    word = option_of(said, type_.words) if isinstance(said, str) else None
    if word is None:
        return _fail(f"`{type_.tag}` must be " + " or ".join(f"`{one}`" for one in type_.words))
    return _inside(value, type_.members[type_.words.index(word)], opened, word)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def _one_of(options: tuple[str, ...]) -> str:
    words = [repr(one) for one in options]
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
