"""The sizes of the results of the functions of values, in expressions and in templates alike."""

from __future__ import annotations

from collections.abc import Mapping

from .. import types as t
from ..functions.function import ValueFunction
from .bound import NOTHING, ONE, Bound, total
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
    one_of,
    shown,
    type_of,
)
from .type_bounds import Count

JOINT = 1
"""The tokens by which a text may differ from the sum of its parts, at each joint."""
_NUMBER = Some(t.NUMBER, Bound(1, 8))
_TRUTH = Some(t.BOOL, ONE)


def function_size(
    function: ValueFunction, value: Size, args: Mapping[str, Size], count: Count, separator: str = ""
) -> Size:
    """Return the size of a result. ``separator`` stands between the texts of `join` without one of its own."""
    size = shown(value, count)
    match function.size:
        case "truth":
            return _TRUTH
        case "number":
            return _NUMBER
        case "one" if "n" not in args:
            number, items = items_of(value)
            missing = [NONE] if number.least == 0 else []
            return one_of([*items, *missing] or [NONE]) if number.most != 0 else NONE
        case "list" | "cut" | "one":
            return _elements(function, value, args)
        case "joined":
            return _spread(value, args.get("separator", Known(separator)), count)
        case "written":
            return Some(t.JSON, Bound(0, None if size.most is None else size.most * 1.25 + 2, size.why))
        case "shorter":
            # A token has at least one character, and the function lets some more characters pass.
            return Some(t.TEXT, Bound(0, size.most, size.why).capped((_number(args.get("length")) or 255) + 10))
        case "pieces":
            return Many(
                Bound(0, None if size.most is None else 2 * size.most + 1, size.why), Some(t.TEXT, _twice(size))
            )
        case "replaced":
            return Some(t.TEXT, Bound(0, None, size.why or "a text that replaces another may be longer"))
    # A change of case or a trimmed end changes how a tokenizer splits a text, but within bounds. An indent is a token
    # for each line, and each token is at most one line.
    return Some(t.TEXT, _twice(size))


def _twice(size: Bound) -> Bound:
    return Bound(0, None if size.most is None else 2 * size.most + 1, size.why)


def _number(size: Size | None) -> int | None:
    return size.value if isinstance(size, Known) and isinstance(size.value, int) else None


def _elements(function: ValueFunction, value: Size, args: Mapping[str, Size]) -> Size:
    """Return the elements of a list in some order, some of them, or groups of them."""
    number, items = items_of(value)
    if t.is_text(type_of(value)) and not items:
        return value
    each = one_of(items or [NONE])
    if function.name == "group":
        key = each
        by = args.get("by")
        for part in str(by.value).split(".") if isinstance(by, Known) else ():
            key = field_of(key, part)
        members = Many(Bound(min(number.least, 1), number.most, number.why), each)
        return Many(Bound(min(number.least, 1), number.most, number.why), Fields((("key", key), ("items", members))))
    if function.size == "list":
        return Many(number, each) if items else value
    kept = _number(args.get("n", args.get("top")))
    if "n" in args or "top" in args:
        # A list with at least so many elements has at least so many left.
        left = Bound(0 if kept is None else min(number.least, kept), number.most, number.why).capped(kept)
    else:
        left = Bound(min(number.least, 1), number.most, number.why)
    return Many(left, each) if items else value


def joined(parts: list[Size], count: Count, between: Bound = NOTHING) -> Size:
    """Return the size of the texts of some values, one after the other."""
    bounds = [shown(part, count) for part in parts]
    joints = max(0, len(parts) - 1)
    found = total([*bounds, between * Bound(joints, joints)])
    most = None if found.most is None else found.most + joints * JOINT
    return Some(t.TEXT, Bound(max(0, found.least - joints * JOINT), most, found.why))


def _spread(value: Size, separator: Size, count: Count) -> Size:
    number, items = items_of(value)
    if is_counted(value):
        return joined(list(items), count, shown(separator, count))
    each = total([*(shown(item, count) for item in items[:1]), shown(separator, count), Bound(0, 2 * JOINT)]) * number
    return Some(t.TEXT, Bound(0, each.most, each.why))
