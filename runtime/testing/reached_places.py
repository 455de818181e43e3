"""The reach of sources, for the calls of a run: which requests one hostile element may change, and which not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from flowrun.dsl import REDUCE, Labels, Mark, Place, dataclass
from flowrun.dsl import plan as p
from flowrun.runtime.plans.step_paths import Naming
from flowrun.runtime.vocabulary.call import Request

from .places import Spot


@dataclass(frozen=True, slots=True)
class Requested:
    """The requests of one call of a run: its attempts and corrections, in their order."""

    spot: Spot
    requests: tuple[Request, ...]

    def has(self, text: str) -> bool:
        """Return True if a text stands in a prompt."""
        return any(text in message.text for request in self.requests for message in request.messages)


Requests = Mapping[str, Requested]
"""The requests of a run by the path of their call."""


@dataclass(frozen=True, slots=True)
class _Group:
    """The part of a path that all calls of one ask share.

    ``steps`` has the key of the step behind each name of the path. ``shifts`` says that the number of an element in the
    path may not be that of the source, because a map leaves elements out.
    """

    places: tuple[Place, ...]
    steps: tuple[str, ...]
    shifts: bool


class ReachedPlaces:
    """The comparison of a clean run with a run in which one element of a source is hostile.

    If the element may decide how often an ask runs, then a request that only one run sends is in its reach. A path may
    also get the request of another one. In that case, only a single element may send the hostile text.
    """

    def __init__(self, plan: p.Plan, labels: Labels, hostile: str) -> None:
        self.labels, self.hostile = labels, hostile
        self._naming = Naming(plan)
        self._groups: dict[tuple[str, ...], _Group] = {}

    def changed(
        self, source: str, element: int | None, before: Requests, after: Requests
    ) -> Iterator[tuple[str, bool]]:
        """Yield the path of each call that differs in the two runs, and whether it is in the reach of the element."""
        paths = [path for path in {**before, **after} if before.get(path) != after.get(path)]
        by_names: dict[tuple[str, ...], list[str]] = {}
        for path in paths:
            by_names.setdefault((before.get(path) or after[path]).spot.shape.names, []).append(path)
        for names, alike in by_names.items():
            group = self._group(names)
            marks = [one.request[source] for one in group.places if source in one.request]
            decides = any(source in one.presence or source in one.ended for one in group.places)
            if not decides:
                # The request of each call must be that of the clean run, unless it is the element's own.
                for path in alike:
                    yield path, _reached(marks, element, group, (before.get(path) or after[path]).spot)
                continue
            known = {one.requests for one in before.values() if one.spot.shape.names == names}
            owners = {_numbers(marks, group, after[path].spot) for path in self._hostile(alike, after)}
            alone = _joined(marks, element) or (bool(marks) and len(owners) <= 1) or not owners
            for path in alike:
                moved = path not in before or path not in after or after[path].requests in known or group.shifts
                own = path in after and _reached(marks, element, group, after[path].spot)
                yield path, own or (moved and (alone or path not in after or not after[path].has(self.hostile)))

    def _hostile(self, paths: Iterable[str], requests: Requests) -> Iterator[str]:
        return (path for path in paths if path in requests and requests[path].has(self.hostile))

    def _group(self, names: tuple[str, ...]) -> _Group:
        if names not in self._groups:
            flow, step, steps, shifts = "", "", list[str](), False
            kinds = {"ask", "extern"}
            for number, name in enumerate(names):
                node = next((one for one in self._naming.inside(names[:number]) if one.name == name), None)
                if node is None or node.step is None:
                    assert name == REDUCE
                    kinds = {"reducer", "judge", "extern"}
                    break
                step, inner = node.step.name, node.step.node
                steps.append(f"{flow}:{step}")
                shifts |= isinstance(inner, p.Map) and (inner.where is not None or not isinstance(inner.source, p.Ref))
                flow = inner.flow if isinstance(inner, p.FlowCall) else flow
            found = (one for one in self.labels.places if (one.flow, one.step) == (flow, step) and one.kind in kinds)
            self._groups[names] = _Group(tuple(found), tuple(steps), shifts)
        return self._groups[names]


def _joined(marks: Iterable[Mark], element: int | None) -> bool:
    return any(element is None or mark.relation != "own" or not mark.axes for mark in marks)


def _reached(marks: Iterable[Mark], element: int | None, group: _Group, spot: Spot) -> bool:
    """Return True if an element with one of these marks can change the request of a call."""
    marks = list(marks)
    return _joined(marks, element) or any(
        number in (None, element) for mark in marks for number in _numbers([mark], group, spot)
    )


def _numbers(marks: Iterable[Mark], group: _Group, spot: Spot) -> tuple[int | None, ...]:
    """Return the numbers of a call in the loops of its marks. A list that is written in the file has no number."""
    at = dict(zip(group.steps, spot.at, strict=False))
    axes = sorted({axis for mark in marks for axis in mark.axes})
    numbers = [at.get(axis.rpartition("#")[0]) for axis in axes]
    # A number that is not known may be any.
    return tuple(number if isinstance(number, int) else None for number in numbers)
