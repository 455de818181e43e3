"""The settings of a flow's holes as sides of an evaluation: each is the flow with its values in the file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from flowrun.dsl import Source, dataclass
from flowrun.dsl import plan as p

from ..forecast.estimate import estimate_plan
from ..limits.retry import RetryPolicy
from ..plans.models import declared_models
from ..plans.wanted_models import default_model
from ..providers import open_provider
from ..providers.declared_endpoints import endpoints_of
from ..providers.default_model import model_without_option
from ..providers.protocol import Surroundings
from ..session.endpoints import open_endpoints
from ..session.loading import check_source, plan_of
from ..vocabulary.errors import UsageError
from ..vocabulary.quoting import shown
from ..vocabulary.remarks import Tell
from .eval_sides import Contender, Evaluation, contender
from .params import ChosenFlow
from .plans import known_model


@dataclass(frozen=True, slots=True)
class Setting:
    """A value for each hole of a file. ``text`` is the file with them, and ``most`` the calls and dollars it may take.

    ``asks`` are the values that change what is asked. Settings that share them send equal calls once.
    """

    values: tuple[str, ...]
    text: str
    side: Contender
    most: tuple[float, float]
    asks: tuple[str, ...]


def settings_of(chosen: ChosenFlow, evaluation: Evaluation, tell: Tell, *, labelled: bool) -> list[Setting]:
    """Return the settings of a file, the dearest first. Raises UsageError, InputError, FlowError."""
    constants = chosen.inputs(evaluation.files, tell)
    tuning, source = chosen.checked.tuning, chosen.checked.file.span.source
    assert tuning is not None
    read: dict[str, Source] = {}
    found: list[Setting] = []
    plans: dict[tuple[int, ...], p.Plan] = {}
    for setting in tuning.settings():
        text, values = tuning.write(source, setting), tuning.texts(setting)
        plan = plan_of(check_source(Source(text, source.name), read), chosen.plan.flow)
        plans[setting] = plan
        model = known_model(plan, evaluation.given["model"])
        side = contender(tuning.words(setting), plan, model, evaluation, constants, labelled=labelled)
        if found and side.rows == found[0].side.rows:
            # All settings hold the same rows, which may be many.
            first = found[0].side
            side = replace(side, rows=first.rows, inputs={**side.inputs, _rows_name(side): first.rows})
        bounds = estimate_plan(side.plan, side.inputs, evaluation.files, model=side.model)
        most = (bounds.cost.most or 0.0, bounds.calls.most or 0)
        asks = tuple(value for place, value in zip(tuning.places, values, strict=True) if place.asks)
        found.append(Setting(values, text, side, (float(most[0]), float(most[1])), asks))
    _must_matter(plans, chosen)
    for one in _different(found):
        _must_open(one.side)
    # The candidates of a place are listed from cheap to dear.
    return [one for _, one in sorted(enumerate(found), key=lambda pair: (pair[1].most, pair[0]), reverse=True)]


def _must_matter(plans: Mapping[tuple[int, ...], p.Plan], chosen: ChosenFlow) -> None:
    """Raise UsageError if the flow is the same with each value of a hole, as if the hole stands in another flow."""
    tuning = chosen.checked.tuning
    assert tuning is not None
    for at, place in enumerate(tuning.places):
        if len(place.values) > 1 and all(plan == plans[*one[:at], 0, *one[at + 1 :]] for one, plan in plans.items()):
            flow = shown(chosen.plan.flow)
            raise UsageError(
                f"line {place.line}: the flow {flow} is the same with each value of this `?`: write a value there, or "
                "name the flow that has it by --flow NAME"
            )


def _rows_name(side: Contender) -> str:
    return side.plan.params[0].name


def _different(found: list[Setting]) -> Iterator[Setting]:
    """Yield a setting for each choice of models."""
    seen: list[tuple[p.Model, ...]] = []
    for one in found:
        if one.side.plan.models not in seen:
            seen.append(one.side.plan.models)
            yield one


def _must_open(side: Contender) -> None:
    """Raise UsageError if a model cannot be asked, for example because its key is missing."""
    declared = declared_models(side.plan)
    name = side.model or model_without_option(os.environ, side.plan.source).name
    silent = Surroundings(os.environ, lambda line: None, endpoints=endpoints_of(side.plan, os.environ))
    default = default_model(name, declared)
    open_endpoints(side.plan, side.inputs, declared, default, silent, open_provider, RetryPolicy())
