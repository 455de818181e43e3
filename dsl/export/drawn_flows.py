"""The choice of the called flows that are drawn in full. Every other call is drawn as a single node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .. import plan as p
from ..graph import topological

LARGEST = 30
DEEPEST = 3
# A small flow may be called everywhere. With more steps of called flows in all, further calls are single nodes.
MOST = 3000


class Called:
    def __init__(self, plan: p.Plan) -> None:
        self.flows = plan.flows
        self.steps = {name: list(p.walk_steps(flow.steps)) for name, flow in plan.flows.items()}
        calls = {
            name: [step.node.flow for step in steps if isinstance(step.node, p.FlowCall)]
            for name, steps in self.steps.items()
        }
        order, circle = topological(calls)
        # A checked plan has no circle. In other plans, a circle is not followed.
        self.sizes = dict.fromkeys(circle, LARGEST + 1)
        for name in order:
            self.sizes[name] = len(self.steps[name]) + sum(self.sizes.get(inner, 0) for inner in calls[name])
        self.depth = 0
        self.left = MOST

    @contextmanager
    def entered(self, name: str) -> Iterator[p.Flow | None]:
        """Yield the called flow inside this context if it is drawn in full. Yield None if the call is a single node."""
        size = self.sizes.get(name, 0)
        if name not in self.flows or self.depth == DEEPEST or size > min(LARGEST, self.left):
            yield None
            return
        self.left -= size if self.depth == 0 else 0
        self.depth += 1
        yield self.flows[name]
        self.depth -= 1
