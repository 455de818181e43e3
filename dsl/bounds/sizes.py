"""The sizes of values before a run. A value may be known whole, or only within bounds, such as an answer.

A size is a known value, or a list, a record or a text with bounds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import TypeAlias

from .. import plan as p
from .. import types as t
from ..image_values import LARGEST, ImageText, ImageValue, has_image
from ..plain_data import Json
from ..records import dataclass
from .bound import NOTHING, ONE, Bound, any_of, total
from .given_models import model_name
from .type_bounds import Count, part_bound


@dataclass(frozen=True, slots=True)
class Known:
    """A known value, which no answer decides."""

    value: Json


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of a known length."""

    items: tuple[Size, ...]


@dataclass(frozen=True, slots=True)
class Many:
    """A list of items that all have the same size."""

    count: Bound
    item: Size


@dataclass(frozen=True, slots=True)
class Fields:
    fields: tuple[tuple[str, Size], ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Any value of a type. ``tokens`` bounds its length in a prompt."""

    type: t.Type
    tokens: Bound


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value that is one of these options. The run decides which."""

    options: tuple[Size, ...]


Size: TypeAlias = Known | Listing | Many | Fields | Some | OneOf
NONE = Known(None)
_NUMBER = Bound(1, 8)
"""The most tokens of a number without other bounds. They are more than the digits of a float."""
_WIDEST = 8
"""The most options of a value; more options are blended into one size that all fit."""


def listed(items: Sequence[Size]) -> Size:
    if all(isinstance(item, Known) for item in items):
        return Known([item.value for item in items if isinstance(item, Known)])
    return Listing(tuple(items))


def record(fields: dict[str, Size]) -> Size:
    if all(isinstance(field, Known) for field in fields.values()):
        return Known({name: field.value for name, field in fields.items() if isinstance(field, Known)})
    return Fields(tuple(fields.items()))


def one_of(options: Iterable[Size]) -> Size:
    """Return the size of a value that may be any of these. If there are very many, return one size that fits all."""
    different: list[Size] = []
    for option in options:
        for one in option.options if isinstance(option, OneOf) else (option,):
            if all(one is not known and not (type(one) is type(known) and one == known) for known in different):
                different.append(one)
        if len(different) > _WIDEST:
            different = [reduce(_blend, different)]
    return different[0] if len(different) == 1 else OneOf(tuple(different))


def _blend(a: Size, b: Size) -> Size:
    """Return a size that both values fit."""
    if isinstance(a, Known) and isinstance(b, Known) and type(a.value) is type(b.value) and a.value == b.value:
        return a
    if _is_list(a) and _is_list(b):
        items = [*items_of(a)[1], *items_of(b)[1]]
        return Many(items_of(a)[0] | items_of(b)[0], reduce(_blend, items) if items else NONE)
    ours, theirs = _fields(a), _fields(b)
    if ours is not None and theirs is not None and ours.keys() == theirs.keys():
        return Fields(tuple((name, _blend(ours[name], theirs[name])) for name in ours))
    kind = t.join([type_of(a), type_of(b)])
    return Some(kind, shown(a, _rough) | shown(b, _rough))


def _rough(text: str) -> int:
    """Estimate the tokens of a text without a tokenizer: a token has about four characters."""
    return -(-len(text) // 4)


def _is_list(size: Size) -> bool:
    return isinstance(size, Listing | Many) or (isinstance(size, Known) and isinstance(size.value, list))


def _fields(size: Size) -> dict[str, Size] | None:
    if isinstance(size, Fields):
        return dict(size.fields)
    if isinstance(size, Known) and isinstance(size.value, dict):
        return {name: Known(value) for name, value in size.value.items()}
    return None


def type_of(size: Size) -> t.Type:
    match size:
        case Some(type):
            return type
        case Known(str()):
            return t.TEXT
        case Known(bool()):
            return t.BOOL
        case Known(int() | float()):
            return t.NUMBER
        case Known(None):
            return t.NONE
        case Known(p.Model()):
            return t.MODEL
    return t.JSON


def text_of(value: Json) -> str:
    """Return a value as a template writes it: a text as it is, any other value as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def shown(size: Size, count: Count) -> Bound:
    """Bound the tokens of a value that a template writes."""
    match size:
        case Known(value) if has_image(value):
            return images_bound(value, count)
        case Known(value):
            return _exactly(count(text_of(value)))
        case Some(type, _) if t.unwrapped(type) == t.IMAGE:
            return Bound(1, count(LARGEST))
        case Some(_, tokens):
            return tokens
        case OneOf(options):
            return any_of([shown(option, count) for option in options])
    return _written(size, count)


def _written(size: Size, count: Count) -> Bound:
    """Bound the tokens of a value inside a list or a record, where even a text is JSON."""
    match size:
        case Known(value) if has_image(value):
            return images_bound(value, count)
        case Some(type, _) if t.unwrapped(type) == t.IMAGE:
            return Bound(1, count(LARGEST))
        case Known(value):
            return _exactly(count(json.dumps(value, ensure_ascii=False, default=str)))
        case Some(type, tokens):
            if not t.is_text(t.unwrapped(type)):
                return tokens
            # Two quotes, and a quarter more for characters that JSON must escape.
            return Bound(tokens.least, None if tokens.most is None else tokens.most * 1.25 + 2, tokens.why)
        case OneOf(options):
            return any_of([_written(option, count) for option in options])
        case Listing(items):
            return total([Bound(1, 2), *(_written(item, count) + Bound(0, 2) for item in items)])
        case Many(number, item):
            return Bound(1, 2) + (_written(item, count) + Bound(0, 2)) * number
        case Fields(fields):
            return total([Bound(1, 2), *(_exactly(count(f'"{n}": ')) + _written(f, count) + ONE for n, f in fields)])


def images_bound(value: Json, count: Count) -> Bound:
    """Bound the tokens of an image, or of a list of images, one below the other."""
    images = value if isinstance(value, list) else [value]
    shown = [count(ImageText(*one.pixels, one)) for one in images if isinstance(one, ImageValue)]
    return Bound(sum(shown), sum(shown) + len(images))


def _exactly(number: float) -> Bound:
    return Bound(number, number)


def items_of(size: Size) -> tuple[Bound, Sequence[Size]]:
    """Return the number of a list's items, and the items. If the number is unknown, one item stands for all."""
    match size:
        case Known(list() as values):
            return _exactly(len(values)), [Known(value) for value in values]
        case Listing(items):
            return _exactly(len(items)), items
        case Many(number, item):
            return number, [item]
        case OneOf(options):
            found = [items_of(option) for option in options]
            return any_of([one[0] for one in found]), [one_of([item for one in found for item in one[1]] or [NONE])]
        case Some(type, tokens):
            inner = t.unwrapped(type)
            kind = inner.item if isinstance(inner, t.ListOf) else t.JSON
            least, most = (inner.least, inner.most) if isinstance(inner, t.ListOf) else (0, None)
            # Each item has at least one token. A value that may be missing may have no item.
            fewest = least if inner is type else 0
            number = Bound(fewest, None if tokens.most is None else max(fewest, tokens.most), tokens.why)
            return (number if most is None else number.capped(most)), [Some(kind, part_bound(kind, tokens))]
    return NOTHING, []


def is_counted(size: Size) -> bool:
    """Return True if each item of a list has a size of its own."""
    return isinstance(size, Listing) or (isinstance(size, Known) and isinstance(size.value, list))


def field_of(size: Size, name: str) -> Size:
    fields = _fields(size)
    if fields is not None:
        return fields.get(name, NONE)
    if name == "name" and isinstance(size, Known) and isinstance(size.value, p.Model):
        return Known(model_name(size.value))
    if isinstance(size, OneOf):
        return one_of([field_of(option, name) for option in size.options])
    if isinstance(size, Some):
        inner = t.unwrapped(size.type)
        record = t.as_record(inner)
        field = None if record is None else record.field(name)
        type_ = field.type if field else t.JSON
        return Some(type_, part_bound(type_, size.tokens))
    return Some(t.JSON, Bound(0, None, f"the value of `{name}` is unknown"))


def kept(size: Size, count: Count) -> Size:
    """Return the size of a value without its content. Values that differ only in their words become equal."""
    match size:
        case Known(ImageValue()):
            return size
        case Known(list() as values):
            return Listing(tuple(kept(Known(value), count) for value in values))
        case Known(dict() as values):
            return Fields(tuple((name, kept(Known(value), count)) for name, value in values.items()))
        case Known(str()):
            return Some(t.TEXT, shown(size, count))
        case Listing(items):
            return Listing(tuple(kept(item, count) for item in items))
        case Fields(fields):
            return Fields(tuple((name, kept(field, count)) for name, field in fields))
    return size


def key_of(size: Size) -> object:
    """Return a hashable key that equal sizes share."""
    match size:
        case Known(value):
            return "known", _frozen(value)
        case Listing(items):
            return "list", tuple(key_of(item) for item in items)
        case Many(number, item):
            return "many", number, key_of(item)
        case Fields(fields):
            return "record", tuple((name, key_of(field)) for name, field in fields)
        case OneOf(options):
            return "one", tuple(key_of(option) for option in options)
    return size


def _frozen(value: Json) -> object:
    match value:
        case list():
            return tuple(_frozen(item) for item in value)
        case dict():
            return tuple((name, _frozen(item)) for name, item in value.items())
        case bool() | int() | float():
            return type(value).__name__, value
        case p.Model(name, address):
            # The options are left out of the key: no two models of a plan share a name.
            return "model", name, address
    return value
