"""The bench of a test: its flow, ready to be run many times, and what surrounds one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from flowrun.dsl import dataclass
from flowrun.dsl import plan as p
from flowrun.runtime.costs.prices import Prices
from flowrun.runtime.forecast.declared_prices import declared_prices
from flowrun.runtime.replay.driver import context_of
from flowrun.runtime.vocabulary.json_value import Json

from .answer_book import Other
from .coverage import Reached
from .places import Places


class Bench:
    """A flow that is ready to be tested. What all its tests share is worked out once.

    ``model`` is the model of asks that name none.
    """

    def __init__(self, plan: p.Plan, model: str = "") -> None:
        self.plan = plan
        self.places = Places(plan)
        self.prices = Prices({}, declared_prices(plan))
        context = context_of(plan, model)
        if plan.money_limit is not None or any(flow.money_limit is not None for flow in plan.flows.values()):
            context = replace(context, price=self.prices)
        self.context = context


@dataclass(frozen=True, slots=True)
class Setting:
    """The surroundings of a test: its flow, and the folder of that flow.

    ``row`` is a row of the test's table, and ``title`` the title that
    this row gives to the test. ``other`` answers calls that no line of the test answers, as a cassette does.
    ``reached`` hears which parts of the flow are reached; None if nobody wants to know. ``costs`` tells whether the
    outcome has the cost: the table of prices takes long to load.
    """

    bench: Bench
    folder: Path
    row: Mapping[str, Json] | None = None
    title: str = ""
    other: Other | None = None
    reached: Reached | None = None
    costs: bool = True
