"""A map: one body for each element of a list."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from functools import partial

from flowrun.dsl import dataclass, kind_of
from flowrun.dsl import plan as p

from ...values.expressions import evaluate
from ...vocabulary.errors import InputError, LengthError
from ...vocabulary.json_value import Json
from ..decisions import Failure
from ..frames import Frame, FrameLayout
from ..machine import Machine
from ..picked_elements import Picked
from ..pipelines import Pipelines
from ..reductions import Reduction
from ..scopes import Scope
from ..strands import Strands
from ..streams import Feed
from .counted import CountedRun, CountedStep, LaunchPace, Window
from .losses import Losses
from .mapped import MappedRun, hands_on, named
from .sending_order import SendingOrder


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements that a map takes, and their places in the source, from 0."""

    values: Sequence[Json]
    places: Sequence[int]


@dataclass(eq=False)
class MapRun(MappedRun):
    """A running map over a list that is complete. ``strands`` order its elements, None if they keep its order."""

    elements: Elements
    strands: Strands | None

    @property
    def to_come(self) -> int:
        return max(0, self.available)

    def element(self) -> tuple[int, Json]:
        return self.pace.launched, self.elements.values[self.pace.launched]

    def next(self) -> Frame:
        index = self.pace.launched if self.strands is None else self.strands.take()
        given = named(self.node, self.elements.values[index], self.elements.places[index])
        return Frame(self.step.layout, self.frame, self, index, given)

    def body_done(self, frame: Frame, value: Json) -> None:
        if self.strands is not None:
            self.strands.done(frame.index)
        super().body_done(frame, value)

    def body_failed(self, frame: Frame, failure: Failure) -> None:
        if self.strands is not None:
            self.strands.done(frame.index)
        super().body_failed(frame, failure)


class MapStep(CountedStep):
    node: p.Map

    def __init__(
        self,
        plan: p.Step,
        machine: Machine,
        layout: FrameLayout,
        reduction: Reduction,
        pipelines: Pipelines,
        usual: Window,
        flows: Mapping[str, p.Flow],
    ) -> None:
        super().__init__(plan, machine, layout, reduction, pipelines, usual)
        self.hands_on = hands_on(plan)
        self.order = SendingOrder(self.node, reduction, machine.context, flows)

    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> CountedRun:
        feed = self._feed(frame)
        ranked = feed is not None and not (feed.exact and self.node.where is None)
        elements = self._elements(scope) if feed is None else Elements((), ())
        total = len(elements.values) if feed is None else None if ranked else feed.bound
        path, launch = frame.path(self.title), str(options.get("launch", "cost"))
        combiner = self.reduction.combiner(scope, path, total, total, (), launch)
        pace = LaunchPace(self.window(options), total or 0, whole=total is not None)
        losses = Losses(options.get("errors", "fail"))
        around = self.around(frame, path, votes=self.reduction.rule.spec.votes)
        weight = float(options.get("weight", 1))
        if feed is None:
            strands = None if self.hands_on else self.order.strands(elements.values, around, pace.window.size)
            run: CountedRun = MapRun(self, frame, around, combiner, losses, pace, self.node, elements, strands)
            run.weight = weight
            return run
        from .streamed_map import RankedMapRun, StreamedMapRun

        kind = RankedMapRun if ranked else StreamedMapRun
        run = kind(self, frame, around, combiner, losses, pace, self.node, feed)
        run.weight = weight
        return run

    def _feed(self, frame: Frame) -> Feed | None:
        """Find the growing list that the map takes its elements from. None if the list is complete."""
        home = None if self.source is None else frame.home(self.source)
        if self.source is None or home is None or self.source in home.values:
            return None
        return home.feed(self.source)

    def _elements(self, scope: Scope) -> Elements:
        node = self.node
        once = self.machine.reads.once
        source = once("source", lambda: evaluate(node.source, scope))
        if not isinstance(source, Sequence) or isinstance(source, str):
            raise InputError(f"a map needs a list, and this is {kind_of(source)}")
        elements: Sequence[Json] = source
        places: Sequence[int] = range(len(source))
        if node.where is not None:
            picked = array("Q")
            # All elements share a scope, because a list may have a million of them.
            given: dict[str, Json] = {}
            wanted = partial(evaluate, node.where, scope.among(given))
            for place, element in enumerate(source):
                given[node.element] = element
                if node.index is not None:
                    given[node.index] = place + 1
                if once(place, wanted) if self.reads else wanted():
                    picked.append(place)
            # The rows of a file stay there.
            held = isinstance(source, list | tuple)
            elements, places = [source[place] for place in picked] if held else Picked(source, picked), picked
        if node.at_most is not None and len(elements) > node.at_most:
            raise LengthError(
                f"the list has {len(elements)} elements, and the map allows `at most {node.at_most}`: no call was made"
            )
        return Elements(elements, places)
