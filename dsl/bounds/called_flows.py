"""The bounds of the flows that a plan calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from .. import plan as p
from ..graph import topological
from .amounts import Bounds
from .bound import Bound
from .effort import EXACT_WORK, Effort
from .sizes import Size, Some, kept, key_of
from .survey import Done
from .type_bounds import Count

EXACT_CALLS = 64
"""The most different arguments of one flow that are taken exactly.

After them only their sizes count, and later not even those.
"""
DEEPEST = 60
"""The most bodies inside one another; a flow that is called deeper down is worked out by itself."""


class CalledFlows:
    """The called flows of a plan. Each is worked out once for equal arguments.

    ``bounds`` has the bounds of any call of a flow, by its name. ``work_out`` works out one call with its arguments.
    """

    def __init__(
        self,
        flows: Mapping[str, p.Flow],
        count: Count,
        effort: Effort,
        work_out: Callable[[p.Flow, Mapping[str, Size], bool], Done],
    ) -> None:
        self.bounds: dict[str, Bounds] = {}
        self._flows = flows
        self._count = count
        self._effort = effort
        self._work_out = work_out
        self._known: dict[tuple[str, bool], dict[object, Done]] = {}

    def call(self, name: str, args: Mapping[str, Size], sharing: bool) -> Done:
        """Return the bounds of one call of a flow.

        Equal arguments are worked out once. If a flow gets very many different arguments, they are worked out together.
        """
        flow = self._flows[name]
        known = self._known.setdefault((name, sharing), {})
        if len(known) >= EXACT_CALLS:
            args = {param: kept(size, self._count) for param, size in args.items()}
        alone = self._effort.depth >= DEEPEST
        if alone or len(known) >= 4 * EXACT_CALLS or self._effort.spent > 4 * EXACT_WORK:
            why = f"it depends on the arguments of `{name}`"
            args = {param.name: Some(param.type, Bound(0, None, why)) for param in flow.params}
        key = tuple((param, key_of(size)) for param, size in sorted(args.items()))
        if key not in known:
            if alone:
                self._prepare(name)
            known[key] = self._work_out(flow, args, sharing)
            bounds = replace(known[key].bounds, title=name, what="flow, each call")
            self.bounds[name] = self.bounds[name] | bounds if name in self.bounds else bounds
        return known[key]

    def _prepare(self, name: str) -> None:
        """Work out the flows that this flow calls before the flow itself, the innermost first.

        So the recursion stays shallow.
        """
        needs: dict[str, list[str]] = {}
        todo = [name]
        while todo:
            one = todo.pop()
            if one not in needs:
                needs[one] = [
                    step.node.flow for step in p.walk_steps(self._flows[one].steps) if isinstance(step.node, p.FlowCall)
                ]
                # A flow that is worked out already needs no recursion.
                todo += [need for need in needs[one] if not all(self._known.get((need, way)) for way in (False, True))]
        for one in topological(needs)[0][:-1]:
            for sharing in (False, True):
                if not self._known.get((one, sharing)):
                    self.call(one, {}, sharing)
