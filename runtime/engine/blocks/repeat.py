"""A repeat. Its bodies are samples, numbered from 0. A vote opens samples until it is decided.

The samples of a panel take the items of a list in turn: sample i has item i mod n.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from flowrun.dsl import dataclass, kind_of
from flowrun.dsl import plan as p

from ...values.expressions import evaluate
from ...values.model_values import ModelValue, name_of
from ...vocabulary.errors import InputError, LengthError
from ...vocabulary.json_value import Json
from ...vocabulary.quoting import sentence
from ...vocabulary.tally import in_words
from ..frames import Frame
from ..scopes import Scope
from .counted import CountedRun, CountedStep, LaunchPace
from .losses import Losses

if TYPE_CHECKING:
    from ..haste import Haste

SAMPLES_AT_ONCE = 1024
"""The least window of a repeat for which the flow sets no `concurrency`: so many bodies may be open at once."""


@dataclass(eq=False)
class RepeatRun(CountedRun):
    """A running repeat.

    ``models`` has those that the samples of a vote in haste ask: for a panel one entry for each item, in the order of
    the list. It is empty for any other repeat. While ``extra`` is 1, the vote may open one sample more than it needs.
    """

    models: Sequence[tuple[str, ...]] = field(init=False, default=())
    extra: int = field(init=False, default=0)

    @property
    def samples(self) -> int:  # type: ignore[override]
        return self.pace.total

    @property
    def available(self) -> int:
        found = super().available
        if self.votes and self.needs is not None:
            found = self.needs.opening(self, found)
        return min(found, self.needed + self.extra) if self.models else found

    @property
    def needed(self) -> int:
        """The samples that could decide the vote if they agree."""
        needed = getattr(getattr(self.combiner, "reducer", None), "to_decide", None)
        return self.samples if needed is None else needed(self.pace.launched)

    @property
    def asks(self) -> tuple[str, ...]:
        """The models that the next sample of a vote in haste asks."""
        return self.models[self.pace.launched % len(self.models)]

    def open_bodies(self) -> None:
        super().open_bodies()
        haste = self.machine.calls.haste
        if self.models and haste is not None and not self.over and super().available > 0:
            haste.add(self)

    def open_extra(self) -> bool:
        """Open one more sample than the vote needs. Return False if it has no more, or may not open them."""
        self.extra = 1
        before = self.pace.launched
        if not self.over and self.available > 0:
            super().open_bodies()
        self.extra = 0
        return self.pace.launched > before

    def next(self) -> Frame:
        return Frame(self.step.layout, self.frame, self, self.pace.launched)


@dataclass(eq=False)
class PanelRun(RepeatRun):
    """A running panel. Each of its samples has one of the ``listed`` items under the name ``element``."""

    element: str
    listed: Sequence[Json]

    @property
    def items(self) -> int:  # type: ignore[override]
        return len(self.listed)

    def next(self) -> Frame:
        item = self.listed[self.pace.launched % len(self.listed)]
        return Frame(self.step.layout, self.frame, self, self.pace.launched, {self.element: item})


class RepeatStep(CountedStep):
    node: p.Repeat

    @cached_property
    def _haste(self) -> Haste:
        from ..haste import Haste

        calls = self.machine.calls
        calls.haste = calls.haste or Haste(calls.out)
        return calls.haste

    def make(self, frame: Frame, scope: Scope, options: Mapping[str, Json]) -> RepeatRun:
        least, most = self.node.least, self.node.most
        path, launch = frame.path(self.title), str(options.get("launch", "cost"))
        listed = None if self.node.over is None else self._listed(self.node.over, scope)
        # Only the items that a sample may take have a part in the tally.
        names = () if listed is None else names_of(islice(listed, most))
        combiner = self.reduction.combiner(scope, path, least, most, (), launch, names)
        window = self.window(options)
        # If the flow sets the window, the repeat keeps it full. The usual window is filled many samples at a time.
        pace = LaunchPace(window, most, together="concurrency" not in options)
        around = self.around(frame, path, votes=self.reduction.rule.spec.votes)
        # A flow cannot write `errors` on a repeat. The plan of a recording does.
        losses = Losses(options.get("errors", "fail"))
        if listed is None:
            block = RepeatRun(self, frame, around, combiner, losses, pace)
        else:
            block = PanelRun(self, frame, around, combiner, losses, pace, self.node.element or "", listed)
        # A flow that reads the tally has all samples sent, and says nothing of haste.
        if launch == "latency" and block.votes and self.wide is None:
            block.models = self._models(scope, listed)
        block.weight = float(options.get("weight", 1))
        block.patient = launch == "cost" or (launch == "together" and self.node.reduce.tallied)
        return block

    def _models(self, scope: Scope, listed: Sequence[Json] | None) -> Sequence[tuple[str, ...]]:
        """Return the models that the samples of a vote in haste ask. Empty if their places are not known."""
        from ..haste import models_of, models_of_items  # few votes are in haste

        steps, name = self.node.body.steps, self.node.element
        if listed is None or name is None:
            found = [models_of(steps, scope)]
        else:
            found = models_of_items(steps, name, islice(listed, self.node.most), scope)
        return found if found and all(map(self._haste.known, found)) else ()

    def _listed(self, over: p.Expr, scope: Scope) -> Sequence[Json]:
        """Return the items of a panel. Raises LengthError if there are none."""
        found = self.machine.reads.once("source", lambda: evaluate(over, scope))
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise InputError(f"a panel needs a list, and this is {kind_of(found)}")
        if not found:
            raise LengthError("the panel has no items, so its samples have nothing to take: its list is empty")
        return found


def names_of(listed: Iterable[Json]) -> tuple[str, ...]:
    """Return the short names of the items of a panel: those of models, and the beginnings of other values."""
    from ...vocabulary.panel import LONGEST, item_names

    return item_names([_name(one, LONGEST) for one in listed])


def _name(item: Json, most: int) -> str:
    if isinstance(item, ModelValue):
        return name_of(item)
    if isinstance(item, Mapping):
        # A record is known by its name, or else by its first short field, as an element of a map is.
        return next((sentence(item[key], most) for key in _NAMES if isinstance(item.get(key), str)), "")
    return sentence(item if isinstance(item, str) else in_words(item), most)


_NAMES = ("id", "name", "title", "key")
