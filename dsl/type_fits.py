"""The relations between types: which type fits another type, and what several types have in common.

A value has the fields of its type and no others. When a value passes to a type with fewer fields, the other fields are
dropped (``exact`` tells where). An optional field may be missing altogether.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce

from .type_forms import (
    DOCUMENT,
    INT,
    JSON,
    NONE,
    NUMBER,
    TEXT,
    UNKNOWN,
    Choice,
    Field,
    ListOf,
    Mixed,
    OpenChoice,
    Optional,
    Quantity,
    Range,
    Record,
    SizedText,
    Type,
    Union,
    holds_model,
    is_number,
    is_text,
    is_whole,
    lengths,
    optional,
    plain,
    unwrapped,
)
from .type_images import holds_image


def fits(given: Type, wanted: Type) -> bool:
    """Return True if a value of one type is allowed where the wanted type is expected."""
    if UNKNOWN in (given, wanted) or given == wanted:
        return True
    if isinstance(wanted, Optional):
        return given == NONE or fits(unwrapped(given), wanted.item)
    if isinstance(given, Optional):
        return False
    if isinstance(given, Union):
        return all(fits(member, wanted) for member in given.members)
    if isinstance(wanted, Union):
        return any(fits(given, member) for member in wanted.members)
    if isinstance(given, Mixed):
        return all(fits(option, wanted) for option in given.options)
    if isinstance(wanted, Mixed):
        return any(fits(given, option) for option in wanted.options)
    if wanted == JSON:
        return given != NONE and not holds_model(given) and not holds_image(given) and not isinstance(given, Quantity)
    if given == JSON:
        return False
    if wanted == TEXT:
        return isinstance(given, (Choice, SizedText, OpenChoice)) or given == DOCUMENT
    if wanted == DOCUMENT:
        return given == TEXT or isinstance(given, (SizedText, OpenChoice))
    if isinstance(wanted, SizedText):
        return isinstance(given, (Choice, SizedText)) and _within(given, wanted)
    if isinstance(wanted, OpenChoice):
        return isinstance(given, (Choice, OpenChoice)) or given in (TEXT, DOCUMENT)
    if isinstance(wanted, Choice):
        return isinstance(given, Choice) and set(given.options) <= set(wanted.options)
    if wanted == NUMBER:
        return given == INT or isinstance(given, Range)
    if wanted == INT:
        return isinstance(given, Range) and given.whole
    if isinstance(wanted, Range) and isinstance(given, Range):
        return wanted.low <= given.low and given.high <= wanted.high and (given.whole or not wanted.whole)
    if isinstance(wanted, ListOf) and isinstance(given, ListOf):
        return fits(given.item, wanted.item) and _within(given, wanted)
    if isinstance(wanted, Record) and isinstance(given, Record):
        return all(_field_fits(given, field) for field in wanted.fields)
    return False


def _within(given: Type, wanted: Type) -> bool:
    """Return True if all lengths of one type are lengths of the other."""
    (least, most), (low, high) = lengths(given), lengths(wanted)
    return low <= least and (high is None or (most is not None and most <= high))


def _field_fits(given: Record, wanted: Field) -> bool:
    field = given.field(wanted.name)
    if field is None:
        return isinstance(wanted.type, Optional)
    return fits(field.type, wanted.type)


def exact(given: Type, wanted: Type) -> bool:
    """Return True if a value that fits has only fields, at any depth, that the wanted type has too."""
    given, wanted = unwrapped(given), unwrapped(wanted)
    match given, wanted:
        case Union(members), _:
            return all(exact(member, wanted) for member in members)
        case _, Union(members):
            return any(fits(given, member) and exact(given, member) for member in members)
        case Mixed(options), _:
            return all(exact(option, wanted) for option in options)
        case _, Mixed(options):
            return any(fits(given, option) and exact(given, option) for option in options)
        case ListOf(item), ListOf(other):
            return exact(item, other)
        case Record(fields), Record():
            found = [(field.type, wanted.field(field.name)) for field in fields]
            return all(other is not None and exact(type_, other.type) for type_, other in found)
    return True


def join(types: Iterable[Type]) -> Type:
    """Return the narrowest type that includes the values of all these types.

    For records it has the fields of all of them. A field that one of them lacks may be missing. Types with nothing in
    common are joined into a Mixed type.
    """
    result: Type | None = None
    for type_ in types:
        result = type_ if result is None else _join(result, type_)
    return UNKNOWN if result is None else result


def join_within(types: Iterable[Type], wanted: Type | None) -> Type:
    """Return the joined type of values, of which each may fit a wanted type.

    Several numbers in a range are joined into any number, which fits no range. So each number takes the wanted range.
    """
    types = tuple(types)
    joined = join(types)
    return joined if wanted is None or fits(joined, wanted) else join(_in_ranges(one, wanted) for one in types)


def _in_ranges(given: Type, wanted: Type) -> Type:
    """Return a type in which each range that fits the wanted range at its place is that range."""
    wanted = unwrapped(wanted)
    match given, wanted:
        case Range(), Range() if fits(given, wanted):
            return wanted
        case Optional(item), _:
            return optional(_in_ranges(item, wanted))
        case ListOf(item), ListOf(other):
            return replace(given, item=_in_ranges(item, other))
        case Record(fields), Record():
            others = [(field, wanted.field(field.name)) for field in fields]
            return replace(
                given,
                fields=tuple(
                    field if other is None else replace(field, type=_in_ranges(field.type, other.type))
                    for field, other in others
                ),
            )
    return given


def _join(a: Type, b: Type) -> Type:
    if a == b or UNKNOWN in (a, b):
        return a if a == b else UNKNOWN
    if NONE in (a, b):
        return optional(b if a == NONE else a)
    if isinstance(a, Optional) or isinstance(b, Optional):
        return optional(_join(unwrapped(a), unwrapped(b)))
    if isinstance(a, ListOf) and isinstance(b, ListOf):
        # An empty list fits every type of element.
        item = (b if a.item == UNKNOWN else a).item if UNKNOWN in (a.item, b.item) else _join(a.item, b.item)
        least, most = _either_length(a, b)
        return ListOf(item, least=least, most=most)
    if isinstance(a, Union) or isinstance(b, Union):
        return _unions(a, b)
    if isinstance(a, Record) and isinstance(b, Record):
        return _records(a, b)
    if isinstance(a, Mixed) or isinstance(b, Mixed):
        return _mixed(a, b)
    if isinstance(a, OpenChoice) and not isinstance(b, OpenChoice):
        a, b = b, a
    if isinstance(b, OpenChoice) and isinstance(a, (Choice, OpenChoice)):
        return OpenChoice(tuple(dict.fromkeys((*a.options, *b.options))))
    if fits(a, b):
        return a if isinstance(b, OpenChoice) else b
    if fits(b, a):
        return a
    if isinstance(a, Choice) and isinstance(b, Choice):
        words = tuple(dict.fromkeys((*a.options, *b.options)))
        return Choice(words)
    if isinstance(a, SizedText) and isinstance(b, SizedText):
        return SizedText(*_either_length(a, b))
    if is_text(a) and is_text(b):
        return TEXT
    if is_number(a) and is_number(b):
        return INT if is_whole(a) and is_whole(b) else NUMBER
    return Mixed((a, b))


def _either_length(a: Type, b: Type) -> tuple[int, int | None]:
    (least, most), (low, high) = lengths(a), lengths(b)
    return min(least, low), None if most is None or high is None else max(most, high)


def _unions(a: Type, b: Type) -> Type:
    """Join a union and another type. A record that is no member of it makes one record of all."""
    if isinstance(a, Union) and fits(b, a):
        return a
    if isinstance(b, Union) and fits(a, b):
        return b
    one, other = as_record(a), as_record(b)
    if one is not None and other is not None:
        return _records(one, other)
    return b if fits(a, b) else a if fits(b, a) else _mixed(a, b)


def as_record(type_: Type) -> Record | None:
    """Return a record that the values fit: for a union one with the fields of all members. None if it is no record."""
    if isinstance(type_, Union):
        return reduce(_records, type_.members)
    return type_ if isinstance(type_, Record) else None


def _records(a: Record, b: Record) -> Record:
    fields = []
    for name in dict.fromkeys(field.name for field in (*a.fields, *b.fields)):
        one, other = a.field(name), b.field(name)
        if one is not None and other is not None:
            said = one.description if one.description == other.description else ""
            fields.append(Field(name, _join(one.type, other.type), said))
        else:
            found = one or other
            assert found is not None
            fields.append(Field(name, optional(found.type), found.description))
    joined = tuple(fields)
    return next((record for record in (a, b) if record.fields == joined), Record(joined))


def _mixed(a: Type, b: Type) -> Type:
    """Join mixed types. Options that have something in common become one option."""
    options: list[Type] = []
    for option in (*_options(a), *_options(b)):
        for at, known in enumerate(options):
            both = _join(known, option)
            if not isinstance(both, Mixed):
                options[at] = both
                break
        else:
            options.append(option)
    return options[0] if len(options) == 1 else Mixed(tuple(options))


def _options(type_: Type) -> tuple[Type, ...]:
    return type_.options if isinstance(type_, Mixed) else (type_,)


def comparable(a: Type, b: Type) -> bool:
    """Return True if a value of one type can be equal to a value of the other."""
    if holds_image(a) or holds_image(b):
        return False
    a, b = plain(unwrapped(a)), plain(unwrapped(b))
    if isinstance(a, Union) or isinstance(b, Union):
        ours, theirs = (one.members if isinstance(one, Union) else (one,) for one in (a, b))
        return any(comparable(one, other) for one in ours for other in theirs)
    if isinstance(a, Mixed) or isinstance(b, Mixed):
        return any(comparable(one, other) for one in _options(a) for other in _options(b))
    if isinstance(a, Choice) and isinstance(b, Choice):
        return bool(set(a.options) & set(b.options))
    if isinstance(a, Range) and isinstance(b, Range):
        return a.low <= b.high and b.low <= a.high
    if fits(a, b) or fits(b, a) or (is_number(a) and is_number(b)):
        return True
    if isinstance(a, ListOf) and isinstance(b, ListOf):
        return _may_equal(a.item, b.item)
    if isinstance(a, Record) and isinstance(b, Record):
        names = dict.fromkeys(field.name for field in (*a.fields, *b.fields))
        return all(_field_may_equal(a.field(name), b.field(name)) for name in names)
    return False


def _may_equal(a: Type, b: Type) -> bool:
    return (NONE in (a, b) and (a == b or isinstance(a, Optional) or isinstance(b, Optional))) or comparable(a, b)


def _field_may_equal(a: Field | None, b: Field | None) -> bool:
    if a is None or b is None:
        there = a or b
        return there is not None and isinstance(there.type, Optional)
    return _may_equal(a.type, b.type)
