"""The marks of a block's value: each reducer mixes the results in its own way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

from .. import types as t
from ..catalog import ReducerSpec
from ..records import dataclass
from .functions import passing
from .marks import (
    CONTENT,
    CONTROL,
    COUNTED,
    JOINED,
    LENGTH_BITS,
    NOTHING,
    NUMBER_BITS,
    OWN,
    Closing,
    Mark,
    Reach,
    changed,
    control,
    narrowed,
    union,
)
from .shapes import shaped
from .values import EMPTY, Value, chained, closed, renamed


@dataclass(eq=False, slots=True)
class Results:
    """The results of a block's bodies.

    ``list`` is the list of the results, whose items belong to the iterations of ``axis``. ``branches`` has the values
    of a fan-out by name. ``late`` has the marks of what can delay a result. ``around`` says to which loop an element of
    a source belongs that is read inside this loop.
    """

    list: Value
    axis: str
    type: t.Type
    branches: Mapping[str, Value] | None = None
    late: Reach = field(default_factory=dict)
    around: Mapping[str, str] | None = None

    def closing(self, mix: int = JOINED) -> Closing:
        return Closing(self.axis, self.around or {}, mix)

    def any(self, mix: int = JOINED) -> Value:
        """Return a result that may be any of them."""
        item = self.list.item or EMPTY
        return closed(item, self.closing(mix)).with_reach(self.number(mix))

    def number(self, mix: int = JOINED) -> Reach:
        """Return the marks of the number of results."""
        return self.closing(mix).reach(union(self.list.reach, self.list.length))


def reduced(rule: str, spec: ReducerSpec | None, results: Results, given: Reach, *, cut: bool = False) -> Value:
    """Return the value that a rule makes of the results. ``given`` has the marks of the rule's arguments.

    ``cut`` says that the rule keeps only some results (`top`).
    """
    if spec is not None and spec.votes:
        return shaped(results.type, union(_ballots(results).whole(), control(given)))
    made = _dedupe if cut else _RULES.get(rule)
    if made is not None and spec is not None:
        return made(results, given)
    return shaped(results.type, union(results.any().whole(), results.list.whole(), given))


def tally(results: Results) -> Reach:
    """Return the marks of the tally of a vote."""
    return _ballots(results).whole()


def _ballots(results: Results) -> Value:
    """Return the winner of a vote. An element that writes a single ballot is counted; any other one can decide."""
    return results.any(COUNTED)


def written_twice(results: Results) -> Reach:
    """Return the marks of the sources that write several ballots of a vote by free text."""
    if results.branches is not None:
        found: dict[str, int] = {}
        for branch in results.branches.values():
            for source, mark in branch.whole().items():
                found[source] = found.get(source, 0) + (mark.steered or mark.free)
        several = {source for source, number in found.items() if number > 1}
        return {source: mark for source, mark in _item(results).items() if source in several}
    return {
        source: mark
        for source, mark in _item(results).items()
        if (mark.steered or mark.free) and (results.axis not in mark.axes or mark.many or mark.mix != OWN)
    }


def _item(results: Results) -> Reach:
    return (results.list.item or EMPTY).whole()


# The rules without a vote


def _collect(results: Results, given: Reach) -> Value:
    if results.branches is not None:
        return Value(results.list.reach, dict(results.branches))
    return results.list


def _flatten(results: Results, given: Reach) -> Value:
    made = EMPTY
    if results.branches is not None:
        for branch in results.branches.values():
            made = branch if made is EMPTY else chained(_items(branch), _items(made), results.axis)
        return made
    item = _items(results.list.item or EMPTY)
    many = renamed(item, results.axis, results.axis, many=True)
    many = renamed(many, item.axis, results.axis)
    length = union(results.number(), results.closing().reach(many.length))
    return Value(many.reach, None, many.item, results.axis, length, order=results.closing().reach(many.order))


def _items(value: Value) -> Value:
    return value if value.item is not None else Value(NOTHING, None, Value(value.whole()))


def _concat(results: Results, given: Reach) -> Value:
    return Value(union(results.closing().reach(results.list.reach), results.list.whole(), given))


def _merge(results: Results, given: Reach) -> Value:
    return results.any().with_reach(given)


def _first(results: Results, given: Reach) -> Value:
    return results.any().with_reach(results.late)


def _best(results: Results, given: Reach) -> Value:
    return results.any().with_reach(control(union(results.list.whole(), given)))


def _rank(results: Results, given: Reach) -> Value:
    order = narrowed(union(results.list.whole(), given), LENGTH_BITS, CONTROL)
    return replace(results.list, order=union(results.list.order, order))


def _dedupe(results: Results, given: Reach) -> Value:
    order = narrowed(union(results.list.whole(), given), LENGTH_BITS, CONTROL)
    return passing(results.list, order, results.list.most)


def _count(results: Results, given: Reach) -> Value:
    return _number(results, given, COUNTED)


def _sum(results: Results, given: Reach) -> Value:
    return _number(results, given, JOINED)


def _number(results: Results, given: Reach, mix: int) -> Value:
    """Return a computed number. A free number of one element can outweigh all others, unless the rule only counts."""
    found = union(_ballots(results).whole(), given)

    def number(mark: Mark) -> Mark:
        outweighs = mark.free and mix == JOINED
        return mark._replace(
            mix=JOINED if outweighs else mark.mix,
            bits=min(mark.bits, NUMBER_BITS),
            free=outweighs,
            channels=mark.channels | CONTENT,
        )

    return Value(changed(found, number))


_RULES = {
    "collect": _collect,
    "flatten": _flatten,
    "concat": _concat,
    "merge": _merge,
    "first": _first,
    "best": _best,
    "rank": _rank,
    "dedupe": _dedupe,
    "count": _count,
    "median": _count,
    "sum": _sum,
    "mean": _sum,
}


def keeps_all(rule: str, spec: ReducerSpec | None) -> bool:
    """Return True if a rule waits for every result, so that no result can end the block early."""
    return spec is not None and rule in _RULES and rule != "first"


def within(mark: Mark, own: set[str]) -> Mark:
    """Return a mark outside of the inner loops, whose elements can each change what is around them."""
    mark = mark._replace(steered=False)
    return mark if mark.axes <= own else mark._replace(axes=mark.axes & own, mix=JOINED)
