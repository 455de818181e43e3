"""The length of a template's text when some of its values are not known yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .. import types as t
from ..functions import VALUE_FUNCTIONS
from ..image_values import has_image
from ..templates import nodes
from .bound import NOTHING, Bound, total
from .function_sizes import JOINT, function_size, joined
from .plain_texts import read
from .sizes import (
    NONE,
    Fields,
    Known,
    Size,
    Some,
    field_of,
    is_counted,
    items_of,
    listed,
    one_of,
    shown,
    text_of,
    type_of,
)
from .type_bounds import Count

Names = Mapping[str, Size]
_NUMBER = Some(t.NUMBER, Bound(1, 8))
_TRUTH = Some(t.BOOL, Bound(1, 1))
_ANY_LOOP = Fields(
    (
        *((name, _NUMBER) for name in ("index", "index0", "length", "revindex")),
        *((name, _TRUTH) for name in ("first", "last")),
    )
)
_MOST_ITEMS = 2000
"""The most items that a loop goes through one by one; beyond it one item that all fit stands for each."""

_MARKS = Bound(4, 64)
"""The tokens of the two marks around a foreign text. They have 48 characters, mostly hexadecimal digits."""


def template_size(template: str, names: Names, count: Count, fenced: tuple[int, ...] = ()) -> Bound:
    """Bound the tokens of a template's text. ``names`` has the size of every name in it.

    The values at the places of ``fenced`` stand between marks.
    """
    found = read(template)
    if found is None:
        return NOTHING
    scope: dict[str, Size] = {**names, **{_fence(place): _NUMBER for place in fenced}}
    return _sum(_body(found.body, scope, count), count)


def _fence(place: int) -> str:
    """Return the key of a place with marks, among the names. No name of a flow looks like this."""
    return f"#{place}"


Piece = str | Bound


def _sum(pieces: Iterator[Piece], count: Count) -> Bound:
    """Add up the sizes of pieces. Adjacent texts are counted as one text.

    A token may span two pieces, so each joint with a bound may add or save one token.
    """
    texts: list[str] = []
    bounds: list[Bound] = []
    joints = 0
    for piece in pieces:
        if isinstance(piece, str):
            texts.append(piece)
            continue
        if texts:
            bounds.append(_counted(texts, count))
        texts = []
        bounds.append(piece)
        joints += 2
    if texts or not bounds:
        bounds.append(_counted(texts, count))
    found = total(bounds)
    slack = joints * JOINT
    return Bound(max(0, found.least - slack), None if found.most is None else found.most + slack, found.why)


def _counted(texts: list[str], count: Count) -> Bound:
    number = count("".join(texts))
    return Bound(number, number)


def _body(body: tuple[nodes.Node, ...], names: dict[str, Size], count: Count) -> Iterator[Piece]:
    for node in body:
        match node:
            case nodes.Output():
                for part in node.nodes:
                    if isinstance(part, nodes.TemplateData):
                        yield part.data
                    else:
                        value = _value(part, names, count)
                        if _fence(part.start) in names:
                            yield _MARKS
                        if isinstance(value, Known) and not has_image(value.value):
                            yield text_of(value.value)
                        else:
                            yield shown(value, count)
            case nodes.For():
                yield from _loop(node, names, count)
            case nodes.If():
                yield from _branch(node, names, count)
            case nodes.Assign():
                names[node.target.name] = _value(node.node, names, count)


def _loop(node: nodes.For, names: dict[str, Size], count: Count) -> Iterator[Piece]:
    number, items = items_of(_value(node.iter, names, count))
    counted = is_counted(_value(node.iter, names, count)) and len(items) <= _MOST_ITEMS
    if counted and not items:
        yield from _body(node.else_, dict(names), count)
        return
    if not counted:
        items = [one_of(items[:_MOST_ITEMS] or [NONE])] if len(items) != 1 else items
    rounds = []
    for place, item in enumerate(items):
        loop = _loop_fields(place, len(items)) if counted else _ANY_LOOP
        inner = {**names, node.target.name: item, "loop": loop}
        test = _truth(node.test, inner, count) if node.test is not None else True
        if test is False:
            continue
        body = list(_body(node.body, inner, count))
        if counted and test:
            yield from body
        else:
            found = _sum(iter(body), count)
            rounds.append(found.maybe if not test else found)
    if counted:
        yield from rounds
    else:
        # Each round of the loop has joints with the next round.
        each = total(rounds) + Bound(0, 2 * JOINT)
        found = Bound(max(0, each.least - 2 * JOINT), each.most, each.why) * number
        yield found | _sum(_body(node.else_, dict(names), count), count) if node.else_ else found


def _loop_fields(place: int, length: int) -> Size:
    return Known(
        {
            "index": place + 1,
            "index0": place,
            "length": length,
            "revindex": length - place,
            "first": place == 0,
            "last": place == length - 1,
        }
    )


def _branch(node: nodes.If, names: dict[str, Size], count: Count) -> Iterator[Piece]:
    """Yield the pieces of the branch that is certainly taken. If none is, yield bounds of all possible branches."""
    ways: list[tuple[nodes.Node, ...]] = []
    for test, body in [(node.test, node.body), *((one.test, one.body) for one in node.elif_)]:
        truth = _truth(test, names, count)
        if truth is not False:
            ways.append(body)
        if truth is True:
            break
    else:
        ways.append(node.else_)
    if len(ways) == 1:
        yield from _body(ways[0], names, count)
        return
    found = [_sum(_body(way, dict(names), count), count) for way in ways]
    least, most = min(one.least for one in found), [one.most for one in found]
    why = next((one.why for one in found if one.most is None), "")
    yield Bound(least, None if None in most else max(one for one in most if one is not None), why)


def _truth(node: nodes.Node, names: Names, count: Count) -> bool | None:
    """Return whether a condition holds. None if an answer decides that."""
    match node:
        case nodes.Not():
            inner = _truth(node.node, names, count)
            return None if inner is None else not inner
        case nodes.And() | nodes.Or():
            sides = (_truth(node.left, names, count), _truth(node.right, names, count))
            decisive = isinstance(node, nodes.Or)
            if decisive in sides:
                return decisive
            return None if None in sides else not decisive
        case nodes.Test(name=("none" | "defined") as name):
            value = _value(node.node, names, count)
            if isinstance(value, Known):
                return (value.value is None) == (name == "none")
            return None
        case nodes.Compare(ops=[one]) if one.op in ("eq", "ne"):
            left, right = _value(node.expr, names, count), _value(one.expr, names, count)
            if isinstance(left, Known) and isinstance(right, Known):
                return bool((left.value == right.value) == (one.op == "eq"))
            return None
        case nodes.Name() | nodes.Getattr() | nodes.Const():
            value = _value(node, names, count)
            return bool(value.value) if isinstance(value, Known) else None
    return None


def _value(node: nodes.Node, names: Names, count: Count) -> Size:
    match node:
        case nodes.Const():
            return Known(node.value)
        case nodes.Name():
            return names[node.name] if node.name in names else Known(None)
        case nodes.Getattr():
            return field_of(_value(node.node, names, count), node.attr)
        case nodes.List():
            return listed([_value(item, names, count) for item in node.items])
        case nodes.Filter():
            return _filtered(node, _value(node.node, names, count), names, count)
        case nodes.CondExpr():
            truth = _truth(node.test, names, count)
            ways: list[nodes.Node | None] = [] if truth is False else [node.expr1]
            ways += [] if truth is True else [node.expr2]
            return one_of([Known("") if way is None else _value(way, names, count) for way in ways])
        case nodes.Concat():
            return joined([_value(part, names, count) for part in node.nodes], count)
        case nodes.Add():
            left, right = _value(node.left, names, count), _value(node.right, names, count)
            return _NUMBER if t.is_number(type_of(left)) else joined([left, right], count)
        case nodes.BinExpr() | nodes.Neg():
            return _NUMBER
    return _TRUTH


def _filtered(node: nodes.Filter, value: Size, names: Names, count: Count) -> Size:
    function = VALUE_FUNCTIONS[node.name]
    args = dict(
        zip([arg.name for arg in function.args], [_value(arg, names, count) for arg in node.args], strict=False)
    )
    for pair in node.kwargs:
        arg = function.arg(pair.key)
        args[arg.name if arg is not None else pair.key] = _value(pair.value, names, count)
    if node.name != "default":
        return function_size(function, value, args, count)
    other = args.get("other", Known(""))
    if isinstance(value, Known):
        return other if value.value is None else value
    return one_of([value, other])
