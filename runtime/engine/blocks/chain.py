"""A chain: steps in one body, whose last step gives the value."""

from __future__ import annotations

from collections.abc import Mapping

from ...vocabulary.json_value import Json
from ..frames import Frame
from ..scopes import Scope
from .block import BlockRun, BlockStep


class ChainRun(BlockRun):
    passes_on = True

    def start(self) -> None:
        self.open(Frame(self.step.layout, self.frame, self))

    def body_done(self, frame: Frame, value: Json) -> None:
        self.end(value)


class ChainStep(BlockStep):
    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> ChainRun:
        return ChainRun(self, frame, self.around(frame, frame.path(self.title)))
