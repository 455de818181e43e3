"""The values of the analysis: the marks of a value and of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import field, replace
from math import inf

from ..records import dataclass
from .marks import (
    CONTENT,
    COUNT,
    JOINED,
    LENGTH_BITS,
    NOTHING,
    OWN,
    Closing,
    Mark,
    Reach,
    Trail,
    changed,
    union,
)


@dataclass(frozen=True, slots=True)
class Value:
    """The marks of a value.

    ``reach`` has the marks of the value itself, without those of its parts. A record has ``fields``, and a list has
    ``item``, which stands for each of its items. ``axis`` names the loop whose iterations the items are: an item's mark
    with this axis depends on one element only. ``length`` has the marks of the number of the items, ``order`` those
    of their order. ``most`` is the greatest number of items, as far as it is known.
    """

    reach: Reach = field(default_factory=dict)
    fields: Mapping[str, Value] | None = None
    item: Value | None = None
    axis: str = ""
    length: Reach = field(default_factory=dict)
    most: float = inf
    order: Reach = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """True if the value has no parts."""
        return self.fields is None and self.item is None and not self.length and not self.order

    def whole(self) -> Reach:
        """Return the marks of a reading of the whole value. An item of a list is then not apart any more."""
        if self.plain:
            return self.reach
        return union(self.about(), *self._parts())

    def about(self) -> Reach:
        """Return the marks of the value without its parts, and of their number and order.

        Each item may decide whether the list has it. All items together then decide about the list.
        """
        return _outside(union(self.reach, self.length, self.order), self.axis)

    def measured(self) -> Reach:
        """Return the marks of the number of the value's parts."""
        number = _outside(union(self.reach, self.length), self.axis)
        return changed(union(number, *self._parts()), _measured)

    def _parts(self) -> list[Reach]:
        found = [one.whole() for one in self.fields.values()] if self.fields is not None else []
        if self.item is not None:
            found.append(changed(self.item.whole(), _spread(self.axis, self.most)))
        return found

    def with_reach(self, reach: Reach) -> Value:
        return replace(self, reach=union(self.reach, reach)) if reach else self

    def of(self, name: str) -> Value:
        """Return the value of a field."""
        inner = self.fields.get(name) if self.fields is not None else None
        if inner is not None:
            return inner.with_reach(self.reach)
        return Value(self.whole()) if self.fields is None else Value(self.reach)

    def each(self, axis: str) -> Value:
        """Return an item in an iteration of a loop over this list."""
        if self.item is None:
            return Value(self.whole())
        reach = renamed(Value(self.reach), self.axis, axis).reach if self.reach else self.reach
        return renamed(self.item, self.axis, axis).with_reach(reach)


EMPTY = Value()


def _measured(mark: Mark) -> Mark:
    bits = min(mark.bits, LENGTH_BITS)
    return mark._replace(bits=bits, free=False, channels=COUNT, steered=mark.steered or mark.free)


def _outside(reach: Reach, axis: str) -> Reach:
    """Return the marks outside of a loop of what each of its iterations has decided for itself."""
    if not axis or not any(axis in mark.axes for mark in reach.values()):
        return reach
    return {source: _leaves(mark, axis) for source, mark in reach.items()}


def _leaves(mark: Mark, axis: str) -> Mark:
    return mark if axis not in mark.axes else mark._replace(axes=mark.axes - {axis}, mix=JOINED)


def _spread(axis: str, most: float) -> Callable[[Mark], Mark]:
    """Make the mark of a whole list from that of one item. An item that one element writes alone adds no bits."""

    def spread(mark: Mark) -> Mark:
        if mark.bits and (mark.axes != {axis} or mark.mix != OWN or mark.many):
            mark = mark._replace(bits=mark.bits * most)
        return _leaves(mark, axis)

    return spread


def any_item(value: Value) -> Value:
    """Return the item of a list that a text, or a rule, takes from any place of the list."""
    if value.item is None:
        return Value(value.whole())
    item = mapped(value.item, _spread(value.axis, value.most)) if value.whole() else value.item
    return item.with_reach(value.about())


def renamed(value: Value, old: str, new: str, *, many: bool = False) -> Value:
    """Return a value with another name for one of its axes. ``many``: one element then writes several items."""
    if not old or (old == new and not many) or not _has(value, old):
        return value

    def rename(mark: Mark) -> Mark:
        if old not in mark.axes:
            return mark
        return mark._replace(axes=mark.axes - {old} | {new}, many=mark.many or many)

    return mapped(value, rename)


def mapped(value: Value, change: Callable[[Mark], Mark]) -> Value:
    """Return a value with each of its marks changed by a function."""
    if value.plain:
        return Value(changed(value.reach, change)) if value.reach else value
    return Value(
        changed(value.reach, change),
        {name: mapped(one, change) for name, one in value.fields.items()} if value.fields is not None else None,
        mapped(value.item, change) if value.item is not None else None,
        value.axis,
        changed(value.length, change),
        value.most,
        changed(value.order, change),
    )


def widened(value: Value) -> Value:
    """Return a value that each element of its sources can change, as widely as its parts allow."""
    if not value.whole():
        return EMPTY

    def widen(mark: Mark) -> Mark:
        return Mark(frozenset(), JOINED, inf, mark.free, CONTENT, True, False, True, mark.told, mark.trail)

    wide = mapped(value, widen)
    item = None if value.item is None else widened(value.item)
    fields = None if value.fields is None else {name: widened(one) for name, one in value.fields.items()}
    return Value(wide.reach, fields, item, "", wide.length, inf, wide.order)


def led(value: Value, name: str) -> Value:
    """Return a value with one more name on the trails of its marks."""
    if value is EMPTY or not name:
        return value
    return mapped(value, lambda mark: Mark(*mark[:-1], Trail(name, mark.trail)))


def closed(value: Value, closing: Closing) -> Value:
    """Return a value behind the end of a loop that leaves no list of its iterations."""
    if not _has(value, closing.axis):
        return value
    return Value(
        closing.reach(value.reach),
        {name: closed(one, closing) for name, one in value.fields.items()} if value.fields is not None else None,
        closed(value.item, closing) if value.item is not None else None,
        value.axis,
        closing.reach(value.length),
        value.most,
        closing.reach(value.order),
    )


def _has(value: Value, axis: str) -> bool:
    if any(axis in mark.axes for reach in (value.reach, value.length, value.order) for mark in reach.values()):
        return True
    if value.item is not None and _has(value.item, axis):
        return True
    return value.fields is not None and any(_has(one, axis) for one in value.fields.values())


def either(first: Value, second: Value) -> Value:
    """Return a value that is one of two values."""
    if first is second or second == EMPTY:
        return first
    if first == EMPTY:
        return second
    fields = _fields(first, second)
    item, axis = None, ""
    if first.item is not None and second.item is not None:
        axis = first.axis or second.axis
        first, second = renamed(first, first.axis, axis), renamed(second, second.axis, axis)
        item = either(first.item or EMPTY, second.item or EMPTY)
    first, second = _kept(first, fields, item), _kept(second, fields, item)
    most = max(first.most, second.most)
    length, order = union(first.length, second.length), union(first.order, second.order)
    return Value(union(first.reach, second.reach), fields, item, axis, length, most, order)


def _fields(first: Value, second: Value) -> Mapping[str, Value] | None:
    if first.fields is None or second.fields is None:
        return None
    names = dict.fromkeys([*first.fields, *second.fields])
    return {name: either(first.fields.get(name, EMPTY), second.fields.get(name, EMPTY)) for name in names}


def _kept(value: Value, fields: Mapping[str, Value] | None, item: Value | None) -> Value:
    """Return a value without the parts that the union with another value cannot keep apart. It keeps their marks."""
    loses = (value.fields is not None and fields is None) or (value.item is not None and item is None)
    return Value(value.whole(), most=value.most) if loses else value


def listed(items: Iterable[Value], axis: str, single: Set[str]) -> Value:
    """Return a list of written values.

    ``single`` has the sources that are no lists. If only one item mentions such a source, it has this item alone.
    """
    parts = list(items)
    times: dict[str, int] = {}
    for part in parts:
        for source in part.whole():
            times[source] = times.get(source, 0) + 1

    once = {source for source, number in times.items() if number == 1 and source in single}
    item = EMPTY
    for part in parts:
        item = either(item, _placed(part, once, axis))
    return Value(NOTHING, None, item, axis, most=len(parts))


def _placed(value: Value, once: set[str], axis: str) -> Value:
    """Return an item of a list. A mark that no loop bounds, of a source with one item, belongs to this item alone."""

    def place(reach: Reach) -> Reach:
        return {
            source: mark._replace(axes=frozenset({axis}), mix=0)
            if source in once and not mark.axes and mark.mix == JOINED
            else mark
            for source, mark in reach.items()
        }

    return Value(
        place(value.reach),
        {name: _placed(one, once, axis) for name, one in value.fields.items()} if value.fields is not None else None,
        _placed(value.item, once, axis) if value.item is not None else None,
        value.axis,
        place(value.length),
        value.most,
        place(value.order),
    )


def chained(first: Value, second: Value, axis: str) -> Value:
    """Return the list of the items of two lists, one after the other."""
    if first.item is None or second.item is None:
        return Value(union(first.whole(), second.whole()))
    first, second = renamed(first, first.axis, axis), renamed(second, second.axis, axis)
    left, right = first.item or EMPTY, second.item or EMPTY
    both = {source for source in left.whole() if source in right.whole()}
    item = either(left, right)
    if both:
        item = mapped(item, lambda mark: mark._replace(many=True) if axis in mark.axes else mark)
    length, most = union(first.length, second.length), first.most + second.most
    return Value(union(first.reach, second.reach), None, item, axis, length, most, union(first.order, second.order))
