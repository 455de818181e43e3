"""The names of steps in paths. A step without a name of its own has one by its word, and one by its line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from flowrun.dsl import plan as p


class Names:
    """The steps of a plan by the names that paths give them."""

    def __init__(self, plan: p.Plan) -> None:
        self.plan = plan
        # The body is kept beside its names, so that its identity stays its own.
        self._bodies: dict[int, tuple[tuple[p.Step, ...], Mapping[str, p.Step]]] = {}

    def find(self, steps: tuple[p.Step, ...], name: str) -> p.Step | None:
        """Find the step of a body by a name: its own, ``ask2`` for the second unnamed ask, or ``line 7``."""
        known = self._bodies.get(id(steps))
        if known is None:
            known = self._bodies[id(steps)] = steps, dict(_named(steps))
        return known[1].get(name)


def _named(steps: tuple[p.Step, ...]) -> Iterator[tuple[str, p.Step]]:
    words: Counter[str] = Counter()
    for step in steps:
        if step.name.startswith("#"):
            words[step.node.kind] += 1
            count = words[step.node.kind]
            yield step.title, step
            yield f"{step.node.kind}{count if count > 1 else ''}", step
        yield step.name, step
