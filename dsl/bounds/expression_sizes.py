"""The size of an expression's value before a run. The answers in it are not known yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Protocol

from .. import plan as p
from .. import types as t
from ..functions import CALLED
from ..image_values import LARGEST, MOST_PAGES, has_image
from ..plain_data import Json
from ..records import dataclass
from .bound import ONE, Bound, total
from .function_sizes import function_size
from .plain_texts import names_of, plain_text
from .sizes import (
    NONE,
    Fields,
    Known,
    Many,
    Size,
    Some,
    field_of,
    is_counted,
    items_of,
    listed,
    one_of,
    record,
    shown,
    type_of,
)
from .template_sizes import template_size
from .type_bounds import Count

Lookup = Callable[[str], Json]


APART = 10_000
"""Up to this many items of a list are kept apart. A longer list has a number and one item that stands for all."""


class UnsettledError(Exception):
    """The error for an expression that has no value, or whose value depends on an answer."""


class Evaluator(Protocol):
    """The evaluator of values that depend on no answer. Both methods raise UnsettledError for any other value."""

    def value(self, expr: p.Expr, lookup: Lookup) -> Json: ...

    def text(self, template: str, lookup: Lookup) -> str: ...


@dataclass(slots=True)
class SizeScope:
    """The names in a body, with the sizes of their values.

    ``made`` has the steps that give out a list element by element. True means that the last element comes with the
    list's end.
    """

    outer: SizeScope | None = None
    sizes: dict[str, Size] = field(default_factory=dict)
    made: dict[str, bool] = field(default_factory=dict)

    def find(self, name: str) -> Size | None:
        scope: SizeScope | None = self
        while scope is not None:
            if name in scope.sizes:
                return scope.sizes[name]
            scope = scope.outer
        return None

    @property
    def staged(self) -> bool:
        """True in the stages of a cascade, which run after a failure whatever their conditions say."""
        return False

    def feeds(self, name: str) -> bool | None:
        """Return None if the step does not give out a list element by element.

        Otherwise return True if the last element comes with the list's end.
        """
        scope: SizeScope | None = self
        while scope is not None:
            if name in scope.sizes:
                return scope.made.get(name)
            scope = scope.outer
        return None

    def size(self, name: str) -> Size:
        return self.find(name) or Some(t.JSON, Bound(0, None, f"the value of `{name}` is unknown"))

    def lookup(self, name: str) -> Json:
        found = self.find(name)
        if not isinstance(found, Known):
            raise UnsettledError(name)
        return found.value


class StageScope(SizeScope):
    """The names in the stages of a cascade. `last` has the size of the stage before, or none if that failed."""

    @property
    def staged(self) -> bool:
        return True

    def find(self, name: str) -> Size | None:
        if name == "last" and self.sizes:
            return one_of([NONE, next(reversed(self.sizes.values()))])
        return super().find(name)


def size_of(expr: p.Expr, scope: SizeScope, values: Evaluator, count: Count) -> Size:
    def inner(part: p.Expr) -> Size:
        return size_of(part, scope, values, count)

    match expr:
        case p.Constant(value):
            return Known(value)
        case p.Ref(name):
            return scope.size(name)
        case p.FieldOf(base, name):
            return field_of(inner(base), name)
        case p.TextOf(template):
            return text_size(template, scope, values, count)
        case p.Items(items):
            return listed([inner(item) for item in items])
        case p.RecordOf(entries):
            return _record(entries, inner)
        case p.Apply("??", (first, second)):
            left = inner(first)
            if isinstance(left, Known):
                return inner(second) if left.value is None else left
            return one_of([left, inner(second)])
        case p.Apply("+", (first, second)):
            left, right = inner(first), inner(second)
            if is_counted(left) and is_counted(right) and len(items_of(left)[1]) + len(items_of(right)[1]) > APART:
                return together(left, right)
    try:
        return Known(values.value(expr, scope.lookup))
    except UnsettledError:
        return _open(expr, inner, count)


def text_size(template: str, scope: SizeScope, values: Evaluator, count: Count, fenced: tuple[int, ...] = ()) -> Size:
    """Return the text of a template if all its values are known. Otherwise return a bound of its tokens.

    The marks around foreign text depend on that text, so a template with ``fenced`` places has a bound.
    """
    names = names_of(template)
    if not fenced and all(_is_plain(scope.find(name)) for name in names):
        plain = plain_text(template, scope.lookup)
        if plain is not None:
            return Known(plain)
        try:
            return Known(values.text(template, scope.lookup))
        except UnsettledError:
            pass
    return Some(t.TEXT, template_size(template, {name: scope.size(name) for name in names}, count, fenced))


def _is_plain(size: Size | None) -> bool:
    return isinstance(size, Known) and not has_image(size.value)


def _record(entries: tuple[p.Entry, ...], inner: Callable[[p.Expr], Size]) -> Size:
    fields: dict[str, Size] = {}
    for entry in entries:
        value = inner(entry.value)
        if entry.name is not None:
            fields[entry.name] = value
            continue
        type_ = t.unwrapped(type_of(value))
        if isinstance(value, Known) and isinstance(value.value, Mapping):
            fields |= {name: Known(one) for name, one in value.value.items()}
        elif isinstance(value, Fields):
            fields |= dict(value.fields)
        elif (known := t.as_record(type_)) is not None:
            fields |= {one.name: field_of(value, one.name) for one in known.fields}
        else:
            return Some(t.JSON, Bound(0, None, "the fields of a spread record are known only when the flow runs"))
    return record(fields)


def _open(expr: p.Expr, inner: Callable[[p.Expr], Size], count: Count) -> Size:
    """Return the size of a call or an operation whose operands are not fully known."""
    match expr:
        case p.ShapeOf(value, type_):
            return shaped(inner(value), type_)
        case p.CallOf("pages", args):
            return _pages(inner(args["document"]), count)
        case p.CallOf("split", args):
            whole = shown(inner(args["document"]), count)
            piece: Size = Some(t.TEXT, whole.maybe)
            if "before" in args or "after" in args:
                piece = _with_surroundings(piece, whole.maybe)
            return Many(Bound(0, None, whole.why or "the text is known only when the flow runs"), piece)
        case p.CallOf("length", _):
            return Some(t.INT, Bound(1, 6))
        case p.CallOf(name, args) if name in CALLED and name != "join" and CALLED[name].value in args:
            given = {one: inner(arg) for one, arg in args.items()}
            return function_size(CALLED[name], given.pop(CALLED[name].value), given, count)
        case p.CallOf("agreement" | "sure", _):
            return Some(t.NUMBER, Bound(1, 8))
        case p.CallOf("decided", _):
            return Some(t.BOOL, ONE)
        case p.CallOf("join", args):
            return joined(inner(args["items"]), inner(args["separator"]) if "separator" in args else Known("\n"), count)
        case p.CallOf(function, _):
            return Some(t.JSON, Bound(0, None, f"`{function}` has no value before the flow runs"))
        case p.Apply("and" | "or" | "not" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "in", _):
            return Some(t.BOOL, ONE)
        case p.Apply("+", (first, second)):
            left, right = inner(first), inner(second)
            if t.is_text(type_of(left)) and t.is_text(type_of(right)):
                return Some(t.TEXT, shown(left, count) + shown(right, count))
            if items_of(left)[1] or items_of(right)[1]:
                return together(left, right)
    return Some(t.NUMBER, Bound(1, 8))


def _pages(document: Size, count: Count) -> Size:
    """Return the size of the pages of a document: their number is known only in the run."""
    whole = shown(document, count)
    page = record(
        {
            "number": Some(t.INT, Bound(1, 8)),
            "image": Some(t.IMAGE, Bound(1, count(LARGEST))),
            "text": Some(t.TEXT, Bound(0, whole.most, whole.why)),
        }
    )
    return Many(Bound(0, MOST_PAGES), page)


def _with_surroundings(piece: Size, whole: Bound) -> Size:
    """Return the size of a piece of a text with the words around it. None of its texts is longer than the whole."""
    number = Some(t.INT, Bound(1, 8))
    return record(
        {
            **dict.fromkeys(("before", "text", "after"), piece),
            "heading": one_of([NONE, Some(t.TEXT, whole)]),
            "page": one_of([NONE, number]),
            "place": number,
        }
    )


def shaped(size: Size, type_: t.Type) -> Size:
    """Cut a value to a type: keep only the fields of the type."""
    type_ = t.unwrapped(type_)
    if isinstance(size, Known) and size.value is None:
        return size
    if isinstance(type_, t.Union):
        # The tag says only in the run which fields stay.
        return size if isinstance(size, Known) else one_of([shaped(size, member) for member in type_.members])
    if isinstance(type_, t.Record):
        return record({one.name: shaped(field_of(size, one.name), one.type) for one in type_.fields})
    if not isinstance(type_, t.ListOf):
        return size
    number, items = items_of(size)
    cut = [shaped(item, type_.item) for item in items]
    return listed(cut) if is_counted(size) else Many(number, one_of(cut or [NONE]))


def joined(items: Size, separator: Size, count: Count) -> Size:
    """Join texts into one text."""
    if isinstance(items, Known) and isinstance(separator, Known) and all(isinstance(x, str) for x in items.value):
        return Known(str(separator.value).join(items.value))
    number, each = items_of(items)
    gap = shown(separator, count)
    if is_counted(items):
        return Some(t.TEXT, total([*(shown(one, count) for one in each), gap * number]))
    whole = total([*(shown(one, count) for one in each), gap]) * number
    return Some(t.TEXT, Bound(0, whole.most, whole.why))


def together(left: Size, right: Size) -> Size:
    """Join two lists into one."""
    ours, theirs = items_of(left), items_of(right)
    if is_counted(left) and is_counted(right) and len(ours[1]) + len(theirs[1]) <= APART:
        return listed([*ours[1], *theirs[1]])
    return Many(ours[0] + theirs[0], one_of([*ours[1], *theirs[1]]))
