"""A map: one body for each element of a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from flowrun.dsl import dataclass, kind_of
from flowrun.dsl import plan as p

from ...values.expressions import evaluate
from ...vocabulary.errors import InputError
from ...vocabulary.json_value import Json
from ..frames import Frame
from ..scopes import Scope
from ..streams import Feed
from .counted import CountedRun, CountedStep, Pace
from .losses import Losses
from .streamed_map import RankedMapRun, StreamedMapRun


@dataclass(eq=False)
class MapRun(CountedRun):
    """A running map over a list that is complete."""

    element: str
    elements: Sequence[Json]

    def next(self) -> Frame:
        index = self.pace.launched
        return Frame(self.step.layout, self.frame, self, index, {self.element: self.elements[index]})


class MapStep(CountedStep):
    node: p.Map

    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> CountedRun:
        feed = self._feed(frame)
        ranked = feed is not None and not (feed.exact and self.node.where is None)
        elements = self._elements(scope) if feed is None else []
        total = len(elements) if feed is None else None if ranked else feed.bound
        path, launch = frame.path(self.title), str(options.get("launch", "cost"))
        combiner = self.reduction.combiner(scope, path, total, total, (), launch)
        pace = Pace(self.window(options), total or 0, whole=total is not None)
        losses = Losses(options.get("errors", "fail"))
        around = self.around(frame, path, votes=self.reduction.rule.spec.votes)
        if feed is None:
            return MapRun(self, frame, around, combiner, losses, pace, self.node.element, elements)
        kind = RankedMapRun if ranked else StreamedMapRun
        return kind(self, frame, around, combiner, losses, pace, self.node, feed)

    def _feed(self, frame: Frame) -> Feed | None:
        """Find the growing list that the map takes its elements from. None if the list is complete."""
        home = None if self.source is None else frame.home(self.source)
        if self.source is None or home is None or self.source in home.values:
            return None
        return home.feed(self.source)

    def _elements(self, scope: Scope) -> Sequence[Json]:
        node = self.node
        once = self.machine.reads.once
        source = once("source", lambda: evaluate(node.source, scope))
        if not isinstance(source, Sequence) or isinstance(source, str):
            raise InputError(f"a map needs a list, and this is {kind_of(source)}")
        elements: Sequence[Json] = source
        if node.where is not None:
            elements = []
            for place, element in enumerate(source):
                if once(place, partial(evaluate, node.where, scope.among(node.element, element))):
                    elements.append(element)
        if node.at_most is not None and len(elements) > node.at_most:
            raise InputError(
                f"the list has {len(elements)} elements, and the map allows `at most {node.at_most}`: no call was made"
            )
        return elements
