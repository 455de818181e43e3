"""A repeat: its bodies are samples, numbered from 0. A vote opens as many as it needs to be decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowrun.dsl import plan as p

from ..frames import Frame, Layout
from ..machine import Machine
from ..pipelines import Pipelines
from ..reductions import Reduction
from ..scopes import Scope
from .counted import CountedBlock, CountedStep, Pace
from .losses import Losses

Json = Any
SAMPLES_AT_ONCE = 1024
"""The window of a repeat where the flow sets none: at least this many of its bodies may be open at once."""


class Repeat(CountedBlock):
    patient = False

    @property
    def samples(self) -> int:  # type: ignore[override]
        return self.pace.total

    def next(self) -> Frame:
        return Frame(self.step.layout, self.frame, self, self.pace.launched)


class RepeatStep(CountedStep):
    """A step that begins a repeat. ``usual`` is the window of maps where the flow sets none."""

    def __init__(
        self,
        plan: p.Step,
        node: p.Repeat,
        machine: Machine,
        layout: Layout,
        reduction: Reduction,
        pipelines: Pipelines,
        usual: int,
    ) -> None:
        super().__init__(plan, machine, layout, reduction, pipelines)
        self.least = node.least
        self.most = node.most
        self.usual = max(SAMPLES_AT_ONCE, usual)

    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> Repeat:
        path, launch = frame.path(self.title), str(options.get("launch", "cost"))
        combiner = self.reduction.combiner(scope, path, self.least, self.most, (), launch)
        window = self.window(options, self.usual)
        # A window that the flow sets is kept full; the usual one is filled many samples at a time.
        pace = Pace(window, self.most, refill=None if "concurrency" in options else window // 2)
        around = self.around(frame, path, votes=self.reduction.rule.spec.votes)
        block = Repeat(self, frame, around, combiner, Losses("fail"), pace)
        block.patient = launch == "cost"
        return block
