"""The places of a run's calls among the places that the labels of a plan name."""

from __future__ import annotations

from flowrun.dsl import REDUCE, Labels, Mark, Place
from flowrun.dsl import plan as p
from flowrun.runtime.plans.step_paths import Naming

from .places import Spot


class ReachedPlaces:
    """The reach of sources, for the calls of a run."""

    def __init__(self, plan: p.Plan, labels: Labels) -> None:
        self.labels = labels
        self._naming = Naming(plan)
        self._known: dict[tuple[str, ...], tuple[tuple[Place, ...], tuple[str, ...]]] = {}

    def changes(self, source: str, element: int | None, spot: Spot) -> bool:
        """Return True if one element of a source can change the request of a call, or whether it is sent."""
        places, steps = self._places(spot.shape.names)
        at = dict(zip(steps, spot.at, strict=False))
        return any(
            mark is not None and _reaches(mark, element, at)
            for place in places
            for mark in (place.request.get(source), place.presence.get(source))
        )

    def _places(self, names: tuple[str, ...]) -> tuple[tuple[Place, ...], tuple[str, ...]]:
        """Return the places of a path, and the key of the step behind each of its names."""
        if names not in self._known:
            flow, steps = "", [""] * 0
            step, kinds = "", {"ask", "extern"}
            for number, name in enumerate(names):
                node = next((one for one in self._naming.inside(names[:number]) if one.name == name), None)
                if node is None or node.step is None:
                    kinds = {"reducer", "judge", "extern"}
                    assert name == REDUCE
                    break
                step = node.step.name
                steps.append(f"{flow}:{step}")
                if isinstance(node.step.node, p.FlowCall):
                    flow = node.step.node.flow
            found = tuple(
                one for one in self.labels.places if (one.flow, one.step) == (flow, step) and one.kind in kinds
            )
            self._known[names] = found, tuple(steps)
        return self._known[names]


def _reaches(mark: Mark, element: int | None, at: dict[str, int | None]) -> bool:
    """Return True if an element with this number has this mark on the request of a call at these places."""
    if element is None or mark.relation != "own" or not mark.axes:
        return True
    # The key of an axis begins with that of its step. An axis of a written list has no number in a path.
    numbers = [at.get(axis.rpartition("#")[0]) for axis in mark.axes]
    return any(number is None or number == element for number in numbers)
