"""A map: one body for each element of a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowrun.dsl import plan as p

from ...values.expressions import evaluate
from ...values.functions import kind_of
from ...vocabulary.errors import InputError
from ..frames import Frame
from ..scopes import Scope
from ..streams import Feed
from .counted import CountedBlock, CountedStep, Pace
from .losses import Losses
from .streamed_map import RankedMap, StreamedMap

Json = Any


@dataclass(eq=False)
class Map(CountedBlock):
    """A map over a list that is whole."""

    element: str
    elements: Sequence[Json]

    def next(self) -> Frame:
        index = self.pace.launched
        return Frame(self.step.layout, self.frame, self, index, {self.element: self.elements[index]})


class MapStep(CountedStep):
    node: p.Map

    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> CountedBlock:
        feed = self._feed(frame)
        ranked = feed is not None and not (feed.exact and self.node.where is None)
        elements = self._elements(scope) if feed is None else []
        total = len(elements) if feed is None else None if ranked else feed.bound
        path = frame.path(self.title)
        combiner = self.reduction.combiner(scope, path, total, total, (), "cost")
        pace = Pace(self.window(options), total or 0, whole=total is not None)
        losses = Losses(options.get("errors", "fail"))
        around = self.around(frame, path, votes=self.reduction.rule.spec.votes)
        if feed is None:
            return Map(self, frame, around, combiner, losses, pace, self.node.element, elements)
        kind = RankedMap if ranked else StreamedMap
        return kind(self, frame, around, combiner, losses, pace, self.node, feed)

    def _feed(self, frame: Frame) -> Feed | None:
        """Find the list in the making that the map takes its elements from; None if the list is whole."""
        home = None if self.source is None else frame.home(self.source)
        if self.source is None or home is None or self.source in home.values:
            return None
        return home.feed(self.source)

    def _elements(self, scope: Scope) -> Sequence[Json]:
        node = self.node
        source = evaluate(node.source, scope)
        if not isinstance(source, Sequence) or isinstance(source, str):
            raise InputError(f"a map needs a list, and this is {kind_of(source)}")
        elements: Sequence[Json] = source
        if node.where is not None:
            elements = [one for one in source if evaluate(node.where, scope.among(node.element, one))]
        if node.at_most is not None and len(elements) > node.at_most:
            raise InputError(
                f"the list has {len(elements)} elements, and the map allows `at most {node.at_most}`: no call was made"
            )
        return elements
