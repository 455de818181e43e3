"""A repeat. Its bodies are samples, numbered from 0. A vote opens samples until it is decided."""

from __future__ import annotations

from collections.abc import Mapping

from flowrun.dsl import plan as p

from ...vocabulary.json_value import Json
from ..frames import Frame
from ..scopes import Scope
from .counted import CountedRun, CountedStep, Pace
from .losses import Losses

SAMPLES_AT_ONCE = 1024
"""The least window of a repeat for which the flow sets no `concurrency`: so many bodies may be open at once."""


class RepeatRun(CountedRun):
    @property
    def samples(self) -> int:  # type: ignore[override]
        return self.pace.total

    @property
    def available(self) -> int:
        found = super().available
        return self.needs.opening(self, found) if self.votes and self.needs is not None else found

    def next(self) -> Frame:
        return Frame(self.step.layout, self.frame, self, self.pace.launched)


class RepeatStep(CountedStep):
    node: p.Repeat

    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> RepeatRun:
        least, most = self.node.least, self.node.most
        path, launch = frame.path(self.title), str(options.get("launch", "cost"))
        combiner = self.reduction.combiner(scope, path, least, most, (), launch)
        window = self.window(options)
        # If the flow sets the window, the repeat keeps it full. The usual window is filled many samples at a time.
        pace = Pace(window, most, together="concurrency" not in options)
        around = self.around(frame, path, votes=self.reduction.rule.spec.votes)
        # A flow cannot write `errors` on a repeat. The plan of a recording does.
        losses = Losses(options.get("errors", "fail"))
        block = RepeatRun(self, frame, around, combiner, losses, pace)
        # A flow that reads the tally has all samples sent, and says nothing of haste.
        block.weight = float(options.get("weight", 1))
        block.patient = launch == "cost" or (launch == "together" and self.node.reduce.tallied)
        return block
