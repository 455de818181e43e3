"""The models that a plan declares, with their options as values."""

from __future__ import annotations

from flowrun.dsl import plan as p

from ..values.expressions import Constants, ModelValue, evaluate


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
