"""The fitting of values from outside to the types of the language."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path

from flowrun.dsl import MOST_BITS, ImageValue, did_you_mean, nearest, option_of, pattern, types

from ..files.files import read_plain_text
from ..vocabulary.errors import InputError
from ..vocabulary.json_value import Json
from ..vocabulary.quoting import shown
from .lengths import misses
from .rows import check_depth, is_unicode, parse_json
from .value_words import described

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
            as_it_is = quick_fit(item)
            made_list = [
                fit(one, item, (*place, number), problems) if (made := as_it_is(one)) is None else made
                for number, one in enumerate(value, 1)
            ]
            if said := misses(type_, made_list):
                problems.add(place, said)
            return made_list
        case types.Union() if isinstance(value, Mapping):
            member = _member(value, type_, place, problems)
            return None if member is None else fit(value, member, place, problems, cells=cells)
        case types.Record(fields) if isinstance(value, Mapping):
            return {field.name: _field(value, field, place, problems, cells) for field in fields}
        case types.Choice(options) if isinstance(value, str):
            option = option_of(value, options, marks="")
            if option is None:
                near = nearest(value[:100].casefold(), [option.casefold() for option in options])
                guess = f"; did you mean {shown(option_of(near, options) or near)}?" if near else ""
                problems.add(place, _unfit(type_, value) + guess)
            return option
        case types.Simple("text" | "document") | types.SizedText() if isinstance(value, Path):
            from .reading import read_plain_document

            value = read_plain_text(value) if type_ != types.DOCUMENT else read_plain_document(value)
    if type_ == types.IMAGE and isinstance(value, Path):
        from ..files.images import read_image

        return read_image(value)
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
        case types.ListOf() | types.Record() | types.Union() | types.Simple("json"):
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
        return fit(record[field.name], field.type, (*place, field), problems, cells=cells)
    if not isinstance(field.type, types.Optional):
        guess = did_you_mean(field.name, [name for name in record if isinstance(name, str)])
        problems.add(place, f"the field {shown(field.name)} is missing" + (f"; {guess}" if guess else ""))
    return None


def _member(value: Mapping[str, Json], union: types.Union, place: Place, problems: Problems) -> types.Record | None:
    """Return the member of a union that a record is, by its tag. Tell the problem and return None if it is none."""
    said = value.get(union.tag)
    words = " or ".join(map(shown, union.words))
    if said is None:
        problems.add(place, f"the field {shown(union.tag)} is missing, which says {words}")
        return None
    found = union.member(option_of(said, union.words, marks="")) if isinstance(said, str) else None
    if found is None:
        field = union.field(union.tag)
        near = nearest(said[:100].casefold(), union.words) if isinstance(said, str) else None
        guess = f"; did you mean {shown(near)}?" if near else ""
        where = (*place, field) if field is not None else place
        problems.add(where, f"expected {words}, found {described(said)}{guess}")
    return found


def quick_fit(type_: types.Type) -> Callable[[Json], Json]:
    """Return a function that fits a value as ``fit`` does if that is easy, as for most rows of a large file.

    The function returns None for any other value.
    """
    test = _test_of(type_)
    if test is not None:
        return lambda value: value if test(value) else None
    if not isinstance(type_, types.Record):
        return lambda value: None
    tests = [(field.name, _test_of(field.type)) for field in type_.fields]

    def fitted(value: Json) -> Json:
        if type(value) is not dict:
            return None
        made = {}
        for name, test in tests:
            one = value.get(name)
            if test is None or not test(one):
                return None
            made[name] = one
        return made

    return fitted


def _test_of(type_: types.Type) -> Callable[[Json], bool] | None:
    """Return a quick test that a value has a type. False proves nothing. None if the type has no such test."""
    match type_:
        case types.Optional(item):
            test = _test_of(item)
            return None if test is None else lambda value: value is None or test(value)
        case types.Choice(options):
            exact = frozenset(options)
            return lambda value: type(value) is str and value in exact
        case types.Simple(kind):
            return _TESTS.get(kind)
    return None


_TESTS: Mapping[str, Callable[[Json], bool]] = {
    "text": lambda value: type(value) is str and is_unicode(value),
    "int": lambda value: type(value) is int and value.bit_length() <= MOST_BITS,
    "number": lambda value: type(value) in (int, float) and _is_number(value),
    "bool": lambda value: type(value) is bool,
}


def _problem(value: Json, type_: types.Type) -> str | None:
    match type_:
        case types.Simple("json" | "unknown"):
            return _json_problem(value)
        case types.Simple("text" | "document" | "model") | types.SizedText():
            if isinstance(value, str):
                if said := misses(type_, value):
                    return said
                return (
                    None
                    if is_unicode(value)
                    else f"{described(value)} has bytes that are not a character; write it in UTF-8"
                )
            fits = False
        case types.Simple("image"):
            fits = isinstance(value, ImageValue)
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
    if isinstance(value, int):
        return not isinstance(value, bool) and value.bit_length() <= MOST_BITS
    return isinstance(value, float) and isfinite(value)


def _is_whole(value: Json) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


def _unfit(type_: types.Type, value: Json) -> str:
    wanted = types.show(type_)
    if isinstance(type_, types.Record | types.Union) and not type_.name:
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
