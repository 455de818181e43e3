"""The answer of a judge that puts candidates in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from flowrun.dsl import dataclass, types

from ..vocabulary.json_value import Json


@dataclass(frozen=True, slots=True)
class Order(types.ListOf):
    """A list that has each whole number of a range exactly once.

    No schema can express that, so the reader of answers checks it.
    """

    def lacks(self, numbers: Sequence[Json]) -> str:
        """Describe the fault of an order, as the end of a sentence. Return "" if the order is complete."""
        assert isinstance(self.item, types.Range)
        counts = Counter(numbers)
        doubled = [number for number in counts if counts[number] > 1]
        missing = [number for number in range(int(self.item.low), int(self.item.high) + 1) if number not in counts]
        said = [f"has no {_listed(missing)}"] if missing else []
        return " and ".join([*said, *([f"has {_listed(doubled)} more than once"] if doubled else [])])


def _listed(numbers: list[int]) -> str:
    more = f" and {len(numbers) - 3} more" if len(numbers) > 3 else ""
    return ", ".join(map(str, numbers[:3])) + more
