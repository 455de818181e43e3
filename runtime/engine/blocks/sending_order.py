"""The order in which a map over a complete list opens its elements. Results, paths and keys do not depend on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from flowrun.dsl import plan as p

from ...vocabulary.json_value import Json
from ..beginnings import FirstAsk, beginning_of
from ..block_surroundings import Around
from ..reductions import Reduction
from ..scopes import Context
from ..strands import Strands, by_beginning

CHUNK = 1024
"""The elements that are put in order together, if their results are handed on one by one or the list is in a file."""


class SendingOrder:
    """The rule by which one map orders its elements. It keeps the order of the list where that can matter.

    It matters if a budget may end before the list does, and if the reducer works while results arrive. Where no values
    repeat, and where no server keeps prompts, the order is that of the list, too.
    """

    def __init__(self, node: p.Map, reduction: Reduction, context: Context, flows: Mapping[str, p.Flow]) -> None:
        self.node = node
        self.context = context
        self.flows = flows
        self.reduction = reduction

    @cached_property
    def beginning(self) -> FirstAsk | None:
        context, reduction = self.context, self.reduction
        limited = context.calls_limit is not None or context.money_limit is not None
        if not context.strands or limited or not waits_for_all(reduction):
            return None
        return beginning_of(self.node, self.flows)

    def strands(self, values: Sequence[Json], around: Around, window: int) -> Strands | None:
        """Return the strands of these elements, None if they are opened in the order of the list."""
        beginning = self.beginning
        if beginning is None or len(values) < 3 or around.ledgers or around.path in self.context.watcher.only:
            return None
        width = min(beginning.strands(self.context), window)
        if width == 0:
            return None
        parts = beginning.parts(values.__getitem__)
        chunk = CHUNK if self.reduction.hand_on is not None or not isinstance(values, list | tuple) else len(values)
        chunks = (range(start, min(start + chunk, len(values))) for start in range(0, len(values), chunk))
        if chunk < len(values):
            return Strands(width, lambda: _ordered(next(chunks, range(0)), parts))
        order, shared = _ordered(range(len(values)), parts)
        whole = iter([(order, shared)])
        return Strands(width, lambda: next(whole, ((), False))) if shared else None


def _ordered(members: range, parts: Sequence[Callable[[int], str]]) -> tuple[Sequence[int], bool]:
    """Put elements in order. The second value is True if any begin alike."""
    order, shared = by_beginning(members, parts)
    return (order, True) if shared else (members, False)


def waits_for_all(reduction: Reduction) -> bool:
    """Tell whether the reducer does nothing before all results are there, or only hands them on in their order."""
    if reduction.taken is not None or reduction.hand_on is not None:
        return True
    if reduction.ask is not None:
        return reduction.plan.form != "fold" and reduction.plan.count is None
    return reduction.gathers or reduction.joins
