"""The models that a plan declares, with their options as values, and their prices."""

from __future__ import annotations

from flowrun.dsl import plan as p

from .budget import Price
from .prices import dearest_declared
from .values import Constants, ModelValue, evaluate


def declared_models(plan: p.Plan) -> dict[str, ModelValue]:
    return {
        model.name: ModelValue(
            model.name,
            model.address,
            tuple((name, evaluate(expr, Constants())) for name, expr in model.options.items()),
            model.fallback,
        )
        for model in plan.models
    }


def declared_prices(plan: p.Plan) -> dict[str, Price]:
    """The prices that a plan's models declare, by address: of two at one address the dearer one."""
    return dearest_declared((model.address, dict(model.options)) for model in declared_models(plan).values())
